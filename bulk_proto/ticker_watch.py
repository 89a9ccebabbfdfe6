"""Notices tickers that stay away although the connection lives.

The exchange sends each ticker five times a second, whether anything has changed or not. One that stays away
for seconds is not current any more, so it is asked for again, which costs two small messages; where that
brings nothing, ever more patiently.

A connection on which pings are answered and nothing else comes may be all that is broken. Where tickers have
come on it and none does any more, although each was asked for again, a new one is worth a try. One on which
none ever came is kept: then the exchange itself has none to send.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

_LONGEST = 16  # times the limit


class TickerWatch:
    """``limit`` is how many seconds a ticker may stay away. All that is known here is of one connection."""

    def __init__(self, limit: float) -> None:
        self.heard: dict[str, float] = {}
        """By symbol, when its last ticker came. Written by whoever takes tickers in."""
        self.earliest = inf
        self.limit = limit
        self._asked: dict[str, tuple[float, int]] = {}  # when last, and how often since one came

    def expect(self, symbols: Iterable[str], now: float) -> None:
        """These tickers are asked for by now."""
        for symbol in symbols:
            if symbol not in self._asked:
                self._asked[symbol] = now, 1
                self.earliest = min(self.earliest, now + self.limit)

    def forget(self, symbol: str) -> None:
        self.heard.pop(symbol, None)
        self._asked.pop(symbol, None)

    def forget_all(self) -> None:
        self.heard.clear()
        self._asked.clear()
        self.earliest = inf

    def overdue(self, now: float) -> list[str]:
        """The tickers to ask for again now."""
        if now < self.earliest:
            return []
        found = []
        self.earliest = inf
        for symbol in self._asked:
            since, times = self._waiting(symbol)
            due = since + self._patience(times)
            if due <= now:
                found.append(symbol)
                self._asked[symbol] = now, times + 1
                due = now + self._patience(times + 1)
            self.earliest = min(self.earliest, due, now + self.limit)
        return found

    @property
    def has_run_dry(self) -> bool:
        """True when tickers came on this connection, and none does although each was asked for again."""
        came = any(symbol in self.heard for symbol in self._asked)
        return came and all(self._waiting(symbol)[1] > 2 for symbol in self._asked)

    def _waiting(self, symbol: str) -> tuple[float, int]:
        """Since when, and how often it was asked for since one came."""
        asked_at, times = self._asked[symbol]
        heard_at = self.heard.get(symbol, -inf)
        return (heard_at, 1) if heard_at > asked_at else (asked_at, times)

    def _patience(self, times: int) -> float:
        return self.limit * min(_LONGEST, 2.0 ** min(max(0, times - 2), _LONGEST))
