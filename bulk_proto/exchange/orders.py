"""An order in the hands of the exchange."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from msgspec import Struct

from bulk_proto.enums import OrderStatus, TimeInForce

from .action_forms import BuilderCode
from .units import SCALE


class Cause(IntEnum):
    """Why an order trades; the number is the ``reasonCode`` of its fills."""

    NORMAL = 0
    LIQUIDATION = 1
    DELEVERAGING = 2


REASONS = {Cause.LIQUIDATION: "liquidation", Cause.DELEVERAGING: "adl"}  # as trades and fills spell them


class Trigger(Struct, frozen=True):
    """What a conditional order waits for, as its owner sees it. Prices in units of 1e-8."""

    is_above: bool
    price: int | None = None
    limit: int | None = None
    sibling: str | None = None  # the order that this one cancels, and that cancels this one
    trail_bps: int | None = None
    step_bps: int | None = None


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
    kind: str = ""  # of a conditional order: stop, takeProfit, range, trigger, trailing
    trigger: Trigger | None = None
    cause: Cause = Cause.NORMAL
    builder: BuilderCode | None = None  # who gets a fee of its executions
    followers: int = 0  # actions that were told to follow its fills

    def __post_init__(self) -> None:
        self.remaining = self.size

    @property
    def order_type(self) -> str:
        return self.kind or ("market" if self.is_market else "limit")

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
