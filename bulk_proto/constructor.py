"""What the constructors of all clients refuse before anything is made of it."""

from __future__ import annotations

from collections.abc import Mapping

from .errors import UsageError


def check_settings(logger: object, handlers: object, connector: object, handler_limit: object) -> None:
    """Raises :class:`UsageError` for what would fail later, or never be noticed. None means left out."""
    if logger is not None and not callable(getattr(logger, "error", None)):
        raise UsageError("a logger is a logging.Logger, such as logging.getLogger('trading'), or logs as one")
    if handlers is not None and not isinstance(handlers, Mapping):
        raise UsageError("handlers is a dict of functions by topic, such as {Topic.FILL: print}")
    if connector is not None and not callable(connector):
        raise UsageError("a connector is a function that makes a connection: see help(connectors.Connector)")
    if type(handler_limit) is not int or handler_limit < 1:
        raise UsageError("handler_limit must be a whole number from 1, of events that may wait")
