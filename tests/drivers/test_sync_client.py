"""The blocking client over a real connection: connecting, trading, handlers, losing the line."""

from __future__ import annotations

import logging
import pickle
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection

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
    OraclePrice,
    OrderState,
    OrderStatus,
    RequestTimedOut,
    Side,
    SignatureDomain,
    SubscriptionRefused,
    Ticker,
    TimeInForce,
    Topic,
    TransactionRejected,
    UsageError,
)
from bulk_proto.config import Config
from bulk_proto.network import Network
from bulk_sync import BulkWebSocketClient

from .blocking import BTC, Exchange, served, trader, until

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with served() as exchange:
        yield exchange


def test_a_client_told_to_give_up_does_and_can_be_connected_again(exchange: Exchange) -> None:
    ends: list[Any] = []
    client = trader(exchange.line.url, reconnect_attempts=2, handlers={Topic.DISCONNECTED: ends.append})
    assert client.connect()
    stream = client.events(Topic.DISCONNECTED)
    exchange.line.refusing = True
    exchange.cut()
    assert len(list(stream)) == 3  # the loss and two vain attempts; then it ends
    assert client.last_error is not None
    with pytest.raises(NotConnected):
        client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)
    exchange.line.refusing = False
    assert client.connect()
    client.disconnect()
    assert [event.retry_at is None for event in ends] == [False, False, True, True]


def test_connect_returns_with_tickers_asked_for_and_the_account_known(exchange: Exchange) -> None:
    client = trader(exchange.url)
    assert client.is_connected is False
    assert client.connect() is True
    assert client.is_connected
    assert client.margin is not None
    assert client.margin.total_balance > 0
    assert client.account_is_live
    until(lambda: client.get_ticker(BTC))
    client.disconnect()
    assert not client.is_connected


def test_market_data_needs_no_key(exchange: Exchange) -> None:
    with BulkWebSocketClient(exchange.url, [BTC, "ETH-USD"]) as client:
        until(lambda: len(client.tickers) == 2)
        assert set(client.prices) == {BTC, "ETH-USD"}
        with pytest.raises(RuntimeError, match="signer=TransactionSigner"):
            client.place_limit_order(BTC, Side.BUY, 1.0, 1.0)


def test_a_book_is_filled_when_the_subscription_returns_and_its_copies_stay_as_they_are(
    exchange: Exchange,
) -> None:
    with BulkWebSocketClient(exchange.url, [BTC]) as client:
        assert client.get_book(BTC) is None
        client.subscribe_orderbook_snapshot(BTC, nlevels=5)
        client.subscribe_orderbook_delta(BTC)
        book = client.get_book(BTC)
        assert book is not None
        assert book.ok
        assert book.why is None
        bid, ask = book.best_bid(), book.best_ask()
        assert bid is not None
        assert ask is not None
        assert bid.price < ask.price
        before = str(book)
        until(lambda: str(client.get_book(BTC)) != before)
        assert str(book) == before
        assert client.order_books[BTC] is not client.order_books[BTC]


def test_every_stream_reaches_its_handlers(exchange: Exchange) -> None:
    seen: dict[Topic, list[Any]] = {}
    streams = (Topic.TICKER, Topic.TRADES, Topic.L2SNAPSHOT, Topic.L2DELTA, Topic.CANDLE, Topic.ACCOUNT)
    client = trader(exchange.url)
    for topic in streams:
        client.on(topic, seen.setdefault(topic, []).append)
    with client:
        client.subscribe_trades([BTC, "ETH-USD"])
        client.subscribe_orderbook_snapshot(BTC, nlevels=5)
        client.subscribe_orderbook_delta(BTC)
        client.subscribe_candles(BTC, "1min")
        client.subscribe_context()
        client.subscribe_risk(BTC)
        assert client.signer is not None
        client.subscribe_account(client.signer.public_key)
        until(lambda: all(seen.values()))
        client.unsubscribe_trades([BTC, "ETH-USD"])
        client.unsubscribe_context()
        client.unsubscribe_risk(BTC)
        client.unsubscribe_candles(BTC, "1min")
        client.unsubscribe_orderbook_snapshot(BTC)
        client.unsubscribe_orderbook_delta(BTC)
        client.unsubscribe_account(client.signer.public_key)
        assert {stream[0] for stream in client.core.subscriptions.wanted} == {"ticker"}
    assert isinstance(seen[Topic.TICKER][0], Ticker)
    assert isinstance(seen[Topic.TRADES][0], list)
    assert seen[Topic.CANDLE][0].interval == "1m"


def test_an_order_rests_is_seen_and_is_cancelled(exchange: Exchange) -> None:
    with trader(exchange.url) as client:
        response = client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.1, time_in_force=TimeInForce.ALO)
        assert response.status is OrderStatus.RESTING
        assert response.order_id is not None
        (order,) = client.get_orders(BTC)
        assert (order.order_id, order.side, order.price) == (response.order_id, Side.BUY, 50_000.0)
        account = client.account_state()
        assert account is not None
        cancelled = client.cancel_order(side=Side.BUY, symbol=BTC, order_id=response.order_id)
        assert cancelled.status is OrderStatus.CANCELLED
        until(lambda: not client.open_orders)
        assert set(account.open_orders) == {response.order_id}  # as it was


def test_a_ladder_and_an_atomic_replacement(exchange: Exchange) -> None:
    with trader(exchange.url) as client:
        prices = [54_000.0, 53_000.0, 52_000.0]
        ladder = client.place_orders([LimitOrder(BTC, Side.BUY, price, 0.05) for price in prices])
        assert [response.status for response in ladder] == [OrderStatus.RESTING] * 3
        first = ladder[0].order_id
        assert first is not None
        replaced = client.place_orders(
            [CancelOrder(symbol=BTC, oid=first, side=Side.BUY), LimitOrder(BTC, Side.BUY, 54_500.0, 0.1)]
        )
        assert [response.status for response in replaced] == [OrderStatus.CANCELLED, OrderStatus.RESTING]
        until(lambda: len(client.get_orders()) == 3)
        assert not client.cancel_all([BTC]).is_error()
        until(lambda: not client.get_orders())


def test_a_market_order_is_filled_once_and_becomes_a_position(exchange: Exchange) -> None:
    fills: list[Fill] = []
    orders: list[OrderState] = []
    with trader(exchange.url, handlers={Topic.FILL: fills.append, Topic.ORDER: orders.append}) as client:
        assert client.place_market_order(BTC, Side.BUY, 0.01).status is OrderStatus.FILLED
        until(lambda: client.positions and orders and fills)
        assert client.positions[0].size == pytest.approx(0.01)
        assert sum(fill.size for fill in fills) == pytest.approx(0.01)
        assert client.inventory.quantity_for(BTC) == pytest.approx(0.01)
        client.inventory.positions.clear()
        assert client.inventory.quantity_for(BTC) == pytest.approx(0.01)


def test_a_handler_that_places_an_order_gets_its_answer(exchange: Exchange) -> None:
    statuses: list[OrderStatus] = []
    client = trader(exchange.url)

    def on_ticker(ticker: Ticker) -> None:
        response = client.place_limit_order(BTC, Side.BUY, (ticker.mark_price or 0.0) * 0.9, 0.01)
        statuses.append(response.status)

    client.on(Topic.TICKER, on_ticker)
    with client:
        until(lambda: len(statuses) >= 3)
    assert set(statuses) == {OrderStatus.RESTING}


def test_a_handler_that_was_taken_back_hears_no_more(exchange: Exchange) -> None:
    seen: list[object] = []
    with BulkWebSocketClient(exchange.url, [BTC], handlers={Topic.TICKER: seen.append}) as client:
        until(lambda: seen)
        other: list[object] = []
        client.off(Topic.TICKER, seen.append)
        client.on(Topic.TICKER, other.append)
        until(lambda: other)
        count = len(seen)
        until(lambda: len(other) >= 3)
        assert len(seen) == count


def test_a_topic_may_be_named_by_its_value_throughout(exchange: Exchange) -> None:
    taken_back: list[object] = []
    seen: list[object] = []
    topic: Any = Topic.TICKER.value
    client = trader(exchange.url)
    client.on(topic, taken_back.append)
    client.on(topic, seen.append)
    client.off(topic, taken_back.append)
    with pytest.raises(UsageError, match="no such topic"):
        client.off("tickers", seen.append)  # type: ignore[arg-type]
    with client:
        until(lambda: len(seen) >= 2)
    assert taken_back == []


def test_events_of_no_topic_are_a_mistake(exchange: Exchange) -> None:
    with trader(exchange.url) as client, pytest.raises(UsageError, match="topics"):
        client.events()


def test_coroutine_functions_are_refused_as_handlers() -> None:
    async def coroutine(payload: object) -> None: ...

    class Handler:
        async def __call__(self, payload: object) -> None: ...

    client = BulkWebSocketClient("ws://127.0.0.1:9", [BTC])
    for handler in (coroutine, Handler()):
        with pytest.raises(UsageError, match="plain def"):
            client.on(Topic.TICKER, handler)
    with pytest.raises(UsageError):
        client.on(Topic.TICKER, "no function")  # type: ignore[arg-type]


def test_a_failing_or_stuck_handler_harms_nobody_else(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    good: list[Ticker] = []
    failures: list[Any] = []
    rescue = threading.Event()

    def bad(ticker: Ticker) -> None:
        raise ValueError("made to fail")

    def exits(ticker: Ticker) -> None:
        raise SystemExit(3)

    async def disguised(ticker: Ticker) -> None: ...

    client = BulkWebSocketClient(exchange.url, [BTC])
    for handler in (bad, exits, lambda ticker: disguised(ticker), good.append):
        client.on(Topic.TICKER, handler)
    client.on(Topic.TICKER, lambda ticker: rescue.wait(30))
    client.on(Topic.HANDLER_FAILED, failures.append)
    with caplog.at_level(logging.CRITICAL), client:
        until(lambda: len(good) >= 3 and len(failures) >= 9)
        threading.Timer(0.1, rescue.set).start()
    errors = {failure.error for failure in failures}
    assert {"ValueError: made to fail", "SystemExit: 3"} < errors
    assert any(error.startswith("TypeError: write the handler with a plain def") for error in errors)


def test_connect_returns_false_with_the_reason_when_nobody_listens(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = trader("ws://127.0.0.1:9")  # the discard port, closed everywhere
    with caplog.at_level(logging.ERROR):
        assert client.connect() is False
    assert isinstance(client.last_error, LinkError)
    assert "refused" in str(client.last_error).lower()
    assert "could not connect" in caplog.text
    assert not client.is_connected


def test_the_reason_why_connect_returns_false_is_the_last_error(exchange: Exchange) -> None:
    client = trader(exchange.line.url, backoff_base=10.0)
    assert client.connect()
    exchange.line.refusing = True
    exchange.cut()
    until(lambda: not client.is_connected)
    assert client.connect() is False
    assert isinstance(client.last_error, UsageError)
    assert "reconnecting by itself (connection lost: " in str(client.last_error)
    client.disconnect()
    exchange.line.refusing = False
    assert client.connect()
    assert client.last_error is None
    client.disconnect()


class BrokenLog(logging.Logger):
    """Every line fails, as with a disk that is full."""

    def handle(self, record: logging.LogRecord) -> None:
        raise OSError("no space left")


def test_a_log_that_fails_disturbs_nobody(exchange: Exchange) -> None:
    client = trader(exchange.url, logger=BrokenLog("broken"), debug=True)
    assert client.connect() is True
    assert client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.1).status is OrderStatus.RESTING
    client.disconnect()
    nobody = trader("ws://127.0.0.1:9", logger=BrokenLog("broken"))
    assert nobody.connect() is False


def test_without_a_connection_requests_raise_at_once_and_wishes_can_be_taken_back() -> None:
    client = trader("ws://127.0.0.1:9")
    with pytest.raises(NotConnected):
        client.place_limit_order(BTC, Side.BUY, 1.0, 1.0)
    with pytest.raises(NotConnected):
        client.subscribe_context()
    with pytest.raises(NotConnected):
        client.events(Topic.TICKER)
    client.unsubscribe_ticker(BTC)
    assert all(stream[0] != "ticker" for stream in client.core.subscriptions.wanted)
    client.disconnect()


def test_the_context_manager_raises_where_connect_returns_false() -> None:
    with pytest.raises(LinkError), BulkWebSocketClient("ws://127.0.0.1:9", [BTC]):
        pytest.fail("there is nothing to connect to")


def test_an_exception_in_the_block_comes_out_as_it_is(exchange: Exchange) -> None:
    client = BulkWebSocketClient(exchange.url, [BTC])
    with pytest.raises(ValueError, match="mine"), client:
        raise ValueError("mine")
    assert not client.is_connected


def test_a_client_can_connect_again_after_disconnecting(exchange: Exchange) -> None:
    seen: list[object] = []
    client = trader(exchange.url, handlers={Topic.CONNECTED: seen.append})
    for _ in range(3):
        assert client.connect()
        assert client.connect()  # already connected
        assert not client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01).is_error()
        client.disconnect()
        client.disconnect()
    assert len(seen) == 3


def test_a_handler_may_disconnect_and_goes_on_to_its_end(exchange: Exchange) -> None:
    steps: list[str] = []
    client = BulkWebSocketClient(exchange.url, [BTC])

    def on_ticker(ticker: Ticker) -> None:
        if not steps:
            steps.append("before")
            client.disconnect()
            steps.append("after")

    client.on(Topic.TICKER, on_ticker)
    client.connect()
    until(lambda: steps == ["before", "after"])
    client.disconnect()


def test_the_last_events_are_still_delivered(exchange: Exchange) -> None:
    seen: list[object] = []
    with BulkWebSocketClient(exchange.url, [BTC], handlers={Topic.DISCONNECTED: seen.append}):
        pass
    assert len(seen) == 1


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0, 1e12, 0.0])
def test_bad_numbers_raise_before_anything_is_sent(exchange: Exchange, bad: float) -> None:
    with trader(exchange.url) as client, pytest.raises(InvalidAction):
        client.place_limit_order(BTC, Side.BUY, 50_000.0, bad)


def test_an_oracle_price_is_answered(exchange: Exchange) -> None:
    with trader(exchange.url) as client:
        assert len(client.update_oracle([OraclePrice(time.time_ns(), BTC, 100_000.0)])) == 1


def test_a_refused_subscription_raises_and_names_the_topic(exchange: Exchange) -> None:
    with BulkWebSocketClient(exchange.url, [BTC]) as client:
        with pytest.raises(SubscriptionRefused, match="FOO-USD"):
            client.subscribe_ticker("FOO-USD")
        client.subscribe_ticker("ETH-USD")
        with pytest.raises(UsageError, match="a list of symbols"):
            client.subscribe_trades(BTC)


def test_a_wrong_signature_domain_is_refused_by_the_exchange_as_a_whole(exchange: Exchange) -> None:
    with (
        trader(exchange.url, signature_domain=SignatureDomain.MAINNET) as client,
        pytest.raises(TransactionRejected, match="bad signature"),
    ):
        client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)


# Losing the line -----------------------------------------------------------------------------------


def test_a_cut_line_is_made_again_and_everything_comes_back(exchange: Exchange) -> None:
    events: list[Any] = []
    with trader(exchange.line.url) as client:
        client.on(Topic.DISCONNECTED, events.append)
        client.on(Topic.CONNECTED, events.append)
        client.subscribe_orderbook_delta(BTC)
        resting = client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)
        exchange.line.refusing = True
        exchange.cut()
        until(lambda: not client.is_connected)
        book = client.get_book(BTC)
        assert book is not None
        assert book.why == "disconnected"
        assert not client.account_is_live
        assert resting.order_id in client.get_order_map()
        until(lambda: exchange.line.connections >= 4)
        exchange.line.refusing = False
        until(lambda: client.account_is_live and client.order_books[BTC].ok)
        assert resting.order_id in client.get_order_map()
        until(lambda: events and type(events[-1]).__name__ == "Connected")
        assert not client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01).is_error()


def test_an_order_in_flight_when_the_line_is_cut_has_an_unknown_outcome(exchange: Exchange) -> None:
    with trader(exchange.line.url) as client:
        exchange.line.deaf = True
        threading.Timer(0.1, exchange.cut).start()
        with pytest.raises(ConnectionDropped) as unknown:
            client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)
    assert unknown.value.order_ids[0] is not None


def test_no_answer_is_a_timeout_error(exchange: Exchange) -> None:
    with trader(exchange.line.url, closing_timeout=0.1) as client:
        exchange.line.deaf = True
        with pytest.raises(RequestTimedOut):
            client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01, timeout=0.05)
        client.default_timeout = 0.05
        with pytest.raises(TimeoutError):
            client.cancel_all()


def test_an_error_may_come_out_of_another_process(exchange: Exchange) -> None:
    with trader(exchange.line.url) as client:
        exchange.line.mute = True
        with pytest.raises(RequestTimedOut) as unknown:
            client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01, timeout=0.1)
        exchange.line.mute = False
        copy = pickle.loads(pickle.dumps(unknown.value))
        assert client.settle(copy) == {unknown.value.order_ids[0]: OrderStatus.RESTING}
        with pytest.raises(UsageError):
            client.resend(copy)


def test_a_subscription_that_waits_when_the_client_disconnects_is_not_left_waiting(
    exchange: Exchange,
) -> None:
    with trader(exchange.line.url, closing_timeout=0.1) as client:
        exchange.line.deaf = True
        threading.Timer(0.1, client.disconnect).start()
        with pytest.raises(ConnectionDropped):
            client.subscribe_ticker("ETH-USD")


def test_a_server_that_never_answers_the_handshake_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = BulkWebSocketClient(f"ws://127.0.0.1:{server.getsockname()[1]}", opening_timeout=0.2)
        assert client.connect() is False
    assert "no answer while connecting" in str(client.last_error)


@contextmanager
def mute_exchange() -> Iterator[str]:
    """The address of a server that opens the WebSocket and then says nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                websocket = WSConnection(ConnectionType.SERVER)
                websocket.receive_data(peer.recv(4096))
                list(websocket.events())
                peer.sendall(websocket.send(AcceptConnection()))
                while peer.recv(4096):
                    pass

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"ws://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def test_connect_returns_when_the_exchange_is_there_but_confirms_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with mute_exchange() as url:
        client = trader(url, opening_timeout=0.2, ready_timeout=0.1, closing_timeout=0.1)
        assert client.connect() is True
        assert isinstance(client.last_error, RequestTimedOut)
        assert "did not confirm every subscription" in caplog.text
        assert not client.account_is_live
        client.disconnect()


def test_a_server_that_is_no_websocket_is_named_as_such() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        client = BulkWebSocketClient(f"ws://127.0.0.1:{server.getsockname()[1]}")
        assert client.connect() is False
        thread.join()
    assert "HTTP 404" in str(client.last_error)


def test_a_connection_that_comes_too_late_is_closed_again() -> None:
    release = threading.Event()
    ours, theirs = socket.socketpair()

    def slow(config: Config, timeout: float) -> socket.socket:
        assert timeout == config.opening_timeout
        release.wait(10)
        return ours

    client = BulkWebSocketClient("ws://127.0.0.1:9", connector=slow, opening_timeout=0.1)
    with theirs:
        assert client.connect() is False
        release.set()
        theirs.settimeout(10)
        assert theirs.recv(1) == b""


def test_a_connector_brings_any_socket(exchange: Exchange) -> None:
    def direct(config: Config, timeout: float) -> socket.socket:
        return socket.create_connection(("127.0.0.1", exchange.server.port), timeout)

    with BulkWebSocketClient("ws://nowhere.invalid", [BTC], connector=direct) as client:
        until(lambda: client.get_ticker(BTC))


def test_connect_returns_false_when_a_connector_raises_anything(caplog: pytest.LogCaptureFixture) -> None:
    def broken(config: Config, timeout: float) -> socket.socket:
        raise KeyError("boom")

    client = BulkWebSocketClient("ws://127.0.0.1:9", connector=broken)
    assert client.connect() is False
    assert isinstance(client.last_error, LinkError)
    assert str(client.last_error) == "unexpected KeyError: 'boom'"
    assert caplog.text.count("the connection failed unexpectedly") == 1
    client.disconnect()


def test_an_unexpected_error_while_reconnecting_is_one_more_failed_attempt(exchange: Exchange) -> None:
    attempts: list[Config] = []
    made: list[socket.socket] = []
    lost: list[Any] = []

    def moody(config: Config, timeout: float) -> socket.socket:
        attempts.append(config)
        if len(attempts) == 2:
            raise KeyError("boom")
        made.append(socket.create_connection(("127.0.0.1", exchange.server.port), timeout))
        return made[-1]

    client = BulkWebSocketClient("ws://nowhere.invalid", connector=moody, backoff_base=0.01)
    client.on(Topic.DISCONNECTED, lost.append)
    with client:
        made[0].shutdown(socket.SHUT_RDWR)
        until(lambda: len(made) == 2 and client.is_connected and len(lost) == 2)
    assert lost[1].detail == "unexpected KeyError: 'boom'"


class _PoisonedSocket(socket.socket):
    """A caller's own kind of socket, which at last raises what no socket should."""

    poisoned = False

    def recv(self, *args: Any) -> bytes:
        if self.poisoned:
            raise ZeroDivisionError("made to fail")
        return super().recv(*args)


def test_an_unexpected_error_of_a_connection_ends_that_connection_only(exchange: Exchange) -> None:
    made: list[_PoisonedSocket] = []
    lost: list[Any] = []

    def connector(config: Config, timeout: float) -> socket.socket:
        sock = _PoisonedSocket()
        sock.connect(("127.0.0.1", exchange.server.port))
        made.append(sock)
        return sock

    client = BulkWebSocketClient("ws://nowhere.invalid", connector=connector, backoff_base=0.01)
    client.on(Topic.DISCONNECTED, lost.append)
    with client:
        made[0].poisoned = True
        made[0].shutdown(socket.SHUT_RD)  # there is something to read
        until(lambda: len(made) == 2 and client.is_connected and bool(lost))
    assert lost[0].detail == "unexpected ZeroDivisionError: made to fail"


@pytest.mark.parametrize("error", [ZeroDivisionError("made to fail"), OSError("made to fail")])
def test_an_error_of_no_connection_stops_the_client_and_is_reported(
    error: Exception, exchange: Exchange, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = BulkWebSocketClient(exchange.url)

    def broken() -> float:
        raise error

    monkeypatch.setattr(client.core, "next_deadline", broken)
    with pytest.raises(type(error)):
        client.connect()
    assert "stopped unexpectedly" in caplog.text
    client.disconnect()


def test_a_connector_that_wants_to_end_the_program_is_a_failed_attempt() -> None:
    def leaving(config: Config, timeout: float) -> socket.socket:
        raise SystemExit(3)

    client = BulkWebSocketClient("ws://127.0.0.1:9", connector=leaving)
    assert client.connect() is False
    assert "SystemExit" in str(client.last_error)


def test_debug_traces_messages_without_keys(exchange: Exchange, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "bulk_proto"), trader(exchange.url, debug=True) as client:
        assert client.signer is not None
        client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)
        key = client.signer.public_key
    assert '"method":"post"' in caplog.text
    assert key not in caplog.text


def test_orders_do_not_queue_up_before_an_exchange_that_reads_no_more(exchange: Exchange) -> None:
    line = exchange.line
    batch = [LimitOrder(BTC, Side.BUY, 50_000.0, 0.01)] * 1000
    with trader(line.url, request_timeout=2.0, ping_interval=0.1) as client:
        ends = client.events(Topic.DISCONNECTED, timeout=20.0)
        line.jammed = True
        refused = None
        while refused is None:
            try:
                client.place_orders(batch, timeout=0.02)
            except RequestTimedOut:
                pass
            except Congested as error:
                refused = error
        assert client.is_connected
        assert next(ends).reason is DisconnectReason.CONGESTED
        line.jammed = False
        until(lambda: client.is_connected and client.account_is_live)


def test_contradicting_settings_are_refused_at_once() -> None:
    with pytest.raises(UsageError):
        BulkWebSocketClient("ws://127.0.0.1:1", network=Network.MAINNET)
    with pytest.raises(UsageError):
        BulkWebSocketClient(signature_domain=SignatureDomain.TESTNET)
    with pytest.raises(UsageError):
        BulkWebSocketClient("http://127.0.0.1:1")
    assert BulkWebSocketClient(network=Network.TESTNET).core.config.domain is SignatureDomain.TESTNET
