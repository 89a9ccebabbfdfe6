"""Orders that wait for a price, or for another order to be filled.

The direction of a condition is not the side of the order: the exchange derives the side of a stop or a
take-profit from the position it protects.
"""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec.structs import force_setattr

from bulk_proto.enums import Side
from bulk_proto.errors import InvalidAction

from .base import (
    NOT_GIVEN,
    Action,
    Actions,
    Number,
    OptionalNumber,
    flag,
    member,
    scaled,
    scaled_or_zero,
    sequence,
    symbol,
    whole,
)
from .orders import (
    BuilderCode,
    CancelAll,
    CancelOrder,
    LimitOrder,
    MarketOrder,
    ModifyOrder,
    optional_builder,
    with_extras,
)

_U32_MAX = 2**32 - 1


class _Threshold(Action, frozen=True, gc=False):
    """What a stop and a take-profit have in common: one price that fires them."""

    symbol: str
    is_above: bool
    size: Number
    threshold: Number
    limit: OptionalNumber = NOT_GIVEN
    iso: bool = False
    slippage: OptionalNumber = NOT_GIVEN
    builder_code: BuilderCode | None = None

    def __post_init__(self) -> None:
        symbol("symbol", self.symbol)
        flag("is_above", self.is_above)
        flag("iso", self.iso)
        force_setattr(self, "size", scaled("size", self.size))
        force_setattr(self, "threshold", scaled("threshold", self.threshold))
        force_setattr(self, "limit", scaled_or_zero("limit", self.limit))
        force_setattr(self, "slippage", scaled_or_zero("slippage", self.slippage))
        optional_builder(self.builder_code)

    def to_api(self) -> dict[str, Any]:
        body = {
            "c": self.symbol,
            "d": self.is_above,
            "sz": self.size,
            "tr": self.threshold,
            "lim": self.limit,
            "i": self.iso,
        }
        return {self.tag: with_extras(body, self.builder_code, slippage=self.slippage)}


class Stop(_Threshold, frozen=True, gc=False):
    """Leave a position when the price reaches ``threshold`` from below (``is_above``) or from above.

    ``limit`` is the price of the order that is then placed, None a market order, and 0.0 is a price.
    ``slippage`` is in basis points.
    """

    tag: ClassVar[str] = "st"


class TakeProfit(_Threshold, frozen=True, gc=False):
    """As :class:`Stop`, on the winning side of the position."""

    tag: ClassVar[str] = "tp"


class Range(Action, frozen=True, gc=False):
    """A collar around a position: an order at ``price_min``, one at ``price_max``; one cancels the other.

    ``is_long`` tells which position it protects. ``limit_min`` and ``limit_max`` are the prices of the
    orders then placed, None for market orders. The slippages are in basis points.
    """

    tag: ClassVar[str] = "rng"

    symbol: str
    is_long: bool
    size: Number
    price_min: Number
    price_max: Number
    limit_min: OptionalNumber = NOT_GIVEN
    limit_max: OptionalNumber = NOT_GIVEN
    iso: bool = False
    stop_loss_slippage: OptionalNumber = NOT_GIVEN
    take_profit_slippage: OptionalNumber = NOT_GIVEN
    builder_code: BuilderCode | None = None

    def __post_init__(self) -> None:
        symbol("symbol", self.symbol)
        flag("is_long", self.is_long)
        flag("iso", self.iso)
        for name in ("size", "price_min", "price_max"):
            force_setattr(self, name, scaled(name, getattr(self, name)))
        for name in ("limit_min", "limit_max", "stop_loss_slippage", "take_profit_slippage"):
            force_setattr(self, name, scaled_or_zero(name, getattr(self, name)))
        if self.price_min >= self.price_max:
            raise InvalidAction("price_min must be below price_max")
        optional_builder(self.builder_code)

    def to_api(self) -> dict[str, Any]:
        body = {
            "c": self.symbol,
            "d": self.is_long,
            "sz": self.size,
            "pmin": self.price_min,
            "pmax": self.price_max,
            "lmin": self.limit_min,
            "lmax": self.limit_max,
            "i": self.iso,
        }
        return {
            "rng": with_extras(
                body,
                self.builder_code,
                slSlippage=self.stop_loss_slippage,
                tpSlippage=self.take_profit_slippage,
            )
        }


class TrailingStop(Action, frozen=True, gc=False):
    """A stop that follows the price at a distance of ``trail_bps``, in steps of ``step_bps`` (basis points).

    ``side`` is the side of the protected position: ``Side.BUY`` protects a long one.
    """

    tag: ClassVar[str] = "trl"

    symbol: str
    side: Side
    size: Number
    trail_bps: int
    step_bps: int
    limit: OptionalNumber = NOT_GIVEN
    iso: bool = False
    slippage: OptionalNumber = NOT_GIVEN
    builder_code: BuilderCode | None = None

    def __post_init__(self) -> None:
        symbol("symbol", self.symbol)
        member("side", self.side, Side)
        force_setattr(self, "size", scaled("size", self.size))
        whole("trail_bps", self.trail_bps, 1, _U32_MAX)
        whole("step_bps", self.step_bps, 0, _U32_MAX)
        force_setattr(self, "limit", scaled_or_zero("limit", self.limit))
        flag("iso", self.iso)
        force_setattr(self, "slippage", scaled_or_zero("slippage", self.slippage))
        optional_builder(self.builder_code)

    def to_api(self) -> dict[str, Any]:
        body = {
            "c": self.symbol,
            "b": self.side is Side.BUY,
            "sz": self.size,
            "trb": self.trail_bps,
            "stb": self.step_bps,
            "lim": self.limit,
            "i": self.iso,
        }
        return {"trl": with_extras(body, self.builder_code, slippage=self.slippage)}


class TriggerBasket(Action, frozen=True, gc=False):
    """Do all ``actions`` when the price reaches ``threshold`` from below (``is_above``) or from above.

    They may be orders, changes, cancels and conditional orders, but no baskets and no :class:`OnFill`.
    """

    tag: ClassVar[str] = "trig"

    symbol: str
    is_above: bool
    threshold: Number
    actions: Actions

    def __post_init__(self) -> None:
        symbol("symbol", self.symbol)
        flag("is_above", self.is_above)
        force_setattr(self, "threshold", scaled("threshold", self.threshold))
        force_setattr(self, "actions", _inner(self.actions, _BASKET))

    def to_api(self) -> dict[str, Any]:
        body = {"c": self.symbol, "d": self.is_above, "tr": self.threshold}
        return {"trig": {**body, "actions": [action.to_api() for action in self.actions]}}


class OnFill(Action, frozen=True, gc=False):
    """Place the order ``trigger`` and do all ``actions`` once it is filled.

    The order is placed by this action: do not send it by itself as well.
    """

    tag: ClassVar[str] = "of"

    trigger: LimitOrder | MarketOrder
    actions: Actions

    def __post_init__(self) -> None:
        if not isinstance(self.trigger, (LimitOrder, MarketOrder)):
            raise InvalidAction("trigger must be a LimitOrder or a MarketOrder")
        force_setattr(self, "actions", _inner(self.actions, (*_BASKET, TriggerBasket)))

    def to_api(self) -> dict[str, Any]:
        actions = [action.to_api() for action in self.actions]
        return {"of": {"trigger": self.trigger.to_api(), "actions": actions}}


_BASKET: tuple[type[Action], ...] = (
    MarketOrder,
    LimitOrder,
    ModifyOrder,
    CancelOrder,
    CancelAll,
    Stop,
    TakeProfit,
    Range,
    TrailingStop,
)


def _inner(value: object, allowed: tuple[type[Action], ...]) -> tuple[Any, ...]:
    actions = sequence("actions", value)
    if not actions:
        raise InvalidAction("actions must not be empty")
    if not all(isinstance(action, allowed) for action in actions):
        raise InvalidAction(f"actions must be of {', '.join(kind.__name__ for kind in allowed)}")
    return actions
