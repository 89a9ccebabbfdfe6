"""The deadlines of a line in one table; the core adds those of what is said over it."""

from __future__ import annotations

from enum import Enum, auto
from math import inf


class Timer(Enum):
    """Why the core may want to be woken."""

    OPENING = auto()  # connection and handshake take too long
    PING = auto()  # time to ask whether the exchange is still there
    SILENCE = auto()  # nothing was heard for too long
    CLOSING = auto()  # our close frame is not answered
    BACKOFF = auto()  # time to connect again


class TimerTable:
    """At most one deadline per reason, in seconds of the driver's clock.

    ``earliest`` is the next of them; infinite without any. It is asked for far more often than one is set.
    """

    __slots__ = ("_due", "earliest")

    def __init__(self) -> None:
        self.earliest = inf
        self._due: dict[Timer, float] = {}

    def __contains__(self, timer: Timer) -> bool:
        return timer in self._due

    def set(self, timer: Timer, at: float) -> None:
        self._due[timer] = at
        self._look()

    def stop(self, *timers: Timer) -> None:
        for timer in timers:
            self._due.pop(timer, None)
        self._look()

    def clear(self) -> None:
        self._due.clear()
        self._look()

    def pop_expired(self, now: float) -> Timer | None:
        """Remove and return the earliest timer due at ``now``, or None.

        One at a time on purpose: acting on a timer may stop the others, and after a suspended
        machine wakes up they are all due at once.
        """
        due = min(((at, timer.value, timer) for timer, at in self._due.items() if at <= now), default=None)
        if due is None:
            return None
        self.stop(due[2])
        return due[2]

    def _look(self) -> None:
        self.earliest = min(self._due.values(), default=inf)
