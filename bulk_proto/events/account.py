"""Events of accounts: margin, positions, orders, fills, settings.

``account`` is the public key of the account an event belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from msgspec import Struct, field

from bulk_proto.enums import OrderStatus, Side, TimeInForce, Topic

from .base import NAN, Event, TimedEvent


class MarginUpdate(Event, frozen=True, gc=False, kw_only=True):
    """Margin and collateral of one account, in quote currency. NaN where the server sent nothing."""

    topic: ClassVar[Topic] = Topic.MARGIN

    account: str
    total_balance: float = NAN  # equity used as margin (newer servers: totalMargin)
    available_balance: float = NAN  # total minus maintenance (availableMargin)
    margin_used: float = NAN  # maintenance margin
    notional: float = NAN  # of all positions together
    realized_pnl: float = NAN
    unrealized_pnl: float = NAN
    fees: float = NAN  # negative when paid on newer servers, positive on older ones
    funding: float = NAN  # with the sign of the exchange
    execution_impact: float | None = None  # from here on: newer servers only
    transferable_balance: float | None = None
    margin_buffer_rate: float | None = None  # a fraction
    buffered_margin: float | None = None  # ``margin_used`` with the buffer on top

    @property
    def key(self) -> object:
        return self.account


class OrderTrigger(Struct, frozen=True, gc=False, kw_only=True):
    """When a conditional order fires, and at what limit (None: market style)."""

    is_above: bool | None = None  # True: fires at or above the price
    price: float | None = None  # threshold
    limit: float | None = None  # limit price after firing
    oco: str | None = None  # id of the order that this one cancels
    price_high: float | None = None  # upper threshold of a range, or trailing sentinel
    limit_high: float | None = None  # limit price after firing there
    trail_bps: float | None = None  # trailing distance in basis points
    step_bps: float | None = None  # how far the price must move to reset it, in basis points


class ProtectiveOrder(Struct, frozen=True, gc=False):
    """A stop or take-profit order attached to a position."""

    order_id: str | None
    order_type: str | None  # stop, takeProfit, range, trailing
    trigger: OrderTrigger | None


class PositionUpdate(Event, frozen=True, gc=False, kw_only=True):
    """One position. Size 0 means flat. A cross and an isolated position can share a symbol.

    Amounts are in quote currency. NaN where the server sent nothing.
    """

    topic: ClassVar[Topic] = Topic.POSITION

    account: str
    symbol: str
    size: float  # base units, positive is long
    price: float = NAN  # average entry
    fair_price: float = NAN  # what margin is computed with
    notional: float = NAN  # size times fair price; whether the sign follows is unspecified
    realized_pnl: float = NAN
    unrealized_pnl: float = NAN
    leverage: float = NAN  # times the margin
    liquidation_price: float = NAN
    fees: float = NAN  # signs as in :class:`MarginUpdate`
    funding: float = NAN
    maintenance_margin: float = NAN
    lambda_: float = NAN  # a parameter of the margin model, without unit
    risk_allocation: float = NAN
    alloc_margin: float | None = None
    iso: bool | None = False  # None: nobody said, and it may be either; the account is sent anew then
    iso_pubkey: str | None = None  # the isolated account's key, only when ``iso``; "" while nobody told it
    protection: dict[str, Any] | None = None  # attached stop and take-profit orders, as sent
    protective_orders: tuple[ProtectiveOrder, ...] = ()  # the same

    @property
    def key(self) -> object:
        return (self.account, self.symbol, self.iso_pubkey)

    def is_long(self) -> bool:
        return self.size > 0

    def is_short(self) -> bool:
        return self.size < 0


class OrderState(TimedEvent, frozen=True, gc=False):
    """An order as it stands after this event. Sizes are unsigned base units."""

    topic: ClassVar[Topic] = Topic.ORDER

    account: str
    symbol: str
    order_id: str
    status: OrderStatus
    side: Side | None  # None: neither the message nor an earlier one told
    price: float  # 0 for market and conditional orders
    size: float  # remaining; 0 when finished
    size_orig: float  # as placed or modified
    size_done: float  # filled so far
    vwap: float  # average fill price; 0 before the first fill
    timestamp: int | None  # documented in ns
    is_maker: bool = False
    reduce_only: bool = False
    order_type: str | None = None  # limit, market, stop, takeProfit, range, trigger, trailing
    tif: TimeInForce | None = None
    trigger: OrderTrigger | None = None
    iso: bool = False
    error: str | None = None  # the server's reason
    status_text: str = ""  # the server's word for ``status``
    pending_on_fill: Any = None  # actions waiting for a fill, as sent

    def get_side(self) -> Side | None:
        return self.side

    def amount_remaining(self) -> float:
        return self.size


class Fill(TimedEvent, frozen=True, gc=False):
    """One execution of one own order. Positions are *not* computed from fills: the exchange reports them."""

    topic: ClassVar[Topic] = Topic.FILL

    account: str
    symbol: str
    order_id: str
    price: float
    size: float  # base units, unsigned
    side: Side | None  # of the own order
    timestamp: int | None  # documented in ns
    is_maker: bool | None = None
    fee: float | None = None  # quote currency, passed through: the sign differs between servers
    trade_id: str | None = None  # unique within the account; absent on older servers
    reason: str | None = None  # liquidation, adl, liquidation_sweep; None for a normal fill
    counterparty: str | None = None  # shortened key, for display only
    side_inferred: bool = False  # True: taken from ``isBuy``, whose meaning for makers is disputed
    suspected_repeat: bool = False  # True: no trade id, and equal to one told before the connection was lost


class LeverageSetting(Struct, frozen=True, gc=False):
    """Maximum leverage chosen for one market (1.0 to 50.0)."""

    symbol: str
    leverage: float  # times the margin


class LeverageUpdate(Event, frozen=True, gc=False, kw_only=True):
    """Changed leverage settings; handlers receive the list."""

    topic: ClassVar[Topic] = Topic.LEVERAGE

    account: str
    settings: list[LeverageSetting]

    @property
    def payloads(self) -> Sequence[object]:
        return (self.settings,)


class FeeTier(Struct, frozen=True, gc=False, kw_only=True):
    """Fees of one scope (``global`` or a market), in basis points."""

    symbol: str
    rolling_volume: float = NAN  # quote currency, within the window
    tier_index: int | None = None
    tier_threshold: float = NAN  # quote currency
    maker_bps: float = NAN
    taker_bps: float = NAN
    window_days: float = NAN


class FeeTierUpdate(TimedEvent, frozen=True, gc=False, kw_only=True):
    """Changed fee tiers."""

    topic: ClassVar[Topic] = Topic.FEE_TIER

    account: str
    tiers: list[FeeTier]
    timestamp: int | None = None


class AccountSnapshot(Event, frozen=True, gc=False, kw_only=True):
    """Everything about one account, authoritative: what it does not list is gone."""

    topic: ClassVar[Topic] = Topic.ACCOUNT

    account: str
    margin: MarginUpdate
    positions: list[PositionUpdate]
    open_orders: list[OrderState]
    leverage_settings: list[LeverageSetting] = field(default_factory=list)
    fee_tiers: list[FeeTier] = field(default_factory=list)
    kind: str | None = None  # MasterEOA, SubAccount, IsoAccount, Multisig
    parent: str | None = None  # the master of a sub-account
    name: str | None = None
    sub_accounts: list[str] = field(default_factory=list)
    multisig_accounts: list[str] = field(default_factory=list)
    agent_wallets: list[str] = field(default_factory=list)
    builder_approvals: dict[str, int] = field(default_factory=dict)  # recipient to maximum fee, bps

    def get_position(self, symbol: str) -> PositionUpdate | None:
        """The cross position in ``symbol``, else an isolated one, else None."""
        rows = sorted((row for row in self.positions if row.symbol == symbol), key=lambda row: bool(row.iso))
        return rows[0] if rows else None

    def get_leverage_setting(self, symbol: str) -> LeverageSetting | None:
        return next((row for row in self.leverage_settings if row.symbol == symbol), None)


class Liquidation(TimedEvent, frozen=True, gc=False, kw_only=True):
    """The exchange closed (part of) a position because its margin ran out. NaN where it sent no number."""

    topic: ClassVar[Topic] = Topic.LIQUIDATION

    account: str
    symbol: str
    price: float
    size: float  # base units, unsigned
    side: Side | None
    timestamp: int | None = None  # documented in ns
    reason: str | None = None
    margin_prior: float | None = None  # quote currency, as the next
    margin_after: float | None = None


class AutoDeleveraging(Liquidation, frozen=True, gc=False, kw_only=True):
    """The exchange reduced a profitable position to cover somebody else's loss."""

    topic: ClassVar[Topic] = Topic.ADL


class CancelRejected(TimedEvent, frozen=True, gc=False, kw_only=True):
    """A cancel found nothing to cancel. ``order_id`` is None for a cancel-all."""

    topic: ClassVar[Topic] = Topic.CANCEL_REJECTED

    account: str
    symbol: str | None
    order_id: str | None
    reason: str | None
    timestamp: int | None = None


class OrderContradicted(Event, frozen=True, gc=False):
    """The exchange said of an order what cannot be: life after its end, a second end, pending after placed.

    Ends are believed, and only the first; otherwise the later word is.
    """

    topic: ClassVar[Topic] = Topic.UNKNOWN

    account: str
    order_id: str
    known: OrderStatus
    told: OrderStatus
