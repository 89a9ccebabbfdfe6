"""The exchange behind other doors: TLS, a stubbed name server, a port where nobody is."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSStream

LOOPBACK = "127.0.0.1"
FAULTS = (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream)


@asynccontextmanager
async def listening(serve: Callable[[ByteStream], Awaitable[object]]) -> AsyncIterator[int]:
    """Serve every connection to a free loopback port; a client that hangs up is no error."""

    async def serve_one(stream: ByteStream) -> None:
        async with stream:
            try:
                await serve(stream)
            except* FAULTS:
                pass

    listener = await anyio.create_tcp_listener(local_host=LOOPBACK)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve_one)
        yield int(listener.extra(SocketAttribute.local_port))
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def listening_with_tls(
    serve: Callable[[ByteStream], Awaitable[object]], context: ssl.SSLContext
) -> AsyncIterator[int]:
    async def shake_hands(stream: ByteStream) -> None:
        await serve(await TLSStream.wrap(stream, ssl_context=context, standard_compatible=False))

    async with listening(shake_hands) as port:
        yield port


def reset_when_closed(stream: ByteStream) -> None:
    """Closing is to drop the connection without a farewell."""
    raw = stream.extra(SocketAttribute.raw_socket)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def a_port_where_nobody_listens() -> int:
    async with await anyio.create_tcp_listener(local_host=LOOPBACK) as listener:
        return int(listener.extra(SocketAttribute.local_port))


def resolve_names(monkeypatch: pytest.MonkeyPatch, names: Mapping[str, Sequence[str]]) -> None:
    """Let these names have these addresses; a name without one does not exist."""
    ask_the_system = socket.getaddrinfo

    def look_up(host: str | bytes, port: Any, *rest: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in names:
            return ask_the_system(host, port, *rest, **more)
        if not names[name]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, int(port or 0)))
            for address in names[name]
            for family in [socket.AF_INET6 if ":" in address else socket.AF_INET]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
