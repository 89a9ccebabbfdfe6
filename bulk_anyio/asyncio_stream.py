"""TCP on asyncio, with nothing between the event loop and whoever takes the bytes.

anyio's own stream stops and starts reading around each ``receive()``, and asyncio's plain protocols get a
fresh quarter of a megabyte for each read: either costs more than all that is done with a message.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from itertools import zip_longest
from typing import cast

import anyio
from anyio.abc import SocketStream
from anyio.lowlevel import checkpoint

from .push_stream import READ_SIZE, PushStream

_HEAD_START = 0.25  # seconds for one address before the next is tried as well


class AsyncioStream(SocketStream, PushStream, asyncio.BufferedProtocol):
    """One TCP connection, which reads only while somebody receives or takes."""

    ready = False

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._buffer = memoryview(bytearray(READ_SIZE))
        self._unread = b""
        self._take: Callable[[bytes], None] | None = None  # None: keep what comes
        self._over = False  # nothing more will be read
        self._closed = False
        self._fault: Exception | None = None  # of the line
        self._failure: Exception | None = None  # of whoever takes
        self._news = asyncio.Event()  # there are unread bytes, or it is over
        self._room = asyncio.Event()  # the system has taken everything, or never will
        self._receiving = anyio.ResourceGuard("reading from")
        self._sending = anyio.ResourceGuard("writing to")

    @property
    def _raw_socket(self) -> socket.socket:
        return cast(socket.socket, self._transport.get_extra_info("socket"))

    # Receiving -------------------------------------------------------------------------------------------

    async def push(self, take: Callable[[bytes], None]) -> None:
        with self._receiving:
            if self._unread:
                data, self._unread = self._unread, b""
                take(data)
            self._take = take
            try:
                await self._read()
            finally:
                self._take = None
            if self._failure is not None:
                try:
                    raise self._failure
                finally:
                    self._failure = None  # its traceback leads back here, and would keep the buffer alive
            if self._fault is not None or self._closed:
                raise self._why_it_is_over()
            take(b"")

    async def receive(self, max_bytes: int = READ_SIZE) -> bytes:
        if max_bytes < 1:
            raise ValueError("max_bytes must be a positive number")
        with self._receiving:
            await checkpoint()
            if not self._unread:
                await self._read()
            if not self._unread:
                raise self._why_it_is_over()
            data, self._unread = self._unread[:max_bytes], self._unread[max_bytes:]
            return data

    async def _read(self) -> None:
        """Let the transport read until there are bytes that nobody takes, or nothing more will come."""
        if self._over:
            return
        self._news.clear()
        self._transport.resume_reading()
        try:
            await self._news.wait()
        finally:
            self._transport.pause_reading()

    def _keep(self, data: bytes) -> None:
        self._unread += data
        self._transport.pause_reading()
        self._news.set()

    def _why_it_is_over(self) -> Exception:
        if self._closed:
            return anyio.ClosedResourceError()
        if self._fault is None:
            return anyio.EndOfStream()
        broken = anyio.BrokenResourceError()
        broken.__cause__ = self._fault
        return broken

    # Sending ---------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    async def send(self, item: bytes) -> None:
        with self._sending:
            if not self._closed:
                self._transport.write(item)
            await self.flush()

    async def flush(self) -> None:
        await checkpoint()
        while not self.ready:
            if self._room.is_set():
                raise self._why_it_is_over()
            await self._room.wait()  # it may be full again before this task wakes up

    async def send_eof(self) -> None:
        self._transport.write_eof()

    async def aclose(self) -> None:
        self._closed = True
        self.ready = False
        self._transport.abort()
        await checkpoint()

    # Calls of the transport ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(0)
        self._transport.pause_reading()
        self.resume_writing()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        data = bytes(self._buffer[:nbytes])
        if self._take is None:
            self._keep(data)
            return
        try:
            self._take(data)
        except Exception as failure:
            self._failure = failure
            self._take = None
            self._news.set()

    def eof_received(self) -> bool:
        self._over = True
        self._news.set()
        return True  # the other direction stays open

    def connection_lost(self, exc: Exception | None) -> None:
        self._fault = exc
        self._over = True
        self._news.set()
        self.ready = False
        self._room.set()

    def pause_writing(self) -> None:
        self.ready = False
        self._room.clear()

    def resume_writing(self) -> None:
        self.ready = True
        self._room.set()


async def dial(host: str, port: int) -> AsyncioStream:
    """Connect to the first address of ``host`` that answers; a slow one holds the next up for a moment only.

    Raises ``OSError``, caused by those of all addresses, and ``ValueError`` for a name that cannot be one.
    """
    made: list[AsyncioStream] = []
    faults: list[OSError] = []

    async def attempt(address: str, over: anyio.Event) -> None:
        try:
            loop = asyncio.get_running_loop()
            _, stream = await loop.create_connection(AsyncioStream, address, port)
        except OSError as fault:
            faults.append(fault)
        else:
            made.append(stream)
            tasks.cancel_scope.cancel()
        finally:
            over.set()

    addresses = await _addresses(host, port)
    try:
        async with anyio.create_task_group() as tasks:
            for address in addresses:
                over = anyio.Event()
                tasks.start_soon(attempt, address, over)
                with anyio.move_on_after(_HEAD_START):
                    await over.wait()
    except BaseException:
        for stream in made:
            await anyio.aclose_forcefully(stream)
        raise
    for stream in made[1:]:
        await anyio.aclose_forcefully(stream)
    if not made:
        raise OSError("no address answers") from ExceptionGroup("of all addresses", faults)
    return made[0]


async def _addresses(host: str, port: int) -> list[str]:
    """IPv6 and IPv4 in turn, each in the order of the system."""
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    by_family = [
        [str(place[0]) for family, *_, place in found if family == wanted]
        for wanted in (socket.AF_INET6, socket.AF_INET)
    ]
    return [address for pair in zip_longest(*by_family) for address in pair if address is not None]
