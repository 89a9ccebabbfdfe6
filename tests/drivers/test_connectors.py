"""Connectors: any transport will do, and one that fails says why in a line."""

from __future__ import annotations

import errno
import os
import socket
import time
from pathlib import Path
from random import Random

import anyio
import pytest
from anyio.abc import ByteStream

from bulk_anyio import BulkWebSocketClient, tcp_connector
from bulk_anyio.exchange import ExchangeServer
from bulk_anyio.faults import reason_of
from bulk_anyio.pipe import PipeEnd, pipe
from bulk_proto import Config, LinkError, OrderStatus, Side, SignatureDomain, TransactionSigner
from bulk_proto.exchange import ExchangeConfig, Session, SimulatedExchange

from .servers import LOOPBACK, a_port_where_nobody_listens, resolve_names

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

REFUSAL = "Connection refused: nothing accepts connections there"


def config(port: int, host: str = LOOPBACK) -> Config:
    return Config(
        url=f"ws://{host}:{port}",
        domain=SignatureDomain.DEVNET,
        wall_clock=lambda: 0,
        chance=lambda: 0.5,
        mask=lambda: b"mask",
    )


async def trade(client: BulkWebSocketClient) -> None:
    async with client:
        response = await client.place_market_order("BTC-USD", Side.BUY, 0.01)
        assert response.status is OrderStatus.FILLED


# Other transports ----------------------------------------------------------------------------------------


async def test_a_client_trades_through_a_unix_socket(exchange: ExchangeServer, tmp_path: Path) -> None:
    path = tmp_path / "exchange.sock"

    async def through_the_file(config: Config) -> ByteStream:
        return await anyio.connect_unix(path)

    async with await anyio.create_unix_listener(path) as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, exchange.serve)
        signer = TransactionSigner.generate_account()
        await trade(BulkWebSocketClient("ws://gateway", signer=signer, connector=through_the_file))
        tasks.cancel_scope.cancel()


async def answer(end: PipeEnd, exchange: SimulatedExchange, session: Session) -> None:
    """Drive one session of the exchange by one end of a pipe, until the client leaves."""
    async with end:
        while not session.closed:
            with anyio.CancelScope(deadline=exchange.next_deadline()):
                try:
                    data = await end.receive()
                except anyio.EndOfStream:
                    data = b""
                session.receive_data(data, anyio.current_time())
            exchange.advance(anyio.current_time())
            if said := session.data_to_send():
                try:
                    await end.send(said)
                except anyio.BrokenResourceError:
                    session.connection_lost(anyio.current_time())


async def test_a_client_trades_through_a_pipe_in_memory() -> None:
    exchange = SimulatedExchange(ExchangeConfig(epoch_ns=time.time_ns()), Random(7), now=anyio.current_time())
    async with anyio.create_task_group() as tasks:

        async def through_memory(config: Config) -> ByteStream:
            ours, theirs = pipe()
            tasks.start_soon(answer, theirs, exchange, exchange.open_session(anyio.current_time()))
            return ours

        signer = TransactionSigner.generate_account()
        client = BulkWebSocketClient(
            "ws://memory", signer=signer, connector=through_memory, backoff_base=0.02
        )
        await trade(client)
        with anyio.fail_after(5):
            while exchange.sessions:
                await anyio.sleep(0.005)


async def test_a_client_comes_back_through_a_new_pipe() -> None:
    exchange = SimulatedExchange(ExchangeConfig(epoch_ns=time.time_ns()), Random(7), now=anyio.current_time())
    made = []
    async with anyio.create_task_group() as tasks:

        async def through_memory(config: Config) -> ByteStream:
            ours, theirs = pipe()
            made.append(theirs)
            tasks.start_soon(answer, theirs, exchange, exchange.open_session(anyio.current_time()))
            return ours

        async with BulkWebSocketClient("ws://memory", connector=through_memory, backoff_base=0.02) as client:
            exchange.sessions[0].connection_lost(anyio.current_time())
            with anyio.fail_after(10):
                while len(made) < 2 or not client.is_connected:
                    await anyio.sleep(0.005)


# Connections that cannot be made -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (OSError("the gateway is closed on Sundays"), "the gateway is closed on Sundays"),
        (LinkError("no seat left"), "no seat left"),
        (anyio.EndOfStream(), "the other side hung up"),
        (anyio.BrokenResourceError(), "the connection broke"),
        (ExceptionGroup("", [OSError("one"), OSError("two")]), "one"),
    ],
    ids=["OSError", "LinkError", "EndOfStream", "BrokenResourceError", "group"],
)
async def test_a_connector_that_fails_is_a_failed_attempt(fault: Exception, reason: str) -> None:
    async def fail(config: Config) -> ByteStream:
        raise fault

    client = BulkWebSocketClient("ws://gateway", connector=fail)
    assert await client.connect() is False
    assert isinstance(client.last_error, LinkError)
    assert str(client.last_error).endswith(reason)


async def test_a_refused_connection_is_told_in_one_line() -> None:
    port = await a_port_where_nobody_listens()
    client = BulkWebSocketClient(f"ws://{LOOPBACK}:{port}")
    assert await client.connect() is False
    assert str(client.last_error) == f"cannot reach {LOOPBACK}:{port}: {REFUSAL}"


async def test_a_name_that_does_not_exist_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_names(monkeypatch, {"nowhere.test": []})
    with pytest.raises(LinkError) as caught:
        await tcp_connector()(config(80, "nowhere.test"))
    assert str(caught.value) == (
        "cannot reach nowhere.test:80: the host name cannot be resolved (Name or service not known)"
    )


async def test_a_name_too_long_to_exist_is_a_failed_attempt() -> None:
    name = ".".join(["long" * 10] * 10)
    with pytest.raises(LinkError, match=f"cannot reach {name}:80: "):
        await tcp_connector()(config(80, name))


async def test_a_host_with_several_dead_addresses_has_one_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_names(monkeypatch, {"exchange.test": [LOOPBACK, "127.0.0.2", "127.0.0.3"]})
    port = await a_port_where_nobody_listens()
    with pytest.raises(LinkError) as caught:
        await tcp_connector()(config(port, "exchange.test"))
    assert str(caught.value) == f"cannot reach exchange.test:{port}: {REFUSAL}"


async def test_a_dead_ipv6_address_does_not_hide_a_live_ipv4_one(
    exchange: ExchangeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_names(monkeypatch, {"exchange.test": ["::1", LOOPBACK]})
    started = anyio.current_time()
    async with BulkWebSocketClient(f"ws://exchange.test:{exchange.port}") as client:
        assert client.is_connected
        assert anyio.current_time() - started < 2.0


def chained(outer: Exception, cause: BaseException) -> Exception:
    outer.__cause__ = cause
    return outer


REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 443)")
UNREACHABLE = OSError(errno.ENETUNREACH, "Connect call failed ('192.0.2.1', 443)")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (UNREACHABLE, os.strerror(errno.ENETUNREACH)),
        (chained(OSError("All connection attempts failed"), REFUSED), REFUSAL),
        (
            chained(
                OSError("All attempts failed"), ExceptionGroup("several", [REFUSED, UNREACHABLE, REFUSED])
            ),
            f"{REFUSAL}; {os.strerror(errno.ENETUNREACH)}",
        ),
        (
            chained(anyio.BrokenResourceError(), ConnectionResetError(errno.ECONNRESET, "")),
            "Connection reset by peer",
        ),
        (chained(LinkError("said already"), REFUSED), "said already"),
        (chained(OSError("its own words"), ValueError("another matter")), "its own words"),
        (socket.gaierror(-3, "Temporary failure"), "the host name cannot be resolved (Temporary failure)"),
        (OSError("first line\nsecond line"), "first line"),
        (OSError("x" * 1000), "x" * 200),
        (OSError(), "OSError"),
    ],
)
def test_a_fault_of_the_line_becomes_one_plain_line(fault: Exception, reason: str) -> None:
    assert reason_of(fault) == reason
