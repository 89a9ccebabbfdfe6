"""Orders at the market or on the book, and what can be done to them: change the size, cancel."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import force_setattr

from bulk_proto.enums import Side, TimeInForce

from .base import (
    NOT_GIVEN,
    Action,
    Number,
    OptionalNumber,
    Texts,
    builder_fee,
    flag,
    key,
    member,
    positive,
    scaled,
    scaled_or_zero,
    sequence,
    symbol,
)

_BUY = Side.BUY  # looking the member up takes as long as all other values of an order's JSON form


class BuilderCode(Struct, frozen=True, gc=False):
    """A partner who earns ``fee`` basis points (1 to 15) on an order; ``to`` is the partner's key.

    The account must have approved it before, see :class:`~bulk_proto.actions.ApproveBuilderCode`.
    """

    to: str
    fee: int

    def __post_init__(self) -> None:
        key("to", self.to)
        builder_fee(self.fee)

    def to_api(self) -> dict[str, Any]:
        return {"to": self.to, "fee": self.fee}


class LimitOrder(Action, frozen=True, gc=False):
    """Buy or sell ``size`` at ``price`` or better.

    ``iso`` routes the order to the isolated account of its market.
    """

    tag = "l"

    symbol: str
    side: Side
    price: Number
    size: Number
    reduce_only: bool = False
    time_in_force: TimeInForce = TimeInForce.GTC
    iso: bool = False
    builder_code: BuilderCode | None = None

    def __post_init__(self) -> None:
        symbol("symbol", self.symbol)
        member("side", self.side, Side)
        force_setattr(self, "price", scaled("price", self.price))
        force_setattr(self, "size", scaled("size", self.size))
        flag("reduce_only", self.reduce_only)
        flag("iso", self.iso)
        member("time_in_force", self.time_in_force, TimeInForce)
        optional_builder(self.builder_code)

    def to_api(self) -> dict[str, Any]:
        body = {
            "c": self.symbol,
            "b": self.side is _BUY,
            "px": self.price,
            "sz": self.size,
            "tif": self.time_in_force._value_,  # .value runs Python code
            "r": self.reduce_only,
            "i": self.iso,
        }
        if self.builder_code is not None:
            body["builderCode"] = self.builder_code.to_api()
        return {"l": body}


class MarketOrder(Action, frozen=True, gc=False):
    """Buy or sell ``size`` now, at most ``slippage`` basis points from the market.

    A slippage of 0 is a limit like any other; None leaves it to the exchange. With a slippage the order's
    id is one of two candidates until the exchange answers.
    """

    tag = "m"

    symbol: str
    side: Side
    size: Number
    reduce_only: bool = False
    iso: bool = False
    builder_code: BuilderCode | None = None
    slippage: OptionalNumber = NOT_GIVEN

    def __post_init__(self) -> None:
        symbol("symbol", self.symbol)
        member("side", self.side, Side)
        force_setattr(self, "size", scaled("size", self.size))
        flag("reduce_only", self.reduce_only)
        flag("iso", self.iso)
        optional_builder(self.builder_code)
        force_setattr(self, "slippage", scaled_or_zero("slippage", self.slippage))

    def to_api(self) -> dict[str, Any]:
        body = {
            "c": self.symbol,
            "b": self.side is _BUY,
            "sz": self.size,
            "r": self.reduce_only,
            "i": self.iso,
        }
        return {"m": with_extras(body, self.builder_code, slippage=self.slippage)}


class ModifyOrder(Action, frozen=True, gc=False):
    """Change the size of the order ``oid``. To change its price, cancel it and place another."""

    tag = "mod"

    symbol: str
    oid: str
    size: Number

    def __post_init__(self) -> None:
        symbol("symbol", self.symbol)
        key("oid", self.oid)
        force_setattr(self, "size", positive("size", self.size))

    def to_api(self) -> dict[str, Any]:
        return {"mod": {"oid": self.oid, "c": self.symbol, "sz": self.size}}


class CancelOrder(Action, frozen=True, gc=False):
    """Cancel the order ``oid``. ``side`` is not sent: it is there for those who keep it with the id."""

    tag = "cx"

    symbol: str
    oid: str
    side: Side | None = None

    def __post_init__(self) -> None:
        symbol("symbol", self.symbol)
        key("oid", self.oid)
        if self.side is not None:
            member("side", self.side, Side)

    def to_api(self) -> dict[str, Any]:
        return {"cx": {"c": self.symbol, "oid": self.oid}}


class CancelAll(Action, frozen=True, gc=False):
    """Cancel all orders of the account in ``symbols``, or in all markets when there are none."""

    tag = "cxa"

    symbols: Texts = NOT_GIVEN

    def __post_init__(self) -> None:
        given: object = self.symbols
        symbols = () if given is None else sequence("symbols", given)
        for name in symbols:
            symbol("symbols", name)
        force_setattr(self, "symbols", symbols)

    def to_api(self) -> dict[str, Any]:
        return {"cxa": {"c": list(self.symbols)}}


def optional_builder(value: object) -> None:
    if value is not None:
        member("builder_code", value, BuilderCode)


def with_extras(
    body: dict[str, Any], builder_code: BuilderCode | None, **slippages: float | None
) -> dict[str, Any]:
    """Add what must be left out, rather than null, when it is not given."""
    if builder_code is not None:
        body["builderCode"] = builder_code.to_api()
    return body | {name: slippage for name, slippage in slippages.items() if slippage is not None}
