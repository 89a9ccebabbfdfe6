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

    def wait(self, now: float, *, messages: int = 1, urgent: bool = False) -> float:
        """Seconds until so many more may be sent; 0 when they may be sent now.

        Many at once may be sent where half of what fits into a second is left.
        """
        limit = self._per_second + (self._reserve if urgent else 0)
        others = limit - min(messages, max(1, limit // 2))  # that may have been sent in the same second
        if len(self._sent) <= others:
            return 0.0
        before = self._sent[-others - 1]
        return 0.0 if before > now else max(0.0, before + 1.0 - now)  # > now: by the clock of another loop

    def count(self, now: float) -> None:
        """One message is being sent."""
        self._sent.append(now)
