"""Everything that happens by itself, in the order of time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from math import inf

Task = Callable[[float], float | None]


class Schedule:
    """Tasks with the moment each is due; running one returns when it wants to run again, if it does.

    Tasks run at their own moment, however late the driver calls, so the outcome does not depend on
    how often it calls.
    """

    __slots__ = ("_due", "_serial")

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Task]] = []
        self._serial = 0

    def add(self, due: float, task: Task) -> None:
        self._serial += 1  # tasks due together run in the order in which they were added
        heapq.heappush(self._due, (due, self._serial, task))

    def next(self) -> float:
        return self._due[0][0] if self._due else inf

    def run_next(self) -> None:
        due, _, task = heapq.heappop(self._due)
        again = task(due)
        if again is not None:
            self.add(again, task)
