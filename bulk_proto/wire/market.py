"""Market data in every container and spelling that servers have used, from plain JSON values.

The first argument is always the whole message, the second its topic string, empty where there is none.
A book or a list of trades with one unreadable entry is refused as a whole: applying the rest would
leave a state that looks right and is not.
"""

from __future__ import annotations

from typing import Any

from msgspec import structs

from bulk_proto.events import (
    BookStream,
    Candle,
    Candles,
    FrontendContext,
    L2Delta,
    L2Snapshot,
    MarketContext,
    OrderBookLevel,
    Ticker,
    Trade,
    Trades,
)

from .orders import side_of
from .topics import book_stream, split_topic
from .values import Fields, Unreadable, flag, integer, mapping, number, sequence, text, unsigned

_TICKER = {field.name: (field.encode_name,) for field in structs.fields(Ticker)}
_TICKER_NUMBERS = [name for name in _TICKER if name not in ("symbol", "regime", "timestamp")]
_TRADE = {
    "symbol": ("s", "symbol"),
    "price": ("px", "price"),
    "size": ("sz", "size"),
    "timestamp": ("time", "timestamp", "ts"),
    "bought": ("side", "b"),
    "liquidation": ("liq",),
}
_LEVEL = {"price": ("px", "price"), "size": ("sz", "size"), "num_orders": ("n",)}
_BOOK = {"kind": ("updateType",), "timestamp": ("timestamp", "time", "ts")}
_CONTEXT = {
    "volume": ("volume",),
    "funding_rate": ("funding", "fundingRate"),
    "open_interest": ("oi", "openInterest"),
    "last_price": ("lastPrice",),
    "price_change": ("priceChange",),
    "price_change_percent": ("priceChangePercent",),
}
_CANDLE = {
    "open_time": ("t",),
    "close_time": ("T",),
    "open": ("o",),
    "high": ("h",),
    "low": ("l",),
    "close": ("c",),
    "volume": ("v",),
    "num_trades": ("n",),
}


def ticker(message: dict[str, Any], topic: str) -> Ticker:
    row = Fields(_data(message).get("ticker"), "ticker", _TICKER)
    return Ticker(
        symbol=row.optional("symbol", text) or _market(topic),
        regime=row.optional("regime", integer),
        timestamp=row.optional("timestamp", integer),
        **{name: row.optional(name, number) for name in _TICKER_NUMBERS},
    )


def trades(message: dict[str, Any], topic: str) -> Trades:
    found = [_trade(row, topic) for row in _rows(message, "trades", "data")]
    return Trades(found[0].symbol if found else _market(topic), found)


def _trade(value: object, topic: str) -> Trade:
    row = Fields(value, "trade", _TRADE)
    return Trade(
        timestamp=row.optional("timestamp", integer),
        symbol=row.optional("symbol", text) or _market(topic),
        side=side_of(row.optional("bought", flag)),
        size=row.required("size", unsigned),
        price=row.required("price", unsigned),
        maker=row.optional("maker", text) or "",
        taker=row.optional("taker", text) or "",
        reason=row.optional("reason", text),
        liquidation=row.optional("liquidation", flag) or False,
    )


def candles(message: dict[str, Any], topic: str) -> Candles:
    symbol, interval = market_and_interval(topic)
    rows = _rows(message, "candles", "candle")
    return Candles(symbol, interval, [_candle(row, symbol, interval) for row in rows])


def market_and_interval(topic: str) -> tuple[str, str]:
    """Market and interval of a candle topic, which alone knows them."""
    symbol, _, interval = split_topic(topic)[1].rpartition(".")
    if not symbol or not interval:
        raise Unreadable("candles whose topic names no market and interval")
    return symbol, interval


def _candle(value: object, symbol: str, interval: str) -> Candle:
    row = Fields(value, "candle", _CANDLE)
    return Candle(
        symbol=symbol,
        interval=interval,
        open_time=row.required("open_time", integer),
        close_time=row.optional("close_time", integer),
        open=row.optional("open", number),
        high=row.optional("high", number),
        low=row.optional("low", number),
        close=row.optional("close", number),
        volume=row.optional("volume", number),
        num_trades=row.optional("num_trades", integer),
    )


def l2_snapshot(message: dict[str, Any], topic: str) -> L2Snapshot | L2Delta:
    return _book(message, topic, BookStream.SNAPSHOT)


def l2_delta(message: dict[str, Any], topic: str) -> L2Snapshot | L2Delta:
    return _book(message, topic, BookStream.DELTA)


def _book(message: dict[str, Any], topic: str, kind: BookStream) -> L2Snapshot | L2Delta:
    row = Fields(_data(message).get("book"), "book", _BOOK)
    symbol = row.optional("symbol", text) or _market(topic)
    bids, asks = _sides(row.required("levels", sequence))
    timestamp = row.optional("timestamp", integer)
    match (row.checked("kind", text) or kind.value.removeprefix("l2")).casefold():
        case "snapshot":
            return L2Snapshot(symbol, bids, asks, timestamp, book_stream(topic, kind))
        case "delta":
            return L2Delta(symbol, (tuple(bids), tuple(asks)), timestamp)
        case _:
            raise Unreadable("book that is neither snapshot nor delta")


def _sides(levels: list[Any]) -> tuple[list[OrderBookLevel], list[OrderBookLevel]]:
    if len(levels) != 2 or not isinstance(levels[0], list) or not isinstance(levels[1], list):
        raise Unreadable("book without two sides")
    return [_level(row) for row in levels[0]], [_level(row) for row in levels[1]]


def _level(value: object) -> OrderBookLevel:
    row = Fields(value, "level", _LEVEL)
    return OrderBookLevel(
        price=row.required("price", unsigned),
        size=row.required("size", unsigned),
        num_orders=row.optional("num_orders", integer) or 0,
    )


def frontend_context(message: dict[str, Any], topic: str) -> FrontendContext:
    rows = Fields(message.get("data"), "frontend context", {}).required("ctx", sequence)
    contexts = [_context(row) for row in rows]
    return FrontendContext(rows, tuple(context for context in contexts if context.symbol))


def _context(value: object) -> MarketContext:
    row = Fields(value, "row of the frontend context", _CONTEXT)
    return MarketContext(
        symbol=row.optional("symbol", text) or "",
        **{name: row.optional(name, number) for name in _CONTEXT},
    )


def _data(message: dict[str, Any]) -> dict[str, Any]:
    data = mapping(message.get("data"))
    if data is None:
        raise Unreadable("message without data")
    return data


def _rows(message: dict[str, Any], *names: str) -> list[Any]:
    """The rows of a message: listed under one of these names or bare, or a single row at either place."""
    content = message.get("data")
    if isinstance(content, dict):
        content = next((content[name] for name in names if content.get(name) is not None), content)
    if isinstance(content, dict):
        return [content]
    if isinstance(content, list):
        return content
    raise Unreadable(f"message without {names[0]}")


def _market(topic: str) -> str:
    symbol = split_topic(topic)[1]
    if not symbol:
        raise Unreadable("message that names no market")
    return symbol
