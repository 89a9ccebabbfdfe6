"""One side of an order book: levels by rank, best first.

The rank of a level is its price, negated for asks: larger is better. Ranks are dictionary keys, since the
same decimal text always gives the same double and a sign changes no digit. Beside the dictionary stands a
sorted list of them, so that the best is always its last entry. It changes only when a price appears or
vanishes, most often near its cheap end. The best level is kept by itself: it is read far more often than it
changes.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from math import inf

from .errors import UsageError
from .events import OrderBookLevel


class Ladder:
    """``sign`` is 1.0 for bids and -1.0 for asks: price times sign is the rank.

    ``best`` is the best level, None without any. All levels down to the rank ``reach`` are known, and none
    that is deeper. Prices must be finite. Changing a size costs one dictionary operation; a new or vanished
    price costs a binary search more.
    """

    __slots__ = ("_edge", "_levels", "_ranks", "_sign", "best", "reach")

    def __init__(self, sign: float) -> None:
        self.best: OrderBookLevel | None = None
        self.reach = -inf
        self._edge = -inf  # rank of the best level
        self._sign = sign
        self._levels: dict[float, OrderBookLevel] = {}
        self._ranks: list[float] = []

    def __len__(self) -> int:
        return len(self._ranks)

    def change(self, changes: Iterable[OrderBookLevel]) -> bool:
        """Set each price to its new absolute size; 0 removes it. True when the best level may be another."""
        touched = False
        for level in changes:  # nearly always one: nothing is worth preparing
            rank = level.price * self._sign
            levels = self._levels
            if level.size > 0.0:
                known = len(levels)
                levels[rank] = level
                if len(levels) > known:
                    if rank < self.reach:  # it would stand behind a hole
                        del levels[rank]
                        continue
                    insort(self._ranks, rank)
            elif levels.pop(rank, None) is not None:
                del self._ranks[bisect_left(self._ranks, rank)]
            if rank >= self._edge:
                touched = True
        if touched:
            self._find_best()
        return touched

    def replace(self, levels: Iterable[OrderBookLevel]) -> None:
        """Forget everything else: these are all there are. Sizes of 0 are left out."""
        sign = self._sign
        self._levels = {level.price * sign: level for level in levels if level.size > 0.0}
        self._ranks = sorted(self._levels)
        self._find_best()
        self.reach = -inf

    def begin(self, levels: Iterable[OrderBookLevel]) -> float:
        """Forget everything else, and know nothing beyond the worst of these. Returns the reach.

        Without any level the whole side is empty: even the shortest list would show the best price.
        """
        self.replace(levels)
        self.reach = self._ranks[0] if self._ranks else -inf
        return self.reach

    def correct(self, levels: Sequence[OrderBookLevel]) -> float:
        """Replace what these levels cover, from the best price to the worst of them; keep what is deeper.

        Returns the rank of the worst; without any level the whole side is empty.
        """
        worst = min((level.price * self._sign for level in levels), default=-inf)
        self.replace([*levels, *self._deeper(worst, self._levels.values())])
        return worst

    def complete(self, levels: Iterable[OrderBookLevel], changes: Iterable[OrderBookLevel]) -> None:
        """Take what is deeper than all that is known from a list of all levels and the changes since."""
        changes = self._deeper(self.reach, changes)
        self.replace([*self._levels.values(), *self._deeper(self.reach, levels)])
        self.change(changes)

    @property
    def is_out_of_sight(self) -> bool:
        """True when no level is left of those that were known, while deeper ones are unknown."""
        return self.best is None and self.reach != -inf

    def clear(self) -> None:
        self.replace(())

    def copy(self) -> Ladder:
        twin = Ladder(self._sign)
        twin._levels = self._levels.copy()
        twin._ranks = self._ranks.copy()
        twin.reach = self.reach
        twin._find_best()
        return twin

    def at(self, price: float) -> OrderBookLevel | None:
        return self._levels.get(price * self._sign)

    def top(self, n: int | None = None) -> tuple[OrderBookLevel, ...]:
        """The best ``n`` levels (None: all), best first. Raises :class:`UsageError` for a negative ``n``."""
        if n is not None and n < 0:
            raise UsageError("a number of levels cannot be negative")
        levels = self._levels
        ranks = self._ranks[::-1] if n is None else self._ranks[: -n - 1 : -1]
        return tuple([levels[rank] for rank in ranks])

    def best_first(self) -> Iterator[OrderBookLevel]:
        """All levels from the best on, without copying: nothing may change meanwhile."""
        for rank in reversed(self._ranks):
            yield self._levels[rank]

    def depth(self, price: float) -> float:
        """Total size from the best price down to ``price``, inclusive."""
        total = 0.0
        for level in self.best_first():
            if level.price * self._sign < price * self._sign:
                break
            total += level.size
        return total

    def crosses(self, other: Ladder) -> bool:
        """True when the best bid is not below the best ask."""
        return self._edge + other._edge >= 0.0

    def _deeper(self, edge: float, levels: Iterable[OrderBookLevel]) -> list[OrderBookLevel]:
        return [level for level in levels if level.price * self._sign < edge]

    def _find_best(self) -> None:
        self._edge = self._ranks[-1] if self._ranks else -inf
        self.best = self._levels[self._edge] if self._ranks else None
