"""Small HTTP and SOCKS5 proxies on the loopback address, with the moods of real ones."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum, auto

import anyio
from anyio.abc import ByteStream
from anyio.streams.buffered import BufferedByteReceiveStream

from .servers import FAULTS, LOOPBACK, listening, reset_when_closed

MAX_HEAD = 8192  # bytes


class Mood(Enum):
    HELPFUL = auto()
    REFUSING = auto()
    STALLING = auto()
    HANGING_UP = auto()
    RESETTING = auto()
    RAVING = auto()  # an answer that is none, with the client's own words in it


class Proxy:
    """Whatever host is asked for, it connects to the ``target`` port; ``asked`` keeps the wishes."""

    def __init__(self, target: int, credentials: tuple[str, str] | None, mood: Mood) -> None:
        self.asked: list[tuple[str, int]] = []
        self.connections = 0
        self.left = anyio.Event()
        self.credentials = credentials
        self._target = target
        self._mood = mood

    async def serve(self, stream: ByteStream) -> None:
        self.connections += 1
        try:
            if self._mood is Mood.HANGING_UP:
                await stream.receive()
            elif self._mood is Mood.RESETTING:
                await stream.receive()
                reset_when_closed(stream)
            elif self._mood is Mood.STALLING:
                async for _ in stream:
                    pass
            else:
                await self.negotiate(stream, BufferedByteReceiveStream(stream))
        finally:
            self.left.set()

    async def negotiate(self, stream: ByteStream, incoming: BufferedByteReceiveStream) -> None:
        raise NotImplementedError

    async def relay(self, stream: ByteStream) -> None:
        async with (
            await anyio.connect_tcp(LOOPBACK, self._target) as server,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(_copy, server, stream)
            await _copy(stream, server)
            tasks.cancel_scope.cancel()


class HttpProxy(Proxy):
    """CONNECT (RFC 9110 section 9.3.6) with Basic authentication (RFC 7617)."""

    async def negotiate(self, stream: ByteStream, incoming: BufferedByteReceiveStream) -> None:
        head = (await incoming.receive_until(b"\r\n\r\n", MAX_HEAD)).decode()
        request, *headers = head.split("\r\n")
        host, _, port = request.split()[1].rpartition(":")
        self.asked.append((host, int(port)))
        if self._mood is Mood.RAVING:
            await stream.send(head.encode())
        elif self._mood is Mood.REFUSING:
            await stream.send(f"HTTP/1.1 403 No {head[-200:]!r}\r\n\r\n".encode())
        elif self.credentials is not None and self._secret() not in headers:
            await stream.send(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
        else:
            await stream.send(b"HTTP/1.1 200 OK\r\n\r\n")
            await self.relay(stream)

    def _secret(self) -> str:
        token = base64.b64encode(":".join(self.credentials or ()).encode("latin-1")).decode()
        return f"Proxy-Authorization: Basic {token}"


class SocksProxy(Proxy):
    """SOCKS5 (RFC 1928) with user and password (RFC 1929)."""

    async def negotiate(self, stream: ByteStream, incoming: BufferedByteReceiveStream) -> None:
        _, count = await incoming.receive_exactly(2)
        offered = await incoming.receive_exactly(count)
        method = 0 if self.credentials is None else 2
        if method not in offered:
            await stream.send(b"\x05\xff")
            return
        await stream.send(bytes([5, method]))
        if self.credentials is not None and not await self._is_let_in(stream, incoming):
            return
        self.asked.append(await self._wish(incoming))
        if self._mood is Mood.RAVING:
            await stream.send(b"\x05\x00\x00\x03\x02\xff\xff\x00\x00")  # a bound name that is no text
        elif self._mood is Mood.REFUSING:
            await stream.send(b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00")
        else:
            await stream.send(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")
            await self.relay(stream)

    async def _is_let_in(self, stream: ByteStream, incoming: BufferedByteReceiveStream) -> bool:
        await incoming.receive_exactly(1)
        user = await _counted(incoming)
        password = await _counted(incoming)
        is_right = (user, password) == self.credentials
        await stream.send(b"\x01\x00" if is_right else b"\x01\x01")
        return is_right

    async def _wish(self, incoming: BufferedByteReceiveStream) -> tuple[str, int]:
        kind = (await incoming.receive_exactly(4))[3]
        if kind == 3:
            host = await _counted(incoming)
        else:
            host = ".".join(str(byte) for byte in await incoming.receive_exactly(4))
        return host, int.from_bytes(await incoming.receive_exactly(2), "big")


@asynccontextmanager
async def proxying(
    kind: type[Proxy],
    target: int,
    *,
    credentials: tuple[str, str] | None = None,
    mood: Mood = Mood.HELPFUL,
) -> AsyncIterator[tuple[Proxy, int]]:
    """A proxy and its port."""
    proxy = kind(target, credentials, mood)
    async with listening(proxy.serve) as port:
        yield proxy, port


async def _counted(incoming: BufferedByteReceiveStream) -> str:
    (size,) = await incoming.receive_exactly(1)
    return (await incoming.receive_exactly(size)).decode()


async def _copy(source: ByteStream, sink: ByteStream) -> None:
    try:
        async for data in source:
            await sink.send(data)
    except FAULTS:
        pass
