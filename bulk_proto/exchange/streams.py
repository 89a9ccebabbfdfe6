"""The streams that can be subscribed: one value for each topic, read from an entry of a request."""

from __future__ import annotations

from collections.abc import Container
from enum import Enum

from msgspec import Struct

from bulk_proto.signing.base58 import is_key

from .candles import INTERVALS
from .config import Dialect
from .units import to_units


class StreamKind(Enum):
    """The value is both the type asked for and the type of the messages."""

    TICKER = "ticker"
    TRADES = "trades"
    CANDLE = "candle"
    L2_SNAPSHOT = "l2Snapshot"
    L2_DELTA = "l2Delta"
    RISK = "risk"
    CONTEXT = "frontendContext"
    ACCOUNT = "account"


_KINDS = {kind.value.casefold(): kind for kind in StreamKind}
_LOWER_CASE = (StreamKind.L2_SNAPSHOT, StreamKind.L2_DELTA)  # their topics are spelled so


class Stream(Struct, frozen=True):
    """One topic and its parameters. ``aggregation`` is in price units of 1e-8."""

    kind: StreamKind
    topic: str
    symbol: str = ""
    interval: str = ""
    key: str = ""
    nlevels: int | None = None
    aggregation: int | None = None


class EntryRefused(Exception):
    """An entry that names no stream; the text names the entry."""


def read_entry(entry: object, symbols: Container[str]) -> list[Stream]:
    """The streams of one entry: one, or one for each account. Raises :class:`EntryRefused`."""
    if not isinstance(entry, dict) or not isinstance(entry.get("type"), str):
        raise EntryRefused("subscription refused: an entry is an object with a type")
    kind = _KINDS.get(entry["type"].casefold())
    if kind is None:
        raise EntryRefused(f"subscription {entry['type'][:32]} refused: unknown type")
    if kind is StreamKind.CONTEXT:
        return [Stream(kind, kind.value)]
    if kind is StreamKind.ACCOUNT:
        return _accounts(entry.get("user"))
    symbol = entry.get("symbol")
    if not isinstance(symbol, str) or symbol not in symbols:
        raise EntryRefused(f"subscription {kind.value} {str(symbol)[:32]} refused: unknown symbol")
    return [_market_stream(kind, symbol, entry)]


def normalized(topic: str) -> str:
    """The topic in our spelling: the case of the part before the first dot does not matter."""
    head, dot, rest = topic.partition(".")
    kind = _KINDS.get(head.casefold())
    return topic if kind is None else _head(kind) + dot + rest


def spelled(topic: str, dialect: Dialect) -> str:
    """A topic as it is written to clients."""
    if not dialect.camel_case_topics:
        return topic
    head, dot, rest = topic.partition(".")
    return _KINDS[head.casefold()].value + dot + rest


def _head(kind: StreamKind) -> str:
    return kind.value.lower() if kind in _LOWER_CASE else kind.value


def _accounts(user: object) -> list[Stream]:
    keys = user if isinstance(user, list) else [user]
    streams = []
    for key in keys:
        if not isinstance(key, str) or not is_key(key):
            raise EntryRefused(f"subscription account {str(key)[:44]} refused: not a public key")
        streams.append(Stream(StreamKind.ACCOUNT, f"account.{key}", key=key))
    return streams


def _market_stream(kind: StreamKind, symbol: str, entry: dict[str, object]) -> Stream:
    topic = f"{_head(kind)}.{symbol}"
    if kind is StreamKind.CANDLE:
        interval = entry.get("interval")
        if not isinstance(interval, str) or interval not in INTERVALS:
            raise EntryRefused(f"subscription candle {symbol} {str(interval)[:8]} refused: unknown interval")
        return Stream(kind, f"{topic}.{interval}", symbol, interval)
    if kind is not StreamKind.L2_SNAPSHOT:
        return Stream(kind, topic, symbol)
    nlevels, aggregation = entry.get("nlevels"), entry.get("aggregation")
    if nlevels is not None and (type(nlevels) is not int or nlevels < 1):
        raise EntryRefused(f"subscription l2Snapshot {symbol} refused: nlevels must be 1 or more")
    try:
        bucket = None if aggregation is None else _bucket(aggregation)
    except ValueError:
        raise EntryRefused(
            f"subscription l2Snapshot {symbol} refused: aggregation must be a positive number"
        ) from None
    return Stream(kind, topic, symbol, nlevels=nlevels, aggregation=bucket)


def _bucket(aggregation: object) -> int:
    if not isinstance(aggregation, (int, float, str)) or isinstance(aggregation, bool):
        raise ValueError("not a number")
    if (bucket := to_units(aggregation)) == 0:
        raise ValueError("not positive")
    return bucket
