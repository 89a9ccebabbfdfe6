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
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from typing import Any, Self, TypeVar

import anyio
from anyio import AsyncContextManagerMixin
from anyio.abc import TaskGroup

from bulk_proto import subscriptions as topics
from bulk_proto.actions import Action, CancelAll, CancelOrder, LimitOrder, MarketOrder, OraclePrice
from bulk_proto.calls import Call
from bulk_proto.config import Config
from bulk_proto.core import ClientCore, Direction
from bulk_proto.enums import OrderStatus, Side, SignatureDomain, TimeInForce, Topic
from bulk_proto.errors import BulkError, LinkError, NotConnected, OutcomeUnknown, RequestTimedOut, UsageError
from bulk_proto.events import Event
from bulk_proto.inventory import Inventory
from bulk_proto.journal import Journal
from bulk_proto.network import DEFAULT_URL, Network, choose_network
from bulk_proto.redaction import redact
from bulk_proto.responses import OrderResponse, OrderResponses
from bulk_proto.signing.signer import Signer
from bulk_proto.subscriptions import Subscription
from bulk_proto.view import ClientView

from .connectors import Connector, choose_connector
from .driver import Driver
from .faults import first_of
from .host import protected, spawn
from .streams import EventStream, Inbox
from .workers import Handler, Worker

T = TypeVar("T")

DEFAULT_SYMBOLS = ("BTC-USD", "ETH-USD", "SOL-USD")
LAST_MAIL = 2.0  # seconds that handlers get for unread events once the connection is closed


class BulkWebSocketClient(ClientView, AsyncContextManagerMixin):
    """A client of the BULK exchange over one WebSocket that reconnects by itself.

    :param url: WebSocket address.
    :param symbols: markets whose tickers are subscribed on connecting.
    :param signer: needed for trading only, e.g. ``TransactionSigner("<base58 private key>")``. With a
        signer the account stream is subscribed on connecting.
    :param inventory: position and profit tracker; a fresh one if omitted.
    :param logger: where connections, errors and failing handlers are logged.
    :param handlers: handlers to register before connecting, by topic.
    :param debug: log every message at debug level, keys and signatures redacted.

    By keyword only: ``network`` sets url and signature domain together; ``signature_domain`` for a host
    that is not known (default: devnet); ``account`` when it is not the signer's own (agent wallets,
    sub-accounts); ``ssl_context`` instead of certifi's roots, it must verify certificate and host name;
    ``proxy``, ``"http://user:password@host:port"`` or ``socks5``, ``socks5h``, ``https`` (no environment
    variable is read; user and password are never shown); ``connector`` for any other transport;
    ``handler_limit``, the events that may wait for one handler; ``nonce_file``, a small file that keeps
    nonces rising across restarts whatever the clock does, for one process at a time; any field of
    :class:`bulk_proto.config.Config` such as ``opening_timeout``.

    The constructor does not connect. Raises :class:`bulk_proto.errors.UsageError` for settings that
    cannot work.
    """

    core: ClientCore

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
        self.logger = logger or logging.getLogger("bulk_proto")
        if nonce_file is not None:
            from bulk_sync.nonce_file import open_nonce_file  # few need it

            settings["nonce_memory"] = open_nonce_file(nonce_file, self.logger)
        self.url, domain = choose_network(url, network, signature_domain)
        config = Config(
            url=self.url, domain=domain, wall_clock=time.time_ns, chance=random.random, **settings
        )
        self.symbols = topics.several(symbols)
        self.signer = signer
        self.debug = debug
        self.default_timeout = config.request_timeout
        self.core = ClientCore(
            config, signer=signer, account=account, inventory=inventory, trace=self._trace if debug else None
        )
        self._guard: AbstractContextManager[object] = nullcontext()
        self._driver = Driver(
            self.core, self._deliver, choose_connector(connector, proxy, ssl_context), self.logger
        )
        self._handler_limit = handler_limit
        # A list in here is replaced, never changed: somebody may be walking through it.
        self._readers: dict[Topic, list[Worker | Journal | Inbox]] = {topic: [] for topic in Topic}
        self._tasks: TaskGroup | None = None
        self._host: object = None
        self._host_error: BaseException | None = None
        self._opening_error: BulkError | None = None  # shared by all tasks that wait for one attempt
        self._rested = anyio.Event()
        self._gone = anyio.Event()
        self._opened = anyio.Event()
        Journal(self.logger).attach(self._readers)
        for topic, handler in (handlers or {}).items():
            self.on(topic, handler)
        self._want_from_the_start()

    # Connection ------------------------------------------------------------------------------------------

    async def connect(self) -> bool:
        """Connect and keep connected: lost connections are made again, for ever, until ``disconnect()``.

        True once the WebSocket is open, the automatic subscriptions (tickers of ``symbols``, and with a
        signer the account) are confirmed, and the first account snapshot is applied. False when the
        first attempt fails; the reason is logged and kept in ``last_error``, and nothing goes on behind.
        """
        try:
            await self._open()
        except BulkError as error:
            self.logger.error("could not connect to %s: %s", self.url, error)
            return False
        return True

    async def disconnect(self) -> None:
        """Close the connection and stop serving. Any task may call it, also a handler, also twice."""
        if self._host is None:
            return
        self.core.stop(anyio.current_time())
        self._driver.poke()
        await self._rested.wait()
        if not self._is_a_handler():
            await self._gone.wait()
            self._host = None
        if self._host_error is not None:
            error, self._host_error = self._host_error, None
            raise error

    @asynccontextmanager
    async def __asynccontextmanager__(self) -> AsyncGenerator[Self]:
        """``async with`` connects, raising where ``connect()`` returns False, and disconnects."""
        await self._open()
        try:
            yield self
        finally:
            with anyio.CancelScope(shield=True):
                await self.disconnect()

    async def _open(self) -> None:
        while self._host is not None and not self._gone.is_set():
            gone = self._gone
            await self._opened.wait()  # another task may be connecting
            if self.is_connected:
                return
            if self._opening_error is not None:
                raise self._opening_error
            if not gone.is_set():
                raise UsageError("reconnecting by itself: disconnect() first to start anew")
        self._opening_error = None
        self._rested, self._gone, self._opened = anyio.Event(), anyio.Event(), anyio.Event()
        ready = self.core.start(anyio.current_time())
        self._host = spawn(self._serve, "bulk client")
        try:
            await self._wait(ready)
        except RequestTimedOut as error:
            if not self.core.is_open:
                self._opening_error = LinkError("no connection in time")
                await self._give_up()
                raise self._opening_error from error
            self.logger.warning("connected, but %s", error)
        except BaseException as error:
            self._opening_error = error if isinstance(error, BulkError) else None
            await self._give_up()
            raise
        finally:
            self._opened.set()

    async def _give_up(self) -> None:
        last_error = self.core.last_error
        with anyio.CancelScope(shield=True):
            await self.disconnect()
        self.core.last_error = last_error

    async def _serve(self) -> None:
        """The host task: everything that runs in the background runs in its task group."""
        try:
            async with anyio.create_task_group() as tasks:
                for worker in self._workers():
                    tasks.start_soon(protected(worker.run))
                self._tasks = tasks
                try:
                    await self._driver.run()
                except Exception as error:
                    self._stopped_by(error)
                self._finish()
                tasks.cancel_scope.deadline = anyio.current_time() + LAST_MAIL
                for worker in self._workers():
                    worker.retire()
                self._close_inboxes()
        except (Exception, SystemExit, KeyboardInterrupt, BaseExceptionGroup) as error:
            self._stopped_by(error)
        finally:
            self._tasks = None
            self._finish()
            self._close_inboxes()
            self._gone.set()

    def _stopped_by(self, error: BaseException) -> None:
        """Keep for ``disconnect()`` to raise what nobody foresaw."""
        self._host_error = first_of(error)
        with suppress(Exception):  # a broken log is no reason to stop halfway
            self.logger.error("the client stopped unexpectedly", exc_info=error)

    def _finish(self) -> None:
        """Bring the core to rest, whatever happened, and hand out its last events."""
        self.core.stop(anyio.current_time())
        self.core.connection_lost(anyio.current_time(), "the client stopped")
        self._driver.poke()
        self._rested.set()

    # Handlers --------------------------------------------------------------------------------------------

    def on(self, topic: Topic, handler: Handler) -> None:
        """Call ``handler`` with every payload of ``topic``; plain and coroutine functions alike.

        Handlers never run in the task that reads: they may place orders and wait for the answers.
        """
        if not callable(handler):
            raise UsageError("a handler is a function that takes one payload")
        worker = Worker(Topic.of(topic), handler, self._handler_limit, self.logger, self._deliver)
        self._readers[worker.topic] = [*self._readers[worker.topic], worker]
        if self._tasks is not None:
            self._tasks.start_soon(protected(worker.run))

    def off(self, topic: Topic, handler: Handler) -> None:
        """Take a handler back; events it has not read yet are not delivered. Unknown ones are ignored."""
        for worker in self._workers(topic):
            if worker.handler == handler:
                self._detach(worker)
                worker.dismiss()

    def events(self, *topics: Topic, timeout: float | None = None) -> EventStream:
        """Iterate (``async for``) over the payloads of these topics, from now until ``disconnect()``.

        ``timeout`` ends the iteration when nothing came for so many seconds. Of what is not read in time,
        ``handler_limit`` bounds the number of events kept; where events had to be left out, the iteration
        gives one :class:`bulk_proto.events.Missed`. Raises ``UsageError`` without a topic,
        ``NotConnected`` before ``connect()``.
        """
        if not topics:
            raise UsageError("name the topics to iterate over, such as Topic.TICKER")
        if self._tasks is None:
            raise NotConnected("no events will come: call connect() first")
        inbox = Inbox(self._handler_limit)
        for topic in {Topic.of(topic) for topic in topics}:
            self._readers[topic] = [*self._readers[topic], inbox]
        return EventStream(inbox, self._detach, timeout)

    def _detach(self, reader: Worker | Inbox) -> None:
        for topic, readers in self._readers.items():
            if reader in readers:
                self._readers[topic] = [other for other in readers if other is not reader]

    def _workers(self, *only: Topic) -> list[Worker]:
        return [
            reader
            for topic in only or self._readers
            for reader in self._readers[topic]
            if isinstance(reader, Worker)
        ]

    def _close_inboxes(self) -> None:
        for readers in self._readers.values():
            for reader in readers:
                if isinstance(reader, Inbox):
                    reader.close()

    def _is_a_handler(self) -> bool:
        current = anyio.get_current_task().id
        return any(worker.task_id == current for worker in self._workers())

    def _deliver(self, event: Event) -> None:
        for reader in self._readers[event.topic]:
            reader.put(event)

    def _trace(self, direction: Direction, text: bytes) -> None:
        self.logger.debug("%s %s", direction.value, redact(text))

    # Subscriptions ---------------------------------------------------------------------------------------

    async def subscribe_ticker(self, symbol: str) -> None:
        """24-hour figures, mark and oracle price, every 200 ms: ``get_ticker``, ``Topic.TICKER``."""
        await self._subscribe(topics.ticker(symbol))

    async def subscribe_trades(self, symbols: Sequence[str]) -> None:
        """Public executions of these markets: ``Topic.TRADES``."""
        await self._subscribe(*(topics.trades(symbol) for symbol in topics.several(symbols)))

    async def subscribe_orderbook_snapshot(self, symbol: str, nlevels: int | None = None) -> None:
        """The book (its best ``nlevels`` a side), every 200 ms. Returns with ``get_book(symbol)`` filled."""
        await self._subscribe(topics.l2_snapshot(symbol, nlevels))

    async def subscribe_orderbook_delta(self, symbol: str) -> None:
        """Every change of the book: keeps ``get_book(symbol)`` current."""
        await self._subscribe(topics.l2_delta(symbol))

    async def subscribe_candles(self, symbol: str, interval: str) -> None:
        """Bars: past ones first, then updates. Intervals as on the wire (``"5m"``) or ``"5min"``."""
        await self._subscribe(topics.candles(symbol, interval))

    async def subscribe_account(self, pubkey: str) -> None:
        """Margin, positions, orders and fills of an account. Returns with its first snapshot applied."""
        await self._subscribe(topics.account(pubkey))

    async def subscribe_risk(self, symbol: str) -> None:
        """Margin ratios by notional and leverage: ``Topic.RISK``."""
        await self._subscribe(topics.risk(symbol))

    async def subscribe_context(self) -> None:
        """A short row for every market, every two seconds: ``Topic.CONTEXT``."""
        await self._subscribe(topics.context())

    async def unsubscribe_ticker(self, symbol: str) -> None:
        """No more tickers of this market, after a reconnection either; the last one stays readable."""
        await self._unsubscribe(topics.ticker(symbol))

    async def unsubscribe_trades(self, symbols: Sequence[str]) -> None:
        """No more executions of these markets, after a reconnection either."""
        await self._unsubscribe(*(topics.trades(symbol) for symbol in topics.several(symbols)))

    async def unsubscribe_orderbook_snapshot(self, symbol: str) -> None:
        """No more whole books; without the delta stream the book is dropped."""
        await self._unsubscribe(topics.l2_snapshot(symbol))

    async def unsubscribe_orderbook_delta(self, symbol: str) -> None:
        """No more changes; without the snapshot stream the book is dropped."""
        await self._unsubscribe(topics.l2_delta(symbol))

    async def unsubscribe_candles(self, symbol: str, interval: str) -> None:
        """No more bars, after a reconnection either."""
        await self._unsubscribe(topics.candles(symbol, interval))

    async def unsubscribe_account(self, pubkey: str) -> None:
        """No more of this account: what is known of it is dropped."""
        await self._unsubscribe(topics.account(pubkey))

    async def unsubscribe_risk(self, symbol: str) -> None:
        """No more risk surfaces, after a reconnection either."""
        await self._unsubscribe(topics.risk(symbol))

    async def unsubscribe_context(self) -> None:
        """No more market rows, after a reconnection either."""
        await self._unsubscribe(topics.context())

    async def _subscribe(self, *wanted: Subscription) -> None:
        await self._wait(self.core.subscribe(wanted, anyio.current_time(), self.default_timeout))

    async def _unsubscribe(self, *unwanted: Subscription) -> None:
        for call in self.core.unsubscribe(unwanted, anyio.current_time(), self.default_timeout):
            await self._wait(call)

    # Trading ---------------------------------------------------------------------------------------------

    async def place_orders(
        self,
        actions: Sequence[Action],
        timeout: float | None = None,
        nonce: int | None = None,
        account: str | None = None,
    ) -> OrderResponses:
        """Sign the actions as one transaction, send it, and return one response for each, in their order.

        The exchange runs them in order, without others in between, but each may fail on its own: a
        failed cancel does not stop the order beside it. ``timeout`` is in seconds (default
        ``default_timeout``); ``nonce`` must be unique for the account (default: rising with the clock).

        Raises ``SignerMissing``, ``NotConnected`` (nothing was sent) or ``InvalidAction`` at once,
        ``TransactionRejected`` when the whole was refused, and ``OutcomeUnknown`` when no answer came:
        ``RequestTimedOut``, which is an ``asyncio.TimeoutError``, or ``ConnectionDropped``. Cancelling
        the wait does not take back what was sent.
        """
        call = self.core.place_orders(
            actions,
            anyio.current_time(),
            timeout=self.default_timeout if timeout is None else timeout,
            nonce=nonce,
            account=account,
        )
        return await self._wait(call)

    async def place_limit_order(
        self,
        symbol: str,
        side: Side,
        price: float,
        size: float,
        reduce_only: bool = False,
        time_in_force: TimeInForce = TimeInForce.GTC,
        timeout: float | None = None,
        nonce: int | None = None,
        account: str | None = None,
    ) -> OrderResponse:
        """One limit order; ``price`` in quote currency, ``size`` in base units. See :meth:`place_orders`."""
        order = LimitOrder(symbol, side, price, size, reduce_only, time_in_force)
        return (await self.place_orders([order], timeout, nonce, account))[0]

    async def place_market_order(
        self,
        symbol: str,
        side: Side,
        size: float,
        reduce_only: bool = False,
        timeout: float | None = None,
        nonce: int | None = None,
        account: str | None = None,
    ) -> OrderResponse:
        """One market order; ``size`` in base units. See :meth:`place_orders`."""
        order = MarketOrder(symbol, side, size, reduce_only)
        return (await self.place_orders([order], timeout, nonce, account))[0]

    async def cancel_order(
        self,
        side: Side,
        symbol: str,
        order_id: str,
        timeout: float | None = None,
        nonce: int | None = None,
        account: str | None = None,
    ) -> OrderResponse:
        """Cancel one order. ``side`` is part of the documented call; the exchange goes by ``order_id``."""
        cancel = CancelOrder(symbol, order_id, side)
        return (await self.place_orders([cancel], timeout, nonce, account))[0]

    async def cancel_all(
        self,
        symbols: Sequence[str] | None = None,
        timeout: float | None = None,
        nonce: int | None = None,
        account: str | None = None,
    ) -> OrderResponse:
        """Cancel every open order, or those of ``symbols``. Its ``events`` name the cancelled orders.

        An empty list raises :class:`UsageError`: it names no market, and must not cancel in all of them.
        """
        cancel = CancelAll(topics.markets(symbols))
        return (await self.place_orders([cancel], timeout, nonce, account))[0]

    async def update_oracle(
        self,
        actions: Sequence[OraclePrice],
        timeout: float | None = None,
        nonce: int | None = None,
        account: str | None = None,
    ) -> OrderResponses:
        """Report oracle prices (needs an account with that right). See :meth:`place_orders`."""
        return await self.place_orders(actions, timeout, nonce, account)

    async def settle(self, unknown: OutcomeUnknown, timeout: float | None = None) -> dict[str, OrderStatus]:
        """Find out what became of orders whose outcome is unknown, by order id.

        Waits for the whole account from the exchange, over the next connection if there is none. ``GONE``
        means not open now: it has ended, or was not placed yet, and the account does not tell which; a
        transaction that is still on its way may be executed later. So :meth:`resend` first where the order
        is still wanted: the same bytes cannot execute twice. ``UNKNOWN`` means that the account is not
        subscribed. Raises ``RequestTimedOut`` when the account does not come in time, and ``NotConnected``
        when none can come; asking again is harmless.
        """
        return await self._wait(
            self.core.settle(
                unknown, anyio.current_time(), self.default_timeout if timeout is None else timeout
            )
        )

    async def resend(self, unknown: OutcomeUnknown, timeout: float | None = None) -> OrderResponses:
        """Send the same signed bytes again: the one way to repeat that cannot double an order.

        A refusal, or ``rejected_duplicate``, does not say that nothing was executed: :meth:`settle` it.
        Raises as :meth:`place_orders` does.
        """
        return await self._wait(
            self.core.resend(
                unknown, anyio.current_time(), self.default_timeout if timeout is None else timeout
            )
        )

    async def _wait(self, call: Call[T]) -> T:
        done = anyio.Event()
        call.wake_with(done.set)
        self._driver.poke()
        await done.wait()
        return call.result()
