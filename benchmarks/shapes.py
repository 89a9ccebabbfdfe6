"""Every message of the feed as plain Structs, unchecked: what decoding alone costs at the least."""

from __future__ import annotations

from msgspec import Struct


class Level(Struct, frozen=True, gc=False):
    px: float
    sz: float
    n: int


class Book(Struct, frozen=True, gc=False):
    symbol: str
    levels: tuple[list[Level], list[Level]]
    timestamp: int


class BookData(Struct, frozen=True, gc=False):
    book: Book


class Ticker(Struct, frozen=True, gc=False, rename="camel"):
    symbol: str
    last_price: float
    mark_price: float
    oracle_price: float
    price_change: float
    price_change_percent: float
    high_price: float
    low_price: float
    volume: float
    quote_volume: float
    open_interest: float
    funding_rate: float
    regime: int
    regime_dt: float
    regime_vol: float
    regime_mv: float
    fair_book_px: float
    fair_vol: float
    fair_bias: float
    timestamp: int


class TickerData(Struct, frozen=True, gc=False):
    ticker: Ticker


class Trade(Struct, frozen=True, gc=False):
    s: str
    px: float
    sz: float
    time: int
    side: bool
    maker: str
    taker: str


class TradesData(Struct, frozen=True, gc=False):
    trades: list[Trade]


class Fill(Struct, frozen=True, gc=False, rename="camel", tag_field="type", tag="fill"):
    symbol: str
    order_id: str
    price: float
    size: float
    is_buy: bool
    timestamp: int
    maker: bool
    fee: float
    reason_code: int
    counterparty_hint: str
    trade_id: str


class OrderUpdate(Struct, frozen=True, gc=False, rename="camel", tag_field="type", tag="orderUpdate"):
    status: str
    sym: str
    oid: str
    px: float
    orig_sz: float
    sz: float
    fill_sz: float
    vwap: float
    ts: int
    ot: str
    tif: str
    r: bool
    mk: bool


class Delta(Struct, frozen=True, gc=False, tag_field="type", tag="l2Delta"):
    topic: str
    data: BookData


class Snapshot(Struct, frozen=True, gc=False, tag_field="type", tag="l2Snapshot"):
    topic: str
    data: BookData


class TickerMessage(Struct, frozen=True, gc=False, tag_field="type", tag="ticker"):
    topic: str
    data: TickerData


class TradesMessage(Struct, frozen=True, gc=False, tag_field="type", tag="trades"):
    topic: str
    data: TradesData


class AccountMessage(Struct, frozen=True, gc=False, tag_field="type", tag="account"):
    topic: str
    data: Fill | OrderUpdate


Message = Delta | Snapshot | TickerMessage | TradesMessage | AccountMessage
