"""Notices tickers that stay away although the connection lives.

The exchange documents five tickers a second of each market. One that stays away for seconds is not current
any more, so it is asked for again, which costs two small messages; where that brings nothing, ever more
patiently.

A connection that answers and brings no news at all any more may be all that is broken. Where tickers have
flowed on it for a while and each was asked for again, a new one is worth a try. One on which they never
flowed is kept: then the exchange itself has none to send.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

_DOUBLINGS = 4  # of the limit at most
_AT_ONCE = 20  # tickers: the exchange counts messages, and closes connections with too many in a second
_PAUSE = 1.0  # seconds before the next of them
_GREETING = 1.0  # seconds after a request in which a single ticker may be the last of a halted market


class TickerWatch:
    """``limit`` is how many seconds a ticker may stay away. All that is known here is of one connection."""

    def __init__(self, limit: float) -> None:
        self.heard: dict[str, float] = {}
        """By symbol, when its last ticker came. Written by whoever takes tickers in."""
        self.earliest = inf
        self._limit = limit
        self._began = inf  # when the first ticker was asked for
        self._asked: dict[str, tuple[float, int]] = {}  # when last, and how often since they flowed

    def expect(self, symbols: Iterable[str], now: float) -> None:
        """These tickers are asked for by now."""
        for symbol in symbols:
            if symbol not in self._asked:
                self._asked[symbol] = now, 1
                self._began = min(self._began, now)
                self.earliest = min(self.earliest, now + self._limit)

    def forget(self, symbol: str) -> None:
        self.heard.pop(symbol, None)
        self._asked.pop(symbol, None)

    def forget_all(self) -> None:
        self.heard.clear()
        self._asked.clear()
        self._began = self.earliest = inf

    def overdue(self, now: float) -> list[str]:
        """Tickers to ask for again now."""
        if now < self.earliest:
            return []
        found: list[str] = []
        self.earliest = inf
        for symbol in self._asked:
            since, times = self._waiting(symbol)
            due = since + self._patience(times)
            if due <= now and len(found) == _AT_ONCE:
                due = now + _PAUSE
            elif due <= now:
                found.append(symbol)
                self._asked[symbol] = now, times + 1
                due = now + self._patience(times + 1)
            self.earliest = min(self.earliest, due, now + self._limit)
        return found

    def has_run_dry(self, flow: float) -> bool:
        """True when tickers came for ``flow`` seconds, and none does although each was asked for again."""
        came_until = max((self.heard.get(symbol, -inf) for symbol in self._asked), default=-inf)
        if came_until < self._began + flow:
            return False
        return all(self._waiting(symbol)[1] > 2 for symbol in self._asked)

    def _waiting(self, symbol: str) -> tuple[float, int]:
        """Since when, and how often it was asked for since tickers flowed."""
        asked_at, times = self._asked[symbol]
        heard_at = self.heard.get(symbol, -inf)
        return max(heard_at, asked_at), 1 if heard_at > asked_at + _GREETING else times

    def _patience(self, times: int) -> float:
        return self._limit * 2.0 ** min(max(0, times - 2), _DOUBLINGS)
