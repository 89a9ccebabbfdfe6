"""Serves the simulated exchange on a TCP port, for demos and tests.

Everything the exchange decides is in :mod:`bulk_proto.exchange`; here is only waiting. It listens on
the loopback address unless told otherwise.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import anyio
from anyio.abc import ByteStream, SocketAttribute

from bulk_proto.exchange import ExchangeConfig, Session, SimulatedExchange

from .driver import READ_SIZE, Bell

LOOPBACK = "127.0.0.1"
_NO_LINGER = (1).to_bytes(4, sys.byteorder) + bytes(4)  # the system's struct linger: on, 0 seconds
_LINE_FAULTS = (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream)


class ExchangeServer:
    """One simulated exchange and its connections. Make it with :func:`serve_exchange`."""

    def __init__(self, config: ExchangeConfig, seed: int) -> None:
        self.exchange = SimulatedExchange(config, Random(seed), anyio.current_time())
        self.port = 0
        self._bells: dict[int, Bell] = {}
        self._alarm = Bell()

    @property
    def url(self) -> str:
        return f"ws://{LOOPBACK}:{self.port}"

    async def keep_time(self) -> None:
        while True:
            with anyio.CancelScope(deadline=self.exchange.next_deadline()) as patience:
                await self._alarm.wait()
            if patience.cancelled_caught:
                self.exchange.advance(anyio.current_time())
                self._flush()

    async def serve(self, stream: ByteStream) -> None:
        if not self.exchange.admits_connection(anyio.current_time()):
            _abort(stream)
            await anyio.aclose_forcefully(stream)
            return
        session = self.exchange.open_session(anyio.current_time())
        bell = self._bells[id(session)] = Bell()
        try:
            async with stream, anyio.create_task_group() as tasks:
                tasks.start_soon(self._read, session, stream)
                while True:
                    if data := session.data_to_send():
                        await stream.send(data)
                    elif session.closed:
                        break
                    else:
                        await bell.wait()
                if session.aborted:
                    _abort(stream)
                    await anyio.aclose_forcefully(stream)
                tasks.cancel_scope.cancel()
        except* _LINE_FAULTS:
            pass  # a client that hangs up is everyday life
        finally:
            del self._bells[id(session)]
            session.connection_lost(anyio.current_time())
            self._flush()

    async def _read(self, session: Session, stream: ByteStream) -> None:
        data = b"?"
        while data:
            try:
                data = await stream.receive(READ_SIZE)
            except anyio.EndOfStream:
                data = b""
            session.receive_data(data, anyio.current_time())
            self._flush()

    def _flush(self) -> None:
        """Wake every connection that may have something to send, and the clock."""
        for bell in self._bells.values():
            bell.ring()
        self._alarm.ring()


def _abort(stream: ByteStream) -> None:
    """Let the end of the connection be a reset: the client's system then reports an error."""
    line = stream.extra(SocketAttribute.raw_socket, None)
    if line is not None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)


@asynccontextmanager
async def serve_exchange(
    config: ExchangeConfig | None = None, *, seed: int = 1, port: int = 0
) -> AsyncIterator[ExchangeServer]:
    """Serve a fresh exchange while the block runs; ``server.port`` and ``server.url`` tell where.

    Port 0 takes a free one. The same seed gives the same background flow. Raises ``OSError`` when the
    port is taken.
    """
    server = ExchangeServer(config or ExchangeConfig(epoch_ns=time.time_ns()), seed)
    listener = await anyio.create_tcp_listener(local_host=LOOPBACK, local_port=port)
    server.port = listener.extra(SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(server.keep_time)
        tasks.start_soon(listener.serve, server.serve)
        try:
            yield server
        finally:
            tasks.cancel_scope.cancel()
