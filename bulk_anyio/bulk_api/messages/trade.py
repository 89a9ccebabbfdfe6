"""Actions and their answers under their documented path."""

from bulk_proto.actions import (
    ApproveBuilderCode,
    BuilderCode,
    CancelAll,
    CancelOrder,
    LimitOrder,
    MarketOrder,
    OraclePrice,
    RevokeBuilderCode,
    Stop,
    TakeProfit,
    TrailingStop,
)
from bulk_proto.events import Fill
from bulk_proto.responses import OrderResponse

__all__ = [
    "ApproveBuilderCode",
    "BuilderCode",
    "CancelAll",
    "CancelOrder",
    "Fill",
    "LimitOrder",
    "MarketOrder",
    "OraclePrice",
    "OrderResponse",
    "RevokeBuilderCode",
    "Stop",
    "TakeProfit",
    "TrailingStop",
]
