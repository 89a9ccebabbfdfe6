"""Runs the user's handlers: quick ones in the thread that reads, each other one in a thread of its own.

A handler that takes its time, or waits for the client itself, keeps the thread it is in, while another one
goes on reading (:mod:`bulk_sync.shifts`). From then on its events wait for it in a mailbox. So it may place
an order and get its answer, and a slow one delays only itself. Events reach one handler in order and one at
a time; between handlers nothing is promised, nor that a handler always runs in the same thread.

Whatever a handler raises is a failed handler, and nothing else: it is logged, told as ``HandlerFailed``, and
the handler stays registered.
"""

from __future__ import annotations

import inspect
import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from bulk_proto.enums import Topic
from bulk_proto.events import Event, HandlerFailed, Missed

from .inbox import Inbox
from .shifts import Shift

Handler = Callable[[Any], object]

NOT_AWAITED = "write the handler with a plain def: this client awaits nothing, unlike that of bulk_anyio"
QUICK = 0.001  # seconds
TRIAL = 100  # quick events in a row that end a handler's first time alone; ten times as many the next time


class Worker:
    """One handler on one topic.

    The reader runs it for one event, or a thread stays with it. The mailbox is open as long as somebody is
    with the handler, and who is with it closes the mailbox, once it is empty, before leaving.
    """

    def __init__(
        self,
        topic: Topic,
        handler: Handler,
        limit: int,
        logger: logging.Logger,
        report: Callable[[Event], None],
    ) -> None:
        self.topic = topic
        self.handler = handler
        self._inbox = Inbox(limit)
        self._inbox.close()
        self._logger = logger
        self._report = report
        self._trial = TRIAL
        self._thread: threading.Thread | None = None  # the one that was with the handler last
        self._dismissed = False
        self._retiring = False
        self._ends_at = math.inf

    def begin(self) -> None:
        """Events will come. A thread that is still with the handler goes on."""
        self._retiring, self._ends_at = False, math.inf

    def retire(self, within: float) -> None:
        """A thread that stays with it goes when the mailbox is empty, or after ``within`` seconds."""
        self._ends_at = min(self._ends_at, time.monotonic() + within)
        self._retiring = True
        self._inbox.ring()

    def dismiss(self) -> None:
        """Handle nothing more after the event in hand."""
        self._dismissed = True
        self.retire(-math.inf)

    def join(self) -> None:
        """Wait until nobody is with a retiring handler; one that is stuck is left behind in time."""
        patience = self._ends_at - time.monotonic()
        if self._thread is not None and patience < math.inf:
            self._thread.join(max(0.0, patience))

    def take(self, event: Event, shift: Shift) -> bool:
        """Have the event handled, here or by the thread that stays. Called by the reader alone.

        False: the handler took its time, and the shift is over.
        """
        inbox = self._inbox
        if (not inbox.closed and inbox.put(event)) or self._dismissed:
            return True
        inbox.closed = False
        self._thread = shift.reader
        shift.let_go()
        self._handle(event)
        if shift.take_back():
            inbox.closed = True  # empty: nobody else reads
            return True
        self._stay()
        return False

    def _stay(self) -> None:
        """Go on with this handler alone, in this thread, until it has proved quick or nothing more comes."""
        threading.current_thread().name = f"bulk {self.name}"
        quick = 0
        while True:
            retiring = self._retiring  # asked first: what was put in before is still to be taken
            event = None if self._is_late else self._inbox.take()
            if event is not None:
                begin = time.monotonic()
                self._handle_late(event)
                quick = quick + 1 if time.monotonic() - begin < QUICK else 0
            elif (retiring or quick >= self._trial) and self._goes():
                break
            elif not retiring:
                self._inbox.wait()
        self._trial *= 10

    def _goes(self) -> bool:
        """Leave the handler to whoever reads; False when there is mail again."""
        if not self._is_late:
            return self._inbox.close_if_empty()
        unread = self._inbox.clear()
        if unread and not self._dismissed:
            self._warn("%s did not come to read %d events", unread)
        return True

    @property
    def _is_late(self) -> bool:
        return self._retiring and time.monotonic() >= self._ends_at

    def _handle_late(self, event: Event) -> None:
        """The same for an event from the mailbox, which may tell of others that it had no room for."""
        if type(event) is Missed and self.topic is not Topic.MISSED:
            # Told to others, since the handler expects its own topic's payload.
            self._report(Missed(event.count, self.name, self.topic))
            self._warn("%s fell behind and missed %d events", event.count)
        else:
            self._handle(event)

    def _handle(self, event: Event) -> None:
        for payload in event.payloads:
            try:
                outcome = self.handler(payload)
                if outcome is not None and inspect.iscoroutine(outcome):
                    outcome.close()
                    raise TypeError(NOT_AWAITED)
            except BaseException as error:
                self._failed(error)

    def _warn(self, message: str, count: int) -> None:
        with suppress(BaseException):  # a broken log is no reason to stop
            self._logger.warning(message, self.name, count)

    def _failed(self, error: BaseException) -> None:
        with suppress(BaseException):  # a broken log is no reason to stop
            self._logger.error("handler %s for %s failed", self.name, self.topic.value, exc_info=error)
        if self.topic is not Topic.HANDLER_FAILED:
            self._report(HandlerFailed.by(error, self.name, self.topic))

    @property
    def name(self) -> str:
        return getattr(self.handler, "__qualname__", type(self.handler).__name__)
