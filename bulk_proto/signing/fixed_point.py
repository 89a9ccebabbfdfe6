"""Prices and sizes: from what was written to the double that is sent and the integer that is signed.

The exchange parses the JSON number to a double and signs that double times 10**8, rounded half away
from zero *on the product*. ``round()`` (half to even) and ``floor(x + 0.5)`` (rounds the sum) both
differ from it for some values, and one unit of difference makes a signature worthless.
"""

from __future__ import annotations

import re
from decimal import Decimal
from math import isfinite
from numbers import Real

_SCALE = 1e8
_TOO_LARGE = 2.0**64
_MAX_TEXT = 64
_DECIMAL_TEXT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


def to_float(value: object) -> float:
    """The finite double for a float, int, ``Decimal``, other real number or decimal text.

    Raises ValueError, with a text that fits after the name of a field, for anything else: also for
    ``nan``, ``1_000``, digits of other scripts and texts of absurd length.
    """
    if isinstance(value, str):
        if len(value) > _MAX_TEXT or not _DECIMAL_TEXT.fullmatch(value):
            raise ValueError("is not a plain decimal number: write it like 64250.5")
    elif isinstance(value, bool) or not isinstance(value, (float, int, Decimal, Real)):
        raise ValueError("is not a number: give a float, an int, a Decimal or a decimal text")
    try:
        number = float(value)
    except (OverflowError, ValueError):
        raise ValueError("is not a number that a double can hold") from None
    if not isfinite(number):
        raise ValueError("is not finite: give a real number")
    return number


def fx(value: object) -> int:
    """The unsigned 64-bit integer that is signed for a price, a size or a slippage.

    Raises ValueError as :func:`to_float` does, and for values that are negative or too large.
    """
    number = value if type(value) is float else to_float(value)
    product = number * _SCALE
    if not 0.0 <= product < _TOO_LARGE:
        to_float(number)
        raise ValueError("is negative" if product < 0 else "is too large: 184467440737 is the most")
    units = int(product)
    return units + 1 if product - units >= 0.5 else units
