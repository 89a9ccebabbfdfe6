"""How one value of a JSON action becomes bytes: checked first, then packed, little-endian, bincode style.

A converter turns one JSON value into a packable value or into bytes and raises ValueError with a text
that fits after the name of the field. A part takes what it needs from the body of an action and names
the field that was wrong. Values never appear in the texts: they may be keys.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from typing import Any, Protocol

from bulk_proto.errors import InvalidAction, InvalidKey

from .base58 import decode32
from .fixed_point import fx, to_float

Body = Mapping[str, Any]
Convert = Callable[[Any], Any]
ToBytes = Callable[[Any], bytes]
Nest = Callable[[object, bool], bytes]  # an action inside an action, and whether it is inside a proposal

ABSENT: Any = type("Absent", (), {"__repr__": lambda self: "ABSENT"})()

U64_MAX = 2**64 - 1
TIME_IN_FORCE = {"GTC": 0, "IOC": 1, "ALO": 2}
_TRANSFER_KINDS = {"internal": 0, "external": 1}
pack_u64 = struct.Struct("<Q").pack
pack_u32 = struct.Struct("<I").pack
_pack_f64 = struct.Struct("<d").pack
_pack_feed = struct.Struct("<QQQh").pack


def flag(value: Any) -> bool:
    if value is True or value is False:
        return value
    raise ValueError("must be true or false")


def whole(low: int, high: int) -> Convert:
    """A converter for integers in a range; a bool or a float is no integer."""

    def convert(value: Any) -> Any:
        if type(value) is int and low <= value <= high:
            return value
        raise ValueError(f"must be a whole number from {low} to {high}")

    return convert


u32 = whole(0, 2**32 - 1)
u64 = whole(0, U64_MAX)


def choice(numbers: Mapping[str, int]) -> Convert:
    """A converter from one of some words to its number."""

    def convert(value: Any) -> int:
        if isinstance(value, str) and value in numbers:
            return numbers[value]
        raise ValueError(f"must be one of {', '.join(numbers)}")

    return convert


time_in_force = choice(TIME_IN_FORCE)
transfer_kind = choice(_TRANSFER_KINDS)


def double(value: Any) -> float:
    if isinstance(value, str):
        raise ValueError("must be a number, not a text")
    return to_float(value)


def text(value: Any) -> bytes:
    if not isinstance(value, str):
        raise ValueError("must be a text")
    try:
        data = value.encode()
    except UnicodeEncodeError:
        raise ValueError("must be a text that UTF-8 can hold") from None
    return pack_u64(len(data)) + data


def key(value: Any) -> bytes:
    try:
        return decode32(value)
    except InvalidKey:
        raise ValueError("must be the base58 text of exactly 32 bytes") from None


def scaled_bytes(value: Any) -> bytes:
    return pack_u64(fx(value))


def double_bytes(value: Any) -> bytes:
    return _pack_f64(double(value))


def builder(value: Any) -> bytes:
    if not isinstance(value, Mapping) or value.keys() != {"to", "fee"}:
        raise ValueError("must be left out or have exactly the fields to and fee")
    recipient: bytes = _within(key, value, "to")
    return recipient + bytes((_within(fee, value, "fee"),))


fee = whole(1, 15)


def leverage_map(value: Any) -> bytes:
    if not isinstance(value, Mapping):
        raise ValueError("must map symbols to leverage")
    if not all(isinstance(symbol, str) for symbol in value):
        raise ValueError("must have texts as keys")
    pairs = sorted(value.items(), key=itemgetter(0))
    return pack_u64(len(pairs)) + b"".join([text(symbol) + double_bytes(number) for symbol, number in pairs])


def feed(value: Any) -> bytes:
    if not isinstance(value, Mapping) or value.keys() != {"t", "fi", "px", "e"}:
        raise ValueError("must have exactly the fields t, fi, px and e")
    return _pack_feed(
        _within(u64, value, "t"),
        _within(u64, value, "fi"),
        _within(u64, value, "px"),
        _within(_exponent, value, "e"),
    )


_exponent = whole(-(2**15), 2**15 - 1)


def _within(convert: Convert, body: Body, name: str) -> Any:
    try:
        return convert(body[name])
    except ValueError as error:
        raise ValueError(f"is wrong inside: {name} {error}") from None


def vector(item: ToBytes) -> ToBytes:
    """A converter from a list to a count and its items."""

    def convert(value: Any) -> bytes:
        return _counted(value, item)

    return convert


def _counted(value: Any, item: ToBytes) -> bytes:
    if not isinstance(value, (list, tuple)):
        raise ValueError("must be a list")
    return pack_u64(len(value)) + b"".join([item(each) for each in value])


class Part(Protocol):
    """A run of bytes in the layout of an action, and the JSON fields it is made from."""

    @property
    def keys(self) -> tuple[str, ...]: ...

    def write(self, body: Body, nest: Nest) -> bytes: ...


class One:
    """One field by itself; optional ones are preceded by a tag byte and may also be null."""

    __slots__ = ("_convert", "_key", "_optional", "keys")

    def __init__(self, key: str, convert: ToBytes, *, optional: bool = False) -> None:
        self.keys = (key,)
        self._key = key
        self._convert = convert
        self._optional = optional

    def write(self, body: Body, nest: Nest) -> bytes:
        value = body.get(self._key, ABSENT)
        if self._optional and (value is ABSENT or value is None):
            return b"\0"
        try:
            data = self._convert(value)
        except ValueError as error:
            raise InvalidAction(f"{self._key} {error}") from None
        return b"\1" + data if self._optional else data


class Run:
    """Neighbouring fields of fixed width, packed together; a default stands in for an absent field."""

    __slots__ = ("_fields", "_pack", "keys")

    def __init__(self, layout: str, *fields: tuple[str, Convert] | tuple[str, Convert, Any]) -> None:
        self.keys = tuple(field[0] for field in fields)
        self._pack = struct.Struct("<" + layout).pack
        self._fields = [(field[0], field[1], field[2] if len(field) > 2 else ABSENT) for field in fields]

    def write(self, body: Body, nest: Nest) -> bytes:
        get = body.get
        values = []
        name = ""
        try:
            for name, convert, default in self._fields:
                values.append(convert(get(name, default)))
        except ValueError as error:
            raise InvalidAction(f"{name} {error}") from None
        return self._pack(*values)


class Inner:
    """Actions inside an action: a list of them, or a single one; ``proposal`` marks those of a multisig."""

    __slots__ = ("_key", "_proposal", "_single", "keys")

    def __init__(self, key: str, *, single: bool = False, proposal: bool = False) -> None:
        self.keys = (key,)
        self._key = key
        self._single = single
        self._proposal = proposal

    def children(self, body: Body) -> Iterator[object]:
        """The actions inside, as far as the body has the shape for any."""
        value = body.get(self._key)
        if self._single:
            yield value
        elif isinstance(value, (list, tuple)):
            yield from value

    def write(self, body: Body, nest: Nest) -> bytes:
        value = body.get(self._key)
        if self._single:
            return nest(value, self._proposal)
        try:
            return _counted(value, lambda child: nest(child, self._proposal))
        except InvalidAction:
            raise
        except ValueError as error:
            raise InvalidAction(f"{self._key} {error}") from None


class Constant:
    """Bytes that are always the same."""

    __slots__ = ("_data", "keys")

    def __init__(self, data: bytes) -> None:
        self.keys: tuple[str, ...] = ()
        self._data = data

    def write(self, body: Body, nest: Nest) -> bytes:
        return self._data
