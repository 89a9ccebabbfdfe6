"""A mailbox between two threads: the one that reads puts events in, one other takes them out."""

from __future__ import annotations

import threading

from bulk_proto.events import Event
from bulk_proto.mailbox import Mailbox

from .errands import FOREVER, Bell


class Inbox:
    """Bounded by ``limit`` as :class:`bulk_proto.mailbox.Mailbox` is. Its lock is held for a moment only."""

    def __init__(self, limit: int) -> None:
        self._mailbox = Mailbox(limit)
        self._lock = threading.Lock()
        self._bell = Bell()
        self.empty = True
        self.closed = False

    def put(self, event: Event) -> None:
        if self.closed:
            return
        with self._lock:
            self._mailbox.put(event)
            self.empty = False
        self._bell.ring()

    def take(self) -> Event | None:
        """The next event; None when nothing waits."""
        with self._lock:
            event = self._mailbox.take()
            self.empty = event is None
            return event

    def wait(self, timeout: float = FOREVER) -> bool:
        """Until an event has come or somebody rings; False after ``timeout`` seconds."""
        return self._bell.wait(timeout)

    def ring(self) -> None:
        self._bell.ring()

    def close(self) -> None:
        """Whatever is put in from now on is dropped; what is in there can still be taken."""
        self.closed = True
        self._bell.ring()
