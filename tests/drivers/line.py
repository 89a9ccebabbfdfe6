"""A line to the exchange that tests can cut, silence or refuse: a TCP relay on the loopback address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import SocketAttribute, SocketStream

_FAULTS = (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream)


class Line:
    """``cut()`` drops all connections; ``refusing`` hangs up at once.

    ``deaf`` swallows what the client says, ``mute`` what the exchange says. While ``jammed``, nothing more
    that the client says is read.
    """

    def __init__(self, target: int, scheme: str) -> None:
        self.port = 0
        self.connections = 0
        self.refusing = False
        self.deaf = False
        self.mute = False
        self.jammed = False
        self._target = target
        self._scheme = scheme
        self._scopes: set[anyio.CancelScope] = set()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def cut(self) -> None:
        for scope in self._scopes:
            scope.cancel()

    async def serve(self, client: SocketStream) -> None:
        self.connections += 1
        async with client:
            if self.refusing:
                return
            with anyio.CancelScope() as scope:
                self._scopes.add(scope)
                try:
                    async with await anyio.connect_tcp("127.0.0.1", self._target) as server:
                        await self._relay(client, server)
                except* _FAULTS:
                    pass
                finally:
                    self._scopes.discard(scope)

    async def _relay(self, client: SocketStream, server: SocketStream) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._copy, server, client, False)
            await self._copy(client, server, True)
            tasks.cancel_scope.cancel()

    async def _copy(self, source: SocketStream, sink: SocketStream, outgoing: bool) -> None:
        while True:
            try:
                data = await source.receive()
                while outgoing and self.jammed:
                    await anyio.sleep(0.01)
            except _FAULTS:
                return
            if not (self.deaf if outgoing else self.mute):
                await sink.send(data)


@asynccontextmanager
async def lay_line(target: int, scheme: str = "ws") -> AsyncIterator[Line]:
    line = Line(target, scheme)
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    line.port = listener.extra(SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, line.serve)
        yield line
        tasks.cancel_scope.cancel()
