"""What the application sees: past facts, frozen, with their units, and no behaviour.

Prices are in quote currency, sizes in base units, rates are signed fractions. ``timestamp`` is the
server's own number in whatever unit it used; ``timestamp_ns`` is the same moment in nanoseconds since
1970 (see :mod:`bulk_proto.timestamps`). Names that the released ``bulk_api`` gives to these values
are kept. ``account`` is the public key of the account that an event belongs to: it is told by the
topic of the message alone, so one connection can carry many accounts.

``payloads`` is what a handler registered with ``on(topic, handler)`` is called with, once for each
entry. ``key`` names the state that an event describes: of two unread events with one key, the older
one is worth nothing; events without a key must never vanish silently.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Any, ClassVar

from msgspec import Meta, Struct, field

from .enums import OrderStatus, Side, TimeInForce, Topic
from .timestamps import to_nanoseconds

NAN = float("nan")


class Event(Struct, frozen=True, gc=False):
    """Base of all events: immutable, comparable, cheap."""

    topic: ClassVar[Topic]

    @property
    def payloads(self) -> Sequence[object]:
        return (self,)

    @property
    def key(self) -> object | None:
        return None


class _Timed(Event, frozen=True, gc=False):
    """An event with a time of the exchange (each subclass has the field ``timestamp``)."""

    @property
    def timestamp_ns(self) -> int | None:
        """``timestamp`` in nanoseconds since 1970; None where the server sent none."""
        timestamp: int | None = getattr(self, "timestamp", None)
        return None if timestamp is None else to_nanoseconds(timestamp)


# Market data -----------------------------------------------------------------------------------------


class Ticker(_Timed, frozen=True, gc=False, rename="camel"):
    """24-hour figures and current prices of one market, every 200 ms. Any number may be None."""

    topic: ClassVar[Topic] = Topic.TICKER

    symbol: str
    last_price: float | None = None
    mark_price: float | None = None  # fair price used for margin
    oracle_price: float | None = None  # external reference
    price_change: float | None = None  # 24 h, quote currency, signed
    price_change_percent: float | None = None
    high_price: float | None = None
    low_price: float | None = None
    volume: float | None = None  # 24 h, base units
    quote_volume: float | None = None  # 24 h, quote currency
    open_interest: float | None = None  # base units
    funding_rate: float | None = None  # current rate, signed fraction
    regime: int | None = None  # model output, as the next six
    regime_dt: float | None = None  # age of the regime in steps of 10 s
    regime_vol: float | None = None
    regime_mv: float | None = None
    fair_book_px: float | None = None
    fair_vol: float | None = None
    fair_bias: float | None = None
    timestamp: int | None = None  # documented in ns

    @property
    def key(self) -> object:
        return self.symbol


class Trade(Struct, frozen=True, gc=False):
    """One public execution."""

    timestamp: int | None  # documented in ms
    symbol: str
    side: Side | None  # the taker's; None when the server did not say
    size: float  # base units, unsigned
    price: float
    maker: str = ""  # public key of the resting side, often empty
    taker: str = ""
    reason: str | None = None  # liquidation, adl, liquidation_sweep; None for a normal trade
    liquidation: bool = False

    @property
    def timestamp_ns(self) -> int | None:
        return None if self.timestamp is None else to_nanoseconds(self.timestamp)


class Trades(Event, frozen=True, gc=False):
    """Public executions of one message; handlers receive the list."""

    topic: ClassVar[Topic] = Topic.TRADES

    symbol: str
    trades: list[Trade]

    @property
    def payloads(self) -> Sequence[object]:
        return (self.trades,)


class OrderBookLevel(Struct, frozen=True, gc=False):
    """One price of a book. ``size`` is absolute, never a change; in a delta 0 removes the price.

    ``num_orders`` is real in snapshots only: deltas always carry 0.
    """

    price: Annotated[float, Meta(ge=0)] = field(name="px")
    size: Annotated[float, Meta(ge=0)] = field(name="sz")
    num_orders: int = field(default=0, name="n")

    def __str__(self) -> str:
        return f"{self.size} @ {self.price}"


class BookStream(Enum):
    """Which subscription a book message came from; both can carry snapshots."""

    SNAPSHOT = "l2Snapshot"
    DELTA = "l2Delta"


class L2Snapshot(_Timed, frozen=True, gc=False):
    """A whole book, or its best ``nlevels`` on each side."""

    topic: ClassVar[Topic] = Topic.L2SNAPSHOT

    symbol: str
    bids: list[OrderBookLevel]  # highest price first
    asks: list[OrderBookLevel]  # lowest price first
    timestamp: int | None
    stream: BookStream = BookStream.SNAPSHOT


class L2Delta(_Timed, frozen=True, gc=False):
    """Changed levels with their new absolute sizes; usually one level on one side."""

    topic: ClassVar[Topic] = Topic.L2DELTA

    symbol: str
    bid_changes: list[OrderBookLevel]
    ask_changes: list[OrderBookLevel]
    timestamp: int | None


class Candle(Struct, frozen=True, gc=False):
    """One bar. A later candle with the same ``open_time`` replaces it: the open bar is repeated."""

    symbol: str
    interval: str  # as on the wire: 1m is a minute, 1M a month
    open_time: int | None  # ms
    close_time: int | None  # ms
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: float | None  # base units
    num_trades: int | None


class Candles(Event, frozen=True, gc=False):
    """Candles of one message: up to 5,000 past ones first, then updates. Handlers get them one by one."""

    topic: ClassVar[Topic] = Topic.CANDLE

    symbol: str
    interval: str
    candles: list[Candle]

    @property
    def payloads(self) -> Sequence[object]:
        return self.candles


class RiskSurface(Event, frozen=True, gc=False):
    """Margin ratios by notional and leverage, as the server sent them (the form has changed before)."""

    topic: ClassVar[Topic] = Topic.RISK

    symbol: str
    surface: dict[str, Any]

    @property
    def key(self) -> object:
        return self.symbol


class FrontendContext(Event, frozen=True, gc=False):
    """One row for every market, every two seconds, as the server sent them."""

    topic: ClassVar[Topic] = Topic.CONTEXT

    rows: list[dict[str, Any]]

    @property
    def key(self) -> object:
        return Topic.CONTEXT


# Accounts --------------------------------------------------------------------------------------------


class MarginUpdate(Event, frozen=True, gc=False, kw_only=True):
    """Margin and collateral of one account, in quote currency. NaN where the server sent nothing."""

    topic: ClassVar[Topic] = Topic.MARGIN

    account: str
    total_balance: float = NAN  # equity used as margin (newer servers: totalMargin)
    available_balance: float = NAN  # total minus maintenance (availableMargin)
    margin_used: float = NAN  # maintenance margin
    notional: float = NAN
    realized_pnl: float = NAN
    unrealized_pnl: float = NAN
    fees: float = NAN  # negative when paid on newer servers, positive on older ones
    funding: float = NAN
    execution_impact: float | None = None  # from here on: newer servers only
    transferable_balance: float | None = None
    margin_buffer_rate: float | None = None
    buffered_margin: float | None = None

    @property
    def key(self) -> object:
        return self.account


class PositionUpdate(Event, frozen=True, gc=False, kw_only=True):
    """One position. Size 0 means flat. A cross and an isolated position can share a symbol."""

    topic: ClassVar[Topic] = Topic.POSITION

    account: str
    symbol: str
    size: float  # base units, positive is long
    price: float = NAN  # average entry
    fair_price: float = NAN
    notional: float = NAN  # size times fair price; whether the sign follows is unspecified
    realized_pnl: float = NAN
    unrealized_pnl: float = NAN
    leverage: float = NAN
    liquidation_price: float = NAN
    fees: float = NAN
    funding: float = NAN
    maintenance_margin: float = NAN
    lambda_: float = NAN
    risk_allocation: float = NAN
    alloc_margin: float | None = None
    iso: bool = False
    iso_pubkey: str | None = None  # the isolated account's key, only when ``iso``
    protection: dict[str, Any] | None = None  # attached stop and take-profit orders

    @property
    def key(self) -> object:
        return (self.account, self.symbol, self.iso_pubkey)

    def is_long(self) -> bool:
        return self.size > 0

    def is_short(self) -> bool:
        return self.size < 0


class OrderTrigger(Struct, frozen=True, gc=False, kw_only=True):
    """When a conditional order fires, and at what limit (None: market style)."""

    is_above: bool | None = None  # True: fires at or above the price
    price: float | None = None
    limit: float | None = None
    oco: str | None = None  # id of the order that this one cancels
    price_high: float | None = None  # upper threshold of a range, or trailing sentinel
    limit_high: float | None = None
    trail_bps: float | None = None
    step_bps: float | None = None


class OrderState(_Timed, frozen=True, gc=False, kw_only=True):
    """An order as it stands after this event. Sizes are unsigned base units."""

    topic: ClassVar[Topic] = Topic.ORDER

    account: str
    symbol: str
    order_id: str
    status: OrderStatus
    side: Side | None  # None: neither the message nor an earlier one told
    price: float  # 0 for market and conditional orders
    size: float  # remaining; 0 when finished
    size_orig: float
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


class Fill(_Timed, frozen=True, gc=False, kw_only=True):
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
    fee: float | None = None  # passed through: the sign convention differs between servers
    trade_id: str | None = None  # unique within the account; absent on older servers
    reason: str | None = None  # liquidation, adl, liquidation_sweep; None for a normal fill
    counterparty: str | None = None  # shortened key, for display only
    side_inferred: bool = False  # True: taken from ``isBuy``, whose meaning for makers is disputed


class LeverageSetting(Struct, frozen=True, gc=False):
    """Maximum leverage chosen for one market (1.0 to 50.0)."""

    symbol: str
    leverage: float


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
    rolling_volume: float = NAN
    tier_index: int | None = None
    tier_threshold: float = NAN
    maker_bps: float = NAN
    taker_bps: float = NAN
    window_days: float = NAN


class FeeTierUpdate(_Timed, frozen=True, gc=False, kw_only=True):
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
        rows = sorted((row for row in self.positions if row.symbol == symbol), key=lambda row: row.iso)
        return rows[0] if rows else None

    def get_leverage_setting(self, symbol: str) -> LeverageSetting | None:
        return next((row for row in self.leverage_settings if row.symbol == symbol), None)


class Liquidation(_Timed, frozen=True, gc=False, kw_only=True):
    """The exchange closed (part of) a position because its margin ran out."""

    topic: ClassVar[Topic] = Topic.LIQUIDATION

    account: str
    symbol: str
    price: float
    size: float  # base units, unsigned
    side: Side | None
    timestamp: int | None = None  # documented in ns
    reason: str | None = None
    margin_prior: float | None = None
    margin_after: float | None = None


class AutoDeleveraging(Liquidation, frozen=True, gc=False, kw_only=True):
    """The exchange reduced a profitable position to cover somebody else's loss."""

    topic: ClassVar[Topic] = Topic.ADL


class CancelRejected(_Timed, frozen=True, gc=False, kw_only=True):
    """A cancel found nothing to cancel. ``order_id`` is None for a cancel-all."""

    topic: ClassVar[Topic] = Topic.CANCEL_REJECTED

    account: str
    symbol: str | None
    order_id: str | None
    reason: str | None
    timestamp: int | None = None


# About the connection and this library ---------------------------------------------------------------


class DisconnectReason(Enum):
    """Why a link ended. Codes, not texts: texts of libraries vary with how the bytes were cut."""

    CLOSED_BY_USER = "closed by user"
    CLOSED_BY_PEER = "closed by the exchange"  # a close frame of any code
    LOST = "connection lost"  # end of stream, reset, or never established
    OPENING_TIMEOUT = "no answer while connecting"
    SILENT = "nothing heard for too long"
    MALFORMED = "bytes that are not WebSocket"
    NOT_UTF8 = "text that is not UTF-8"
    TOO_BIG = "message over the size limit"
    TOO_MANY_FRAGMENTS = "message in too many fragments"
    HANDSHAKE_REFUSED = "handshake refused"


class Connected(Event, frozen=True, gc=False):
    """The WebSocket is open and every wanted topic has been asked for (again, if ``resumed``)."""

    topic: ClassVar[Topic] = Topic.CONNECTED

    attempt: int  # 1 when the first attempt succeeded
    resumed: bool


class Disconnected(Event, frozen=True, gc=False):
    """The WebSocket is gone: books are not live, account state is stale until the next snapshot."""

    topic: ClassVar[Topic] = Topic.DISCONNECTED

    reason: DisconnectReason
    retry_at: float | None  # seconds on the driver's clock; None: no retry will follow
    code: int | None = None  # close code of the peer's close frame
    status: int | None = None  # HTTP status of a refused handshake
    detail: str = ""  # what the system or the driver said of a lost connection, for people


class Resynced(Event, frozen=True, gc=False, kw_only=True):
    """After a reconnection everything wanted is served again; this is what changed in the gap.

    Executions inside the gap are not repeated by the exchange: they show here as orders that are gone
    and positions that differ.
    """

    topic: ClassVar[Topic] = Topic.RESYNCED

    gap: float  # seconds from losing the old link to being served on the new one
    orders_gone: list[OrderState]  # open before, not any more; status GONE where nobody said why
    positions_changed: list[PositionUpdate]  # as they are now; size 0 for closed ones
    books: list[str]  # symbols whose book is live again


class BookStale(Event, frozen=True, gc=False):
    """A book can no longer be trusted and is being asked for again."""

    topic: ClassVar[Topic] = Topic.BOOK_STALE

    symbol: str
    why: str


class ErrorReported(Event, frozen=True, gc=False):
    """The exchange sent an ``error`` frame. Handlers receive the frame as a dict.

    Without ``request_id`` it says nothing about any open request: those keep their own deadlines.
    """

    topic: ClassVar[Topic] = Topic.ERROR

    message: str
    request_id: int | None
    frame: dict[str, Any]

    @property
    def payloads(self) -> Sequence[object]:
        return (self.frame,)


class UnknownMessage(Event, frozen=True, gc=False):
    """A well-formed message of a kind this version does not know; otherwise ignored."""

    topic: ClassVar[Topic] = Topic.UNKNOWN

    kind: str | None
    data: bytes


class MessageRefused(Event, frozen=True, gc=False):
    """Bytes that could not be read as what they claim to be. Nothing was applied, the link goes on."""

    topic: ClassVar[Topic] = Topic.UNKNOWN

    problem: str  # what is wrong, without the message itself
    data: bytes
    stream: str | None = None  # the topic string of the message, where it could be read


class Missed(Event, frozen=True, gc=False):
    """The handler fell behind: ``count`` events were left out at this point. Read the client's state."""

    topic: ClassVar[Topic] = Topic.MISSED

    count: int


class HandlerFailed(Event, frozen=True, gc=False):
    """A handler raised; it stays registered."""

    topic: ClassVar[Topic] = Topic.HANDLER_FAILED

    handler: str  # its name
    failed_on: Topic
    error: str  # type and text of the exception
