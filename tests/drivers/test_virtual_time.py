"""What takes hours in life, in milliseconds: both backends on virtual clocks, nothing real to wait for."""

from __future__ import annotations

import itertools
import time
from contextlib import suppress
from typing import Any

import anyio
import async_solipsism
import pytest
import trio.testing
from anyio.abc import ByteStream, TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from anyio.streams.stapled import StapledObjectStream

from bulk_anyio import BulkWebSocketClient
from bulk_anyio.exchange import ExchangeServer
from bulk_proto import Config, LinkError, Side, Ticker, TimeInForce, Topic, TransactionSigner
from bulk_proto.exchange import ExchangeConfig

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.timeout(20),
]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    if request.param == "trio":
        return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}
    return "asyncio", {"loop_factory": virtual_loop}


def virtual_loop() -> async_solipsism.EventLoop:
    """Its clock goes from 4,096 to 8,192 seconds, in ticks as fine as floats are there.

    So no moment falls between two ticks, where the loop would wait for it for ever.
    """
    loop = async_solipsism.EventLoop()
    clock = loop._selector.clock
    clock._resolution = loop._clock_resolution = 2.0**-40
    clock._ticks = 4096 * 2**40
    return loop


@pytest.fixture(autouse=True)
def even_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.random", lambda: 0.5)


class Pipe(ByteStream):
    """A connection to a server that accepts and then says nothing, or only what a test puts in."""

    def __init__(self) -> None:
        said: tuple[MemoryObjectSendStream[bytes], MemoryObjectReceiveStream[bytes]]
        said = anyio.create_memory_object_stream(1000)
        heard: tuple[MemoryObjectSendStream[bytes], MemoryObjectReceiveStream[bytes]]
        heard = anyio.create_memory_object_stream(1000)
        self.incoming, self.sent = said[0], heard[1]
        self._ends = StapledObjectStream(heard[0], said[1])
        self._others = StapledObjectStream(said[0], heard[1])

    async def receive(self, max_bytes: int = 65536) -> bytes:
        return await self._ends.receive()

    async def send(self, item: bytes) -> None:
        await self._ends.send(item)

    async def send_eof(self) -> None:
        await self._ends.send_eof()

    async def aclose(self) -> None:
        await self._ends.aclose()
        await self._others.aclose()


async def test_an_hour_without_a_server_is_an_hour_of_patient_attempts() -> None:
    moments: list[float] = []

    async def refuse(config: Config) -> ByteStream:
        moments.append(anyio.current_time())
        raise OSError("nobody listens")

    client = BulkWebSocketClient("ws://exchange.test", ["BTC-USD"], connector=refuse)
    assert await client.connect() is False
    assert len(moments) == 1
    await anyio.sleep(3600)
    assert len(moments) == 1  # nothing goes on behind a connect() that has failed


async def test_a_server_that_is_gone_for_an_hour_is_tried_all_the_time() -> None:
    moments: list[float] = []
    first = Handshaking()

    async def connect(config: Config) -> ByteStream:
        moments.append(anyio.current_time())
        if len(moments) == 1:
            return first
        raise OSError("gone")

    client = BulkWebSocketClient("ws://exchange.test", [], connector=connect)
    assert await client.connect() is True
    began = anyio.current_time()
    await first.aclose()
    await anyio.sleep(3600)
    await client.disconnect()
    waits = [later - earlier for earlier, later in itertools.pairwise(moments[2:])]
    assert 0.5 <= moments[1] - began <= 1.0
    assert all(0.5 <= wait <= 30.0 for wait in waits)
    assert all(wait >= 15.0 for wait in waits[8:])
    assert 120 <= len(moments) <= 250


async def test_a_server_that_never_answers_is_given_up_after_the_opening_timeout() -> None:
    async def connect(config: Config) -> ByteStream:
        return Pipe()

    client = BulkWebSocketClient("ws://exchange.test", ["BTC-USD"], connector=connect, opening_timeout=10.0)
    began = anyio.current_time()
    assert await client.connect() is False
    assert anyio.current_time() - began == pytest.approx(10.0, abs=1.1)
    assert isinstance(client.last_error, LinkError)


async def test_a_link_that_falls_silent_is_noticed_in_time() -> None:
    lost: list[float] = []
    client = BulkWebSocketClient(
        "ws://exchange.test", [], connector=_handshaking, ping_interval=20.0, silence_timeout=60.0
    )
    client.on(Topic.DISCONNECTED, lambda event: lost.append(anyio.current_time()))
    assert await client.connect() is True
    began = anyio.current_time()
    await anyio.sleep(59)
    assert client.is_connected
    await anyio.sleep(2)
    assert [moment - began for moment in lost] == [pytest.approx(60.0, abs=0.5)]
    await client.disconnect()


class Far:
    """A simulated exchange at the end of a line on which bytes travel for ``DISTANCE`` seconds each way."""

    DISTANCE = 0.25

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        self._server = ExchangeServer(ExchangeConfig(epoch_ns=time.time_ns()), 7, tasks)
        tasks.start_soon(self._server.keep_time)

    async def connect(self, config: Config) -> ByteStream:
        ours, theirs = Pipe(), Pipe()
        self._tasks.start_soon(self._carry, ours, theirs)
        self._tasks.start_soon(self._carry, theirs, ours)
        self._tasks.start_soon(self._server.serve, theirs)
        return ours

    async def _carry(self, source: Pipe, sink: Pipe) -> None:
        """Every piece arrives as late as the one before, so a stream of them is not slowed down."""
        with suppress(anyio.ClosedResourceError):
            async for data in source.sent:
                self._tasks.start_soon(self._arrive, data, sink)
        sink.incoming.close()

    async def _arrive(self, data: bytes, sink: Pipe) -> None:
        await anyio.sleep(self.DISTANCE)
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await sink.incoming.send(data)


async def test_an_order_from_inside_a_ticker_handler_takes_one_round_trip() -> None:
    """Not a time-out: the task that reads goes on reading while the handler waits for its answer."""
    trips: list[float] = []

    async def quote(ticker: Ticker) -> None:
        began = anyio.current_time()
        assert ticker.mark_price is not None
        await client.place_limit_order(
            ticker.symbol, Side.BUY, round(ticker.mark_price * 0.99), 0.01, time_in_force=TimeInForce.ALO
        )
        trips.append(anyio.current_time() - began)

    async with anyio.create_task_group() as tasks:
        client = BulkWebSocketClient(
            "ws://exchange.test",
            ["BTC-USD"],
            TransactionSigner.generate_account(),
            connector=Far(tasks).connect,
            handlers={Topic.TICKER: quote},
        )
        async with client:
            await anyio.sleep(10)
            client.off(Topic.TICKER, quote)
        tasks.cancel_scope.cancel()
    assert len(trips) > 10
    assert trips == [pytest.approx(2 * Far.DISTANCE, abs=0.001)] * len(trips)


async def _handshaking(config: Config) -> ByteStream:
    return Handshaking()


class Handshaking(Pipe):
    """A server that accepts the WebSocket and then says nothing more."""

    async def send(self, item: bytes) -> None:
        if item.startswith(b"GET "):
            await self._others.send(accept(item))


def accept(request: bytes) -> bytes:
    from wsproto import ConnectionType, WSConnection
    from wsproto.events import AcceptConnection

    server = WSConnection(ConnectionType.SERVER)
    server.receive_data(request)
    list(server.events())
    return server.send(AcceptConnection())
