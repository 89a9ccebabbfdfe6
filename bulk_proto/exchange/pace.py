"""How many messages one client has sent in the present second."""

from __future__ import annotations


class Pace:
    """A second begins with the first message after the end of the one before."""

    __slots__ = ("_count", "_from", "_limit")

    def __init__(self, limit: int, now: float) -> None:
        self._limit = limit
        self._from = now
        self._count = 0

    def allows(self, now: float) -> bool:
        """Count one message; False if it is one too many."""
        if now - self._from >= 1.0:
            self._from = now
            self._count = 0
        self._count += 1
        return self._count <= self._limit
