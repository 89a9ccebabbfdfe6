"""Plain JSON values, read with care: numbers that may be strings, fields that go by several names.

One rule holds for every message. What a message cannot be applied without (who, which market, which
order, what price and size) must be there and readable, otherwise the message is refused. Anything else
that is missing, null or unreadable counts as missing, so that a field that changed costs that field.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from bulk_proto.events import NAN

T = TypeVar("T")

# No backtracking: the time for hostile text stays proportional to its length.
_DECIMAL = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")


class Unreadable(Exception):
    """A message is not what it claims to be. The text names fields, never their values."""


def number(value: object) -> float | None:
    """A finite number, also from decimal text; ``nan``, ``inf`` and ``1_000`` are no numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not _DECIMAL.fullmatch(value):
        return None
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if math.isfinite(result) else None


def or_nan(value: float | None) -> float:
    """What stands in an event where a number is missing."""
    return NAN if value is None else value


def unsigned(value: object) -> float | None:
    """A number that is not negative."""
    result = number(value)
    return None if result is None or result < 0 else result


def integer(value: object) -> int | None:
    """A whole number, never through a double where the server sent all its digits."""
    if isinstance(value, int):
        return None if isinstance(value, bool) else value
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    result = number(value)
    return int(result) if result is not None and result.is_integer() else None


def text(value: object) -> str | None:
    """Text that says something."""
    return value if isinstance(value, str) and value else None


def identifier(value: object) -> str | None:
    """An id that servers send as text or as a whole number."""
    if (known := text(value)) is not None:
        return known
    whole = integer(value)
    return None if whole is None else str(whole)


def flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def mapping(value: object) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def sequence(value: object) -> list[Any] | None:
    return value if isinstance(value, list) else None


def as_sent(value: object) -> Any:
    return value


class Fields:
    """The fields of one JSON object under their names in this library.

    ``what`` is what the object should be, for the texts of refusals. ``aliases`` lists, for each name
    that the wire spells differently, its spellings, best first; null counts as missing.
    """

    __slots__ = ("_aliases", "_row", "_what")

    def __init__(self, row: object, what: str, aliases: Mapping[str, tuple[str, ...]]) -> None:
        if not isinstance(row, dict):
            raise Unreadable(f"{what} is not an object")
        self._row = row
        self._what = what
        self._aliases = aliases

    def required(self, name: str, read: Callable[[object], T | None]) -> T:
        """What must be there and readable; otherwise :class:`Unreadable`."""
        result = self.checked(name, read)
        if result is None:
            raise Unreadable(f"{self._what} without {name}")
        return result

    def checked(self, name: str, read: Callable[[object], T | None]) -> T | None:
        """What may be missing, but not unreadable."""
        value = self._value(name)
        if value is None:
            return None
        result = read(value)
        if result is None:
            raise Unreadable(f"{self._what} with an unreadable {name}")
        return result

    def optional(self, name: str, read: Callable[[object], T | None]) -> T | None:
        """What is nice to have: None when missing or unreadable."""
        return read(self._value(name))

    def _value(self, name: str) -> object:
        for spelling in self._aliases.get(name, (name,)):
            value: object = self._row.get(spelling)
            if value is not None:
                return value
        return None
