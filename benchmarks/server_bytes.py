"""What a server sends and reads, for those that are none: the handshake's answer, frames, messages."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
from collections.abc import Iterator, Sequence
from typing import Any

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


def requests(sock: socket.socket) -> Iterator[bytes]:
    """Open the WebSocket that a client asks for; its texts, one frame each, until it closes."""
    stream = sock.makefile("rb")
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        request += stream.readline()
    sock.sendall(accept(request))
    while len(head := stream.read(2)) == 2:
        size = head[1] & 0x7F
        if size == 126:
            size = int.from_bytes(stream.read(2), "big")
        mask, payload = stream.read(4), stream.read(size)
        if head[0] & 0x0F == 0x8:
            return
        if head[0] & 0x0F == 0x1:
            yield _masked(payload, mask)


def _masked(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    stencil = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(stencil, "big")).to_bytes(size, "big")


def confirmation(subscribed: Sequence[dict[str, Any]]) -> bytes:
    """The reply to a request for these subscriptions."""
    return json.dumps({"type": "subscriptionResponse", "topics": list(map(_topic, subscribed))}).encode()


def _topic(one: dict[str, Any]) -> str:
    parts = (one["type"].lower(), one.get("symbol") or one.get("user"), one.get("interval"))
    return ".".join(part for part in parts if part)


def account_snapshot(user: str) -> bytes:
    """An account that has money and nothing else."""
    data = {
        "type": "accountSnapshot",
        "margin": {"totalMargin": 5200.5, "availableMargin": 4100.25, "marginUsed": 1100.25},
        "positions": [],
        "openOrders": [],
        "leverageSettings": [],
    }
    return json.dumps({"type": "account", "topic": f"account.{user}", "data": data}).encode()


def cut_into_reads(texts: Sequence[bytes], *, whole_frames: bool) -> list[bytes]:
    """What a client reads from its socket: 64 KiB at a time, or one frame at a time."""
    frames = [frame(text) for text in texts]
    if whole_frames:
        return frames
    stream = b"".join(frames)
    return [stream[start : start + READ_SIZE] for start in range(0, len(stream), READ_SIZE)]
