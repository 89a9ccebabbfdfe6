"""The documented client of the BULK exchange without async; see :class:`BulkWebSocketClient`."""

from .client import BulkWebSocketClient
from .connectors import Connector, proxy_connector, tcp_connector
from .streams import EventStream
from .workers import Handler

__all__ = ["BulkWebSocketClient", "Connector", "EventStream", "Handler", "proxy_connector", "tcp_connector"]
