"""One outgoing message, encoded and framed once however many sessions get it."""

from __future__ import annotations

import struct

import msgspec

from .market_messages import Json

_encode = msgspec.json.Encoder().encode
_FIN_TEXT = 0x81


class Packet:
    """A JSON message as text, and as an uncompressed WebSocket frame."""

    __slots__ = ("_frame", "message", "payload")

    def __init__(self, message: Json) -> None:
        self.message = message
        self.payload = _encode(message)
        self._frame: bytes | None = None

    @classmethod
    def of_text(cls, text: str) -> Packet:
        """A message that need not be JSON."""
        packet = cls({})
        packet.payload = text.encode()
        return packet

    @property
    def frame(self) -> bytes:
        """One final text frame without mask (RFC 6455 section 5.2), the way servers send."""
        if self._frame is None:
            length = len(self.payload)
            if length < 126:
                header = struct.pack("!BB", _FIN_TEXT, length)
            elif length < 1 << 16:
                header = struct.pack("!BBH", _FIN_TEXT, 126, length)
            else:
                header = struct.pack("!BBQ", _FIN_TEXT, 127, length)
            self._frame = header + self.payload
        return self._frame
