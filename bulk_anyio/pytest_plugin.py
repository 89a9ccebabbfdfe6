"""A simulated exchange for the tests of whoever trades with this library.

pytest loads this by itself wherever the package is installed. In a test that anyio runs, on either of its
backends, ``bulk_exchange`` is a fresh exchange on a free loopback port::

    @pytest.mark.anyio
    async def test_my_bot(bulk_exchange):
        async with BulkWebSocketClient(bulk_exchange.url, ["BTC-USD"]) as client:
            ...

``@pytest.mark.bulk_exchange(faults=(...), seed=7, scenario="fast")`` changes it: any field of
:class:`bulk_proto.exchange.ExchangeConfig`, the seed of the background orders, or a scenario by name.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bulk_anyio.exchange import ExchangeServer


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "bulk_exchange(seed, scenario, **settings): how the fixture bulk_exchange behaves."
    )


@pytest.fixture
async def bulk_exchange(anyio_backend: Any, request: pytest.FixtureRequest) -> AsyncIterator[ExchangeServer]:
    """An exchange that is served while the test runs; its ``url`` is where."""
    from bulk_anyio.exchange import (
        serve_exchange,
    )  # imported here: most tests of most projects need none of it
    from bulk_proto.exchange import ExchangeConfig, scenario

    marker = request.node.get_closest_marker("bulk_exchange")
    settings: dict[str, Any] = {"epoch_ns": time.time_ns()} | (marker.kwargs if marker is not None else {})
    seed, name = settings.pop("seed", 1), settings.pop("scenario", None)
    config = ExchangeConfig(**settings)
    async with serve_exchange(config if name is None else scenario(name, config), seed=seed) as server:
        yield server
