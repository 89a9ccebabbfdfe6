"""Account messages under their documented path."""

from bulk_proto.events import AccountSnapshot, LeverageSetting, MarginUpdate, OrderState, PositionUpdate

Margin = MarginUpdate
Position = PositionUpdate

__all__ = [
    "AccountSnapshot",
    "LeverageSetting",
    "Margin",
    "MarginUpdate",
    "OrderState",
    "Position",
    "PositionUpdate",
]
