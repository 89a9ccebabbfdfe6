"""Notices books that hear nothing although the connection lives, at no cost to their messages.

Silence proves nothing. Periodic snapshots come several times a second, so without them something is wrong;
but the changes of a quiet market may be minutes apart. A silent book is asked for again, which costs two
small messages. If nothing but the answer comes, the market is quiet, and the next silence of a book that
lives on changes alone may be twice as long.

Prices seen elsewhere, the mark price and trades, say more: where they stay away from the touch of a book
that stands still, it is asked for again after seconds. The answer may be the same book, where the exchange
itself stands still or prices that market elsewhere. It is believed, and until prices have come back it may
stand still twice as long each time, so that it is looked at again, but not all the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf

from .book import OrderBook

STILL = 5.0  # seconds without a message after which a book is compared with prices elsewhere
_LONGEST = 16  # times the limit
_FAR = 0.001  # of the price: so far beyond the touch a price is elsewhere
_GRACE = 1.0  # seconds: a trade may be told before the changes it made, and both may have waited to be read


class Silence:
    """``limit`` is how many seconds a book may hear nothing; ``is_periodic`` tells of a symbol whether
    snapshots come without being asked for.
    """

    def __init__(self, limit: float, is_periodic: Callable[[str], bool]) -> None:
        self.next_look = inf
        self._limit = limit
        self._is_periodic = is_periodic
        # By symbol: when the last silence was answered (None: not yet), and how many times
        # the limit one may last.
        self._quiet: dict[str, tuple[float | None, int]] = {}
        # By symbol: since when prices are elsewhere, what its book had heard last by then, and how many times
        # STILL it may stand still until they come back.
        self._elsewhere: dict[str, tuple[float, float, int]] = {}

    def listen(self, now: float) -> None:
        """A book has just heard something: look again in time to notice when it hears no more."""
        self.next_look = min(self.next_look, now + self._limit)

    def answered(self, symbol: str, now: float) -> None:
        """A snapshot came for a book that had been silent."""
        _, times = self._quiet.get(symbol, (None, 1))  # a caller may have doubted it by the same words
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

    def is_left_behind(self, book: OrderBook, price: float, now: float) -> bool:
        """True when the market, seen at this price, is elsewhere than a trusted book that stands still."""
        symbol, heard_at = book.symbol, book.touched_at
        if heard_at is None or not book.ok:
            return False
        if not _is_far(price, book):
            self._elsewhere.pop(symbol, None)
            return False
        since, last_heard, times = self._elsewhere.get(symbol, (now, heard_at, 1))
        if last_heard != heard_at:
            since = now
        is_left = now - since >= _GRACE and now - heard_at >= STILL * times
        self._elsewhere[symbol] = since, heard_at, min(_LONGEST, 2 * times) if is_left else times
        return is_left

    def forget(self, symbol: str) -> None:
        self._quiet.pop(symbol, None)
        self._elsewhere.pop(symbol, None)

    def forget_all(self) -> None:
        self._quiet.clear()
        self._elsewhere.clear()
        self.next_look = inf

    def _patience(self, symbol: str, heard_at: float) -> int:
        """How many times the limit a silence since ``heard_at`` may last."""
        answered_at, times = self._quiet.get(symbol, (None, 1))
        return times if answered_at == heard_at else 1

    def _fall_silent(self, symbol: str, heard_at: float) -> None:
        times = 1 if self._is_periodic(symbol) else 2 * self._patience(symbol, heard_at)
        self._quiet[symbol] = None, min(_LONGEST, times)


def _is_far(price: float, book: OrderBook) -> bool:
    bid, ask = book.best_bid(), book.best_ask()
    if bid is None or ask is None:
        return False
    return price > ask.price * (1.0 + _FAR) or price < bid.price * (1.0 - _FAR)
