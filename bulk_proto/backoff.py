"""How long to wait before the next attempt to connect."""

from __future__ import annotations

from .config import Config
from .link import Closed

_POLICY_VIOLATION = 1008  # the exchange's close code for exceeded limits
_RETRY_AFTER_CAP = 300.0  # seconds


def delay(attempt: int, chance: float, *, base: float, cap: float) -> float:
    """Seconds before attempt number ``attempt`` (0 is the first retry).

    The step doubles from ``base`` up to ``cap``; the wait is drawn evenly between half the step and
    the whole of it by ``chance`` (0 to 1), so that a thousand clients which lost one server together
    do not come back together, and nobody comes back at once.
    """
    step = min(cap, base * 2.0 ** min(attempt, 32))
    return step * (0.5 + 0.5 * chance)


class Attempts:
    """Counts attempts to connect and says when the next one is due.

    The count is forgotten only after a link has lived for ``config.settled_after`` seconds: a server
    that accepts and drops must not be hit in a tight loop.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._opened_at: float | None = None
        self._vain = 0  # attempts since the last link that opened
        self.count = 0
        self.ever_opened = False

    def began(self) -> None:
        self.count += 1

    def opened(self, now: float) -> None:
        self._opened_at = now
        self.ever_opened = True

    def ended(self, now: float, closed: Closed) -> float | None:
        """A link, or the attempt to make one, has ended: when to try again; None for never.

        Later for exceeded limits; where a server asked to wait, the same wait begins after that.
        """
        config = self._config
        self._vain = self._vain + 1 if self._opened_at is None else 0
        if config.reconnect_attempts is not None and self._vain >= config.reconnect_attempts:
            return None
        if self._opened_at is not None and now - self._opened_at >= config.settled_after:
            self.count = 0
        self._opened_at = None
        attempt = 32 if closed.code == _POLICY_VIOLATION else max(0, self.count - 1)
        wait = delay(attempt, config.chance(), base=config.backoff_base, cap=config.backoff_cap)
        return now + min(closed.retry_after or 0.0, _RETRY_AFTER_CAP) + wait  # not all back at one moment
