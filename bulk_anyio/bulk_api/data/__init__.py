"""Order books under their documented path."""

from bulk_proto.book import OrderBook
from bulk_proto.events import OrderBookLevel

__all__ = ["OrderBook", "OrderBookLevel"]
