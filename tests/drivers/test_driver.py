"""The driver of a core: bytes leave at once while the line takes them, and news is told in its order."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import trio

from bulk_anyio import BulkWebSocketClient
from bulk_anyio.push_stream import PushStream
from bulk_proto import Config, Topic
from bulk_proto.subscriptions import trades
from tests.proto.peer import ticker_message
from tests.proto.server_bytes import accepting, client_frames, text

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


class Wire(PushStream):
    """A line to an exchange that opens the WebSocket, and takes bytes only while ``ready``."""

    ready = True

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_narrow = False  # whatever it takes fills it
        self.flushed = 0
        self.say: Callable[[bytes], None]
        self._room = anyio.Event()

    async def push(self, take: Callable[[bytes], None]) -> None:
        self.say = take
        take(accepting(self.written.pop()))
        await anyio.sleep_forever()

    def write(self, data: bytes) -> None:
        assert self.ready
        self.written.append(data)
        if self.is_narrow:
            self.fill()

    def fill(self) -> None:
        self.ready = False
        self._room = anyio.Event()

    def drain(self) -> None:
        self.ready = True
        self._room.set()

    async def flush(self) -> None:
        await self._room.wait()
        self.flushed += 1

    async def send(self, item: bytes) -> None:
        self.write(item)
        await anyio.lowlevel.checkpoint()

    async def receive(self, max_bytes: int = 65536) -> bytes:
        raise AssertionError("a stream that pushes is not asked")

    async def send_eof(self) -> None:
        pass

    async def aclose(self) -> None:
        self.ready = False


@asynccontextmanager
async def wired() -> AsyncIterator[tuple[BulkWebSocketClient, Wire]]:
    wire = Wire()

    async def connect(config: Config) -> PushStream:
        return wire

    client = BulkWebSocketClient("ws://exchange.test", [], connector=connect, closing_timeout=0.05)
    async with client:
        await anyio.wait_all_tasks_blocked()
        yield client, wire
        wire.drain()


def ask_for_trades(client: BulkWebSocketClient, symbol: str) -> None:
    client.core.subscribe([trades(symbol)], anyio.current_time())
    client._driver.poke()


def asked_for(data: bytes) -> list[str]:
    """The symbols in what a client sent."""
    return [json.loads(payload)["subscription"][0]["symbol"] for _, payload in client_frames(data)]


async def test_a_request_has_left_before_anybody_waits_for_its_answer() -> None:
    async with wired() as (client, wire):
        ask_for_trades(client, "BTC-USD")
        assert [asked_for(data) for data in wire.written] == [["BTC-USD"]]


async def test_while_the_line_is_full_requests_stay_in_the_core_and_keep_their_order() -> None:
    async with wired() as (client, wire):
        wire.fill()
        for symbol in ("A", "B", "C"):
            ask_for_trades(client, symbol)
            await anyio.wait_all_tasks_blocked()
        assert wire.written == []
        assert client.core.has_data_to_send
        wire.drain()
        ask_for_trades(client, "D")
        await anyio.wait_all_tasks_blocked()
        assert asked_for(b"".join(wire.written)) == ["A", "B", "C", "D"]


async def test_what_the_line_does_not_take_at_once_is_flushed() -> None:
    async with wired() as (client, wire):
        wire.is_narrow = True
        ask_for_trades(client, "A")
        await anyio.wait_all_tasks_blocked()
        wire.is_narrow = False
        wire.drain()
        await anyio.wait_all_tasks_blocked()
        assert wire.flushed == 1


async def test_what_a_handler_causes_is_told_after_the_news_that_was_there_before() -> None:
    told: list[str] = []
    async with wired() as (client, wire):

        def on_ticker(payload: Any) -> None:
            told.append(payload.symbol)
            client.core.connection_lost(anyio.current_time(), "cut by a handler")
            client._driver.poke()

        client.on(Topic.TICKER, on_ticker)
        client.on(Topic.DISCONNECTED, lambda payload: told.append("disconnected"))
        await anyio.wait_all_tasks_blocked()
        messages = (ticker_message(symbol) for symbol in ("BTC-USD", "ETH-USD"))
        wire.say(b"".join(text(json.dumps(message).encode()) for message in messages))
        assert told == ["BTC-USD", "ETH-USD", "disconnected"]


async def test_a_connection_that_comes_just_when_it_is_not_wanted_any_more_is_let_go(
    anyio_backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def connect(config: Config) -> PushStream:
        client.core.stop(anyio.current_time())
        client._driver.poke()
        return wire

    wire = Wire()
    client = BulkWebSocketClient("ws://exchange.test", [], connector=connect)
    assert await client.connect() is False
    assert not wire.ready
    assert wire.written == []
    assert "unexpectedly" not in caplog.text


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_ctrl_c_does_not_strike_in_a_handler_that_another_task_brought_about() -> None:
    protected: list[bool] = []
    async with wired() as (client, _):
        client.on(Topic.DISCONNECTED, lambda _: protected.append(trio.lowlevel.currently_ki_protected()))
        await anyio.wait_all_tasks_blocked()
        client._driver.do(lambda now: client.core.connection_lost(now, "cut"))
        assert not trio.lowlevel.currently_ki_protected()
        assert protected == [True]


async def test_the_alarm_is_set_anew_for_what_is_due_earlier_only() -> None:
    async with wired() as (client, wire):
        armed = client._driver._armed
        assert armed < math.inf
        wire.say(text(json.dumps(ticker_message()).encode()))
        await anyio.wait_all_tasks_blocked()
        assert client._driver._armed == armed
        client.core.subscribe([trades("BTC-USD")], anyio.current_time(), timeout=0.5)
        client._driver.poke()
        await anyio.wait_all_tasks_blocked()
        assert client._driver._armed < armed
