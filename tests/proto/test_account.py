"""One account: what the stream, the replies and the snapshots say of it, in any order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.account import Account
from bulk_proto.enums import OrderStatus, Side
from bulk_proto.events import (
    AccountSnapshot,
    Event,
    FeeTier,
    FeeTierUpdate,
    Fill,
    LeverageSetting,
    LeverageUpdate,
    MarginUpdate,
    OrderContradicted,
    OrderState,
    PositionUpdate,
)
from bulk_proto.order_life import NEXT
from bulk_proto.own_orders import OwnOrders

ME = "FAe4sisG95oZ42w7buUn5qEE4TAnfTTFPiguZUHmhiF"
ISOLATED = "HotQbmncuSTaG6jktEDec63rpxzXC6ZNfqedTMPAJxNP"
BTC, ETH = "BTC-USD", "ETH-USD"
S = OrderStatus
NS = 1_767_225_600_000_000_000


def order(
    order_id: str = "one", status: OrderStatus = S.RESTING, at: int | None = 1, **more: Any
) -> OrderState:
    """A sell of 1.0; ``at`` is in nanoseconds after a fixed instant."""
    fields: dict[str, Any] = {
        "account": ME, "symbol": BTC, "order_id": order_id, "status": status, "side": Side.SELL,
        "price": 100.0, "size": 1.0, "size_orig": 1.0, "size_done": 0.0, "vwap": 0.0,
        "timestamp": None if at is None else NS + at,
    }  # fmt: skip
    return OrderState(**fields | more)


def pending(order_id: str = "one") -> OrderState:
    return order(order_id, S.PENDING, at=None)


def fill(order_id: str = "one", trade_id: str | None = "1:1", at: int = 1, **more: Any) -> Fill:
    fields: dict[str, Any] = {
        "account": ME, "symbol": BTC, "order_id": order_id, "price": 100.0, "size": 0.5,
        "side": Side.BUY, "timestamp": NS + at, "trade_id": trade_id, "side_inferred": True,
    }  # fmt: skip
    return Fill(**fields | more)


def position(size: float = 0.5, symbol: str = BTC, **more: Any) -> PositionUpdate:
    return PositionUpdate(account=ME, symbol=symbol, size=size, **more)


def snapshot(*orders: OrderState, positions: tuple[PositionUpdate, ...] = (), **more: Any) -> AccountSnapshot:
    margin = MarginUpdate(account=ME, total_balance=5200.5)
    return AccountSnapshot(
        account=ME, margin=margin, positions=list(positions), open_orders=list(orders), **more
    )


def opened(*orders: OrderState, positions: tuple[PositionUpdate, ...] = ()) -> Account:
    account = Account(ME)
    account.apply(snapshot(*orders, positions=positions))
    return account


def statuses(events: list[Event]) -> list[tuple[str, OrderStatus]]:
    return [(event.order_id, event.status) for event in events if isinstance(event, OrderState)]


# Snapshots -----------------------------------------------------------------------------------------------


def test_an_account_is_live_from_its_first_snapshot_until_the_connection_is_lost() -> None:
    account = Account(ME)
    assert (account.live, account.margin, account.snapshot) == (False, None, None)
    account.apply(MarginUpdate(account=ME))
    assert not account.live
    first = snapshot()
    assert account.apply(first) == [first]
    assert (account.live, account.snapshot, account.margin) == (True, first, first.margin)
    account.connection_lost()
    assert (account.live, account.snapshot) == (False, first)


def test_a_snapshot_replaces_everything() -> None:  # D3
    account = Account(ME)
    account.apply(
        snapshot(
            order("old"),
            positions=(position(symbol=ETH),),
            leverage_settings=[LeverageSetting(ETH, 3.0)],
            fee_tiers=[FeeTier(symbol="global")],
        )
    )
    account.apply(snapshot(order("new"), leverage_settings=[LeverageSetting(BTC, 5.0)]))
    assert list(account.open_orders) == ["new"]
    assert account.positions == {}
    assert account.leverage_settings == {BTC: LeverageSetting(BTC, 5.0)}
    assert account.fee_tiers == {}


def test_what_a_snapshot_no_longer_lists_is_told_after_it() -> None:
    account = opened(order("gone"), order("here"), positions=(position(2.0), position(1.0, ETH)))
    second = snapshot(order("here"), positions=(position(3.0, ETH),))
    events = account.apply(second)
    assert events == [second, order("gone", S.GONE, size=0.0), position(0.0)]
    assert account.find_order("gone") == events[1]
    assert list(account.positions) == [(ETH, None)]


def test_an_order_with_an_unknown_or_pending_status_is_kept_like_any_other() -> None:  # D40
    account = opened(order("a", S.PENDING), order("b", S.UNKNOWN))
    assert list(account.open_orders) == ["a", "b"]


def test_a_finished_order_in_a_snapshot_is_not_open() -> None:
    account = opened(order("a", S.FILLED))
    assert (account.open_orders, list(account.finished)) == ({}, ["a"])


def test_sides_missing_in_a_snapshot_come_from_the_known_order() -> None:
    account = opened(order("a"))
    [event] = account.apply(snapshot(order("a", side=None)))
    assert isinstance(event, AccountSnapshot)
    assert event.open_orders[0].side is Side.SELL
    assert (account.snapshot, account.open_orders["a"].side) == (event, Side.SELL)


def test_a_snapshot_does_not_revive_what_the_stream_has_ended() -> None:
    account = opened(order(at=1))
    account.apply(order(status=S.FILLED, at=5))
    account.apply(snapshot(order(at=1)))
    assert account.open_orders == {}


def test_a_snapshot_that_is_later_than_an_end_knows_better() -> None:
    account = opened(order(at=1))
    account.apply(order(status=S.CANCELLED, at=5))
    account.apply(snapshot(order(at=6)))
    assert (list(account.open_orders), account.finished) == (["one"], {})


# Orders --------------------------------------------------------------------------------------------------


def test_an_update_replaces_the_order() -> None:
    account = opened(order())
    update = order(status=S.WORKING, at=2, size=0.4, size_done=0.6)
    assert account.apply(update) == [update]
    assert account.open_orders == {"one": update}


def test_orders_of_others_under_the_same_account_are_taken_up() -> None:
    account = opened()
    assert account.apply(order("elsewhere")) == [order("elsewhere")]
    assert "elsewhere" in account.open_orders


def test_a_partly_filled_order_that_is_finished_is_not_open() -> None:
    account = opened(order())
    account.apply(order(status=S.PARTIALLY_FILLED, at=2))
    assert (account.open_orders, list(account.finished)) == ({}, ["one"])


def test_a_triggered_order_still_lives() -> None:
    account = opened(order())
    account.apply(order(status=S.TRIGGERED, at=2))
    assert "one" in account.open_orders


def test_an_update_older_than_the_known_one_is_left_out() -> None:
    account = opened(order(status=S.WORKING, at=5))
    assert account.apply(order(status=S.RESTING, at=4)) == []
    assert account.open_orders["one"].status is S.WORKING


def test_of_two_updates_at_one_instant_the_later_one_counts_and_a_repeat_does_not() -> None:
    account = opened(order(at=5))
    update = order(status=S.WORKING, at=5)
    assert (account.apply(update), account.apply(update)) == ([update], [])


def test_dates_in_different_units_are_compared_as_moments() -> None:
    account = opened(order(at=2_000_000))
    assert account.apply(order(status=S.WORKING, at=None, timestamp=NS // 1_000_000 + 1)) == []
    assert account.apply(order(status=S.WORKING, at=None, timestamp=NS // 1_000_000 + 3)) != []


@pytest.mark.parametrize("late", [order(status=S.WORKING, at=9), order(status=S.CANCELLED, at=9)])
def test_a_finished_order_stays_finished_and_the_contradiction_is_told(late: OrderState) -> None:
    account = opened(order())
    account.apply(order(status=S.FILLED, at=5))
    assert account.apply(late) == [OrderContradicted(late.account, "one", S.FILLED, late.status)]
    assert (account.open_orders, account.finished["one"].status) == ({}, S.FILLED)
    assert account.contradictions == 1


def test_the_end_told_twice_or_reordered_is_no_contradiction() -> None:
    account = opened(order())
    account.apply(order(status=S.FILLED, at=5))
    assert account.apply(order(status=S.FILLED, at=6)) == []
    assert account.apply(order(status=S.WORKING, at=4)) == []
    assert account.contradictions == 0


def test_pending_after_placed_is_told_and_believed() -> None:
    account = opened(order())
    odd, again = order(status=S.PENDING, at=2), order(status=S.PENDING, at=3)
    assert account.apply(odd) == [OrderContradicted(odd.account, "one", S.RESTING, S.PENDING), odd]
    assert account.contradictions == 1
    assert account.apply(again) == [again]
    assert account.contradictions == 1


@pytest.mark.parametrize("status", [S.RESTING, S.UNKNOWN])
def test_pending_that_is_late_or_follows_a_word_nobody_knows_is_no_contradiction(status: S) -> None:
    account = opened(order(status=status, at=5))
    account.apply(order(status=S.PENDING, at=4 if status is S.RESTING else 6))
    assert account.contradictions == 0


@pytest.mark.parametrize("status", S)
def test_whatever_may_follow_a_status_is_no_contradiction_and_nothing_else_is_legal(status: S) -> None:
    for told in S:
        account = opened()
        account.apply(order(status=status, at=1))
        account.apply(order(status=told, at=2))
        assert (account.contradictions == 0) is (told in NEXT[status])


@pytest.mark.parametrize("status", S)
def test_everything_may_be_told_twice_and_an_end_is_an_end(status: S) -> None:
    assert status in NEXT[status]
    if status.is_terminal() and status is not S.GONE:
        assert NEXT[status] == {status}


def test_the_refused_repetition_of_an_order_does_not_end_it() -> None:
    duplicate = order(status=S.REJECTED_DUPLICATE, at=9)
    account = opened(order())
    assert account.apply(duplicate) == []
    assert list(account.open_orders) == ["one"]
    account = opened()
    account.register(pending())
    account.doubt(["one"])
    assert account.apply(duplicate) == []
    assert list(account.in_doubt) == ["one"]


def test_a_first_order_that_is_refused_as_a_duplicate_has_ended() -> None:
    account = opened()
    account.register(pending())
    account.apply(order(status=S.REJECTED_DUPLICATE, at=9))
    assert list(account.finished) == ["one"]


def test_the_side_of_a_filled_sell_is_that_of_the_known_order() -> None:  # D13
    account = opened(order())
    assert account.apply(order(status=S.FILLED, at=2, side=None)) == [order(status=S.FILLED, at=2)]


def test_a_side_that_nobody_told_stays_unknown() -> None:
    account = opened()
    assert account.apply(order(side=None)) == [order(side=None)]
    assert account.apply(order(side=None, at=2)) == [order(side=None, at=2)]


def test_only_the_latest_finished_orders_are_kept() -> None:
    account = opened()
    for number in range(1100):
        account.apply(order(f"order {number}", S.FILLED))
    assert len(account.finished) == 1024
    assert account.find_order("order 0") is None
    assert account.find_order("order 1099") is not None


# Orders and replies --------------------------------------------------------------------------------------


def test_an_order_on_its_way_is_not_open() -> None:
    account = opened()
    account.register(pending())
    assert (account.open_orders, list(account.pending)) == ({}, ["one"])
    assert account.find_order("one") == pending()


def test_of_the_ids_that_an_order_may_have_one_is_left() -> None:
    orders = OwnOrders()
    orders.register(pending("one"), ("other",))
    orders.register(pending("other"), ("one",))
    orders.updated(order("one"))
    assert (list(orders.open), list(orders.pending)) == (["one"], [])
    orders.register(pending("other"), ("one",))
    assert not orders.pending


def test_an_own_order_in_a_snapshot_is_no_newcomer() -> None:
    account = opened()
    account.register(pending("one"))
    account.apply(snapshot(order("one"), order("two")))
    assert account.newcomers == 1


def test_copied_orders_are_the_same_and_change_no_more() -> None:
    orders = OwnOrders()
    orders.register(pending("left out"))
    orders.replaced_by([])
    orders.answered("left out", S.RESTING, None, None, None, None)
    for number in range(4):
        orders.register(pending(f"{number}"), (f"or {number}",))
    orders.updated(order("0"))
    orders.updated(order("1", S.FILLED))
    orders.updated(order("1", S.RESTING, at=2))  # a contradiction
    orders.updated(order("stranger"))
    orders.answered("2", S.RESTING, None, None, None, None)
    orders.doubt(["3"])
    orders.register(pending("5"))
    orders.unmentioned(["5"])
    copy = orders.copy()
    for name in OwnOrders.__slots__:
        value = getattr(orders, name)
        assert value, name
        assert getattr(copy, name) == value, name
        assert isinstance(value, int) or getattr(copy, name) is not value, name


@pytest.mark.parametrize("status", [S.RESTING, S.WORKING, S.TRIGGERED, S.UNKNOWN])
def test_a_placed_order_is_open_as_soon_as_the_reply_says_so(status: OrderStatus) -> None:
    account = opened()
    account.register(pending())
    account.answered("one", status)
    assert (account.open_orders["one"].status, account.pending) == (status, {})


def test_a_reply_brings_its_totals() -> None:
    account = opened()
    account.register(pending())
    account.answered("one", S.WORKING, size_done=0.25, vwap=99.0, error="slow down")
    state = account.open_orders["one"]
    assert (state.size, state.size_done, state.vwap, state.error) == (0.75, 0.25, 99.0, "slow down")
    account.answered("one", S.FILLED)
    state = account.finished["one"]
    assert (state.size, state.size_done, state.vwap) == (0.0, 1.0, 99.0)


def test_a_later_row_of_the_same_reply_moves_the_order_on() -> None:
    account = opened()
    account.register(pending())
    account.answered("one", S.RESTING)
    account.answered("one", S.WORKING, size_done=0.5)
    assert account.open_orders["one"].size == 0.5


def test_an_update_that_overtook_the_reply_stands() -> None:
    account = opened()
    account.register(pending())
    account.apply(order(status=S.WORKING, at=1, size=0.5))
    account.answered("one", S.RESTING)
    assert account.open_orders["one"].status is S.WORKING
    assert account.pending == {}


def test_an_end_that_overtook_the_reply_stands() -> None:
    account = opened()
    account.register(pending())
    account.apply(order(status=S.FILLED, at=1))
    account.answered("one", S.RESTING)
    assert account.open_orders == {}


def test_the_stream_fills_in_what_the_reply_did_not_know() -> None:
    account = opened()
    account.register(pending())
    account.answered("one", S.RESTING)
    update = order(at=1, order_type="limit")
    assert account.apply(update) == [update]
    assert account.open_orders == {"one": update}


def test_an_undated_update_that_only_repeats_the_reply_is_told_once() -> None:
    account = opened()
    account.register(pending())
    account.answered("one", S.RESTING)
    update = order(at=None)
    assert (account.apply(update), account.apply(update)) == ([update], [])


def test_an_order_that_the_stream_calls_pending_lives_on_the_exchange() -> None:
    account = opened()
    account.register(pending())
    assert account.apply(pending()) == [pending()]
    assert (list(account.open_orders), account.pending) == (["one"], {})


def test_an_end_known_by_reply_is_told_once_when_the_stream_brings_it() -> None:
    account = opened(order())
    account.answered("one", S.CANCELLED)
    assert account.open_orders == {}
    assert account.apply(order(status=S.WORKING, at=2)) == []
    end = order(status=S.CANCELLED, at=3)
    assert (account.apply(end), account.apply(end)) == ([end], [])
    assert account.contradictions == 0


@pytest.mark.parametrize("status", [S.REJECTED_CROSSING, S.REJECTED, S.ERROR, S.REJECTED_DUPLICATE])
def test_a_refused_order_is_no_longer_pending(status: OrderStatus) -> None:
    account = opened()
    account.register(pending())
    account.answered("one", status)
    assert account.find_order("one") is None
    told = order(status=S.REJECTED_CROSSING)
    assert account.apply(told) == [told]


@pytest.mark.parametrize("status", [S.CANCEL_REJECT, S.REJECTED_DUPLICATE, S.ERROR])
def test_a_refused_cancel_or_repetition_leaves_a_living_order_alone(status: OrderStatus) -> None:
    account = opened(order())
    account.answered("one", status)
    assert "one" in account.open_orders


@pytest.mark.parametrize("status", [S.PENDING, S.ACKNOWLEDGED, S.GONE])
def test_a_reply_that_says_nothing_of_the_order_leaves_it_pending(status: OrderStatus) -> None:
    account = opened()
    account.register(pending())
    account.answered("one", status)
    assert list(account.pending) == ["one"]


def test_replies_about_orders_never_heard_of_are_harmless() -> None:
    account = opened()
    account.answered("other", S.RESTING)
    account.answered("other", S.FILLED)
    assert account.find_order("other") is None


def test_an_order_sent_twice_is_one_order() -> None:
    account = opened(order())
    account.register(pending())
    assert account.pending == {}


def test_orders_without_an_answer_are_bounded() -> None:
    account = Account(ME)
    for number in range(3000):
        account.register(pending(str(number)))
        if number % 500 == 0:
            account.connection_lost()
    assert (len(account.pending), len(account.in_doubt)) == (499, 1024)
    for number in range(3000, 5000):
        account.register(pending(str(number)))
    assert len(account.pending) == 1024


def test_what_is_known_by_reply_alone_is_forgotten_with_the_order() -> None:
    orders = OwnOrders()
    for number in range(1100):
        orders.register(pending(str(number)))
        orders.answered(str(number), S.FILLED, None, None, None, None)
    orders.connection_lost()
    rows, ended = orders.replaced_by([])
    assert (rows, len(ended), orders._told) == ([], 1024, {})


def test_orders_of_which_answers_say_nothing_are_bounded() -> None:
    orders = OwnOrders()
    for number in range(3000):
        orders.register(pending(str(number)))
        orders.unmentioned([str(number)])
    assert len(orders._unmentioned) == 1024
    orders.replaced_by([])
    assert (len(orders.in_doubt), len(orders._unmentioned)) == (1024, 0)


# Lost connections ----------------------------------------------------------------------------------------


def test_a_lost_connection_deletes_nothing() -> None:
    account = opened(order(), positions=(position(),))
    account.register(pending("sent"))
    account.connection_lost()
    assert (list(account.open_orders), len(account.positions)) == (["one"], 1)
    assert (account.pending, list(account.in_doubt)) == ({}, ["sent"])


def test_orders_in_doubt_are_settled_by_the_next_snapshot() -> None:
    account = opened()
    account.register(pending("alive"))
    account.register(pending("lost"))
    account.connection_lost()
    events = account.apply(snapshot(order("alive")))
    assert statuses(events) == [("lost", S.GONE)]
    assert (list(account.open_orders), account.in_doubt) == (["alive"], {})


def test_an_order_sent_before_the_snapshot_came_is_not_in_doubt() -> None:
    account = opened()
    account.connection_lost()
    account.register(pending())
    assert statuses(account.apply(snapshot())) == []
    assert list(account.pending) == ["one"]


def test_an_order_known_by_reply_alone_is_missed_by_the_second_snapshot_only() -> None:
    account = Account(ME)
    account.register(pending())
    account.answered("one", S.RESTING)
    assert statuses(account.apply(snapshot())) == []
    assert list(account.open_orders) == ["one"]
    assert statuses(account.apply(snapshot())) == [("one", S.GONE)]


def test_an_order_known_by_reply_and_listed_once_is_missed_like_any_other() -> None:
    account = opened()
    account.register(pending())
    account.answered("one", S.RESTING)
    account.apply(snapshot(order()))
    assert statuses(account.apply(snapshot())) == [("one", S.GONE)]


def test_an_order_placed_by_reply_before_the_connection_was_lost_is_missed_at_once() -> None:
    account = opened()
    account.register(pending())
    account.answered("one", S.RESTING)
    account.connection_lost()
    assert statuses(account.apply(snapshot())) == [("one", S.GONE)]
    assert statuses(account.apply(snapshot())) == []


def test_an_end_whose_update_was_lost_with_the_connection_is_told_after_the_snapshot() -> None:
    account = opened(order())
    account.answered("one", S.CANCELLED)
    account.connection_lost()
    assert statuses(account.apply(snapshot())) == [("one", S.CANCELLED)]
    assert statuses(account.apply(snapshot())) == []


def test_an_end_known_by_reply_alone_is_contradicted_by_the_second_snapshot_only() -> None:
    account = opened(order())
    account.answered("one", S.CANCELLED)
    account.apply(snapshot(order()))  # it can be older than the reply
    assert account.open_orders == {}
    account.apply(snapshot(order()))
    assert list(account.open_orders) == ["one"]


def test_an_end_known_by_reply_alone_is_told_after_the_second_snapshot_without_the_order() -> None:
    account = opened(order())
    account.answered("one", S.CANCELLED)
    assert statuses(account.apply(snapshot())) == []
    assert statuses(account.apply(snapshot())) == [("one", S.CANCELLED)]
    assert account.apply(order(status=S.CANCELLED, at=9)) == []


def test_the_snapshot_of_a_new_connection_is_later_than_any_reply_of_the_old_one() -> None:
    account = opened(order())
    account.answered("one", S.CANCELLED)
    account.connection_lost()
    account.apply(snapshot(order()))
    assert list(account.open_orders) == ["one"]


def test_a_late_answer_settles_an_order_in_doubt() -> None:
    account = opened()
    account.register(pending())
    account.connection_lost()
    account.answered("one", S.REJECTED_DUPLICATE)  # so it was placed before
    assert list(account.in_doubt) == ["one"]
    account.answered("one", S.RESTING)
    assert (list(account.open_orders), account.in_doubt) == (["one"], {})


def test_a_refused_order_is_no_longer_in_doubt() -> None:
    account = opened()
    account.register(pending())
    account.connection_lost()
    account.answered("one", S.REJECTED)
    assert statuses(account.apply(snapshot())) == []


@pytest.mark.parametrize("at", [2, None])
def test_an_order_thought_gone_comes_back_with_news_of_its_life(at: int | None) -> None:
    account = opened(order(at=1))
    account.apply(snapshot())
    assert account.apply(order(at=1)) == []
    update = order(status=S.WORKING, at=at)
    assert account.apply(update) == [update]
    assert (list(account.open_orders), account.finished) == (["one"], {})


def test_the_true_end_of_an_order_thought_gone_is_told() -> None:
    account = opened(order(at=5))
    account.apply(snapshot())
    end = order(status=S.FILLED, at=4)
    assert account.apply(end) == [end]
    assert account.finished["one"].status is S.FILLED


@pytest.mark.parametrize("status", [S.RESTING, S.WORKING, S.FILLED, S.CANCELLED_IOC])
def test_an_answer_about_an_order_thought_gone_is_believed(status: OrderStatus) -> None:
    account = opened(order())
    account.apply(snapshot())
    account.answered("one", status, size_done=0.25)
    known = account.find_order("one")
    assert known is not None
    assert (known.status, known.size) == (status, 0.0 if status.is_terminal() else 0.75)
    assert ("one" in account.open_orders) is not status.is_terminal()
    end = order(status=S.FILLED, at=9)
    assert account.apply(end) == [end]


@pytest.mark.parametrize("status", [S.REJECTED, S.REJECTED_DUPLICATE, S.CANCEL_REJECT, S.PENDING])
def test_a_refusal_about_an_order_thought_gone_brings_it_not_back(status: OrderStatus) -> None:
    account = opened(order())
    account.apply(snapshot())
    account.answered("one", status)
    assert account.finished["one"].status is S.GONE


def test_a_snapshot_can_list_again_what_an_earlier_one_left_out() -> None:
    account = opened(order(at=5))
    account.apply(snapshot())
    account.apply(snapshot(order(at=5)))
    assert (list(account.open_orders), account.finished) == (["one"], {})


# Fills ---------------------------------------------------------------------------------------------------


def test_a_fill_changes_neither_an_order_nor_a_position() -> None:  # D2, D14
    account = opened(order(size=0.5, size_done=0.5), positions=(position(2.0),))
    assert len(account.apply(fill(size=0.5))) == 1
    assert account.open_orders["one"].size == 0.5
    assert account.positions[BTC, None].size == 2.0


def test_the_side_of_a_fill_is_that_of_its_order() -> None:
    account = opened(order())
    assert account.apply(fill()) == [fill(side=Side.SELL, side_inferred=False)]


def test_a_side_that_was_inferred_rightly_is_confirmed() -> None:
    account = opened(order(side=Side.BUY))
    assert account.apply(fill(side=Side.BUY)) == [fill(side=Side.BUY, side_inferred=False)]


def test_a_late_fill_finds_the_side_of_a_finished_order() -> None:
    account = opened(order())
    account.apply(order(status=S.FILLED, at=2))
    assert account.apply(fill()) == [fill(side=Side.SELL, side_inferred=False)]


def test_a_fill_that_overtook_everything_finds_the_side_of_the_pending_order() -> None:
    account = opened()
    account.register(pending())
    assert account.apply(fill()) == [fill(side=Side.SELL, side_inferred=False)]


@pytest.mark.parametrize("orders", [[], [order(side=None)]])
def test_the_side_of_a_fill_of_an_unknown_order_is_marked_as_inferred(orders: list[OrderState]) -> None:
    assert opened(*orders).apply(fill()) == [fill(side=Side.BUY, side_inferred=True)]


def test_a_side_that_was_not_inferred_is_left_as_it_is() -> None:
    told = fill(side=Side.SELL, side_inferred=False)
    [event] = opened(order()).apply(told)
    assert event is told


def test_one_execution_is_told_once() -> None:
    account = opened(order())
    assert len(account.apply(fill(trade_id="7:1"))) == 1
    assert account.apply(fill(trade_id="7:1", at=2)) == []
    account.connection_lost()
    assert account.apply(fill(trade_id="7:1")) == []
    assert len(account.apply(fill(trade_id="7:2"))) == 1
    assert account.repeated_fills == 2


def test_both_sides_of_one_execution_can_be_own_orders() -> None:
    account = opened(order("a"), order("b"))
    assert len(account.apply(fill("a")) + account.apply(fill("b"))) == 2


def test_the_memory_of_executions_is_bounded() -> None:
    account = opened()
    for number in range(3 * 2048):
        assert len(account.apply(fill(trade_id=str(number)))) == 1
        if number >= 4095:
            assert account.apply(fill(trade_id=str(number - 4095))) == []  # the latest 4096 are remembered
    assert len(account.apply(fill(trade_id="0"))) == 1


def test_equal_fills_without_a_trade_id_are_two_executions() -> None:
    account = opened()
    twice = [account.apply(fill(trade_id=None)) for _ in range(2)]
    assert [len(events) for events in twice] == [1, 1]


def test_a_fill_without_a_trade_id_that_a_reconnection_repeats_is_marked() -> None:
    account = opened()
    account.apply(fill(trade_id=None))
    account.apply(fill(trade_id=None))
    account.connection_lost()
    account.apply(snapshot())
    told = [account.apply(fill(trade_id=None)) for _ in range(3)]
    repeat, news = fill(trade_id=None, suspected_repeat=True), fill(trade_id=None)
    assert told == [[repeat], [repeat], [news]]
    assert account.repeated_fills == 0  # nothing was left out


@pytest.mark.parametrize(
    "other", [{"at": 2}, {"price": 101.0}, {"size": 0.25}, {"side": Side.SELL}, {"symbol": ETH}]
)
def test_after_a_reconnection_a_fill_that_differs_in_anything_is_news(other: dict[str, Any]) -> None:
    account = opened()
    account.apply(fill(trade_id=None))
    account.connection_lost()
    assert account.apply(fill(trade_id=None, **other)) == [fill(trade_id=None, **other)]


def test_the_time_in_which_repeats_are_expected_ends() -> None:
    account = opened()
    account.apply(fill(trade_id=None))
    account.connection_lost()
    account.apply(fill("other", trade_id=None))
    account.apply(snapshot())
    for at in range(256):
        account.apply(fill("other", trade_id=None, at=1000 + at))
    assert account.apply(fill(trade_id=None)) == [fill(trade_id=None)]


def test_a_second_snapshot_on_a_connection_does_not_start_that_time_again() -> None:
    account = opened()
    account.apply(fill(trade_id=None))
    account.connection_lost()
    for at in range(256):
        account.apply(fill("other", trade_id=None, at=1000 + at))
    account.apply(snapshot())
    assert account.apply(fill(trade_id=None)) == [fill(trade_id=None)]


def test_the_time_in_which_repeats_are_expected_runs_from_the_snapshot() -> None:
    account = opened()
    account.apply(fill(trade_id=None))
    account.connection_lost()
    for at in range(400):
        if at == 200:
            account.apply(snapshot())
        account.apply(fill("other", trade_id=None, at=1000 + at))
    assert account.apply(fill(trade_id=None)) == [fill(trade_id=None, suspected_repeat=True)]


def test_only_the_latest_fills_before_a_connection_was_lost_are_suspected_to_be_repeated() -> None:
    account = opened()
    for at in range(257):
        account.apply(fill(trade_id=None, at=at))
    account.connection_lost()
    account.apply(snapshot())
    assert account.apply(fill(trade_id=None, at=0)) == [fill(trade_id=None, at=0)]
    assert account.apply(fill(trade_id=None, at=1)) == [fill(trade_id=None, at=1, suspected_repeat=True)]


def test_fills_without_a_date_are_never_suspected() -> None:
    account = opened()
    undated = fill(trade_id=None, timestamp=None)
    account.apply(undated)
    account.connection_lost()
    account.apply(snapshot())
    assert [account.apply(undated) for _ in range(2)] == [[undated], [undated]]


def test_a_first_snapshot_expects_no_repeats() -> None:
    account = Account(ME)
    account.apply(fill(trade_id=None))
    account.apply(snapshot())
    assert len(account.apply(fill(trade_id=None))) == 1


# Positions and settings ----------------------------------------------------------------------------------


def test_a_position_is_what_the_latest_update_says() -> None:
    account = opened(positions=(position(1.0),))
    account.apply(position(-2.0))
    assert account.positions == {(BTC, None): position(-2.0)}


def test_a_position_that_a_snapshot_lists_as_flat_is_none() -> None:
    account = opened(positions=(position(0.5), position(0.0, ETH)))
    assert account.positions.keys() == {(BTC, None)}
    _, closed = account.apply(snapshot(positions=(position(0.0), position(0.0, ETH))))
    assert closed == position(0.0)
    assert account.positions == {}


def test_a_flat_position_is_removed_and_told() -> None:
    account = opened(positions=(position(1.0),))
    assert account.apply(position(0.0)) == [position(0.0)]
    assert account.positions == {}
    assert account.apply(position(0.0)) == [position(0.0)]


def test_cross_and_isolated_positions_of_one_symbol_stand_side_by_side() -> None:  # D39
    apart = position(-0.5, iso=True, iso_pubkey=ISOLATED)
    account = opened(positions=(position(2.0), apart))
    assert account.positions == {(BTC, None): position(2.0), (BTC, ISOLATED): apart}
    account.apply(position(0.0))
    assert list(account.positions) == [(BTC, ISOLATED)]
    events = account.apply(snapshot())
    assert events[1:] == [position(0.0, iso=True, iso_pubkey=ISOLATED)]


def test_an_isolated_update_without_its_key_is_not_taken_for_the_cross_position() -> None:
    apart = position(-0.5, iso=True, iso_pubkey=ISOLATED)
    other = position(1.0, ETH, iso=True, iso_pubkey=ISOLATED)
    account = opened(positions=(position(2.0), other, apart))
    account.apply(position(0.0, iso=True))
    assert list(account.positions) == [(BTC, None), (ETH, ISOLATED)]
    account.apply(position(3.0, iso=True))
    assert account.positions[BTC, None].size == 2.0
    account.apply(position(0.0, iso=True))
    assert list(account.positions) == [(BTC, None), (ETH, ISOLATED)]


def test_updates_of_settings_change_the_listed_rows_only() -> None:
    account = opened()
    for event in (
        LeverageUpdate(account=ME, settings=[LeverageSetting(BTC, 5.0), LeverageSetting(ETH, 3.0)]),
        LeverageUpdate(account=ME, settings=[LeverageSetting(ETH, 4.0)]),
        FeeTierUpdate(account=ME, tiers=[FeeTier(symbol="global", maker_bps=1.0)]),
        FeeTierUpdate(account=ME, tiers=[FeeTier(symbol=BTC, maker_bps=2.0)]),
    ):
        assert account.apply(event) == [event]
    assert {symbol: row.leverage for symbol, row in account.leverage_settings.items()} == {BTC: 5.0, ETH: 4.0}
    assert {symbol: tier.maker_bps for symbol, tier in account.fee_tiers.items()} == {"global": 1.0, BTC: 2.0}


def test_margin_is_replaced() -> None:
    account = opened()
    account.apply(MarginUpdate(account=ME, total_balance=1.0))
    assert account.margin == MarginUpdate(account=ME, total_balance=1.0)


# Properties ----------------------------------------------------------------------------------------------

IDS = st.sampled_from(["a", "b", "c"])
ALIVE = st.sampled_from([S.RESTING, S.WORKING, S.MODIFIED, S.UNKNOWN])
ENDS = st.sampled_from([S.FILLED, S.CANCELLED, S.PARTIALLY_FILLED])
AT = st.integers(1, 9)
ROWS = st.lists(st.builds(order, IDS, ALIVE, AT), max_size=3, unique_by=lambda row: row.order_id)
STEPS = st.one_of(
    st.builds(order, IDS, ALIVE | ENDS, AT),
    ROWS.map(lambda rows: snapshot(*rows)),
    st.tuples(st.just("answered"), IDS, ALIVE | ENDS | st.sampled_from([S.REJECTED, S.CANCEL_REJECT])),
    st.tuples(st.just("register"), IDS),
    st.tuples(st.just("unmentioned"), IDS),
    st.just("lost"),
)


@given(steps=st.lists(STEPS, max_size=25))
def test_any_history_leaves_each_order_in_one_place_and_in_the_right_one(steps: list[Any]) -> None:
    account = Account(ME)
    unmentioned: set[str] = set()
    for step in steps:
        events: list[Event] = []
        match step:
            case OrderState() | AccountSnapshot():
                events = account.apply(step)
            case "answered", order_id, status:
                account.answered(order_id, status)
            case "register", order_id:
                account.register(pending(order_id))
            case "unmentioned", order_id:
                account.unmentioned([order_id])
                unmentioned.add(order_id)
            case _:
                account.connection_lost()
        places = [account.open_orders, account.pending, account.in_doubt, account.finished]
        for order_id in "abc":
            assert sum(order_id in place for place in places) <= 1
        assert not any(state.status.is_terminal() for state in account.open_orders.values())
        assert all(state.status.is_terminal() for state in account.finished.values())
        for event in events:
            if isinstance(event, OrderState):
                assert account.find_order(event.order_id) == event
        if isinstance(step, AccountSnapshot):
            listed = {row.order_id for row in step.open_orders}
            assert listed <= set(account.open_orders) | set(account.finished)
            assert set(account.in_doubt) <= unmentioned
            unmentioned.clear()


@given(updates=st.lists(st.builds(order, IDS, ALIVE, AT), max_size=8), data=st.data())
def test_dated_updates_end_in_the_latest_state_in_any_order_of_arrival(
    updates: list[OrderState], data: st.DataObject
) -> None:
    latest = {
        update.order_id: update.timestamp for update in sorted(updates, key=lambda row: row.timestamp or 0)
    }
    account = opened()
    for update in data.draw(st.permutations(updates)):
        account.apply(update)
    assert {order_id: state.timestamp for order_id, state in account.open_orders.items()} == latest


@given(numbers=st.lists(st.integers(0, 5), max_size=20), lost_at=st.integers(0, 20))
def test_every_execution_with_an_id_is_told_exactly_once(numbers: list[int], lost_at: int) -> None:
    account = opened()
    told: list[Event] = []
    for at, number in enumerate(numbers):
        if at == lost_at:
            account.connection_lost()
        told += account.apply(fill(trade_id=str(number)))
    ids = [event.trade_id for event in told if isinstance(event, Fill)]
    assert sorted(ids, key=str) == sorted({str(number) for number in numbers})
