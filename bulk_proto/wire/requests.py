"""Requests of the client as JSON text, in the current spelling only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

_encode = msgspec.json.Encoder().encode


def subscribe(subscriptions: Sequence[Mapping[str, object]]) -> bytes:
    """Ask for streams; the reply names their topics. One entry is still sent as a list."""
    return _encode({"method": "subscribe", "subscription": list(subscriptions)})


def unsubscribe(topic: str) -> bytes:
    """Give up one topic, spelled as the exchange confirmed it."""
    return _encode({"method": "unsubscribe", "topic": topic})


def post(request_id: int, payload: bytes) -> bytes:
    """Send a signed transaction. ``payload`` is its JSON text and goes out byte for byte as it is."""
    return b'{"method":"post","id":%d,"request":{"type":"action","payload":%b}}' % (request_id, payload)
