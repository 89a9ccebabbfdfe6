"""Serves the simulated exchange on a TCP port or in memory, for demos and tests.

Everything the exchange decides is in :mod:`bulk_proto.exchange`; here is only waiting. It listens on
the loopback address only.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from random import Random

import anyio
from anyio.abc import ByteStream, SocketAttribute, TaskGroup
from anyio.from_thread import start_blocking_portal

from bulk_proto.config import Config
from bulk_proto.exchange import ExchangeConfig, Received, Session, SimulatedExchange

from .driver import Bell
from .faults import LINE_FAULTS
from .pipe import pipe
from .push_stream import READ_SIZE

LOOPBACK = "127.0.0.1"
_NO_LINGER = (1).to_bytes(4, sys.byteorder) + bytes(4)  # the system's struct linger: on, 0 seconds
_FAREWELL = 5.0  # seconds for a client to read what a closed session still had to say


class _Line:
    """One connection: wakes the task that writes, and gives up a client that does not read."""

    def __init__(self, session: Session, scope: anyio.CancelScope) -> None:
        self.bell = Bell()
        self._session = session
        self._scope = scope
        self._leaving = False

    def attend(self) -> None:
        self.bell.ring()
        if self._session.closed and not self._leaving:
            self._leaving = True
            patience = 0.0 if self._session.aborted else _FAREWELL
            self._scope.deadline = anyio.current_time() + patience


class ExchangeServer:
    """One simulated exchange and its connections.

    Made by :func:`serve_exchange`, :func:`exchange_in_memory` or :func:`serve_exchange_in_thread`.
    """

    def __init__(self, config: ExchangeConfig, seed: int, tasks: TaskGroup) -> None:
        self.exchange = SimulatedExchange(config, Random(seed), anyio.current_time())
        self.port = 0  # of the loopback address; 0 in memory
        self._tasks = tasks
        self._lines: dict[Session, _Line] = {}
        self._alarm = Bell()
        self._news = anyio.Event()  # something arrived or happened since somebody waits for it

    @property
    def url(self) -> str:
        return f"ws://{LOOPBACK}:{self.port}" if self.port else "ws://exchange.memory"

    @property
    def received(self) -> Received:
        """What clients have asked for so far, for the assertions of a test."""
        return self.exchange.received

    async def until(self, condition: Callable[[], object], timeout: float = 5.0) -> None:
        """Wait until ``condition()`` is true; it is asked after everything that arrives or happens.

        Raises ``TimeoutError`` after ``timeout`` seconds.
        """
        with anyio.fail_after(timeout):
            while not condition():
                self._news = anyio.Event() if self._news.is_set() else self._news
                await self._news.wait()

    async def connect(self, config: Config) -> ByteStream:
        """A connection without any socket: a client's ``connector=``."""
        client_end, own_end = pipe()
        self._tasks.start_soon(self.serve, own_end)
        return client_end

    async def keep_time(self) -> None:
        while True:
            with anyio.CancelScope(deadline=self.exchange.next_deadline()) as patience:
                await self._alarm.wait()
            if patience.cancelled_caught:
                self.exchange.advance(anyio.current_time())
                self._flush()

    async def serve(self, stream: ByteStream) -> None:
        """Talk to one client over any connection until either hangs up."""
        if not self.exchange.admits_connection(anyio.current_time()):
            await _abort(stream)
            return
        session = self.exchange.open_session(anyio.current_time())
        try:
            async with stream, anyio.create_task_group() as tasks:
                line = self._lines[session] = _Line(session, tasks.cancel_scope)
                tasks.start_soon(self._read, session, stream)
                await self._write(session, stream, line.bell)
                tasks.cancel_scope.cancel()
        except* LINE_FAULTS:
            pass  # a client that hangs up is everyday life
        finally:
            del self._lines[session]
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

    async def _write(self, session: Session, stream: ByteStream, bell: Bell) -> None:
        try:
            while True:
                if data := session.data_to_send():
                    await stream.send(data)
                elif session.closed:
                    return
                else:
                    await bell.wait()
        finally:
            if session.aborted:
                await _abort(stream)

    def _flush(self) -> None:
        """Wake every connection that may have something to send, the clock, and whoever watches."""
        for line in self._lines.values():
            line.attend()
        self._alarm.ring()
        self._news.set()


async def _abort(stream: ByteStream) -> None:
    """End a connection with a reset: the client's system then reports an error."""
    line = stream.extra(SocketAttribute.raw_socket, None)
    if line is not None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    await anyio.aclose_forcefully(stream)


@asynccontextmanager
async def exchange_in_memory(
    config: ExchangeConfig | None = None, *, seed: int = 1
) -> AsyncIterator[ExchangeServer]:
    """An exchange without any socket while the block runs: ``server.connect`` is a client's connector. ::

    async with exchange_in_memory(seed=7) as server:
        client = BulkWebSocketClient(server.url, ["BTC-USD"], connector=server.connect)
    """
    async with anyio.create_task_group() as tasks:
        server = ExchangeServer(config or ExchangeConfig(epoch_ns=time.time_ns()), seed, tasks)
        tasks.start_soon(server.keep_time)
        try:
            yield server
        finally:
            tasks.cancel_scope.cancel()


@asynccontextmanager
async def serve_exchange(
    config: ExchangeConfig | None = None, *, seed: int = 1, port: int = 0
) -> AsyncIterator[ExchangeServer]:
    """Serve a fresh exchange while the block runs; ``server.port`` and ``server.url`` tell where.

    Port 0 takes a free one. The same seed gives the same background flow. Raises ``OSError`` when the
    port is taken.
    """
    listener = await anyio.create_tcp_listener(local_host=LOOPBACK, local_port=port)
    async with listener, exchange_in_memory(config, seed=seed) as server, anyio.create_task_group() as tasks:
        server.port = listener.extra(SocketAttribute.local_port)
        tasks.start_soon(listener.serve, server.serve)
        try:
            yield server
        finally:
            tasks.cancel_scope.cancel()


@contextmanager
def serve_exchange_in_thread(
    config: ExchangeConfig | None = None, *, seed: int = 1, port: int = 0
) -> Iterator[ExchangeServer]:
    """As :func:`serve_exchange`, from code without a loop: a thread serves it while the block runs.

    Read ``url`` and ``received`` from the outside; everything else belongs to that thread.
    """
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serve_exchange(config, seed=seed, port=port)) as server,
    ):
        yield server
