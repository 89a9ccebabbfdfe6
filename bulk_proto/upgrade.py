"""The request that opens a WebSocket (RFC 6455 section 4.1): what it may hold, and where its answer ends.

wsproto judges the answer; what is here comes before that, so that no server can make it read for ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .errors import UsageError

_MAX_HEAD = 16 * 1024  # bytes of the answer to the upgrade, up to and including the blank line
_BLANK_LINE = re.compile(rb"\n\r?\n")  # what h11, wsproto's HTTP parser, takes for one
_STATUS_LINE = b"HTTP/"
_VISIBLE = re.compile(rb"[\x21-\x7e]+")


class NoAnswer(Exception):
    """What the server sends cannot be, or become, the answer to an upgrade. The text is for logs."""


class AnswerHead:
    """The answer to the upgrade, while it is coming in pieces."""

    __slots__ = ("_so_far",)

    def __init__(self) -> None:
        self._so_far = bytearray()

    def add(self, data: bytes) -> tuple[bytes, bytes] | None:
        """The whole head, blank line included, and what follows it; None while it is not whole.

        Raises :class:`NoAnswer` as soon as it is no HTTP, or has grown too long.
        """
        head = self._so_far
        searched = len(head)
        head += data
        if not head.startswith(_STATUS_LINE[: len(head)]):
            raise NoAnswer("the answer to the upgrade is not HTTP")
        blank = _BLANK_LINE.search(head, max(0, searched - 2))
        size = len(head) if blank is None else blank.end()
        if size > _MAX_HEAD:
            raise NoAnswer("the answer to the upgrade is too long")
        return None if blank is None else (bytes(head[:size]), bytes(head[size:]))


def check_request(host: str, target: str) -> None:
    """Raises :class:`UsageError` when one of the two cannot stand in an HTTP request."""
    try:
        header = host.encode("idna")
    except UnicodeError:
        raise UsageError("the host name of the address is not a valid one") from None
    if not _VISIBLE.fullmatch(header):
        raise UsageError("the host name of the address is not a valid one")
    if not target.isascii() or not _VISIBLE.fullmatch(target.encode()):
        raise UsageError("the path of the address has characters that must be percent-encoded")


def retry_after(headers: Iterable[tuple[bytes, bytes]]) -> float | None:
    """Seconds the server asks to wait; a date, the other legal form, would need a clock."""
    for name, value in headers:
        if name.lower() == b"retry-after" and value.isdigit() and len(value) < 10:
            return float(value)
    return None
