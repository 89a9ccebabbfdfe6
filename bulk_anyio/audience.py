"""Who listens to which topic, and the handing out of events to them: handlers, iterators, and the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

import anyio
from anyio.abc import TaskGroup

from bulk_proto.enums import Topic
from bulk_proto.events import Event
from bulk_proto.journal import Journal

from .host import watch_for_cancellation
from .streams import Inbox
from .workers import Handler, Worker, at_work


class Audience:
    """``limit`` bounds the events that may wait for each reader."""

    def __init__(self, limit: int, logger: logging.Logger) -> None:
        self._limit = limit
        self._logger = logger
        # A list in here is replaced, never changed: somebody may be walking through it.
        self._readers: dict[Topic, list[Worker | Journal | Inbox]] = {topic: [] for topic in Topic}
        self._taken_back: list[Worker] = []  # handlers that may still be busy with their last event
        self._tasks: TaskGroup | None = None
        self._retiring = False
        self._is_ending: Callable[[], bool] = lambda: False
        journal = Journal(logger)
        for topic in Journal.TOPICS:
            self._readers[topic].append(journal)

    def deliver(self, news: Iterable[Event]) -> None:
        readers = self._readers
        for event in news:
            for reader in readers[event.topic]:
                reader.put(event)

    def report(self, event: Event) -> None:
        """An event that a handler caused: it goes the way of all others."""
        self.deliver([event])

    # The life of a connected client ----------------------------------------------------------------------

    @property
    def is_served(self) -> bool:
        """True while events may come."""
        return self._tasks is not None

    def forget(self) -> None:
        """What is still unread of the connection before will be no news on the next one."""
        for worker in self._workers():
            worker.forget()

    def begin(self, tasks: TaskGroup) -> None:
        """Events will come: each handler gets a task among these, which end with the running one."""
        self._tasks, self._retiring = tasks, False
        self._is_ending = watch_for_cancellation()
        for worker in self._workers():
            worker.begin(tasks, self._is_ending)

    def retire(self) -> None:
        """No more events will come; who has unread ones goes on until they are read."""
        self._retiring = True
        for worker in self._workers():
            worker.retire()
        self._close_inboxes()

    def end(self) -> None:
        """The tasks are gone."""
        self._tasks = None
        self._close_inboxes()

    # Coming and going ------------------------------------------------------------------------------------

    def add_handler(self, topic: Topic, handler: Handler) -> None:
        worker = Worker(topic, handler, self._limit, self._logger, self.report)
        self._readers[topic] = [*self._readers[topic], worker]
        if self._tasks is not None and not self._retiring:
            worker.begin(self._tasks, self._is_ending)

    def remove_handler(self, topic: Topic, handler: Handler) -> None:
        for worker in self._workers(topic):
            if worker.handler == handler:
                self.detach(worker)
                worker.dismiss()
                self._taken_back = [each for each in (*self._taken_back, worker) if each.task_id is not None]

    def add_inbox(self, wanted: Iterable[Topic]) -> Inbox:
        """A mailbox that gets the events of these topics until it is detached."""
        inbox = Inbox(self._limit)
        for topic in set(wanted):
            self._readers[topic] = [*self._readers[topic], inbox]
        return inbox

    def detach(self, reader: Worker | Inbox) -> None:
        for topic, readers in self._readers.items():
            if reader in readers:
                self._readers[topic] = [other for other in readers if other is not reader]

    def is_one_of_us(self) -> bool:
        """Does a handler run in the current task?"""
        worker = self._at_work()
        return worker is not None and worker.task_id == anyio.get_current_task().id

    def has_made_this_task(self) -> bool:
        """Does a handler run in the current task, or in one that made it and may be waiting for it?"""
        worker = self._at_work()
        return worker is not None and worker.is_busy

    def _at_work(self) -> Worker | None:
        worker = at_work.get()
        return worker if worker in (*self._workers(), *self._taken_back) else None

    def _workers(self, *only: Topic) -> list[Worker]:
        return [
            reader
            for topic in only or self._readers
            for reader in self._readers[topic]
            if isinstance(reader, Worker)
        ]

    def _close_inboxes(self) -> None:
        for readers in self._readers.values():
            for reader in readers:
                if isinstance(reader, Inbox):
                    reader.close()
