"""``BulkWebSocketClient``: the documented client for scripts, notebooks and threads.

A façade: what to send, when, and what messages mean is decided in :mod:`bulk_proto`; here is only
waiting, and the running of handlers.
"""

from __future__ import annotations

import inspect
import logging
import os
import random
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from types import TracebackType
from typing import Any, Self

from bulk_proto import subscriptions as topics
from bulk_proto.config import Config
from bulk_proto.constructor import check_settings
from bulk_proto.core import ClientCore, Direction
from bulk_proto.enums import SignatureDomain, Topic
from bulk_proto.errors import BulkError, NotConnected, RequestTimedOut, UsageError
from bulk_proto.inventory import Inventory
from bulk_proto.network import DEFAULT_URL, Network, choose_network
from bulk_proto.redaction import redact
from bulk_proto.signing.signer import Signer

from .account_actions import AccountActions
from .audience import Audience
from .conditional_orders import ConditionalOrders
from .connectors import Connector, choose_connector
from .driver import Driver
from .errands import Opening
from .multisig import MultisigActions
from .process import ParentsGuard
from .streams import EventStream
from .subscribing import Subscribing
from .workers import NOT_AWAITED, Handler

DEFAULT_SYMBOLS = ("BTC-USD", "ETH-USD", "SOL-USD")


class BulkWebSocketClient(Subscribing, ConditionalOrders, AccountActions, MultisigActions):
    """A client of the BULK exchange over one WebSocket that reconnects by itself.

    :param url: WebSocket address.
    :param symbols: markets whose tickers are subscribed on connecting.
    :param signer: needed for trading only, e.g. ``TransactionSigner("<base58 private key>")``. With a
        signer the account stream is subscribed on connecting.
    :param inventory: position and profit tracker; a fresh one if omitted.
    :param logger: where connections, errors and failing handlers are logged.
    :param handlers: handlers to register before connecting, by topic.
    :param debug: log every message at level INFO, keys and signatures cut to four letters.

    By keyword only: ``network`` sets url and signature domain together; ``signature_domain`` for a host
    that is not known (default: devnet); ``account`` when it is not the signer's own (agent wallets,
    sub-accounts); ``ssl_context`` instead of certifi's roots, it must verify certificate and host name;
    ``proxy``, ``"http://user:password@host:port"`` or ``socks5``, ``socks5h`` (no environment variable is
    read; user and password are never shown); ``connector`` for any other transport; ``handler_limit``, the
    events that may wait for one handler; ``nonce_file``, a small file that keeps nonces rising across
    restarts whatever the clock does, for one process at a time; any field of
    :class:`bulk_proto.config.Config` such as ``opening_timeout``, but ``url``, ``domain``, ``wall_clock``,
    ``chance`` and ``mask``, which the client sets itself.

    Any number of threads may use one client. A thread of its own keeps the connection, so it lives on
    while the program computes or sleeps. Whatever is read is a copy that no later message changes.
    Ctrl-C ends any wait at once and leaves the client usable; what was not sent by then is not sent. A
    signal handler may raise, read the client and call :meth:`disconnect`; what waits for an answer raises
    ``UsageError`` there when the signal came in the midst of another call, so let the main code do that. A
    process forked from one with a connected client cannot use that client: all it gets is
    :class:`bulk_proto.errors.UsageError`.

    The constructor does not connect. Raises :class:`bulk_proto.errors.UsageError` for settings that
    cannot work.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        symbols: Sequence[str] = DEFAULT_SYMBOLS,
        signer: Signer | None = None,
        inventory: Inventory | None = None,
        logger: logging.Logger | None = None,
        handlers: Mapping[Topic, Handler] | None = None,
        debug: bool = False,
        *,
        network: Network | None = None,
        signature_domain: SignatureDomain | None = None,
        account: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
        connector: Connector | None = None,
        handler_limit: int = 10_000,
        nonce_file: str | os.PathLike[str] | None = None,
        **settings: Any,
    ) -> None:
        arguments = BulkWebSocketClient.__init__.__annotations__
        check_settings(logger, handlers, connector, handler_limit, settings, arguments)
        self.logger = logger or logging.getLogger("bulk_proto")
        if nonce_file is not None:
            from .nonce_file import open_nonce_file  # few need it

            settings["nonce_memory"] = open_nonce_file(nonce_file, self.logger)
        self.url, domain = choose_network(url, network, signature_domain)
        config = Config(
            url=self.url,
            domain=domain,
            wall_clock=time.time_ns,
            chance=random.random,
            mask=partial(os.urandom, 4),
            **settings,
        )
        self.symbols = topics.several(symbols)
        self.signer = signer
        self.debug = debug
        self.default_timeout = config.request_timeout
        self.core = ClientCore(
            config, signer=signer, account=account, inventory=inventory, trace=self._trace if debug else None
        )
        self._guard: AbstractContextManager[object] = threading.RLock()
        self._audience = Audience(handler_limit, self.logger)
        self._connector = choose_connector(connector, proxy, ssl_context)
        self._driver = self._new_driver()
        self._driver_error: BaseException | None = None
        for topic, handler in (handlers or {}).items():
            self.on(topic, handler)
        self._want_from_the_start()

    # Connection ------------------------------------------------------------------------------------------

    def connect(self) -> bool:
        """Connect and keep connected: lost connections are made again, for ever, until ``disconnect()``.

        True once the WebSocket is open, the automatic subscriptions (tickers of ``symbols``, and with a
        signer the account) are confirmed, and the first account snapshot is applied. False when the
        first attempt fails; the reason is logged and kept in ``last_error``, and nothing goes on behind.
        An open connection on which something of this does not come within ``ready_timeout`` is kept, and
        True as well: ``last_error`` says so, and ``account_is_live`` whether the account is what is missing.

        While another thread connects this waits for that one's first attempt, and returns what it does. It is
        False as well while a lost connection is being made again, which goes on by itself.

        A topic that the exchange refuses fails nothing here: it is not wanted any more, which is logged and
        told on ``Topic.ERROR``.
        """
        try:
            self._open()
        except BulkError as error:
            with suppress(UsageError), self._guard:  # a forked child's lets nobody past
                self.core.last_error = error
            with suppress(Exception):  # a broken log is no reason to raise
                self.logger.error("could not connect to %s: %s", self.url, error)
            return False
        return True

    def disconnect(self) -> None:
        """Close the connection and stop serving. Any thread may call it, also a handler, also twice.

        Unread events are still handled, for two seconds; a handler that takes longer is left behind, and
        its thread ends when it returns.

        A signal handler may call it: where it interrupted another call of the client, this does not wait.
        """
        if self._is_interrupted:
            self._driver.leave()
            return
        with self._guard:
            driver = self._driver
        self._end(driver)

    def __enter__(self) -> Self:
        """``with`` connects, raising where ``connect()`` returns False, and disconnects."""
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.disconnect()

    def _open(self) -> None:
        self._must_not_interrupt()
        driver = self._new_driver()
        first = Opening(lambda now: [self.core.start(now)])
        try:
            if self._start_driver(driver, first):
                self._wait_until_open(driver)
        except BaseException:  # Ctrl-C: leave at once, without waiting for the goodbye
            driver.leave()
            raise

    def _wait_until_open(self, driver: Driver) -> None:
        try:
            driver.wait_until_open()
        except RequestTimedOut as error:
            with self._guard:
                self.core.last_error = error
            with suppress(Exception):  # a broken log is no reason to raise
                self.logger.warning("connected, but %s", error)
        except Exception:
            self._end(driver)  # this one only: another thread may have started anew meanwhile
            raise

    def _end(self, driver: Driver) -> None:
        driver.leave()
        driver.join()
        self._audience.wait_until_empty()
        if self._driver_error is not None:
            error, self._driver_error = self._driver_error, None
            raise error

    def _start_driver(self, driver: Driver, first: Opening) -> bool:
        """False when there is nothing to do because the client is connected."""
        while True:
            with self._guard:
                previous = self._driver
                if not previous.is_running:
                    self._driver = driver
                    driver.start(first)
                    return True
            if previous.goes_on and self._is_connected_by(previous):
                return False
            if previous.leaving:
                previous.leave()  # an interrupt may have cut off the first one
            previous.join()  # two of them must never serve one core

    def _is_connected_by(self, other: Driver) -> bool:
        """Wait while another thread connects; raises what its first attempt ended with."""
        with suppress(RequestTimedOut):
            other.wait_until_open()
        if self.is_connected:
            return True
        if other.goes_on:
            raise self._already_reconnecting()
        return False

    def _new_driver(self) -> Driver:
        return Driver(
            self.core,
            self._guard,
            self._audience,
            self._connector,
            self.logger,
            self._rested,
            self._forked,
        )

    def _rested(self, error: BaseException | None) -> None:
        """The driver has come to its end: no event will come any more."""
        self._driver_error = error or self._driver_error
        self._audience.end()

    def _forked(self) -> None:
        self._guard = ParentsGuard()
        self._audience.after_fork()

    # Handlers --------------------------------------------------------------------------------------------

    def on(self, topic: Topic, handler: Handler) -> None:
        """Call ``handler``, a plain function, with every payload of ``topic``.

        It may place orders and wait for the answers. However long it takes, the connection and the other
        handlers wait for it 40 ms at most: then it has a thread of its own for as long as it is slow. It
        gets events in order and one at a time, but not always in the same thread.
        """
        if not callable(handler):
            raise UsageError("a handler is a function that takes one payload")
        if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__):
            raise UsageError(NOT_AWAITED)
        self._must_not_interrupt()
        with self._guard:
            self._audience.add_handler(Topic.of(topic), handler)

    def off(self, topic: Topic, handler: Handler) -> None:
        """Take a handler back; events it has not read yet are not delivered. Unknown ones are ignored."""
        self._must_not_interrupt()
        with self._guard:
            self._audience.remove_handler(Topic.of(topic), handler)

    def events(self, *topics: Topic, timeout: float | None = None) -> EventStream:
        """Iterate over the payloads of these topics, from now on until the client is disconnected.

        ``timeout`` ends the iteration when nothing came for so many seconds. Of what is not read in time,
        ``handler_limit`` bounds the number of events kept; where events had to be left out, the iteration
        gives one :class:`bulk_proto.events.Missed`. Raises ``UsageError`` without a topic,
        ``NotConnected`` before ``connect()``.
        """
        if not topics:
            raise UsageError("name the topics to iterate over, such as Topic.TICKER")
        self._must_not_interrupt()
        with self._guard:
            if not self._driver.serving:
                raise NotConnected("no events will come: call connect() first")
            return EventStream(self._audience.add_inbox(Topic.of(topic) for topic in topics), timeout)

    def _trace(self, direction: Direction, text: bytes) -> None:
        with suppress(Exception):  # a broken log is no reason to lose what was in hand
            if self.logger.isEnabledFor(logging.INFO):
                self._audience.note(logging.INFO, f"{direction.value} {redact(text)}")
