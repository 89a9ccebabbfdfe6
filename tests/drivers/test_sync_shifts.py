"""Handlers of the blocking client run in the thread that reads, and still cannot hold it up."""

from __future__ import annotations

import logging
import os
import threading
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from bulk_proto import (
    Connected,
    Disconnected,
    NotConnected,
    OrderStatus,
    RateLimited,
    Side,
    Ticker,
    Topic,
    UsageError,
)
from bulk_proto.events import DisconnectReason, Event, HandlerFailed, Missed
from bulk_sync import BulkWebSocketClient
from bulk_sync.audience import Audience, HandlerThread
from bulk_sync.shifts import Shift

from .blocking import BTC, Exchange, served, trader, until

pytestmark = pytest.mark.timeout(30)

TOPICS = (Topic.CONNECTED, Topic.DISCONNECTED, Topic.MISSED)
NEVER = 3600.0


def event(topic: Topic, number: int) -> Event:
    match topic:
        case Topic.CONNECTED:
            return Connected(number, resumed=False)
        case Topic.DISCONNECTED:
            return Disconnected(DisconnectReason.LOST, retry_at=float(number))
        case _:
            return Missed(number)


def number_of(payload: Any) -> int:
    match payload:
        case Connected(attempt=number) | Missed(count=number):
            return number
        case _:
            return int(payload.retry_at)


class Reading:
    """Threads that read from a script as a driver's do from a socket."""

    def __init__(self, limit: int = 100_000) -> None:
        logger = logging.getLogger("test of shifts")
        logger.disabled = True
        self.audience = Audience(limit, logger)
        self.audience.begin(lambda: None)
        self.readers: list[threading.Thread] = []
        self._script: Iterator[list[Event]] = iter(())
        self._over = threading.Event()

    def read(self, script: Iterator[list[Event]]) -> None:
        """Begin; :meth:`is_over` when all of the script has been handed out."""
        self._over.clear()
        self._script = script
        HandlerThread(self.audience, self._read).start()

    def is_over(self) -> bool:
        return self._over.is_set()

    def end(self) -> None:
        until(self.is_over, 30)
        self.audience.end()
        self.audience.wait_until_empty()

    def _read(self) -> None:
        self.readers.append(threading.current_thread())
        shift = Shift()
        HandlerThread(self.audience, lambda: self._stand_by(shift)).start()
        while self.audience.hand_out(shift):
            news = next(self._script, None)
            self.audience.collect(news or [])
            if news is None and self.audience.is_up_to_date:
                shift.end()
                self._over.set()
                return

    def _stand_by(self, shift: Shift) -> None:
        if shift.stand_by(lambda: None):
            self._read()


class Handler:
    """Takes as long as chance wants, and finds out whether it is called as promised."""

    def __init__(self, seed: str, slow: float) -> None:
        self.seen: list[int] = []
        self.threads: set[int] = set()
        self.fault = ""
        self._slow = slow
        self._chance = Random(seed)
        self._alone = threading.Lock()

    def __call__(self, payload: object) -> None:
        if not self._alone.acquire(False):
            self.fault = "two threads at once"
        self.threads.add(threading.get_ident())
        if self._chance.random() < self._slow:
            threading.Event().wait(self._chance.uniform(0, 0.004))
        self.seen.append(number_of(payload))
        self._alone.release()
        if self._chance.random() < 0.02:
            raise ValueError("made to fail")


@pytest.mark.parametrize("seed", range(8))
def test_whatever_handlers_do_each_gets_every_event_in_order_and_alone(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulk_sync.shifts.PATIENCE", 0.001)
    monkeypatch.setattr("bulk_sync.workers.TRIAL", 3)
    chance = Random(seed)
    numbers: dict[Topic, list[int]] = defaultdict(list)

    def script() -> Iterator[list[Event]]:
        for number in range(150):
            topics = chance.choices(TOPICS, k=chance.randrange(6))
            for topic in topics:
                numbers[topic].append(number)
            yield [event(topic, number) for topic in topics]

    reading = Reading()
    failures: list[HandlerFailed] = []
    handlers = [
        (topic, Handler(f"{seed}/{topic}/{slow}", slow)) for topic in TOPICS for slow in (0.0, 0.02, 0.3)
    ]
    for topic, handler in handlers:
        reading.audience.add_handler(topic, handler)
    reading.audience.add_handler(Topic.HANDLER_FAILED, failures.append)
    reading.read(script())
    reading.end()
    for topic, handler in handlers:
        assert handler.seen == numbers[topic]
        assert handler.fault == ""
    assert len(reading.readers) > 1  # it did come to that
    assert failures


def relieved_within(handlers: int, chance: Random) -> bool:
    """Run so many handlers, of which few let other threads run meanwhile; did the relief take over?"""
    shift = Shift()
    relieved: list[bool] = []
    relief = threading.Thread(target=lambda: relieved.append(shift.stand_by(lambda: None)))
    relief.start()
    shift.begin_round()
    kept = True
    for _ in range(handlers):
        shift.let_go()
        if chance.random() < 0.01:
            time.sleep(0)
        kept = shift.take_back()
        if not kept:
            break
    shift.end_round()
    shift.end()
    relief.join()
    assert relieved == [not kept]
    return relieved[0]


def test_one_of_reader_and_relief_goes_on_and_never_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bulk_sync.shifts.PATIENCE", 0.0)
    chance = Random(5)
    found = {relieved_within(chance.randrange(200), chance) for _ in range(300)}
    assert found == {True, False}


def test_a_relief_sleeps_while_nothing_happens_and_wakes_for_the_next_handler(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bulk_sync.shifts.PATIENCE", 0.001)
    shift = Shift()
    relieved: list[bool] = []
    relief = threading.Thread(target=lambda: relieved.append(shift.stand_by(lambda: None)))
    relief.start()
    until(lambda: shift._relief_sleeps)
    shift.begin_round()
    shift.let_go()
    relief.join()
    assert relieved == [True]
    assert not shift.take_back()


def test_a_quick_handler_runs_where_it_was_read_and_a_slow_one_gets_a_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bulk_sync.shifts.PATIENCE", 0.01)
    monkeypatch.setattr("bulk_sync.workers.TRIAL", 5)
    release = threading.Event()
    quick: list[threading.Thread] = []
    slow: list[threading.Thread] = []

    def hesitant(payload: object) -> None:
        slow.append(threading.current_thread())
        if len(slow) == 1:
            release.wait(30)

    def script() -> Iterator[list[Event]]:
        for number in range(6):
            yield [event(Topic.CONNECTED, number)]
        assert len(slow) == 1  # it is still with the first
        release.set()
        until(lambda: len(slow) == 6 and not slow[0].is_alive())  # it has proved quick enough
        yield [event(Topic.CONNECTED, 7)]

    reading = Reading()
    reading.audience.add_handler(Topic.CONNECTED, hesitant)
    reading.audience.add_handler(Topic.CONNECTED, lambda payload: quick.append(threading.current_thread()))
    reading.read(script())
    reading.end()
    first, second = reading.readers
    assert slow == [first] * 6 + [second]
    assert quick == [second] * 7


def test_a_handler_that_is_still_in_its_first_event_is_waited_for_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bulk_sync.shifts.PATIENCE", 0.001)
    release = threading.Event()
    done: list[object] = []

    def slow(payload: object) -> None:
        release.wait(30)
        done.append(payload)

    reading = Reading()
    reading.audience.add_handler(Topic.CONNECTED, slow)
    reading.read(iter([[Connected(1, resumed=False)]]))
    until(reading.is_over)
    threading.Timer(0.05, release.set).start()
    reading.end()
    assert len(done) == 1


def test_a_handler_that_fell_behind_is_reported_and_goes_on() -> None:
    release = threading.Event()
    seen: list[object] = []
    reports: list[object] = []

    def slow(payload: object) -> None:
        seen.append(payload)
        release.wait(30)

    def script() -> Iterator[list[Event]]:
        for number in range(5):
            yield [Connected(number, resumed=False)]
        release.set()
        until(lambda: len(seen) == 3)
        while not reports:
            yield []

    reading = Reading(limit=2)
    reading.audience.add_handler(Topic.CONNECTED, slow)
    reading.audience.add_handler(Topic.MISSED, reports.append)
    reading.read(script())
    reading.end()
    assert [number_of(payload) for payload in seen] == [0, 1, 2]
    assert reports == [Missed(2, slow.__qualname__, Topic.CONNECTED)]


def test_what_a_handler_does_not_come_to_read_before_the_end_is_counted_in_the_log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulk_sync.audience.LAST_MAIL", 0.05)
    release = threading.Event()
    seen: list[object] = []

    def stuck(payload: object) -> None:
        seen.append(payload)
        release.wait(30)

    def script() -> Iterator[list[Event]]:
        yield [Connected(1, resumed=False)]
        yield [Connected(2, resumed=False), Connected(3, resumed=False)]

    reading = Reading()
    logging.getLogger("test of shifts").disabled = False
    reading.audience.add_handler(Topic.CONNECTED, stuck)
    reading.read(script())
    reading.end()
    release.set()
    until(lambda: "did not come to read 2 events" in caplog.text)
    assert len(seen) == 1


def test_a_handler_taken_back_by_another_one_does_not_hear_of_the_same_event() -> None:
    seen: list[object] = []
    reading = Reading()
    reading.audience.add_handler(
        Topic.CONNECTED, lambda payload: reading.audience.remove_handler(Topic.CONNECTED, seen.append)
    )
    reading.audience.add_handler(Topic.CONNECTED, seen.append)
    reading.read(iter([[Connected(1, resumed=False)]]))
    reading.end()
    assert seen == []


def test_a_stuck_handler_that_is_taken_back_takes_nothing_more() -> None:
    release = threading.Event()
    seen: list[object] = []

    def stuck(payload: object) -> None:
        seen.append(payload)
        release.wait(30)

    def script() -> Iterator[list[Event]]:
        yield [Connected(1, resumed=False)]
        yield [Connected(2, resumed=False)]
        reading.audience.remove_handler(Topic.CONNECTED, stuck)
        release.set()
        until(lambda: not reading.readers[0].is_alive())

    reading = Reading()
    reading.audience.add_handler(Topic.CONNECTED, stuck)
    reading.read(script())
    reading.end()
    assert len(seen) == 1


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("made to fail")


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), Unspeakable()])
def test_whatever_a_handler_raises_is_a_failed_handler_and_nothing_else(error: BaseException) -> None:
    calls: list[object] = []
    failures: list[HandlerFailed] = []

    def bad(payload: object) -> None:
        calls.append(payload)
        raise error

    reading = Reading()
    reading.audience.add_handler(Topic.CONNECTED, bad)
    reading.audience.add_handler(Topic.HANDLER_FAILED, failures.append)
    reading.read(iter([[Connected(1, resumed=False)], [Connected(2, resumed=False)], []]))
    reading.end()
    assert len(calls) == 2
    assert [failure.error.partition(":")[0] for failure in failures] == [type(error).__name__] * 2


# With an exchange ----------------------------------------------------------------------------------


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with served(max_messages_per_second=1_000_000, ping_interval=0.1, pong_timeout=0.6) as exchange:
        yield exchange


def compute_until(condition: Callable[[], bool]) -> None:
    while not condition():
        sum(range(1000))


@pytest.mark.parametrize("computes", [False, True])
def test_while_a_handler_is_busy_pings_and_orders_are_answered(exchange: Exchange, computes: bool) -> None:
    release = threading.Event()
    busy: list[object] = []
    lost: list[object] = []

    def on_ticker(ticker: Ticker) -> None:
        busy.append(ticker)
        if computes:
            compute_until(release.is_set)
        else:
            release.wait(30)

    with trader(exchange.url, handlers={Topic.DISCONNECTED: lost.append}) as client:
        client.on(Topic.TICKER, on_ticker)
        until(lambda: busy)
        end = time.monotonic() + 1.5  # many pings
        try:
            while time.monotonic() < end:
                with suppress(RateLimited):  # that quick are they
                    order = client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)
                    assert order.status is OrderStatus.RESTING
            assert len(busy) == 1
            assert lost == []
        finally:
            release.set()


def test_a_handler_that_waits_for_the_client_is_not_kept_waiting(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulk_sync.shifts.PATIENCE", NEVER)
    done: list[object] = []
    client = trader(exchange.url)

    def on_ticker(ticker: Ticker) -> None:
        client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)
        client.subscribe_context()
        done.append(ticker)

    def on_other_ticker(ticker: Ticker) -> None:
        client.cancel_all()
        done.append(ticker)

    client.on(Topic.TICKER, on_ticker)
    client.on(Topic.TICKER, on_other_ticker)
    with client:
        until(lambda: len(done) >= 6)


def test_a_handler_may_disconnect_and_connect_again_from_anywhere(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulk_sync.shifts.PATIENCE", NEVER)
    steps: list[str] = []
    client = BulkWebSocketClient(exchange.url, [BTC])

    def on_ticker(ticker: Ticker) -> None:
        if not steps:
            steps.append("leaving")
            client.disconnect()
            steps.append("left")

    def on_disconnected(gone: Disconnected) -> None:
        if "back" not in steps:
            client.connect()
            steps.append("back")

    client.on(Topic.TICKER, on_ticker)
    client.on(Topic.DISCONNECTED, on_disconnected)
    client.connect()
    until(lambda: len(steps) == 3)
    assert client.is_connected
    client.disconnect()
    until(lambda: not any(isinstance(thread, HandlerThread) for thread in threading.enumerate()))


@pytest.mark.parametrize("threads", [0, 1])
def test_without_threads_to_be_had_the_client_does_not_begin(
    exchange: Exchange, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def start_few(thread: threading.Thread) -> None:
        if isinstance(thread, HandlerThread):
            started.append(thread)
            if len(started) > threads:
                raise RuntimeError("can't start new thread")
        start(thread)

    client = BulkWebSocketClient(exchange.url, [BTC])
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start_few)
        with pytest.raises(RuntimeError, match="new thread"):
            client.connect()
    assert not client.is_connected
    with client:
        until(lambda: client.get_ticker(BTC))


def test_a_client_that_loses_its_last_thread_to_a_handler_stops_and_says_so(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    release = threading.Event()
    client = BulkWebSocketClient(
        exchange.url, [BTC], handlers={Topic.TICKER: lambda ticker: release.wait(20)}
    )
    client.connect()

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(HandlerThread, "start", refuse)
    until(lambda: "can't start new thread" in caplog.text)
    assert not client.is_connected
    release.set()
    with pytest.raises(NotConnected):
        client.subscribe_context()
    with pytest.raises(RuntimeError, match="new thread"):
        client.disconnect()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks of POSIX")
def test_a_handler_may_fork_and_the_client_goes_on_in_the_parent_alone(exchange: Exchange) -> None:
    children: list[int] = []
    client = trader(exchange.url)

    def on_ticker(ticker: Ticker) -> None:
        if children:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # newer interpreters warn of forks
            child = os.fork()
        if not child:
            try:
                client.cancel_all()
            except UsageError:
                os._exit(0)
            os._exit(1)
        children.append(child)

    client.on(Topic.TICKER, on_ticker)
    with client:
        until(lambda: children)
        _, status = os.waitpid(children[0], 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01).status is OrderStatus.RESTING
