"""Notices books that hear nothing although the connection lives, at no cost to the messages.

Silence proves nothing. Periodic snapshots come several times a second, so without them something is wrong;
but the changes of a quiet market may be minutes apart. A silent book is asked for again, which costs two
small messages. If nothing but the answer comes, the market is quiet, and the next silence of a book that
lives on changes alone may be twice as long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf

from .book import OrderBook

_LONGEST = 16  # times the limit


class Silence:
    """``limit`` is how many seconds a book may hear nothing; ``is_periodic`` tells of a symbol whether
    snapshots come without being asked for.
    """

    def __init__(self, limit: float, is_periodic: Callable[[str], bool]) -> None:
        self.next_look = inf
        self._limit = limit
        self._is_periodic = is_periodic
        # By symbol: when the last silence was answered (None: not yet), and how often the limit is normal.
        self._quiet: dict[str, tuple[float | None, int]] = {}

    def listen(self, now: float) -> None:
        """A book has just heard something: look again in time to notice when it hears no more."""
        self.next_look = min(self.next_look, now + self._limit)

    def answered(self, symbol: str, now: float) -> None:
        """A snapshot came for a book that had been silent."""
        _, times = self._quiet[symbol]
        self._quiet[symbol] = now, times

    def overdue(self, books: Iterable[OrderBook], now: float) -> list[OrderBook]:
        """The trusted books that have been silent for too long by now."""
        if now < self.next_look:
            return []
        self.next_look = inf
        found = []
        for book in books:
            if (heard_at := book.touched_at) is None:
                continue
            due = heard_at + self._limit * self._patience(book.symbol, heard_at)
            if book.ok and due <= now:
                found.append(book)
                self._fall_silent(book.symbol, heard_at)
            self.next_look = min(self.next_look, now + self._limit, due if due > now else inf)
        return found

    def forget(self, symbol: str) -> None:
        self._quiet.pop(symbol, None)

    def forget_all(self) -> None:
        self._quiet.clear()
        self.next_look = inf

    def _patience(self, symbol: str, heard_at: float) -> int:
        """How many times the limit a silence since ``heard_at`` may last."""
        answered_at, times = self._quiet.get(symbol, (None, 1))
        return times if answered_at == heard_at else 1

    def _fall_silent(self, symbol: str, heard_at: float) -> None:
        times = 1 if self._is_periodic(symbol) else 2 * self._patience(symbol, heard_at)
        self._quiet[symbol] = None, min(_LONGEST, times)
