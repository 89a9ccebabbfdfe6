"""The blocking client where others raise, interrupt or call what nobody expects: nobody waits for ever."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bulk_proto import Connected, Disconnected, OrderStatus, Topic, TransactionSigner, UsageError
from bulk_proto.events import Event
from bulk_proto.mailbox import Mailbox
from bulk_sync import BulkWebSocketClient
from bulk_sync.lookout import Lookout

from .blocking import BTC, Exchange, in_time, place, served, trader, until

pytestmark = pytest.mark.timeout(30)


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with served() as exchange:
        yield exchange


class Panic(BaseException):
    """What code in another language may raise."""


def panic(*_: object) -> Any:
    raise Panic


class Panicking:
    """A signer that ``fails`` as one in another language does."""

    def __init__(self) -> None:
        self._signer = TransactionSigner.generate_account()
        self.public_key = self._signer.public_key
        self.fails = False

    def sign(self, message: bytes) -> bytes:
        return panic() if self.fails else self._signer.sign(message)


# Errors that are no Exception ----------------------------------------------------------------------


def test_whatever_a_signer_raises_reaches_the_caller_and_the_client_goes_on(exchange: Exchange) -> None:
    signer = Panicking()
    with BulkWebSocketClient(exchange.url, [BTC], signer) as client:
        signer.fails = True
        assert isinstance(in_time(lambda: place(client)), Panic)
        signer.fails = False
        assert in_time(lambda: place(client)) is OrderStatus.RESTING


@pytest.mark.parametrize("method", ["next_deadline", "events"])
def test_those_who_wait_hear_of_the_end_whatever_ended_the_reading(
    method: str, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = trader(exchange.url)
    assert client.connect()
    stream = client.events(Topic.FILL)
    with monkeypatch.context() as broken:
        broken.setattr(client.core, method, panic)
        in_time(lambda: place(client))
        assert in_time(lambda: list(stream)) == []
        assert isinstance(in_time(client.disconnect), Panic)
    assert in_time(client.connect) is True
    assert in_time(lambda: place(client)) is OrderStatus.RESTING
    client.disconnect()


def test_a_handler_goes_on_although_the_log_of_its_failures_raises_what_is_no_exception(
    exchange: Exchange,
) -> None:
    seen: list[object] = []
    client = trader(exchange.url, (), logger=Loud("loud", logging.ERROR))

    def fail(order: object) -> None:
        seen.append(order)
        panic()

    client.on(Topic.ORDER, fail)
    with client:
        assert place(client) is OrderStatus.RESTING
        until(lambda: len(seen) == 1)
        assert place(client) is OrderStatus.RESTING
        until(lambda: len(seen) == 2)


class Loud(logging.Logger):
    def handle(self, record: logging.LogRecord) -> None:
        panic()


# Signal handlers -----------------------------------------------------------------------------------


def while_it_is_read(client: BulkWebSocketClient, interrupt: Callable[[], None]) -> None:
    with client._guard:
        interrupt()


def while_an_event_is_taken(client: BulkWebSocketClient, interrupt: Callable[[], None]) -> None:
    stream = client.events(Topic.DISCONNECTED, Topic.TICKER)
    stream._inbox._mailbox = Interrupted(interrupt)
    list(stream)


class Interrupted(Mailbox):
    """The first look into it is interrupted."""

    def __init__(self, interrupt: Callable[[], None]) -> None:
        super().__init__(1000)
        self._interrupts = [interrupt]

    def take(self) -> Event | None:
        while self._interrupts:
            self._interrupts.pop()()
        return super().take()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("interrupted", [while_it_is_read, while_an_event_is_taken])
def test_a_signal_handler_in_the_midst_of_another_call_may_disconnect_but_not_wait(
    interrupted: Callable[[BulkWebSocketClient, Callable[[], None]], None], exchange: Exchange
) -> None:
    client = trader(exchange.url)
    refused: list[str] = []

    def handler(*_: object) -> None:
        for wait in (lambda: place(client), client.__enter__):
            with pytest.raises(UsageError) as error:
                wait()
            refused.append(str(error.value))
        client.disconnect()

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        assert client.connect()
        interrupted(client, lambda: signal.raise_signal(signal.SIGUSR1))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert len(refused) == 2
    assert all("signal handler" in reason for reason in refused)
    until(lambda: not client._driver.is_running)
    assert not client.is_connected


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_signal_handler_that_interrupts_a_wait_disconnects_and_waits_itself(exchange: Exchange) -> None:
    client = trader(exchange.url)
    rested: list[bool] = []

    def handler(*_: object) -> None:
        client.disconnect()
        rested.append(not client._driver.is_running)

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        assert client.connect()
        main = threading.main_thread().ident
        assert main is not None
        fills = client.events(Topic.FILL)
        threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGUSR1)).start()
        assert list(fills) == []
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert rested == [True]


@pytest.fixture
def disconnects(exchange: Exchange) -> Iterator[BulkWebSocketClient]:
    """A client that SIGUSR1 disconnects."""
    client = trader(exchange.url)
    before = signal.signal(signal.SIGUSR1, lambda *_: client.disconnect())
    yield client
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_signal_handler_that_disconnects_while_connect_begins_is_heard(
    disconnects: BulkWebSocketClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> Lookout:
        signal.raise_signal(signal.SIGUSR1)
        return Lookout()

    monkeypatch.setattr("bulk_sync.reader.Lookout", interrupted)
    assert disconnects.connect() is False
    assert not disconnects.is_connected


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.skipif(sys.version_info >= (3, 13), reason="threads are joined in one step")
def test_a_signal_handler_that_disconnects_while_a_thread_is_joined_waits_for_nothing_of_its_own(
    disconnects: BulkWebSocketClient,
) -> None:
    assert disconnects.connect()
    for thread in disconnects._driver._threads:
        thread._tstate_lock = InterruptedLock(thread._tstate_lock)  # type: ignore[attr-defined]
    disconnects.disconnect()
    assert not disconnects.is_connected


class InterruptedLock:
    """A signal comes when it has just been taken."""

    def __init__(self, lock: Any) -> None:
        self.locked, self.release = lock.locked, lock.release
        self._lock = lock
        self._signals = [signal.SIGUSR1]

    def acquire(self, *how: Any) -> bool:
        is_ours: bool = self._lock.acquire(*how)
        if is_ours and threading.current_thread() is threading.main_thread():
            while self._signals:
                signal.raise_signal(self._signals.pop())
        return is_ours


# Handlers of the log -------------------------------------------------------------------------------


class Watchful(logging.Handler):
    """Does something as soon as a line of the log says what it waits for."""

    def __init__(self, act: Callable[[], object], moment: str = "connection lost") -> None:
        super().__init__()
        self.done = threading.Event()
        self._act = act
        self._moment = moment

    def emit(self, record: logging.LogRecord) -> None:
        if self._moment in record.getMessage():
            self._act()
            self.done.set()


@pytest.fixture
def log() -> logging.Logger:
    log = logging.Logger("watched")
    log.propagate = False
    return log


@pytest.mark.parametrize("debug", [False, True])
def test_a_handler_of_the_log_may_use_the_client(
    debug: bool, exchange: Exchange, log: logging.Logger
) -> None:
    client = trader(exchange.line.url, logger=log, debug=debug)
    watchful = Watchful(lambda: client.subscribe_ticker("ETH-USD"))
    log.addHandler(watchful)
    with client:
        exchange.cut()
        assert watchful.done.wait(10)
        until(lambda: "ETH-USD" in client.tickers)
        assert place(client) is OrderStatus.RESTING


def test_a_handler_of_the_log_may_disconnect(exchange: Exchange, log: logging.Logger) -> None:
    client = trader(exchange.line.url, logger=log)
    watchful = Watchful(client.disconnect)
    log.addHandler(watchful)
    assert client.connect()
    exchange.cut()
    assert watchful.done.wait(10)
    assert in_time(client.disconnect) is None
    assert not client.is_connected


@pytest.mark.parametrize("act", [panic, lambda client: client.disconnect()])
def test_a_handler_of_the_log_may_do_anything_when_a_connector_fails_unexpectedly(
    act: Callable[[BulkWebSocketClient], object], log: logging.Logger
) -> None:
    def connector(*_: object) -> Any:
        raise ValueError("broken")

    client = trader("ws://127.0.0.1:1", logger=log, connector=connector)
    watchful = Watchful(lambda: act(client), "failed unexpectedly")
    log.addHandler(watchful)
    assert in_time(client.connect) is False
    assert in_time(client.disconnect) is None


def test_a_log_that_was_too_slow_says_how_much_is_missing(
    exchange: Exchange, log: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    go = threading.Event()
    log.addHandler(caplog.handler)
    log.addHandler(Watchful(lambda: go.wait(10)))
    with trader(exchange.line.url, logger=log, handler_limit=1) as client:
        for _ in range(3):
            connected = client.events(Topic.CONNECTED, timeout=10)
            exchange.cut()
            next(connected)
        go.set()
        until(lambda: "lines are missing here" in caplog.text)


def test_a_log_that_blocks_holds_up_neither_the_line_nor_the_end(
    exchange: Exchange, log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulk_sync.audience.LAST_MAIL", 0.1)
    go = threading.Event()
    log.addHandler(Watchful(lambda: go.wait(10)))
    client = trader(exchange.line.url, logger=log)
    assert client.connect()
    lost = client.events(Topic.DISCONNECTED, Topic.CONNECTED, timeout=10)
    exchange.cut()
    assert [type(next(lost)) for _ in range(2)] == [Disconnected, Connected]
    assert place(client) is OrderStatus.RESTING
    assert in_time(client.disconnect) is None
    go.set()
