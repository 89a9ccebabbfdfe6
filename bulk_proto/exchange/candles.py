"""Price bars: what happened in each market, in steps of ten seconds and of everything larger."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from itertools import islice
from math import exp, sqrt
from typing import NamedTuple

from .config import Chance

BASE = "10s"
_SECOND = 1_000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_WEEK = 7 * _DAY
_MONDAY = 4 * _DAY  # 1970-01-05, the first Monday of the epoch
_FIXED = {
    BASE: 10 * _SECOND,
    "1m": _MINUTE,
    "3m": 3 * _MINUTE,
    "5m": 5 * _MINUTE,
    "15m": 15 * _MINUTE,
    "30m": 30 * _MINUTE,
    "1h": _HOUR,
    "2h": 2 * _HOUR,
    "4h": 4 * _HOUR,
    "6h": 6 * _HOUR,
    "8h": 8 * _HOUR,
    "12h": 12 * _HOUR,
    "1d": _DAY,
    "3d": 3 * _DAY,
}
INTERVALS = (*_FIXED, "1w", "1M")


def bounds(interval: str, moment: int) -> tuple[int, int]:
    """Open and close time, in milliseconds, of the bar that ``moment`` falls into."""
    if interval == "1M":
        day = datetime.fromtimestamp(moment / 1000, UTC)
        year, month = divmod(day.year * 12 + day.month, 12)
        return _first_of(day.year, day.month), _first_of(year, month + 1)
    if interval == "1w":
        start = (moment - _MONDAY) // _WEEK * _WEEK + _MONDAY
        return start, start + _WEEK
    length = _FIXED[interval]
    start = moment // length * length
    return start, start + length


def _first_of(year: int, month: int) -> int:
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000


@dataclass(slots=True)
class Bar:
    """One bar. Times in milliseconds, prices and volume in units of 1e-8."""

    opens: int
    closes: int
    open: int
    high: int
    low: int
    close: int
    volume: int = 0
    trades: int = 0

    def absorb(self, high: int, low: int, close: int, volume: int, trades: int) -> None:
        self.high = max(self.high, high)
        self.low = min(self.low, low)
        self.close = close
        self.volume += volume
        self.trades += trades


class CandleSeries:
    """The bars of one interval that subscribers have not seen yet, the open one included."""

    __slots__ = ("_interval", "_open", "_unsent")

    def __init__(self, interval: str, past: Iterable[Bar]) -> None:
        self._interval = interval
        self._open = next(iter(deque(past, maxlen=1)), None)
        self._unsent: dict[int, Bar] = {}

    def record(self, moment: int, price: int, size: int) -> None:
        if self._open is None or moment >= self._open.closes:
            self._open = Bar(*bounds(self._interval, moment), price, price, price, price)
        self._open.absorb(price, price, price, size, 1)
        self._unsent[self._open.opens] = self._open

    def take_changed(self) -> list[Bar]:
        """Bars that changed since the last call, oldest first."""
        changed = list(self._unsent.values())
        self._unsent.clear()
        return changed


class Turnover(NamedTuple):
    """Extremes, base volume (units of 1e-8) and quote volume (1e-16) of some bars."""

    high: int
    low: int
    volume: int
    quote_volume: int


class PriceHistory:
    """The last bars of ten seconds of one market, and the larger ones that somebody watches."""

    __slots__ = ("_bars", "_closed", "_series")

    def __init__(self, kept: int) -> None:
        self._bars: deque[Bar] = deque(maxlen=kept)
        self._series: dict[str, CandleSeries] = {}
        self._closed: Turnover | None = None  # of all bars but the last, once somebody asks

    def invent(
        self, count: int, until: int, price: int, tick: int, volatility: float, size: int, chance: Chance
    ) -> None:
        """Make up ``count`` bars that lead to ``price`` at ``until``, by a random walk backwards."""
        step = volatility * sqrt(10)
        made: list[Bar] = []
        close = price
        for _ in range(count):
            opens, closes = bounds(BASE, until - 1)
            opening = max(1, round(close * exp(chance.gauss(0.0, step)) / tick)) * tick
            swing = round(close * abs(chance.gauss(0.0, step)) / 2 / tick) * tick
            trades = 1 + int(chance.random() * 20)
            bar = Bar(opens, closes, opening, opening, opening, opening)
            bar.absorb(max(opening, close) + swing, min(opening, close), close, size * trades, trades)
            made.append(bar)
            close, until = opening, opens
        self._bars.extend(reversed(made))

    def record(self, moment: int, price: int, size: int) -> None:
        """Add one trade."""
        if not self._bars or moment >= self._bars[-1].closes:
            self._bars.append(Bar(*bounds(BASE, moment), price, price, price, price))
            self._closed = None
        self._bars[-1].absorb(price, price, price, size, 1)
        for series in self._series.values():
            series.record(moment, price, size)

    def bars(self, interval: str) -> list[Bar]:
        """All remembered bars of ``interval``, oldest first, the open one last."""
        made: list[Bar] = []
        for bar in self._bars:
            if not made or bar.opens >= made[-1].closes:
                opens, closes = bounds(interval, bar.opens)
                made.append(Bar(opens, closes, bar.open, bar.open, bar.open, bar.open))
            made[-1].absorb(bar.high, bar.low, bar.close, bar.volume, bar.trades)
        return made

    def watch(self, interval: str) -> list[Bar]:
        """Follow ``interval`` from now on; returns the bars so far."""
        past = self.bars(interval)
        if interval not in self._series:
            self._series[interval] = CandleSeries(interval, past)
        return past

    def unwatch(self, interval: str) -> None:
        self._series.pop(interval, None)

    def take_changed(self) -> list[tuple[str, list[Bar]]]:
        """Watched intervals but the shortest, with the bars that changed since the last call."""
        longer = (each for each in self._series.items() if each[0] != BASE)
        changed = ((interval, series.take_changed()) for interval, series in longer)
        return [(interval, bars) for interval, bars in changed if bars]

    def take_latest(self) -> list[Bar]:
        """The same for the shortest interval."""
        series = self._series.get(BASE)
        return [] if series is None else series.take_changed()

    def turnover(self) -> Turnover:
        """Over all that is remembered; zeros when nothing is."""
        if not self._bars:
            return Turnover(0, 0, 0, 0)
        if self._closed is None:
            self._closed = reduce(_add, islice(self._bars, len(self._bars) - 1), _EMPTY)
        return _add(self._closed, self._bars[-1])


def _add(total: Turnover, bar: Bar) -> Turnover:
    return Turnover(
        max(total.high, bar.high),
        min(total.low, bar.low),
        total.volume + bar.volume,
        total.quote_volume + bar.volume * (bar.open + bar.close) // 2,
    )


_EMPTY = Turnover(0, 1 << 64, 0, 0)
