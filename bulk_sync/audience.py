"""Who listens to which topic: handlers in threads of their own, iterators, and the log."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import TypeVar

from bulk_proto.enums import Topic
from bulk_proto.events import Event
from bulk_proto.journal import Journal

from .inbox import Inbox
from .workers import Handler, Worker

_Reader = TypeVar("_Reader", Worker, Inbox)

LAST_MAIL = 2.0  # seconds that handlers get for unread events once the connection is closed


class Audience:
    """``limit`` bounds the events that may wait for each reader. Any thread may call anything here."""

    def __init__(self, limit: int, logger: logging.Logger) -> None:
        self._limit = limit
        self._logger = logger
        self._lock = threading.RLock()
        self._begun = False
        # A list in here is replaced, never changed: another thread may be walking through it.
        self._readers: dict[Topic, list[Worker | Journal | Inbox]] = {topic: [] for topic in Topic}
        Journal(logger).attach(self._readers)

    def deliver(self, event: Event) -> None:
        for reader in self._readers[event.topic]:
            reader.put(event)

    def add_handler(self, topic: Topic, handler: Handler) -> None:
        worker = Worker(topic, handler, self._limit, self._logger, self.deliver)
        with self._lock:
            self._readers[topic] = [*self._readers[topic], worker]
            if self._begun:
                worker.start()

    def remove_handler(self, topic: Topic, handler: Handler) -> None:
        with self._lock:
            for worker in self._all(Worker, topic):
                if worker.handler == handler:
                    self._readers[topic] = [other for other in self._readers[topic] if other is not worker]
                    worker.dismiss()

    def add_inbox(self, wanted: Iterable[Topic]) -> Inbox:
        """A mailbox that gets the events of these topics until it is closed."""
        inbox = Inbox(self._limit)
        with self._lock:
            for topic in set(wanted):
                still_open = [reader for reader in self._readers[topic] if not _is_closed(reader)]
                self._readers[topic] = [*still_open, inbox]
        return inbox

    def begin(self) -> None:
        """Events will come: start the threads of the handlers."""
        with self._lock:
            self._begun = True
            for worker in self._all(Worker):
                worker.start()

    def end(self) -> None:
        """No more events will come; unread ones are still handled for a while. Waits for nobody."""
        with self._lock:
            self._begun = False
            for worker in self._all(Worker):
                worker.retire(LAST_MAIL)
        self.close_inboxes()

    def close_inboxes(self) -> None:
        for inbox in self._all(Inbox):
            inbox.close()

    def wait_until_empty(self) -> None:
        """Wait for the threads of the handlers after :meth:`end`, unless called by one of them."""
        workers = self._all(Worker)
        if not any(worker.is_current for worker in workers):
            for worker in workers:
                worker.join()

    def _all(self, kind: type[_Reader], *only: Topic) -> list[_Reader]:
        return [
            reader
            for topic in only or self._readers
            for reader in self._readers[topic]
            if isinstance(reader, kind)
        ]


def _is_closed(reader: Worker | Journal | Inbox) -> bool:
    return isinstance(reader, Inbox) and reader.closed
