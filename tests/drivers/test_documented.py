"""Programs that make the calls of the exchange's own documentation, by the same import paths."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from bulk_api import BulkWebSocketClient
from bulk_api.common import Side, TimeInForce, Topic
from bulk_api.common.signer import TransactionSigner
from bulk_api.messages.trade import CancelOrder, LimitOrder, MarketOrder

from bulk_anyio.exchange import ExchangeServer

from .test_client import until

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

SEED = "1thX6LZfHDZZKUs92febYZhYRcXddmzfzF2NvTkPNE"  # of the published test key 00 01 .. 1f


async def test_reading_prices_without_a_key(exchange: ExchangeServer) -> None:
    client = BulkWebSocketClient(url=exchange.url, symbols=["BTC-USD", "ETH-USD"])
    connected = await client.connect()
    assert connected
    await anyio.sleep(1)  # as documented: the first ticker comes within 200 ms
    ticker = client.get_ticker("BTC-USD")
    assert ticker is not None
    assert f"{ticker.mark_price}" != "None"
    await client.disconnect()


async def test_the_balance_is_there_when_connect_returns(exchange: ExchangeServer) -> None:
    client = BulkWebSocketClient(
        url=exchange.url, symbols=["BTC-USD", "SOL-USD"], signer=TransactionSigner(SEED)
    )
    await client.connect()
    assert client.margin is not None
    assert f"{client.margin.total_balance:.2f}" == "100000.00"
    await client.disconnect()


async def test_handlers_given_at_construction_miss_nothing(exchange: ExchangeServer) -> None:
    marks: list[float | None] = []
    snapshots: list[Any] = []

    async def on_ticker(ticker: Any) -> None:
        marks.append(ticker.mark_price)

    client = BulkWebSocketClient(
        exchange.url,
        symbols=["BTC-USD"],
        signer=TransactionSigner.generate_account(),
        handlers={Topic.TICKER: on_ticker, Topic.ACCOUNT: snapshots.append},
    )
    await client.connect()
    await until(lambda: marks and snapshots)
    await client.disconnect()


async def test_a_ladder_then_a_replacement_without_a_gap(exchange: ExchangeServer) -> None:
    client = BulkWebSocketClient(exchange.url, ["BTC-USD"], TransactionSigner.generate_account())
    await client.connect()
    ladder = [
        LimitOrder(symbol="BTC-USD", side=Side.BUY, price=price, size=0.05)
        for price in [94_000.0, 93_000.0, 92_000.0]
    ]
    responses = await client.place_orders(ladder)
    assert [f"{response.status}" for response in responses] == ["resting"] * 3
    assert len({response.order_id for response in responses}) == 3
    existing = responses[0].order_id
    assert existing is not None
    cancel = CancelOrder(symbol="BTC-USD", oid=existing, side=Side.BUY)
    replacement = LimitOrder(symbol="BTC-USD", side=Side.BUY, price=94_500.0, size=0.1)
    responses = await client.place_orders([cancel, replacement])
    assert [str(response.status) for response in responses] == ["cancelled", "resting"]
    await client.disconnect()


async def test_every_documented_trading_call(exchange: ExchangeServer) -> None:
    client = BulkWebSocketClient(exchange.url, ["BTC-USD", "ETH-USD"], TransactionSigner.generate_account())
    await client.connect()
    placed = await client.place_limit_order(
        symbol="BTC-USD",
        side=Side.BUY,
        price=95_000.0,
        size=0.1,
        reduce_only=False,
        time_in_force=TimeInForce.GTC,
        timeout=5.0,
    )
    assert placed.order_id
    taken = await client.place_market_order(symbol="ETH-USD", side=Side.SELL, size=1.0, reduce_only=False)
    assert str(taken.status) == "filled"
    cancelled = await client.cancel_order(side=Side.BUY, symbol="BTC-USD", order_id=placed.order_id)
    assert str(cancelled.status) == "cancelled"
    both = await client.place_orders([MarketOrder("ETH-USD", Side.BUY, 1.0)], nonce=12345, timeout=5.0)
    assert not both[0].is_error()
    assert (await client.cancel_all(symbols=["BTC-USD", "ETH-USD"])).is_error()  # nothing is left to cancel
    assert (await client.cancel_all()).message
    await client.disconnect()


async def test_every_documented_read(exchange: ExchangeServer) -> None:
    client = BulkWebSocketClient(exchange.url, ["BTC-USD"], TransactionSigner.generate_account())
    await client.connect()
    await client.subscribe_ticker("SOL-USD")
    await client.subscribe_orderbook_snapshot("BTC-USD", nlevels=20)
    await client.subscribe_orderbook_delta("BTC-USD")
    await client.subscribe_trades(["BTC-USD", "ETH-USD"])
    for interval in ("1min", "5min", "15min", "1h", "4h", "1d"):
        await client.subscribe_candles("BTC-USD", interval)
    assert client.signer is not None
    await client.subscribe_account(client.signer.public_key)
    await client.place_limit_order("BTC-USD", Side.BUY, 95_000.0, 0.1)
    await until(lambda: client.get_ticker("SOL-USD"))
    assert client.margin is not None
    assert client.margin.available_balance > 0
    assert (
        len(client.get_orders())
        == len(client.get_orders(symbol="BTC-USD"))
        == len(client.get_order_map())
        == 1
    )
    pnl = client.get_pnl()
    assert f"{pnl.realized:.2f} {pnl.unrealized:.2f} {pnl.net:.2f}" == "0.00 0.00 0.00"
    book = client.get_book("BTC-USD")
    assert book
    assert f"{book.best_bid()}".count(" @ ") == 1
    lev = client.leverage_settings.get("BTC-USD")
    assert lev is None or lev.leverage > 0
    assert client.account_snapshot is not None
    assert client.inventory is not None
    await client.disconnect()


async def test_quoting_from_inside_a_ticker_handler(exchange: ExchangeServer) -> None:
    """The documentation's full example: every ticker is answered with a bid ten basis points below."""
    client = BulkWebSocketClient(exchange.url, ["BTC-USD"], TransactionSigner.generate_account())
    await client.connect()
    await client.subscribe_orderbook_snapshot("BTC-USD", nlevels=5)
    await client.subscribe_orderbook_delta("BTC-USD")
    resting: list[str | None] = []

    async def on_ticker(ticker: Any) -> None:
        if ticker.symbol != "BTC-USD":
            return
        response = await client.place_limit_order(
            "BTC-USD", Side.BUY, ticker.mark_price * 0.999, 0.01, time_in_force=TimeInForce.ALO, timeout=1.0
        )
        resting.append(response.order_id)

    async def on_fill(fill: Any) -> None:
        filled.append((fill.size, client.get_pnl().net))

    filled: list[tuple[float, float]] = []
    client.on(Topic.TICKER, on_ticker)
    client.on(Topic.FILL, on_fill)
    await until(lambda: len(resting) >= 5)
    assert all(resting)
    await client.place_market_order("BTC-USD", Side.BUY, 0.01)
    await until(lambda: filled)
    assert all(size > 0 and isinstance(net, float) for size, net in filled)
    assert not (await client.cancel_all()).is_error()
    await client.disconnect()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("BulkHttpClient", "speaks WebSocket only"),
        ("FastOrderBook", "OrderBook"),
        ("Bulk", "cannot import name"),
    ],
)
def test_names_of_the_released_client_that_are_not_here_are_explained(name: str, why: str) -> None:
    with pytest.raises(ImportError, match=why):
        exec(f"from bulk_api import {name}")
