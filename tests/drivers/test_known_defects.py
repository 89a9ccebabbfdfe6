"""What a released client for this exchange gets wrong about waiting, handlers and losing the line.

One test for each known defect that only shows in a running client; the others are in
``tests/proto/test_known_defects.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

import bulk_sync
from bulk_anyio import BulkWebSocketClient
from bulk_anyio.exchange import ExchangeServer
from bulk_proto import NotConnected, Side, Ticker, Topic, TransactionSigner

from .line import Line

pytestmark = pytest.mark.timeout(60)

BTC = "BTC-USD"


def trader(url: str, **settings: Any) -> BulkWebSocketClient:
    return BulkWebSocketClient(url, [BTC], TransactionSigner.generate_account(), **settings)


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition, with an end."""
    with anyio.fail_after(10):
        while not condition():
            await anyio.sleep(0.005)


@pytest.mark.anyio
async def test_d1_a_handler_that_places_an_order_gets_its_answer(exchange: ExchangeServer) -> None:
    """Handlers ran inside the loop that had to bring the answer, so it never came in time."""
    answers: list[str | None] = []
    async with trader(exchange.url, request_timeout=5.0) as client:

        async def on_ticker(_: Ticker) -> None:
            if not answers:
                answers.append((await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.1)).order_id)

        client.on(Topic.TICKER, on_ticker)
        await until(lambda: answers)
    assert answers[0] is not None


@pytest.mark.anyio
async def test_d4_a_failed_attempt_to_reconnect_is_not_the_last(line: Line) -> None:
    """One refused attempt, and nobody tried again."""
    async with trader(line.url, backoff_base=0.01) as client:
        line.refusing = True
        attempts = line.connections
        line.cut()
        await until(lambda: line.connections >= attempts + 3)
        line.refusing = False
        await until(lambda: client.is_connected)


def test_d9_clients_share_no_list_of_symbols() -> None:
    """The default was one list: what one client appended, every later client subscribed."""
    for kind in (BulkWebSocketClient, bulk_sync.BulkWebSocketClient):
        kind().symbols.append("DOGE-USD")
        assert "DOGE-USD" not in kind().symbols
        mine = [BTC]
        kind(symbols=mine).symbols.append("DOGE-USD")
        assert mine == [BTC]


@pytest.mark.anyio
async def test_d25_cancel_all_needs_no_arguments(exchange: ExchangeServer) -> None:
    """It raised a TypeError."""
    async with trader(exchange.url) as client:
        await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.1)
        assert not (await client.cancel_all()).is_error()
        await until(lambda: client.get_orders() == [])


@pytest.mark.anyio
async def test_d31_debug_changes_nothing_but_the_log(line: Line) -> None:
    """The wrapper that logged messages turned reconnecting off."""
    async with trader(line.url, debug=True, backoff_base=0.01) as client:
        attempts = line.connections
        line.cut()
        await until(lambda: line.connections > attempts and client.is_connected)


@pytest.mark.anyio
async def test_d34_a_failed_connect_cannot_be_overlooked(line: Line) -> None:
    """``False`` was all there was: a program that did not look ran on without a connection."""
    line.refusing = True
    client = trader(line.url)
    assert await client.connect() is False
    assert client.last_error is not None
    with pytest.raises(NotConnected):
        await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.1)
    with pytest.raises(NotConnected):
        await client.subscribe_trades([BTC])
    with pytest.raises(type(client.last_error)):
        async with client:
            pass


class Asynchronous:
    """A handler that is an object."""

    def __init__(self) -> None:
        self.finished = 0

    async def __call__(self, _: Ticker) -> None:
        await anyio.lowlevel.checkpoint()
        self.finished += 1


@pytest.mark.anyio
async def test_d35_objects_are_awaited_and_failures_are_told(exchange: ExchangeServer) -> None:
    """Only plain coroutine functions were awaited, and a failing handler was seen in the log alone."""
    handler = Asynchronous()
    failures: list[Any] = []

    def failing(_: Ticker) -> None:
        raise ZeroDivisionError("in the handler")

    async with trader(exchange.url) as client:
        client.on(Topic.TICKER, handler)
        client.on(Topic.TICKER, failing)
        client.on(Topic.HANDLER_FAILED, failures.append)
        await until(lambda: handler.finished and failures)
    assert failures[0].error == "ZeroDivisionError: in the handler"


def test_every_number_has_a_test() -> None:
    """This one keeps the two files complete."""
    files = (Path(__file__), Path(__file__).parents[1] / "proto" / Path(__file__).name)
    names = re.findall(r"def test_d(\d+)_", "".join(path.read_text() for path in files))
    assert {int(number) for number in names} == set(range(1, 42))
