"""The state of one account, as its stream tells it.

The exchange's figures are taken over, never computed: a snapshot replaces everything, updates replace
one row, and a fill is news for the application but changes neither an order nor a position, which have
updates of their own. After a lost connection everything is kept but not ``live`` until the snapshot of
the next one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from msgspec.structs import replace

from .enums import OrderStatus
from .events import (
    AccountSnapshot,
    Event,
    FeeTier,
    FeeTierUpdate,
    Fill,
    LeverageSetting,
    LeverageUpdate,
    MarginUpdate,
    OrderState,
    PositionUpdate,
)
from .own_fills import OwnFills
from .own_orders import OwnOrders
from .own_positions import OwnPositions, PositionKey

AccountEvent = (
    AccountSnapshot | MarginUpdate | PositionUpdate | OrderState | Fill | LeverageUpdate | FeeTierUpdate
)


class Account:
    """What is known about one account.

    ``snapshot`` is the latest one, as it was.
    """

    __slots__ = (
        "_fills",
        "_live",
        "_orders",
        "_positions",
        "fee_tiers",
        "leverage_settings",
        "margin",
        "pubkey",
        "snapshot",
    )

    def __init__(self, pubkey: str) -> None:
        self.pubkey = pubkey
        self._live = False
        self.snapshot: AccountSnapshot | None = None
        self.margin: MarginUpdate | None = None
        self.leverage_settings: dict[str, LeverageSetting] = {}
        self.fee_tiers: dict[str, FeeTier] = {}
        self._orders = OwnOrders()
        self._positions = OwnPositions()
        self._fills = OwnFills()

    @property
    def live(self) -> bool:
        """The snapshot of this connection came, updates are followed, and nothing speaks against them."""
        return self._live and not self._orders.disputed

    @property
    def is_disputed(self) -> bool:
        """Does a reply say that an order lives which a snapshot left out? Stream or snapshot will tell."""
        return bool(self._orders.disputed)

    @property
    def positions(self) -> dict[PositionKey, PositionUpdate]:
        """Open positions by symbol and key of the isolated account: None for cross, "" while it has no name.

        So both kinds stand side by side in one symbol.
        """
        return self._positions.open

    @property
    def last_positions(self) -> list[PositionUpdate]:
        """The latest row of each position, with the last figures of those that are flat by now."""
        return self._positions.latest()

    @property
    def open_orders(self) -> dict[str, OrderState]:
        """Orders that live on the exchange, by id. Those still waiting for an answer are not here."""
        return self._orders.open

    @property
    def pending(self) -> dict[str, OrderState]:
        """Orders sent, about which nothing has been heard yet."""
        return self._orders.pending

    @property
    def in_doubt(self) -> dict[str, OrderState]:
        """Orders of which no reply will tell any more; the next snapshot settles them."""
        return self._orders.in_doubt

    @property
    def finished(self) -> dict[str, OrderState]:
        """The latest finished orders, oldest first (about a thousand)."""
        return self._orders.finished

    @property
    def contradictions(self) -> int:
        """How often the exchange said of an order what cannot be, life after its end for example."""
        return self._orders.contradictions

    @property
    def newcomers(self) -> int:
        """How many orders the exchange has told of that this client had not sent."""
        return self._orders.newcomers

    def knew(self, order_id: str, newcomers: int) -> bool:
        """True for a known order that is none of the newcomers after the first so many.

        An order that this client sends is never a newcomer, as far as its id could be computed.
        """
        return self._orders.knew(order_id, newcomers)

    @property
    def repeated_fills(self) -> int:
        """How many fills were left out because their trade id had been told before."""
        return self._fills.repeats

    def find_order(self, order_id: str) -> OrderState | None:
        """The latest state of an own order, open or not; None when it is not known (any more)."""
        return self._orders.find(order_id)

    def copy(self) -> Account:
        """The account as it stands, for reading: no later message for this one changes the copy."""
        twin = Account(self.pubkey)
        twin._live, twin.snapshot, twin.margin = self._live, self.snapshot, self.margin
        twin.leverage_settings = self.leverage_settings.copy()
        twin.fee_tiers = self.fee_tiers.copy()
        twin._orders = self._orders.copy()
        twin._positions = self._positions.copy()
        twin._fills.repeats = self._fills.repeats
        return twin

    def apply(self, event: AccountEvent) -> list[Event]:
        """Take over an event; returns what the application should hear of it.

        That is the event itself, with the side of its order filled in where it was missing or inferred and
        the key of an isolated account where it was left out, unless it is a repeat or older than what is
        known; a fill that only looks like a repeat is marked.
        What cannot be is told before it, by an ``OrderContradicted``. A snapshot is followed by the end of
        every order and position that it no longer lists: status ``GONE``, size 0.

        The account is not ``live`` after a row that may be about any of several positions, nor while an order
        is disputed: then another snapshot is needed.
        """
        match event:
            case OrderState():
                return self._orders.updated(event)
            case Fill():
                fill = self._fills.told(event)
                return [] if fill is None else [self._with_side(fill)]
            case AccountSnapshot():
                return self._replace(event)
            case MarginUpdate():
                self.margin = event
            case PositionUpdate():
                position, is_told_apart = self._positions.updated(event)
                if not is_told_apart:
                    self.mark_stale()
                return [position]
            case LeverageUpdate():
                self._set_leverage(event.settings)
            case FeeTierUpdate():
                self._set_fee_tiers(event.tiers)
            case _:
                assert_never(event)
        return [event]

    def register(self, order: OrderState, other_ids: tuple[str, ...] = ()) -> None:
        """An order with status ``PENDING`` is being sent: its updates may come before its answer.

        ``other_ids`` are those that it may have instead. Each is registered; the first that the exchange
        names, or the snapshot leaves out, ends the others without a word.
        """
        self._orders.register(order, other_ids)

    def answered(
        self,
        order_id: str,
        status: OrderStatus,
        *,
        size_left: float | None = None,
        size_done: float | None = None,
        vwap: float | None = None,
        error: str | None = None,
    ) -> None:
        """The reply to a request says where this order stood.

        It makes a pending order open or finished, and can finish an open one; otherwise what the stream
        said stands. A refusal only ends what was pending. Sizes and ``vwap`` are totals of the reply, where
        it has them. The application hears of the order from the stream.
        """
        self._orders.answered(order_id, status, size_left, size_done, vwap, error)

    def doubt(self, order_ids: Iterable[str]) -> None:
        """No answer came in time for these orders: the next snapshot settles them."""
        self._orders.doubt(order_ids)

    def unmentioned(self, order_ids: Iterable[str]) -> None:
        """The reply said nothing of these orders: the second snapshot from now settles what is pending."""
        self._orders.unmentioned(order_ids)

    def mark_stale(self) -> None:
        """Something was lost to us: nothing is deleted, and nothing is certain before the next snapshot."""
        self._live = False

    def connection_lost(self) -> None:
        """The same; what waits for an answer is in doubt, and what was told may be repeated."""
        self._live = False
        self._orders.connection_lost()
        self._fills.connection_lost()

    def _replace(self, snapshot: AccountSnapshot) -> list[Event]:
        orders, ended = self._orders.replaced_by(snapshot.open_orders)
        positions, closed = self._positions.replaced_by(snapshot.positions)
        if orders != snapshot.open_orders or positions != snapshot.positions:
            snapshot = replace(snapshot, open_orders=orders, positions=positions)
        self.margin = snapshot.margin
        self.leverage_settings = {}
        self._set_leverage(snapshot.leverage_settings)
        self.fee_tiers = {}
        self._set_fee_tiers(snapshot.fee_tiers)
        self.snapshot = snapshot
        self._live = True
        self._fills.snapshot_came()
        return [snapshot, *ended, *closed]

    def _set_leverage(self, settings: Iterable[LeverageSetting]) -> None:
        self.leverage_settings.update({setting.symbol: setting for setting in settings})

    def _set_fee_tiers(self, tiers: Iterable[FeeTier]) -> None:
        self.fee_tiers.update({tier.symbol: tier for tier in tiers})

    def _with_side(self, fill: Fill) -> Fill:
        """What the fill says of its side is disputed for makers; the order knows its own."""
        order = self._orders.find(fill.order_id)
        if order is None or order.side is None or (order.side is fill.side and not fill.side_inferred):
            return fill
        return replace(fill, side=order.side, side_inferred=False)
