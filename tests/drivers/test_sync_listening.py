"""While the reader of the blocking client listens to the exchange alone, nobody else is kept waiting."""

from __future__ import annotations

import math
import socket
import threading
from collections import deque
from collections.abc import Iterator
from functools import partial
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from bulk_proto import ConnectionDropped, NotConnected, OrderStatus, Ticker, Topic
from bulk_proto.core import ClientCore
from bulk_sync.conversation import READ_SIZE, Conversation
from bulk_sync.errands import Bell, Errand
from bulk_sync.lookout import Lookout
from bulk_sync.polling import PortablePoll

from .blocking import BTC, Exchange, place, served, trader, until, until_deaf

pytestmark = pytest.mark.timeout(60)

NEVER = 3600.0


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with served(max_messages_per_second=1_000_000) as exchange:
        yield exchange


@pytest.fixture
def listens_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what the exchange says brings the reader back."""
    monkeypatch.setattr("bulk_sync.conversation.LISTENING", NEVER)


# The client ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("listens_for_ever")
def test_an_order_leaves_at_once_although_the_reader_hears_nothing_but_the_exchange(
    exchange: Exchange,
) -> None:
    client = trader(exchange.url, ())
    client.connect()
    for _ in range(20):
        until_deaf(client)
        assert place(client) is OrderStatus.RESTING
    client.cancel_all()
    until_deaf(client)
    client.disconnect()
    assert not client.is_connected


@pytest.mark.usefixtures("listens_for_ever")
def test_many_threads_trade_past_a_reader_that_listens_while_the_line_is_cut(exchange: Exchange) -> None:
    faults: list[BaseException] = []
    placed: list[OrderStatus] = []

    def trade() -> None:
        try:
            for _ in range(40):
                try:
                    placed.append(place(client))
                except (NotConnected, ConnectionDropped):
                    until(lambda: client.is_connected)
        except BaseException as fault:
            faults.append(fault)

    def has_placed(number: int) -> bool:
        return len(placed) >= number

    settings: dict[str, Any] = {"max_posts_per_second": 1_000_000, "backoff_cap": 0.05}
    with trader(exchange.line.url, (), **settings) as client:
        threads = [threading.Thread(target=trade) for _ in range(4)]
        for thread in threads:
            thread.start()
        for enough in (20, 60):
            until(partial(has_placed, enough))
            exchange.cut()
        for thread in threads:
            thread.join()
        assert faults == []
        assert exchange.line.connections >= 3
    assert set(placed) == {OrderStatus.RESTING}


@pytest.mark.usefixtures("listens_for_ever")
def test_what_a_stand_in_cannot_send_ends_the_connection_and_not_the_client(exchange: Exchange) -> None:
    with trader(exchange.url) as client:
        lost = client.events(Topic.DISCONNECTED, timeout=10)
        conversation = until_deaf(client)
        real = conversation.sock

        def refuse(data: bytes, flags: int = 0) -> int:
            raise OSError("no buffer space")

        fake: Any = SimpleNamespace(send=refuse, recv=real.recv, fileno=real.fileno, close=real.close)
        conversation.sock = fake
        with pytest.raises(ConnectionDropped):
            place(client)
        assert "no buffer space" in next(lost).detail
        until(lambda: client.is_connected)
        assert place(client) is OrderStatus.RESTING


@pytest.mark.usefixtures("listens_for_ever")
def test_an_order_that_left_through_a_socket_that_fails_oddly_has_an_unknown_outcome(
    exchange: Exchange,
) -> None:
    client = trader(exchange.url)
    client.connect()
    conversation = until_deaf(client)
    real = conversation.sock

    def send_and_fail(data: bytes, flags: int = 0) -> int:
        real.send(data, flags)
        raise RuntimeError("made to fail")

    fake: Any = SimpleNamespace(send=send_and_fail, recv=real.recv, fileno=real.fileno, close=real.close)
    conversation.sock = fake
    with pytest.raises(ConnectionDropped):
        place(client)
    with pytest.raises(RuntimeError):
        client.disconnect()


@pytest.mark.usefixtures("listens_for_ever")
def test_a_fault_while_standing_in_stops_the_client_and_is_reported(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = trader(exchange.url)
    client.connect()
    until_deaf(client)

    def broken(core: ClientCore) -> bytes:
        raise ZeroDivisionError("made to fail")

    with monkeypatch.context() as patch:
        patch.setattr(ClientCore, "data_to_send", broken)
        with pytest.raises(ConnectionDropped):
            place(client)
    with pytest.raises(ZeroDivisionError):
        client.disconnect()


def test_nobody_stands_in_for_a_reader_that_is_back(exchange: Exchange) -> None:
    client = trader(exchange.url)
    waits: list[bool] = []

    def on_ticker(ticker: Ticker) -> None:
        errand: Errand[None] = Errand(lambda now: [])
        client._driver._reader._errands.append(errand)
        client._driver._reader.stand_in()
        waits.append(errand in client._driver._reader._errands)

    client.on(Topic.TICKER, on_ticker)
    with client:
        until(lambda: len(waits) > 3)
    assert all(waits)


@pytest.mark.parametrize("why", ["this is not Linux", "the system wants longer numbers"])
def test_where_no_socket_can_be_listened_to_all_goes_on_as_well(
    why: str, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    if why == "this is not Linux":
        monkeypatch.setattr("bulk_sync.lookout.make_poll", PortablePoll)
        monkeypatch.setattr("bulk_sync.conversation.select", SimpleNamespace())
    else:
        monkeypatch.setattr("bulk_sync.conversation.struct", SimpleNamespace(pack=lambda *_: b"short"))
    with trader(exchange.url) as client:
        assert place(client) is OrderStatus.RESTING
        until(lambda: client.get_ticker(BTC))
        assert client._driver._reader._conversation is not None
        assert not client._driver._reader._conversation.can_listen


# The parts -----------------------------------------------------------------------------------------


class Pair:
    """A lookout that watches one end of a connection, whose other end is ``peer``."""

    def __init__(self) -> None:
        ours, self.peer = socket.socketpair()
        self.conversation = Conversation(ours)
        self.lookout = Lookout()
        self.lookout.watch(self.conversation)
        self.lookout.may_be_deaf = True

    def close(self) -> None:
        self.lookout.unwatch()
        self.lookout.close()
        self.conversation.close()
        self.peer.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.close()


def test_a_ring_before_the_reader_turns_deaf_keeps_it_from_listening(
    listens_for_ever: None, pair: Pair
) -> None:
    pair.peer.send(b"hello")
    assert pair.lookout.sleep(math.inf) == b"hello"
    assert pair.lookout.ring()
    assert pair.lookout.sleep(math.inf) is None


@pytest.mark.parametrize(
    "why", ["a deadline is near", "there are bytes to send", "nothing came lately", "it has taken stock"]
)
def test_a_reader_that_has_other_things_to_see_to_hears_a_ring(
    why: str, listens_for_ever: None, pair: Pair
) -> None:
    if why != "nothing came lately":
        pair.peer.send(b"hello")
        assert pair.lookout.sleep(math.inf) == b"hello"
    if why == "a deadline is near":
        pair.lookout.may_be_deaf = False
    if why == "it has taken stock":
        pair.lookout.is_talkative = False
    if why == "there are bytes to send":
        pair.conversation.send(bytes(10_000_000))
    ringing = threading.Timer(0.01, pair.lookout.ring)
    ringing.start()
    assert pair.lookout.sleep(math.inf) is None
    assert not pair.lookout.is_deaf
    ringing.join()


def test_listening_ends_by_itself_after_a_moment(pair: Pair) -> None:
    pair.peer.send(b"hello")
    assert pair.lookout.sleep(math.inf) == b"hello"
    assert pair.lookout.sleep(math.inf) is None
    assert pair.lookout.is_deaf


@pytest.mark.timeout(10)
def test_whoever_does_not_listen_is_not_kept_waiting_for_bytes(listens_for_ever: None, pair: Pair) -> None:
    assert pair.conversation.receive() is None
    pair.peer.send(b"hello")
    assert pair.conversation.receive() == b"hello"


def test_every_ring_is_heard_or_known_not_to_be(listens_for_ever: None, pair: Pair) -> None:
    """As the driver does it, thousands of times: an errand is run by the reader or by who stands in."""
    lookout, guard = pair.lookout, threading.Lock()
    errands: deque[Bell] = deque()
    chance = Random(8)

    def run_errands() -> None:
        while errands:
            errands.popleft().ring()

    def read() -> None:
        data: bytes | None = None
        while data != b"":
            data = lookout.sleep(math.inf)
            with guard:
                lookout.is_deaf = False
                run_errands()

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(3000):
        if chance.random() < 0.7:
            pair.peer.send(b"!")
        errand = Bell()
        errands.append(errand)
        if not lookout.ring():
            with guard:
                if lookout.is_deaf:
                    run_errands()
        assert errand.wait(30)
    pair.peer.shutdown(socket.SHUT_WR)
    reader.join()


def test_what_was_not_sent_when_the_connection_broke_is_tried_again_by_whoever_comes_next() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        conversation = Conversation(ours)
        theirs.close()
        for data in (b"an order", b""):
            with pytest.raises(BrokenPipeError):
                conversation.send(data)
        assert conversation.unsent == b"an order"


def test_a_read_leaves_nothing_of_a_tls_record() -> None:
    assert READ_SIZE >= 2**14  # RFC 8446 section 5.1: the largest record
