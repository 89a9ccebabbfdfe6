"""An in-memory pipe of bytes between two tasks: a connection without any socket."""

from __future__ import annotations

import anyio
from anyio.abc import ByteStream
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.memory import MemoryObjectSendStream

_CHUNKS = 16  # writes that may wait for the reader; the next one waits itself, as on a full socket


class PipeEnd(ByteStream):
    """One of the two ends that :func:`pipe` makes. Closing it ends the stream of the other."""

    def __init__(self, outgoing: MemoryObjectSendStream[bytes], incoming: BufferedByteReceiveStream) -> None:
        self._outgoing = outgoing
        self._incoming = incoming

    async def receive(self, max_bytes: int = 65536) -> bytes:
        return await self._incoming.receive(max_bytes)

    async def send(self, item: bytes) -> None:
        await self._outgoing.send(item)

    async def send_eof(self) -> None:
        await self._outgoing.aclose()

    async def aclose(self) -> None:
        try:
            await self._outgoing.aclose()
        finally:  # also when closed by force, which is a cancellation
            await self._incoming.aclose()


def pipe() -> tuple[PipeEnd, PipeEnd]:
    """Both ends of a new pipe; what is sent into one is received from the other."""
    to_right, from_left = anyio.create_memory_object_stream[bytes](_CHUNKS)
    to_left, from_right = anyio.create_memory_object_stream[bytes](_CHUNKS)
    return (
        PipeEnd(to_right, BufferedByteReceiveStream(from_right)),
        PipeEnd(to_left, BufferedByteReceiveStream(from_left)),
    )
