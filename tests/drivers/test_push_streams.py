"""Streams that push: the same bytes as by asking, over TCP and over TLS, however the connection ends."""

from __future__ import annotations

import gc
import random
import socket
import ssl
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import anyio
import anyio.lowlevel
import pytest
import trio
import trustme
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSStream

from bulk_anyio import tcp_connector
from bulk_anyio.asyncio_stream import AsyncioStream
from bulk_anyio.faults import reason_of
from bulk_anyio.push_stream import PushStream
from bulk_proto import Config, SignatureDomain

from .servers import FAULTS, LOOPBACK, listening, listening_with_tls, reset_when_closed

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

AUTHORITY = trustme.CA()
BOTH = pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
MEGABYTE = 1_000_000


def server_side() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(LOOPBACK).configure_cert(context)
    return context


def client_side() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


def config(port: int, tls: bool) -> Config:
    return Config(
        url=f"{'wss' if tls else 'ws'}://{LOOPBACK}:{port}",
        domain=SignatureDomain.DEVNET,
        wall_clock=lambda: 0,
        chance=lambda: 0.5,
        mask=lambda: b"mask",
    )


@asynccontextmanager
async def connected(tls: bool, serve: Callable[[ByteStream], object]) -> AsyncIterator[PushStream]:
    """A client's stream to a server that serves it with ``serve``."""

    async def serve_one(stream: ByteStream) -> None:
        await serve(stream)  # type: ignore[misc]

    server = listening_with_tls(serve_one, server_side()) if tls else listening(serve_one)
    connect = tcp_connector(client_side() if tls else None)
    async with server as port, await connect(config(port, tls)) as stream:
        assert isinstance(stream, PushStream)
        yield stream


async def shake_hands(stream: ByteStream, context: ssl.SSLContext) -> tuple[ssl.SSLObject, ssl.MemoryBIO]:
    """The server's half of a handshake; what is written afterwards is sent by the caller, as it likes."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_side=True)
    while True:
        incoming.write(await stream.receive())
        try:
            session.do_handshake()
        except ssl.SSLWantReadError:
            await stream.send(outgoing.read())
        else:
            return session, outgoing


@BOTH
async def test_every_byte_is_pushed_in_order_and_the_end_once(tls: bool) -> None:
    chance = random.Random(7)
    pieces = [chance.randbytes(chance.choice((1, 100, 20_000))) for _ in range(200)]

    async def talk(stream: ByteStream) -> None:
        for piece in pieces:
            await stream.send(piece)

    taken: list[bytes] = []
    async with connected(tls, talk) as stream:
        await stream.push(taken.append)
    assert b"".join(taken) == b"".join(pieces)
    assert taken.index(b"") == len(taken) - 1


@BOTH
async def test_what_was_received_in_part_is_pushed_first(tls: bool) -> None:
    async def talk(stream: ByteStream) -> None:
        await stream.send(b"half of it")
        await stream.receive()
        await stream.send(b" and more")

    taken: list[bytes] = []
    async with connected(tls, talk) as stream:
        assert await stream.receive(4) == b"half"
        await stream.send(b"go on")
        await stream.push(taken.append)
    assert b"".join(taken) == b" of it and more"


@BOTH
@pytest.mark.parametrize("end", ["hung up", "said goodbye", "the taker failed"])
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_stream_that_has_ended_does_not_wait_for_the_garbage_collector(end: str, tls: bool) -> None:
    """It has a large buffer of its own on asyncio: over many connections those that wait add up."""

    async def talk(stream: ByteStream) -> None:
        await stream.send(b"hello")
        if end == "said goodbye" and isinstance(stream, TLSStream):
            await stream.unwrap()

    def take(data: bytes) -> None:
        if end == "the taker failed":
            raise ZeroDivisionError

    gc.disable()
    try:
        async with connected(tls, talk) as stream:
            with suppress(ZeroDivisionError):
                await stream.push(take)
        alive = [weakref.ref(stream), weakref.ref(getattr(stream, "_line", stream))]
        del stream
        await anyio.wait_all_tasks_blocked()
        assert [one() for one in alive] == [None, None]
    finally:
        gc.enable()


@BOTH
async def test_a_stream_that_no_longer_pushes_can_be_received_from(tls: bool) -> None:
    async def echo(stream: ByteStream) -> None:
        async for data in stream:
            await stream.send(data)

    async with connected(tls, echo) as stream:
        taken: list[bytes] = []

        def take_one(data: bytes) -> None:
            taken.append(data)
            scope.cancel()

        stream.write(b"first")
        with anyio.CancelScope() as scope:
            await stream.push(take_one)
        assert taken == [b"first"]
        stream.write(b"second")
        assert await stream.receive() == b"second"


@BOTH
async def test_what_the_taker_raises_comes_out_and_nothing_is_taken_after_it(tls: bool) -> None:
    async def talk(stream: ByteStream) -> None:
        for _ in range(50):
            await stream.send(b"tick")
            await anyio.lowlevel.checkpoint()

    taken: list[bytes] = []

    def choke(data: bytes) -> None:
        taken.append(data)
        raise KeyError("a defect")

    async with connected(tls, talk) as stream:
        with pytest.raises(KeyError, match="a defect"):
            await stream.push(choke)
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
    assert len(taken) == 1


@BOTH
async def test_a_reset_ends_pushing_with_its_reason(tls: bool) -> None:
    async def reset(stream: ByteStream) -> None:
        await stream.receive()
        reset_when_closed(stream)

    taken: list[bytes] = []
    async with connected(tls, reset) as stream:
        stream.write(b"hello")
        with pytest.raises(anyio.BrokenResourceError) as caught:
            await stream.push(taken.append)
    assert reason_of(caught.value) == "Connection reset by peer"
    assert taken == []


@BOTH
async def test_closing_ends_pushing(tls: bool) -> None:
    async def listen(stream: ByteStream) -> None:
        async for _ in stream:
            pass

    async with connected(tls, listen) as stream, anyio.create_task_group() as tasks:

        async def push() -> None:
            with pytest.raises(FAULTS):
                await stream.push(lambda data: None)

        tasks.start_soon(push)
        await anyio.wait_all_tasks_blocked()
        await stream.aclose()
        assert not stream.ready


@BOTH
async def test_a_server_that_does_not_read_is_waited_for_and_gets_everything(tls: bool) -> None:
    heard = bytearray()
    listen = anyio.Event()
    all_heard = anyio.Event()

    async def be_slow(stream: ByteStream) -> None:
        heard.extend(await stream.receive())  # anyio reads on for ever until one of these had to wait
        await listen.wait()
        while len(heard) < sent:
            heard.extend(await stream.receive())
        all_heard.set()

    async with connected(tls, be_slow) as stream:
        await anyio.wait_all_tasks_blocked()
        sent, stuck = 0, False
        while not stuck:
            assert stream.ready
            stream.write(sent.to_bytes(4, "big") * (MEGABYTE // 4))
            sent += MEGABYTE
            with anyio.move_on_after(0.2) as patience:
                await stream.flush()
            stuck = patience.cancelled_caught
        listen.set()
        await stream.flush()
        assert stream.ready
        with anyio.fail_after(10):
            await all_heard.wait()
    assert bytes(heard) == b"".join(
        at.to_bytes(4, "big") * (MEGABYTE // 4) for at in range(0, sent, MEGABYTE)
    )


async def test_what_was_flushed_arrives_though_the_connection_is_closed_at_once() -> None:
    heard = bytearray()
    listen = anyio.Event()
    all_heard = anyio.Event()

    async def be_slow(stream: ByteStream) -> None:
        heard.extend(await stream.receive())
        await listen.wait()
        async for data in stream:
            heard.extend(data)
        all_heard.set()

    async with connected(False, be_slow) as stream:
        await anyio.wait_all_tasks_blocked()
        sent = 0
        while stream.ready:
            stream.write(bytes(1000))
            sent += 1000
            if isinstance(stream, AsyncioStream):
                assert stream.ready is not bool(stream._transport.get_write_buffer_size())
            await anyio.lowlevel.checkpoint()
        listen.set()
        await stream.flush()
        await stream.aclose()
        with pytest.raises(FAULTS):
            await stream.flush()
        with anyio.fail_after(10):
            await all_heard.wait()
    assert len(heard) == sent


@BOTH
async def test_what_is_written_while_a_send_waits_stays_behind_it(tls: bool) -> None:
    heard = bytearray()
    all_heard = anyio.Event()

    async def listen(stream: ByteStream) -> None:
        while len(heard) < 6:
            heard.extend(await stream.receive())
        all_heard.set()

    async with connected(tls, listen) as stream, anyio.create_task_group() as tasks:
        begun = anyio.Event()

        async def send() -> None:
            begun.set()
            await stream.send(b"one")

        tasks.start_soon(send)
        await begun.wait()
        if stream.ready:
            stream.write(b"two")
        else:
            await stream.send(b"two")
        with anyio.fail_after(5):
            await all_heard.wait()
    assert heard == b"onetwo"


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_what_is_written_although_the_line_is_full_stays_behind_what_waits() -> None:
    heard = bytearray()
    listen, some_heard, all_heard = anyio.Event(), anyio.Event(), anyio.Event()

    async def be_slow(stream: ByteStream) -> None:
        await listen.wait()
        async for data in stream:
            heard.extend(data)
            if len(heard) > MEGABYTE // 2:
                some_heard.set()
        all_heard.set()

    async with connected(False, be_slow) as stream:
        while stream.ready:
            stream.write(b"-" * MEGABYTE)
        listen.set()
        with anyio.fail_after(10):
            await some_heard.wait()
            assert not stream.ready
            stream.write(b"an answer of TLS")
            await stream.flush()
            await stream.send_eof()
            await all_heard.wait()
    assert heard.endswith(b"-an answer of TLS")


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_line_that_is_full_again_before_anybody_woke_up_is_waited_for_again() -> None:
    async def listen(stream: ByteStream) -> None:
        await stream.receive()

    flushed: list[bool] = []

    async def flush() -> None:
        await stream.flush()
        flushed.append(stream.ready)

    async with connected(False, listen) as stream, anyio.create_task_group() as tasks:
        assert isinstance(stream, AsyncioStream)
        stream.pause_writing()
        tasks.start_soon(flush)
        await anyio.wait_all_tasks_blocked()
        stream.resume_writing()
        stream.pause_writing()
        await anyio.wait_all_tasks_blocked()
        assert flushed == []
        stream.resume_writing()
        await anyio.wait_all_tasks_blocked()
        assert flushed == [True]
        await stream.send(b"done")


@pytest.mark.parametrize("way", ["receive", "push"])
async def test_what_comes_with_the_end_of_the_handshake_is_not_left_lying(way: str) -> None:
    async def talk(stream: ByteStream) -> None:
        context = server_side()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        session, outgoing = await shake_hands(stream, context)
        session.write(b"at once")
        await stream.send(outgoing.read())
        await stream.receive()

    async with listening(talk) as port:
        stream = await tcp_connector(client_side())(config(port, tls=True))
        assert isinstance(stream, PushStream)
        async with stream:
            with anyio.fail_after(5):
                if way == "receive":
                    assert await stream.receive() == b"at once"
                else:
                    with anyio.CancelScope() as scope:
                        await stream.push(lambda data: scope.cancel())
                    assert scope.cancelled_caught


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_a_false_alarm_is_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk(stream: ByteStream) -> None:
        await stream.receive()
        while len(alarms) < 2:
            await anyio.lowlevel.checkpoint()
        await stream.send(b"here")

    alarms: list[object] = []
    wait = trio.lowlevel.wait_readable

    async def cry_wolf(sock: socket.socket) -> None:
        alarms.append(sock)
        if len(alarms) == 1:
            await trio.lowlevel.checkpoint()
        else:
            await wait(sock)

    monkeypatch.setattr(trio.lowlevel, "wait_readable", cry_wolf)
    taken: list[bytes] = []
    async with connected(False, talk) as stream:
        stream.write(b"hello")
        await stream.push(taken.append)
    assert taken == [b"here", b""]
    assert len(alarms) >= 3


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_reads_that_are_on_their_way_when_the_taker_fails_are_kept() -> None:
    async def listen(stream: ByteStream) -> None:
        await stream.receive()

    taken: list[bytes] = []

    def choke(data: bytes) -> None:
        taken.append(data)
        raise KeyError("a defect")

    async def push() -> None:
        with pytest.raises(KeyError, match="a defect"):
            await stream.push(choke)

    async with connected(False, listen) as stream, anyio.create_task_group() as tasks:
        assert isinstance(stream, AsyncioStream)
        tasks.start_soon(push)
        await anyio.wait_all_tasks_blocked()
        stream.get_buffer(-1)[:3] = b"one"
        stream.buffer_updated(3)
        stream.buffer_updated(2)
        await anyio.wait_all_tasks_blocked()
        assert await stream.receive() == b"on"
    assert taken == [b"one"]


@pytest.mark.parametrize("pushed", [True, False])
async def test_what_came_before_a_record_that_is_no_tls_is_read(pushed: bool) -> None:
    async def talk(stream: ByteStream) -> None:
        with suppress(*FAULTS):
            session, outgoing = await shake_hands(stream, server_side())
            session.write(b"a fill")
            await stream.send(outgoing.read() + bytes.fromhex("1703030020") + bytes(32))
            await stream.receive()

    taken: list[bytes] = []
    async with listening(talk) as port:
        stream = await tcp_connector(client_side())(config(port, tls=True))
        assert isinstance(stream, PushStream)
        if not pushed:
            taken.append(await stream.receive())
        with anyio.fail_after(5), pytest.raises(ssl.SSLError):
            await (stream.push(taken.append) if pushed else stream.receive())
        await stream.aclose()
    assert b"".join(taken) == b"a fill"


@BOTH
async def test_a_stream_tells_its_addresses_as_any_other(tls: bool) -> None:
    async def listen(stream: ByteStream) -> None:
        await stream.receive()

    async with connected(tls, listen) as stream:
        assert stream.extra(SocketAttribute.remote_address)[0] == LOOPBACK
        await stream.send(b"bye")
        with pytest.raises(anyio.EndOfStream):
            await stream.receive()
        if not tls:
            await stream.send_eof()
