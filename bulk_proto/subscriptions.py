"""Topics of the exchange: one value for each, made by the functions here.

A topic is compared by its stream, the part before the first dot without regard to case and the rest
exactly, because public keys depend on case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import asdict

from .errors import UsageError
from .signing.base58 import is_key
from .wire import split_topic

Stream = tuple[str, str]

_SYMBOL = re.compile(r"[!-~]+")  # visible ASCII

CANDLE_INTERVALS = (
    *("10s", "1m", "3m", "5m", "15m", "30m"),
    *("1h", "2h", "4h", "6h", "8h", "12h"),
    *("1d", "3d", "1w", "1M"),
)


class Subscription(Struct, frozen=True, kw_only=True, gc=False):
    """One topic as the exchange is asked for it. Make one with the functions of this module."""

    type: str
    symbol: str | None = None
    interval: str | None = None
    user: str | None = None
    nlevels: int | None = None
    aggregation: float | None = None

    def to_api(self) -> dict[str, object]:
        """The entry of a ``subscribe`` request: what is not given is left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def topic(self) -> str:
        """The topic string to expect; ``nlevels`` and ``aggregation`` do not appear in it."""
        kind = self.type.lower() if self.type.startswith("l2") else self.type
        return ".".join(part for part in (kind, self.symbol, self.interval, self.user) if part)

    @property
    def stream(self) -> Stream:
        return split_topic(self.topic)

    def is_named_in(self, text: str) -> bool:
        """Does an error message speak of this topic, by its kind and everything that singles it out?"""
        rest = [part for part in (self.symbol, self.interval, self.user) if part]
        return self.type.lower() in text.lower() and all(_is_word_of(text, part) for part in rest)


def ticker(symbol: str) -> Subscription:
    return Subscription(type="ticker", symbol=_symbol(symbol))


def trades(symbol: str) -> Subscription:
    return Subscription(type="trades", symbol=_symbol(symbol))


def l2_snapshot(symbol: str, nlevels: int | None = None, aggregation: float | None = None) -> Subscription:
    """The book, or its best ``nlevels`` a side, every 200 ms; ``aggregation`` buckets prices."""
    if nlevels is not None and (type(nlevels) is not int or nlevels < 1):
        raise UsageError("nlevels is a whole number from 1; leave it out for the whole book")
    if aggregation is not None and not (isinstance(aggregation, float | int) and aggregation > 0):
        raise UsageError("aggregation must be a price step above 0; leave it out for single prices")
    return Subscription(type="l2Snapshot", symbol=_symbol(symbol), nlevels=nlevels, aggregation=aggregation)


def l2_delta(symbol: str) -> Subscription:
    return Subscription(type="l2Delta", symbol=_symbol(symbol))


def candles(symbol: str, interval: str) -> Subscription:
    """Bars of one interval: ``"1m"`` or the documented client's ``"1min"`` (``"1M"`` is a month)."""
    wire = str(interval).removesuffix("in") if str(interval).endswith("min") else interval
    if wire not in CANDLE_INTERVALS:
        raise UsageError(
            f"no such candle interval: {str(interval)[:20]!r}; the exchange has {', '.join(CANDLE_INTERVALS)}"
        )
    return Subscription(type="candle", symbol=_symbol(symbol), interval=wire)


def risk(symbol: str) -> Subscription:
    return Subscription(type="risk", symbol=_symbol(symbol))


def context() -> Subscription:
    return Subscription(type="frontendContext")


def account(public_key: str) -> Subscription:
    """Margin, positions, orders and fills of one account. They are public: no signature is needed."""
    if not isinstance(public_key, str) or not is_key(public_key):
        raise UsageError("not a public key: 32 bytes in base58 are expected")
    return Subscription(type="account", user=public_key)


def _is_word_of(text: str, part: str) -> bool:
    """Does ``part`` stand on its own? ``5m`` is no word of ``15m``, nor ``BTC`` of ``BTC-USD``."""
    return re.search(rf"(?<![\w-]){re.escape(part)}(?![\w-])", text) is not None


def markets(symbols: Iterable[str] | None) -> list[str]:
    """The markets that a request is limited to; for all of them say None, not an empty list."""
    if symbols is None:
        return []
    chosen = several(symbols)
    if not chosen:
        raise UsageError("an empty list names no market; leave symbols out to mean every market")
    return chosen


def several(symbols: Iterable[str]) -> list[str]:
    """The symbols as a list; a single text is a mistake, since it would be read letter by letter."""
    if isinstance(symbols, str) or not isinstance(symbols, Iterable):
        raise UsageError('a list of symbols is expected, such as ["BTC-USD"]')
    return list(symbols)


def _symbol(symbol: str) -> str:
    if not isinstance(symbol, str) or not _SYMBOL.fullmatch(symbol):
        raise UsageError("a symbol is a word such as BTC-USD")
    return symbol
