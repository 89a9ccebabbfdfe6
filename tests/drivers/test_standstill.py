"""The process stood still, suspended or busy: what came meanwhile is read before anything is missed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from bulk_anyio import BulkWebSocketClient
from bulk_proto import (
    Disconnected,
    LimitOrder,
    MarginUpdate,
    OrderResponse,
    OrderStatus,
    Side,
    Topic,
    TransactionSigner,
)
from bulk_sync.conversation import READ_SIZE
from bulk_sync.lookout import Lookout
from bulk_sync.polling import Poll

from .blocking import BTC, Exchange, place, served, trader, until

pytestmark = pytest.mark.timeout(30)

PATIENCE = 0.5  # seconds


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    """Its thread goes on while ours stands still."""
    with served() as exchange:
        yield exchange


def stand_still() -> None:
    time.sleep(2 * PATIENCE)


@pytest.mark.anyio
@pytest.mark.usefixtures("each_way_of_receiving")
@pytest.mark.parametrize("patience", ["request_timeout", "silence_timeout"])
async def test_an_answer_that_came_while_the_loop_was_held_up_is_in_time(
    patience: str, exchange: Exchange
) -> None:
    responses: list[OrderResponse] = []
    signer = TransactionSigner.generate_account()

    async def order() -> None:
        responses.extend(await client.place_orders([LimitOrder(BTC, Side.BUY, 50_000.0, 0.01)]))

    losses: list[Disconnected] = []
    settings: dict[str, Any] = {patience: PATIENCE}
    async with BulkWebSocketClient(exchange.url, [BTC], signer, **settings) as client:
        client.on(Topic.DISCONNECTED, losses.append)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(order)
            for _ in range(4):  # enough for the order to leave on either backend
                await anyio.lowlevel.checkpoint()
            stand_still()
        await anyio.sleep(0.1)
        assert losses == []
    assert [response.status for response in responses] == [OrderStatus.RESTING]


@pytest.mark.parametrize("read_size", [READ_SIZE, 20])
def test_an_answer_that_came_while_the_process_was_suspended_is_in_time(
    read_size: int, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulk_sync.conversation.READ_SIZE", read_size)
    with trader(exchange.url, (), request_timeout=PATIENCE) as client:
        lookout = client._driver._reader._lookout
        assert isinstance(lookout, Lookout)
        until(lambda: not lookout.is_deaf)
        lookout._poll = Suspended(lookout._poll)
        assert place(client) is OrderStatus.RESTING


class Suspended:
    """As if the process were suspended while it waits for the answer: time is up, and nothing was seen."""

    def __init__(self, poll: Poll) -> None:
        self.register, self.modify = poll.register, poll.modify
        self.unregister, self.close = poll.unregister, poll.close
        self._poll = poll

    def poll(self, timeout: float, maxevents: int, /) -> list[tuple[int, int]]:
        if 0.1 < timeout <= PATIENCE:
            stand_still()
            return []
        return self._poll.poll(timeout, maxevents)


@pytest.mark.anyio
@pytest.mark.usefixtures("each_way_of_receiving")
async def test_what_came_while_the_loop_was_held_up_is_iterated_over(exchange: Exchange) -> None:
    async with BulkWebSocketClient(exchange.url, [BTC]) as client:
        stream = client.events(Topic.TICKER, timeout=PATIENCE)
        for _ in range(3):
            await anext(stream)
            stand_still()
        assert (await anext(stream)).symbol == BTC


@pytest.mark.parametrize("comes", ["at the last moment", "after the process stood still"])
def test_what_comes_when_time_is_up_is_iterated_over(
    comes: str, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    with trader(exchange.url, (BTC,)) as client:
        stream = client.events(Topic.MARGIN, timeout=PATIENCE)
        waits = 0

        def wait(timeout: float) -> bool:
            nonlocal waits
            waits += 1
            if comes == "at the last moment" or waits == 2:
                stream._inbox.put(margin)
                return waits == 2
            stand_still()
            return False

        margin = MarginUpdate(account="me")
        monkeypatch.setattr(stream._inbox, "wait", wait)
        assert next(stream) is margin
