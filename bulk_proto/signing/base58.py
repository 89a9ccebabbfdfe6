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

_MAX_TEXT = 128  # 64 bytes need at most 88 characters
_MAX_DATA = 93  # more might need more characters than that

# Digits are found in a row: one big integer with 16 bits for each of them. Groups of digits are halved, all
# groups at once, until every digit is alone; to read a text, they are put together the same way. So there are
# a few operations for each size of group and none for each digit. To divide by 58**n is to multiply by its
# reciprocal, and every group has room for that product.


def _step(n: int) -> tuple[int, int, int, int, int]:
    """What takes groups of ``2 * n`` digits apart and puts them together.

    The reciprocal of 58**n times 2**shift, that shift, how far apart the two halves of a group are, a mask of
    the lower half of every group, and a factor: it takes a quotient out of its group and adds it above the
    remainder.
    """
    divisor, distance = 58**n, 16 * n
    bits = divisor.bit_length()
    # Rounding the reciprocal up adds less than 1 to it. Times a group, which is below divisor**2, and divided
    # by 2**shift, above divisor**3, that is less than 1 / divisor: never enough for the next whole number.
    shift = 3 * bits
    reciprocal = -(-(1 << shift) // divisor)
    lower = sum((1 << bits) - 1 << at for at in range(0, 16 * _MAX_TEXT, 2 * distance))
    return reciprocal, shift, distance, lower, (1 << distance) - divisor


_APART = [_step(n) for n in (8, 4, 2, 1)]
_TOGETHER = [_step(n) for n in (1, 2, 4, 8, 16, 32, 64)]
_GROUP = 58**16  # for the largest groups, plain division is faster


def encode(data: bytes) -> str:
    """The text for ``data``; raises ValueError for more than 93 bytes: no key or signature is that long."""
    if len(data) > _MAX_DATA:
        raise ValueError(f"base58 is for keys, ids and signatures: at most {_MAX_DATA} bytes")
    number = int.from_bytes(data, "big")
    row = at = 0
    while number:
        number, group = divmod(number, _GROUP)
        row |= group << at
        at += 256
    for reciprocal, shift, _, lower, spread in _APART:
        row += (row * reciprocal >> shift & lower) * spread
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


def may_stand_for(text: str, size: int) -> bool:
    """True when nothing but the length of the result could be wrong with ``text`` as ``size`` bytes.

    Base58 of so many bytes has at least as many characters and at most 11 for every 8 of them.
    """
    return size <= len(text) <= -(-size * 11 // 8) and _digits_of(text) is not None


def _decode(text: object) -> bytes | None:
    if not isinstance(text, str) or len(text) > _MAX_TEXT or (digits := _digits_of(text)) is None:
        return None
    zeros = len(digits) - len(digits.lstrip(b"\0"))
    row = int.from_bytes(digits.decode("latin-1").encode("utf-16-be"), "big")  # a second byte for each digit
    for _, _, distance, lower, spread in _TOGETHER:
        row -= (row >> distance & lower) * spread
    return bytes(zeros) + row.to_bytes((row.bit_length() + 7) // 8, "big")


def _digits_of(text: str) -> bytes | None:
    """The value of each character; None where one is not base58."""
    if not text.isascii():
        return None
    digits = text.encode().translate(_DIGITS)
    return None if _INVALID in digits else digits
