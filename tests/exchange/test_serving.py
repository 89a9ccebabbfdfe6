"""The exchange over real connections and in memory, as tests of users have it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest
from anyio.abc import SocketStream

from bulk_anyio import BulkWebSocketClient
from bulk_anyio.exchange import (
    ExchangeServer,
    exchange_in_memory,
    serve_exchange,
    serve_exchange_in_thread,
)
from bulk_proto import Side, Topic, TransactionSigner
from bulk_proto.exchange import ExchangeConfig, Subscribe, faults
from bulk_sync import BulkWebSocketClient as BlockingClient
from tests.exchange.in_memory import HANDSHAKE, TICKERS, masked

pytestmark = pytest.mark.timeout(60)

FLOOD_SIZE = 20_000_000  # bytes, more than a system buffers for one connection
FLOODING = masked(1, b'{"method":"unsubscribe","topic":"ticker.BTC-USD"}')
FLOOD = (faults.Insert(on="unsubscribe", times=0, text="x" * FLOOD_SIZE),)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def memory(anyio_backend: str) -> AsyncIterator[ExchangeServer]:
    async with exchange_in_memory(seed=7) as server:
        yield server


@pytest.mark.anyio
async def test_a_client_trades_in_memory_without_any_socket(memory: ExchangeServer) -> None:
    signer = TransactionSigner.generate_account()
    async with BulkWebSocketClient(memory.url, ["BTC-USD"], signer, connector=memory.connect) as client:
        response = await client.place_market_order("BTC-USD", Side.BUY, 0.01)
        assert not response.is_error()
        (order,) = memory.received.actions("m")
        assert (order["c"], order["b"], order["sz"]) == ("BTC-USD", True, 0.01)
        (transaction,) = memory.received.transactions()
        assert transaction["account"] == signer.public_key
    await memory.until(lambda: not memory.exchange.sessions)
    assert memory.received.unreadable() == []


@pytest.mark.anyio
async def test_a_connection_in_memory_can_be_reset_and_made_again(anyio_backend: str) -> None:
    script = (faults.Reset(on="ticker"), faults.Refuse(on="connect", nth=2))
    async with exchange_in_memory(ExchangeConfig(faults=script)) as server:
        client = BulkWebSocketClient(server.url, ["BTC-USD"], connector=server.connect, backoff_base=0.01)
        async with client:
            ticker = {"type": "ticker", "symbol": "BTC-USD"}
            await server.until(lambda: server.received.subscriptions().count(ticker) == 2)
            assert server.exchange.connections == 2
            assert client.is_connected


@pytest.mark.anyio
async def test_waiting_for_what_never_comes_ends(memory: ExchangeServer) -> None:
    with pytest.raises(TimeoutError):
        await memory.until(lambda: False, timeout=0.05)


async def deaf_client(server: ExchangeServer) -> SocketStream:
    """One whose request is answered with more than any system buffers, and that reads nothing of it."""
    stream = await anyio.connect_tcp("127.0.0.1", server.port)
    await stream.send(HANDSHAKE)
    await stream.receive()
    await stream.send(FLOODING)
    await server.until(server.received.unsubscriptions)
    return stream


@pytest.mark.anyio
async def test_one_client_that_does_not_read_is_cut_off_and_the_other_misses_nothing(
    anyio_backend: str,
) -> None:
    config = ExchangeConfig(faults=FLOOD, max_unsent=3 * FLOOD_SIZE // 2)
    async with serve_exchange(config) as server:
        async with BulkWebSocketClient(server.url, ["BTC-USD"]) as client:
            deaf = await deaf_client(server)
            assert len(server._lines) == 2
            ticks = client.events(Topic.TICKER)
            await anext(ticks)
            await deaf.send(FLOODING * 2)
            await server.until(lambda: len(server._lines) == 1)
            await anext(ticks)
            assert client.is_connected
        await deaf.aclose()


@pytest.mark.anyio
async def test_a_closed_session_whose_client_reads_nothing_more_is_given_up(
    anyio_backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulk_anyio.exchange._FAREWELL", 0.05)
    async with serve_exchange(ExchangeConfig(faults=FLOOD, max_unsent=10 * FLOOD_SIZE)) as server:
        deaf = await deaf_client(server)
        (session,) = server.exchange.sessions
        session.close(1001)
        await server.until(lambda: not server._lines)
        await deaf.aclose()


def test_code_without_a_loop_has_an_exchange_in_a_thread() -> None:
    with (
        serve_exchange_in_thread(seed=7) as server,
        BlockingClient(server.url, ["BTC-USD"], TransactionSigner.generate_account()) as client,
    ):
        assert not client.place_market_order("BTC-USD", Side.BUY, 0.01).is_error()
        assert TICKERS in server.received.subscriptions()
        assert any(isinstance(each.request, Subscribe) for each in server.received)
