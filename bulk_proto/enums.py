"""The closed sets of words in trading and on the wire, each with the meaning the exchange gives it."""

from __future__ import annotations

from enum import Enum, IntEnum

from .errors import UsageError


class Side(Enum):
    """Direction of an order or of a taker. ``str(Side.BUY)`` is ``"BUY"``."""

    BUY = 1
    SELL = 0

    def __str__(self) -> str:
        return self.name

    @property
    def is_buy(self) -> bool:
        return self is Side.BUY

    def to_bool(self) -> bool:
        """The wire's ``b``: true buys. (The name that earlier users of ``bulk_api`` know.)"""
        return self is Side.BUY

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


class TimeInForce(Enum):
    """How long an order may rest: until cancelled, not at all, or only if it adds liquidity."""

    GTC = "GTC"
    IOC = "IOC"
    ALO = "ALO"

    def __str__(self) -> str:
        return self.name


class OrderStatus(Enum):
    """Where an order, or the answer to one action, stands. The value is the wire's canonical word.

    The wire is not consistent in its spelling: it is matched without regard to case, a doubled l is
    ignored, and ``placed`` means the same as ``resting``. A word that is not in this list maps to
    ``CANCELLED`` or ``REJECTED`` when it starts that way, and to ``UNKNOWN``, which is *not* terminal,
    otherwise: calling a live order finished is how orders get doubled.
    """

    __hash__ = object.__hash__  # members are singletons, and Enum's own hash runs Python code

    PENDING = "pending"  # sent or accepted, not yet placed
    RESTING = "resting"  # on the book or on the book of conditional orders
    WORKING = "working"  # partly filled, the rest still on the book
    MODIFIED = "modified"  # its size was changed
    TRIGGERED = "triggered"  # a conditional order fired; its child has an id of its own
    FILLED = "filled"
    PARTIALLY_FILLED = "partiallyFilled"  # partly filled and finished, unlike on most venues
    CANCELLED = "cancelled"
    CANCELLED_RISKLIMIT = "cancelledRiskLimit"
    CANCELLED_SELFCROSSING = "cancelledSelfCrossing"
    CANCELLED_REDUCEONLY = "cancelledReduceOnly"
    CANCELLED_IOC = "cancelledIoc"
    SIBLING_CANCELLED = "siblingCancelled"  # its one-cancels-the-other partner fired
    REJECTED = "rejected"
    REJECTED_CROSSING = "rejectedCrossing"  # add-liquidity-only, but it would have crossed
    REJECTED_DUPLICATE = "rejectedDuplicate"  # an order with this id exists
    REJECTED_RISKLIMIT = "rejectedRiskLimit"
    REJECTED_INVALID = "rejectedInvalid"
    TRIGGER_FAILED = "triggerFailed"
    CANCEL_REJECT = "cancelRejected"  # the answer to a cancel that found nothing to cancel
    # Ours: a snapshot does not list it and nobody said why. Without an answer to the transaction it may
    # still be executed later on the same link, if the exchange had it queued behind the snapshot.
    GONE = "gone"
    ACKNOWLEDGED = "ack"  # ours: the answer "done" to an action that is not an order
    ERROR = "error"  # the action failed
    UNKNOWN = "unknown"  # a word this version does not know

    def __str__(self) -> str:
        return self.name.lower()

    def is_terminal(self) -> bool:
        """True when nothing further will happen to the order."""
        return self not in _ALIVE

    def is_cancelled(self) -> bool:
        return self in _CANCELLED

    def is_placed(self) -> bool:
        """True when the order reached the book, whether it is still there or not."""
        return self in _PLACED

    def is_error(self) -> bool:
        """True when the action did not do what was asked: a rejection, a failure, a refused cancel."""
        return self in _ERRORS

    @classmethod
    def from_string(cls, text: str) -> OrderStatus:
        """The status for a word of the wire; never raises (see the class)."""
        if (known := _BY_WORD.get(text)) is not None:
            return known
        word = text.casefold().replace("canceled", "cancelled")
        if (known := _BY_WORD.get(word)) is not None:
            return known
        if word.startswith("cancel"):
            return cls.CANCELLED
        if word.startswith("reject"):
            return cls.REJECTED
        return cls.UNKNOWN

    @classmethod
    def of_order(cls, text: str) -> OrderStatus:
        """The same for the state of an order: words that only a request can be told by are unknown there.

        As an end of the order they would have it placed once more.
        """
        status = cls.from_string(text)
        is_told_of_requests = status is _ACKNOWLEDGED or status is _ERROR or status is _GONE
        return cls.UNKNOWN if is_told_of_requests else status


_ACKNOWLEDGED, _ERROR, _GONE = OrderStatus.ACKNOWLEDGED, OrderStatus.ERROR, OrderStatus.GONE
_ALIVE = frozenset(
    {
        OrderStatus.PENDING,
        OrderStatus.RESTING,
        OrderStatus.WORKING,
        OrderStatus.MODIFIED,
        OrderStatus.TRIGGERED,
        OrderStatus.UNKNOWN,
    }
)
_CANCELLED = frozenset(
    {
        OrderStatus.CANCELLED,
        OrderStatus.CANCELLED_RISKLIMIT,
        OrderStatus.CANCELLED_SELFCROSSING,
        OrderStatus.CANCELLED_REDUCEONLY,
        OrderStatus.CANCELLED_IOC,
        OrderStatus.SIBLING_CANCELLED,
    }
)
_PLACED = frozenset(
    {
        OrderStatus.RESTING,
        OrderStatus.WORKING,
        OrderStatus.MODIFIED,
        OrderStatus.TRIGGERED,
        OrderStatus.FILLED,
        OrderStatus.PARTIALLY_FILLED,
    }
)
_ERRORS = frozenset(
    {
        OrderStatus.REJECTED,
        OrderStatus.REJECTED_CROSSING,
        OrderStatus.REJECTED_DUPLICATE,
        OrderStatus.REJECTED_RISKLIMIT,
        OrderStatus.REJECTED_INVALID,
        OrderStatus.TRIGGER_FAILED,
        OrderStatus.CANCEL_REJECT,
        OrderStatus.ERROR,
    }
)
_BY_WORD = {word: status for status in OrderStatus for word in (status.value, status.value.casefold())} | {
    "placed": OrderStatus.RESTING,
    "cancelonerejected": OrderStatus.CANCEL_REJECT,
    "cancelallrejected": OrderStatus.CANCEL_REJECT,
}


class Topic(Enum):
    """What a handler can be registered for; what it receives is told by the event of that topic.

    The first twelve are documented by the exchange and keep the payloads documented for them
    (:data:`TRADES` a list of ``Trade``, :data:`LEVERAGE` a list of ``LeverageSetting``,
    :data:`ERROR` a dict, the others one object). The rest are additions of this library.
    """

    __hash__ = object.__hash__  # a member equals itself only, and every event is looked up by its topic

    TICKER = "ticker"
    TRADES = "trades"
    L2SNAPSHOT = "l2_snapshot"
    L2DELTA = "l2_delta"
    CANDLE = "candle"
    ACCOUNT = "account_snapshot"
    MARGIN = "margin_update"
    POSITION = "position_update"
    ORDER = "order_state"
    FILL = "fill"
    LEVERAGE = "leverage_update"
    ERROR = "error"

    LIQUIDATION = "liquidation"
    ADL = "adl"
    CANCEL_REJECTED = "cancel_rejected"
    FEE_TIER = "fee_tier"
    RISK = "risk"
    CONTEXT = "frontend_context"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    RESYNCED = "resynced"
    BOOK_STALE = "book_stale"
    TICKER_STALE = "ticker_stale"
    MISSED = "missed"
    HANDLER_FAILED = "handler_failed"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, topic: object) -> Topic:
        """The topic itself or the one of that value; :class:`UsageError` for anything else."""
        try:
            return cls(topic)
        except ValueError:
            raise UsageError("no such topic: pass a member of Topic, such as Topic.FILL") from None


class SignatureDomain(IntEnum):
    """The last byte of every signed transaction: a signature is valid on one network only.

    It is trusted local configuration and never sent. 0 is deliberately unassigned.
    """

    MAINNET = 1
    TESTNET = 2
    DEVNET = 3
