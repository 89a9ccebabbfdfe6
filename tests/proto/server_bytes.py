"""The server's side of a WebSocket as bytes, built without the code under test."""

from __future__ import annotations

import base64
import hashlib
import re

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, reserved: int = 0) -> bytes:
    """One unmasked frame; ``reserved`` holds the three RSV bits."""
    return bytes([final << 7 | reserved << 4 | opcode]) + _length(len(payload)) + payload


def text(payload: bytes) -> bytes:
    return frame(TEXT, payload)


def close(code: int | None = None, reason: bytes = b"") -> bytes:
    return frame(CLOSE, b"" if code is None else code.to_bytes(2, "big") + reason)


def announcement(opcode: int, size: int, *, final: bool = True) -> bytes:
    """The header of a frame whose payload does not follow."""
    return bytes([final << 7 | opcode]) + _length(size)


def _length(size: int) -> bytes:
    if size < 126:
        return bytes([size])
    if size < 1 << 16:
        return b"\x7e" + size.to_bytes(2, "big")
    return b"\x7f" + size.to_bytes(8, "big")


def accept_token(request: bytes) -> bytes:
    """What a server that understood the upgrade answers to its key (RFC 6455 section 4.2.2)."""
    key = re.search(rb"Sec-WebSocket-Key: (\S+)\r\n", request)
    assert key is not None
    return base64.b64encode(hashlib.sha1(key[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())


def accepting(request: bytes, *more: bytes, token: bytes | None = None) -> bytes:
    """The 101 answer to ``request``, with ``more`` header lines."""
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + (token or accept_token(request)),
        *more,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def client_frames(data: bytes) -> list[tuple[int, bytes]]:
    """What a client sent: (opcode, payload) of each of its masked, final frames."""
    found = []
    while data:
        assert data[0] & 0x80, "a client message in one frame"
        assert data[1] & 0x80, "masked"
        size, start = data[1] & 0x7F, 2
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        mask = data[start : start + 4]
        body = data[start + 4 : start + 4 + size]
        found.append((data[0] & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(body))))
        data = data[start + 4 + size :]
    return found
