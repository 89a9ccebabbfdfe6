"""How long an order takes from the call to its answer, over loopback.

The median of each round is what counts: wall time, since waiting is a part of it. The other end has a process
of its own and takes the same time for everybody: next to none where a clerk answers, most of the whole where
the simulated exchange verifies and matches. Each order is cancelled, untimed.
"""

from __future__ import annotations

import asyncio
import sys
import time
from importlib import import_module
from statistics import median
from typing import Any

from .contest import Case, Entry, Goal
from .other_end import OtherEnd
from .rivals import released_client
from .stage import Exercise, Outcome

RELEASED = "released client"
_SYMBOL, _PRICE, _SIZE = "BTC-USD", 50_000.0, 0.01
_UNPACED = 100_000  # messages a second, which nobody reaches here
_GOALS = {"asyncio": (1.1, 1.4), "trio": (1.1, 1.4), "blocking": (1.3, 1.7)}


def cases(share: float) -> list[Case]:
    settings = {"orders": max(5, int(200 * share)), "python": sys.executable}
    at_clerk = settings | {"server": "benchmarks.clerk"}
    at_market = settings | {"server": "benchmarks.market"}
    return [
        *(
            _case("order round trip", at_clerk, backend, Goal(RELEASED, *_GOALS[backend]))
            for backend in _GOALS
        ),
        *(
            _case("the same at the simulated exchange", at_market, backend, Goal(RELEASED))
            for backend in _GOALS
        ),
    ]


def _case(what: str, settings: dict[str, Any], backend: str, goal: Goal) -> Case:
    return Case(
        f"{what}, median, {backend}",
        [
            Entry("ours", "benchmarks.roundtrip:ours", {**settings, "backend": backend}),
            Entry(RELEASED, "benchmarks.roundtrip:released", settings, peer=True),
        ],
        [goal],
    )


def _outcome(times: list[float]) -> Outcome:
    return Outcome(1, seconds=median(times))


def ours(backend: str, orders: int, python: str, server: str) -> Exercise:
    end = OtherEnd(server, python=python)
    if backend == "blocking":
        return lambda: lambda: _blocking_round(end.url, orders)
    import anyio

    return lambda: lambda: anyio.run(_async_round, end.url, orders, backend=backend)


async def _async_round(url: str, orders: int) -> Outcome:
    from bulk_anyio.client import BulkWebSocketClient
    from bulk_proto import Side, TimeInForce, TransactionSigner

    times = []
    signer = TransactionSigner.generate_account()
    async with BulkWebSocketClient(url, [], signer, max_posts_per_second=_UNPACED) as client:
        for _ in range(orders):
            begin = time.perf_counter()
            order = await client.place_limit_order(
                _SYMBOL, Side.BUY, _PRICE, _SIZE, time_in_force=TimeInForce.ALO
            )
            times.append(time.perf_counter() - begin)
            assert order.order_id is not None
            await client.cancel_order(Side.BUY, _SYMBOL, order.order_id)
    return _outcome(times)


def _blocking_round(url: str, orders: int) -> Outcome:
    from bulk_proto import Side, TimeInForce, TransactionSigner

    client_type: Any = import_module("bulk_sync").BulkWebSocketClient
    times = []
    signer = TransactionSigner.generate_account()
    with client_type(url, [], signer, max_posts_per_second=_UNPACED) as client:
        for _ in range(orders):
            begin = time.perf_counter()
            order = client.place_limit_order(_SYMBOL, Side.BUY, _PRICE, _SIZE, time_in_force=TimeInForce.ALO)
            times.append(time.perf_counter() - begin)
            client.cancel_order(Side.BUY, _SYMBOL, order.order_id)
    return _outcome(times)


def released(orders: int, python: str, server: str) -> Exercise:
    end = OtherEnd(server, python=python)
    return lambda: lambda: asyncio.run(_released_round(end.url, orders))


async def _released_round(url: str, orders: int) -> Outcome:
    common, signing = import_module("bulk_api.common"), import_module("bulk_api.common.signer")
    client = released_client(url=url, symbols=[], signer=signing.TransactionSigner.generate_account())
    await client.connect()
    await asyncio.sleep(0.3)  # it does not say when it is ready
    assert client.account_snapshot is not None
    times = []
    for _ in range(orders):
        begin = time.perf_counter()
        order = await client.place_limit_order(
            _SYMBOL, common.Side.BUY, _PRICE, _SIZE, time_in_force=common.TimeInForce.ALO
        )
        times.append(time.perf_counter() - begin)
        await client.cancel_order(common.Side.BUY, _SYMBOL, order.order_id)
    await client.disconnect()
    return _outcome(times)
