"""Positions and profit by symbol.

A client keeps its inventory equal to what the exchange reports (:meth:`Inventory.reconcile`): positions
are never computed from fills or public trades, which would count one execution twice. Who wants an
inventory for a simulation may also book trades by hand (:meth:`Inventory.traded`); in an inventory that
a client keeps, those figures stand until the next report.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isclose, isfinite, isnan

from msgspec import Struct

from .enums import Side
from .errors import UsageError
from .events import MarginUpdate, PositionUpdate

_DECIMALS = 8  # of a size on the wire


class Pnl(Struct, frozen=True, gc=False):
    """Profit and loss in quote currency."""

    realized: float
    unrealized: float

    @property
    def net(self) -> float:
        return self.realized + self.unrealized


class Position:
    """What is held in one symbol, cross and isolated together; ``legs`` are the exchange's rows of it.

    ``quantity`` is signed (long above 0), in base units. ``vwap`` is the average entry price; of legs in
    opposite directions, the price at which they break even together; 0.0 when flat, or where the exchange
    does not tell the price of every leg. ``realized_pnl``,
    ``unrealized_pnl``, ``fees`` and ``funding`` are the exchange's last figures, in quote currency and
    with its signs; all but ``unrealized_pnl`` outlast the position.
    """

    __slots__ = (
        "fees",
        "funding",
        "instrument",
        "legs",
        "quantity",
        "realized_pnl",
        "unrealized_pnl",
        "vwap",
    )

    def __init__(self, instrument: str, amount: float = 0.0, vwap: float = 0.0) -> None:
        self.instrument = instrument
        self.quantity = amount
        self.vwap = vwap
        self.legs: tuple[PositionUpdate, ...] = ()
        self.realized_pnl = 0.0
        self.unrealized_pnl = 0.0
        self.fees = 0.0
        self.funding = 0.0

    @property
    def symbol(self) -> str:
        return self.instrument

    @property
    def realized(self) -> float:
        return self.realized_pnl

    @property
    def side(self) -> int:
        """1 long, -1 short, 0 flat."""
        return (self.quantity > 0) - (self.quantity < 0)

    def hold(self, quantity: float, vwap: float) -> None:
        """Hold so much at this average price. The exchange's figures for what was held before end."""
        self.quantity = quantity
        self.vwap = vwap
        self.legs = ()
        self.unrealized_pnl = 0.0

    def report(self, rows: Sequence[PositionUpdate]) -> None:
        """Take over the exchange's rows for this symbol: those of size 0 tell how a position ended.

        No row means flat, and nothing new about profit, fees and funding.
        """
        legs = tuple(row for row in rows if row.size)
        if len(legs) == 1:
            self.hold(legs[0].size, _known(legs[0].price))  # exactly as reported
        else:
            quantity = round(sum(leg.size for leg in legs), _DECIMALS)
            cost = sum(leg.size * leg.price for leg in legs)
            self.hold(quantity, _known(cost / quantity) if quantity else 0.0)
        if rows:
            self.legs = legs
            self.unrealized_pnl = sum(_known(leg.unrealized_pnl) for leg in legs)
            self.realized_pnl = sum(_known(row.realized_pnl) for row in rows)
            self.fees = sum(_known(row.fees) for row in rows)
            self.funding = sum(_known(row.funding) for row in rows)

    def copy(self) -> Position:
        twin = Position(self.instrument)
        for name in Position.__slots__:
            setattr(twin, name, getattr(self, name))
        return twin

    def pv(self, price: float | None) -> float:
        """Unrealized profit at ``price``; without a price, the exchange's last figure, or 0.0."""
        if price is None or isnan(price):
            return self.unrealized_pnl
        if not self.legs:
            return self.quantity * (price - self.vwap)
        return sum(
            _known(leg.unrealized_pnl) if isnan(leg.price) else leg.size * (price - leg.price)
            for leg in self.legs
        )

    def to_dict(self) -> dict[str, str | float]:
        return {
            "id": self.instrument,
            "amount": self.quantity,
            "price": self.vwap,
            "pv": self.unrealized_pnl,
        }

    def __repr__(self) -> str:
        return f"<Position {self.instrument} {self.quantity:g} @ {self.vwap:g}>"


class Inventory:
    """Positions by symbol, with the profit on them.

    ``positions`` holds every symbol seen so far, flat ones too; a :class:`Position` is updated in place,
    so it can be kept and looked at again.
    """

    __slots__ = ("_margin", "_traded_profit", "positions")

    def __init__(self) -> None:
        self.positions: dict[str, Position] = {}
        self._margin: MarginUpdate | None = None
        self._traded_profit = 0.0  # since the last report

    def position_for(self, symbol: str) -> Position:
        """The position in ``symbol``; a flat one is made where there is none."""
        position = self.positions.get(symbol)
        if position is None:
            position = self.positions[symbol] = Position(symbol)
        return position

    def quantity_for(self, symbol: str) -> float:
        """Signed base units held in ``symbol``, cross and isolated together."""
        position = self.positions.get(symbol)
        return 0.0 if position is None else position.quantity

    def copy(self) -> Inventory:
        """All positions as they stand: no later report to this inventory changes the copy."""
        twin = Inventory()
        twin.positions = {symbol: position.copy() for symbol, position in self.positions.items()}
        twin._margin = self._margin
        twin._traded_profit = self._traded_profit
        return twin

    def reconcile(self, positions: Iterable[PositionUpdate], margin: MarginUpdate | None) -> None:
        """Take over all positions the exchange reports for one account: what is not listed is flat.

        Rows of size 0, the last ones of what is flat, bring its profit, fees and funding.
        """
        legs: dict[str, list[PositionUpdate]] = {symbol: [] for symbol in self.positions}
        for row in positions:
            legs.setdefault(row.symbol, []).append(row)
        for symbol, rows in legs.items():
            self.position_for(symbol).report(rows)
        self._margin = margin
        self._traded_profit = 0.0

    def traded(self, instrument: str, side: Side | float, amount: float, price: float) -> None:
        """Book one own trade by hand. ``side`` is a :class:`Side` or a number, above 0 for a buy.

        Closing (part of) a position realizes its profit; what is left over opens the opposite one.
        Raises :class:`UsageError` for a side of 0, an amount that is not above 0, or no finite price.
        """
        sign = side if not isinstance(side, Side) else 1 if side.is_buy else -1
        if not sign or isnan(sign) or not (isfinite(amount) and amount > 0 and isfinite(price)):
            raise UsageError("a trade has a side, an amount above 0 and a price, all finite numbers")
        change = amount if sign > 0 else -amount
        position = self.position_for(instrument)
        held = position.quantity
        if held * change >= 0:
            position.hold(held + change, (held * position.vwap + change * price) / (held + change))
            return
        closed = min(abs(held), amount)
        profit = position.side * closed * (price - position.vwap)
        position.realized_pnl += profit
        self._traded_profit += profit
        if isclose(abs(held), amount):  # sums of decimal fractions leave crumbs
            position.hold(0.0, 0.0)
        else:
            position.hold(held + change, position.vwap if amount < abs(held) else price)

    @property
    def realized(self) -> float:
        """Realized profit: the account's figure where the exchange gave one, else that of all positions.

        The exchange does not say whether it contains fees and funding, which it reports apart.
        """
        if self._margin is None or isnan(self._margin.realized_pnl):
            return sum(position.realized_pnl for position in self.positions.values())
        return self._margin.realized_pnl + self._traded_profit

    @property
    def fees(self) -> float:
        """Fees by the account's figure, else of all positions. Newer servers send paid fees as negative."""
        if self._margin is None or isnan(self._margin.fees):
            return sum(position.fees for position in self.positions.values())
        return self._margin.fees

    @property
    def funding(self) -> float:
        """Funding by the account's figure, else of all positions, with the sign of the exchange."""
        if self._margin is None or isnan(self._margin.funding):
            return sum(position.funding for position in self.positions.values())
        return self._margin.funding

    def pv(self, prices: Mapping[str, float | None]) -> Pnl:
        """Profit at these prices by symbol. A symbol without a price counts as last reported."""
        unrealized = sum(position.pv(prices.get(symbol)) for symbol, position in self.positions.items())
        return Pnl(self.realized, unrealized)

    def summary(self) -> list[dict[str, str | float]]:
        """One row for each position: ``id``, ``amount``, ``price`` (entry) and ``pv`` (as last reported)."""
        return [position.to_dict() for position in self.positions.values()]


def _known(figure: float) -> float:
    return 0.0 if isnan(figure) else figure
