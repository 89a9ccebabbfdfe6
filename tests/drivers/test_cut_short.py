"""Connections, handlers and waits that are cut short: nothing hangs, and each is told as it was."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter
from types import ModuleType
from typing import Any

import anyio
import anyio.to_thread
import pytest
from anyio.abc import ByteStream

from bulk_anyio import BulkWebSocketClient
from bulk_anyio.exchange import ExchangeServer, exchange_in_memory, serve_exchange_in_thread
from bulk_proto import (
    Disconnected,
    DisconnectReason,
    LimitOrder,
    OrderStatus,
    Side,
    Ticker,
    Topic,
    UsageError,
)
from bulk_proto.config import Config

from .line import Line
from .test_robustness import BTC, await_something_cancelled, trader, until

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]
on_asyncio = pytest.mark.parametrize("anyio_backend", ["asyncio"])


class Wrapped(ByteStream):
    """A stream of somebody else's making."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self.send_something_cancelled = False
        self.broken = anyio.Event()

    async def receive(self, max_bytes: int = 65536) -> bytes:
        received = b""
        async with anyio.create_task_group() as tasks:

            async def receive() -> None:
                nonlocal received
                received = await self._stream.receive(max_bytes)
                tasks.cancel_scope.cancel()

            tasks.start_soon(receive)
            await self.broken.wait()
            tasks.cancel_scope.cancel()
        if self.broken.is_set():
            raise anyio.BrokenResourceError
        return received

    async def send(self, item: bytes) -> None:
        if self.send_something_cancelled:
            await await_something_cancelled()
        await self._stream.send(item)

    async def send_eof(self) -> None: ...

    async def aclose(self) -> None:
        """Wait for a farewell that does not come."""
        try:
            await anyio.sleep_forever()
        finally:
            await anyio.aclose_forcefully(self._stream)


@asynccontextmanager
async def connected_through_wrapped_streams() -> AsyncIterator[tuple[BulkWebSocketClient, list[Wrapped]]]:
    """A client and the streams of its connections, the current one last."""
    streams: list[Wrapped] = []

    async def connector(config: Config) -> ByteStream:
        streams.append(Wrapped(await server.connect(config)))
        return streams[-1]

    async with exchange_in_memory(seed=7) as server, trader(server.url, connector=connector) as client:
        yield client, streams


# The connection ------------------------------------------------------------------------------------------


@on_asyncio
async def test_something_cancelled_in_a_connector_costs_one_attempt(exchange: ExchangeServer) -> None:
    attempts = 0

    async def connector(config: Config) -> ByteStream:
        nonlocal attempts
        attempts += 1
        if attempts == 2:
            await await_something_cancelled()
        return await anyio.connect_tcp("127.0.0.1", exchange.port)

    client = trader(exchange.url, connector=connector)
    async with client:
        client._driver.do(lambda now: client.core.connection_lost(now, "for a test"))
        await until(lambda: attempts == 3 and client.is_connected)
        assert "CancelledError" in str(client.last_error)


@on_asyncio
async def test_something_cancelled_in_a_stream_costs_one_connection() -> None:
    async with connected_through_wrapped_streams() as (client, streams):
        streams[0].send_something_cancelled = True
        with anyio.move_on_after(0.1):
            await client.cancel_all()
        await until(lambda: len(streams) == 2 and client.is_connected)


async def test_a_stream_that_waits_when_it_is_closed_does_not_hide_that_it_broke() -> None:
    async with connected_through_wrapped_streams() as (client, streams):
        streams[0].broken.set()
        await until(lambda: not client.is_connected, seconds=5.0)
        assert str(client.last_error) == "connection lost: the connection broke"
        await until(lambda: client.is_connected)


@on_asyncio
async def test_a_client_whose_task_is_cancelled_says_so_once(
    exchange: ExchangeServer, caplog: pytest.LogCaptureFixture
) -> None:
    ends: list[Disconnected] = []
    client = trader(exchange.url)
    client.on(Topic.DISCONNECTED, ends.append)

    async def idle(ticker: Ticker) -> None: ...

    client.on(Topic.TICKER, idle)
    await client.connect()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        if task.get_name() == "bulk client":
            task.cancel()
    await until(client._gone.is_set)
    assert [(end.reason, end.retry_at) for end in ends] == [(DisconnectReason.LOST, None)]
    assert "cancelled" in str(client.last_error)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert await client.connect()
    await client.disconnect()


def test_a_program_that_ends_without_a_goodbye_logs_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async def idle(ticker: Ticker) -> None: ...

    async def program() -> None:
        client = trader(server.url, handlers=dict.fromkeys(Topic, idle))
        assert await client.connect()
        await anyio.sleep(0.1)

    with serve_exchange_in_thread(seed=7) as server:
        asyncio.run(program())
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_what_ended_one_connection_is_not_raised_at_the_end_of_the_next(
    exchange: ExchangeServer,
) -> None:
    attempts = 0

    async def connector(config: Config) -> ByteStream:
        nonlocal attempts
        attempts += 1
        if attempts == 2:
            raise SystemExit("from a connector")
        return await anyio.connect_tcp("127.0.0.1", exchange.port)

    ends: list[Disconnected] = []
    client = trader(exchange.url, connector=connector)
    client.on(Topic.DISCONNECTED, ends.append)
    await client.connect()
    client._driver.do(lambda now: client.core.connection_lost(now, "for a test"))
    await until(client._gone.is_set)
    assert (ends[-1].retry_at, "from a connector" in str(client.last_error)) == (None, True)
    assert await client.connect()
    await client.disconnect()


async def test_two_tasks_may_enter_one_client_while_it_connects(exchange: ExchangeServer) -> None:
    client = trader(exchange.url)
    inside = 0

    async def enter() -> None:
        nonlocal inside
        async with client:
            inside += 1
            await until(lambda: inside == 2)
            gc.collect()
            assert (await client.cancel_all()).is_error()  # there is nothing to cancel
            await anyio.sleep(0.05)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(enter)
        tasks.start_soon(enter)
    assert not client.is_connected


# The loop ------------------------------------------------------------------------------------------------


@on_asyncio
async def test_a_library_that_another_thread_is_importing_is_not_the_running_one(
    exchange: ExchangeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trader(exchange.url) as client:
        for name in ("trio", "sniffio"):
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
        response = await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.1)
        assert response.status is OrderStatus.RESTING
        await client.disconnect()
        assert await client.connect()
        monkeypatch.undo()


async def test_a_client_belongs_to_its_loop_until_the_last_of_its_mail_is_read(
    exchange: ExchangeServer, anyio_backend: str
) -> None:
    """Events are not iterated over, nor is the end waited for, where nobody would ever be woken."""

    async def elsewhere() -> None:
        with pytest.raises(UsageError, match="another event loop"):
            client.events(Topic.TICKER)
        with pytest.raises(UsageError, match="another event loop"):
            await client.disconnect()

    async def look_elsewhere() -> None:
        await anyio.to_thread.run_sync(lambda: anyio.run(elsewhere, backend=anyio_backend))

    async def last_mail(end: Disconnected) -> None:
        await look_elsewhere()
        looked.append(end)

    looked: list[Disconnected] = []
    client = trader(exchange.url)
    client.on(Topic.DISCONNECTED, last_mail)
    async with client:
        await look_elsewhere()
    assert len(looked) == 1


def test_orders_are_counted_anew_when_another_loop_has_another_clock() -> None:
    async def place() -> None:
        async with client:
            for _ in range(10):
                await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.1)

    with serve_exchange_in_thread(seed=7) as server:
        client = trader(server.url, max_posts_per_second=20)
        for _ in range(6):  # the clock of each begins somewhere else
            anyio.run(place, backend="trio")


async def test_orders_are_not_held_back_because_the_loop_stood_still() -> None:
    """What is given while nothing is being sent waits for the loop, not for the exchange."""
    async with exchange_in_memory(seed=7) as server:
        client = trader(server.url, connector=server.connect)
        async with client, anyio.create_task_group() as tasks:

            async def place() -> None:
                response = await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.1)
                statuses.append(response.status)

            statuses: list[OrderStatus] = []
            client._driver._writer.ring()
            tasks.start_soon(place)
            client._driver.do(
                lambda now: client.core.place_orders([LimitOrder(BTC, Side.BUY, 1.0, 1.0)], now)
            )
            work(1.2)
            tasks.start_soon(place)
    assert statuses == [OrderStatus.RESTING] * 2


def test_events_may_be_asked_for_between_two_runs_of_a_loop() -> None:
    async def read() -> Ticker:
        with anyio.fail_after(5):
            ticker: Ticker = await anext(stream)
        return ticker

    with serve_exchange_in_thread(seed=7) as server, asyncio.Runner() as runner:
        client = trader(server.url)
        runner.run(client.connect())
        stream = client.events(Topic.TICKER)
        assert runner.run(read()).symbol == BTC
        runner.run(client.disconnect())


# Handlers ------------------------------------------------------------------------------------------------


async def test_what_fails_while_a_handler_is_cut_off_is_a_failure_of_the_handler(
    exchange: ExchangeServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bulk_anyio.client.LAST_MAIL", 0.05)
    begun = anyio.Event()

    async def fail_at_the_end() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            raise ValueError("the clean-up failed")

    async def handler(ticker: Ticker) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fail_at_the_end)
            tasks.start_soon(anyio.sleep_forever)
            begun.set()

    client = trader(exchange.url)
    client.on(Topic.TICKER, handler)
    async with client:
        await begun.wait()
    assert "the clean-up failed" in caplog.text
    assert "stopped unexpectedly" not in caplog.text


async def test_tasks_that_a_handler_has_made_do_not_wait_for_it_when_they_disconnect(
    exchange: ExchangeServer, line: Line
) -> None:
    here, there = trader(exchange.url), trader(line.url)
    went_on: list[bool] = []

    async def handler(ticker: Ticker) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(here.disconnect)
            tasks.start_soon(there.disconnect)
        went_on.append(there.is_connected or here.is_connected)

    await there.connect()
    here.on(Topic.TICKER, handler)
    await here.connect()
    await until(lambda: went_on)
    assert went_on == [False]
    await here.disconnect()


async def test_a_task_that_outlives_the_handler_that_made_it_waits_for_the_end(
    exchange: ExchangeServer,
) -> None:
    client = trader(exchange.url)
    is_gone: list[bool] = []

    async def end() -> None:
        await anyio.sleep(0.05)
        await client.disconnect()
        is_gone.append(client._gone.is_set())

    async def handler(ticker: Ticker) -> None:
        if not begun:
            begun.append(True)
            tasks.start_soon(end)

    begun: list[bool] = []
    async with anyio.create_task_group() as tasks:
        client.on(Topic.TICKER, handler)
        await client.connect()
        await until(lambda: is_gone)
    assert is_gone == [True]


# Waiting -------------------------------------------------------------------------------------------------


async def test_an_iterator_with_much_to_read_lets_others_have_their_turn(exchange: ExchangeServer) -> None:
    async with trader(exchange.url) as client:
        stream = client.events(Topic.TICKER)
        for price in range(2000):
            client._audience.deliver([Ticker(BTC, last_price=float(price))])
        seen: list[Any] = []
        with anyio.move_on_after(0.1) as patience:
            async for ticker in stream:
                seen.append(ticker)
                work(0.001)
        assert patience.cancelled_caught
        assert len(seen) < 1000
        assert [ticker.last_price for ticker in seen] == list(range(len(seen)))
        stream.close()
        rest = [ticker.last_price async for ticker in stream if ticker.last_price is not None]
        assert rest[:1] == [len(seen)]


def work(seconds: float) -> None:
    end = perf_counter() + seconds
    while perf_counter() < end:
        pass


async def test_who_polls_an_iterator_without_time_to_wait_gets_what_is_there(
    exchange: ExchangeServer,
) -> None:
    async with trader(exchange.url) as client:
        stream = client.events(Topic.CONTEXT)
        seen: list[object] = []
        for number in range(3):
            stream._inbox.put(Ticker(str(number)))
            await anyio.sleep(0.02)
            with anyio.move_on_after(0):
                while True:
                    seen.append(await anext(stream))
        assert len(seen) == 3
