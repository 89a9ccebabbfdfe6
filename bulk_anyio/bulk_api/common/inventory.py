"""The position and profit tracker under its documented path."""

from bulk_proto.inventory import Inventory, Pnl, Position

__all__ = ["Inventory", "Pnl", "Position"]
