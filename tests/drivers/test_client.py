"""The documented client over a real connection: connecting, trading, handlers, losing the line."""

from __future__ import annotations

import asyncio
import functools
import logging
import pickle
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from bulk_anyio import BulkWebSocketClient
from bulk_anyio.exchange import ExchangeServer, serve_exchange
from bulk_proto import (
    CancelOrder,
    Congested,
    ConnectionDropped,
    DisconnectReason,
    Fill,
    InvalidAction,
    LimitOrder,
    LinkError,
    NotConnected,
    OrderState,
    OrderStatus,
    RepetitionRefused,
    RequestTimedOut,
    Side,
    SignatureDomain,
    SubscriptionRefused,
    Ticker,
    TimeInForce,
    Topic,
    TransactionRejected,
    TransactionSigner,
    UsageError,
)
from bulk_proto.exchange import ExchangeConfig, faults
from bulk_proto.network import Network

from .line import Line

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.timeout(60),
    pytest.mark.usefixtures("each_way_of_receiving"),
]

BTC = "BTC-USD"


def trader(url: str, symbols: tuple[str, ...] = (BTC,), **settings: Any) -> BulkWebSocketClient:
    settings.setdefault("backoff_base", 0.02)
    return BulkWebSocketClient(url, symbols, TransactionSigner.generate_account(), **settings)


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for a condition, with an end."""
    with anyio.fail_after(seconds):
        while not condition():
            await anyio.sleep(0.005)


async def test_connect_returns_with_tickers_asked_for_and_the_account_known(exchange: ExchangeServer) -> None:
    client = trader(exchange.url)
    assert client.is_connected is False
    assert await client.connect() is True
    assert client.is_connected is True
    assert client.margin is not None
    assert client.margin.total_balance > 0
    assert client.account_is_live
    await until(lambda: client.get_ticker(BTC))
    await client.disconnect()
    assert client.is_connected is False


async def test_market_data_needs_no_key(exchange: ExchangeServer) -> None:
    async with BulkWebSocketClient(exchange.url, [BTC, "ETH-USD"]) as client:
        await until(lambda: len(client.tickers) == 2)
        assert set(client.prices) == {BTC, "ETH-USD"}
        with pytest.raises(RuntimeError, match="signer=TransactionSigner"):
            await client.place_limit_order(BTC, Side.BUY, 1.0, 1.0)


async def test_a_book_is_filled_when_the_subscription_returns_and_moves(exchange: ExchangeServer) -> None:
    async with BulkWebSocketClient(exchange.url, [BTC]) as client:
        assert client.get_book(BTC) is None
        await client.subscribe_orderbook_snapshot(BTC, nlevels=5)
        book = client.get_book(BTC)
        assert book is not None
        assert book.ok
        bid, ask = book.best_bid(), book.best_ask()
        assert bid is not None
        assert ask is not None
        assert bid.price < ask.price
        await client.subscribe_orderbook_delta(BTC)
        before = str(book)
        await until(lambda: str(book) != before)


async def test_every_stream_reaches_its_handlers(exchange: ExchangeServer) -> None:
    seen: dict[Topic, list[Any]] = {}
    streams = (Topic.TICKER, Topic.TRADES, Topic.L2SNAPSHOT, Topic.L2DELTA, Topic.CANDLE, Topic.ACCOUNT)
    client = trader(exchange.url)
    for topic in streams:
        client.on(topic, seen.setdefault(topic, []).append)
    async with client:
        await client.subscribe_trades([BTC, "ETH-USD"])
        await client.subscribe_orderbook_snapshot(BTC, nlevels=5)
        await client.subscribe_orderbook_delta(BTC)
        await client.subscribe_candles(BTC, "1min")
        await until(lambda: all(seen.values()))
    assert isinstance(seen[Topic.TICKER][0], Ticker)
    assert isinstance(seen[Topic.TRADES][0], list)
    assert seen[Topic.CANDLE][0].interval == "1m"


async def test_an_order_rests_is_seen_and_is_cancelled(exchange: ExchangeServer) -> None:
    async with trader(exchange.url) as client:
        response = await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.1, time_in_force=TimeInForce.ALO)
        assert response.status is OrderStatus.RESTING
        assert response.order_id is not None
        (order,) = client.get_orders(BTC)
        assert (order.order_id, order.side, order.price) == (response.order_id, Side.BUY, 50_000.0)
        assert client.get_orders("ETH-USD") == []
        cancelled = await client.cancel_order(side=Side.BUY, symbol=BTC, order_id=response.order_id)
        assert cancelled.status is OrderStatus.CANCELLED
        await until(lambda: not client.open_orders)


async def test_a_ladder_and_an_atomic_replacement(exchange: ExchangeServer) -> None:
    async with trader(exchange.url) as client:
        prices = [54_000.0, 53_000.0, 52_000.0]
        ladder = await client.place_orders([LimitOrder(BTC, Side.BUY, price, 0.05) for price in prices])
        assert [response.status for response in ladder] == [OrderStatus.RESTING] * 3
        first = ladder[0].order_id
        assert first is not None
        replaced = await client.place_orders(
            [CancelOrder(symbol=BTC, oid=first, side=Side.BUY), LimitOrder(BTC, Side.BUY, 54_500.0, 0.1)]
        )
        assert [response.status for response in replaced] == [OrderStatus.CANCELLED, OrderStatus.RESTING]
        await until(lambda: len(client.get_orders()) == 3)
        assert not (await client.cancel_all([BTC])).is_error()
        await until(lambda: not client.get_orders())


async def test_a_market_order_is_filled_once_and_becomes_a_position(exchange: ExchangeServer) -> None:
    fills: list[Fill] = []
    orders: list[OrderState] = []
    client = trader(exchange.url, handlers={Topic.FILL: fills.append, Topic.ORDER: orders.append})
    async with client:
        response = await client.place_market_order(BTC, Side.BUY, 0.01)
        assert response.status is OrderStatus.FILLED
        await until(lambda: client.positions and orders and fills)
        assert client.positions[0].size == pytest.approx(0.01)
        assert sum(fill.size for fill in fills) == pytest.approx(0.01)
        assert {fill.side for fill in fills} == {Side.BUY}
        assert client.inventory.quantity_for(BTC) == pytest.approx(0.01)
        pnl = client.get_pnl()
        assert pnl.net == pytest.approx(pnl.realized + pnl.unrealized)


async def test_a_handler_that_awaits_an_order_gets_its_answer(exchange: ExchangeServer) -> None:
    statuses: list[OrderStatus] = []
    client = trader(exchange.url)

    async def on_ticker(ticker: Ticker) -> None:
        response = await client.place_limit_order(
            BTC, Side.BUY, (ticker.mark_price or 0.0) * 0.9, 0.01, time_in_force=TimeInForce.ALO, timeout=1.0
        )  # a reader that waited for its handler could answer after the time-out only
        statuses.append(response.status)

    client.on(Topic.TICKER, on_ticker)
    async with client:
        await until(lambda: len(statuses) >= 3)
    assert set(statuses) == {OrderStatus.RESTING}


class _Callable:
    """A callable object whose ``__call__`` is a coroutine function."""

    def __init__(self, seen: list[object]) -> None:
        self._seen = seen

    async def __call__(self, payload: object) -> None:
        await anyio.lowlevel.checkpoint()
        self._seen.append(payload)

    async def method(self, payload: object) -> None:
        self._seen.append(payload)

    def plain(self, payload: object) -> None:
        self._seen.append(payload)


@pytest.mark.parametrize("kind", ["function", "coroutine", "method", "async method", "partial", "object"])
async def test_every_kind_of_callable_is_a_handler(exchange: ExchangeServer, kind: str) -> None:
    seen: list[object] = []
    callable_object = _Callable(seen)

    async def coroutine(payload: object) -> None:
        seen.append(payload)

    async def with_label(label: str, payload: object) -> None:
        seen.append(payload)

    handlers: dict[str, Callable[[Any], Awaitable[object] | object]] = {
        "function": seen.append,
        "coroutine": coroutine,
        "method": callable_object.plain,
        "async method": callable_object.method,
        "partial": functools.partial(with_label, "label"),
        "object": callable_object,
    }
    async with BulkWebSocketClient(exchange.url, [BTC], handlers={Topic.TICKER: handlers[kind]}) as client:
        await until(lambda: seen)
        client.off(Topic.TICKER, handlers[kind])
        await anyio.sleep(0.01)
        count = len(seen)
        await anyio.sleep(0.5)
        assert len(seen) == count


async def test_a_failing_or_stuck_handler_harms_nobody_else(
    exchange: ExchangeServer, caplog: pytest.LogCaptureFixture
) -> None:
    good: list[Ticker] = []
    failures: list[Any] = []

    def bad(ticker: Ticker) -> None:
        raise ValueError("made to fail")

    async def stuck(ticker: Ticker) -> None:
        await anyio.sleep_forever()

    client = BulkWebSocketClient(exchange.url, [BTC])
    for handler in (bad, stuck, good.append):
        client.on(Topic.TICKER, handler)
    client.on(Topic.HANDLER_FAILED, failures.append)
    with caplog.at_level(logging.CRITICAL):
        async with client:
            await until(lambda: len(good) >= 3 and len(failures) >= 3)
    assert failures[0].error == "ValueError: made to fail"
    assert failures[0].failed_on is Topic.TICKER


async def test_connect_returns_false_with_the_reason_when_nobody_listens(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = BulkWebSocketClient("ws://127.0.0.1:9", [BTC])  # the discard port, closed everywhere
    with caplog.at_level(logging.ERROR):
        assert await client.connect() is False
    assert isinstance(client.last_error, LinkError)
    assert "refused" in str(client.last_error).lower()
    assert "could not connect" in caplog.text
    assert not client.is_connected
    with pytest.raises(NotConnected):
        await trader("ws://127.0.0.1:9").place_limit_order(BTC, Side.BUY, 1.0, 1.0)


async def test_the_context_manager_raises_where_connect_returns_false() -> None:
    with pytest.raises(LinkError):
        async with BulkWebSocketClient("ws://127.0.0.1:9", [BTC]):
            pytest.fail("there is nothing to connect to")


async def test_an_exception_in_the_block_comes_out_as_it_is(exchange: ExchangeServer) -> None:
    with pytest.raises(ValueError, match="mine"):
        async with BulkWebSocketClient(exchange.url, [BTC]) as client:
            raise ValueError("mine")
    assert not client.is_connected


async def test_a_client_can_connect_again_after_disconnecting(exchange: ExchangeServer) -> None:
    client = trader(exchange.url)
    for _ in range(3):
        assert await client.connect()
        assert await client.connect()  # already connected
        response = await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)
        assert not response.is_error()
        await client.disconnect()
        await client.disconnect()


async def test_connect_and_disconnect_may_be_called_from_different_tasks(exchange: ExchangeServer) -> None:
    client = BulkWebSocketClient(exchange.url, [BTC])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.connect)
    assert client.is_connected
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.disconnect)
    assert not client.is_connected


async def test_a_handler_that_takes_itself_back_may_disconnect_and_goes_on_to_its_end(
    exchange: ExchangeServer,
) -> None:
    done: list[object] = []

    async def once(ticker: object) -> None:
        client.off(Topic.TICKER, once)
        await client.disconnect()
        done.append(ticker)

    client = trader(exchange.url)
    client.on(Topic.TICKER, once)
    await client.connect()
    await until(client._gone.is_set)
    assert len(done) == 1


async def test_who_waits_for_the_end_of_one_connection_leaves_the_next_alone(
    exchange: ExchangeServer,
) -> None:
    client = trader(exchange.url)
    await client.connect()

    async def start_anew() -> None:
        await client.disconnect()
        assert await client.connect()

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(start_anew)
            tasks.start_soon(start_anew)
            for _ in range(3):
                tasks.start_soon(client.disconnect)
        await client.disconnect()
    assert not client.is_connected


async def test_a_handler_may_disconnect_and_goes_on_to_its_end(exchange: ExchangeServer) -> None:
    steps: list[str] = []
    client = BulkWebSocketClient(exchange.url, [BTC])

    async def on_ticker(ticker: Ticker) -> None:
        if not steps:
            steps.append("before")
            await client.disconnect()
            steps.append("after")

    client.on(Topic.TICKER, on_ticker)
    await client.connect()
    await until(lambda: steps == ["before", "after"])
    await client.disconnect()


async def test_the_last_events_are_still_delivered(exchange: ExchangeServer) -> None:
    seen: list[object] = []
    client = BulkWebSocketClient(exchange.url, [BTC], handlers={Topic.DISCONNECTED: seen.append})
    await client.connect()
    await client.disconnect()
    assert len(seen) == 1


async def test_cancelling_a_call_harms_nobody(exchange: ExchangeServer) -> None:
    async with trader(exchange.url) as client:
        for delay in (0.0, 0.001, 0.005):
            with anyio.move_on_after(delay):
                await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)
        response = await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)
        assert response.status is OrderStatus.RESTING


async def test_cancelling_connect_leaves_nothing_behind(line: Line) -> None:
    line.deaf = True
    client = BulkWebSocketClient(line.url, [BTC])
    with anyio.move_on_after(0.1):
        await client.connect()
    assert not client.is_connected
    line.deaf = False
    assert await client.connect()
    await client.disconnect()


async def test_a_failure_as_connecting_begins_leaves_nothing_behind(
    exchange: ExchangeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = BulkWebSocketClient(exchange.url, [BTC])
    poke = client._driver.poke

    def fail_once() -> None:
        monkeypatch.setattr(client._driver, "poke", poke)
        raise ZeroDivisionError("made to fail")

    monkeypatch.setattr(client._driver, "poke", fail_once)
    with pytest.raises(ZeroDivisionError):
        await client.connect()
    with anyio.fail_after(5.0):
        assert await client.connect()
    await client.disconnect()


async def test_a_failure_before_connecting_begins_leaves_a_client_that_gave_up_as_it_was(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(function: object) -> None:
        raise ZeroDivisionError("made to fail")

    client = BulkWebSocketClient(line.url, [BTC], reconnect_attempts=1, backoff_base=0.01, backoff_cap=0.01)
    assert await client.connect()
    line.refusing = True
    line.cut()
    await until(lambda: client._gone.is_set())
    with monkeypatch.context() as patch:
        patch.setattr("bulk_anyio.client.protect", fail)
        with pytest.raises(ZeroDivisionError):
            await client.connect()
    line.refusing = False
    with anyio.fail_after(5.0):
        await client.disconnect()
        assert await client.connect()
    await client.disconnect()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0, 1e12, 0.0])
async def test_bad_numbers_raise_before_anything_is_sent(exchange: ExchangeServer, bad: float) -> None:
    async with trader(exchange.url) as client:
        with pytest.raises(InvalidAction):
            await client.place_limit_order(BTC, Side.BUY, 50_000.0, bad)
        if bad:
            with pytest.raises(InvalidAction):
                await client.place_limit_order(BTC, Side.BUY, bad, 1.0)


async def test_a_refused_subscription_raises_and_names_the_topic(exchange: ExchangeServer) -> None:
    async with BulkWebSocketClient(exchange.url, [BTC]) as client:
        with pytest.raises(SubscriptionRefused, match="FOO-USD"):
            await client.subscribe_ticker("FOO-USD")
        await client.subscribe_ticker("ETH-USD")


async def test_a_wrong_signature_domain_is_refused_by_the_exchange_as_a_whole(
    exchange: ExchangeServer,
) -> None:
    async with trader(exchange.url, signature_domain=SignatureDomain.MAINNET) as client:
        with pytest.raises(TransactionRejected, match="bad signature"):
            await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)


# Losing the line -----------------------------------------------------------------------------------


async def test_a_cut_line_is_made_again_and_everything_comes_back(line: Line) -> None:
    events: list[Any] = []
    async with trader(line.url) as client:
        client.on(Topic.DISCONNECTED, events.append)
        client.on(Topic.CONNECTED, events.append)
        await client.subscribe_orderbook_delta(BTC)
        await client.subscribe_trades([BTC])
        await client.unsubscribe_trades([BTC])
        resting = await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)
        book = client.get_book(BTC)
        assert book is not None
        line.cut()
        await until(lambda: not client.is_connected)
        assert not book.ok
        assert not client.account_is_live
        assert resting.order_id in client.get_order_map()
        await until(lambda: client.account_is_live and book.ok)
        assert resting.order_id in client.get_order_map()
        assert [type(event).__name__ for event in events] == ["Disconnected", "Connected"]
        assert all(stream[0] != "trades" for stream in client.core.subscriptions.wanted)
        assert (await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)).status is OrderStatus.RESTING


async def test_attempts_go_on_while_the_server_hangs_up_at_once(line: Line) -> None:
    async with trader(line.url) as client:
        line.refusing = True
        line.cut()
        await until(lambda: line.connections >= 4)
        line.refusing = False
        await until(lambda: client.account_is_live)


async def test_an_order_in_flight_when_the_line_is_cut_has_an_unknown_outcome(line: Line) -> None:
    async with trader(line.url) as client:
        line.deaf = True
        outcome: list[BaseException] = []

        async def place() -> None:
            try:
                await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)
            except ConnectionDropped as error:
                outcome.append(error)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(place)
            await anyio.wait_all_tasks_blocked()
            line.cut()
        (error,) = outcome
        assert isinstance(error, ConnectionDropped)
        assert error.order_ids[0] is not None


async def test_no_answer_is_a_timeout_error_by_every_name(line: Line) -> None:
    async with trader(line.url) as client:
        line.deaf = True
        with pytest.raises(asyncio.TimeoutError) as late:
            await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01, timeout=0.05)
        assert isinstance(late.value, RequestTimedOut)
        client.default_timeout = 0.05
        with pytest.raises(TimeoutError):
            await client.cancel_all()


async def test_a_server_that_never_answers_the_handshake_is_given_up_in_time(anyio_backend: str) -> None:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with listener:
        client = BulkWebSocketClient(f"ws://127.0.0.1:{port}", [BTC], opening_timeout=0.2)
        with anyio.fail_after(5):
            assert await client.connect() is False
    assert "no answer while connecting" in str(client.last_error)


async def test_a_server_that_is_no_websocket_is_named_as_such(anyio_backend: str) -> None:
    async def answer(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, answer)
        client = BulkWebSocketClient(f"ws://127.0.0.1:{port}", [BTC])
        assert await client.connect() is False
        assert "HTTP 404" in str(client.last_error)
        tasks.cancel_scope.cancel()


async def test_debug_traces_messages_without_keys_and_changes_nothing_else(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "bulk_proto"):  # the documentation's own level
        async with trader(line.url, debug=True) as client:
            assert client.signer is not None
            await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)
            line.cut()
            await until(lambda: not client.is_connected)
            await until(lambda: client.account_is_live)
            key = client.signer.public_key
    assert '"method":"post"' in caplog.text
    assert key not in caplog.text


def test_contradicting_settings_are_refused_at_once() -> None:
    with pytest.raises(UsageError):
        BulkWebSocketClient("ws://127.0.0.1:1", network=Network.MAINNET)
    with pytest.raises(UsageError):
        BulkWebSocketClient(signature_domain=SignatureDomain.TESTNET)
    with pytest.raises(UsageError):
        BulkWebSocketClient("http://127.0.0.1:1")
    assert BulkWebSocketClient(network=Network.TESTNET).core.config.domain is SignatureDomain.TESTNET
    assert BulkWebSocketClient().core.config.domain is SignatureDomain.MAINNET


async def test_a_client_told_to_give_up_does_and_can_be_connected_again(line: Line) -> None:
    ends: list[Any] = []
    client = trader(line.url, reconnect_attempts=2, handlers={Topic.DISCONNECTED: ends.append})
    assert await client.connect()
    stream = client.events(Topic.DISCONNECTED)
    line.refusing = True
    line.cut()
    assert len([event async for event in stream]) == 3  # the loss and two vain attempts; then it ends
    assert client.last_error is not None
    with pytest.raises(NotConnected):
        await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)
    line.refusing = False
    assert await client.connect()
    await client.disconnect()
    assert [event.retry_at is None for event in ends] == [False, False, True, True]


# Doubt and iteration -----------------------------------------------------------------------------------


async def test_an_order_cut_off_after_it_arrived_is_settled_as_resting(line: Line) -> None:
    async with trader(line.url) as client:
        line.mute = True
        with pytest.raises(RequestTimedOut) as unknown:
            await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01, timeout=0.1)
        line.mute = False
        line.cut()
        (order_id,) = unknown.value.order_ids
        assert await unknown.value.settle() == {order_id: OrderStatus.RESTING}
        assert order_id in client.get_order_map()


async def test_an_error_may_outlive_its_client(line: Line) -> None:
    first = trader(line.url)
    async with first:
        line.mute = True
        with pytest.raises(RequestTimedOut) as unknown:
            await first.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01, timeout=0.1)
        line.mute = False
    with pytest.raises(NotConnected):
        await unknown.value.settle(timeout=1.0)
    async with BulkWebSocketClient(line.url, [BTC], first.signer) as second:
        statuses = await second.settle(unknown.value)
    assert list(statuses.values()) == [OrderStatus.RESTING]


async def test_an_error_may_come_out_of_another_process(line: Line) -> None:
    async with trader(line.url) as client:
        line.mute = True
        with pytest.raises(RequestTimedOut) as unknown:
            await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01, timeout=0.1)
        line.mute = False
        copy = pickle.loads(pickle.dumps(unknown.value))
        assert await client.settle(copy) == {unknown.value.order_ids[0]: OrderStatus.RESTING}
        with pytest.raises(UsageError):
            await client.resend(copy)


async def test_an_order_that_never_arrived_can_be_sent_again_as_the_same_bytes(line: Line) -> None:
    async with trader(line.url) as client:
        line.deaf = True
        with pytest.raises(RequestTimedOut) as unknown:
            await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01, timeout=0.1)
        line.deaf = False
        assert list((await client.settle(unknown.value)).values()) == [OrderStatus.GONE]
        (response,) = await client.resend(unknown.value)
        assert (response.order_id, response.status) == (unknown.value.order_ids[0], OrderStatus.RESTING)
        with pytest.raises(RepetitionRefused, match="duplicate nonce"):
            await client.resend(unknown.value)
        assert len(client.get_orders()) == 1


async def test_a_connection_that_confirms_nothing_is_kept_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    nothing = ExchangeConfig(faults=(faults.Drop(on="confirmation"),))
    async with serve_exchange(nothing) as server:
        client = trader(server.url, ready_timeout=0.2)
        assert await client.connect() is True
        assert isinstance(client.last_error, RequestTimedOut)
        assert "did not confirm every subscription" in caplog.text
        await client.disconnect()


async def test_orders_do_not_queue_up_before_an_exchange_that_reads_no_more(line: Line) -> None:
    batch = [LimitOrder(BTC, Side.BUY, 50_000.0, 0.01)] * 1000
    async with trader(line.url, request_timeout=2.0, ping_interval=0.1) as client:
        ends = client.events(Topic.DISCONNECTED, timeout=20.0)
        line.jammed = True
        refused = None
        while refused is None:
            try:
                await client.place_orders(batch, timeout=0.02)
            except RequestTimedOut:
                pass
            except Congested as error:
                refused = error
        assert client.is_connected
        async for end in ends:
            assert end.reason is DisconnectReason.CONGESTED
            break
        line.jammed = False
        await until(lambda: client.is_connected and client.account_is_live)


async def test_a_reconnection_ends_in_one_resynced_event(line: Line) -> None:
    seen: list[Any] = []
    async with trader(line.url) as client:
        client.on(Topic.RESYNCED, seen.append)
        await client.subscribe_orderbook_delta(BTC)
        line.cut()
        await until(lambda: seen)
        (resynced,) = seen
        assert resynced.gap > 0
        assert resynced.orders_gone == []


async def test_events_can_be_iterated_over(exchange: ExchangeServer) -> None:
    client = trader(exchange.url)
    with pytest.raises(NotConnected):
        client.events(Topic.TICKER)
    async with client:
        stream = client.events(Topic.TICKER, Topic.FILL)
        await client.place_market_order(BTC, Side.BUY, 0.01)
        kinds = set()
        async for payload in stream:
            kinds.add(type(payload))
            if kinds == {Ticker, Fill}:
                break
        stream.close()
        assert [payload async for payload in client.events(Topic.BOOK_STALE, timeout=0.05)] == []
        last = client.events(Topic.DISCONNECTED)
    assert len([payload async for payload in last]) == 1


async def test_a_forgotten_iterator_is_not_fed_for_ever(exchange: ExchangeServer) -> None:
    async with BulkWebSocketClient(exchange.url, [BTC]) as client:
        readers = len(client._audience._readers[Topic.TICKER])
        async for _ in client.events(Topic.TICKER):
            break
        assert len(client._audience._readers[Topic.TICKER]) == readers


async def test_two_tasks_may_connect_at_once(exchange: ExchangeServer) -> None:
    client = BulkWebSocketClient(exchange.url, [BTC])
    results: list[bool] = []

    async def connect() -> None:
        results.append(await client.connect())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connect)
        tasks.start_soon(connect)
    assert results == [True, True]
    await client.disconnect()
