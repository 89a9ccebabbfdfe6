"""What waits between the core and one handler: bounded, in order, and never silent about a loss.

Up to its limit a mailbox loses nothing. A handler that falls further behind still gets all of that, in
order; then one :class:`Missed` with the number of events that were left out; then, of the states that
changed meanwhile (events with a ``key``), the newest each, in the order they came.
"""

from __future__ import annotations

from collections import OrderedDict, deque

from .errors import UsageError
from .events import Event, Missed


class Mailbox:
    """First in, first out. At most twice ``limit`` events wait, and one :class:`Missed`.

    An event replaced by a newer one with its key is not counted as missed: it had become worthless.
    Raises :class:`UsageError` for a limit below 1.
    """

    __slots__ = ("_latest", "_limit", "_missed", "_queue")

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise UsageError("a mailbox holds at least one event")
        self._limit = limit
        self._queue: deque[Event] = deque()
        self._latest: OrderedDict[object, Event] = OrderedDict()  # came after the queue was full
        self._missed = 0

    def __len__(self) -> int:
        return len(self._queue) + len(self._latest) + (self._missed > 0)

    def put(self, event: Event) -> None:
        if len(self._queue) < self._limit and not self._latest and not self._missed:
            self._queue.append(event)
        else:
            self._keep_latest(event)

    def take(self) -> Event | None:
        """The next event; None when nothing waits."""
        if not self._queue:
            self._catch_up()
        return self._queue.popleft() if self._queue else None

    def _keep_latest(self, event: Event) -> None:
        key = event.key
        if key is None:
            self._missed += 1
            return
        state = type(event), key
        if state in self._latest:
            self._latest.move_to_end(state)
        elif len(self._latest) >= self._limit:
            self._missed += 1
            return
        self._latest[state] = event

    def _catch_up(self) -> None:
        """The handler has read all that was kept whole: what was kept in brief is next."""
        if self._missed:
            self._queue.append(Missed(self._missed))
        self._queue.extend(self._latest.values())
        self._latest.clear()
        self._missed = 0
