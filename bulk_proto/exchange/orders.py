"""An order in the hands of the exchange."""

from __future__ import annotations

from dataclasses import dataclass

from bulk_proto.enums import OrderStatus, TimeInForce

from .units import SCALE


@dataclass(slots=True, eq=False, kw_only=True)
class Order:
    """One order from its arrival to its end. Prices and sizes are integers in units of 1e-8.

    ``price`` is 0 for market orders. ``size`` is what was asked for (less what a reduce-only order
    could never fill), ``remaining`` what can still be filled: 0 once the order has ended.
    """

    id: str
    account: str
    symbol: str
    is_buy: bool
    price: int
    size: int
    tif: TimeInForce = TimeInForce.GTC
    is_market: bool = False
    reduce_only: bool = False
    iso: bool = False
    status: OrderStatus = OrderStatus.PENDING
    reason: str | None = None
    rested: bool = False  # it has been on the book: its fills are a maker's
    remaining: int = 0
    filled: int = 0
    spent: int = 0  # sum of price times size over its fills
    stamp: int = 0

    def __post_init__(self) -> None:
        self.remaining = self.size

    @property
    def sign(self) -> int:
        return 1 if self.is_buy else -1

    @property
    def average_price(self) -> float:
        """Of its fills, in quote currency; 0 before the first."""
        return self.spent / (self.filled * SCALE) if self.filled else 0.0

    def fill(self, size: int, price: int) -> None:
        self.remaining -= size
        self.filled += size
        self.spent += size * price
        self.status = OrderStatus.WORKING if self.remaining else OrderStatus.FILLED

    def end(self, status: OrderStatus, reason: str | None = None) -> None:
        self.remaining = 0
        self.status = status
        self.reason = reason
