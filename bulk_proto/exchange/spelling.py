"""Makes messages poorer or richer than documented, as older and newer servers do."""

from __future__ import annotations

from .config import Dialect
from .market_messages import Json

# What older servers leave out. Names are only taken from objects of the account and market streams.
_OPTIONAL = frozenset(
    {
        *("regime", "regimeDt", "regimeVol", "regimeMv", "fairBookPx", "fairVol", "fairBias"),
        *("tradeId", "counterpartyHint", "reason", "builderCodeApprovals", "pendingOnFill"),
        *("executionImpact", "transferableBalance", "marginBufferRate", "bufferedMargin"),
        *("iso", "isoPubkey", "protection"),
    }
)
_VERBATIM = frozenset({"actions"})  # what a client sent comes back as it was
_ROWS = "statuses"  # each has exactly one key, its kind


def respelled(message: Json, dialect: Dialect) -> Json:
    """``message`` without what is optional, or with a field that no document knows in every object."""
    if not (dialect.missing_optional or dialect.unknown_fields):
        return message
    changed = _changed(message, dialect)
    assert isinstance(changed, dict)
    return changed


def _changed(value: object, dialect: Dialect) -> object:
    if isinstance(value, list):
        return [_changed(each, dialect) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {
        name: _rows(inside, dialect) if name == _ROWS else _changed(inside, dialect)
        for name, inside in value.items()
        if name not in _VERBATIM and not (dialect.missing_optional and name in _OPTIONAL)
    }
    verbatim = {name: value[name] for name in _VERBATIM & value.keys()}
    return kept | verbatim | ({"fieldOfTheFuture": 1} if dialect.unknown_fields else {})


def _rows(rows: object, dialect: Dialect) -> object:
    assert isinstance(rows, list)
    return [{kind: _changed(body, dialect) for kind, body in each.items()} for each in rows]
