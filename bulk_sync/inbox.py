"""A mailbox between two threads: the one that reads puts events in, one other takes them out."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager

from bulk_proto.events import Event
from bulk_proto.mailbox import Mailbox

from .errands import FOREVER, Bell


class Inbox:
    """Bounded by ``limit`` as :class:`bulk_proto.mailbox.Mailbox` is. Its lock is held for a moment only.

    ``lock`` is for those who want to know whether they hold it.
    """

    def __init__(self, limit: int, lock: AbstractContextManager[object] | None = None) -> None:
        self._limit = limit
        self._mailbox = Mailbox(limit)
        self._lock = lock or threading.Lock()
        self._bell = Bell()
        self.closed = False

    def put(self, event: Event) -> bool:
        """False, and nothing done, once it is closed."""
        with self._lock:
            if self.closed:
                return False
            self._mailbox.put(event)
        self._bell.ring()
        return True

    def take(self) -> Event | None:
        """The next event; None when nothing waits."""
        with self._lock:
            return self._mailbox.take()

    def wait(self, timeout: float = FOREVER) -> bool:
        """Until an event has come or somebody rings; False after ``timeout`` seconds."""
        return self._bell.wait(timeout)

    def ring(self) -> None:
        self._bell.ring()

    def close(self) -> None:
        """Take nothing in from now on; what is in there can still be taken."""
        self.closed = True
        self._bell.ring()

    def disown(self) -> None:
        """The same in a forked child, where a thread that does not exist may hold the lock."""
        self._lock = threading.Lock()
        self.close()

    def close_if_empty(self) -> bool:
        """Whether it is closed now."""
        with self._lock:
            self.closed = len(self._mailbox) == 0
            return self.closed

    def clear(self) -> int:
        """Close it and throw away what is in there; says how much."""
        with self._lock:
            self.closed = True
            unread, self._mailbox = len(self._mailbox), Mailbox(self._limit)
            return unread
