"""A request in flight, in no colour: drivers only add a way to wait for it."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from math import inf
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Call(Generic[T]):
    """The place where the answer to one request will appear, exactly once.

    A call always has a deadline, so a wait that is abandoned cannot leak. ``deadline`` is in seconds
    of the driver's clock.
    """

    __slots__ = ("_error", "_value", "_waker", "deadline", "done")

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.done = False
        self._value: T | None = None
        self._error: Exception | None = None
        self._waker: Callable[[], object] | None = None

    @property
    def succeeded(self) -> bool:
        """True once an answer has come."""
        return self.done and self._error is None

    def wake_with(self, waker: Callable[[], object]) -> None:
        """Call ``waker`` once, when the outcome is known (now, if it already is); there is one at a time."""
        if self.done:
            waker()
        else:
            self._waker = waker

    def resolve(self, value: T) -> None:
        """End with an answer. A call that has already ended keeps its first outcome."""
        if not self.done:
            self._value = value
            self._finish()

    def fail(self, error: Exception) -> None:
        """End with an error. A call that has already ended keeps its first outcome."""
        if not self.done:
            self._error = error
            self._finish()

    def result(self) -> T:
        """The answer; raises the error the call ended with, or RuntimeError when it is still open."""
        if not self.done:
            raise RuntimeError("the outcome is not known yet: wait for the call first")
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # resolve() stored a T

    def then(self, use: Callable[[T], R]) -> Call[R]:
        """A call that ends when this one does, with what ``use`` makes of the answer. Use it once."""
        after: Call[R] = Call(self.deadline)

        def pass_on() -> None:
            if self._error is not None:
                after.fail(self._error)
            else:
                after.resolve(use(self.result()))

        self.wake_with(pass_on)
        return after

    def _finish(self) -> None:
        self.done = True
        waker, self._waker = self._waker, None
        if waker is not None:
            waker()


class Deadlines:
    """The open calls by deadline, each with what to do when nobody answered in time.

    Ended calls stay in the heap until they come up or the heap has doubled: adding is O(log n) and
    ending a call costs nothing. ``earliest`` is the first deadline, maybe of a call that has ended since.
    """

    __slots__ = ("_heap", "_serial", "_sweep_at", "earliest")

    def __init__(self) -> None:
        self.earliest = inf
        self._heap: list[tuple[float, int, Call[Any], Callable[[], object]]] = []
        self._serial = count()
        self._sweep_at = 64

    def add(self, call: Call[Any], on_expiry: Callable[[], object]) -> None:
        if len(self._heap) >= self._sweep_at:
            self._heap = [entry for entry in self._heap if not entry[2].done]
            heapq.heapify(self._heap)
            self._sweep_at = max(64, 2 * len(self._heap))
        heapq.heappush(self._heap, (call.deadline, next(self._serial), call, on_expiry))
        self.earliest = min(self.earliest, call.deadline)

    def next(self) -> float:
        """The earliest deadline of an open call; infinite without any."""
        heap = self._heap
        while heap and heap[0][2].done:
            heapq.heappop(heap)
        self.earliest = heap[0][0] if heap else inf
        return self.earliest

    def expire(self, now: float) -> None:
        """Run ``on_expiry`` of every open call whose deadline has passed."""
        while (due := self.next()) < inf and due <= now:
            heapq.heappop(self._heap)[3]()
