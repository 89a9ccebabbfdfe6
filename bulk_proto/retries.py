"""When to ask again for topics that the exchange refuses for now, or whose first state does not come.

Ever more patiently: each time in a row the wait is twice as long, until nothing has gone wrong for a while.
"""

from __future__ import annotations

from itertools import chain
from math import inf

from .subscriptions import Stream

_PATIENCE = 2.0  # seconds after the first refusal of a proven topic, or the loss of a message
_PATIENCE_CAP = 60.0  # seconds
_FORGIVEN = 2 * _PATIENCE_CAP  # seconds after which what went wrong before does not count any more


class Retries:
    """``earliest`` is when the next topic is to be asked for again; infinite without any."""

    __slots__ = ("_awaited", "_put_off", "_troubles", "earliest")

    def __init__(self) -> None:
        self.earliest = inf
        self._put_off: dict[Stream, float] = {}  # refused: when to ask again
        self._awaited: dict[Stream, float] = {}  # asked for, but not there yet: when to ask again
        self._troubles: dict[Stream, tuple[int, float]] = {}  # how often in a row, and when last

    def is_put_off(self, stream: Stream) -> bool:
        """Was it refused, so that it is not asked for until some time has passed?"""
        return stream in self._put_off

    def knows(self, stream: Stream) -> bool:
        """Is it to be asked for again at some moment?"""
        return stream in self._put_off or stream in self._awaited

    def put_off(self, stream: Stream, now: float) -> bool:
        """It was refused. False where that is no news: several errors about one request are one refusal."""
        if stream in self._put_off:
            return False
        self._awaited.pop(stream, None)
        self._put_off[stream] = now + self._patience(stream, now, _PATIENCE)
        self._count_trouble(stream, now)
        self._look()
        return True

    def await_state(self, stream: Stream, now: float, patience: float = _PATIENCE) -> None:
        """Its first state must come within ``patience`` seconds, or more where it did not come before."""
        due = now + self._patience(stream, now, patience)
        self._awaited[stream] = min(due, self._awaited.get(stream, inf))
        self._look()

    def has_come(self, stream: Stream) -> None:
        if self._awaited.pop(stream, None) is not None:
            self._look()

    def ask_no_more(self, stream: Stream) -> None:
        self._put_off.pop(stream, None)
        self._awaited.pop(stream, None)
        self._look()

    def forgive(self, stream: Stream) -> None:
        """What went wrong with it does not count any more."""
        self._troubles.pop(stream, None)

    def due(self, now: float) -> list[Stream]:
        """What was put off or awaited long enough."""
        overdue = [stream for stream, moment in self._awaited.items() if moment <= now]
        for stream in overdue:
            self._count_trouble(stream, now)
        return overdue + [stream for stream, moment in self._put_off.items() if moment <= now]

    def link_lost(self) -> None:
        """Everything is asked for on the next link anyhow; troubles count on."""
        self._put_off.clear()
        self._awaited.clear()
        self.earliest = inf

    def _patience(self, stream: Stream, now: float, first: float) -> float:
        return min(_PATIENCE_CAP, first * 2.0 ** min(self._times_in_a_row(stream, now), 16))

    def _count_trouble(self, stream: Stream, now: float) -> None:
        self._troubles[stream] = self._times_in_a_row(stream, now) + 1, now

    def _times_in_a_row(self, stream: Stream, now: float) -> int:
        times, last = self._troubles.get(stream, (0, now))
        return times if now - last < _FORGIVEN else 0

    def _look(self) -> None:
        self.earliest = min(chain(self._put_off.values(), self._awaited.values()), default=inf)
