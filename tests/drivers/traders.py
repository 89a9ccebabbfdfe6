"""Threads that trade through one blocking client, on a good line or on one that is cut again and again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from bulk_proto import ConnectionDropped, NotConnected, OrderStatus, Side
from bulk_sync import BulkWebSocketClient

from .blocking import BTC, Exchange, trader, until


class Traders:
    """Threads that place and cancel until the time is up; every answer must be the right one."""

    def __init__(self, client: BulkWebSocketClient, threads: int) -> None:
        self._client = client
        self._threads = [threading.Thread(target=self._trade) for _ in range(threads)]
        self._end = 0.0
        self.placed: list[str] = []
        self.in_doubt: set[str | None] = set()
        self.faults: list[BaseException] = []

    def run(self, seconds: float, meanwhile: Callable[[], object] = lambda: None) -> None:
        self._end = time.monotonic() + seconds
        for thread in self._threads:
            thread.start()
        while any(thread.is_alive() for thread in self._threads):
            meanwhile()
            assert len(self._client.get_order_map()) <= len(self._threads) + len(self.in_doubt)
            self._client.get_pnl()
            time.sleep(0.01)
        assert self.faults == []
        assert len(self.placed) == len(set(self.placed)) > len(self._threads)
        until(lambda: self._client.account_is_live)
        until(lambda: set(self._client.open_orders) <= self.in_doubt)

    def _trade(self) -> None:
        try:
            while time.monotonic() < self._end:
                self._place_and_cancel()
        except BaseException as fault:
            self.faults.append(fault)

    def _place_and_cancel(self) -> None:
        order_id: str | None = None
        try:
            order = self._client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)
            assert order.status is OrderStatus.RESTING
            order_id = order.order_id
            assert order_id is not None
            self.placed.append(order_id)
            cancelled = self._client.cancel_order(Side.BUY, BTC, order_id)
            assert (cancelled.status, cancelled.order_id) == (OrderStatus.CANCELLED, order_id)
        except NotConnected:
            self.in_doubt.add(order_id)
            time.sleep(0.005)
        except ConnectionDropped as unknown:
            self.in_doubt |= {order_id, *unknown.order_ids}


def trade_on_a_bad_line(
    exchange: Exchange, threads: int, seconds: float, pause: float, **settings: Any
) -> None:
    next_cut = time.monotonic() + pause

    def cut_now_and_then() -> None:
        nonlocal next_cut
        if time.monotonic() >= next_cut:
            exchange.cut()
            next_cut += pause

    settings = {"backoff_cap": 0.1, "max_posts_per_second": 1_000_000, **settings}
    with trader(exchange.line.url, **settings) as client:
        client.subscribe_orderbook_delta(BTC)
        Traders(client, threads).run(seconds, cut_now_and_then)
        client.cancel_all()
        until(lambda: not client.open_orders)
    assert exchange.line.connections >= 3
