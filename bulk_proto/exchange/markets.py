"""The present of one market: its book, its prices and what was traded."""

from __future__ import annotations

from .candles import PriceHistory
from .config import Chance, Market
from .matching import MatchingBook
from .units import SCALE, to_units

HIGHEST_PRICE = 10**9 * SCALE  # keeps everything derived from the oracle price in range


class MarketState:
    """One market while the exchange runs. Prices and sizes are in units of 1e-8."""

    __slots__ = ("_doubled_interest", "book", "history", "last", "oracle", "rules", "start", "symbol")

    def __init__(self, rules: Market, kept_candles: int) -> None:
        self.rules = rules
        self.symbol = rules.symbol
        self.book = MatchingBook()
        self.history = PriceHistory(kept_candles)
        self.start = self.oracle = to_units(rules.start_price)
        self.last: int | None = None
        self._doubled_interest = 0

    def invent_history(self, count: int, until: int, chance: Chance) -> None:
        size = to_units(self.rules.typical_size)
        tick = to_units(self.rules.tick)
        self.history.invent(count, until, self.start, tick, self.rules.volatility, size, chance)

    def mid(self) -> int | None:
        bid, ask = self.book.bids.best_price(), self.book.asks.best_price()
        return None if bid is None or ask is None else (bid + ask) // 2

    def mark(self) -> int:
        """The middle one of oracle price, middle of the book and last trade, as far as they exist.

        A median keeps one stray order or trade from moving anybody's margin.
        """
        prices = sorted(
            self.oracle if price is None else price for price in (self.oracle, self.mid(), self.last)
        )
        return prices[1]

    def set_oracle(self, price: int) -> None:
        self.oracle = min(price, HIGHEST_PRICE)

    def traded(self, moment: int, price: int, size: int) -> None:
        """Record an execution at ``moment`` (milliseconds since 1970)."""
        self.last = price
        self.history.record(moment, price, size)

    def position_changed(self, before: int, after: int) -> None:
        self._doubled_interest += abs(after) - abs(before)

    @property
    def open_interest(self) -> int:
        """All long positions together: as much as all short ones."""
        return self._doubled_interest // 2
