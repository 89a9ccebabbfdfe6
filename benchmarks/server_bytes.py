"""What a server sends, for contestants without one: the handshake's answer, frames, and reads of them."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence

READ_SIZE = 65536  # bytes: what one read of a busy socket brings

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept(request: bytes) -> bytes:
    """The answer that opens the WebSocket asked for by ``request`` (RFC 6455 section 4.2.2)."""
    key = re.search(rb"Sec-WebSocket-Key: *(\S+)", request, re.IGNORECASE)
    if key is None:
        raise ValueError("not a request for a WebSocket")
    digest = base64.b64encode(hashlib.sha1(key[1] + _GUID).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + digest + b"\r\n\r\n"
    )


def frame(payload: bytes) -> bytes:
    """One text message as an exchange sends it: final and unmasked (RFC 6455 section 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def cut_into_reads(texts: Sequence[bytes], *, whole_frames: bool) -> list[bytes]:
    """What a client reads from its socket: 64 KiB at a time, or one frame at a time."""
    frames = [frame(text) for text in texts]
    if whole_frames:
        return frames
    stream = b"".join(frames)
    return [stream[start : start + READ_SIZE] for start in range(0, len(stream), READ_SIZE)]
