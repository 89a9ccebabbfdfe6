"""What every action has in common, and the checks of their fields.

Each check takes the name of a field and its value, returns the value in its final type, and raises
:class:`InvalidAction` with the name and the remedy. Values stay out of the texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct

from bulk_proto.errors import InvalidAction
from bulk_proto.signing.base58 import is_key
from bulk_proto.signing.fixed_point import fx, to_float

NOT_GIVEN: Any = None  # a default for fields that read as another type than they take

if TYPE_CHECKING:

    class Number:
        """A field that takes any exact or floating number, or its decimal text, and reads as a float."""

        def __get__(self, instance: object, owner: object) -> float: ...
        def __set__(self, instance: object, value: float | Decimal | str) -> None: ...

    class OptionalNumber:
        """As :class:`Number`, or None."""

        def __get__(self, instance: object, owner: object) -> float | None: ...
        def __set__(self, instance: object, value: float | Decimal | str | None) -> None: ...

    class Texts:
        """A field that takes a sequence of texts, or None for none, and reads as a tuple."""

        def __get__(self, instance: object, owner: object) -> tuple[str, ...]: ...
        def __set__(self, instance: object, value: Sequence[str] | None) -> None: ...

    class Actions:
        """A field that takes a sequence of actions and reads as a tuple."""

        def __get__(self, instance: object, owner: object) -> tuple[Action, ...]: ...
        def __set__(self, instance: object, value: Sequence[Action]) -> None: ...

    class Leverages:
        """A field that takes a mapping from symbol to leverage and reads as sorted pairs."""

        def __get__(self, instance: object, owner: object) -> tuple[tuple[str, float], ...]: ...
        def __set__(self, instance: object, value: Mapping[str, float | Decimal | str]) -> None: ...

else:
    Number = OptionalNumber = float
    Texts = Actions = Leverages = tuple


_ACCOUNT_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")


class Action(Struct, frozen=True, gc=False):
    """One thing to ask of the exchange. Immutable, checked when made, independent of account and nonce.

    ``tag`` is the wire's name of the kind. Numbers are given as float, int, ``Decimal`` or decimal text;
    they are converted to float once, and that float is what is sent and signed.
    """

    tag: ClassVar[str]

    def to_api(self) -> dict[str, Any]:
        """The JSON form: a dict whose one key is the tag."""
        raise NotImplementedError


def scaled(name: str, value: object) -> float:
    """A price or size: more than zero, also after scaling to the exchange's 8 decimals."""
    if type(value) is float and 1e-8 <= value < 1e11:
        return value  # certainly within the range of units, and the usual case
    number = _float(name, value)
    if _units(name, number) == 0:
        raise InvalidAction(f"{name} rounds to zero: give at least 0.00000001")
    return number


def scaled_or_zero(name: str, value: object) -> float | None:
    """A scaled number that may be zero, or None for not given."""
    if value is None:
        return None
    number = _float(name, value)
    _units(name, number)
    return number


def positive(name: str, value: object) -> float:
    """A plain number above zero."""
    number = _float(name, value)
    if number <= 0:
        raise InvalidAction(f"{name} must be more than zero")
    return number


def _float(name: str, value: object) -> float:
    try:
        return value if type(value) is float and value - value == 0 else to_float(value)
    except ValueError as error:
        raise InvalidAction(f"{name} {error}") from None


def _units(name: str, number: float) -> int:
    try:
        return fx(number)
    except ValueError as error:
        raise InvalidAction(f"{name} {error}") from None


def symbol(name: str, value: object) -> None:
    if not isinstance(value, str) or not value or not value.isprintable() or " " in value:
        raise InvalidAction(f"{name} must be the name of a market, like BTC-USD")


def key(name: str, value: object) -> None:
    if not isinstance(value, str) or not is_key(value):
        raise InvalidAction(f"{name} must be the base58 text of exactly 32 bytes")


def flag(name: str, value: object) -> None:
    if value is not True and value is not False:
        raise InvalidAction(f"{name} must be True or False")


def whole(name: str, value: object, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise InvalidAction(f"{name} must be a whole number from {low} to {high}")


def member(name: str, value: object, kind: type) -> None:
    if type(value) is not kind and not isinstance(value, kind):
        choices = [f"{kind.__name__}.{each.name}" for each in kind] if issubclass(kind, Enum) else []
        raise InvalidAction(f"{name} must be {' or '.join(choices) or f'of the class {kind.__name__}'}")


def sequence(name: str, value: object) -> tuple[Any, ...]:
    """The items of a list as a tuple. A text is refused, although Python would iterate over it."""
    if type(value) is list or type(value) is tuple:
        return tuple(value)
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise InvalidAction(f"{name} must be a list")
    return tuple(value)


def builder_fee(value: object) -> None:
    """What a partner may earn on an order, in basis points."""
    whole("fee", value, 1, 15)


def account_name(value: object) -> None:
    """A sub-account's name as the exchange takes it."""
    if not isinstance(value, str) or not _ACCOUNT_NAME.fullmatch(value):
        raise InvalidAction("name must be 1 to 32 characters of A to Z, a to z, 0 to 9, - and _")
