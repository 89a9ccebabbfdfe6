"""Clients and the exchange together on virtual clocks, in memory: what takes minutes or hours in life."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
import trio.testing

from bulk_anyio import BulkWebSocketClient
from bulk_anyio.exchange import ExchangeServer, exchange_in_memory
from bulk_proto import OutcomeUnknown, Side, TransactionSigner
from bulk_proto.exchange import DEFAULT_MARKETS, ExchangeConfig, faults, scenario
from tests.drivers.test_virtual_time import virtual_loop

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

BTC = "BTC-USD"


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    if request.param == "trio":
        return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}
    return "asyncio", {"loop_factory": virtual_loop}


@pytest.fixture(autouse=True)
def even_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.random", lambda: 0.5)  # of the client's back-off


def client_of(server: ExchangeServer, **settings: Any) -> BulkWebSocketClient:
    signer = TransactionSigner.generate_account()
    return BulkWebSocketClient(server.url, [BTC], signer, connector=server.connect, **settings)


async def test_a_client_notices_a_half_open_line_and_trades_on_a_new_one() -> None:
    config = ExchangeConfig(faults=(faults.HalfOpen(on="post"),))
    async with exchange_in_memory(config) as server:
        client = client_of(server, silence_timeout=60.0, request_timeout=300.0)
        async with client:
            began = anyio.current_time()
            with pytest.raises(OutcomeUnknown):
                await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.1)
            assert anyio.current_time() - began == pytest.approx(60.0, abs=1.0)
            await server.until(lambda: server.exchange.connections == 2 and client.is_connected, timeout=40)
            await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.2)
            assert [order.size for order in client.get_orders()] == [0.2]
            assert len(server.received.transactions()) == 2


async def test_a_client_comes_through_minutes_of_a_gapping_market_full_of_faults() -> None:
    """Whatever happened to the line, at the end the client holds what the exchange holds."""
    script = (
        faults.Reset(on="time", at=20.0, every=31.0, times=4),
        faults.HalfOpen(on="time", at=95.0, seconds=30.0),
        faults.Close(on="reply", nth=7, every=11, times=6, code=1000),
        faults.Status(on="handshake", nth=3, every=4, times=3, status=503),
        faults.Double(on="fill", nth=2, every=3, times=0),
        faults.Insert(on="ticker", nth=50, every=50, times=0),
    )
    config = scenario("gap", ExchangeConfig(faults=script, markets=DEFAULT_MARKETS[:1]))
    async with exchange_in_memory(config, seed=7) as server:
        client = client_of(server, request_timeout=5.0, silence_timeout=20.0)
        sent = unknown = 0
        async with client:
            while sent < 80:
                await anyio.sleep(2.0)
                if not client.is_connected:
                    continue
                sent += 1
                try:
                    await client.place_market_order(BTC, Side.BUY if sent % 2 else Side.SELL, 0.01 * sent)
                except OutcomeUnknown:
                    unknown += 1
            await anyio.sleep(30.0)
            assert client.is_connected
            (key,) = {each["account"] for each in server.received.transactions()}
            account: dict[str, Any] = server.exchange.account(key)
            assert [each.size for each in client.positions] == [row["size"] for row in account["positions"]]
            assert set(client.get_order_map()) == {row["orderId"] for row in account["openOrders"]}
    assert unknown > 3
    assert server.exchange.connections > 6
    assert server.received.unreadable() == []
