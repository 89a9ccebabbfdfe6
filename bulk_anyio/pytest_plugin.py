"""A simulated exchange for the tests of whoever trades with this library.

pytest loads this by itself wherever the package is installed, so it imports nothing until a test asks for
it. In a test that anyio runs, on either of its backends, ``bulk_exchange`` is a fresh exchange on a free
loopback port::

    @pytest.mark.anyio
    async def test_my_bot(bulk_exchange):
        async with BulkWebSocketClient(bulk_exchange.url, ["BTC-USD"]) as client:
            ...

In any other test, plain or run by another plugin, ``bulk_exchange_in_thread`` is one that is served by a
thread of its own. ``@pytest.mark.bulk_exchange(faults=(...), seed=7, scenario="fast")`` changes both: any
field of :class:`bulk_proto.exchange.ExchangeConfig`, the seed of the background orders, or a scenario by
name.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bulk_anyio.exchange import ExchangeServer
    from bulk_proto.exchange import ExchangeConfig


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "bulk_exchange(seed, scenario, **settings): how the fixture bulk_exchange behaves."
    )


@pytest.fixture
async def bulk_exchange(anyio_backend: Any, request: pytest.FixtureRequest) -> AsyncIterator[ExchangeServer]:
    """An exchange that is served while the test runs; its ``url`` is where."""
    from bulk_anyio.exchange import serve_exchange

    config, seed = _settings(request)
    async with serve_exchange(config, seed=seed) as server:
        yield server


@pytest.fixture
def bulk_exchange_in_thread(request: pytest.FixtureRequest) -> Iterator[ExchangeServer]:
    """The same for tests without ``async``."""
    from bulk_anyio.exchange import serve_exchange_in_thread

    config, seed = _settings(request)
    with serve_exchange_in_thread(config, seed=seed) as server:
        yield server


def _settings(request: pytest.FixtureRequest) -> tuple[ExchangeConfig, int]:
    from bulk_proto.exchange import ExchangeConfig, scenario

    marker = request.node.get_closest_marker("bulk_exchange")
    settings: dict[str, Any] = {"epoch_ns": time.time_ns()} | (marker.kwargs if marker is not None else {})
    seed, name = settings.pop("seed", 1), settings.pop("scenario", None)
    config = ExchangeConfig(**settings)
    return config if name is None else scenario(name, config), seed
