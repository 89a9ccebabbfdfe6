"""Events of the public market: tickers, trades, books, candles."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Any, ClassVar

from msgspec import Meta, Struct, field
from msgspec.structs import asdict

from bulk_proto.enums import Side, Topic
from bulk_proto.timestamps import to_nanoseconds

from . import series
from .base import Event, TimedEvent


class Ticker(TimedEvent, frozen=True, gc=False, rename="camel"):
    """24-hour figures and current prices of one market, every 200 ms. Any number may be None."""

    topic: ClassVar[Topic] = Topic.TICKER
    stale: ClassVar[bool] = False
    """True for a :class:`StaleTicker` alone: newer figures have surely been sent, and did not arrive."""

    symbol: str
    last_price: float | None = None
    mark_price: float | None = None  # fair price used for margin
    oracle_price: float | None = None  # external reference
    price_change: float | None = None  # 24 h, quote currency, signed
    price_change_percent: float | None = None  # 24 h, percent, signed
    high_price: float | None = None  # 24 h
    low_price: float | None = None  # 24 h
    volume: float | None = None  # 24 h, base units
    quote_volume: float | None = None  # 24 h, quote currency
    open_interest: float | None = None  # base units
    funding_rate: float | None = None  # current rate, signed fraction
    regime: int | None = None  # model output, as the next six
    regime_dt: float | None = None  # age of the regime in steps of 10 s
    regime_vol: float | None = None  # volatility; its unit is not documented, nor are those of the rest
    regime_mv: float | None = None
    fair_book_px: float | None = None  # a price
    fair_vol: float | None = None
    fair_bias: float | None = None
    timestamp: int | None = None  # documented in ns

    @property
    def key(self) -> object:
        return self.symbol


class StaleTicker(Ticker, frozen=True, gc=False, rename="camel"):
    """What the last ticker said before its stream was lost, until the next one comes. Kept, never emitted."""

    stale: ClassVar[bool] = True

    @staticmethod
    def of(ticker: Ticker) -> StaleTicker:
        return StaleTicker(**asdict(ticker))


class Trade(Struct, frozen=True, gc=False):
    """One public execution."""

    timestamp: int | None  # documented in ms
    symbol: str
    side: Side | None  # the taker's; None when the server did not say
    size: float  # base units, unsigned
    price: float
    maker: str = ""  # public key of the resting side, often empty
    taker: str = ""  # public key, as above
    reason: str | None = None  # liquidation, adl, liquidation_sweep; None for a normal trade
    liquidation: bool = False

    @property
    def timestamp_ns(self) -> int | None:
        return None if self.timestamp is None else to_nanoseconds(self.timestamp)


class Trades(Event, frozen=True, gc=False):
    """Public executions of one message; handlers receive the list."""

    topic: ClassVar[Topic] = Topic.TRADES

    symbol: str
    trades: list[Trade]

    @property
    def payloads(self) -> Sequence[object]:
        return (self.trades,)


class OrderBookLevel(Struct, frozen=True, gc=False):
    """One price of a book. ``size`` is absolute, never a change; in a delta 0 removes the price.

    ``num_orders`` is real in snapshots only: deltas always carry 0.
    """

    price: Annotated[float, Meta(ge=0)] = field(name="px")  # quote currency
    size: Annotated[float, Meta(ge=0)] = field(name="sz")  # base units
    num_orders: int = field(default=0, name="n")

    def __str__(self) -> str:
        return f"{self.size} @ {self.price}"


class BookStream(Enum):
    """Which subscription a book message came from; both can carry snapshots."""

    __hash__ = object.__hash__  # members are singletons, and Enum's own hash runs Python code

    SNAPSHOT = "l2Snapshot"
    DELTA = "l2Delta"


class L2Snapshot(TimedEvent, frozen=True, gc=False):
    """A whole book, or its best ``nlevels`` on each side."""

    topic: ClassVar[Topic] = Topic.L2SNAPSHOT

    symbol: str
    bids: list[OrderBookLevel]  # highest price first
    asks: list[OrderBookLevel]  # lowest price first
    timestamp: int | None  # documented in ms
    stream: BookStream = BookStream.SNAPSHOT


Changes = tuple[OrderBookLevel, ...]
"""Changed levels of one side of a book."""


class L2Delta(TimedEvent, frozen=True, gc=False, tag_field="updateType", tag="delta"):
    """Changed levels with their new absolute sizes; usually one level on one side.

    ``changes`` are those of the bids and those of the asks, as they stand on the wire: nine messages of
    ten are deltas, so they are read straight into this form.
    """

    topic: ClassVar[Topic] = Topic.L2DELTA

    symbol: Annotated[str, Meta(min_length=1)]
    changes: tuple[Changes, Changes] = field(name="levels")
    timestamp: int | None  # documented in ms

    @property
    def bid_changes(self) -> Changes:
        return self.changes[0]

    @property
    def ask_changes(self) -> Changes:
        return self.changes[1]


_Unsaid = Annotated[str, Meta(pattern="(?!)")]  # no text matches: a row that says it is not read this way


class Candle(Struct, frozen=True, gc=False):
    """One bar. A later candle with the same ``open_time`` replaces it: the open bar is repeated.

    Rows of the wire are read straight into this form; market and interval, which they leave out, are those
    of the series being read. Whoever makes a candle names both.
    """

    symbol: _Unsaid = field(default_factory=series.symbol, name="seriesSymbol")
    interval: _Unsaid = field(default_factory=series.interval, name="seriesInterval")  # 1m: minute, 1M: month
    open_time: int = field(default_factory=series.open_time, name="t")  # ms
    close_time: int | None = field(default=None, name="T")  # ms
    open: float | None = field(default=None, name="o")
    high: float | None = field(default=None, name="h")
    low: float | None = field(default=None, name="l")
    close: float | None = field(default=None, name="c")
    volume: float | None = field(default=None, name="v")  # base units
    num_trades: int | None = field(default=None, name="n")


class Candles(Event, frozen=True, gc=False):
    """Candles of one message: up to 5,000 past ones first, then updates. Handlers get them one by one."""

    topic: ClassVar[Topic] = Topic.CANDLE

    symbol: str
    interval: str
    candles: list[Candle]

    @property
    def payloads(self) -> Sequence[object]:
        return self.candles


class RiskRatio(Struct, frozen=True, gc=False):
    """One cell of a risk surface: maintenance margin as a fraction of the notional. None: not sent."""

    mmr_start: float | None  # when the regime starts
    mmr_end: float | None  # when it ends
    probability: float | None  # of staying in the regime, 0 to 1


class RiskSurface(TimedEvent, frozen=True, gc=False):
    """Margin ratios of one market by notional (row) and leverage (column); sent when they change.

    What an older form of the message does not have is empty or None; ``surface`` is the message as sent.
    """

    topic: ClassVar[Topic] = Topic.RISK

    symbol: str
    surface: dict[str, Any]
    timestamp: int | None = None  # documented in ms
    regime: int | None = None  # model output, as in a ticker
    leverages: tuple[float, ...] = ()  # of the columns
    notionals: tuple[float, ...] = ()  # of the rows, quote currency
    buy: tuple[tuple[RiskRatio, ...], ...] = ()
    sell: tuple[tuple[RiskRatio, ...], ...] = ()
    correlations: dict[str, float] = field(default_factory=dict)  # by pair, such as BTC:ETH; -1 to 1

    @property
    def key(self) -> object:
        return self.symbol


class MarketContext(Struct, frozen=True, gc=False):
    """A few figures of one market. Any number may be None."""

    symbol: str
    volume: float | None  # 24 h, base units
    funding_rate: float | None  # current rate, signed fraction
    open_interest: float | None  # base units
    last_price: float | None
    price_change: float | None  # 24 h, quote currency, signed
    price_change_percent: float | None


class FrontendContext(Event, frozen=True, gc=False):
    """One row for every market, every two seconds; ``rows`` are the same as the server sent them.

    A row that names no market is in ``rows`` alone.
    """

    topic: ClassVar[Topic] = Topic.CONTEXT

    rows: list[dict[str, Any]]
    markets: tuple[MarketContext, ...] = ()

    @property
    def key(self) -> object:
        return Topic.CONTEXT
