"""Writes the log as handlers run: a log that is slow, or that uses the client itself, delays nobody."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ClassVar

from bulk_proto.enums import Topic
from bulk_proto.events import Event, Missed
from bulk_proto.journal import Journal

from .workers import Worker


class LogLine(Event, frozen=True):
    """One line of the log that is about no event. No other reader gets it."""

    topic: ClassVar[Topic] = Topic.UNKNOWN

    level: int
    text: str
    error: BaseException | None = None


class Clerk(Worker):
    """Reads every topic that the journal tells of, one event at a time: so the lines keep their order."""

    def __init__(self, limit: int, logger: logging.Logger, report: Callable[[Event], None]) -> None:
        super().__init__(Topic.UNKNOWN, self._write, limit, logger, report)
        self._journal = Journal(logger)

    def _handle(self, event: Event) -> None:
        try:
            self._write(event)
        except BaseException as error:
            self._failed(error)

    def _handle_late(self, event: Event) -> None:
        self._handle(event)

    def _write(self, event: Event) -> None:
        match event:
            case LogLine():
                self._logger.log(event.level, "%s", event.text, exc_info=event.error)
            case Missed():
                self._logger.warning("the log was too slow: %d lines are missing here", event.count)
            case _:
                self._journal.put(event)
