"""Where WebSocket frames begin and end (RFC 6455 section 5.2), and one shortcut past wsproto each way.

Nearly all that the exchange sends are whole text frames, and a full parser spends most of a client's
time on them. :func:`cut_texts` takes exactly those out of a read and judges nothing else: a frame that
is not whole, not final, not plain text or not valid goes to the parser as it arrived. Only a text that the
end of a read cuts off may wait for its rest first (:class:`BegunText`).
:class:`FrameTracker` only counts bytes, so that it is known where the next frame begins and how much a
message has announced; it keeps no payload and refuses nothing.

What a client sends are whole text frames as well: :func:`masked_text` makes one.
"""

from __future__ import annotations

from struct import Struct

from .errors import UsageError

_TWO_SHORTS = Struct(">HH")
_two_shorts = _TWO_SHORTS.unpack_from
_quad = Struct(">Q").unpack_from

_LONGEST_HEADER = 10  # of an unmasked frame; servers must not mask
_FINAL = 0x80
_FINAL_TEXT = 0x81
_OPCODE = 0x0F
_MASKED = 0x80
_MASK_SIZE = 4
_LENGTH = 0x7F
_FIRST_CONTROL_OPCODE = 0x8
_LONGEST_SHORT = 125  # larger payload lengths need two more bytes ...
_LONGEST_MEDIUM = 0xFFFF  # ... and yet larger ones need eight


def cut_texts(data: bytes, start: int, max_size: int) -> tuple[list[bytes], int]:
    """Whole, final, unmasked text frames in a row from ``start`` on: their payloads and where they end.

    ``start`` must be the beginning of a frame outside any fragmented message. Every payload is valid
    UTF-8, its length is encoded in the shortest way and not above ``max_size``.
    """
    texts: list[bytes] = []
    stop = len(data)
    last = stop - 4  # a frame of less than four bytes at the very end is left to the parser
    while start <= last:
        head, size = _two_shorts(data, start)
        if head == 0x817E:
            begin = start + 4
            if size <= _LONGEST_SHORT:
                break
        elif 0x8100 <= head < 0x817E:
            begin = start + 2
            size = head & _LENGTH
        elif head == 0x817F and stop - start >= _LONGEST_HEADER:
            begin = start + 10
            size = _quad(data, start + 2)[0]
            if size <= _LONGEST_MEDIUM:
                break
        else:
            break
        end = begin + size
        if end > stop or size > max_size:
            break
        text = data[begin:end]
        if not (text.isascii() or _is_utf8(text)):
            break
        texts.append(text)
        start = end
    return texts, start


def sole_text(data: bytes, max_size: int) -> bytes | None:
    """The payload, if this is one text frame of the commonest kind and size and nothing else.

    In live use most reads are that, and this takes half the time of :func:`cut_texts`.
    """
    size = len(data) - 4
    if _LONGEST_SHORT < size <= max_size:
        head, announced = _two_shorts(data)
        if head == 0x817E and announced == size:
            text = data[4:]
            if text.isascii():
                return text
    return None


def masked_text(text: bytes, mask: bytes) -> bytes:
    """A final text frame as clients must send it: masked with four bytes that nobody could foresee (5.3).

    All bytes are masked at once, as one long number. Raises :class:`UsageError` for a mask of another size.
    """
    if len(mask) != _MASK_SIZE:
        raise UsageError("Config.mask must give four bytes each time")
    size = len(text)
    if size <= _LONGEST_SHORT:
        head = bytes((_FINAL_TEXT, _MASKED | size))
    elif size <= _LONGEST_MEDIUM:
        head = _TWO_SHORTS.pack(0x81FE, size)
    else:
        head = b"\x81\xff" + size.to_bytes(8, "big")
    stencil = (mask * (size // _MASK_SIZE + 1))[:size]
    masked = int.from_bytes(text, "big") ^ int.from_bytes(stencil, "big")
    return head + mask + masked.to_bytes(size, "big")


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


class BegunText:
    """A text that the end of a read cut off, while it waits for its rest: the parser has seen none of it.

    A parser would have nothing to say of it yet: its header is whole and right, and its payload is ASCII so
    far. ``missing`` is how many bytes are to come, 0 while no text waits.
    """

    __slots__ = ("_header", "_max_size", "_parts", "missing")

    def __init__(self, max_size: int) -> None:
        self.missing = 0
        self._max_size = max_size
        self._header = b""
        self._parts: list[bytes] = []  # of the payload

    def begin(self, data: bytes, start: int) -> bool:
        """Keep what follows ``start`` if it is such a beginning; False: it is not."""
        head = data[start : start + _LONGEST_HEADER]
        header_size, size = _sizes(head)
        shortest = 0 if header_size == 2 else _LONGEST_SHORT + 1 if header_size == 4 else _LONGEST_MEDIUM + 1
        begin = start + header_size
        end = begin + size
        piece = data[begin:]
        if (
            len(head) >= header_size
            and head[0] == _FINAL_TEXT
            and head[1] <= _LENGTH
            and shortest <= size <= self._max_size
            and end > len(data)
            and piece.isascii()
        ):
            self.missing = end - len(data)
            self._header = head[:header_size]
            self._parts.append(piece)
        return self.missing > 0

    def join(self, data: bytes) -> tuple[list[bytes], bytes, int]:
        """What the text has become now that ``data`` has come, and where in ``data`` the next frame begins.

        The text itself if it is whole and valid UTF-8; its frame as far as it has come if that is for the
        parser after all; neither while it waits on.
        """
        if not self.missing:
            return [], b"", 0
        piece = data[: self.missing]
        end = len(piece)
        self._parts.append(piece)
        self.missing -= end
        is_ascii = piece.isascii()  # as is all that came before it
        if self.missing and is_ascii:
            return [], b"", end
        whole, self.missing = not self.missing, 0
        text = b"".join(self._parts)
        self._parts.clear()
        if whole and (is_ascii or _is_utf8(piece)):
            return [text], b"", end
        return [], self._header + text, end


class FrameTracker:
    """Follows the frame boundaries of one direction of a link.

    ``too_big`` turns true as soon as a header announces more than ``max_size`` bytes for one message,
    fragments counted together. After bytes that are not WebSocket nothing here means anything: the
    parser, which sees the same bytes, refuses them.
    """

    __slots__ = ("_header", "_in_message", "_max_size", "_message_size", "_payload_left", "too_big")

    def __init__(self, max_size: int) -> None:
        self.too_big = False
        self._max_size = max_size
        self._header = b""  # beginning of a header whose rest has not arrived
        self._payload_left = 0
        self._message_size = 0
        self._in_message = False

    @property
    def between_messages(self) -> bool:
        """True when the next byte begins a frame and no fragmented message is open."""
        return not (self._payload_left or self._header or self._in_message)

    def advance(self, data: bytes, start: int) -> int:
        """Where the frame that is open at ``start`` ends in ``data``: its end, or that of the data.

        When the frame makes its message too big, the end of its header instead.
        """
        if not self._payload_left:
            head = self._header + data[start : start + _LONGEST_HEADER]
            header_size, payload_size = _sizes(head)
            if len(head) < header_size:
                self._header = head
                return len(data)
            start += header_size - len(self._header)
            self._header = b""
            self._announce(head[0], payload_size)
            if self.too_big:
                return start
            self._payload_left = payload_size
        end = min(start + self._payload_left, len(data))
        self._payload_left -= end - start
        return end

    def _announce(self, first_byte: int, payload_size: int) -> None:
        if first_byte & _OPCODE >= _FIRST_CONTROL_OPCODE:
            return  # control frames may stand between fragments and belong to no message
        final = bool(first_byte & _FINAL)
        size = self._message_size + payload_size
        self.too_big = size > self._max_size
        self._message_size = 0 if final else size
        self._in_message = not final


def _sizes(head: bytes) -> tuple[int, int]:
    """Length of a header and of its payload; the latter only means something once the header is whole."""
    short = head[1] & _LENGTH if len(head) > 1 else 0
    if short <= _LONGEST_SHORT:
        return 2, short
    size = 4 if short == 126 else _LONGEST_HEADER
    return size, int.from_bytes(head[2:size], "big")
