"""Base58 against the package of that name, and against input that is none."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import base58 as reference
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.errors import InvalidKey
from bulk_proto.signing import base58

from .signing_vectors import OWNER


@given(st.integers(0, 8), st.binary(max_size=85))
def test_any_bytes_read_and_write_as_the_reference_does(zeros: int, rest: bytes) -> None:
    data = bytes(zeros) + rest
    text = base58.encode(data)
    assert text == reference.b58encode(data).decode()
    assert base58.decode(text) == data


@pytest.mark.parametrize("size", range(1, 94))
@pytest.mark.parametrize("byte", [0x00, 0x01, 0x7F, 0xFF])
def test_the_smallest_and_the_largest_numbers_of_every_size_are_exact(size: int, byte: int) -> None:
    data = bytes([byte]) * size
    assert base58.encode(data) == reference.b58encode(data).decode()


@given(st.integers(0, 126), st.integers(-1, 1))
def test_numbers_next_to_a_power_of_58_are_exact(power: int, step: int) -> None:
    number = max(0, 58**power + step)
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    assert base58.encode(data) == reference.b58encode(data).decode()


@given(st.integers(0, 58**64 - 1), st.integers(0, 58**64 - 1))
def test_text_of_the_greatest_length_reads_as_the_number_it_is(upper: int, lower: int) -> None:
    number = upper * 58**64 + lower
    text = reference.b58encode_int(number, default_one=False).decode().rjust(128, "1")
    assert int.from_bytes(base58.decode(text), "big") == number


def test_more_than_any_key_or_signature_has_is_refused_rather_than_written_wrongly() -> None:
    with pytest.raises(ValueError, match="at most 93 bytes"):
        base58.encode(bytes(94))


@pytest.mark.parametrize(
    "text",
    [
        *("0", "O", "I", "l", " ", OWNER + " ", OWNER + "\n", "é", "１", "1" * 129),
        pytest.param("z" * 10_000_000, id="huge"),
    ],
)
def test_what_is_not_base58_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(InvalidKey) as caught:
        base58.decode(text)
    assert str(caught.value) == "not base58: expected 1 to 9, A to Z and a to z without 0, O, I and l"
    assert not base58.is_key(text)


@pytest.mark.parametrize("decode", [base58.decode, base58.decode32])
def test_the_text_is_in_no_local_variable_of_the_traceback(decode: Callable[[str], bytes]) -> None:
    with pytest.raises(InvalidKey) as caught:
        decode(OWNER + "0")
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    assert OWNER not in str([frame.locals for frame in frames if frame.name == decode.__name__])


@pytest.mark.parametrize("value", [None, b"11", 11, ["1"]])
def test_what_is_not_text_is_refused(value: object) -> None:
    with pytest.raises(InvalidKey):
        base58.decode(value)  # type: ignore[arg-type]
    assert not base58.is_key(value)  # type: ignore[arg-type]


def test_a_key_has_exactly_32_bytes_and_any_number_of_characters() -> None:
    for size in (0, 31, 33, 64):
        text = base58.encode(b"\x05" * size)
        assert not base58.is_key(text)
        with pytest.raises(InvalidKey):
            base58.decode32(text)
    for data in (bytes(32), bytes(31) + b"\1", b"\xff" * 32):
        assert base58.decode32(base58.encode(data)) == data
    assert len(base58.encode(bytes(32))) == 32
    assert base58.decode32(OWNER).hex() == "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"


@given(st.integers(0, 8), st.binary(max_size=80))
def test_every_text_of_a_size_may_stand_for_it(zeros: int, rest: bytes) -> None:
    data = bytes(zeros) + rest
    assert base58.may_stand_for(base58.encode(data), len(data))
    assert not base58.may_stand_for(base58.encode(data) + "0", len(data))
