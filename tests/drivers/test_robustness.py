"""Handlers, connectors, logs and signals that misbehave: the client goes on serving, or says why not."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream

from bulk_anyio import BulkWebSocketClient
from bulk_anyio.exchange import ExchangeServer, serve_exchange_in_thread
from bulk_proto import (
    Disconnected,
    DisconnectReason,
    LinkError,
    OrderStatus,
    Side,
    Topic,
    TransactionSigner,
    UsageError,
)
from bulk_proto.config import Config

from .line import Line

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

BTC = "BTC-USD"


def trader(url: str, **settings: Any) -> BulkWebSocketClient:
    settings.setdefault("backoff_base", 0.02)
    return BulkWebSocketClient(url, [BTC], TransactionSigner.generate_account(), **settings)


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    with anyio.fail_after(seconds):
        while not condition():
            await anyio.sleep(0.005)


async def await_something_cancelled() -> None:
    cancelled = asyncio.get_running_loop().create_future()
    cancelled.cancel()
    await cancelled


def exit_the_program() -> None:
    sys.exit(3)


def interrupt() -> None:
    raise KeyboardInterrupt


def raise_a_group() -> None:
    raise BaseExceptionGroup("several", [KeyboardInterrupt()])


class BrokenLog(logging.Logger):
    """Every line fails, as with a disk that is full."""

    def handle(self, record: logging.LogRecord) -> None:
        raise OSError("no space left")


# Handlers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("misbehave", "error"),
    [
        (exit_the_program, "SystemExit: 3"),
        (interrupt, "KeyboardInterrupt: "),
        (raise_a_group, "BaseExceptionGroup: several (1 sub-exception)"),
    ],
)
async def test_a_handler_cannot_end_the_client_or_the_program(
    exchange: ExchangeServer, misbehave: Callable[[], None], error: str
) -> None:
    calls: list[object] = []
    failures: list[Any] = []

    def handler(ticker: object) -> None:
        calls.append(ticker)
        if len(calls) == 1:
            misbehave()

    client = trader(exchange.url)
    client.on(Topic.TICKER, handler)
    client.on(Topic.HANDLER_FAILED, failures.append)
    async with client:
        await until(lambda: len(calls) > 2)
        assert [failure.error for failure in failures] == [error]
        response = await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.1)
        assert response.status is OrderStatus.RESTING


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_handler_that_awaits_something_cancelled_has_failed_and_stays(
    exchange: ExchangeServer, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[object] = []
    failures: list[Any] = []

    async def handler(ticker: object) -> None:
        calls.append(ticker)
        if len(calls) == 1:
            await await_something_cancelled()

    client = trader(exchange.url)
    client.on(Topic.TICKER, handler)
    client.on(Topic.HANDLER_FAILED, failures.append)
    async with client:
        await until(lambda: len(calls) > 2)
        assert [failure.error for failure in failures] == ["CancelledError: "]
        assert (await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.1)).status is OrderStatus.RESTING
    assert "handler" in caplog.text
    assert client.last_error is None


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_handler_whose_task_is_cancelled_has_failed_and_goes_on_in_another(
    exchange: ExchangeServer,
) -> None:
    tasks: list[asyncio.Task[Any]] = []
    failures: list[Any] = []

    async def handler(ticker: object) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        await anyio.sleep_forever()

    client = trader(exchange.url)
    client.on(Topic.TICKER, handler)
    client.on(Topic.HANDLER_FAILED, failures.append)
    async with client:
        await until(lambda: tasks)
        tasks[0].cancel()
        await until(lambda: len(tasks) == 2)
        assert [task.done() for task in tasks] == [True, False]
        assert [failure.error for failure in failures] == ["CancelledError: "]
        assert (await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.1)).status is OrderStatus.RESTING


async def test_a_handler_that_hangs_is_cancelled_after_disconnecting_and_has_not_failed(
    exchange: ExchangeServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bulk_anyio.client.LAST_MAIL", 0.05)
    calls: list[object] = []

    async def handler(ticker: object) -> None:
        calls.append(ticker)
        await anyio.sleep_forever()

    client = trader(exchange.url)
    client.on(Topic.TICKER, handler)
    async with client:
        await until(lambda: calls)
    assert len(calls) == 1
    assert "cut off" in caplog.text
    assert all(record.levelname != "ERROR" for record in caplog.records)


async def test_nobody_waits_for_a_handler_that_came_when_all_was_over(
    exchange: ExchangeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulk_anyio.client.LAST_MAIL", 60.0)
    tickers: list[object] = []

    async def register_another(event: object) -> None:
        await client._rested.wait()
        client.on(Topic.TICKER, tickers.append)

    client = trader(exchange.url)
    client.on(Topic.DISCONNECTED, register_another)
    for _ in range(2):
        with anyio.fail_after(10):
            await client.connect()
            await client.disconnect()
    await client.connect()
    await until(lambda: tickers)
    await client.disconnect()


@pytest.mark.parametrize("debug", [False, True])
async def test_a_log_that_fails_disturbs_nobody(exchange: ExchangeServer, line: Line, debug: bool) -> None:
    calls: list[object] = []
    failures: list[object] = []
    lost: list[object] = []

    def handler(ticker: object) -> None:
        calls.append(ticker)
        raise ValueError("not today")

    client = trader(line.url, logger=BrokenLog("broken"), debug=debug)
    client.on(Topic.TICKER, handler)
    client.on(Topic.HANDLER_FAILED, failures.append)
    client.on(Topic.DISCONNECTED, lost.append)
    async with client:
        await until(lambda: len(failures) > 1)
        line.cut()
        await until(lambda: lost)
        await until(lambda: client.is_connected)
    assert len(calls) == len(failures)
    line.refusing = True
    assert await client.connect() is False


# Ctrl-C --------------------------------------------------------------------------------------------------

INTERRUPTED = """
    import sys, time
    import anyio
    from bulk_anyio import BulkWebSocketClient
    from bulk_anyio.exchange import serve_exchange
    from bulk_proto import Topic, TransactionSigner

    def busy(ticker):
        print("busy", flush=True)
        end = time.perf_counter() + 0.19
        while time.perf_counter() < end:
            pass

    async def main():
        async with serve_exchange(seed=1) as exchange:
            client = BulkWebSocketClient(exchange.url, ["BTC-USD"], TransactionSigner.generate_account())
            client.on(Topic.TICKER, busy)
            await client.connect()
            try:
                await anyio.sleep_forever()
            finally:
                with anyio.CancelScope(shield=True):
                    print((await client.cancel_all()).status.value, flush=True)
                    await client.disconnect()
                    print("disconnected", flush=True)

    try:
        anyio.run(main, backend=sys.argv[1])
    except* KeyboardInterrupt:  # in a group from serve_exchange's own tasks, on trio
        print("interrupted")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
def test_after_ctrl_c_in_a_busy_handler_the_main_task_can_still_cancel_its_orders(
    anyio_backend: str,
) -> None:
    command = [sys.executable, "-c", textwrap.dedent(INTERRUPTED), anyio_backend]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as program:
        assert program.stdout is not None
        for _ in range(2):
            assert program.stdout.readline() == "busy\n"
        program.send_signal(signal.SIGINT)
        try:
            out, err = program.communicate(timeout=30)
        finally:
            program.kill()
    said = [text for text in out.splitlines() if text != "busy"]
    assert said[1:] == ["disconnected", "interrupted"], err
    assert said[0].startswith("cancel")
    assert err == ""


INTERRUPTED_AS_AN_ORDER_LEAVES = """
    import signal, sys
    import anyio
    from bulk_anyio import BulkWebSocketClient
    from bulk_anyio.exchange import serve_exchange
    from bulk_proto import Side, TransactionSigner

    async def main():
        async with serve_exchange(seed=1) as exchange:
            client = BulkWebSocketClient(exchange.url, ["BTC-USD"], TransactionSigner.generate_account())
            async with client:
                send = client.core.on_urgent_data

                def send_and_press_ctrl_c():
                    client.core.on_urgent_data = send
                    send()
                    signal.raise_signal(signal.SIGINT)

                client.core.on_urgent_data = send_and_press_ctrl_c
                try:
                    await client.place_limit_order("BTC-USD", Side.BUY, 50_000.0, 0.01)
                finally:
                    (account,) = client.core.accounts.values()
                    print(*(order.price for order in account.pending.values()))

    try:
        anyio.run(main, backend=sys.argv[1])
    except* KeyboardInterrupt:  # in a group from serve_exchange's own tasks, on trio
        print("interrupted")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
def test_after_ctrl_c_as_an_order_leaves_the_order_is_known(anyio_backend: str) -> None:
    program = textwrap.dedent(INTERRUPTED_AS_AN_ORDER_LEAVES)
    found = subprocess.run(
        [sys.executable, "-c", program, anyio_backend], capture_output=True, text=True, timeout=30
    )
    assert found.stdout.splitlines() == ["50000.0", "interrupted"], found.stderr
    assert found.stderr == ""


# Connections ---------------------------------------------------------------------------------------------


async def test_connect_returns_false_when_a_connector_raises_anything(
    anyio_backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def connector(config: Config) -> ByteStream:
        raise KeyError("boom")

    client = trader("ws://127.0.0.1:1", connector=connector)
    assert await client.connect() is False
    assert isinstance(client.last_error, LinkError)
    assert str(client.last_error) == "unexpected KeyError: 'boom'"
    assert caplog.text.count("the connection failed unexpectedly") == 1
    await client.disconnect()


async def test_an_unexpected_error_while_reconnecting_is_one_more_failed_attempt(line: Line) -> None:
    attempts: list[Config] = []
    lost: list[Any] = []

    async def connector(config: Config) -> ByteStream:
        attempts.append(config)
        if len(attempts) == 2:
            raise KeyError("boom")
        return await anyio.connect_tcp("127.0.0.1", line.port)

    client = trader(line.url, connector=connector)
    client.on(Topic.DISCONNECTED, lost.append)
    async with client:
        line.cut()
        await until(lambda: len(attempts) == 3 and client.is_connected)
        await until(lambda: len(lost) == 2)
    assert lost[1].detail == "unexpected KeyError: 'boom'"


async def test_what_ends_the_driver_is_told_to_all_and_raised_by_disconnect(
    exchange: ExchangeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[Disconnected] = []
    client = trader(exchange.url)
    client.on(Topic.DISCONNECTED, lost.append)
    await client.connect()
    stream = client.events(Topic.DISCONNECTED)

    def broken(now: float) -> None:
        raise KeyError("a defect")

    monkeypatch.setattr(client.core, "handle_deadline", broken)
    monkeypatch.setattr(client.core, "next_deadline", lambda: 0.0)
    client._driver.poke()
    with anyio.fail_after(10):
        seen = [event async for event in stream]
    await until(client._gone.is_set)
    assert lost == seen
    assert [(event.reason, event.retry_at) for event in lost] == [(DisconnectReason.LOST, None)]
    assert "a defect" in str(client.last_error)
    with pytest.raises(KeyError, match="a defect"):
        await client.disconnect()
    await client.disconnect()


async def test_all_who_wait_for_one_failing_attempt_learn_the_same_reason(
    anyio_backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def connector(config: Config) -> ByteStream:
        await anyio.sleep(0.01)
        raise OSError("no route")

    client = trader("ws://127.0.0.1:1", connector=connector)
    outcomes: list[tuple[bool, str]] = []

    async def connect() -> None:
        outcomes.append((await client.connect(), str(client.last_error)))

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(connect)
    assert outcomes == [(False, "connection lost: no route")] * 3
    assert caplog.text.count("could not connect to ws://127.0.0.1:1: connection lost: no route") == 3


async def test_who_waits_for_an_attempt_that_is_cancelled_makes_another(line: Line) -> None:
    client = trader(line.url)
    first = anyio.CancelScope()
    outcomes: list[bool] = []

    async def give_up() -> None:
        with first:
            outcomes.append(await client.connect())

    async def connect() -> None:
        outcomes.append(await client.connect())

    line.mute = True
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(give_up)
        await until(lambda: client._host)
        tasks.start_soon(connect)
        tasks.start_soon(connect)
        await until(lambda: line.connections)
        line.mute = False
        first.cancel()
    assert outcomes == [True, True]
    await client.disconnect()


async def test_an_attempt_that_was_ended_does_not_speak_for_the_next_one(line: Line) -> None:
    client = trader(line.url)
    outcomes: list[tuple[str, bool]] = []

    async def connect(name: str) -> None:
        outcomes.append((name, await client.connect()))

    async def start_anew() -> None:
        await client.disconnect()
        tasks.start_soon(connect, "third")
        await connect("second")

    line.mute = True
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connect, "first")
        await until(lambda: line.connections)
        line.mute = False
        tasks.start_soon(start_anew)
    assert sorted(outcomes) == [("first", False), ("second", True), ("third", True)]
    await client.disconnect()


async def test_a_handler_that_disconnected_is_told_that_another_task_must_connect(
    exchange: ExchangeServer, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes: list[tuple[bool, str]] = []
    connected = anyio.Event()
    client = trader(exchange.url)

    async def start_anew(ticker: object) -> None:
        client.off(Topic.TICKER, start_anew)
        await client.disconnect()
        outcomes.append((await client.connect(), str(client.last_error)))
        connected.set()

    client.on(Topic.TICKER, start_anew)
    assert await client.connect()
    with anyio.fail_after(5):
        await connected.wait()
    ((outcome, reason),) = outcomes
    assert outcome is False
    assert "this handler ends with it" in reason
    assert "have another task do that" in reason
    assert "reconnecting" not in caplog.text
    assert await client.connect()
    await client.disconnect()


async def test_who_connects_while_another_task_disconnects_waits_for_that(line: Line) -> None:
    client = trader(line.url, closing_timeout=0.2)
    assert await client.connect()
    line.deaf = True
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.disconnect)
        await until(lambda: not client.is_connected)
        line.deaf = False
        assert await client.connect()
    assert client.is_connected
    await client.disconnect()


async def test_the_reason_why_connect_returns_false_is_the_last_error(line: Line) -> None:
    client = trader(line.url, backoff_base=10.0)
    assert await client.connect()
    line.refusing = True
    line.cut()
    await until(lambda: not client.is_connected)
    assert await client.connect() is False
    assert isinstance(client.last_error, UsageError)
    assert "reconnecting by itself (connection lost: " in str(client.last_error)
    await client.disconnect()
    line.refusing = False
    assert await client.connect()
    assert client.last_error is None
    await client.disconnect()


# Streams -------------------------------------------------------------------------------------------------


async def test_a_second_task_may_not_wait_on_one_stream(exchange: ExchangeServer) -> None:
    async with trader(exchange.url) as client:
        stream = client.events(Topic.BOOK_STALE)

        async def read() -> None:
            async for _ in stream:
                pass

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(UsageError, match="another task"):
                await anext(stream)
            stream.close()
        with pytest.raises(StopAsyncIteration):  # the first has ended: anybody may ask again
            await anext(stream)


async def test_events_of_no_topic_are_a_mistake(exchange: ExchangeServer) -> None:
    async with trader(exchange.url) as client:
        with pytest.raises(UsageError, match="topics"):
            client.events()


async def test_a_topic_may_be_named_by_its_value_throughout(exchange: ExchangeServer) -> None:
    taken_back: list[object] = []
    seen: list[object] = []
    topic: Any = Topic.TICKER.value
    client = trader(exchange.url)
    client.on(topic, taken_back.append)
    client.on(topic, seen.append)
    client.off(topic, taken_back.append)
    with pytest.raises(UsageError, match="no such topic"):
        client.off("tickers", seen.append)  # type: ignore[arg-type]
    async with client:
        await until(lambda: len(seen) >= 2)
    assert taken_back == []


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
def test_a_client_is_not_used_from_another_loop(anyio_backend: str) -> None:
    """Nothing there would ever wake who waits, though an order might leave all the same."""

    async def use_it_there() -> None:
        with anyio.fail_after(5):
            for use in (partial(client.place_limit_order, BTC, Side.BUY, 50_000.0, 0.1), client.disconnect):
                with pytest.raises(UsageError, match="another event loop"):
                    await use()
            assert not await client.connect()
            assert isinstance(client.last_error, UsageError)

    async def serve() -> None:
        async with client:
            await anyio.to_thread.run_sync(lambda: anyio.run(use_it_there, backend=anyio_backend))
            answer = await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.2)
            assert answer.status is OrderStatus.RESTING

    with serve_exchange_in_thread(seed=7) as server:
        client = trader(server.url)
        anyio.run(serve, backend=anyio_backend)
        assert [order["sz"] for order in server.received.actions("l")] == [0.2]


def test_a_client_whose_loop_was_closed_says_so_in_the_next() -> None:
    async def use() -> None:
        with pytest.raises(UsageError, match="closed without disconnect"):
            await asyncio.wait_for(client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.1), 5)

    with serve_exchange_in_thread(seed=7) as server:
        client = trader(server.url)
        loop = asyncio.new_event_loop()
        assert loop.run_until_complete(client.connect())
        loop.close()
        asyncio.run(use())
        assert server.received.actions("l") == []
