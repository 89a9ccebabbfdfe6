"""What all events have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msgspec import Struct

from bulk_proto.enums import Topic
from bulk_proto.timestamps import to_nanoseconds

NAN = float("nan")


class Event(Struct, frozen=True, gc=False):
    """Base of all events: frozen, comparable, cheap. All who listen share the lists in them: change none."""

    topic: ClassVar[Topic]

    @property
    def payloads(self) -> Sequence[object]:
        """What a handler of :attr:`topic` is called with, once for each entry."""
        return (self,)

    @property
    def key(self) -> object | None:
        """Names the state that this tells of, which a newer event of the same key replaces; None: news."""
        return None


class TimedEvent(Event, frozen=True, gc=False):
    """An event with a time of the exchange (each subclass has the field ``timestamp``)."""

    @property
    def timestamp_ns(self) -> int | None:
        """``timestamp`` in nanoseconds since 1970; None where the server sent none."""
        timestamp: int | None = getattr(self, "timestamp", None)
        return None if timestamp is None else to_nanoseconds(timestamp)
