"""Risk surfaces, from plain JSON values.

The form has changed before and is known to come empty, so whatever cannot be read counts as missing; the
application gets the surface as it was sent as well.
"""

from __future__ import annotations

from typing import Any

from bulk_proto.events import RiskRatio, RiskSurface

from .topics import split_topic
from .values import Fields, Unreadable, integer, mapping, number, sequence, text

_SURFACE = {
    "leverages": ("leverage",),
    "correlations": ("corrs",),
}
_RATIO = {"mmr_start": ("mmrO",), "mmr_end": ("mmrE",), "probability": ("p",)}


def risk(message: dict[str, Any], topic: str) -> RiskSurface:
    surface = mapping((mapping(message.get("data")) or {}).get("risk"))
    if surface is None:
        raise Unreadable("risk without a surface")
    row = Fields(surface, "risk", _SURFACE)
    symbol = row.optional("symbol", text) or split_topic(topic)[1]
    if not symbol:
        raise Unreadable("risk that names no market")
    return RiskSurface(
        symbol,
        surface,
        timestamp=row.optional("timestamp", integer),
        regime=row.optional("regime", integer),
        leverages=row.optional("leverages", _numbers) or (),
        notionals=row.optional("notionals", _numbers) or (),
        buy=row.optional("buy", _ratios) or (),
        sell=row.optional("sell", _ratios) or (),
        correlations=row.optional("correlations", _correlations) or {},
    )


def _numbers(value: object) -> tuple[float, ...] | None:
    """All or nothing: the place of a number says what it belongs to."""
    found = [number(item) for item in sequence(value) or ()]
    return None if None in found else tuple(item for item in found if item is not None)


def _ratios(value: object) -> tuple[tuple[RiskRatio, ...], ...] | None:
    rows = [sequence(row) for row in sequence(value) or ()]
    if any(row is None or not all(isinstance(cell, dict) for cell in row) for row in rows):
        return None
    return tuple(tuple(_ratio(cell) for cell in row or ()) for row in rows)


def _ratio(cell: dict[str, Any]) -> RiskRatio:
    row = Fields(cell, "ratio", _RATIO)
    return RiskRatio(**{name: row.optional(name, number) for name in _RATIO})


def _correlations(value: object) -> dict[str, float]:
    found = {}
    for entry in sequence(value) or ():
        match entry:
            case [str() as pair, other] if (correlation := number(other)) is not None:
                found[pair] = correlation
            case _:
                pass
    return found
