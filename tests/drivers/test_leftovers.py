"""Nothing is left running after ``disconnect()``: no task, no thread, no socket, no warning."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import warnings
from pathlib import Path

import anyio
import pytest
import trio

from bulk_anyio import BulkWebSocketClient
from bulk_anyio.exchange import ExchangeServer
from bulk_anyio.host import in_trio
from bulk_proto import Side, Topic

from .blocking import served
from .blocking import trader as blocking_trader
from .line import Line
from .test_client import BTC, trader, until

pytestmark = pytest.mark.timeout(60)

DESCRIPTORS = Path("/proc/self/fd")
needs_descriptors = pytest.mark.skipif(not DESCRIPTORS.exists(), reason="the system does not list open files")


def open_sockets() -> set[str]:
    """The sockets of this process, by their names in the system."""
    names = set()
    for descriptor in DESCRIPTORS.iterdir():
        try:
            names.add(os.readlink(descriptor))
        except FileNotFoundError:
            continue  # the one that lists
    return {name for name in names if name.startswith("socket:")}


def client_tasks() -> list[str]:
    """The names of all running tasks that are a client's; the exchange has some in the same loop."""
    names = [task.get_name() for task in asyncio.all_tasks()] if not in_trio() else trio_task_names()
    return [
        name for name in names if name.startswith(("bulk client", "bulk_anyio.")) and "exchange" not in name
    ]


def trio_task_names() -> list[str]:
    root = trio.lowlevel.current_root_task()
    assert root is not None
    names, unseen = [], [root]
    while unseen:
        children = [task for nursery in unseen.pop().child_nurseries for task in nursery.child_tasks]
        names += [task.name for task in children]
        unseen += children
    return names


async def busy_life(client: BulkWebSocketClient, line: Line) -> None:
    """Everything that starts something: handlers, an iterator, orders, a lost connection."""
    client.on(Topic.TICKER, lambda ticker: None)
    async for _ in client.events(Topic.TICKER):
        break
    await client.subscribe_orderbook_delta(BTC)
    await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)
    line.cut()
    await until(lambda: not client.is_connected)
    await until(lambda: client.account_is_live)


@needs_descriptors
@pytest.mark.anyio
async def test_nothing_is_left_after_a_busy_life(line: Line) -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        sockets = open_sockets()
        client = trader(line.url)
        assert await client.connect()
        await busy_life(client, line)
        assert len(client_tasks()) > 3
        await client.disconnect()
        assert client_tasks() == []
        del client
        gc.collect()
        await until(lambda: open_sockets() == sockets)  # the exchange's ends are in this process as well
    assert [str(warning.message) for warning in warned] == []


@needs_descriptors
@pytest.mark.anyio
async def test_nothing_is_left_after_a_connection_that_cannot_be_made() -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        sockets = open_sockets()
        client = trader("ws://127.0.0.1:9", handlers={Topic.TICKER: lambda ticker: None})
        assert not await client.connect()
        assert client_tasks() == []
        gc.collect()
        assert open_sockets() == sockets
    assert [str(warning.message) for warning in warned] == []


@pytest.mark.anyio
async def test_start_up_and_shut_down_hooks_are_tasks_of_their_own(exchange: ExchangeServer) -> None:
    client = trader(exchange.url)
    async with anyio.create_task_group() as starting:
        starting.start_soon(client.connect)
    assert client.is_connected
    assert client_tasks()
    async with anyio.create_task_group() as stopping:
        stopping.start_soon(client.disconnect)
    assert client_tasks() == []


@needs_descriptors
def test_nothing_is_left_of_the_blocking_client() -> None:
    with served() as exchange:
        threads = set(threading.enumerate())
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            client = blocking_trader(exchange.line.url, handlers={Topic.TICKER: lambda ticker: None})
            assert client.connect()
            assert client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01).order_id
            exchange.cut()
            client.disconnect()
            assert set(threading.enumerate()) == threads
            gc.collect()
        assert [str(warning.message) for warning in warned] == []
