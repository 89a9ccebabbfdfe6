"""What the application sees: past facts, frozen, with their units.

Prices are in quote currency, sizes in base units, rates are signed fractions. ``timestamp`` is the
server's own number in whatever unit it used; ``timestamp_ns`` is the same moment in nanoseconds since
1970 (see :mod:`bulk_proto.timestamps`). Names that the released ``bulk_api`` gives to these values
are kept. ``account`` is the public key of the account that an event belongs to: it is told by the
topic of the message alone, so one connection can carry many accounts.

``payloads`` is what a handler registered with ``on(topic, handler)`` is called with, once for each
entry. ``key`` names the state that an event describes: of two unread events with one key, the older
one is worth nothing; events without a key must never vanish silently.
"""

from .account import (
    AccountSnapshot,
    AutoDeleveraging,
    CancelRejected,
    FeeTier,
    FeeTierUpdate,
    Fill,
    LeverageSetting,
    LeverageUpdate,
    Liquidation,
    MarginUpdate,
    OrderContradicted,
    OrderState,
    OrderTrigger,
    PositionUpdate,
    ProtectiveOrder,
)
from .base import (
    NAN,
    Event,
    TimedEvent,
)
from .client import (
    BookStale,
    Connected,
    Disconnected,
    DisconnectReason,
    ErrorReported,
    HandlerFailed,
    MessageRefused,
    Missed,
    Resynced,
    TickerStale,
    Unasked,
    UnknownMessage,
)
from .market import (
    BookStream,
    Candle,
    Candles,
    FrontendContext,
    L2Delta,
    L2Snapshot,
    MarketContext,
    OrderBookLevel,
    RiskRatio,
    RiskSurface,
    StaleTicker,
    Ticker,
    Trade,
    Trades,
)

__all__ = [
    "NAN",
    "AccountSnapshot",
    "AutoDeleveraging",
    "BookStale",
    "BookStream",
    "CancelRejected",
    "Candle",
    "Candles",
    "Connected",
    "DisconnectReason",
    "Disconnected",
    "ErrorReported",
    "Event",
    "FeeTier",
    "FeeTierUpdate",
    "Fill",
    "FrontendContext",
    "HandlerFailed",
    "L2Delta",
    "L2Snapshot",
    "LeverageSetting",
    "LeverageUpdate",
    "Liquidation",
    "MarginUpdate",
    "MarketContext",
    "MessageRefused",
    "Missed",
    "OrderBookLevel",
    "OrderContradicted",
    "OrderState",
    "OrderTrigger",
    "PositionUpdate",
    "ProtectiveOrder",
    "Resynced",
    "RiskRatio",
    "RiskSurface",
    "StaleTicker",
    "Ticker",
    "TickerStale",
    "TimedEvent",
    "Trade",
    "Trades",
    "Unasked",
    "UnknownMessage",
]
