"""Outcomes that are unknown: settled by the account, repeated with the same bytes; and what a gap changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from bulk_proto import subscriptions as topics
from bulk_proto.actions import (
    Action,
    CancelAll,
    CancelOrder,
    LimitOrder,
    MarketOrder,
    OnFill,
    Range,
    Stop,
    TakeProfit,
    TrailingStop,
    Transfer,
    TriggerBasket,
)
from bulk_proto.calls import Call
from bulk_proto.core import ClientCore
from bulk_proto.enums import OrderStatus, Side
from bulk_proto.errors import (
    NotConnected,
    OutcomeUnknown,
    RateLimited,
    RepetitionRefused,
    RequestTimedOut,
    TransactionRejected,
    UsageError,
)
from bulk_proto.events import Connected, Fill, OrderState, Resynced
from bulk_proto.own_orders import _KEPT, OwnOrders
from bulk_proto.pacing import Pace

from .peer import (
    KEY,
    OTHER_KEY,
    Peer,
    account_message,
    book_message,
    confirmation,
    connect,
    make_core,
    opened,
    order_row,
    order_update,
    post_reply,
    snapshot_of_account,
)

BID = LimitOrder("BTC-USD", Side.BUY, 64000.0, 0.05)


def unknown_outcome(call: Call[Any]) -> OutcomeUnknown:
    with pytest.raises(OutcomeUnknown) as caught:
        call.result()
    return caught.value


def timed_out(
    *actions: Action, account: str | None = None, orders: Sequence[str] = ()
) -> tuple[ClientCore, Peer, OutcomeUnknown]:
    """A core on an open link, knowing ``orders``, with actions (an order) that nobody answered."""
    core, peer = opened()
    peer.say(snapshot_of_account(*map(order_row, orders)))
    call = core.place_orders(actions or [BID], 1.0, timeout=1.0, account=account)
    peer.hear()
    core.handle_deadline(2.0)
    return core, peer, unknown_outcome(call)


def dropped() -> tuple[ClientCore, Peer, OutcomeUnknown]:
    """A core on a new link, not yet served, with one order that was in flight when the old one broke."""
    core, peer = opened()
    call = core.place_orders([BID], 1.0)
    core.connection_lost(1.1, "reset")
    core.handle_deadline(10.0)
    return core, connect(core, 10.0), unknown_outcome(call)


def oid(unknown: OutcomeUnknown) -> str:
    assert unknown.order_ids[0] is not None
    return unknown.order_ids[0]


# Settling ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alive", [True, False])
def test_the_next_connections_snapshot_settles_what_was_in_flight(alive: bool) -> None:
    core, peer, unknown = dropped()
    call = core.settle(unknown, 10.0)
    assert not call.done
    rows = [order_row(oid(unknown))] if alive else []
    peer.say(confirmation(f"account.{KEY}"), snapshot_of_account(*rows), now=10.1)
    assert call.result() == {oid(unknown): OrderStatus.RESTING if alive else OrderStatus.GONE}


def test_without_a_new_connection_the_account_is_asked_for_again() -> None:
    core, peer, unknown = timed_out()
    call = core.settle(unknown, 3.0)
    assert [request["method"] for request in peer.hear()] == ["unsubscribe", "subscribe"]
    peer.say({"type": "unsubscribeResponse", "topic": f"account.{KEY}"}, now=3.1)
    assert not call.done
    peer.say(confirmation(f"account.{KEY}"), snapshot_of_account(order_row(oid(unknown))), now=3.1)
    assert call.result() == {oid(unknown): OrderStatus.RESTING}


def test_what_the_stream_has_told_meanwhile_is_settled_at_once() -> None:
    core, peer, unknown = timed_out()
    peer.say(order_update(oid(unknown), "filled", px=64000.0, sz=0.0, fillSz=0.05, vwap=64000.0))
    assert core.settle(unknown, 3.0).result() == {oid(unknown): OrderStatus.FILLED}
    assert peer.hear() == []


def test_a_late_answer_settles_as_well() -> None:
    core, peer, unknown = timed_out()
    peer.say(post_reply(1, {"cancelledIoc": {"oid": oid(unknown), "filledSz": 0.0}}), now=2.5)
    assert core.settle(unknown, 3.0).result() == {oid(unknown): OrderStatus.CANCELLED_IOC}


def test_an_account_that_is_not_subscribed_cannot_tell() -> None:
    core, _, unknown = timed_out(account=OTHER_KEY)
    assert core.settle(unknown, 3.0).result() == {oid(unknown): OrderStatus.UNKNOWN}


def test_an_account_whose_confirmation_was_lost_is_left_before_it_is_asked_for_again() -> None:
    core = make_core()
    core.want([topics.account(KEY)])
    core.start(0.0)
    peer = connect(core)
    peer.say(snapshot_of_account())
    call = core.place_orders([BID], 1.0, timeout=1.0)
    peer.hear()
    core.handle_deadline(2.0)
    settled = core.settle(unknown_outcome(call), 2.0)
    assert [message["method"] for message in peer.hear()] == ["unsubscribe", "subscribe"]
    peer.say(confirmation(f"account.{KEY}"), snapshot_of_account())
    assert list(settled.result().values()) == [OrderStatus.GONE]


def test_an_account_asked_for_before_the_order_was_sent_does_not_settle_it() -> None:
    core, peer, unknown = timed_out()
    first = core.settle(unknown, 2.0)
    assert len(peer.hear()) == 2
    late = LimitOrder("BTC-USD", Side.BUY, 64001.0, 0.05)
    call = core.place_orders([late], 2.1, timeout=0.2)
    peer.hear()
    core.handle_deadline(2.4)
    second = core.settle(unknown_outcome(call), 2.4)
    assert peer.hear() == []
    peer.say(confirmation(f"account.{KEY}"), snapshot_of_account(), now=2.5)
    assert list(first.result().values()) == [OrderStatus.GONE]
    assert not second.done
    assert [message["method"] for message in peer.hear()] == ["unsubscribe", "subscribe"]
    order_id = oid(unknown_outcome(call))
    peer.say(confirmation(f"account.{KEY}"), snapshot_of_account(order_row(order_id)), now=2.6)
    assert not second.result()[order_id].is_terminal()


def test_outcomes_that_were_unknown_before_the_account_was_asked_for_are_settled_together() -> None:
    core, peer = opened()
    calls = [core.place_orders([BID], 1.0, timeout=1.0) for _ in range(2)]
    peer.hear()
    core.handle_deadline(2.0)
    settled = [core.settle(unknown_outcome(call), 2.0) for call in calls]
    assert len(peer.hear()) == 2
    peer.say(confirmation(f"account.{KEY}"), snapshot_of_account(), now=2.1)
    assert all(call.succeeded for call in settled)
    assert peer.hear() == []


def test_settling_is_over_in_time_and_may_be_asked_for_again() -> None:
    core, peer, unknown = dropped()
    call = core.settle(unknown, 10.0, timeout=2.0)
    core.handle_deadline(12.0)
    with pytest.raises(RequestTimedOut):
        call.result()
    again = core.settle(unknown, 12.0)
    peer.say(confirmation(f"account.{KEY}"), snapshot_of_account(), now=12.1)
    assert again.result() == {oid(unknown): OrderStatus.GONE}


# Sending the same bytes again ----------------------------------------------------------------------------


def test_a_repeated_transaction_is_the_same_bytes_under_a_new_request_id() -> None:
    core, peer = opened()
    call = core.place_orders([BID], 1.0, timeout=1.0)
    (first,) = peer.hear()
    core.handle_deadline(2.0)
    again = core.resend(unknown_outcome(call), 2.0)
    (second,) = peer.hear()
    assert second["request"] == first["request"]
    assert second["id"] != first["id"]
    order_id = unknown_outcome(call).order_ids[0]
    peer.say(post_reply(second["id"], {"resting": {"oid": order_id}}))
    assert again.result()[0].status is OrderStatus.RESTING
    assert order_id in core.accounts[KEY].open_orders


@pytest.mark.parametrize("status", [OrderStatus.RESTING, OrderStatus.FILLED])
def test_the_answer_to_a_repetition_corrects_the_guess_that_the_order_is_gone(status: OrderStatus) -> None:
    core, peer, unknown = dropped()
    peer.say(confirmation(f"account.{KEY}"), snapshot_of_account(), now=10.1)
    again = core.resend(unknown, 11.0)
    peer.say(post_reply(2, {status.value: {"oid": oid(unknown)}}), now=11.1)
    assert again.result()[0].status is status
    order = core.accounts[KEY].find_order(oid(unknown))
    assert order is not None
    assert order.status is status
    peer.say(snapshot_of_account(), now=12.0)  # it can be older than the answer
    assert core.accounts[KEY].find_order(oid(unknown)) == order


@pytest.mark.parametrize(
    "reply",
    [
        post_reply(2, {"error": {"message": "duplicate nonce"}}, status="error"),
        {"type": "error", "error": {"message": "duplicate nonce", "id": 2}},
    ],
)
def test_a_refused_repetition_says_nothing_about_the_first(reply: dict[str, Any]) -> None:
    core, peer, unknown = timed_out()
    again = core.resend(unknown, 3.0)
    peer.say(reply)
    with pytest.raises(RepetitionRefused, match=r"refused when repeated .duplicate nonce") as refused:
        again.result()
    assert refused.value.order_ids == unknown.order_ids
    assert core.settle(refused.value, 3.1).done is False
    assert oid(unknown) in core.accounts[KEY].in_doubt


@pytest.mark.parametrize(
    "reply",
    [
        post_reply(2, {"error": {"message": "duplicate nonce"}}),
        {"type": "post", "id": 2, "data": {"type": "ack", "ok": False, "message": "duplicate nonce"}},
    ],
)
def test_an_action_that_failed_when_repeated_may_have_been_executed_before(reply: dict[str, Any]) -> None:
    core, peer, unknown = timed_out()
    again = core.resend(unknown, 3.0)
    peer.say(reply)
    assert again.result()[0].message == "duplicate nonce"
    assert oid(unknown) in core.accounts[KEY].in_doubt


@pytest.mark.parametrize("word", ["rejectedRiskLimit", "rejectedCrossing", "rejectedInvalid", "rejected"])
def test_a_rejected_repetition_ends_no_order_that_the_first_may_have_placed(word: str) -> None:
    core, peer, unknown = timed_out()
    peer.say(order_update(oid(unknown), "pending"))
    again = core.resend(unknown, 3.0)
    peer.hear()
    peer.say(post_reply(2, {word: {"oid": oid(unknown)}}))
    assert again.result()[0].is_error()
    settled = core.settle(unknown, 4.0)
    assert len(peer.hear()) == 2  # left, and asked for again
    placed = order_update(oid(unknown), "placed", ts=1767225602 * 10**9)
    assert any(isinstance(event, OrderState) for event in peer.say(placed))
    assert oid(unknown) in core.accounts[KEY].open_orders
    peer.say(confirmation(f"account.{KEY}"), snapshot_of_account(order_row(oid(unknown))), now=4.1)
    assert not settled.result()[oid(unknown)].is_terminal()


@pytest.mark.parametrize("action", [Stop("BTC-USD", False, 0.1, 60_000.0), CancelAll()])
def test_an_unknown_outcome_of_what_has_no_computable_id_sends_its_user_to_the_account(
    action: Action,
) -> None:
    _, _, unknown = timed_out(action)
    assert unknown.order_ids == (None,)
    assert "after error.settle() the account shows it" in str(unknown)
    _, _, unknown = timed_out()
    assert "error.settle() finds out" in str(unknown)


def test_each_topic_that_is_left_counts_as_a_message() -> None:
    core, _ = opened(signed=False, max_posts_per_second=5)
    books = [topics.l2_delta(f"M{number}-USD") for number in range(8)]
    core.subscribe(books, 1.0)
    assert len(core.unsubscribe(books[:4], 1.5)) == 4
    with pytest.raises(RateLimited) as refused:
        core.unsubscribe(books[4:5], 1.5)
    assert len(core.subscriptions.wanted) == 4
    assert refused.value.retry_after == 0.5
    assert core.unsubscribe(books[:4], 1.5) == []  # nothing is sent
    core.subscribe(books[4:], 1.5)  # nor here
    with pytest.raises(RateLimited):
        core.subscribe(books[:1], 1.5)
    assert len(core.unsubscribe(books[4:], 2.6)) == 4


def test_more_topics_than_messages_a_second_can_be_left_while_orders_are_placed() -> None:
    core, peer = opened(max_posts_per_second=20)
    books = [topics.l2_delta(f"M{number}-USD") for number in range(60)]
    core.subscribe(books, 1.0)
    core.place_orders([BID], 1.5)
    assert len(core.unsubscribe(books, 1.6)) == 60
    peer.hear()
    with pytest.raises(RateLimited):
        core.place_orders([BID], 1.7)
    core.place_orders([BID], 2.7)


def test_what_is_asked_for_again_takes_no_room_from_orders() -> None:
    core, peer = opened(max_posts_per_second=2, book_patience=1.0)
    core.subscribe([topics.l2_delta(f"M{number}-USD") for number in range(30)], 1.0)
    peer.say(confirmation(*(f"l2delta.M{number}-USD" for number in range(30))), now=1.1)
    peer.hear()
    core.handle_deadline(3.0)
    assert len(peer.hear()) == 31
    core.place_orders([BID], 3.0)


def test_the_same_order_under_the_same_nonce_is_a_repetition() -> None:
    core, peer = opened()
    core.place_orders([BID], 1.0, nonce=5, timeout=1.0)
    core.handle_deadline(2.0)
    peer.hear()
    again = core.place_orders([BID], 3.0, nonce=5)
    (order_id,) = core.accounts[KEY].in_doubt
    peer.hear()
    peer.say(order_update(order_id, "pending"))
    peer.say(post_reply(2, {"error": {"message": "duplicate nonce"}}, status="error"))
    with pytest.raises(RepetitionRefused):
        again.result()
    peer.say(order_update(order_id, "placed", ts=1767225602 * 10**9))
    assert order_id in core.accounts[KEY].open_orders


@pytest.mark.parametrize("text", ["duplicate nonce", "bad signature"])
@pytest.mark.parametrize("action", [CancelAll(), Transfer(KEY, OTHER_KEY, 500.0)])
def test_whatever_is_sent_twice_under_one_nonce_is_a_repetition(action: Action, text: str) -> None:
    core, peer = opened()
    first = core.place_orders([action], 1.0, timeout=1.0)
    core.handle_deadline(2.0)
    peer.hear()
    nonce = unknown_outcome(first).nonce
    again = core.place_orders([action], 3.0, nonce=nonce)
    peer.say(post_reply(2, {"error": {"message": text}}, status="error"))
    with pytest.raises(RepetitionRefused):
        again.result()


def test_another_order_under_a_used_nonce_is_none_and_its_refusal_is_one() -> None:
    core, peer = opened()
    for number, size in enumerate((0.05, 0.06), 1):
        order = LimitOrder("BTC-USD", Side.BUY, 64000.0, size)
        placed = core.place_orders([order], 1.0, nonce=7)
        peer.say(post_reply(number, {"error": {"message": "insufficient margin"}}, status="error"))
        with pytest.raises(TransactionRejected):
            placed.result()
    assert not core.accounts[KEY].in_doubt
    used = core.place_orders([CancelAll()], 1.0, nonce=7)
    peer.say(post_reply(3, {"error": {"message": "x" * 300 + " duplicate nonce"}}, status="error"))
    with pytest.raises(RepetitionRefused):
        used.result()


def test_a_nonce_that_an_earlier_process_used_may_be_a_repetition_too() -> None:
    core, peer = opened()
    used = core.place_orders([CancelAll()], 1.0, nonce=7)
    peer.say(post_reply(1, {"error": {"message": "Duplicate nonce"}}, status="error"))
    with pytest.raises(RepetitionRefused):
        used.result()
    forbidden = core.place_orders([CancelAll()], 1.0, nonce=8)
    peer.say(post_reply(2, {"error": {"message": "unauthorized signer"}}, status="error"))
    with pytest.raises(TransactionRejected):
        forbidden.result()
    elsewhere = core.place_orders([CancelAll()], 1.0)  # a nonce of our own: it was used by somebody else
    peer.say(post_reply(3, {"error": {"message": "duplicate nonce"}}, status="error"))
    with pytest.raises(TransactionRejected):
        elsewhere.result()


def test_a_repetition_refused_as_a_whole_is_settled_by_the_next_snapshot() -> None:
    core, peer, unknown = timed_out()
    peer.say(post_reply(1, {"rejectedRiskLimit": {"oid": oid(unknown)}}))  # late: the order is known no more
    core.resend(unknown, 3.0)
    peer.hear()
    peer.say(post_reply(2, {"error": {"message": "duplicate nonce"}}, status="error"))
    settled = core.settle(unknown, 4.0)
    peer.say(confirmation(f"account.{KEY}"), snapshot_of_account(), now=4.1)
    assert settled.result() == {oid(unknown): OrderStatus.GONE}


def test_a_late_answer_names_the_other_id_of_an_order_that_seemed_gone() -> None:
    core, peer, unknown = timed_out(MarketOrder("BTC-USD", Side.SELL, 0.05, slippage=5.0))
    assert unknown._transaction is not None
    ((first, second),) = unknown._transaction.order_ids
    core.settle(unknown, 2.0)
    peer.say(confirmation(f"account.{KEY}"), snapshot_of_account(), now=2.5)
    peer.say(post_reply(1, {"filled": {"oid": second, "totalSz": -0.05, "avgPx": 1.0}}))
    assert core.settle(unknown, 3.0).result() == {first: OrderStatus.FILLED}
    order = core.accounts[KEY].find_order(second)
    assert order is not None
    assert (order.side, order.size_done) == (Side.SELL, 0.05)
    fill = {
        "symbol": "BTC-USD",
        "orderId": second,
        "price": 1.0,
        "size": 0.05,
        "isBuy": True,
        "reasonCode": 0,
    }
    moment = {"timestamp": 1767225601 * 10**9, "maker": False, "tradeId": "1:1"}
    (told,) = peer.say(account_message({"type": "fill"} | fill | moment))
    assert isinstance(told, Fill)
    assert told.side is Side.SELL


def test_of_more_orders_than_are_kept_pending_the_first_are_known_by_their_answer() -> None:
    core, peer = opened()
    call = core.place_orders([BID] * (_KEPT + 3), 1.0)
    (request,) = peer.hear()
    ids = [ids[0] for ids in core._desk.posts._open[request["id"]].transaction.order_ids]
    peer.say(post_reply(request["id"], *({"resting": {"oid": order_id}} for order_id in ids)))
    assert len(call.result()) == len(ids)
    assert core.accounts[KEY].open_orders.keys() == set(ids)


def test_conditional_orders_are_settled_by_the_account_sent_anew() -> None:
    core, peer, unknown = timed_out(BID, Stop("BTC-USD", False, 0.25, 61_000.0))
    peer.say(order_update(oid(unknown), "filled", sz=0.0, fillSz=0.05))
    settled = core.settle(unknown, 3.0)
    assert len(peer.hear()) == 2
    assert not settled.done
    peer.say(confirmation(f"account.{KEY}"), snapshot_of_account(), now=3.1)
    assert settled.result() == {oid(unknown): OrderStatus.FILLED}


@pytest.mark.parametrize(
    "action",
    [
        CancelAll(),
        Stop("BTC-USD", False, 0.25, 61_000.0),
        TakeProfit("BTC-USD", True, 0.25, 67_000.0),
        Range("BTC-USD", True, 0.25, 61_000.0, 67_000.0),
        TrailingStop("BTC-USD", Side.SELL, 0.25, 150, 20),
        TriggerBasket("BTC-USD", False, 61_000.0, [CancelAll()]),
        OnFill(BID, [CancelAll()]),
    ],
    ids=lambda action: action.tag,
)
def test_what_names_no_order_is_not_settled_before_the_account_was_sent_anew(action: Action) -> None:
    core, peer, unknown = timed_out(action)
    settled = core.settle(unknown, 3.0)
    assert [request["method"] for request in peer.hear()] == ["unsubscribe", "subscribe"]
    assert not settled.done
    peer.say(confirmation(f"account.{KEY}"), snapshot_of_account(), now=3.1)
    assert settled.result() == {}


def test_a_duplicate_row_means_that_the_first_has_landed() -> None:
    core, peer, unknown = timed_out()
    again = core.resend(unknown, 3.0)
    peer.say(post_reply(2, {"rejectedDuplicate": {"oid": oid(unknown)}}))
    assert again.result()[0].status is OrderStatus.REJECTED_DUPLICATE
    assert oid(unknown) in core.accounts[KEY].in_doubt


def test_a_repetition_needs_a_connection_and_a_transaction() -> None:
    core, _, unknown = timed_out()
    with pytest.raises(UsageError):
        core.resend(RequestTimedOut("a subscription"), 3.0)
    core.connection_lost(3.0, "reset")
    with pytest.raises(NotConnected):
        core.resend(unknown, 3.0)


def test_a_repetition_may_get_no_answer_either() -> None:
    core, _, unknown = timed_out()
    again = core.resend(unknown, 3.0, timeout=1.0)
    core.handle_deadline(4.0)
    assert unknown_outcome(again).order_ids == unknown.order_ids


def test_the_error_shows_no_order_and_no_signature() -> None:
    _, _, unknown = timed_out()
    assert "64000" not in f"{unknown} {unknown!r}"
    assert "signature" not in repr(vars(unknown))


# Pace ----------------------------------------------------------------------------------------------------


def test_more_orders_than_the_exchange_takes_are_refused_here() -> None:
    core, peer = opened(max_posts_per_second=3)
    for _ in range(3):
        core.place_orders([BID], 1.0)
    with pytest.raises(RateLimited, match="nothing was sent") as refused:
        core.place_orders([BID], 1.25)
    assert refused.value.retry_after == pytest.approx(0.75)
    assert len(peer.hear()) == 3
    core.place_orders([BID], 2.0)


@pytest.mark.parametrize(
    "way_out", [CancelOrder("BTC-USD", KEY), CancelAll()], ids=lambda action: type(action).__name__
)
def test_at_the_limit_of_orders_there_is_room_for_cancels(way_out: Action) -> None:
    core, peer = opened(max_posts_per_second=3, cancel_reserve=2)
    for _ in range(3):
        core.place_orders([BID], 1.0)
    with pytest.raises(RateLimited):
        core.place_orders([BID, way_out], 1.0)
    core.place_orders([way_out], 1.5)
    core.place_orders((way_out, way_out), 1.5)
    with pytest.raises(RateLimited) as refused:
        core.place_orders([way_out], 1.5)
    assert refused.value.retry_after == pytest.approx(0.5)
    assert len(peer.hear()) == 5
    core.place_orders([BID], 2.1)
    with pytest.raises(RateLimited):  # the cancels count for the next second too
        core.place_orders([BID], 2.1)


def test_cancels_never_pass_their_own_reserve() -> None:
    pace = Pace(3, reserve=2)
    sent = []
    for step in range(200):
        now = step / 20
        if pace.wait(now, urgent=step % 3 == 0) == 0.0:
            pace.count(now)
            sent.append(now)
    assert all(later - earlier > 0.999 for earlier, later in zip(sent, sent[5:], strict=False))


def test_any_second_holds_no_more_than_the_limit() -> None:
    pace = Pace(2)
    sent = []
    for step in range(100):
        now = step / 10
        if pace.wait(now) == 0.0:
            pace.count(now)
            sent.append(now)
    assert all(later - earlier > 0.999 for earlier, later in zip(sent, sent[2:], strict=False))
    assert len(sent) == 20


# What a gap changed --------------------------------------------------------------------------------------


def position(size: float) -> dict[str, Any]:
    return account_message({"type": "positionUpdate", "symbol": "BTC-USD", "size": size, "price": 64000.0})


def test_one_event_sums_up_a_gap_after_everything_is_served_again() -> None:
    kept, gone = (
        "E6b9XTojqT8CASM4t5mQyZPHwATwYKrGFGKFbKP3bBqS",
        "2tZDKsMo1ksF1dGatQaQfZDAPvmydgZzwaNsiKTWQP1S",
    )
    core, peer = opened()
    core.subscribe([topics.l2_delta("BTC-USD")], 1.0)
    peer.say(confirmation("l2delta.BTC-USD"), book_message("snapshot", [(100.0, 1.0)], [(101.0, 1.0)]))
    peer.say(snapshot_of_account(order_row(kept), order_row(gone)), position(0.5))
    core.connection_lost(5.0, "reset")
    core.handle_deadline(7.0)
    peer = connect(core, 7.0)
    assert not any(isinstance(event, Resynced) for event in core.events())
    events = peer.say(
        confirmation("l2delta.BTC-USD"),
        book_message("snapshot", [(100.0, 1.0)], [(101.0, 1.0)]),
        confirmation(f"account.{KEY}"),
        snapshot_of_account(order_row(kept)),
        now=8.0,
    )
    resynced = events[-1]
    assert isinstance(resynced, Resynced)
    assert resynced.gap == 3.0
    assert [(order.order_id, order.status) for order in resynced.orders_gone] == [(gone, OrderStatus.GONE)]
    assert [(moved.symbol, moved.size) for moved in resynced.positions_changed] == [("BTC-USD", 0.0)]
    assert resynced.unconfirmed == []
    assert resynced.books == ["BTC-USD"]
    assert sum(isinstance(event, Resynced) for event in events) == 1


def test_a_gap_with_several_attempts_is_one_gap() -> None:
    core, peer = opened()
    peer.say(position(0.5))
    core.connection_lost(5.0, "reset")
    core.handle_deadline(6.0)
    core.connection_lost(6.0, "refused")
    core.handle_deadline(8.0)
    connect(core, 8.0)
    core.connection_lost(8.5, "reset")
    core.handle_deadline(20.0)
    peer = connect(core, 20.0)
    events = peer.say(confirmation(f"account.{KEY}"), snapshot_of_account(), position(0.5), now=21.0)
    (resynced,) = [event for event in events if isinstance(event, Resynced)]
    assert (resynced.gap, resynced.orders_gone, resynced.positions_changed) == (16.0, [], [])


def test_the_first_connection_ends_no_gap() -> None:
    core, peer = opened()
    assert not any(isinstance(event, (Resynced, Connected)) for event in peer.say(snapshot_of_account()))


def test_a_topic_that_stays_unconfirmed_is_named_when_the_time_is_up() -> None:
    core, _ = opened()
    core.connection_lost(5.0, "reset")
    core.handle_deadline(7.0)
    peer = connect(core, 7.0)
    core.handle_deadline(7.0 + core.config.ready_timeout)
    (resynced,) = [event for event in core.events() if isinstance(event, Resynced)]
    assert resynced.unconfirmed == [f"account.{KEY}"]
    assert resynced.gap == 2.0 + core.config.ready_timeout
    events = peer.say(confirmation(f"account.{KEY}"), snapshot_of_account(), now=18.0)
    assert not any(isinstance(event, Resynced) for event in events)


def test_subscriptions_count_towards_the_limit_as_well() -> None:
    core, peer = opened(max_posts_per_second=2)
    core.subscribe([topics.l2_delta("BTC-USD")], 1.0)
    core.unsubscribe([topics.l2_delta("BTC-USD")], 1.0)
    with pytest.raises(RateLimited):
        core.subscribe([topics.l2_delta("BTC-USD")], 1.0)
    assert core.subscriptions.wanted.keys() == {("account", KEY)}
    with pytest.raises(RateLimited):
        core.place_orders([BID], 1.0)
    assert len(peer.hear()) == 2


def test_an_order_that_is_refused_here_uses_no_nonce_up() -> None:
    core, _ = opened()
    with pytest.raises(ValueError, match="action"):
        core.place_orders([], 1.0, nonce=2**64 - 1)
    core.place_orders([BID], 1.0)


@pytest.mark.parametrize("timeout", ["5", None])
def test_only_an_unknown_outcome_can_be_repeated(timeout: Any) -> None:
    core, _ = opened()
    with pytest.raises(UsageError):
        core.resend("x" if timeout is None else RequestTimedOut("x"), 1.0, timeout)  # type: ignore[arg-type]


def test_only_an_unknown_outcome_can_be_settled() -> None:
    core, _ = opened()
    with pytest.raises(UsageError, match="OutcomeUnknown"):
        core.settle("x", 1.0)  # type: ignore[arg-type]


def test_an_error_asks_the_client_that_raised_it() -> None:
    asked: list[object] = []
    error = RequestTimedOut("x")
    with pytest.raises(UsageError, match="no client raised this error"):
        error.settle()
    error.settle_with(lambda unknown, timeout: asked.append((unknown, timeout)))
    error.settle(3.0)
    assert asked == [(error, 3.0)]


def test_an_unknown_outcome_names_the_ways_out() -> None:
    core, peer = opened()
    call = core.place_orders([BID], 1.0)
    core.connection_lost(2.0, "reset")
    with pytest.raises(OutcomeUnknown, match=r"error\.settle\(\).*client\.resend\(error\)"):
        call.result()


def test_an_error_made_by_hand_is_settled_by_its_order_ids() -> None:
    core, peer = opened()
    known = "E6b9XTojqT8CASM4t5mQyZPHwATwYKrGFGKFbKP3bBqS"
    error = RequestTimedOut("no answer", account=KEY, order_ids=[known, None])
    call = core.settle(error, 1.0)
    peer.say(confirmation(f"account.{KEY}"), snapshot_of_account(order_row(known)))
    assert call.result() == {known: OrderStatus.RESTING}


def test_a_link_that_closes_in_the_read_that_served_it_ends_no_gap() -> None:
    core, _ = opened()
    core.connection_lost(5.0, "reset")
    core.handle_deadline(7.0)
    peer = connect(core, 7.0)
    served = peer.frame(confirmation(f"account.{KEY}"), snapshot_of_account())
    core.receive_data(served + peer.close_frame(), 8.0)
    assert not any(isinstance(event, Resynced) for event in core.events())
    core.handle_deadline(20.0)
    peer = connect(core, 20.0)
    events = peer.say(confirmation(f"account.{KEY}"), snapshot_of_account(), now=21.0)
    assert [event.gap for event in events if isinstance(event, Resynced)] == [16.0]


def test_the_other_ids_of_orders_nobody_answers_are_not_kept_for_ever() -> None:
    orders = OwnOrders()
    for number in range(3 * _KEPT):
        orders.register(pending(f"order-{number}"), (f"other-{number}",))
    assert len(orders._other_ids) <= 2 * _KEPT
    assert len(orders.pending) <= _KEPT


def pending(order_id: str) -> OrderState:
    return OrderState(
        account=KEY,
        symbol="BTC-USD",
        order_id=order_id,
        status=OrderStatus.PENDING,
        side=Side.BUY,
        price=1.0,
        size=1.0,
        size_orig=1.0,
        size_done=0.0,
        vwap=0.0,
        timestamp=None,
    )


def test_what_is_confirmed_while_closing_ends_no_gap() -> None:
    core, _ = opened()
    core.connection_lost(5.0, "reset")
    core.handle_deadline(7.0)
    peer = connect(core, 7.0)
    core.stop(7.5)
    events = peer.say(confirmation(f"account.{KEY}"), snapshot_of_account(), now=8.0)
    assert not any(isinstance(event, Resynced) for event in events)
