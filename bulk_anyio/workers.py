"""Runs the user's handlers, each in a task of its own, never in the task that reads.

So a handler may await an order and get its answer, and a slow one delays only itself. Events reach one
handler in order and one at a time; between handlers nothing is promised.

Whatever a handler raises is a failed handler, and nothing else: it is logged, told as ``HandlerFailed``, and
the handler stays registered. That goes for ``SystemExit`` and ``KeyboardInterrupt`` too, and for the
``CancelledError`` of something cancelled that the handler awaited: a handler ends neither the client nor
the program. One that wants to sets an event that the program's main task waits for.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import anyio
import anyio.lowlevel

from bulk_proto.enums import Topic
from bulk_proto.events import Event, HandlerFailed, Missed
from bulk_proto.mailbox import Mailbox

from .driver import Bell
from .host import in_trio

Handler = Callable[[Any], Awaitable[object] | object]

_BREATHER = 100  # payloads that a plain function may take before other tasks get a turn


class Worker:
    """One handler on one topic: its mailbox and the task that walks through it."""

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
        self._mailbox = Mailbox(limit)
        self._mail = Bell()
        self._logger = logger
        self._report = report
        self._retiring = False
        self._dismissed = False
        self.task_id: int | None = None

    def put(self, event: Event) -> None:
        self._mailbox.put(event)
        self._mail.ring()

    def retire(self) -> None:
        """End when the mailbox is empty."""
        self._retiring = True
        self._mail.ring()

    def dismiss(self) -> None:
        """End after the payload in hand, whatever is unread."""
        self._dismissed = True
        self._mail.ring()

    async def run(self) -> None:
        self.task_id = anyio.get_current_task().id
        self._retiring = False
        try:
            await self._walk()
        except asyncio.CancelledError:
            if anyio.get_current_task().has_pending_cancellation():
                raise
            # The task was cancelled alone, past anyio: its task group would take that for a failure of all.
        finally:
            self.task_id = None  # ids are used again

    async def _walk(self) -> None:
        taken = 0
        while True:
            while not self._dismissed and (event := self._mailbox.take()) is not None:
                for payload in event.payloads:
                    await self._handle(event, payload)
                    taken += 1
                    if taken % _BREATHER == 0:
                        await anyio.lowlevel.checkpoint()
            if self._retiring or self._dismissed:
                return
            await self._mail.wait()

    async def _handle(self, event: Event, payload: object) -> None:
        if type(event) is Missed and self.topic is not Topic.MISSED:
            self._report(event)  # the handler expects its own topic's payload
            with suppress(Exception):  # a broken log is no reason to stop
                self._logger.warning("%s fell behind and missed %d events", self.name, event.count)
            return
        try:
            outcome = self.handler(payload)
            if inspect.isawaitable(outcome):
                await outcome
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            self._failed(error)
        except BaseException as error:
            if isinstance(error, GeneratorExit) or _is_being_cancelled():
                raise
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        with suppress(Exception):  # a broken log is no reason to stop
            self._logger.error("handler %s for %s failed", self.name, self.topic.value, exc_info=error)
        if self.topic is not Topic.HANDLER_FAILED:
            self._report(HandlerFailed(self.name, self.topic, f"{type(error).__name__}: {error}"))

    @property
    def name(self) -> str:
        return getattr(self.handler, "__qualname__", type(self.handler).__name__)


def _is_being_cancelled() -> bool:
    """Is this very task to end, rather than something that it awaited?"""
    if anyio.get_current_task().has_pending_cancellation():
        return True
    current = None if in_trio() else asyncio.current_task()
    return current is not None and current.cancelling() > 0
