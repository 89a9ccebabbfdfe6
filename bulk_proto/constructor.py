"""What the constructors of all clients refuse before anything is made of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .config import Config
from .errors import UsageError

_OWN = frozenset({"url", "domain", "wall_clock", "chance", "mask"})  # what the clients set themselves
_SETTINGS = [field for field in Config.__struct_fields__ if field not in _OWN]


def check_settings(
    logger: object,
    handlers: object,
    connector: object,
    handler_limit: object,
    settings: Iterable[str],
    arguments: Iterable[str],
) -> None:
    """Raises :class:`UsageError` for what would fail later, or never be noticed. None means left out.

    ``settings`` are names of fields of :class:`Config`. Raises ``TypeError`` for one that is none, and says
    which of them, or of the constructor's own ``arguments``, may have been meant.
    """
    for name in settings:
        if name not in _SETTINGS:
            from difflib import get_close_matches  # few need it

            near = get_close_matches(name, [*_SETTINGS, *arguments], 1)
            hint = f"did you mean {near[0]}?" if near else "settings are the fields of bulk_proto.Config"
            raise TypeError(f"there is no setting {name}: {hint}")
    if logger is not None and not callable(getattr(logger, "error", None)):
        raise UsageError("a logger is a logging.Logger, such as logging.getLogger('trading'), or logs as one")
    if handlers is not None and not isinstance(handlers, Mapping):
        raise UsageError("handlers is a dict of functions by topic, such as {Topic.FILL: print}")
    if connector is not None and not callable(connector):
        raise UsageError("a connector is a function that makes a connection: see help(connectors.Connector)")
    if type(handler_limit) is not int or handler_limit < 1:
        raise UsageError("handler_limit must be a whole number from 1, of events that may wait")
