"""The documented client of the BULK exchange on asyncio and trio; see :class:`BulkWebSocketClient`."""

from .client import BulkWebSocketClient
from .driver import Connector, tcp_connector
from .workers import Handler

__all__ = ["BulkWebSocketClient", "Connector", "Handler", "tcp_connector"]
