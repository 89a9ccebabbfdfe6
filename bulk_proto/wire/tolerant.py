"""The tier for everything that is not a current, documented shape: slower, and at a loss for nothing.

Text becomes plain JSON values first, then the reader for its kind takes what it needs. Kinds are
compared without regard to case. ``NaN`` and ``Infinity``, which are not JSON but do get sent, count as
null; a number too large for a double refuses the message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from bulk_proto.events import Event, MessageRefused, UnknownMessage
from bulk_proto.replies import Reply, UnclearReply

from . import account, answers, market, risk
from .values import Unreadable, mapping, text

_STRING_OR_NOT_A_NUMBER = re.compile(rb'"(?:[^"\\]|\\.)*+"?|-?(?:NaN|Infinity)', re.DOTALL)

_MARKET: Mapping[str, Callable[[dict[str, Any], str], Event]] = {
    "ticker": market.ticker,
    "trades": market.trades,
    "candle": market.candles,
    "l2snapshot": market.l2_snapshot,
    "l2delta": market.l2_delta,
    "risk": risk.risk,
    "frontendcontext": market.frontend_context,
}
_ANSWERS: Mapping[str, Callable[[dict[str, Any]], Event | Reply]] = {
    "subscriptionresponse": answers.subscription_confirmed,
    "unsubscriberesponse": answers.unsubscription_confirmed,
    "error": answers.error_reported,
}


def decode(data: bytes) -> Event | Reply:
    """What one message says, however it is spelled. Never raises."""
    topic = None
    try:
        message = _parse(data)
        topic = text(message.get("topic"))
        return _read(message, topic or "", data)
    except Unreadable as problem:
        return MessageRefused(str(problem), data, topic)


def _read(message: dict[str, Any], topic: str, data: bytes) -> Event | Reply:
    kind = text(message.get("type")) or text(message.get("channel"))
    word = (kind or "").casefold()
    if (read_market := _MARKET.get(word)) is not None:
        return read_market(message, topic)
    if (read_answer := _ANSWERS.get(word)) is not None:
        return read_answer(message)
    if word == "post":
        return _read_reply(message, topic, data)
    if word == "account":
        return account.event(message, topic) or UnknownMessage(_inner_kind(message), data)
    return UnknownMessage(kind, data)


def _read_reply(message: dict[str, Any], topic: str, data: bytes) -> Event | Reply:
    """Somebody waits for it, so its request is told even where the rest cannot be understood."""
    request_id = answers.request_id(message)
    try:
        reply = answers.post_reply(request_id, message)
    except Unreadable as problem:
        return UnclearReply(request_id, MessageRefused(str(problem), data, topic or None))
    return reply or UnclearReply(request_id, UnknownMessage(_inner_kind(message), data))


def _inner_kind(message: dict[str, Any]) -> str | None:
    return text((mapping(message.get("data")) or {}).get("type"))


def _parse(data: bytes) -> dict[str, Any]:
    try:
        message = _parse_json(data)
    except UnicodeDecodeError:
        raise Unreadable("not UTF-8") from None
    except RecursionError:
        raise Unreadable("nested too deeply") from None
    except msgspec.DecodeError as problem:
        raise Unreadable(str(problem)[:200]) from None
    if not isinstance(message, dict):
        raise Unreadable("not a JSON object")
    return message


def _parse_json(data: bytes) -> object:
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        if b"NaN" not in data and b"Infinity" not in data:
            raise
        return msgspec.json.decode(_STRING_OR_NOT_A_NUMBER.sub(_string_or_null, data))


def _string_or_null(match: re.Match[bytes]) -> bytes:
    return match[0] if match[0].startswith(b'"') else b"null"
