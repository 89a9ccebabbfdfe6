"""TCP on trio, with nothing between the system's word that there are bytes and whoever takes them.

trio's own sockets try to read before they wait. Between two messages of an exchange that is always in vain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import anyio
import trio
from anyio.abc import SocketAttribute, SocketStream
from anyio.lowlevel import checkpoint

from .push_stream import READ_SIZE, PushStream


class TrioStream(PushStream):
    """anyio's stream ``line``, which still makes and ends the connection."""

    ready = True

    def __init__(self, line: SocketStream) -> None:
        self._line = line
        self._socket = line.extra(SocketAttribute.raw_socket)
        self._unsent = b""
        self._closed = False

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        return self._line.extra_attributes

    async def push(self, take: Callable[[bytes], None]) -> None:
        data = b"?"
        while data:
            try:
                await trio.lowlevel.wait_readable(self._socket)
                data = self._socket.recv(READ_SIZE)
            except BlockingIOError:
                continue  # a false alarm
            except OSError as fault:
                raise anyio.BrokenResourceError from fault
            except trio.ClosedResourceError:
                raise anyio.ClosedResourceError from None
            take(data)

    async def receive(self, max_bytes: int = READ_SIZE) -> bytes:
        return await self._line.receive(max_bytes)

    def write(self, data: bytes) -> None:
        try:
            sent = 0 if self._unsent else self._socket.send(data)  # nothing overtakes what waits
        except OSError:
            sent = 0  # whether it is full or broken, flush() finds out
        self._unsent += data[sent:]
        self.ready = not self._unsent

    async def flush(self) -> None:
        await checkpoint()
        if self._closed:
            raise anyio.ClosedResourceError
        while self._unsent:
            try:
                await trio.lowlevel.wait_writable(self._socket)
                sent = self._socket.send(self._unsent)
            except BlockingIOError:
                continue
            except OSError as fault:
                raise anyio.BrokenResourceError from fault
            except trio.ClosedResourceError:
                raise anyio.ClosedResourceError from None
            self._unsent = self._unsent[sent:]
        self.ready = True

    async def send(self, item: bytes) -> None:
        self.write(item)
        await self.flush()

    async def send_eof(self) -> None:
        await self._line.send_eof()

    async def aclose(self) -> None:
        self._closed = True
        self.ready = False
        await self._line.aclose()
