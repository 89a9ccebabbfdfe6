"""How long to wait before the next attempt to connect."""

from __future__ import annotations


def delay(attempt: int, chance: float, *, base: float, cap: float) -> float:
    """Seconds before attempt number ``attempt`` (0 is the first retry).

    The step doubles from ``base`` up to ``cap``; the wait is drawn evenly between half the step and
    the whole of it by ``chance`` (0 to 1), so that a thousand clients which lost one server together
    do not come back together, and nobody comes back at once.
    """
    step = min(cap, base * 2.0 ** min(attempt, 32))
    return step * (0.5 + 0.5 * chance)
