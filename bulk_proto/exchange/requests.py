"""What clients ask for, read from the text of one message."""

from __future__ import annotations

import msgspec
from msgspec import Struct


class Subscribe(Struct, frozen=True):
    """Entries are checked one by one later: a bad one must not cost the others."""

    entries: list[object]


class Unsubscribe(Struct, frozen=True):
    topic: str


class Post(Struct, frozen=True):
    id: int
    payload: object


_LARGEST_ID = 2**63 - 1
Request = Subscribe | Unsubscribe | Post


class RequestMalformed(Exception):
    """A message that is no request. ``request`` is its id, if it had one."""

    def __init__(self, message: str, request: int | None = None) -> None:
        super().__init__(message)
        self.request = request


def read_request(text: str) -> Request:
    """Raises :class:`RequestMalformed` for anything that is not documented."""
    try:
        message = msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):  # ValueError for half a surrogate pair
        raise RequestMalformed("malformed JSON") from None
    if not isinstance(message, dict):
        raise RequestMalformed("a request is a JSON object")
    request = message.get("id")
    request = request if type(request) is int and abs(request) <= _LARGEST_ID else None
    match message:
        case {"method": "subscribe", "subscription": list(entries)} if entries:
            return Subscribe(entries)
        case {"method": "subscribe"}:
            raise RequestMalformed("subscribe needs a list under subscription", request)
        case {"method": "unsubscribe", "topic": str(topic)}:
            return Unsubscribe(topic)
        case {"method": "unsubscribe"}:
            raise RequestMalformed("unsubscribe needs a topic", request)
        case {"method": "post", "request": {"type": "action", "payload": payload}} if request is not None:
            return Post(request, payload)
        case {"method": "post"}:
            raise RequestMalformed(
                "post needs an integer id and a request of type action with a payload", request
            )
        case _:
            raise RequestMalformed("unknown method", request)
