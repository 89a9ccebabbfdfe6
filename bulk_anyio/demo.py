"""What ``bulk demo`` does: trades for a few seconds against a local exchange, over a real connection.

The steps are those of any trading day: watch, quote a ladder, replace a quote without a gap, take
liquidity, get filled, clean up. Each step is checked; the first that fails ends the demo with one
sentence that says what went wrong.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import anyio
from msgspec import Struct, field

from bulk_proto.actions import CancelOrder, LimitOrder
from bulk_proto.book import OrderBook
from bulk_proto.enums import Side, Topic
from bulk_proto.events import Candle, Fill, Ticker, Trade
from bulk_proto.responses import OrderResponse
from bulk_proto.signing.signer import TransactionSigner

from .client import BulkWebSocketClient
from .driver import Bell
from .exchange import serve_exchange

SYMBOL = "BTC-USD"
SYMBOLS = ("BTC-USD", "ETH-USD", "SOL-USD")
LADDER = (2, 6, 400)  # ticks behind the touch: two that may be filled, one that stays
SIZE = 0.05  # base units of each quote
_FRAME = 0.2  # seconds between two pictures


class DemoFailed(Exception):
    """One sentence about the step that did not work."""


class Report(Struct):
    """What the demo has seen and done so far; the screen and the summary are drawn from it."""

    seconds: float
    elapsed: float = 0.0
    tickers: int = 0
    trades: int = 0
    candles: int = 0
    placed: int = 0
    replaced: int = 0
    cancelled: int = 0
    fills: list[Fill] = field(default_factory=list)
    last_trades: deque[Trade] = field(default_factory=lambda: deque(maxlen=8))
    steps: list[str] = field(default_factory=list)
    done: bool = False

    def log(self, step: str) -> None:
        self.steps.append(f"{self.elapsed:5.1f} s  {step}")


Draw = Callable[[BulkWebSocketClient, Report], None]


async def run_demo(seconds: float, seed: int, draw: Draw) -> Report:
    """Run the whole demo. Raises :class:`DemoFailed`, or an error of the client, at the first failure."""
    report = Report(seconds=seconds)
    signer = TransactionSigner.generate_account()
    async with serve_exchange(seed=seed) as server:
        client = BulkWebSocketClient(server.url, SYMBOLS, signer)
        _listen(client, report)
        async with client:
            report.log(f"connected to {server.url} as {signer.public_key[:6]}…")
            await _subscribe(client)
            report.log("subscribed to tickers, book, trades, candles and the account")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_keep_drawing, client, report, draw)
                await _trade(client, report)
                tasks.cancel_scope.cancel()
            _check(report)
            report.done = True
            draw(client, report)
    return report


def _listen(client: BulkWebSocketClient, report: Report) -> None:
    def on_ticker(ticker: Ticker) -> None:
        report.tickers += 1

    def on_trades(trades: list[Trade]) -> None:
        report.trades += len(trades)
        report.last_trades.extend(trades)

    def on_candle(candle: Candle) -> None:
        report.candles += 1

    client.on(Topic.TICKER, on_ticker)
    client.on(Topic.TRADES, on_trades)
    client.on(Topic.CANDLE, on_candle)
    client.on(Topic.FILL, report.fills.append)


async def _subscribe(client: BulkWebSocketClient) -> None:
    await client.subscribe_orderbook_snapshot(SYMBOL, nlevels=20)
    await client.subscribe_orderbook_delta(SYMBOL)
    await client.subscribe_trades(list(SYMBOLS))
    await client.subscribe_candles(SYMBOL, "1m")


async def _keep_drawing(client: BulkWebSocketClient, report: Report, draw: Draw) -> None:
    began = anyio.current_time()
    while True:
        report.elapsed = anyio.current_time() - began
        draw(client, report)
        await anyio.sleep(_FRAME)


async def _trade(client: BulkWebSocketClient, report: Report) -> None:
    pause = report.seconds / 5
    await anyio.sleep(pause)
    quotes = await _quote_ladder(client, report)
    await anyio.sleep(pause)
    await _replace(client, report, quotes[0])
    await anyio.sleep(pause)
    await _take(client, report)
    await anyio.sleep(2 * pause)
    await _clean_up(client, report)


async def _quote_ladder(client: BulkWebSocketClient, report: Report) -> list[OrderResponse]:
    book = _book(client)
    bid, ask = book.best_bid(), book.best_ask()
    if bid is None or ask is None:
        raise DemoFailed(f"the book of {SYMBOL} has an empty side")
    tick = 0.5
    bids = [LimitOrder(SYMBOL, Side.BUY, bid.price - ticks * tick, SIZE) for ticks in LADDER]
    asks = [LimitOrder(SYMBOL, Side.SELL, ask.price + ticks * tick, SIZE) for ticks in LADDER]
    responses = await client.place_orders([*bids, *asks])
    for response in responses:
        _require(response, "a quote of the ladder")
    report.placed += len(responses)
    report.log(f"placed a ladder of {len(responses)} orders in one transaction")
    return responses


async def _replace(client: BulkWebSocketClient, report: Report, quote: OrderResponse) -> None:
    """Cancel and place anew in one transaction. The old quote may just have been filled: then both stand."""
    bid = _book(client).best_bid()
    if bid is None or quote.order_id is None:
        raise DemoFailed(f"there are no bids in the book of {SYMBOL}")
    cancel = CancelOrder(SYMBOL, quote.order_id, Side.BUY)
    cancelled, placed = await client.place_orders(
        [cancel, LimitOrder(SYMBOL, Side.BUY, bid.price - 3 * 0.5, SIZE)]
    )
    _require(placed, "the replacing order")
    report.replaced += 1
    before = "filled just before" if cancelled.is_error() else str(cancelled.status)
    report.log(f"replaced a bid in one transaction (old one {before}, new one {placed.status})")


async def _take(client: BulkWebSocketClient, report: Report) -> None:
    response = await client.place_market_order(SYMBOL, Side.BUY, SIZE)
    _require(response, "the market order")
    report.log(f"bought {SIZE} at market: {response.status}")


async def _clean_up(client: BulkWebSocketClient, report: Report) -> None:
    before = len(client.get_orders())
    order_moved = Bell()
    client.on(Topic.ORDER, lambda order: order_moved.ring())
    await client.cancel_all()
    with anyio.move_on_after(2):
        while client.get_orders():
            await order_moved.wait()
    left = client.get_orders()
    if left:
        raise DemoFailed(f"{len(left)} orders are still open after cancelling all")
    report.cancelled = before
    report.log(f"cancelled the remaining {before} orders")


def _book(client: BulkWebSocketClient) -> OrderBook:
    book = client.get_book(SYMBOL)
    if book is None or not book.ok:
        raise DemoFailed(f"the book of {SYMBOL} is not live: {book.why if book else 'not subscribed'}")
    return book


def _require(response: OrderResponse, what: str) -> None:
    if response.is_error():
        raise DemoFailed(f"{what} was refused: {response.status} {response.message or ''}".rstrip())


def _check(report: Report) -> None:
    missing = [
        name
        for name, count in (
            ("ticker", report.tickers),
            ("trade", report.trades),
            ("candle", report.candles),
            ("fill", len(report.fills)),
        )
        if not count
    ]
    if missing:
        raise DemoFailed(f"no {' and no '.join(missing)} arrived in {report.seconds:g} seconds")
