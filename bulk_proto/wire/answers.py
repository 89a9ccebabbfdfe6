"""Replies to requests and error frames, from plain JSON values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bulk_proto.events import ErrorReported
from bulk_proto.replies import PostReply, Row, SubscriptionConfirmed, UnsubscriptionConfirmed

from .values import Fields, Unreadable, flag, integer, mapping, sequence, text

_TEXTS = ("message", "error", "reason", "response")


def request_id(message: dict[str, Any]) -> int:
    """Which transaction a reply answers."""
    return Fields(message, "reply", {}).required("id", integer)


def post_reply(request_id: int, message: dict[str, Any]) -> PostReply | None:
    """The answer to a transaction; None when it is of a kind that this version does not know."""
    data = Fields(message.get("data"), "reply data", {})
    match (data.optional("type", text) or "action").casefold():
        case "action":
            return _transaction_reply(request_id, data.required("payload", mapping))
        case "ack":
            return _acknowledgement(request_id, message["data"])
        case _:
            return None


def _transaction_reply(request_id: int, payload: dict[str, Any]) -> PostReply:
    status = Fields(payload, "reply payload", {}).checked("status", text)
    rows = [row for entry in _statuses(payload) for row in _entry_rows(entry)]
    if status is None and not rows:
        raise Unreadable("reply payload without status")
    match (status or "ok").casefold():
        case "ok":
            if not rows and _has_no_list_of_rows(payload):
                raise Unreadable("reply payload with something else in the place of its rows")
            return PostReply(request_id, True, rows)
        case "error":
            return PostReply(request_id, False, rows, _explanation(rows, payload))
        case _:
            raise Unreadable("reply that is neither ok nor error")


def _acknowledgement(request_id: int, data: dict[str, Any]) -> PostReply:
    Fields(data, "acknowledgement", {}).required("ok", flag)
    body = {name: value for name, value in data.items() if name != "type"}
    return PostReply(request_id, True, [Row("ack", body)])


def _statuses(payload: dict[str, Any]) -> list[Any]:
    response = mapping(payload.get("response")) or {}
    data = mapping(response.get("data")) or {}
    return sequence(data.get("statuses")) or []


def _has_no_list_of_rows(payload: dict[str, Any]) -> bool:
    """True when what stands where the rows should be is no list: an explanation, say, of what went wrong."""
    found = payload.get("response")
    for name in ("data", "statuses"):
        if isinstance(found, dict):
            found = found.get(name)
    return not (found is None or isinstance(found, list))


def _entry_rows(entry: object) -> Iterator[Row]:
    """One row for each key of an entry: documented entries have one, and odd ones must not get lost."""
    match entry:
        case dict():
            for kind, body in entry.items():
                yield Row(kind, _body(body))
        case str():
            yield Row(entry, {})
        case _:
            yield Row("", {"value": entry})


def _body(body: object) -> dict[str, Any]:
    match body:
        case dict():
            return body
        case str():
            return {"message": body}
        case _:
            return {"value": body}


def _explanation(rows: list[Row], payload: dict[str, Any]) -> str | None:
    return next(filter(None, (row.message for row in rows)), None) or _text_in(payload)


def _text_in(values: dict[str, Any]) -> str | None:
    """The first text among the fields that carry explanations, each of which may wrap it in an object."""
    found = (value for name in _TEXTS if (value := values.get(name)) is not None)
    texts = (_text_in(value) if isinstance(value, dict) else text(value) for value in found)
    return next(filter(None, texts), None)


def subscription_confirmed(message: dict[str, Any]) -> SubscriptionConfirmed:
    topics = Fields(message, "confirmation", {}).required("topics", sequence)
    if not all(isinstance(topic, str) for topic in topics):
        raise Unreadable("confirmation with a topic that is not text")
    return SubscriptionConfirmed(topics)


def unsubscription_confirmed(message: dict[str, Any]) -> UnsubscriptionConfirmed:
    return UnsubscriptionConfirmed(Fields(message, "confirmation", {}).required("topic", text))


def error_reported(message: dict[str, Any]) -> ErrorReported:
    """Never refused: an error frame without a text is still an error."""
    error = message.get("error")
    request_id = integer(message.get("id"))
    if request_id is None:
        request_id = integer((mapping(error) or {}).get("id"))
    return ErrorReported(_text_in(message) or "", request_id, message)
