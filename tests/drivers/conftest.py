"""Everything here runs twice, on asyncio and on trio, against the simulated exchange on a loopback port."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bulk_anyio.exchange import ExchangeServer, serve_exchange

from .line import Line, lay_line


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["pushed", "asked for"])
def each_way_of_receiving(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams push where they can. With a stream that cannot, from a connector say, the driver asks."""
    if request.param == "asked for":
        monkeypatch.setattr("bulk_anyio.driver.PushStream", NoStream)


class NoStream:
    """What no stream is an instance of."""


@pytest.fixture
async def exchange(anyio_backend: str) -> AsyncIterator[ExchangeServer]:
    async with serve_exchange(seed=7) as server:
        yield server


@pytest.fixture
async def line(exchange: ExchangeServer) -> AsyncIterator[Line]:
    """A way to the exchange that can be cut."""
    async with lay_line(exchange.port) as line:
        yield line
