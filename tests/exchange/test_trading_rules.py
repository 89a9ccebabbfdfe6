"""Reduce-only, self-trade prevention, slippage and places in the queue, each by example."""

from __future__ import annotations

import pytest

from bulk_proto.enums import OrderStatus, TimeInForce
from bulk_proto.exchange import SelfTrade
from bulk_proto.exchange.matching import BookSide
from bulk_proto.exchange.units import SCALE
from tests.exchange.in_memory import quiet
from tests.exchange.trading_floor import Floor


def test_a_resting_reduce_only_order_is_filled_no_further_than_the_position() -> None:
    floor = Floor()
    floor.place(0, True, 1000, 5)
    floor.place(1, False, 1000, 5)  # anna is long 5
    first = floor.place(0, False, 1010, 5, reduce_only=True)
    second = floor.place(0, False, 1010, 5, reduce_only=True)
    taker = floor.place(2, True, 1010, 8)
    assert first.status is OrderStatus.FILLED
    assert second.status is OrderStatus.CANCELLED_REDUCEONLY
    assert taker.status is OrderStatus.WORKING
    assert taker.filled == 5 * SCALE // 100
    assert floor.accounts[0].size_of("BTC-USD", iso=False) == 0


def test_what_is_left_of_a_reduce_only_order_goes_when_the_position_is_closed_by_it() -> None:
    floor = Floor()
    floor.place(0, True, 1000, 5)
    floor.place(1, False, 1000, 5)
    resting = floor.place(0, False, 1010, 5, reduce_only=True)
    floor.place(1, True, 990, 3)
    floor.place(0, False, 990, 3)  # anna sells 3 of her 5 elsewhere
    taker = floor.place(2, True, 1010, 4, TimeInForce.IOC)
    assert taker.filled == 2 * SCALE // 100
    assert taker.status is OrderStatus.CANCELLED_IOC
    assert resting.status is OrderStatus.CANCELLED_REDUCEONLY
    assert resting.filled == 2 * SCALE // 100


def test_the_incoming_order_goes_when_so_configured() -> None:
    floor = Floor(quiet(self_trade=SelfTrade.CANCEL_INCOMING))
    other = floor.place(1, False, 1000, 1)
    own = floor.place(0, False, 1001, 5)
    taker = floor.place(0, True, 1001, 5)
    assert other.status is OrderStatus.FILLED
    assert own.status is OrderStatus.RESTING
    assert taker.status is OrderStatus.CANCELLED_SELFCROSSING
    assert taker.remaining == 0
    floor.check_conservation()


def test_the_resting_order_goes_by_default() -> None:
    floor = Floor()
    own = floor.place(0, False, 1000, 5)
    taker = floor.place(0, True, 1000, 5)
    assert own.status is OrderStatus.CANCELLED_SELFCROSSING
    assert taker.status is OrderStatus.RESTING


@pytest.mark.parametrize(("bps", "filled"), [(0.0, 1), (9.9, 1), (10.0, 2), (None, 3)])
@pytest.mark.parametrize("is_buy", [True, False])
def test_slippage_bounds_a_market_order_from_the_best_price_it_meets(
    bps: float | None, filled: int, is_buy: bool
) -> None:
    floor = Floor()
    for step in (0, 1, 20):
        floor.place(1, not is_buy, 1000 + (step if is_buy else -step), 1)
    order = floor.place(0, is_buy, 0, 5, is_market=True, slippage=bps)
    assert order.filled == filled * SCALE // 100
    assert order.status is OrderStatus.CANCELLED_IOC


def test_slippage_means_nothing_without_an_opposite_side() -> None:
    assert Floor().place(0, True, 0, 5, is_market=True, slippage=1.0).status is OrderStatus.CANCELLED_IOC


@pytest.mark.parametrize(("size", "first"), [(3, "early"), (5, "early"), (6, "late")])
def test_only_a_larger_size_costs_an_order_its_place_in_the_queue(size: int, first: str) -> None:
    floor = Floor()
    orders = {"early": floor.place(0, False, 1000, 5), "late": floor.place(1, False, 1000, 5)}
    assert floor.trading.modify(floor.accounts[0], orders["early"], size * SCALE // 100) is None
    floor.place(2, True, 1000, 1)
    assert [name for name, order in orders.items() if order.filled] == [first]


def test_a_side_lists_its_best_levels_first() -> None:
    floor = Floor()
    for price in (990, 1000, 980):
        floor.place(0, True, price, 1)
    side: BookSide = floor.market.book.bids
    assert [level.price // (SCALE // 10) for level in side.levels(2)] == [1000, 990]
    assert side.levels(0) == []
    assert len(side.levels(7)) == 3
    assert side.size_at(99 * SCALE) == SCALE // 100
    assert side.size_at(1) == 0


def test_a_level_that_ends_as_it_began_is_no_change() -> None:
    floor = Floor()
    order = floor.place(0, True, 1000, 1)
    floor.market.book.take_changes()
    floor.trading.cancel(floor.accounts[0], order)
    floor.place(1, True, 1000, 1)
    assert floor.market.book.take_changes() == []
