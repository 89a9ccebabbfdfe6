"""The import paths that users of the exchange's own client know, served by this library."""

from bulk_anyio import BulkWebSocketClient
from bulk_proto.book import OrderBook
from bulk_proto.enums import Topic

__all__ = ["BulkWebSocketClient", "OrderBook", "Topic"]
