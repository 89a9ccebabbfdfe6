"""Base58 as the exchange writes keys, order ids and signatures: Bitcoin's alphabet, no checksum.

Every leading zero byte is written as ``1``, so 32 bytes print as 32 to 44 characters, never a fixed
number. Nothing here puts the text it was given into an exception, since that text may be a private key.
"""

from __future__ import annotations

from bulk_proto.errors import InvalidKey

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_CHARACTERS = _ALPHABET.encode().ljust(256, b"\0")
_INVALID = 0xFF
_DIGITS = bytes(_ALPHABET.find(chr(code)) % 256 for code in range(256))  # find() gives -1, which is _INVALID

# Ten digits still fit a machine word, so decoding multiplies a big integer once in ten digits.
_GROUP = 10
_TEN_DIGITS = 58**_GROUP
_FIVE_DIGITS = 58**5

_MAX_TEXT = 128  # 64 bytes need at most 88 characters; decoding time grows with the square of the length


# Encoding cuts a number into groups of 16 digits and lays them side by side in one big integer, the row, with
# 16 bits for each digit. Groups are then halved, all of them at once, until every digit is alone. A division
# by 58**n is a multiplication by its reciprocal, and each group has room for that product.
_WIDE = 58**16
_MOST_GROUPS = 8
_MAX_DATA = 93  # the most bytes that 128 digits can hold


def _halving(n: int) -> tuple[int, int, int, int]:
    """What makes pairs of groups of ``n`` digits out of all groups of ``2 * n`` digits in a row.

    The reciprocal of 58**n times 2**shift, that shift, a mask of the bits where the quotients come out, and a
    factor that takes a quotient out of its group and adds it above the remainder.
    """
    divisor, half = 58**n, 16 * n
    bits = divisor.bit_length()
    # Rounding the reciprocal up adds less than divisor / 2**shift to it. Times a group, which is below
    # divisor**2, that is less than 1 / divisor: never enough for the next whole number.
    shift = 3 * bits
    reciprocal = -(-(1 << shift) // divisor)
    quotients = sum((1 << bits) - 1 << at for at in range(0, 256 * _MOST_GROUPS, 2 * half))
    return reciprocal, shift, quotients, (1 << half) - divisor


_HALVINGS = [_halving(n) for n in (8, 4, 2, 1)]


def encode(data: bytes) -> str:
    """The text for ``data``; raises ValueError for more than 93 bytes: no key or signature is that long."""
    if len(data) > _MAX_DATA:
        raise ValueError(f"base58 is for keys, ids and signatures: at most {_MAX_DATA} bytes")
    number = int.from_bytes(data, "big")
    row = at = 0
    while number:
        number, group = divmod(number, _WIDE)
        row |= group << at
        at += 256
    for reciprocal, shift, quotients, spread in _HALVINGS:
        row += (row * reciprocal >> shift & quotients) * spread
    digits = row.to_bytes(row.bit_length() + 15 >> 4 << 1, "big")[1::2]
    text = digits.translate(_CHARACTERS).decode()
    if data[:1] != b"\0":
        return text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def decode(text: str) -> bytes:
    """The bytes that ``text`` stands for.

    Raises :class:`InvalidKey` when it is not base58 or longer than any key or signature can be.
    """
    data = _decode(text)
    if data is None:
        del text  # a traceback with locals must not show what may be a private key
        raise InvalidKey("not base58: expected 1 to 9, A to Z and a to z without 0, O, I and l")
    return data


def decode32(text: str) -> bytes:
    """The 32 bytes of a public key or an order id; raises :class:`InvalidKey` for anything else."""
    data = _decode(text)
    if data is None or len(data) != 32:
        del text, data
        raise InvalidKey("not a key or an order id: expected the base58 text of exactly 32 bytes")
    return data


def is_key(text: str) -> bool:
    """True for the base58 text of 32 bytes. The bytes need not be a point of the curve."""
    data = _decode(text)
    return data is not None and len(data) == 32


def _decode(text: object) -> bytes | None:
    if not isinstance(text, str) or len(text) > _MAX_TEXT or not text.isascii():
        return None
    digits = text.encode().translate(_DIGITS)
    if _INVALID in digits:
        return None
    zeros = len(digits) - len(digits.lstrip(b"\0"))
    digits = bytes(-len(digits) % _GROUP) + digits
    number = 0
    for at in range(0, len(digits), _GROUP):
        a, b, c, d, e, f, g, h, i, j = digits[at : at + _GROUP]
        left = (((a * 58 + b) * 58 + c) * 58 + d) * 58 + e
        right = (((f * 58 + g) * 58 + h) * 58 + i) * 58 + j
        number = number * _TEN_DIGITS + left * _FIVE_DIGITS + right
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
