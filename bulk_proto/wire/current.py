"""The fast tier: the documented current shapes of busy messages, read straight into typed values.

Every field whose absence, null or presence could mean that a server uses another spelling is declared
so that such a message fails here and goes to :mod:`.tolerant`; nothing is ever taken for missing
because it is called something else. What both tiers can read, they read alike.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from bulk_proto.enums import OrderStatus, Side
from bulk_proto.events import (
    BookStream,
    Candle,
    Candles,
    Event,
    Fill,
    L2Delta,
    L2Snapshot,
    OrderBookLevel,
    OrderState,
    Ticker,
    Trade,
    Trades,
    series,
)
from bulk_proto.replies import PostReply, Reply, Row

from .market import market_and_interval
from .orders import execution_reason, order_side, side_of, time_in_force
from .topics import account_of, book_stream
from .values import Unreadable

_BUY, _SELL = Side.BUY, Side.SELL
_status_of = OrderStatus.of_order
Unsigned = Annotated[float, Meta(ge=0)]
Text = Annotated[str, Meta(min_length=1)]


class _Current(Struct, frozen=True, gc=False, tag_field="type"):
    """A message of a current shape. Its ``event()`` may raise :class:`Unreadable`, as decoding may fail."""

    topic: str


class _TickerData(Struct, frozen=True, gc=False):
    ticker: Ticker


class _TickerMessage(_Current, frozen=True, gc=False, tag="ticker"):
    data: _TickerData

    def event(self) -> Event:
        if not self.data.ticker.symbol:
            raise Unreadable("ticker that names no market")
        return self.data.ticker


class _TradeRow(Struct, frozen=True, gc=False):
    s: Text
    px: Unsigned
    sz: Unsigned
    time: int
    side: bool
    maker: str = ""
    taker: str = ""
    reason: str | None = None
    liq: bool = False


class _TradesData(Struct, frozen=True, gc=False):
    trades: Annotated[list[_TradeRow], Meta(min_length=1)]


class _TradesMessage(_Current, frozen=True, gc=False, tag="trades"):
    data: _TradesData

    def event(self) -> Event:
        trades = [
            Trade(
                row.time,
                row.s,
                _BUY if row.side else _SELL,
                row.sz,
                row.px,
                row.maker,
                row.taker,
                row.reason or None,
                row.liq,
            )
            for row in self.data.trades
        ]
        return Trades(trades[0].symbol, trades)


class _Series:
    """A candle topic. Reading it begins the series, so that it must stand before the rows."""

    __slots__ = ("interval", "symbol")

    def __init__(self, topic: str) -> None:
        self.symbol, self.interval = market_and_interval(topic)
        series.begin(self.symbol, self.interval)


def _series(kind: type, topic: object) -> _Series:
    """What the decoder asks about the only type that it does not know."""
    if not isinstance(topic, str):
        raise Unreadable("candles whose topic is no text")
    return _Series(topic)


class _CandlesData(Struct, frozen=True, gc=False):
    candles: list[Candle]


class _CandlesMessage(Struct, frozen=True, gc=False, tag_field="type", tag="candle"):
    topic: _Series
    data: _CandlesData

    def event(self) -> Event:
        symbol, interval, rows = self.topic.symbol, self.topic.interval, self.data.candles
        if rows and (rows[0].symbol, rows[0].interval) != (symbol, interval):
            raise Unreadable("candles that stand before their topic")
        return Candles(symbol, interval, rows)


class _Book(Struct, frozen=True, gc=False, tag_field="updateType", tag="snapshot"):
    symbol: Text
    levels: tuple[list[OrderBookLevel], list[OrderBookLevel]]
    timestamp: int


class _SnapshotData(Struct, frozen=True, gc=False):
    book: _Book


class _SnapshotMessage(_Current, frozen=True, gc=False, tag="l2Snapshot"):
    data: _SnapshotData

    def event(self) -> Event:
        book = self.data.book
        bids, asks = book.levels
        stream = book_stream(self.topic, BookStream.SNAPSHOT)
        return L2Snapshot(book.symbol, bids, asks, book.timestamp, stream)


class _DeltaData(Struct, frozen=True, gc=False):
    book: L2Delta


class _DeltaMessage(Struct, frozen=True, gc=False, tag_field="type", tag="l2Delta"):
    data: _DeltaData

    def event(self) -> Event:
        delta = self.data.book
        if delta.timestamp is None:
            raise Unreadable("null, beside which the time may go by another name")
        return delta


class _AccountData(Struct, frozen=True, gc=False, tag_field="type"):
    """The part of an account event that tells everything but whose it is."""


class _OrderUpdate(_AccountData, frozen=True, gc=False, tag="orderUpdate"):
    ot: Text
    status: str
    sym: Text
    oid: Text
    px: float
    orig_size: float = field(name="origSz")
    sz: float
    fill_size: float = field(name="fillSz")
    vwap: float
    r: bool
    mk: bool
    ts: int
    tif: str | None = None
    reason: str | None = None
    iso: bool = False
    is_buy: None = field(default=None, name="isBuy")  # from here on: rare, so read by the tolerant tier
    trigger: None = None
    pending_on_fill: None = field(default=None, name="pendingOnFill")

    def event(self, account: str) -> Event:
        return OrderState(  # by place: Python packs more than 15 names into a dictionary first
            account,
            self.sym,
            self.oid,
            _status_of(self.status),
            order_side(self.orig_size, self.sz),
            self.px,
            abs(self.sz),
            abs(self.orig_size),
            abs(self.fill_size),
            self.vwap,
            self.ts,
            self.mk,
            self.r,
            self.ot,
            time_in_force(self.tif),
            None,  # trigger
            self.iso,
            self.reason or None,
            self.status,
        )


class _Fill(_AccountData, frozen=True, gc=False, tag="fill", rename="camel"):
    symbol: Text
    order_id: Text
    price: float
    size: float
    is_buy: bool
    reason_code: int
    timestamp: int
    maker: bool
    trade_id: Text | int
    fee: float | None = None
    reason: str | None = None
    counterparty_hint: str | None = None

    def event(self, account: str) -> Event:
        return Fill(
            account,
            self.symbol,
            self.order_id,
            self.price,
            abs(self.size),
            side_of(self.is_buy),
            self.timestamp,
            self.maker,
            self.fee,
            str(self.trade_id),
            execution_reason(self.reason_code, self.reason or None),
            self.counterparty_hint or None,
            side_inferred=True,
        )


class _AccountMessage(_Current, frozen=True, gc=False, tag="account"):
    data: _OrderUpdate | _Fill

    def event(self) -> Event:
        account = account_of(self.topic)
        if not account:
            raise Unreadable("account event whose topic names no account")
        return self.data.event(account)


class _Statuses(Struct, frozen=True, gc=False):
    statuses: list[dict[str, dict[str, Any]]]


class _Response(Struct, frozen=True, gc=False):
    data: _Statuses


class _Admitted(Struct, frozen=True, gc=False):
    """What became of a transaction that was not refused as a whole."""

    status: Literal["ok"]  # a tag could be missing
    response: _Response


class _ReplyData(Struct, frozen=True, gc=False, tag_field="type", tag="action"):
    payload: _Admitted


class _ReplyMessage(Struct, frozen=True, gc=False, tag_field="type", tag="post"):
    id: int
    data: _ReplyData

    def event(self) -> Reply:
        entries = self.data.payload.response.data.statuses
        return PostReply(
            self.id, True, [Row(kind, body) for entry in entries for kind, body in entry.items()]
        )


Current = (
    _TickerMessage
    | _TradesMessage
    | _CandlesMessage
    | _SnapshotMessage
    | _DeltaMessage
    | _AccountMessage
    | _ReplyMessage
)
MESSAGES: msgspec.json.Decoder[Current] = msgspec.json.Decoder(Current, dec_hook=_series)
