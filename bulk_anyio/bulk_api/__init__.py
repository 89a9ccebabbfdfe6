"""The import paths that users of the exchange's own client know, served by this library."""

from bulk_anyio import BulkWebSocketClient
from bulk_proto.book import OrderBook
from bulk_proto.enums import Topic

__all__ = ["BulkWebSocketClient", "OrderBook", "Topic"]

_INSTEAD = {
    "BulkHttpClient": "this library speaks WebSocket only, over which everything can be traded and followed",
    "FastOrderBook": "the book of this library is OrderBook, as BulkWebSocketClient keeps it",
}


def __getattr__(name: str) -> object:
    """Names of the exchange's own client that are not here get a word about what is."""
    if name in _INSTEAD:
        raise ImportError(f"there is no {name}: {_INSTEAD[name]}", name=__name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
