"""The blocking client and programs that take their time: minutes of real waiting, run with ``--long``."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import pytest

from bulk_proto import Disconnected, OrderStatus, Side, Topic

from .blocking import BTC, served, trader

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]


def test_a_script_that_sleeps_45_seconds_between_calls_stays_connected() -> None:
    lost: list[Disconnected] = []
    with served() as exchange, trader(exchange.url, handlers={Topic.DISCONNECTED: lost.append}) as client:
        first = client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)
        time.sleep(45)
        assert client.is_connected
        assert lost == []
        assert first.order_id in client.get_order_map()
        second = client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)
        assert second.status is OrderStatus.RESTING


def test_a_main_thread_that_is_busy_for_20_seconds_loses_nothing() -> None:
    with served() as exchange, trader(exchange.url) as client:
        client.subscribe_trades([BTC])
        tickers = client.events(Topic.TICKER, timeout=1.0)
        gone: list[Any] = []
        client.on(Topic.DISCONNECTED, gone.append)
        client.on(Topic.MISSED, gone.append)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            sum(range(10_000))
        stamps = []
        for ticker in tickers:
            stamps.append(ticker.timestamp_ns)
            if ticker.timestamp_ns >= stamps[0] + 20 * 10**9:
                break
        assert gone == []
        steps = {round((later - earlier) / 1e8) for earlier, later in pairwise(stamps)}
        assert steps == {2}  # one every 200 ms, and none is missing
        assert client.place_market_order(BTC, Side.BUY, 0.01).status is OrderStatus.FILLED


def test_handlers_that_sleep_and_compute_for_20_seconds_hold_up_nobody() -> None:
    begun: list[str] = []
    gone: list[Any] = []

    def sleeps(ticker: Any) -> None:
        if begun.count("sleeps") == 0:
            begun.append("sleeps")
            time.sleep(20)

    def computes(ticker: Any) -> None:
        if begun.count("computes") == 0:
            begun.append("computes")
            end = time.monotonic() + 20
            while time.monotonic() < end:
                sum(range(10_000))

    with served() as exchange, trader(exchange.url, handlers={Topic.TICKER: sleeps}) as client:
        client.on(Topic.TICKER, computes)
        client.on(Topic.DISCONNECTED, gone.append)
        client.on(Topic.MISSED, gone.append)
        end = time.monotonic() + 22
        while time.monotonic() < end:
            asked = time.monotonic()
            assert client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01).status is OrderStatus.RESTING
            assert time.monotonic() - asked < 1.0
            time.sleep(0.1)
        assert sorted(begun) == ["computes", "sleeps"]
        assert gone == []
