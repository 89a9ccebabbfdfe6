"""Handlers, one by one: in order and one at a time, called at once where nobody has to wait for it."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_anyio import BulkWebSocketClient
from bulk_anyio.exchange import ExchangeServer, serve_exchange
from bulk_anyio.workers import Handler, Worker
from bulk_proto import Candle, Missed, Ticker, Topic, Trade
from bulk_proto.events import Candles, Event, HandlerFailed, Trades

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

BTC = "BTC-USD"
LOG = logging.getLogger("bulk_proto.test")


def never() -> bool:
    return False


def ticker(price: float) -> Ticker:
    return Ticker(BTC, last_price=price)


@asynccontextmanager
async def working(
    handler: Handler, topic: Topic = Topic.TICKER, limit: int = 1000
) -> AsyncIterator[tuple[Worker, list[Any]]]:
    """A worker with its task, and what it reports. Whatever it was given is read before the block is left."""
    reports: list[Event] = []
    worker = Worker(topic, handler, limit, LOG, reports.append)
    async with anyio.create_task_group() as tasks:
        worker.begin(tasks, is_ending=never)
        await anyio.wait_all_tasks_blocked()
        yield worker, reports
        worker.retire()


async def test_a_handler_that_fell_behind_is_reported_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[float] = []
    go = anyio.Event()

    async def slow(news: list[Trade]) -> None:
        seen.append(news[0].price)
        await go.wait()

    async with working(slow, Topic.TRADES, limit=2) as (worker, reports):
        for price in range(6):
            worker.put(Trades(BTC, [Trade(None, BTC, None, 1.0, price)]))
            await anyio.wait_all_tasks_blocked()
        go.set()
    assert seen == [0, 1, 2]
    assert reports == [Missed(3, slow.__qualname__, Topic.TRADES)]
    assert "fell behind and missed 3 events" in caplog.text


async def test_what_a_handler_did_not_come_to_is_no_news_on_the_next_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[float | None] = []

    async def handler(news: Ticker) -> None:
        seen.append(news.last_price)
        if news.last_price == 1:
            await anyio.sleep_forever()

    worker = Worker(Topic.TICKER, handler, 1000, LOG, lambda event: None)
    for prices in ((1, 2, 3), (4, 5)):
        async with anyio.create_task_group() as connection:
            worker.begin(connection, is_ending=never)
            for price in prices:
                worker.put(ticker(price))
            await anyio.wait_all_tasks_blocked()
            connection.cancel_scope.cancel()
        worker.put(ticker(9))  # told after its task had ended
        worker.forget()
    assert seen == [1, 4, 5]
    assert "did not come to read 2 events" in caplog.text


async def test_a_plain_function_has_been_called_when_the_news_is_delivered() -> None:
    seen: list[Any] = []
    async with working(seen.append) as (worker, _):
        for price in range(3):
            worker.put(ticker(price))
            assert len(seen) == price + 1


@pytest.mark.parametrize("kind", ["coroutine", "object", "lambda"])
async def test_a_coroutine_is_awaited_in_the_task_of_its_handler(kind: str) -> None:
    tasks: set[int] = set()

    async def handler(payload: object) -> None:
        await anyio.lowlevel.checkpoint()
        tasks.add(anyio.get_current_task().id)

    class Object:
        async def __call__(self, payload: object) -> None:
            await handler(payload)

    callables: dict[str, Handler] = {
        "coroutine": handler,
        "object": Object(),
        "lambda": lambda payload: handler(payload),
    }
    async with working(callables[kind]) as (worker, _):
        mine = worker.task_id
        worker.put(ticker(1))
        worker.put(ticker(2))
        assert not tasks
        await anyio.wait_all_tasks_blocked()
        assert tasks == {mine}


@settings(max_examples=50)
@given(
    kinds=st.lists(st.sampled_from(["plain", "failing", "waiting", "failing later"]), max_size=30),
    pauses=st.sets(st.integers(0, 30)),
    anyio_backend=st.sampled_from(["asyncio", "trio"]),
)
def test_payloads_come_in_order_and_one_at_a_time_whatever_the_handler_does(
    kinds: list[str], pauses: set[int], anyio_backend: str
) -> None:
    steps: list[tuple[str, int]] = []

    async def go_on(number: int) -> None:
        await anyio.lowlevel.checkpoint()
        steps.append(("end", number))
        if kinds[number] == "failing later":
            raise ValueError

    def handler(payload: Ticker) -> object:
        number = int(payload.last_price or 0)
        steps.append(("begin", number))
        if kinds[number] in ("waiting", "failing later"):
            return go_on(number)
        steps.append(("end", number))
        if kinds[number] == "failing":
            raise ValueError
        return None

    async def deliver() -> list[Any]:
        async with working(handler) as (worker, reports):
            for number in range(len(kinds)):
                worker.put(ticker(number))
                if number in pauses:
                    await anyio.lowlevel.checkpoint()
        return reports

    LOG.disabled = True
    reports = anyio.run(deliver, backend=anyio_backend)
    LOG.disabled = False
    assert steps == [(edge, number) for number in range(len(kinds)) for edge in ("begin", "end")]
    assert len(reports) == sum(kind.startswith("failing") for kind in kinds)


async def test_an_event_of_many_payloads_is_given_one_by_one_and_in_its_turn() -> None:
    bars = [Candle(BTC, "1m", at, None, 1.0, 1.0, 1.0, 1.0, 1.0, 1) for at in range(3)]
    candles = Candles(BTC, "1m", bars)
    seen: list[Any] = []
    async with working(seen.append, Topic.CANDLE) as (worker, _):
        worker.put(candles)
        worker.put(candles)
        assert seen == []
    assert seen == bars * 2


async def test_a_handler_taken_back_while_it_runs_is_not_called_again() -> None:
    calls: list[object] = []

    def handler(payload: object) -> None:
        calls.append(payload)
        worker.dismiss()
        worker.put(ticker(2))

    async with working(handler) as (worker, _):
        worker.put(ticker(1))
        worker.put(ticker(3))
    assert calls == [ticker(1)]


async def test_a_handler_that_was_taken_back_is_not_called() -> None:
    calls: list[object] = []
    async with working(calls.append) as (worker, _):
        worker.dismiss()
        worker.put(ticker(1))
    assert calls == []


async def test_news_that_a_handler_brings_about_waits_until_it_has_returned() -> None:
    steps: list[object] = []

    def handler(payload: Ticker) -> None:
        if payload.last_price == 1:
            worker.put(ticker(2))
        steps.append(payload.last_price)

    async with working(handler) as (worker, _):
        worker.put(ticker(1))
        worker.put(ticker(3))
    assert steps == [1, 2, 3]


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("made to fail")


@pytest.mark.parametrize(
    "error",
    [
        SystemExit(3),
        KeyboardInterrupt(),
        asyncio.CancelledError(),
        BaseExceptionGroup("", [KeyboardInterrupt()]),
        Unspeakable(),
    ],
)
async def test_whatever_a_plain_function_raises_is_a_failed_handler(error: BaseException) -> None:
    def handler(payload: object) -> None:
        raise error

    async with working(handler) as (worker, reports):
        worker.put(ticker(1))
        worker.put(ticker(2))
        assert [report.failed_on for report in reports] == [Topic.TICKER] * 2


async def test_an_error_without_a_text_is_a_failed_coroutine_too() -> None:
    async def handler(payload: object) -> None:
        raise Unspeakable

    async with working(handler) as (worker, reports):
        worker.put(ticker(1))
        worker.put(ticker(2))
    assert [report.error.partition(":")[0] for report in reports] == ["Unspeakable"] * 2


async def test_a_coroutine_that_nobody_awaits_any_more_is_closed() -> None:
    async def unawaited() -> None:
        raise AssertionError

    worker = Worker(Topic.TICKER, lambda payload: unawaited(), 10, LOG, print)
    async with anyio.create_task_group() as tasks:
        worker.begin(tasks, is_ending=never)
        await anyio.wait_all_tasks_blocked()
        worker.put(ticker(1))
        tasks.cancel_scope.cancel()  # a coroutine that was never awaited is a warning, and that an error here


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_what_waits_for_a_handler_whose_task_is_cancelled_is_read_by_the_next(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tasks: list[asyncio.Task[Any] | None] = []
    seen: list[int] = []

    async def handler(candle: Candle) -> None:
        tasks.append(asyncio.current_task())
        seen.append(candle.open_time)
        if len(seen) == 1:
            await anyio.sleep_forever()

    async with working(handler, Topic.CANDLE) as (worker, reports):
        for times in ((1, 2), (3,)):
            worker.put(Candles(BTC, "1m", [Candle(BTC, "1m", time) for time in times]))
        await anyio.wait_all_tasks_blocked()
        assert tasks[0] is not None
        tasks[0].cancel()
    assert seen == [1, 2, 3]
    assert tasks[0].done()
    assert len(set(tasks)) == 2
    assert [type(report) for report in reports] == [HandlerFailed]
    assert "did not come to read" not in caplog.text


async def test_a_variable_that_a_handler_sets_is_its_own() -> None:
    variable = contextvars.ContextVar("variable", default=0)
    seen: list[int] = []

    def handler(payload: object) -> None:
        variable.set(variable.get() + 1)
        seen.append(variable.get())

    async with working(handler) as (one, _), working(handler) as (other, _):
        for worker in (one, one, other, other):
            worker.put(ticker(1))
    assert seen == [1, 2, 1, 2]
    assert variable.get() == 0


async def test_other_tasks_have_their_turn_while_a_handler_works_off_its_mail() -> None:
    turns: list[int] = []
    seen: list[object] = []

    async def busy(payload: object) -> None:
        seen.append(payload)
        end = perf_counter() + 0.001
        while perf_counter() < end:
            pass

    async def count() -> None:
        while len(seen) < 100:
            turns.append(len(seen))
            await anyio.lowlevel.checkpoint()

    async with working(busy) as (worker, _), anyio.create_task_group() as tasks:
        for _ in range(100):
            worker.put(ticker(1))
        tasks.start_soon(count)
    assert len(turns) >= 5


# In a client ----------------------------------------------------------------------------------------------


async def until(condition: Callable[[], object]) -> None:
    with anyio.fail_after(10):
        while not condition():
            await anyio.sleep(0.005)


async def test_a_plain_handler_may_use_its_loop_and_its_client(exchange: ExchangeServer) -> None:
    moments: list[float] = []
    later: list[object] = []
    answers: list[object] = []

    async with anyio.create_task_group() as tasks:
        client = BulkWebSocketClient(exchange.url, [BTC])

        async def subscribe() -> None:
            await client.subscribe_trades([BTC])
            answers.append("confirmed")

        def handler(payload: Ticker) -> None:
            moments.append(anyio.current_time())
            if len(moments) == 1:
                client.on(Topic.TICKER, later.append)
                tasks.start_soon(subscribe)
            else:
                client.off(Topic.TICKER, handler)

        client.on(Topic.TICKER, handler)
        async with client:
            await until(lambda: answers and len(later) > 2)
            assert len(moments) == 2


def test_anyio_works_in_a_plain_handler_without_anyio_run() -> None:
    seen: list[object] = []
    failures: list[object] = []

    def handler(payload: object) -> None:
        seen.append(anyio.current_time())
        anyio.Event().set()

    async def main() -> None:
        async with serve_exchange(seed=7) as exchange:
            client = BulkWebSocketClient(exchange.url, [BTC])
            client.on(Topic.TICKER, handler)
            client.on(Topic.HANDLER_FAILED, failures.append)
            async with client:
                await until(lambda: len(seen) > 1)

    asyncio.run(main())
    assert failures == []
