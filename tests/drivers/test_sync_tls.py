"""TLS of the blocking client: the handshake, what passes through it, and a reader that listens past it."""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, cast

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto import OrderStatus, TlsError, Topic
from bulk_proto.config import Config
from bulk_sync import BulkWebSocketClient, tcp_connector
from bulk_sync.connectors import _left
from bulk_sync.secured import SecuredSocket, converse
from bulk_sync.tls import Tls

from .blocking import BTC, Exchange, behind_tls, place, served, trader, until, until_deaf
from .servers import LOOPBACK
from .traders import Traders, trade_on_a_bad_line

pytestmark = pytest.mark.timeout(60)

HOST = "localhost"
AUTHORITY = trustme.CA()
SERVER = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
AUTHORITY.issue_cert(HOST, LOOPBACK).configure_cert(SERVER)
CLIENT = ssl.create_default_context()
AUTHORITY.configure_trust(CLIENT)


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with served(max_messages_per_second=1_000_000) as exchange:
        yield exchange


@pytest.fixture
def secured(exchange: Exchange) -> Iterator[Exchange]:
    with behind_tls(exchange, SERVER) as secured:
        yield secured


# The client ----------------------------------------------------------------------------------------


def test_it_talks_tls_also_in_messages_larger_than_one_read(secured: Exchange) -> None:
    candles: list[Any] = []
    with trader(secured.url, ssl_context=CLIENT, handlers={Topic.CANDLE: candles.append}) as client:
        for interval in ("10s", "1m", "5m"):
            client.subscribe_candles(BTC, interval)
        client.subscribe_orderbook_delta(BTC)
        Traders(client, threads=4).run(seconds=0.5)
        until(lambda: len(candles) > 300)


def test_a_line_that_is_cut_again_and_again_neither_loses_nor_doubles_an_order(secured: Exchange) -> None:
    trade_on_a_bad_line(secured, threads=8, seconds=1.5, pause=0.3, ssl_context=CLIENT)


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="sockets are listened to on Linux")
def test_orders_of_many_threads_leave_at_once_although_the_reader_hears_nothing_but_the_exchange(
    secured: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulk_sync.conversation.LISTENING", 3600.0)
    client = trader(secured.url, (), ssl_context=CLIENT)
    client.connect()
    until_deaf(client)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: place(client), range(200)))
    assert found == [OrderStatus.RESTING] * 200
    client.cancel_all()
    client.disconnect()


def test_a_certificate_that_nobody_vouches_for_is_refused(secured: Exchange) -> None:
    client = BulkWebSocketClient(secured.url, [BTC])
    assert client.connect() is False
    assert isinstance(client.last_error, TlsError)
    assert "the issuer" in str(client.last_error)


def test_a_port_that_talks_no_tls_is_named_as_such(exchange: Exchange) -> None:
    client = BulkWebSocketClient(f"wss://localhost:{exchange.server.port}", [BTC])
    assert client.connect() is False
    assert "no TLS with localhost" in str(client.last_error)


def test_a_connector_may_bring_a_tls_socket_of_its_own(secured: Exchange) -> None:
    def connector(config: Config, timeout: float) -> ssl.SSLSocket:
        sock = socket.create_connection((config.host, config.port), timeout)
        return CLIENT.wrap_socket(sock, server_hostname=config.host)

    with trader(secured.url, connector=connector) as client:
        until(lambda: client.get_ticker(BTC))
        assert place(client) is OrderStatus.RESTING


def test_a_connector_may_set_options_of_what_ours_makes(secured: Exchange) -> None:
    dial = tcp_connector(CLIENT)

    def connector(config: Config, timeout: float) -> SecuredSocket:
        made = dial(config, timeout)
        assert isinstance(made, SecuredSocket)
        made.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return made

    with trader(secured.url, connector=connector) as client:
        assert place(client) is OrderStatus.RESTING


def test_a_connection_with_tls_can_be_listened_to(secured: Exchange) -> None:
    with trader(secured.url, ssl_context=CLIENT) as client:
        conversation = client._driver._reader._conversation
        assert conversation is not None
        assert conversation.can_listen == hasattr(select, "epoll")


# The handshake -------------------------------------------------------------------------------------


@contextmanager
def handshake_with(server: Callable[[socket.socket], object]) -> Iterator[socket.socket]:
    """Our end of a connection whose other end ``server`` gets, in a thread of its own."""
    ours, theirs = socket.socketpair()
    with ours, theirs, ThreadPoolExecutor(1) as thread:
        served = thread.submit(server, theirs)
        yield ours
        served.result()


def test_a_server_that_hangs_up_during_the_handshake_is_named_as_such() -> None:
    def hang_up(theirs: socket.socket) -> None:
        theirs.recv(65536)
        theirs.close()

    with (
        handshake_with(hang_up) as ours,
        pytest.raises(TlsError, match="it hung up during the handshake"),
    ):
        Tls().secure(ours, HOST, lambda: 5.0)
    assert ours.fileno() == -1


def test_a_name_that_cannot_have_a_certificate_is_a_failed_attempt() -> None:
    ours, theirs = socket.socketpair()
    with theirs, pytest.raises(TlsError, match=r"no TLS with \.example: "):
        Tls().secure(ours, ".example", lambda: 5.0)
    assert ours.fileno() == -1


def test_a_server_that_is_refused_is_told_why() -> None:
    reasons: list[str] = []

    def serve(theirs: socket.socket) -> None:
        with pytest.raises(ssl.SSLError) as caught:
            SERVER.wrap_socket(theirs, server_side=True).recv(1)
        reasons.append(caught.value.reason)

    with handshake_with(serve) as ours, pytest.raises(TlsError, match="the issuer"):
        Tls().secure(ours, HOST, lambda: 5.0)
    assert reasons == ["TLSV1_ALERT_UNKNOWN_CA"]


def test_a_handshake_that_trickles_in_gets_no_more_time_than_there_is() -> None:
    over = threading.Event()
    asked = 0

    def trickle(theirs: socket.socket) -> None:
        with suppress(OSError):
            theirs.send(b"\x16\x03\x03\x40\x00")  # a record of 16 KiB begins: RFC 8446 section 5.1
            while not over.wait(0.001):
                theirs.send(b"\x00")

    def patience() -> float:
        nonlocal asked
        asked += 1
        return _left(time.monotonic() + (5.0 if asked < 10 else 0.0))

    with handshake_with(trickle) as ours:
        try:
            with pytest.raises(TlsError, match=f"no TLS with {HOST}: timed out"):
                Tls().secure(ours, HOST, patience)
        finally:
            over.set()
    assert asked == 10


# What passes through it ----------------------------------------------------------------------------


class Agreed:
    """A conversation, its session shaken hands with ``server``; what the server seals is in ``outgoing``."""

    def __init__(self, early: bytes = b"") -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server = SERVER.wrap_bio(self.incoming, self.outgoing, server_side=True)
        ours, self.peer = socket.socketpair()
        to_us, from_us = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = CLIENT.wrap_bio(to_us, from_us, server_hostname=HOST)
        for side in (session, self.server, session, self.server):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
            self.incoming.write(from_us.read())
            to_us.write(self.outgoing.read())
        self.server.write(early) if early else None
        to_us.write(self.outgoing.read())
        self.conversation = converse(SecuredSocket(ours, session, to_us, from_us))
        self.taken: list[bytes] = []
        self.take = self.conversation.decrypting(lambda data, now: self.taken.append(data), 1.0)

    def seal(self, data: bytes) -> bytes:
        self.server.write(data)
        return self.outgoing.read()

    def unseal(self, data: bytes) -> bytes:
        """What the server reads in these bytes from us."""
        self.incoming.write(data)
        return self.server.read(65536)

    def close(self) -> None:
        self.conversation.close()
        self.peer.close()


@pytest.fixture
def agreed() -> Iterator[Agreed]:
    agreed = Agreed()
    yield agreed
    agreed.close()


@given(st.lists(st.binary(min_size=1, max_size=40_000), max_size=5), st.data())
def test_whatever_is_sealed_comes_out_however_it_is_cut(texts: list[bytes], data: st.DataObject) -> None:
    agreed = Agreed()
    try:
        sealed = b"".join(agreed.seal(text) for text in texts)
        cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(sealed) - 1)), max_size=6)))
        for begin, end in zip([0, *cuts], [*cuts, len(sealed)], strict=True):
            if sealed[begin:end]:
                agreed.take(sealed[begin:end], 2.0)
        assert b"".join(agreed.taken) == b"".join(texts)
        assert b"" not in agreed.taken
    finally:
        agreed.close()


def test_what_came_with_the_end_of_the_handshake_is_not_left_lying() -> None:
    agreed = Agreed(early=b"too early")
    assert agreed.taken == [b"too early"]
    agreed.close()


@pytest.mark.parametrize("politely", [False, True])
def test_the_end_is_told_with_and_without_a_word_of_tls(politely: bool, agreed: Agreed) -> None:
    sealed = agreed.seal(b"the last word")
    if politely:
        with suppress(ssl.SSLWantReadError):
            agreed.server.unwrap()
        agreed.take(sealed + agreed.outgoing.read(), 2.0)
    else:
        agreed.take(sealed, 2.0)
        agreed.take(b"", 2.0)
    assert agreed.taken == [b"the last word", b""]


@pytest.mark.parametrize("still_there", [True, False])
def test_what_came_before_a_record_that_is_no_tls_is_read(still_there: bool, agreed: Agreed) -> None:
    """Also where the alert that it deserves cannot be sent any more."""
    sealed = agreed.seal(b"still good")
    if not still_there:
        agreed.peer.close()
    with pytest.raises(ssl.SSLError):
        agreed.take(sealed + b"this is no record of TLS", 2.0)
    assert agreed.taken == [b"still good"]


def test_what_is_sent_is_sealed_and_kept_while_there_is_no_room(agreed: Agreed) -> None:
    agreed.conversation.send(b"hello")
    assert agreed.unseal(agreed.peer.recv(65536)) == b"hello"
    agreed.conversation.send(bytes(5_000_000))
    assert agreed.conversation.owes
    assert agreed.conversation.wants_room
    agreed.conversation.send(b"the end")
    agreed.peer.setblocking(False)
    heard = bytearray()
    while len(heard) < 5_000_007:
        with suppress(ssl.SSLWantReadError):
            while True:
                heard += agreed.unseal(b"")
        with suppress(BlockingIOError):
            agreed.incoming.write(agreed.peer.recv(1_000_000))
        agreed.conversation.send(b"")
    assert heard == bytes(5_000_000) + b"the end"
    assert not agreed.conversation.owes


class Reluctant:
    """A session that must hear something before it writes, and then has an answer of its own to give.

    As in a renegotiation (RFC 5246 section 7.4.1.1), which no library for tests can bring about.
    """

    def __init__(self, outgoing: ssl.MemoryBIO) -> None:
        self._outgoing = outgoing
        self._heard = False

    def write(self, data: bytes) -> int:
        if not self._heard:
            raise ssl.SSLWantReadError
        return self._outgoing.write(b"<" + data + b">")

    def read(self, size: int) -> bytes:
        if not self._heard:
            self._heard = True
            self._outgoing.write(b"[answer]")
        raise ssl.SSLWantReadError


def test_what_tls_cannot_seal_yet_is_sent_once_it_has_heard_what_it_must() -> None:
    ours, peer = socket.socketpair()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = cast(ssl.SSLObject, Reluctant(outgoing))
    conversation = converse(SecuredSocket(ours, session, incoming, outgoing))
    take = conversation.decrypting(lambda data, now: None, 1.0)
    conversation.send(b"an order")
    assert conversation.owes
    take(b"?", 2.0)
    assert not conversation.owes
    assert peer.recv(65536) == b"[answer]<an order>"
    conversation.close()
    peer.close()
