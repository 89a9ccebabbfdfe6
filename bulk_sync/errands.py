"""How any thread has one of the driver's do something to the core, and waits for what comes of it.

While a core is served, only threads of the driver change it. A thread that Ctrl-C may hit at any point can
therefore never leave it half changed. What a thread waits on is a plain lock for the same reason: taking one
either happens or does not, while the classes of :mod:`threading` can be interrupted with a lock held.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from bulk_proto.calls import Call

T = TypeVar("T")

FOREVER = -1.0


class Bell:
    """Wakes one waiting thread; ringing before anybody waits is not lost."""

    __slots__ = ("_silence",)

    def __init__(self) -> None:
        self._silence = threading.Lock()
        self._silence.acquire()

    def ring(self) -> None:
        if self._silence.locked():
            with suppress(RuntimeError):  # another thread rang in between
                self._silence.release()

    def wait(self, timeout: float = FOREVER) -> bool:
        """False when it did not ring within ``timeout`` seconds. Ctrl-C ends the wait at once."""
        return self._silence.acquire(timeout=min(timeout, threading.TIMEOUT_MAX))


class Milestone:
    """Something that comes once; any number of threads may wait for it."""

    def __init__(self) -> None:
        self.is_past = False
        self._bells: list[Bell] = []

    def pass_by(self) -> None:
        self.is_past = True
        for bell in self._bells:
            bell.ring()

    def wait(self, timeout: float = FOREVER) -> bool:
        """False when it did not come within ``timeout`` seconds."""
        if self.is_past:
            return True
        bell = Bell()
        self._bells.append(bell)
        return self.is_past or bell.wait(timeout)  # asked after hanging up the bell


class Errand(Generic[T]):
    """One thing to do to the core: ``act`` gets the time and returns the calls to wait for."""

    __slots__ = ("_act", "_bell", "_calls", "_error", "_open", "_withdrawn")

    def __init__(self, act: Callable[[float], Sequence[Call[T]]]) -> None:
        self._act = act
        self._bell = Bell()
        self._calls: Sequence[Call[T]] = ()
        self._open = 1  # calls not yet ended, and the errand itself
        self._error: BaseException | None = None
        self._withdrawn = False

    def run(self, now: float) -> None:
        """Do it. Called by a thread of the driver, once."""
        if self._withdrawn:
            return
        try:
            self._calls = self._act(now)
        except BaseException as error:  # a signer in another language may raise anything: the caller gets it
            self._error = error
        self._open += len(self._calls)
        for call in self._calls:
            call.wake_with(self._one_less)
        self._one_less()

    def results(self) -> list[T]:
        """Wait for it and return what the calls ended with; raises what it or one of them ended with."""
        self._bell.wait()
        return self._outcome()

    def _outcome(self) -> list[T]:
        if self._error is not None:
            raise self._error
        return [call.result() for call in self._calls]

    def withdraw(self) -> None:
        """Nobody waits any more: if its turn has not come yet, it is not done."""
        self._withdrawn = True

    def _one_less(self) -> None:
        self._open -= 1
        if not self._open:
            self._ended()

    def _ended(self) -> None:
        self._bell.ring()


class Opening(Errand[None]):
    """The errand that starts a core. Whoever wants to connect as well waits for ``end``."""

    __slots__ = ("end",)

    def __init__(self, act: Callable[[float], Sequence[Call[None]]]) -> None:
        super().__init__(act)
        self.end = Milestone()

    def results(self) -> list[None]:
        self.end.wait()
        return self._outcome()

    def _ended(self) -> None:
        self.end.pass_by()
