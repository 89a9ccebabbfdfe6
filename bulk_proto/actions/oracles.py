"""Prices that oracles report to the exchange."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import force_setattr

from bulk_proto.errors import InvalidAction

from .base import Action, Number, member, positive, sequence, symbol, whole

_U64_MAX = 2**64 - 1


class OraclePrice(Action, frozen=True, gc=False):
    """The ``price`` of a market at ``timestamp`` (nanoseconds since 1970). One action for each market."""

    tag = "px"

    timestamp: int
    symbol: str
    price: Number

    def __post_init__(self) -> None:
        whole("timestamp", self.timestamp, 0, _U64_MAX)
        symbol("symbol", self.symbol)
        force_setattr(self, "price", positive("price", self.price))

    def to_api(self) -> dict[str, Any]:
        return {"px": {"t": self.timestamp, "c": self.symbol, "px": self.price}}


class PythPrice(Struct, frozen=True, gc=False):
    """One price of a Pyth feed: ``price`` times ten to the power of ``exponent``, both whole numbers."""

    timestamp: int
    feed_index: int
    price: int
    exponent: int

    def __post_init__(self) -> None:
        whole("timestamp", self.timestamp, 0, _U64_MAX)
        whole("feed_index", self.feed_index, 0, _U64_MAX)
        whole("price", self.price, 0, _U64_MAX)
        whole("exponent", self.exponent, -(2**15), 2**15 - 1)

    def to_api(self) -> dict[str, Any]:
        return {"t": self.timestamp, "fi": self.feed_index, "px": self.price, "e": self.exponent}


if TYPE_CHECKING:

    class PythPrices:
        """A field that takes a sequence of prices and reads as a tuple."""

        def __get__(self, instance: object, owner: object) -> tuple[PythPrice, ...]: ...
        def __set__(self, instance: object, value: Sequence[PythPrice]) -> None: ...

else:
    PythPrices = tuple


class PythOracle(Action, frozen=True, gc=False):
    """Prices of several Pyth feeds at once."""

    tag = "o"

    prices: PythPrices

    def __post_init__(self) -> None:
        prices = sequence("prices", self.prices)
        if not prices:
            raise InvalidAction("prices must not be empty")
        for price in prices:
            member("prices", price, PythPrice)
        force_setattr(self, "prices", prices)

    def to_api(self) -> dict[str, Any]:
        return {"o": {"oracles": [price.to_api() for price in self.prices]}}
