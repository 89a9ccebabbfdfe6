"""Who reads the connection: one thread at a time, and another that takes over before a handler holds it up.

Waking a thread for every event would cost more than everything else together, so plain handlers run in the
thread that reads. No handler may keep the connection waiting all the same. Each reading thread has a shift,
and each shift a relief: a second thread that stands by. The shift's lock says whose turn it is to go on::

    reading ──let_go──► running a handler ──take_back──► reading
                              │
                              └── the relief gets the lock first: it reads from now on, in a shift of
                                  its own, and this thread stays with the handler it is in

Both only try to get the lock, nobody ever waits for it, and a relief never gives it back. So there is always
exactly one thread that reads, and nothing here can dead-lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from .errands import Bell

PATIENCE = 0.02  # seconds; handlers may keep the reader for one to two times that


class Shift:
    """The time for which the current thread reads."""

    def __init__(self) -> None:
        lock = threading.Lock()
        lock.acquire()
        self.reader = threading.current_thread()
        self.let_go: Callable[[], None] = lock.release
        """Said by the reader before it runs a handler."""
        self.take_back: Callable[[], bool] = partial(lock.acquire, False)
        """Said by the reader afterwards. False: the shift is over, the relief reads."""
        self._bell = Bell()
        self._round = 0
        self._on_round = False
        self._relief_sleeps = False
        self._called = False
        self._over = False

    # For the reader --------------------------------------------------------------------------------------

    def begin_round(self) -> None:
        """Events are handed out from here on: have the relief watch over it."""
        self._round += 1
        self._on_round = True
        if self._relief_sleeps:
            self._relief_sleeps = False
            self._bell.ring()

    def end_round(self) -> None:
        self._on_round = False

    def end(self) -> None:
        """There is nothing to read any more: the relief can go."""
        self._over = True
        self._bell.ring()

    # For other threads, and handlers ---------------------------------------------------------------------

    def call_relief(self) -> None:
        """The handler that runs in the reading thread is about to wait for something that must be read."""
        self._called = True
        self._bell.ring()

    def call_stand_in(self) -> None:
        """There is something to do that the reader does not hear of."""
        self._bell.ring()

    # For the relief --------------------------------------------------------------------------------------

    def stand_by(self, stand_in: Callable[[], object]) -> bool:
        """Wait. True: read from now on, the reader's handler takes its time. False: the shift has ended.

        ``stand_in`` is called meanwhile, after each :meth:`call_stand_in` and now and then.
        """
        while not self._over:
            if self._is_needed() and self.take_back():
                return True
            stand_in()
        return False

    def _is_needed(self) -> bool:
        """Look once, for as long as it takes: does the reader's handler keep it, or ask for this?"""
        if self._called:
            self._called = False
            return True
        watched = self._round
        if self._bell.wait(PATIENCE) or self._round != watched:
            return False
        if not self._on_round:
            self._sleep(watched)
            return False
        return True

    def _sleep(self, watched: int) -> None:
        """Until another round begins or somebody calls."""
        self._relief_sleeps = True
        if self._round == watched:  # asked after saying so: one that begins now rings
            self._bell.wait()
        self._relief_sleeps = False
