"""Keeps the client below the exchange's limit of messages per second: beyond it, it disconnects."""

from __future__ import annotations

from collections import deque


class Pace:
    """At most ``per_second`` messages in any second, counted by the moments they were sent."""

    def __init__(self, per_second: int) -> None:
        self._sent: deque[float] = deque(maxlen=per_second)

    def wait(self, now: float) -> float:
        """Seconds until one more may be sent; 0 when it may be sent now."""
        sent = self._sent
        if len(sent) < (sent.maxlen or 0):
            return 0.0
        return max(0.0, sent[0] + 1.0 - now)

    def count(self, now: float) -> None:
        """One message is being sent."""
        self._sent.append(now)
