"""Reads what an exchange is to be like, and what goes wrong in it, from a table such as ``tomllib`` reads.

A file has any of three parts. ``[[fault]]`` is explained in :mod:`bulk_proto.exchange.faults`;
``[dialect]`` has the fields of :class:`~bulk_proto.exchange.Dialect`, where servers differ in how they
spell messages; ``[exchange]`` has the fields of :class:`~bulk_proto.exchange.ExchangeConfig`. ::

    [exchange]
    ping_interval = 5.0
    taker_delay = 0.025

    [dialect]
    null_prices = true
    trades_key = "data"

    [[fault]]
    on = "reply"
    nth = 3
    do = "close"
    code = 1011
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeVar, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bulk_proto.errors import UsageError

from .config import Dialect, ExchangeConfig
from .faults import AnyFault, Fault

T = TypeVar("T")

_EFFECTS: dict[str, type[Fault]] = {
    str(effect.__struct_config__.tag): effect for effect in get_args(AnyFault)
}
_PARTS = ("exchange", "dialect", "fault")
_ELSEWHERE = {"dialect": "[dialect]", "faults": "[[fault]]"}  # settings with a part of their own


def read_script(table: Mapping[str, object], config: ExchangeConfig | None = None) -> ExchangeConfig:
    """``config`` (or the default one) with what the table says.

    Raises :class:`UsageError` for anything that is not known or out of range: the text names the place
    and what could stand there.
    """
    faults = read_faults(table)
    config = replace(config or ExchangeConfig(), **_settings(table.get("exchange", {})))
    dialect = replace(config.dialect, **_given(table.get("dialect", {}), Dialect, "[dialect]"))
    return replace(config, dialect=dialect, faults=config.faults + faults)


def read_faults(table: Mapping[str, object]) -> tuple[AnyFault, ...]:
    """The faults of a table alone. Raises as :func:`read_script` does."""
    _known(table, _PARTS, "the file")
    rows = table.get("fault", [])
    if not isinstance(rows, list):
        raise UsageError("fault is a list of tables: write [[fault]] with two brackets")
    return tuple(_fault(row, f"fault {number}") for number, row in enumerate(rows, 1))


def _fault(row: object, place: str) -> AnyFault:
    if not isinstance(row, dict) or "do" not in row or "on" not in row:
        raise UsageError(f"{place}: a fault needs on (its occasion) and do (its effect)")
    name = str(row["do"])
    effect = _EFFECTS.get(name)
    if effect is None:
        raise UsageError(f"{place}: unknown effect {name[:32]!r}: do is one of {', '.join(_EFFECTS)}")
    _known(row, ("do", *effect.__struct_fields__), place)
    fault: AnyFault = _converted(row, effect, place)  # type: ignore[assignment]
    return fault


def _settings(part: object) -> dict[str, Any]:
    for name, place in _ELSEWHERE.items():
        if isinstance(part, dict) and name in part:
            raise UsageError(f"[exchange]: {name} has a part of its own: write {place}")
    return _given(part, ExchangeConfig, "[exchange]")


def _given(part: object, kind: type[Struct], place: str) -> dict[str, Any]:
    """The fields that a part names, checked and converted."""
    if not isinstance(part, dict):
        raise UsageError(f"{place} is a table of settings")
    _known(part, kind.__struct_fields__, place)
    converted = _converted(part, kind, place)
    return {name: getattr(converted, name) for name in part}


def _known(part: Mapping[str, object], names: Collection[str], place: str) -> None:
    for name in part:
        if name not in names:
            raise UsageError(f"{place}: unknown name {name[:32]!r}: known are {', '.join(names)}")


def _converted(part: Mapping[str, object], kind: type[T], place: str) -> T:
    try:
        return msgspec.convert(part, kind)
    except (msgspec.ValidationError, UsageError) as error:
        raise UsageError(f"{place}: {error}") from None
