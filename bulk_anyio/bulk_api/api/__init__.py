"""The client under its documented path."""

from bulk_anyio import BulkWebSocketClient

__all__ = ["BulkWebSocketClient"]
