"""What a caller's own sockets can do to the blocking client: it outlives them, and can be disconnected."""

from __future__ import annotations

import math
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from bulk_proto import BulkError, OrderStatus, Topic
from bulk_proto.config import Config
from bulk_sync.connectors import Connector
from bulk_sync.conversation import Conversation
from bulk_sync.lookout import Lookout
from bulk_sync.polling import Poll, PortablePoll, make_poll

from .blocking import Exchange, place, served, trader, until

pytestmark = pytest.mark.timeout(30)

ELSEWHERE = "ws://nowhere.invalid"


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with served() as exchange:
        yield exchange


@pytest.fixture(params=[make_poll, PortablePoll])
def poll_of_each_kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Poll]:
    monkeypatch.setattr("bulk_sync.lookout.make_poll", request.param)
    make: Callable[[], Poll] = request.param
    return make


class Brittle(socket.socket):
    """Its methods named in ``broken`` raise ``error``; closing closes all the same."""

    broken: tuple[str, ...] = ()
    error: BaseException = ZeroDivisionError("made to fail")

    def _may(self, method: str) -> None:
        if method in self.broken:
            raise self.error

    def close(self) -> None:
        super().close()
        self._may("close")

    def fileno(self) -> int:
        self._may("fileno")
        return super().fileno()

    def setblocking(self, flag: bool) -> None:
        self._may("setblocking")
        super().setblocking(flag)


class Kept:
    """A connector that keeps what it made."""

    def __init__(self, exchange: Exchange, kind: type[socket.socket] = socket.socket) -> None:
        self.made: list[Any] = []
        self._exchange = exchange
        self._kind = kind

    def __call__(self, config: Config, timeout: float) -> socket.socket:
        sock = self._kind()
        sock.connect(("127.0.0.1", self._exchange.server.port))
        self.made.append(sock)
        return sock


# Hanging up ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("poll_of_each_kind")
@pytest.mark.parametrize("notices", ["an order", "the ping"])
@pytest.mark.parametrize("how", ["closed", "shut down and closed", "taken over"])
def test_a_connection_whose_socket_its_owner_closed_is_made_again(
    how: str, notices: str, exchange: Exchange
) -> None:
    """No system says so to a reader that sleeps: it finds out when it next sends, a ping at the latest."""
    connector = Kept(exchange)
    settings = {"ping_interval": 0.05} if notices == "the ping" else {}
    with trader(ELSEWHERE, (), connector=connector, **settings) as client:
        kept: socket.socket | None = None
        if how == "shut down and closed":
            connector.made[0].shutdown(socket.SHUT_RDWR)
        if how == "taken over":
            kept = socket.socket(fileno=connector.made[0].detach())
        connector.made[0].close()
        if notices == "an order":
            with suppress(BulkError):
                place(client)
        until(lambda: len(connector.made) == 2 and client.is_connected)
        if kept is not None:
            kept.close()
        assert place(client) is OrderStatus.RESTING
    assert not client.is_connected


@pytest.mark.usefixtures("poll_of_each_kind")
@pytest.mark.parametrize("method", ["close", "fileno"])
@pytest.mark.parametrize("error", [OSError("made to fail"), ZeroDivisionError("made to fail")])
def test_a_socket_that_fails_when_it_is_hung_up_is_a_lost_connection(
    error: Exception, method: str, exchange: Exchange
) -> None:
    connector = Kept(exchange, Brittle)
    with trader(ELSEWHERE, (), connector=connector) as client:
        connector.made[0].error = error
        connector.made[0].broken = (method,)
        connector.made[0].shutdown(socket.SHUT_RDWR)
        until(lambda: len(connector.made) == 2 and client.is_connected)
        assert place(client) is OrderStatus.RESTING
        connector.made[1].error = error
        connector.made[1].broken = (method,)
    assert client.connect()
    client.disconnect()
    assert len(connector.made) == 3


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ("unwatch", ZeroDivisionError("made to fail")),
        ("close", ZeroDivisionError("made to fail")),
        ("close", SystemExit(3)),
    ],
)
def test_a_client_comes_to_its_end_whatever_fails_on_the_way(
    step: str, error: BaseException, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    does = getattr(Lookout, step)

    def fail(lookout: Lookout) -> None:
        does(lookout)
        raise error

    client = trader(exchange.url, ())
    assert client.connect()
    stream = client.events(Topic.DISCONNECTED)
    driver = client._driver
    with monkeypatch.context() as broken:
        broken.setattr(Lookout, step, fail)
        broken.setattr(driver.core, "next_deadline", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            client.disconnect()
    assert len(list(stream)) == 1
    assert client.connect()
    client.disconnect()


def test_what_was_closed_behind_its_back_leaves_nothing_on_the_lookout(
    poll_of_each_kind: Callable[[], Poll],
) -> None:
    lookout = Lookout()
    ours, theirs = socket.socketpair()
    number = ours.fileno()
    lookout.watch(Conversation(ours))
    ours.close()
    again, other = socket.socketpair()
    with theirs, again, other:
        assert number in (again.fileno(), other.fileno())  # the system takes the lowest
        reused, peer = (again, other) if again.fileno() == number else (other, again)
        lookout.unwatch()
        lookout.unwatch()
        lookout.watch(Conversation(reused))
        peer.send(b"hello")
        assert lookout.sleep(math.inf) == b"hello"
        lookout.unwatch()
    lookout.close()


# Dialling ------------------------------------------------------------------------------------------


def no_thread(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """So many times the system has no thread to make a connection in."""
    start = threading.Thread.start
    left = [None] * times

    def start_or_not(thread: threading.Thread) -> None:
        if thread.name == "bulk connector" and left:
            left.pop()
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_or_not)


def test_no_thread_to_dial_in_is_a_failed_attempt(
    exchange: Exchange, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[Any] = []
    client = trader(exchange.line.url, (), handlers={Topic.DISCONNECTED: lost.append})
    no_thread(monkeypatch, 1)
    assert client.connect() is False
    assert str(client.last_error) == "unexpected RuntimeError: can't start new thread"
    assert caplog.text.count("the connection failed unexpectedly") == 1
    lost.clear()
    with client:
        no_thread(monkeypatch, 2)
        exchange.cut()
        until(lambda: len(lost) == 3 and client.is_connected)
        assert place(client) is OrderStatus.RESTING
    assert lost[1].detail == lost[2].detail == "unexpected RuntimeError: can't start new thread"


class Unset(Brittle):
    """No connection can be begun over it."""

    broken = ("setblocking", "close")


@pytest.mark.parametrize(
    "odd", [lambda: None, lambda: "no socket", Unset], ids=["None", "a text", "a socket"]
)
def test_a_connector_that_makes_something_odd_has_failed(
    odd: Callable[[], Any], exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    kept = Kept(exchange)
    first, second = odd(), odd()
    makes: deque[Connector] = deque([lambda *_: first, kept, lambda *_: second, kept])
    lost: list[Any] = []

    def connector(config: Config, timeout: float) -> Any:
        return makes.popleft()(config, timeout)

    client = trader(ELSEWHERE, (), connector=connector, handlers={Topic.DISCONNECTED: lost.append})
    assert client.connect() is False
    assert str(client.last_error).startswith("unexpected ")
    assert caplog.text.count("the connection failed unexpectedly") == 1
    lost.clear()
    with client:
        kept.made[0].shutdown(socket.SHUT_RDWR)
        until(lambda: len(lost) == 2 and client.is_connected)
        assert place(client) is OrderStatus.RESTING
    assert lost[1].detail == str(client.last_error)
    assert not any(isinstance(sock, Unset) and sock.fileno() >= 0 for sock in (first, second))
