"""The blocking client among threads: many callers, a busy main thread, iterators."""

from __future__ import annotations

import gc
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest

from bulk_proto import (
    Connected,
    Disconnected,
    Side,
    Ticker,
    Topic,
    UsageError,
)
from bulk_proto.calls import Call
from bulk_proto.events import Missed
from bulk_sync import BulkWebSocketClient
from bulk_sync.conversation import Conversation
from bulk_sync.errands import Bell, Errand
from bulk_sync.inbox import Inbox
from bulk_sync.polling import READ, WRITE, Poll, PortablePoll, make_poll
from bulk_sync.streams import EventStream

from .blocking import BTC, Exchange, place, served, trader, until
from .traders import Traders, trade_on_a_bad_line

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with served(max_messages_per_second=1_000_000) as exchange:
        yield exchange


def test_threads_may_trade_at_the_same_time_and_each_gets_its_own_answers(exchange: Exchange) -> None:
    with trader(exchange.url, max_posts_per_second=1_000_000) as client:
        client.subscribe_orderbook_delta(BTC)
        traders = Traders(client, threads=8)
        traders.run(seconds=1.5)
        assert traders.in_doubt == set()


def test_a_line_that_is_cut_again_and_again_neither_loses_nor_doubles_an_order(exchange: Exchange) -> None:
    trade_on_a_bad_line(exchange, threads=8, seconds=1.5, pause=0.3)


def test_nor_do_handlers_that_make_the_reading_change_hands_all_the_time(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulk_sync.shifts.PATIENCE", 0.001)
    monkeypatch.setattr("bulk_sync.workers.TRIAL", 3)
    chance = Random(6)
    readers: set[threading.Thread] = set()

    def hesitate(payload: object) -> None:
        readers.add(threading.current_thread())
        if chance.random() < 0.1:
            threading.Event().wait(chance.uniform(0, 0.004))

    handlers = dict.fromkeys((Topic.ORDER, Topic.L2DELTA, Topic.CONNECTED, Topic.DISCONNECTED), hesitate)
    trade_on_a_bad_line(exchange, threads=4, seconds=1.5, pause=0.3, handlers=handlers)
    assert len(readers) > 5


@pytest.mark.long
@pytest.mark.timeout(120)
def test_sixteen_threads_trade_for_a_minute_on_a_bad_line(exchange: Exchange) -> None:
    trade_on_a_bad_line(exchange, threads=16, seconds=60.0, pause=1.0)


def test_many_threads_may_connect_and_disconnect_one_client(exchange: Exchange) -> None:
    client = trader(exchange.url)

    def come_and_go() -> None:
        for _ in range(5):
            client.connect()
            client.disconnect()

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not client.is_connected
    assert client.connect()
    client.disconnect()


def test_a_main_thread_that_computes_loses_neither_connection_nor_events() -> None:
    with served(ping_interval=0.1, pong_timeout=0.1) as exchange:
        events: list[Any] = []
        handlers = {Topic.DISCONNECTED: events.append}
        with trader(exchange.url, handlers=handlers) as client:
            order = client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)
            end = time.monotonic() + 1.0
            while time.monotonic() < end:
                sum(range(1000))
            assert client.is_connected
            assert events == []
            assert set(client.open_orders) == {order.order_id}


def test_no_thread_is_left_after_disconnecting(exchange: Exchange) -> None:
    before = set(threading.enumerate())
    with trader(exchange.url, handlers={Topic.TICKER: lambda ticker: None}):
        its_own = [thread for thread in threading.enumerate() if thread.name == "bulk client"]
        assert set(its_own) - before
    assert not any(thread.is_alive() for thread in its_own)


def test_a_stuck_handler_is_left_behind_in_time_and_goes_on_when_it_can(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulk_sync.audience.LAST_MAIL", 0.1)
    release = threading.Event()
    seen: list[threading.Thread] = []

    def stuck(ticker: Ticker) -> None:
        seen.append(threading.current_thread())
        release.wait(10)

    client = BulkWebSocketClient(exchange.url, [BTC], handlers={Topic.TICKER: stuck})
    client.connect()
    until(lambda: seen)
    client.disconnect()
    assert seen[0].is_alive()
    client.connect()
    release.set()
    until(lambda: len(seen) > 1)
    assert set(seen) == {seen[0]}  # never two threads in one handler
    client.disconnect()


# Iterating -----------------------------------------------------------------------------------------


def test_events_are_iterated_over_until_the_client_disconnects(exchange: Exchange) -> None:
    with trader(exchange.url) as client:
        orders = client.events(Topic.ORDER, Topic.DISCONNECTED)
        order = client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)
        assert next(orders).order_id == order.order_id
        threading.Timer(0.05, client.disconnect).start()
        assert [type(event) for event in orders] == [Disconnected]
        assert list(orders) == []


def test_an_iteration_ends_when_nothing_came_in_time(exchange: Exchange) -> None:
    with BulkWebSocketClient(exchange.url, [BTC]) as client:
        assert list(client.events(Topic.FILL, timeout=0.05)) == []
        assert isinstance(next(client.events(Topic.TICKER, timeout=5)), Ticker)


def test_an_iteration_outlasts_a_lost_connection(exchange: Exchange) -> None:
    with trader(exchange.line.url) as client:
        events = client.events(Topic.CONNECTED, timeout=10)
        exchange.cut()
        assert isinstance(next(events), Connected)


def test_an_iterator_on_which_another_thread_waits_is_refused_and_goes_on_afterwards(
    exchange: Exchange,
) -> None:
    with trader(exchange.url, ()) as client, ThreadPoolExecutor(1) as other:
        orders = client.events(Topic.ORDER)
        first = other.submit(next, orders)
        until(lambda: is_waited_on(orders))
        with pytest.raises(UsageError, match="make one for each thread"):
            next(orders)
        placed = place(client), place(client)
        assert (first.result(10).status, next(orders).status) == placed


def test_an_iterator_ends_in_a_forked_child_whatever_thread_was_at_its_mailbox() -> None:
    inbox = Inbox(5)
    inbox.put(Connected(0, resumed=False))
    with inbox._lock:  # by a thread that the child has not
        inbox.disown()
        assert list(EventStream(inbox, None)) == [Connected(0, resumed=False)]


def is_waited_on(stream: EventStream) -> bool:
    if stream._turn.acquire(False):
        stream._turn.release()
        return False
    return True


def test_an_iterator_that_was_forgotten_collects_no_more(exchange: Exchange) -> None:
    with trader(exchange.url) as client:
        stream = client.events(Topic.TICKER)
        inbox = stream._inbox
        del stream
        gc.collect()
        assert inbox.closed
        client.events(Topic.TICKER)
        assert inbox not in client._audience._readers[Topic.TICKER]


def test_an_iterator_says_where_it_fell_behind() -> None:
    inbox = Inbox(1)
    for attempt in range(3):
        inbox.put(Connected(attempt, resumed=False))
    inbox.close()
    inbox.put(Connected(9, resumed=False))
    assert list(EventStream(inbox, None)) == [Connected(0, resumed=False), Missed(2)]


# The parts -----------------------------------------------------------------------------------------


def test_a_bell_that_rings_before_anybody_waits_is_heard_once() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()
    assert bell.wait()
    assert not bell.wait(0.0)


def test_an_errand_that_was_withdrawn_in_time_is_not_run() -> None:
    ran: list[float] = []

    def run(now: float) -> list[Call[None]]:
        ran.append(now)
        return []

    errand = Errand(run)
    errand.withdraw()
    errand.run(0.0)
    assert ran == []


class Picky(socket.socket):
    """A socket that behaves as a TLS socket may: it must read before it can write, and the reverse."""

    complaint: type[Exception] = ssl.SSLWantWriteError

    def send(self, data: Any, flags: int = 0) -> int:
        raise ssl.SSLWantReadError

    def recv(self, size: int, flags: int = 0) -> bytes:
        raise self.complaint


@pytest.mark.parametrize("make", [make_poll, PortablePoll])
def test_sockets_are_waited_for_on_systems_with_and_without_epoll(make: Callable[[], Poll]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        poll = make()
        poll.register(ours, READ)
        assert poll.poll(0.0, 2) == []
        poll.modify(ours, READ | WRITE)
        assert [number for number, _ in poll.poll(1.0, 2)] == [ours.fileno()]
        poll.modify(ours, READ)
        theirs.send(b"!")
        assert [number for number, _ in poll.poll(1.0, 2)] == [ours.fileno()]
        poll.unregister(ours.fileno())
        poll.register(theirs, READ)
        assert poll.poll(0.001, 2) == []
        poll.close()


def test_what_a_socket_does_not_take_yet_is_kept_and_sent_first() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        conversation = Conversation(ours)
        conversation.send(bytes(10_000_000))
        assert conversation.wants_room
        conversation.send(b"the end")
        theirs.setblocking(False)
        heard = bytearray()
        while conversation.wants_room:
            heard += theirs.recv(1_000_000)
            conversation.send(b"")
        while len(heard) < 10_000_007:
            heard += theirs.recv(1_000_000)
        assert heard == bytes(10_000_000) + b"the end"
        assert conversation.receive() is None


def test_tls_that_must_read_before_it_writes_and_the_reverse_is_waited_for() -> None:
    with Picky() as picky:
        conversation = Conversation(picky)
        assert conversation.receive() is None
        assert conversation.wants_room
        conversation.send(b"hello")
        assert conversation.unsent == b"hello"  # it must hear something first
        assert conversation.wants_room  # for what it must write before it can
        picky.complaint = ssl.SSLWantReadError
        assert conversation.receive() is None
        assert not conversation.wants_room


def test_a_mailbox_without_room_is_refused() -> None:
    with pytest.raises(UsageError):
        BulkWebSocketClient("ws://127.0.0.1:9", handler_limit=0, handlers={Topic.FILL: print})
