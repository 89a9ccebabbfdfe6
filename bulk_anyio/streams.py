"""Events as an asynchronous iterator, for programs that are a loop rather than a set of handlers."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from math import inf
from time import perf_counter
from typing import Any, Self

import anyio
from anyio.lowlevel import cancel_shielded_checkpoint, checkpoint

from bulk_proto.errors import UsageError
from bulk_proto.events import Event
from bulk_proto.mailbox import Mailbox

from .driver import Bell, catch_up
from .workers import TURN


class Inbox:
    """What waits for one iterator: bounded by ``limit`` as :class:`bulk_proto.mailbox.Mailbox` is."""

    def __init__(self, limit: int) -> None:
        self._mailbox = Mailbox(limit)
        self._bell = Bell()
        self.closed = False

    def put(self, event: Event) -> None:
        self._mailbox.put(event)
        self._bell.ring()

    def take(self) -> Event | None:
        return self._mailbox.take()

    def close(self) -> None:
        self.closed = True
        self._bell.ring()

    async def wait(self) -> None:
        await self._bell.wait()


class EventStream(AsyncIterator[Any]):
    """Payloads one after the other; made by ``BulkWebSocketClient.events()``, for one task.

    Events are collected from the moment it is made, until the client is disconnected, :meth:`close` is
    called or the stream is forgotten. What was collected until then is still handed out.
    Raises ``UsageError`` to a task that reads while another one waits: each needs a stream of its own.
    """

    def __init__(self, inbox: Inbox, detach: Callable[[Inbox], None], timeout: float | None) -> None:
        self._inbox = inbox
        self._detach = detach
        self._timeout = inf if timeout is None else max(0.0, timeout)
        self._payloads: deque[object] = deque()
        self._waiting = False
        self._turn_ends = 0.0
        self._asked_at = -inf

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        if self._waiting:
            raise UsageError("another task is reading this stream: make one for each task")
        now = perf_counter()
        if now >= self._turn_ends:
            await self._let_others(now)
        self._asked_at = now
        is_over = False
        while not self._payloads:
            if (event := self._inbox.take()) is not None:
                self._payloads.extend(event.payloads)
            elif is_over:
                self.close()
                raise StopAsyncIteration
            else:  # one more look follows: something may come at the last moment
                is_over = self._inbox.closed or not await self._wait()
        return self._payloads.popleft()

    def close(self) -> None:
        """Collect no more. Harmless when repeated."""
        self._inbox.close()
        self._detach(self._inbox)

    def __del__(self) -> None:
        self.close()

    async def _let_others(self, now: float) -> None:
        """While much is waiting, others have a turn now and then, before anything is taken out.

        Whoever comes back after a pause gets what is there, even if no time is left to wait for more.
        """
        self._waiting = True
        try:
            await (cancel_shielded_checkpoint() if now - self._asked_at > TURN else checkpoint())
        finally:
            self._waiting = False
        self._turn_ends = perf_counter() + TURN

    async def _wait(self) -> bool:
        """Until something happens; False after ``timeout`` seconds."""
        self._waiting = True
        try:
            with anyio.move_on_after(self._timeout) as patience:
                await self._inbox.wait()
            self._turn_ends = perf_counter() + TURN
            if patience.cancelled_caught:
                await catch_up(patience.deadline)
        finally:
            self._waiting = False
        return not patience.cancelled_caught
