"""The rounding of prices and sizes, and which texts and objects count as numbers."""

from __future__ import annotations

import struct
from decimal import Decimal
from fractions import Fraction
from math import floor, inf, nan

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.signing.fixed_point import fx, to_float

from .signing_vectors import ROUNDING


@pytest.mark.parametrize(("text", "units"), ROUNDING)
def test_the_published_values_round_as_published(text: str, units: int) -> None:
    assert fx(text) == fx(float(text)) == fx(Decimal(text)) == units


@given(st.floats(0, 1.84467440737e11) | st.integers(0, 2**54).map(lambda n: (n + 0.5) / 1e8))
def test_the_product_is_rounded_half_away_from_zero(value: float) -> None:
    product = float(Fraction(value) * 10**8)  # one correctly rounded multiplication
    assert fx(value) == floor(Fraction(product) + Fraction(1, 2))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_json_text_of_a_number_parses_to_exactly_that_double(value: float) -> None:
    sent = msgspec.json.decode(msgspec.json.encode(to_float(value)), type=float)
    assert struct.pack("<d", sent) == struct.pack("<d", value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_text_and_the_decimal_of_a_double_are_that_double(value: float) -> None:
    assert to_float(repr(value)) == to_float(Decimal(value)) == value


@pytest.mark.parametrize("text", ["1", "1.", ".5", "+1.5", "-1.5", "1e-05", "2E8", "007"])
def test_plain_decimal_texts_are_numbers(text: str) -> None:
    assert to_float(text) == float(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", " 1", "1 ", "1\n", "1.5.5", "--1", "1_000", "1,000", "0x10", "1e", "e5", "1" * 65),
        *("nan", "inf", "Infinity", "١٢", "１", "1e1000", "1e0000000001"),
    ],
)
def test_other_texts_are_not(text: str) -> None:
    with pytest.raises(ValueError, match="decimal number"):
        to_float(text)


@pytest.mark.parametrize("value", [None, True, False, b"1", [1], 1j, object()])
def test_other_objects_are_not_numbers(value: object) -> None:
    with pytest.raises(ValueError, match="not a number"):
        to_float(value)


@pytest.mark.parametrize(
    "value", [nan, inf, -inf, "1e999", Decimal("NaN"), Decimal("Infinity"), Decimal("1e9999")]
)
def test_what_is_not_finite_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="finite"):
        to_float(value)


@pytest.mark.parametrize("value", [10**400, Decimal("sNaN")])
def test_what_no_double_can_hold_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="double can hold"):
        to_float(value)


def test_a_fraction_and_an_integer_are_numbers_too() -> None:
    assert fx(3) == 300_000_000
    assert fx(Fraction(1, 4)) == 25_000_000


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_scaling_refuses_what_is_not_finite(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        fx(value)


def test_the_range_is_that_of_an_unsigned_64_bit_integer() -> None:
    assert fx(-0.0) == 0
    for value in (-5e-324, -1e-9, -1.0, -1e300):
        with pytest.raises(ValueError, match="negative"):
            fx(value)
    assert fx(184467440737.0955) == 2**64 - 2048  # the largest product a double below 2**64 can be
    assert 184467440737.09552 * 1e8 == 2.0**64
    for value in (184467440737.09552, 184467440737.0956, 1e300):
        with pytest.raises(ValueError, match="too large"):
            fx(value)
