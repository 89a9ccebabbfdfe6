"""Base58 as the exchange writes keys, order ids and signatures: Bitcoin's alphabet, no checksum.

Every leading zero byte is written as ``1``, so 32 bytes print as 32 to 44 characters, never a fixed
number. Nothing here puts the text it was given into an exception, since that text may be a private key.
"""

from __future__ import annotations

from bulk_proto.errors import InvalidKey

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_INVALID = 0xFF
_DIGITS = bytes(_ALPHABET.find(chr(code)) % 256 for code in range(256))  # find() gives -1, which is _INVALID

# Ten digits still fit a machine word, so the slow arithmetic on big integers happens once in ten digits.
_GROUP = 10
_TEN_DIGITS = 58**_GROUP
_FIVE_DIGITS = 58**5
_FOUR_DIGITS = 58**4
_TWO_DIGITS = 58**2

_MAX_TEXT = 128  # 64 bytes need at most 88 characters; decoding time grows with the square of the length


def encode(data: bytes) -> str:
    """The text for ``data``."""
    number = int.from_bytes(data, "big")
    groups: list[str] = []
    while number:
        number, low = divmod(number, _TEN_DIGITS)
        low, de = divmod(low, _FOUR_DIGITS)
        a, bc = divmod(low, _FOUR_DIGITS)
        groups.append(
            _PAIRS[a]
            + _PAIRS[bc // _TWO_DIGITS]
            + _PAIRS[bc % _TWO_DIGITS]
            + _PAIRS[de // _TWO_DIGITS]
            + _PAIRS[de % _TWO_DIGITS]
        )
    groups.reverse()
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + "".join(groups).lstrip("1")


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
