"""Has one core served, in background threads, from its start until it rests.

One thread at a time reads and hands out events; :mod:`bulk_sync.shifts` says which thread that is, and
:mod:`bulk_sync.reader` what it does with the core.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from time import monotonic
from typing import Any

from bulk_proto.core import ClientCore

from .audience import Audience, HandlerThread
from .connectors import Connector
from .errands import FOREVER, Errand, Milestone, Opening
from .reader import Reader
from .shifts import Shift

SERVING: set[Driver] = set()
"""The drivers of this process that a thread serves."""


class Driver:
    """Serves ``core`` from :meth:`start` until it rests, once.

    ``guard`` is held whenever the core changes. ``audience`` gets every event, in order, without the guard.
    ``on_rest`` is called when there will be no more, ``on_fork`` in a child process forked meanwhile.
    """

    def __init__(
        self,
        core: ClientCore,
        guard: AbstractContextManager[object],
        audience: Audience,
        connector: Connector,
        logger: logging.Logger,
        on_rest: Callable[[BaseException | None], None],
        on_fork: Callable[[], None],
    ) -> None:
        self.core = core
        self.leaving = False
        self.is_running = False  # a thread has been started and has not come to its end
        self._reader = Reader(core, guard, connector, audience.note, self._call_stand_in)
        self._audience = audience
        self._logger = logger
        self._on_rest = on_rest
        self._on_fork = on_fork
        self._shift: Shift | None = None
        self._begun = threading.Lock()  # taken by the thread that reads first, or by who calls it off
        self._threads: list[HandlerThread] = []  # the one that reads and its relief
        self._opening: Opening | None = None
        self._end = Milestone()

    @property
    def serving(self) -> bool:
        return self._reader.serving

    @property
    def goes_on(self) -> bool:
        """True while nobody wants it to end."""
        return self.serving and not self.leaving

    # For other threads -----------------------------------------------------------------------------------

    def start(self, first: Opening) -> None:
        """Start to read; ``first`` starts the core. Call with the guard held.

        Raises ``RuntimeError`` when there is no thread to be had. Then it is as if nothing had happened; so
        it is after Ctrl-C, unless the thread reads already: then the driver leaves.
        """
        try:
            self._opening = first
            self._reader.open(first)
            self.is_running = True
            if self.leaving:  # a signal handler has said so meanwhile
                self.leave()
            SERVING.add(self)
            self._audience.begin(self._reader.wake)
            self._new_thread(self._begin_to_read)
        except BaseException:
            if self._begun.acquire(False):
                self._call_off()
            else:
                self.leave()
            raise

    def _call_off(self) -> None:
        self.is_running = False
        SERVING.discard(self)
        self._reader.close()

    def ask(self, errand: Errand[Any]) -> None:
        """Have an errand run soon; at once and here when the core rests. Call with the guard held."""
        if self.serving:
            self._reader.post(errand)
            self._reader.wake()
            self._have_somebody_read()
        else:
            errand.run(monotonic())

    def leave(self) -> None:
        """Have the core stopped; takes no lock and never blocks. Harmless when repeated."""
        if self.serving:
            self._reader.post(Errand(self._stop))
        self.leaving = True
        self._reader.wake()

    def wait_until_open(self) -> None:
        """Wait for what becomes of the first attempt to connect; raises what it ended with."""
        self._have_somebody_read()
        if self._opening is not None:
            self._opening.results()

    def join(self, timeout: float = FOREVER) -> None:
        """Wait until the core rests and the last event is handed out, if it was ever started."""
        self._have_somebody_read()
        if self.is_running and not self._end.wait(timeout):
            return
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.wait(timeout)

    def disown(self) -> None:
        """In a forked child: let go of what belongs to the parent, without a word to the exchange."""
        self.is_running = False
        if self._shift is not None:
            self._shift.take_back()  # should this be a handler that forks: nobody reads after it
        self._reader.disown()
        self._on_fork()

    def _have_somebody_read(self) -> None:
        """Should this be a handler in the thread that reads: another one must, as this one will wait."""
        shift = self._shift
        if shift is not None and shift.reader is threading.current_thread():
            shift.call_relief()

    def _call_stand_in(self) -> None:
        if self._shift is not None:
            self._shift.call_stand_in()

    # In the thread that reads ----------------------------------------------------------------------------

    def _begin_to_read(self) -> None:
        if self._begun.acquire(False):
            self._read()

    def _read(self) -> None:
        """Serve the core until it rests, or another thread takes over."""
        reader = self._reader
        shift = self._shift = Shift()
        thread = threading.current_thread()
        assert isinstance(thread, HandlerThread)
        self._threads = [thread]
        try:
            self._threads.append(self._new_thread(lambda: self._stand_by(shift)))
            while self._audience.hand_out(shift):
                if reader.serving:
                    reader.advance()
                elif self._audience.is_up_to_date:
                    break
                self._audience.collect(self.core.events())
            else:
                return
        except BaseException as fault:  # such as no thread to be had for a relief: no handler may run then
            reader.give_up(fault)
        shift.end()
        self._finish()

    def _stand_by(self, shift: Shift) -> None:
        if shift.stand_by(self._reader.stand_in):
            self._read()

    def _new_thread(self, target: Callable[[], object]) -> HandlerThread:
        thread = HandlerThread(self._audience, target)
        thread.start()
        return thread

    def _finish(self) -> None:
        SERVING.discard(self)
        self._reader.close()
        fault = self._reader.fault
        try:
            self._on_rest(fault)
        finally:
            self.is_running = False
            self._end.pass_by()
        if fault is not None:
            with suppress(BaseException):  # nobody is left to hear of a broken log
                self._logger.error("the client stopped unexpectedly", exc_info=fault)

    def _stop(self, now: float) -> list[Any]:
        self.core.stop(now)
        return []
