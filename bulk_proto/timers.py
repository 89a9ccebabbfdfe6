"""All deadlines of a core in one table, so that a driver needs one alarm."""

from __future__ import annotations

from enum import Enum, auto


class Timer(Enum):
    """Why the core may want to be woken."""

    OPENING = auto()  # connection and handshake take too long
    PING = auto()  # time to ask whether the exchange is still there
    SILENCE = auto()  # nothing was heard for too long
    CLOSING = auto()  # our close frame is not answered
    BACKOFF = auto()  # time to connect again


class TimerTable:
    """At most one deadline per reason, in seconds of the driver's clock."""

    __slots__ = ("_due",)

    def __init__(self) -> None:
        self._due: dict[Timer, float] = {}

    def __contains__(self, timer: Timer) -> bool:
        return timer in self._due

    def set(self, timer: Timer, at: float) -> None:
        self._due[timer] = at

    def stop(self, *timers: Timer) -> None:
        for timer in timers:
            self._due.pop(timer, None)

    def clear(self) -> None:
        self._due.clear()

    def next(self) -> float | None:
        return min(self._due.values(), default=None)

    def pop_expired(self, now: float) -> Timer | None:
        """Remove and return the earliest timer due at ``now``, or None.

        One at a time on purpose: acting on a timer may stop the others, and after a suspended
        machine wakes up they are all due at once.
        """
        due = min(((at, timer.value, timer) for timer, at in self._due.items() if at <= now), default=None)
        if due is None:
            return None
        del self._due[due[2]]
        return due[2]
