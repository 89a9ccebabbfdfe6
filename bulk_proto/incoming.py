"""How a core makes messages of the bytes that come: texts are decoded, all else the line has dealt with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from . import wire
from .events import Event, MessageRefused
from .outgoing import Direction, Outgoing
from .replies import Reply


class Incoming(Outgoing):
    """The part of a :class:`~bulk_proto.core.ClientCore` that reads."""

    _decode: Callable[[bytes], Event | Reply]
    _decode_all: Callable[[Sequence[bytes]], list[Event | Reply]]
    _events: list[Event]

    def _messages_in(self, data: bytes, now: float) -> Iterable[Event | Reply]:
        """The messages in bytes of any kind; those in a row are read before the first is acted on."""
        texts = self._line.texts(data, now)
        if texts:
            return self._decode_all(texts)
        return chain.from_iterable(self._messages_between(data, now))

    def _messages_between(self, data: bytes, now: float) -> Iterator[list[Event | Reply]]:
        """The messages in bytes that are not texts alone; all else about them is dealt with in its turn."""
        for found in self._line.receive(data, now):
            if isinstance(found, list):
                yield self._decode_all(found)
            else:
                self._events.append(MessageRefused("a binary message; the exchange sends text only", b""))
        self._line_changed()

    def _traced(self, text: bytes) -> Event | Reply:
        assert self._trace is not None
        self._trace(Direction.RECEIVED, text)
        return wire.decode(text)

    def _all_traced(self, texts: Sequence[bytes]) -> list[Event | Reply]:
        return [self._traced(text) for text in texts]
