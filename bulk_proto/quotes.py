"""What can be read off the two sides of a book: prices, spreads, depth, cost of an order.

Results are immutable. What a book without bids or without asks cannot answer is None.
"""

from __future__ import annotations

from math import isfinite

from msgspec import Struct

from .enums import Side
from .errors import UsageError
from .events import OrderBookLevel
from .ladder import Ladder

_SHOWN = 10  # levels a side in str()


class Sweep(Struct, frozen=True, gc=False):
    """What a market order would meet right now, fees aside."""

    size: float  # base units; less than asked for when the book is too thin
    vwap: float  # average price
    worst: float  # price of the last level reached


class Quotes:
    """Bids and asks of one symbol at one moment.

    Where a side of the book is asked for, ``Side.BUY`` and ``"bid"`` mean the bids, ``Side.SELL`` and
    ``"ask"`` the asks; anything else raises :class:`UsageError`. The best levels cost O(1), ``n`` levels
    O(n).
    """

    __slots__ = ("_asks", "_bids", "symbol")

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self._bids = Ladder(1.0)
        self._asks = Ladder(-1.0)

    def best_bid(self) -> OrderBookLevel | None:
        return self._bids.best

    def best_ask(self) -> OrderBookLevel | None:
        return self._asks.best

    def get_best_bid(self) -> OrderBookLevel | None:
        return self._bids.best

    def get_best_ask(self) -> OrderBookLevel | None:
        return self._asks.best

    @property
    def bids(self) -> tuple[OrderBookLevel, ...]:
        """All bids, highest price first."""
        return self._bids.top()

    @property
    def asks(self) -> tuple[OrderBookLevel, ...]:
        """All asks, lowest price first."""
        return self._asks.top()

    def get_bids(self, n_levels: int | None = None) -> tuple[OrderBookLevel, ...]:
        return self._bids.top(n_levels)

    def get_asks(self, n_levels: int | None = None) -> tuple[OrderBookLevel, ...]:
        return self._asks.top(n_levels)

    def levels(self, side: Side | str, n: int | None = None) -> tuple[OrderBookLevel, ...]:
        """The best ``n`` levels of a side (None: all), best first. Below 0 is a :class:`UsageError`."""
        return self._side(side).top(n)

    def spread(self) -> float | None:
        """Best ask minus best bid, in quote currency; not above 0 while the book is crossed."""
        bid, ask = self._bids.best, self._asks.best
        return None if bid is None or ask is None else ask.price - bid.price

    def get_spread(self) -> float | None:
        return self.spread()

    def mid(self) -> float | None:
        """Halfway between the best prices."""
        bid, ask = self._bids.best, self._asks.best
        return None if bid is None or ask is None else (bid.price + ask.price) / 2

    def get_mid_price(self) -> float | None:
        return self.mid()

    def microprice(self) -> float | None:
        """The best prices, each weighted with the size waiting on the other side."""
        bid, ask = self._bids.best, self._asks.best
        if bid is None or ask is None:
            return None
        return (bid.price * ask.size + ask.price * bid.size) / (bid.size + ask.size)

    def imbalance(self, n: int = 1) -> float | None:
        """(bids - asks) / (bids + asks) by size in the best ``n`` levels: -1 to 1, above 0 for more bids."""
        bids = sum(level.size for level in self.levels(Side.BUY, n))
        asks = sum(level.size for level in self.levels(Side.SELL, n))
        return (bids - asks) / (bids + asks) if bids and asks else None

    def get_depth(self, side: Side | str, price: float) -> float:
        """Total size of a side from its best price to ``price``, both included; 0.0 when there is none."""
        return self._side(side).depth(price)

    def get_level_at_price(self, price: float, side: Side | str) -> OrderBookLevel | None:
        return self._side(side).at(price)

    def sweep(self, side: Side, size: float) -> Sweep | None:
        """What an order of this side and size would take at once: ``Side.BUY`` takes from the asks.

        Raises :class:`UsageError` unless ``size`` is a finite number above 0.
        """
        if not (isfinite(size) and size > 0):
            raise UsageError("a size is a finite number above 0")
        taken, cost, worst = 0.0, 0.0, None
        for level in self._side(side.opposite).best_first():
            part = min(size - taken, level.size)
            if part <= 0:
                break
            taken += part
            cost += part * level.price
            worst = level.price
        return None if worst is None else Sweep(taken, cost / taken, worst)

    def quotes(self) -> Quotes:
        """A copy that no later message changes."""
        twin = Quotes(self.symbol)
        twin._bids = self._bids.copy()
        twin._asks = self._asks.copy()
        return twin

    def __len__(self) -> int:
        """Number of levels on both sides."""
        return len(self._bids) + len(self._asks)

    def __bool__(self) -> bool:
        """True: ``if book:`` asks whether there is a book, not whether it has levels."""
        return True

    def __str__(self) -> str:
        """A small ladder, sells first, so that the best prices meet in the middle."""
        spread = self.spread()
        gap = "" if spread is None else f"  spread {spread:g}"
        asks = [f"  sell {level}" for level in reversed(self._asks.top(_SHOWN))]
        bids = [f"  buy  {level}" for level in self._bids.top(_SHOWN)]
        return "\n".join([self.symbol, *asks, f"  --{gap}", *bids])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.symbol}: {len(self._bids)} bids, {len(self._asks)} asks>"

    def _side(self, side: Side | str) -> Ladder:
        match side.lower() if isinstance(side, str) else side:
            case Side.BUY | "bid":
                return self._bids
            case Side.SELL | "ask":
                return self._asks
            case _:
                raise UsageError('a side of a book is Side.BUY or "bid", Side.SELL or "ask"')
