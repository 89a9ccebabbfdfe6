"""Streams that call whoever listens: bytes arrive without a task that is woken to fetch them.

An event loop with callbacks has every read in its hands already. Waking a task with it costs more than all
that is done with the bytes, so a stream that can call does; what it calls decides as if it had asked.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from anyio.abc import ByteStream

READ_SIZE = 65536  # bytes that are asked of the system at once


class PushStream(ByteStream):
    """A byte stream that can also push what it receives, and take bytes without being awaited."""

    @property
    @abstractmethod
    def ready(self) -> bool:
        """True while :meth:`write` may be called: the system has taken all that was written."""

    @abstractmethod
    async def push(self, take: Callable[[bytes], None]) -> None:
        """Call ``take`` with every read, at last with ``b""`` for the end of the stream; then return.

        Used instead of :meth:`receive`, and raises what that raises. An exception of ``take`` comes out
        here as well, and is the last call.
        """

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send at once, and never raise. What the system does not take is kept; :meth:`flush` sends it."""

    @abstractmethod
    async def flush(self) -> None:
        """Wait until the stream is ready. Raises what :meth:`send` raises."""
