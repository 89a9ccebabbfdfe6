"""What the client promises when the exchange misbehaves: nothing doubled, nothing forgotten, always back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from bulk_anyio import BulkWebSocketClient
from bulk_anyio.exchange import ExchangeServer, serve_exchange
from bulk_proto import (
    CancelOrder,
    ConnectionDropped,
    Fill,
    LimitOrder,
    OrderStatus,
    OutcomeUnknown,
    RequestTimedOut,
    Side,
    TimeInForce,
    Topic,
    TransactionSigner,
)
from bulk_proto.errors import HandshakeRejected
from bulk_proto.events import Unasked
from bulk_proto.exchange import ExchangeConfig, faults
from bulk_proto.exchange.faults import AnyFault

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.timeout(60),
    pytest.mark.usefixtures("each_way_of_receiving"),
]

BTC = "BTC-USD"


@asynccontextmanager
async def troubled(
    *script: AnyFault, settings: dict[str, Any] | None = None, **client_settings: Any
) -> AsyncIterator[tuple[ExchangeServer, BulkWebSocketClient]]:
    """An exchange with these faults, and a client that is connected to it."""
    config = ExchangeConfig(faults=script, **(settings or {}))
    client_settings.setdefault("backoff_base", 0.02)
    async with serve_exchange(config, seed=7) as server:
        client = BulkWebSocketClient(
            server.url, [BTC], TransactionSigner.generate_account(), **client_settings
        )
        async with client:
            yield server, client


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    with anyio.fail_after(seconds):
        while not condition():
            await anyio.sleep(0.005)


def open_on(server: ExchangeServer, client: BulkWebSocketClient) -> list[str]:
    """The orders that the exchange itself has of this client."""
    assert client.signer is not None
    return list(server.exchange._ledger.look(client.signer.public_key).open_orders)


async def rest(client: BulkWebSocketClient, price: float = 50_000.0, **more: Any) -> Any:
    return await client.place_limit_order(BTC, Side.BUY, price, 0.01, time_in_force=TimeInForce.ALO, **more)


# Ends


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1008, 1011])
@pytest.mark.parametrize("occasion", ["post", "reply"])
async def test_an_order_is_in_doubt_and_settled_by_the_next_snapshot(occasion: str, code: int) -> None:
    fault = faults.Close(on=occasion, code=code)
    async with troubled(fault, backoff_cap=0.05) as (server, client):  # 1008 waits for the cap
        with pytest.raises(ConnectionDropped) as lost:
            await rest(client)
        (order_id,) = lost.value.order_ids
        await until(lambda: client.is_connected and client.account_is_live)
        landed = occasion == "reply"
        assert open_on(server, client) == ([order_id] if landed else [])
        assert (order_id in client.get_order_map()) is landed
        assert (await rest(client, 49_000.0)).status is OrderStatus.RESTING


async def test_a_reset_at_any_moment_is_survived() -> None:
    script = faults.Reset(on="time", at=1.0, every=0.2, until=2.0)  # seconds after the exchange began
    began = anyio.current_time()
    async with troubled(script) as (_, client):
        seen: list[Any] = []
        client.on(Topic.DISCONNECTED, seen.append)
        await until(lambda: anyio.current_time() > began + 2.2)
        await until(lambda: client.account_is_live)
        assert seen  # a slow machine may suffer two of them at once
        assert (await rest(client)).status is OrderStatus.RESTING


@pytest.mark.parametrize("fault", [faults.Truncate(on="reply"), faults.Garbage(on="reply")])
async def test_a_broken_frame_costs_the_connection_and_no_order(fault: AnyFault) -> None:
    async with troubled(fault) as (server, client):
        with pytest.raises(ConnectionDropped) as lost:
            await rest(client)
        await until(lambda: client.is_connected and client.account_is_live)
        assert list(client.get_order_map()) == list(lost.value.order_ids) == open_on(server, client)


async def test_a_stalled_exchange_is_given_up_and_found_again() -> None:
    fault = faults.Stall(on="reply")
    async with troubled(fault, ping_interval=0.1, silence_timeout=0.4) as (server, client):
        with pytest.raises(ConnectionDropped):
            await rest(client)
        await until(lambda: client.is_connected and client.account_is_live)
        assert list(client.get_order_map()) == open_on(server, client) != []


# Connecting


async def test_refused_connections_are_tried_again_until_one_is_accepted() -> None:
    script = (faults.Refuse(on="reply", seconds=0.5), faults.Reset(on="reply"))
    async with troubled(*script) as (_, client):
        with pytest.raises(OutcomeUnknown):
            await rest(client)
        began = anyio.current_time()
        await until(lambda: client.is_connected and client.account_is_live)
        assert anyio.current_time() - began > 0.4


@pytest.mark.parametrize("status", [401, 429, 502, 503])
async def test_a_refused_handshake_is_named_when_it_is_the_first(status: int, anyio_backend: str) -> None:
    config = ExchangeConfig(faults=(faults.Status(on="handshake", status=status),))
    async with serve_exchange(config) as server:
        client = BulkWebSocketClient(server.url, [BTC], backoff_base=0.02)
        assert await client.connect() is False
        assert isinstance(client.last_error, HandshakeRejected)
        assert client.last_error.status == status
        assert await client.connect() is True
        await client.disconnect()


async def test_retry_after_is_kept() -> None:
    script = (
        faults.Reset(on="time", at=0.3),
        faults.Status(on="handshake", nth=2, status=429, retry_after=1),
    )
    async with troubled(*script) as (_, client):
        await until(lambda: not client.is_connected)
        began = anyio.current_time()
        await until(lambda: client.is_connected)
        assert anyio.current_time() - began >= 1.0


async def test_a_handshake_that_is_never_answered_ends_in_time(anyio_backend: str) -> None:
    config = ExchangeConfig(faults=(faults.Stall(on="handshake"),))
    async with serve_exchange(config) as server:
        client = BulkWebSocketClient(server.url, [BTC], opening_timeout=0.2)
        with anyio.fail_after(5):
            assert await client.connect() is False


async def test_a_slow_exchange_is_still_an_exchange() -> None:
    quiet = {"flow_rate": 0.0, "ticker_interval": 2.0}
    async with troubled(faults.Slow(on="handshake", rate=30_000.0), settings=quiet) as (_, client):
        assert (await rest(client)).status is OrderStatus.RESTING


# Requests and answers


async def test_a_late_answer_updates_the_account_and_no_later_request() -> None:
    async with troubled(faults.Delay(on="reply", seconds=0.3)) as (_, client):
        with pytest.raises(RequestTimedOut) as late:
            await rest(client, timeout=0.1)
        second = await rest(client, 49_000.0)
        await until(lambda: set(client.get_order_map()) == {late.value.order_ids[0], second.order_id})


async def test_a_lost_request_and_a_lost_answer_look_alike_and_neither_is_repeated() -> None:
    script = (faults.Drop(on="post"), faults.Drop(on="reply"))
    async with troubled(*script) as (server, client):
        for landed in (0, 1):
            with pytest.raises(RequestTimedOut):
                await rest(client, timeout=0.2)
            await anyio.sleep(0.05)
            assert len(open_on(server, client)) == landed


async def test_answers_find_their_requests_in_any_order_and_once() -> None:
    script = (faults.Swap(on="reply"), faults.Double(on="reply", nth=3))
    async with troubled(*script) as (server, client):
        prices: dict[float, str] = {}

        async def place(price: float) -> None:
            prices[price] = (await rest(client, price)).order_id

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(place, 50_000.0)
            tasks.start_soon(place, 49_000.0)
        await place(48_000.0)
        await place(47_000.0)
        assert {order.order_id: order.price for order in client.get_orders()} == {
            order_id: price for price, order_id in prices.items()
        }
        assert sorted(prices.values()) == sorted(open_on(server, client))


async def test_rows_in_another_order_reach_the_right_actions() -> None:
    async with troubled(faults.ReverseRows(on="reply", nth=2)) as (_, client):
        first = await rest(client)
        responses = await client.place_orders(
            [CancelOrder(BTC, first.order_id, Side.BUY), LimitOrder(BTC, Side.BUY, 49_000.0, 0.01)]
        )
        assert [response.status for response in responses] == [OrderStatus.CANCELLED, OrderStatus.RESTING]


async def test_an_answer_without_rows_is_no_error_and_the_account_stream_tells() -> None:
    async with troubled(faults.NoRows(on="reply")) as (server, client):
        response = await rest(client)
        assert not response.is_error()
        await until(lambda: list(client.get_order_map()) == open_on(server, client))


async def test_an_error_that_names_no_request_rejects_nobody() -> None:
    async with troubled(faults.Error(on="post"), faults.Delay(on="post", seconds=0.1)) as (_, client):
        errors: list[Any] = []
        client.on(Topic.ERROR, errors.append)
        assert (await rest(client)).status is OrderStatus.RESTING
        await until(lambda: errors)


@pytest.mark.parametrize("text", ['{"type":"of the future"}', '{"type":', "[]", "null", '"\\ud800"', "7"])
async def test_messages_that_nobody_knows_cost_nothing_else(text: str) -> None:
    async with troubled(faults.Insert(on="message", text=text, nth=5, times=20)) as (_, client):
        assert (await rest(client)).status is OrderStatus.RESTING
        await until(lambda: client.get_ticker(BTC))
        assert client.is_connected


# Events


async def test_events_of_a_stranger_are_not_applied() -> None:
    fills: list[Fill] = []
    strange: list[object] = []
    async with troubled(faults.WrongAccount(on="account", nth=2, times=0)) as (_, client):
        client.on(Topic.FILL, fills.append)
        client.on(Topic.UNKNOWN, strange.append)
        assert (await rest(client)).status is OrderStatus.RESTING
        await anyio.sleep(0.1)
        assert client.positions == []
        await client.place_market_order(BTC, Side.BUY, 0.01)
        await until(lambda: any(isinstance(one, Unasked) and isinstance(one.event, Fill) for one in strange))
        assert (client.positions, fills) == ([], [])


async def test_fills_that_are_told_again_count_once() -> None:
    fills: list[Fill] = []
    script = (
        faults.Double(on="fill", times=0),
        faults.ReplayFills(on="accountSnapshot", times=0),
        faults.Reset(on="post", nth=3),
    )
    async with troubled(*script) as (_, client):
        client.on(Topic.FILL, fills.append)
        for _ in range(2):
            await client.place_market_order(BTC, Side.BUY, 0.01)
        with pytest.raises(ConnectionDropped):
            await client.place_market_order(BTC, Side.BUY, 0.01)
        await until(lambda: client.is_connected and client.account_is_live)
        await rest(client)
        await until(lambda: fills)
        assert sum(fill.size for fill in fills) == pytest.approx(0.02)
        assert client.positions[0].size == pytest.approx(0.02)
        assert client.inventory.quantity_for(BTC) == pytest.approx(0.02)


@pytest.mark.parametrize(
    "fault",
    [faults.Drop(on="l2Delta", nth=5, every=7, times=0), faults.Swap(on="l2Delta", nth=5, every=7, times=0)],
)
async def test_a_book_never_stays_crossed_when_deltas_are_lost_or_swapped(fault: AnyFault) -> None:
    async with troubled(fault, settings={"flow_rate": 100.0}, book_patience=0.2) as (_, client):
        await client.subscribe_orderbook_delta(BTC)
        book = client.get_book(BTC)
        assert book is not None
        crossed_since: float | None = None
        with anyio.move_on_after(2.0):
            while True:
                await anyio.sleep(0.01)
                now = anyio.current_time()
                bid, ask = book.best_bid(), book.best_ask()
                crossed = book.ok and bid is not None and ask is not None and bid.price >= ask.price
                crossed_since = (crossed_since or now) if crossed else None
                assert crossed_since is None or now - crossed_since < 1.0
        assert client.is_connected
