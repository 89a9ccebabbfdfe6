"""The BULK exchange without any I/O: bytes and times in, events and bytes out.

Start at :class:`ClientCore`. The documented client over it is ``bulk_anyio.BulkWebSocketClient``.
"""

from .actions import (
    Action,
    BuilderCode,
    CancelAll,
    CancelOrder,
    LimitOrder,
    MarketOrder,
    ModifyOrder,
    OraclePrice,
)
from .book import OrderBook
from .config import Config
from .core import ClientCore, State
from .enums import OrderStatus, Side, SignatureDomain, TimeInForce, Topic
from .errors import (
    BulkError,
    ConnectionDropped,
    InvalidAction,
    InvalidKey,
    LinkError,
    NotConnected,
    NotSent,
    OutcomeUnknown,
    Rejected,
    RequestTimedOut,
    SignerMissing,
    SubscriptionLimit,
    SubscriptionRefused,
    TransactionRejected,
    UsageError,
)
from .events import (
    AccountSnapshot,
    Candle,
    Connected,
    Disconnected,
    Event,
    Fill,
    L2Delta,
    L2Snapshot,
    MarginUpdate,
    OrderState,
    PositionUpdate,
    Ticker,
    Trade,
    Trades,
)
from .inventory import Inventory, Pnl
from .network import Network
from .responses import OrderResponse, OrderResponses
from .signing.signer import Signer, TransactionSigner

__all__ = [
    "AccountSnapshot",
    "Action",
    "BuilderCode",
    "BulkError",
    "CancelAll",
    "CancelOrder",
    "Candle",
    "ClientCore",
    "Config",
    "Connected",
    "ConnectionDropped",
    "Disconnected",
    "Event",
    "Fill",
    "InvalidAction",
    "InvalidKey",
    "Inventory",
    "L2Delta",
    "L2Snapshot",
    "LimitOrder",
    "LinkError",
    "MarginUpdate",
    "MarketOrder",
    "ModifyOrder",
    "Network",
    "NotConnected",
    "NotSent",
    "OraclePrice",
    "OrderBook",
    "OrderResponse",
    "OrderResponses",
    "OrderState",
    "OrderStatus",
    "OutcomeUnknown",
    "Pnl",
    "PositionUpdate",
    "Rejected",
    "RequestTimedOut",
    "Side",
    "SignatureDomain",
    "Signer",
    "SignerMissing",
    "State",
    "SubscriptionLimit",
    "SubscriptionRefused",
    "Ticker",
    "TimeInForce",
    "Topic",
    "Trade",
    "Trades",
    "TransactionRejected",
    "TransactionSigner",
    "UsageError",
]
