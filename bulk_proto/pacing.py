"""Keeps the client below the exchange's limit of messages per second: beyond it, it disconnects."""

from __future__ import annotations

from collections import deque


class Pace:
    """At most ``per_second`` messages in any second, counted by the moments they were sent.

    ``reserve`` more may be sent by those who cannot wait.
    """

    def __init__(self, per_second: int, reserve: int = 0) -> None:
        self._per_second = per_second
        self._reserve = reserve
        self._sent: deque[float] = deque(maxlen=per_second + reserve)

    def wait(self, now: float, *, urgent: bool = False) -> float:
        """Seconds until one more may be sent; 0 when it may be sent now."""
        sent = self._sent
        limit = self._per_second + (self._reserve if urgent else 0)
        if len(sent) < limit:
            return 0.0
        return max(0.0, sent[-limit] + 1.0 - now)

    def count(self, now: float) -> None:
        """One message is being sent."""
        self._sent.append(now)
