"""Who listens to which topic, and the handing out of events to them: handlers, iterators, and the log."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar

from bulk_proto.enums import Topic
from bulk_proto.events import Event
from bulk_proto.journal import Journal

from .clerk import Clerk, LogLine
from .errands import Milestone
from .inbox import Inbox
from .interrupted import is_held_here
from .shifts import Shift
from .workers import Handler, Worker

_Reader = Worker | Inbox
_Kind = TypeVar("_Kind", Worker, Inbox)

_MOMENT = 1.0  # seconds; a thread that has nothing left to do is gone sooner
LAST_MAIL = 2.0  # seconds that handlers get for unread events once the connection is closed


class HandlerThread(threading.Thread):
    """A thread in which handlers of one audience run. It keeps no program alive."""

    def __init__(self, audience: Audience, target: Callable[[], object]) -> None:
        super().__init__(name="bulk client", daemon=True, target=target)
        self.audience = audience
        self._end = Milestone()

    def run(self) -> None:
        try:
            super().run()
        finally:
            self._end.pass_by()

    def wait(self, timeout: float) -> None:
        """Until it has ended. A signal handler may do this in the midst of it, unlike ``join()``."""
        if self._end.wait(timeout):
            self.join(_MOMENT)


class Audience:
    """``limit`` bounds the events that may wait for each reader. Any thread may call anything here."""

    def __init__(self, limit: int, logger: logging.Logger) -> None:
        self._limit = limit
        self._logger = logger
        self._lock = threading.RLock()
        self._streams_lock = threading.RLock()  # one for the mailboxes of all iterators
        # A list in here is replaced, never changed: another thread may be walking through it.
        self._readers: dict[Topic, list[_Reader]] = {topic: [] for topic in Topic}
        self._unread: deque[tuple[_Reader, Event]] = deque()
        self._reports: deque[Event] = deque()
        self._wake: Callable[[], None] = lambda: None
        self._clerk = Clerk(limit, logger, self.report)
        for topic in Journal.TOPICS:
            self._readers[topic].append(self._clerk)

    # For the thread that reads ---------------------------------------------------------------------------

    def collect(self, news: Iterable[Event]) -> None:
        """These events, and what handlers reported meanwhile, are to be handed out."""
        readers, unread = self._readers, self._unread
        for event in news:
            for reader in readers[event.topic]:
                unread.append((reader, event))
        while self._reports:
            report = self._reports.popleft()
            unread.extend((reader, report) for reader in readers[report.topic])

    def hand_out(self, shift: Shift) -> bool:
        """Give each event to everybody who listens. False: the shift is over, the next one goes on here."""
        unread = self._unread
        if not unread:
            return True
        shift.begin_round()
        while unread:
            reader, event = unread.popleft()
            if isinstance(reader, Worker):
                if not reader.take(event, shift):
                    return False
            else:
                reader.put(event)
        shift.end_round()
        return True

    @property
    def is_up_to_date(self) -> bool:
        """True when nothing is left to be handed out."""
        return not self._unread and not self._reports

    # For any thread --------------------------------------------------------------------------------------

    def report(self, event: Event) -> None:
        """An event that a handler caused: it goes the way of all others."""
        self._reports.append(event)
        self._wake()

    def note(self, level: int, text: str, error: BaseException | None = None) -> None:
        """A line for the log, written before the next event is handed out."""
        self._unread.append((self._clerk, LogLine(level, text, error)))

    def add_handler(self, topic: Topic, handler: Handler) -> None:
        worker = Worker(topic, handler, self._limit, self._logger, self.report)
        with self._lock:
            self._readers[topic] = [*self._readers[topic], worker]

    def remove_handler(self, topic: Topic, handler: Handler) -> None:
        with self._lock:
            for worker in self._all(Worker, topic):
                if worker.handler == handler:
                    self._readers[topic] = [other for other in self._readers[topic] if other is not worker]
                    worker.dismiss()

    def add_inbox(self, wanted: Iterable[Topic]) -> Inbox:
        """A mailbox that gets the events of these topics until it is closed."""
        inbox = Inbox(self._limit, self._streams_lock)
        with self._lock:
            for topic in set(wanted):
                still_open = [reader for reader in self._readers[topic] if not _is_closed(reader)]
                self._readers[topic] = [*still_open, inbox]
        return inbox

    @property
    def is_halted(self) -> bool:
        """True in a signal handler that interrupted an iterator when the reader may have to wait for it."""
        return is_held_here(self._streams_lock)

    def begin(self, wake: Callable[[], None]) -> None:
        """Events will come, from a thread that can be woken to fetch reports."""
        self._wake = wake
        for worker in self._all(Worker):
            worker.begin()

    def end(self) -> None:
        """No more events will come; unread ones are still handled for a while. Waits for nobody."""
        for worker in self._all(Worker):
            worker.retire(LAST_MAIL)
        for inbox in self._all(Inbox):
            inbox.close()

    def after_fork(self) -> None:
        """In the child, where nobody reads: what iterators have got by now is all."""
        for inbox in self._all(Inbox):
            inbox.disown()

    def wait_until_empty(self) -> None:
        """Wait for the threads that stay with handlers after :meth:`end`, unless called by a handler."""
        thread = threading.current_thread()
        if not isinstance(thread, HandlerThread) or thread.audience is not self:
            for worker in self._all(Worker):
                worker.join()

    def _all(self, kind: type[_Kind], *only: Topic) -> list[_Kind]:
        return [
            reader
            for topic in only or self._readers
            for reader in self._readers[topic]
            if isinstance(reader, kind)
        ]


def _is_closed(reader: _Reader) -> bool:
    return isinstance(reader, Inbox) and reader.closed
