"""Events as an iterator, for programs that are a loop rather than a set of handlers."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic
from typing import Any, Self

from bulk_proto.errors import UsageError
from bulk_proto.standstill import CATCHING_UP, LATE

from .errands import FOREVER
from .inbox import Inbox


class EventStream(Iterator[Any]):
    """Payloads one after the other; made by ``BulkWebSocketClient.events()``.

    Events are collected from the moment it is made, until the client is disconnected, :meth:`close` is
    called or the stream is forgotten. What was collected until then is still handed out. It is for one
    thread at a time: where another waits on it already, ``UsageError`` is raised.
    """

    def __init__(self, inbox: Inbox, timeout: float | None) -> None:
        self._inbox = inbox
        self._timeout = FOREVER if timeout is None else max(0.0, timeout)
        self._payloads: deque[object] = deque()
        self._turn = threading.RLock()  # may be held for ever: by an interrupted thread, or before a fork

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        if not self._turn.acquire(False):
            raise UsageError("another thread is waiting on this stream: make one for each thread")
        try:
            is_over = False
            while not self._payloads:
                if (event := self._inbox.take()) is not None:
                    self._payloads.extend(event.payloads)
                elif is_over:
                    self.close()
                    raise StopIteration
                else:  # one more look follows: something may come at the last moment
                    is_over = self._inbox.closed or not self._wait()
            return self._payloads.popleft()
        finally:
            self._turn.release()

    def _wait(self) -> bool:
        """Until something happens; False after ``timeout`` seconds."""
        due = monotonic() + self._timeout
        return self._inbox.wait(self._timeout) or (monotonic() > due + LATE and self._inbox.wait(CATCHING_UP))

    def close(self) -> None:
        """Collect no more. Harmless when repeated."""
        self._inbox.close()

    def __del__(self) -> None:
        with suppress(AttributeError):  # made only half, when a signal interrupted that
            self.close()
