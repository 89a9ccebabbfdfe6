"""The orders resting in one market, in price-time priority.

Prices and sizes are integers. The book knows nothing of accounts or rules: who may trade with whom
is decided by whoever drives it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict
from typing import NamedTuple

from .orders import Order


class LevelView(NamedTuple):
    """One price of one side."""

    price: int
    size: int
    orders: int


class LevelChange(NamedTuple):
    """A price whose total size is different now."""

    is_bid: bool
    price: int
    size: int


class _Level:
    __slots__ = ("orders", "size")

    def __init__(self) -> None:
        self.orders: OrderedDict[str, Order] = OrderedDict()
        self.size = 0


class BookSide:
    """Bids or asks. The best price is last in the sorted list, where changes are cheapest."""

    __slots__ = ("_levels", "_ranks", "_sign")

    def __init__(self, *, bids: bool) -> None:
        self._sign = 1 if bids else -1
        self._ranks: list[int] = []
        self._levels: dict[int, _Level] = {}

    def best(self) -> Order | None:
        """The order that is filled next."""
        if not self._ranks:
            return None
        level = self._levels[self._ranks[-1] * self._sign]
        return next(iter(level.orders.values()))

    def best_price(self) -> int | None:
        return self._ranks[-1] * self._sign if self._ranks else None

    def size_at(self, price: int) -> int:
        level = self._levels.get(price)
        return 0 if level is None else level.size

    def levels(self, limit: int | None = None) -> list[LevelView]:
        """The best ``limit`` prices, best first; all of them by default."""
        ranks = self._ranks if limit is None else self._ranks[max(0, len(self._ranks) - limit) :]
        prices = [rank * self._sign for rank in reversed(ranks)]
        return [LevelView(price, (at := self._levels[price]).size, len(at.orders)) for price in prices]

    def add(self, order: Order) -> None:
        level = self._levels.get(order.price)
        if level is None:
            level = self._levels[order.price] = _Level()
            insort(self._ranks, order.price * self._sign)
        level.orders[order.id] = order
        level.size += order.remaining

    def shrink(self, order: Order, size: int) -> None:
        """Take ``size`` off the level of an order that stays."""
        self._levels[order.price].size -= size

    def remove(self, order: Order) -> None:
        level = self._levels[order.price]
        del level.orders[order.id]
        level.size -= order.remaining
        if not level.orders:
            del self._levels[order.price]
            del self._ranks[bisect_left(self._ranks, order.price * self._sign)]


class MatchingBook:
    """Both sides of one market."""

    __slots__ = ("_touched", "asks", "bids")

    def __init__(self) -> None:
        self.bids = BookSide(bids=True)
        self.asks = BookSide(bids=False)
        self._touched: dict[tuple[bool, int], int] = {}  # (is bid, price) to the size before

    def side(self, is_buy: bool) -> BookSide:
        return self.bids if is_buy else self.asks

    def crosses(self, is_buy: bool, price: int) -> bool:
        """Whether an order at ``price`` would trade at once."""
        best = self.side(not is_buy).best_price()
        return best is not None and (price >= best if is_buy else price <= best)

    def next_match(self, is_buy: bool, worst_price: int | None) -> Order | None:
        """The resting order that an incoming one trades with next, at ``worst_price`` or better."""
        if worst_price is not None and not self.crosses(is_buy, worst_price):
            return None
        return self.side(not is_buy).best()

    def rest(self, order: Order) -> None:
        """Put an order behind all others at its price."""
        self._touch(order)
        self.side(order.is_buy).add(order)

    def remove(self, order: Order) -> None:
        self._touch(order)
        self.side(order.is_buy).remove(order)

    def fill(self, order: Order, size: int) -> None:
        """Execute ``size`` of a resting order at its price; it leaves the book when it is done."""
        self._touch(order)
        side = self.side(order.is_buy)
        if size == order.remaining:
            side.remove(order)
        else:
            side.shrink(order, size)
        order.fill(size, order.price)

    def resize(self, order: Order, remaining: int) -> None:
        """Change what is left of a resting order: less keeps its place in the queue, more loses it."""
        self._touch(order)
        side = self.side(order.is_buy)
        if remaining <= order.remaining:
            side.shrink(order, order.remaining - remaining)
            order.remaining = remaining
        else:
            side.remove(order)
            order.remaining = remaining
            side.add(order)

    def take_changes(self) -> list[LevelChange]:
        """Levels that changed since the last call, those that shrank first.

        Applied one by one in this order they never cross the book on the way.
        """
        if not self._touched:
            return []
        changes = [
            (after - before, LevelChange(is_bid, price, after))
            for (is_bid, price), before in self._touched.items()
            if (after := self.side(is_bid).size_at(price)) != before
        ]
        self._touched.clear()
        shrunk = [change for growth, change in changes if growth < 0]
        return shrunk + [change for growth, change in changes if growth > 0]

    def _touch(self, order: Order) -> None:
        level = (order.is_buy, order.price)
        if level not in self._touched:
            self._touched[level] = self.side(order.is_buy).size_at(order.price)
