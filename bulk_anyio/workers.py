"""Runs the user's handlers: coroutine functions in tasks of their own, plain functions at once if possible.

So a handler may await an order and get its answer, and one that waits delays only itself. A plain function
cannot wait: it holds up the loop wherever it runs, so it is called without waking a task for it, from where
the news was read, unless news waits for it already. Events reach one handler in order and one at a time;
between handlers nothing is promised. Other tasks get a turn after each read, and while mail is worked off.

Whatever a handler raises is a failed handler, and nothing else: it is logged, told as ``HandlerFailed``, and
the handler stays registered. That goes for ``SystemExit`` and ``KeyboardInterrupt`` too, and for the
``CancelledError`` of something cancelled that the handler awaited, or of its task, where another one goes
on: a handler ends neither the client nor the program. One that wants to sets an event that the program's
main task waits for.
"""

from __future__ import annotations

import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from contextvars import ContextVar, copy_context
from time import perf_counter
from typing import Any

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from bulk_proto.enums import Topic
from bulk_proto.events import Event, HandlerFailed, Missed
from bulk_proto.mailbox import Mailbox

from .driver import Bell
from .host import context_of_callbacks, in_trio, is_being_cancelled, protected

Handler = Callable[[Any], Awaitable[object] | object]

TURN = 0.005  # seconds after which whoever has more to read lets other tasks have a turn

at_work: ContextVar[Worker | None] = ContextVar("at_work", default=None)
"""The worker in whose task this runs, or in a task that was made there."""


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
        self._limit = limit
        self._mailbox = Mailbox(limit)
        self._in_hand: deque[object] = deque()  # payloads of the event that was taken last
        self._mail = Bell()
        self._logger = logger
        self._report = report
        self._retiring = False
        self._dismissed = False
        self._is_plain = not _is_asynchronous(handler)
        self._idle = False  # nothing is in hand and nothing waits: a plain function may be called at once
        self._begun: Awaitable[object] | None = None  # what such a call left to be awaited
        self._context = copy_context()
        self.task_id: int | None = None
        self.is_busy = False  # something that the handler left is awaited

    def put(self, event: Event) -> None:
        """Have the handler called with ``event``, behind whatever waits for it already."""
        if self._idle and len(payloads := event.payloads) == 1:
            self._idle = False
            self._begun = self._call(payloads[0])
            if self._begun is not None:
                self._is_plain = False
                self._mail.ring()
            self._idle = not self._mail.rung  # the call itself may have brought mail, or the end
        else:
            self._idle = False
            self._mailbox.put(event)
            self._mail.ring()

    def retire(self) -> None:
        """End when the mailbox is empty."""
        self._retiring = True
        self._mail.ring()

    def dismiss(self) -> None:
        """End after the payload in hand, whatever is unread."""
        self._dismissed = True
        self._idle = False
        self._mail.ring()

    def forget(self) -> None:
        """Throw away what is unread."""
        self._mailbox = Mailbox(self._limit)
        self._in_hand.clear()

    def begin(self, tasks: TaskGroup, is_ending: Callable[[], bool]) -> None:
        """Serve the handler in a task of its own, until it is told to end or the group does.

        ``is_ending``: is the group about to be cancelled, although its tasks do not know it yet?
        """
        self._retiring = False
        tasks.start_soon(protected(self._run), tasks, is_ending)

    async def _run(self, tasks: TaskGroup, is_ending: Callable[[], bool]) -> None:
        self.task_id = anyio.get_current_task().id
        at_work.set(self)
        self._context = context_of_callbacks()
        goes_on = False
        try:
            await self._walk()
        except anyio.get_cancelled_exc_class() as error:
            if in_trio() or anyio.get_current_task().has_pending_cancellation() or is_ending():
                raise
            # The task was cancelled alone, past anyio: its task group would take that for a failure of all.
            self._failed(error)
            goes_on = True
        finally:
            self.task_id = None  # ids are used again
            if goes_on:
                tasks.start_soon(protected(self._run), tasks, is_ending)
            else:
                self._leave()

    async def _walk(self) -> None:
        turn_ends = perf_counter() + TURN
        while True:
            if self._begun is not None:
                begun, self._begun = self._begun, None
                await self._finish(begun)
            for payload in self._unread():
                if (outcome := self._call(payload)) is not None:
                    await self._finish(outcome)
                if perf_counter() >= turn_ends:
                    await anyio.lowlevel.checkpoint()
                    turn_ends = perf_counter() + TURN
            if self._retiring or self._dismissed:
                return
            self._idle = self._is_plain
            try:
                await self._mail.wait()
            finally:
                self._idle = False

    def _unread(self) -> Iterator[object]:
        while not self._dismissed:
            if self._in_hand:
                yield self._in_hand.popleft()
            elif (event := self._mailbox.take()) is None:
                return
            elif type(event) is Missed and self.topic is not Topic.MISSED:
                self._fell_behind(event)
            else:
                self._in_hand.extend(event.payloads)

    def _leave(self) -> None:
        begun, self._begun = self._begun, None
        if inspect.iscoroutine(begun):
            begun.close()
        if (unread := len(self._mailbox) + bool(self._in_hand)) and not self._dismissed:
            self._warn("%s did not come to read %d events", unread)
        self.forget()

    def _fell_behind(self, missed: Missed) -> None:
        """Tell others: the handler expects its own topic's payload."""
        self._report(Missed(missed.count, self.name, self.topic))
        self._warn("%s fell behind and missed %d events", missed.count)

    def _warn(self, message: str, *figures: int) -> None:
        with suppress(Exception):  # a broken log is no reason to stop
            self._logger.warning(message, self.name, *figures)

    def _call(self, payload: object) -> Awaitable[object] | None:
        """What the handler leaves to be awaited, if anything."""
        try:
            outcome = self._context.run(self.handler, payload)
            return outcome if outcome is not None and inspect.isawaitable(outcome) else None
        except BaseException as error:
            self._failed(error)
            return None

    async def _finish(self, outcome: Awaitable[object]) -> None:
        self.is_busy = True
        try:
            await outcome
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            self._failed(error)
        except BaseException as error:
            if not isinstance(error, GeneratorExit) and not is_being_cancelled():
                self._failed(error)
                return
            if self._retiring:
                self._warn("%s was still busy long after the end of the connection, and was cut off")
            mine, own = _parts(error)
            if own is not None:
                self._failed(own)
            if mine is not None:
                raise mine from None
        finally:
            self.is_busy = False

    def _failed(self, error: BaseException) -> None:
        with suppress(Exception):  # a broken log is no reason to stop
            self._logger.error("handler %s for %s failed", self.name, self.topic.value, exc_info=error)
        if self.topic is not Topic.HANDLER_FAILED:
            self._report(HandlerFailed.by(error, self.name, self.topic))

    @property
    def name(self) -> str:
        return getattr(self.handler, "__qualname__", type(self.handler).__name__)


def _is_asynchronous(handler: Handler) -> bool:
    """Is it known to be a coroutine function, or an object that is called like one?"""
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__)


def _parts(error: BaseException) -> tuple[BaseException | None, BaseException | None]:
    """The cancellation of a handler, and what failed meanwhile, in a child of its own perhaps."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(anyio.get_cancelled_exc_class())
    return error, None
