"""A copy of state is that of its moment: what comes later changes one of the two only."""

from __future__ import annotations

from bulk_proto.account import Account
from bulk_proto.book import OrderBook
from bulk_proto.enums import OrderStatus, Side
from bulk_proto.events import (
    AccountSnapshot,
    BookStream,
    L2Delta,
    L2Snapshot,
    MarginUpdate,
    OrderBookLevel,
    OrderState,
    PositionUpdate,
)
from bulk_proto.inventory import Inventory


def book() -> OrderBook:
    book = OrderBook("BTC-USD")
    levels = [OrderBookLevel(99.0, 1.0)], [OrderBookLevel(101.0, 2.0)]
    book.apply_snapshot(L2Snapshot("BTC-USD", *levels, 1_000, BookStream.SNAPSHOT), now=5.0)
    return book


def test_a_copied_book_answers_like_the_original_until_that_changes() -> None:
    original = book()
    copy = original.copy()
    assert (str(copy), copy.ok, copy.why, copy.age(6.0)) == (str(original), True, None, 1.0)
    assert (copy.timestamp, copy.late, copy.live) == (original.timestamp, 0, True)
    better = (OrderBookLevel(100.0, 3.0),), (OrderBookLevel(100.5, 3.0),)
    original.apply_delta(L2Delta("BTC-USD", better, 1_001), now=6.0)
    original.forget("disconnected")
    assert (original.live, original.whole) == (False, False)
    assert (copy.bids, copy.asks) == ((OrderBookLevel(99.0, 1.0),), (OrderBookLevel(101.0, 2.0),))
    assert copy.ok
    original = book()
    copy = original.copy()
    copy.apply_delta(L2Delta("BTC-USD", ((OrderBookLevel(100.0, 3.0),), ()), 1_001), now=6.0)
    assert len(original) == 2
    assert original.timestamp == 1_000


def order(order_id: str, status: OrderStatus) -> OrderState:
    return OrderState(
        account="A",
        symbol="BTC-USD",
        order_id=order_id,
        status=status,
        side=Side.BUY,
        price=99.0,
        size=1.0,
        size_orig=1.0,
        size_done=0.0,
        vwap=0.0,
        timestamp=None,
    )


def test_a_copied_account_keeps_what_was_known() -> None:
    account = Account("A")
    position = PositionUpdate(account="A", symbol="BTC-USD", size=1.0, price=99.0)
    resting = order("1", OrderStatus.RESTING)
    account.apply(
        AccountSnapshot(
            account="A", margin=MarginUpdate(account="A"), positions=[position], open_orders=[resting]
        )
    )
    account.register(order("2", OrderStatus.PENDING))
    copy = account.copy()
    account.apply(
        AccountSnapshot(account="A", margin=MarginUpdate(account="A"), positions=[], open_orders=[])
    )
    account.connection_lost()
    assert copy.live
    assert list(copy.positions.values()) == [position]
    assert (set(copy.open_orders), set(copy.pending), set(copy.finished)) == ({"1"}, {"2"}, set())
    assert copy.find_order("2") is not None
    assert copy.snapshot is not account.snapshot
    assert (set(account.in_doubt), copy.in_doubt) == ({"2"}, {})
    assert (copy.contradictions, copy.repeated_fills) == (0, 0)


def test_a_copied_inventory_keeps_its_positions() -> None:
    inventory = Inventory()
    inventory.traded("BTC-USD", Side.BUY, 2.0, 100.0)
    inventory.traded("BTC-USD", Side.SELL, 1.0, 110.0)
    copy = inventory.copy()
    inventory.traded("BTC-USD", Side.SELL, 1.0, 120.0)
    assert (copy.quantity_for("BTC-USD"), copy.realized) == (1.0, 10.0)
    assert copy.position_for("BTC-USD").vwap == 100.0
    assert inventory.quantity_for("BTC-USD") == 0.0
