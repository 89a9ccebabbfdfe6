"""An hour of simulated flow: the same twice, in seconds, and in the same memory at its end."""

from __future__ import annotations

import gc
import json
import random
import time
import tracemalloc
from hashlib import sha256
from typing import Any

import pytest

from bulk_proto.exchange import ExchangeConfig, SimulatedExchange, scenario
from tests.exchange.in_memory import HANDSHAKE, Json, Trader, limit, market, masked

pytestmark = pytest.mark.long

HOUR = 3600
STREAMS: list[Json] = [
    *({"type": kind, "symbol": "BTC-USD"} for kind in ("ticker", "trades", "l2Delta", "l2Snapshot", "risk")),
    {"type": "candle", "symbol": "BTC-USD", "interval": "1m"},
    {"type": "frontendContext"},
    {"type": "account", "user": Trader(1).key},
]


class Hour:
    """One client who hears everything about one market and trades every ten seconds."""

    def __init__(self, name: str, **settings: Any) -> None:
        config = scenario(name, ExchangeConfig(**settings))
        self.served = SimulatedExchange(config, random.Random(7), 0.0)
        self.session = self.served.open_session(0.0)
        self.trader = Trader(1)
        self.digest = sha256()
        self.bytes = 0
        self.session.receive_data(HANDSHAKE, 0.0)
        self.say({"method": "subscribe", "subscription": STREAMS}, 0.0)

    def say(self, request: Json, now: float) -> None:
        self.session.receive_data(masked(1, json.dumps(request).encode()), now)

    def run(self, begin: int, end: int) -> None:
        for second in range(begin, end):
            self.served.advance(float(second))
            if second % 10 == 0:
                order = limit("buy", 90_000.0, 0.01)
                payload = self.trader.transaction(order, market("sell" if second % 20 else "buy", 0.01))
                request = {"type": "action", "payload": payload}
                self.say({"method": "post", "id": second, "request": request}, float(second))
                cancelled = self.trader.transaction({"cxa": {"c": []}})
                request = {"type": "action", "payload": cancelled}
                self.say({"method": "post", "id": second + 1, "request": request}, float(second))
            if second % 5 == 3:
                self.session.receive_data(masked(10, b""), float(second))  # a pong
            data = self.session.data_to_send()
            self.bytes += len(data)
            self.digest.update(data)


@pytest.mark.parametrize("name", ["calm", "gap", "illiquid"])
def test_an_hour_takes_seconds_and_is_the_same_twice(name: str) -> None:
    began = time.perf_counter()
    first, second = Hour(name), Hour(name)
    first.run(1, HOUR)
    took = time.perf_counter() - began
    second.run(1, HOUR)
    assert not first.session.closed
    assert first.digest.digest() == second.digest.digest()
    assert took < 300
    print(f"\n{name}: an hour in {took:.1f} s, {first.bytes / 1e6:.0f} MB to one client")


def test_memory_is_flat_over_an_hour() -> None:
    """Once what it remembers has reached its limits: here those are small, to reach them in minutes."""
    hour = Hour("calm", kept_requests=100, kept_candles=100, past_candles=100)
    hour.run(1, HOUR // 12)
    tracemalloc.start()
    hour.run(HOUR // 12, HOUR // 3)
    gc.collect()
    first = tracemalloc.take_snapshot()
    before = tracemalloc.get_traced_memory()[0]
    hour.run(HOUR // 3, HOUR + HOUR // 3)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    largest = tracemalloc.take_snapshot().compare_to(first, "lineno")[:5]
    tracemalloc.stop()
    print(f"\ngrown by {grown / 1024:.0f} KiB in an hour:", *largest, sep="\n  ")
    assert not hour.session.closed
    assert grown < 512 * 1024  # the nonces and order ids of one client, who may use 65,536 of each
