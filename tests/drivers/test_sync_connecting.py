"""The blocking client while it connects: interrupted, given up, and by several threads at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

import pytest

from bulk_proto import BulkError, OrderStatus
from bulk_proto.calls import Call
from bulk_proto.config import Config
from bulk_sync import BulkWebSocketClient, tcp_connector
from bulk_sync.audience import Audience, HandlerThread
from bulk_sync.connectors import Made
from bulk_sync.driver import Driver
from bulk_sync.errands import Opening
from bulk_sync.lookout import Lookout

from .blocking import Exchange, in_time, place, served, trader, until

pytestmark = pytest.mark.timeout(30)


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with served() as exchange:
        yield exchange


# Ctrl-C --------------------------------------------------------------------------------------------


def before_the_reader_is_noted(interrupted: pytest.MonkeyPatch) -> None:
    def begin(audience: Audience, wake: object) -> None:
        raise KeyboardInterrupt

    interrupted.setattr(Audience, "begin", begin)


def before_the_reader_runs(interrupted: pytest.MonkeyPatch) -> None:
    def start(thread: HandlerThread) -> None:
        raise KeyboardInterrupt

    interrupted.setattr(HandlerThread, "start", start)


def while_the_reader_begins(interrupted: pytest.MonkeyPatch) -> None:
    """Its thread is there, but has not come to read before its starter was interrupted."""
    _interrupt_after_the_start(interrupted, has_begun=False)


def once_the_reader_has_begun(interrupted: pytest.MonkeyPatch) -> None:
    _interrupt_after_the_start(interrupted, has_begun=True)


def _interrupt_after_the_start(interrupted: pytest.MonkeyPatch, has_begun: bool) -> None:
    main, go = threading.current_thread(), threading.Event()

    class Late(HandlerThread):
        def run(self) -> None:
            if not has_begun:
                go.wait(10)
            super().run()

        def start(self) -> None:
            super().start()
            if threading.current_thread() is main:
                until(lambda: not has_begun or _is_running(self))
                threading.Timer(0.01, go.set).start()
                raise KeyboardInterrupt

    interrupted.setattr("bulk_sync.driver.HandlerThread", Late)


def _is_running(thread: threading.Thread) -> bool:
    """Whether it has a relief already."""
    return sum(other.name == thread.name for other in threading.enumerate()) > 1


@pytest.mark.parametrize(
    "when",
    [
        before_the_reader_is_noted,
        before_the_reader_runs,
        while_the_reader_begins,
        once_the_reader_has_begun,
    ],
)
def test_ctrl_c_at_any_moment_of_connecting_leaves_a_client_at_rest_that_can_connect(
    when: Callable[[pytest.MonkeyPatch], None], exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = trader(exchange.url)
    with monkeypatch.context() as interrupted:
        when(interrupted)
        with pytest.raises(KeyboardInterrupt):
            client.connect()
    assert client._driver.leaving or not client._driver.serving
    assert in_time(client.disconnect) is None
    assert not client.is_connected
    assert in_time(client.connect) is True
    assert in_time(lambda: place(client)) is OrderStatus.RESTING
    client.disconnect()


def before_the_stop_is_posted(interrupted: pytest.MonkeyPatch) -> None:
    interrupted.setattr("bulk_sync.driver.Errand", interrupt)


def before_the_reader_hears_of_it(interrupted: pytest.MonkeyPatch) -> None:
    interrupted.setattr(Lookout, "ring", interrupt)


def interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


@pytest.mark.parametrize("when", [before_the_stop_is_posted, before_the_reader_hears_of_it])
def test_a_goodbye_that_was_interrupted_keeps_no_later_connect_waiting(
    when: Callable[[pytest.MonkeyPatch], None], exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = trader(exchange.url, ())
    assert client.connect()
    with monkeypatch.context() as interrupted:
        when(interrupted)
        with pytest.raises(KeyboardInterrupt):
            client.disconnect()
    assert in_time(client.connect) is True
    assert in_time(lambda: place(client)) is OrderStatus.RESTING
    client.disconnect()


def test_no_thread_to_read_in_is_an_error_and_the_client_can_connect_later(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(thread: HandlerThread) -> None:
        raise RuntimeError("can't start new thread")

    client = trader(exchange.url)
    with monkeypatch.context() as no_thread:
        no_thread.setattr(HandlerThread, "start", start)
        with pytest.raises(RuntimeError):
            client.connect()
    with client:
        assert place(client) is OrderStatus.RESTING


# Several at a time ---------------------------------------------------------------------------------


def test_a_connection_that_ends_while_connect_looks_at_it_ends_before_another_begins(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = trader(exchange.line.url, reconnect_attempts=0)
    assert client.connect()
    ending, go = threading.Event(), threading.Event()
    was_current: list[bool] = []
    finish = Driver._finish

    def finish_late(driver: Driver) -> None:
        ending.set()
        go.wait(10)
        was_current.append(client._driver is driver)
        finish(driver)

    def end_first(act: Callable[[float], Sequence[Call[None]]]) -> Opening:
        exchange.cut()
        assert ending.wait(10)
        threading.Timer(0.05, go.set).start()
        return Opening(act)

    with monkeypatch.context() as slow:
        slow.setattr(Driver, "_finish", finish_late)
        slow.setattr("bulk_sync.client.Opening", end_first)
        assert in_time(client.connect) is True
    assert was_current == [True]
    assert in_time(lambda: place(client)) is OrderStatus.RESTING
    client.disconnect()


class Slow:
    """A connector whose first attempt lasts until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go = threading.Event()
        self._connect = tcp_connector()

    def __call__(self, config: Config, timeout: float) -> Made:
        if not self.begun.is_set():
            self.begun.set()
            self.go.wait(10)
        return self._connect(config, timeout)


def test_a_failed_connect_leaves_alone_what_another_thread_connected_meanwhile(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = Slow()
    client = trader(exchange.url, connector=connector)
    wait, restarted = Opening.results, threading.Event()

    def clean_up_late(opening: Opening) -> list[None]:
        try:
            return wait(opening)
        except BulkError:
            restarted.wait(10)
            raise

    monkeypatch.setattr(Opening, "results", clean_up_late)
    came: list[bool] = []
    first = threading.Thread(target=lambda: came.append(client.connect()))
    first.start()
    assert connector.begun.wait(10)
    client.disconnect()
    assert client.connect()
    restarted.set()
    first.join(10)
    assert came == [False]
    assert place(client) is OrderStatus.RESTING
    connector.go.set()
    client.disconnect()


def connecting(client: BulkWebSocketClient, came: list[bool]) -> threading.Thread:
    thread = threading.Thread(target=lambda: came.append(client.connect()))
    thread.start()
    return thread


def test_a_second_thread_that_connects_waits_for_the_first_and_gets_its_outcome(exchange: Exchange) -> None:
    connector = Slow()
    client = trader(exchange.url, connector=connector)
    came: list[bool] = []
    threads = [connecting(client, came)]
    assert connector.begun.wait(10)
    threads += [connecting(client, came), connecting(client, came)]
    for thread in threads:
        thread.join(0.05)
    assert came == []
    connector.go.set()
    for thread in threads:
        thread.join(10)
    assert came == [True, True, True]
    assert client.last_error is None
    assert client.connect() is True
    client.disconnect()


def test_a_second_thread_that_connects_hears_why_the_first_failed(exchange: Exchange) -> None:
    connector = Slow()
    client = trader("ws://127.0.0.1:1", connector=connector)
    came: list[bool] = []
    threads = [connecting(client, came)]
    assert connector.begun.wait(10)
    threads.append(connecting(client, came))
    connector.go.set()
    for thread in threads:
        thread.join(10)
    assert came == [False, False]
    assert "refused" in str(client.last_error).lower()
