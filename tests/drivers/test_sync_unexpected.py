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


# Handlers of the log -------------------------------------------------------------------------------


class Watchful(logging.Handler):
    """Does something as soon as the line is lost."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self.done = threading.Event()
        self._act = act

    def emit(self, record: logging.LogRecord) -> None:
        if "connection lost" in record.getMessage():
            self._act()
            self.done.set()


@pytest.fixture
def log() -> logging.Logger:
    log = logging.Logger("watched")
    log.propagate = False
    return log


def test_a_handler_of_the_log_may_use_the_client(exchange: Exchange, log: logging.Logger) -> None:
    client = trader(exchange.line.url, logger=log)
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
