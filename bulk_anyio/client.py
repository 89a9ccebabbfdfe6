"""``BulkWebSocketClient``: the documented client, on asyncio and on trio.

A façade: what to send, when, and what messages mean is decided in :mod:`bulk_proto`; here is only
waiting, and the running of handlers.
"""

from __future__ import annotations

import logging
import os
import random
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from typing import Any, Self

import anyio

from bulk_proto import subscriptions as topics
from bulk_proto.calls import Call
from bulk_proto.config import Config
from bulk_proto.constructor import check_settings
from bulk_proto.core import ClientCore, Direction, State
from bulk_proto.enums import SignatureDomain, Topic
from bulk_proto.errors import BulkError, LinkError, NotConnected, RequestTimedOut, UsageError
from bulk_proto.inventory import Inventory
from bulk_proto.network import DEFAULT_URL, Network, choose_network
from bulk_proto.redaction import redact
from bulk_proto.signing.signer import Signer

from .account_actions import AccountActions
from .audience import Audience
from .conditional_orders import ConditionalOrders
from .connectors import Connector, choose_connector
from .driver import Driver
from .faults import first_of, reason_of
from .host import home, protect, spawn
from .multisig import MultisigActions
from .streams import EventStream
from .subscribing import Subscribing
from .workers import Handler

DEFAULT_SYMBOLS = ("BTC-USD", "ETH-USD", "SOL-USD")
_CRASHES = (Exception, SystemExit, KeyboardInterrupt, BaseExceptionGroup)
LAST_MAIL = 2.0  # seconds that handlers get for unread events once the connection is closed


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
    ``proxy``, ``"http://user:password@host:port"`` or ``socks5``, ``socks5h``, ``https`` (no environment
    variable is read; user and password are never shown); ``connector`` for any other transport;
    ``handler_limit``, the events that may wait for one handler; ``nonce_file``, a small file that keeps
    nonces rising across restarts whatever the clock does, for one process at a time; any field of
    :class:`bulk_proto.config.Config` such as ``opening_timeout``, but ``url``, ``domain``, ``wall_clock``,
    ``chance`` and ``mask``, which the client sets itself.

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
            from bulk_sync.nonce_file import open_nonce_file  # few need it

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
        self._guard: AbstractContextManager[object] = nullcontext()
        self._audience = Audience(handler_limit, self.logger)
        self._driver = Driver(
            self.core, self._audience.deliver, choose_connector(connector, proxy, ssl_context), self.logger
        )
        self._host: object = None
        self._host_error: BaseException | None = None
        self._opening_error: BulkError | None = None  # shared by all tasks that wait for one attempt
        self._rested = anyio.Event()
        self._gone = anyio.Event()
        self._opened = anyio.Event()
        for topic, handler in (handlers or {}).items():
            self.on(topic, handler)
        self._want_from_the_start()

    # Connection ------------------------------------------------------------------------------------------

    async def connect(self) -> bool:
        """Connect and keep connected: lost connections are made again, for ever, until ``disconnect()``.

        True once the WebSocket is open, the automatic subscriptions (tickers of ``symbols``, and with a
        signer the account) are confirmed, and the first account snapshot is applied. False when the
        first attempt fails; the reason is logged and kept in ``last_error``, and nothing goes on behind.
        An open connection on which something of this does not come within ``ready_timeout`` is kept, and
        True as well: ``last_error`` says so, and ``account_is_live`` whether the account is what is missing.

        While another task connects this waits for that one's first attempt, and returns what it does. It is
        False as well while a lost connection is being made again, which goes on by itself.

        A topic that the exchange refuses fails nothing here: it is not wanted any more, which is logged and
        told on ``Topic.ERROR``.
        """
        try:
            await self._open()
        except BulkError as error:
            self.core.last_error = error
            with suppress(Exception):  # a broken log is no reason to raise
                self.logger.error("could not connect to %s: %s", self.url, error)
            return False
        return True

    async def disconnect(self) -> None:
        """Close the connection and stop serving. Any task may call it, also a handler, also twice.

        A handler ends with its connection: it is another task that may ``connect()`` again.
        """
        if self._host is None:
            return
        rested, gone = self._rested, self._gone  # of this connection: another task may soon make a new one
        self._driver.do(self.core.stop)
        await rested.wait()
        if not self._audience.has_made_this_task():
            await gone.wait()
            if gone is self._gone:
                self._host = None
        if self._host_error is not None:
            error, self._host_error = self._host_error, None
            raise error

    async def __aenter__(self) -> Self:
        """``async with`` connects, raising where ``connect()`` returns False, and disconnects."""
        await self._open()
        return self

    async def __aexit__(self, *error: object) -> None:
        with anyio.CancelScope(shield=True):
            await self.disconnect()

    async def _open(self) -> None:
        self._driver.check_home()
        while self._host is not None and not self._gone.is_set():
            gone = self._gone
            if self.core.state is State.CLOSING:
                await self._rested.wait()
            if self._rested.is_set():
                if self._audience.is_one_of_us():
                    raise UsageError(
                        "the connection has ended and this handler ends with it, so it cannot connect again: "
                        "have another task do that, such as one that waits for an event set here"
                    )
                await gone.wait()  # a client at rest only has mail left to hand out
                continue
            await self._opened.wait()  # another task may be connecting
            if self.is_connected:
                return
            if self._opening_error is not None:
                raise self._opening_error
            if not gone.is_set():
                raise self._already_reconnecting()
        protect(Driver.do)
        opened = anyio.Event()
        try:
            await self._wait(self._driver.do(partial(self._begin, opened)))
        except RequestTimedOut as error:
            if not self.core.is_open:
                self._opening_error = LinkError(
                    "no connection in time: is the address right, and no proxy needed?"
                )
                await self._give_up()
                raise self._opening_error from error
            self.core.last_error = error
            with suppress(Exception):  # a broken log is no reason to raise
                self.logger.warning("connected, but %s", error)
        except BaseException as error:
            self._opening_error = error if isinstance(error, BulkError) else None
            await self._give_up()
            raise
        finally:
            opened.set()

    def _begin(self, opened: anyio.Event, now: float) -> Call[None]:
        self._opening_error = None
        self._audience.forget()
        self._host_error = None
        self._driver.home = home()
        self._rested, self._gone, self._opened = anyio.Event(), anyio.Event(), opened
        ready = self.core.start(now)
        self._host = spawn(self._serve, "bulk client")
        return ready

    async def _give_up(self) -> None:
        last_error = self.core.last_error
        with anyio.CancelScope(shield=True):
            await self.disconnect()
        self.core.last_error = last_error

    async def _serve(self) -> None:
        """The host task: everything that runs in the background runs in its task group."""
        try:
            async with anyio.create_task_group() as tasks:
                self._audience.begin(tasks)
                try:
                    await self._driver.run()
                except _CRASHES as error:
                    self._stopped_by(error)
                finally:
                    self._finish()
                tasks.cancel_scope.deadline = anyio.current_time() + LAST_MAIL
                self._audience.retire()
        except _CRASHES as error:
            self._stopped_by(error)
        finally:
            if not self._rested.is_set():
                self._finish()
            self._audience.end()
            self._driver.home = None
            self._gone.set()

    def _stopped_by(self, error: BaseException) -> None:
        """Keep for ``disconnect()`` to raise what nobody foresaw."""
        self._host_error = first_of(error)
        with suppress(Exception):  # a broken log is no reason to stop halfway
            self.logger.error("the client stopped unexpectedly", exc_info=error)

    def _finish(self) -> None:
        """Bring the core to rest, whatever happened, and hand out its last events."""
        why = "its task was cancelled" if self._host_error is None else reason_of(self._host_error)
        self.core.driver_stopped(anyio.current_time(), f"the client stopped: {why}")
        self._driver.poke()
        self._rested.set()

    # Handlers --------------------------------------------------------------------------------------------

    def on(self, topic: Topic, handler: Handler) -> None:
        """Call ``handler`` with every payload of ``topic``; plain and coroutine functions alike.

        Coroutine functions run in tasks of their own: they may place orders and wait for the answers.
        """
        if not callable(handler):
            raise UsageError("a handler is a function that takes one payload")
        self._audience.add_handler(Topic.of(topic), handler)

    def off(self, topic: Topic, handler: Handler) -> None:
        """Take a handler back; events it has not read yet are not delivered. Unknown ones are ignored."""
        self._audience.remove_handler(Topic.of(topic), handler)

    def events(self, *topics: Topic, timeout: float | None = None) -> EventStream:
        """Iterate (``async for``) over the payloads of these topics, from now until ``disconnect()``.

        ``timeout`` ends the iteration when nothing came for so many seconds. Of what is not read in time,
        ``handler_limit`` bounds the number of events kept; where events had to be left out, the iteration
        gives one :class:`bulk_proto.events.Missed`. Raises ``UsageError`` without a topic,
        ``NotConnected`` before ``connect()``.
        """
        if not topics:
            raise UsageError("name the topics to iterate over, such as Topic.TICKER")
        if home() is not None:  # where no loop runs, one that does can iterate
            self._driver.check_home()
        if not self._audience.is_served:
            raise NotConnected("no events will come: call connect() first")
        inbox = self._audience.add_inbox(Topic.of(topic) for topic in topics)
        return EventStream(inbox, self._audience.detach, timeout)

    def _trace(self, direction: Direction, text: bytes) -> None:
        with suppress(Exception):  # a broken log is no reason to lose what was in hand
            self.logger.info("%s %s", direction.value, redact(text))
