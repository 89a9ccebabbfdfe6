"""Runs the user's handlers, each in a thread of its own, never in the thread that reads.

So a handler may place an order and get its answer, and a slow one delays only itself. Events reach one
handler in order and one at a time; between handlers nothing is promised.
"""

from __future__ import annotations

import inspect
import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Any

from bulk_proto.enums import Topic
from bulk_proto.events import Event, HandlerFailed, Missed

from .inbox import Inbox

Handler = Callable[[Any], object]


class Worker:
    """One handler on one topic: its mailbox and the thread that walks through it."""

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
        self.put = (inbox := Inbox(limit)).put
        self._inbox = inbox
        self._logger = logger
        self._report = report
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._running = False
        self._retiring = False
        self._ends_at = math.inf

    def start(self) -> None:
        """Walk through the mailbox. A thread that is still at it goes on; there are never two."""
        with self._lock:
            self._retiring, self._ends_at = False, math.inf
            if not self._running:
                self._thread = threading.Thread(target=self._run, name=f"bulk {self.name}", daemon=True)
                self._thread.start()
                self._running = True

    def retire(self, within: float) -> None:
        """End when the mailbox is empty, and take nothing more from it after ``within`` seconds."""
        self._ends_at = min(self._ends_at, time.monotonic() + within)
        self._retiring = True
        self._inbox.ring()

    def dismiss(self) -> None:
        """End after the payload in hand, whatever is unread."""
        self.retire(-math.inf)

    def join(self) -> None:
        """Wait for the end of a retiring worker; one whose handler is stuck is left behind in time."""
        patience = self._ends_at - time.monotonic()
        if self._thread is not None and patience < math.inf:
            self._thread.join(max(0.0, patience))

    @property
    def is_current(self) -> bool:
        """True in the thread that runs the handler."""
        return self._thread is threading.current_thread()

    def _run(self) -> None:
        while (event := self._next()) is not None:
            for payload in event.payloads:
                self._handle(event, payload)

    def _next(self) -> Event | None:
        """The next event, however long it takes; None when there will be no more for this thread."""
        while True:
            retiring = self._retiring  # asked first: what was put in before is still to be taken
            late = retiring and time.monotonic() >= self._ends_at
            if not late and (event := self._inbox.take()) is not None:
                return event
            if not retiring:
                self._inbox.wait()
                continue
            with self._lock:
                if self._retiring:  # not started anew meanwhile
                    self._running = False
                    return None

    def _handle(self, event: Event, payload: object) -> None:
        if type(event) is Missed and self.topic is not Topic.MISSED:
            self._report(event)  # the handler expects its own topic's payload
            self._logger.warning("%s fell behind and missed %d events", self.name, event.count)
            return
        try:
            outcome = self.handler(payload)
            if inspect.iscoroutine(outcome):
                outcome.close()
                raise TypeError("a handler of the blocking client is a plain function, not a coroutine's")
        except (Exception, SystemExit) as error:
            self._logger.exception("handler %s for %s failed", self.name, self.topic.value)
            if self.topic is not Topic.HANDLER_FAILED:
                self._report(HandlerFailed(self.name, self.topic, f"{type(error).__name__}: {error}"))

    @property
    def name(self) -> str:
        return getattr(self.handler, "__qualname__", type(self.handler).__name__)
