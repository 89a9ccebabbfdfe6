"""Writes the log as handlers run: a log that is slow, or that uses the client itself, delays nobody."""

from __future__ import annotations

import logging
from collections.abc import Callable

from bulk_proto.enums import Topic
from bulk_proto.events import Event
from bulk_proto.journal import Journal

from .workers import Worker


class Clerk(Worker):
    """Reads every topic that the journal tells of, one event at a time: so the lines keep their order."""

    def __init__(self, limit: int, logger: logging.Logger, report: Callable[[Event], None]) -> None:
        self._journal = Journal(logger)
        super().__init__(Topic.MISSED, self._journal.put, limit, logger, report)

    def _handle(self, event: Event) -> None:
        try:
            self._journal.put(event)
        except BaseException as error:
            self._failed(error)
