"""What replies do to the account: the ends they tell, whoever asked, and what they leave to the stream."""

from __future__ import annotations

from typing import Any

import pytest

from bulk_proto.account import Account
from bulk_proto.actions import Action, CancelAll, CancelOrder, LimitOrder, MarketOrder, OnFill, Stop
from bulk_proto.enums import OrderStatus, Side
from bulk_proto.errors import OutcomeUnknown
from bulk_proto.events import MessageRefused, UnknownMessage

from .peer import KEY, Peer, opened, order_row, order_update, post_reply, snapshot_of_account

OLD = "E6b9XTojqT8CASM4t5mQyZPHwATwYKrGFGKFbKP3bBqS"
NEW = "2tZDKsMo1ksF1dGatQaQfZDAPvmydgZzwaNsiKTWQP1S"
BID = LimitOrder("BTC-USD", Side.BUY, 64_000.0, 0.05)
STOP = Stop("BTC-USD", False, 0.05, 60_000.0)


def sent(*actions: Action) -> tuple[Account, Peer, Any]:
    """The account with the open order OLD, the exchange's end, and the call for ``actions``."""
    core, peer = opened()
    peer.say(snapshot_of_account(order_row(OLD)))
    call = core.place_orders(actions, 1.0)
    peer.hear()
    return core.accounts[KEY], peer, call


# The ends of known orders --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        (CancelOrder("BTC-USD", OLD), "cancelled"),
        (CancelAll(), "cancelled"),
        (BID, "cancelledSelfCrossing"),
        (STOP, "siblingCancelled"),
        (CancelOrder("BTC-USD", OLD), "filled"),
    ],
)
def test_an_order_that_a_reply_has_ended_is_not_open(action: Action, kind: str) -> None:
    account, peer, _ = sent(action)
    peer.say(post_reply(1, {kind: {"oid": OLD}}))
    assert OLD not in account.open_orders
    assert account.finished[OLD].status is OrderStatus.from_string(kind)


def test_the_stream_tells_the_end_that_a_reply_has_told_before() -> None:
    account, peer, _ = sent(CancelOrder("BTC-USD", OLD))
    peer.say(post_reply(1, {"cancelled": {"oid": OLD}}))
    (end,) = peer.say(order_update(OLD, "cancelled"))
    assert account.finished[OLD] == end
    assert account.contradictions == 0


def test_an_order_placed_and_cancelled_by_one_transaction_is_not_open() -> None:
    account, peer, call = sent(CancelOrder("BTC-USD", OLD), BID)
    own = next(iter(account.pending))
    peer.say(post_reply(1, {"resting": {"oid": own}}, {"cancelledReduceOnly": {"oid": own}}))
    assert list(account.open_orders) == [OLD]
    assert own in account.finished


@pytest.mark.parametrize("kind", ["cancelOneRejected", "rejectedDuplicate", "error", "ack", "odd", "resting"])
def test_a_row_that_tells_no_end_ends_no_order(kind: str) -> None:
    account, peer, _ = sent(CancelOrder("BTC-USD", OLD))
    peer.say(post_reply(1, {kind: {"oid": OLD}}))
    assert account.open_orders[OLD].status is OrderStatus.RESTING


def test_a_refused_cancel_leaves_an_order_of_the_same_transaction_pending() -> None:
    account, peer, call = sent(BID, BID)
    own = list(account.pending)
    peer.say(post_reply(1, *({"cancelOneRejected": {"oid": order_id}} for order_id in own)))
    assert list(account.pending) == own


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("rejectedRiskLimit", OrderStatus.REJECTED_RISKLIMIT),
        ("rejectedDuplicate", None),
        ("cancelOneRejected", None),
    ],
)
def test_a_refusal_ends_an_order_that_the_stream_has_only_called_pending(
    kind: str, status: OrderStatus | None
) -> None:
    account, peer, _ = sent(BID)
    own = next(iter(account.pending))
    peer.say(order_update(own, "pending"), post_reply(1, {kind: {"oid": own}}))
    assert (own in account.open_orders) is (status is None)
    assert status is None or account.finished[own].status is status
    assert len(peer.say(order_update(own, kind if status else "resting"))) == 1
    assert (own in account.open_orders) is (status is None)
    assert account.contradictions == 0


def test_a_refused_transaction_ends_an_order_that_the_stream_has_only_called_pending() -> None:
    account, peer, _ = sent(BID)
    own = next(iter(account.pending))
    peer.say(order_update(own, "pending"), post_reply(1, {"error": {"message": "no"}}, status="error"))
    assert list(account.open_orders) == [OLD]


def test_a_refusal_that_tells_of_an_execution_is_told_as_what_was_executed() -> None:
    account, peer, call = sent(BID, BID)
    first, second = list(account.pending)
    peer.say(
        post_reply(1, {"filled": {"oid": first}}, {"rejectedRiskLimit": {"oid": second}}, status="error")
    )
    assert [response.status for response in call.result()] == [
        OrderStatus.FILLED,
        OrderStatus.REJECTED_RISKLIMIT,
    ]
    assert account.finished[first].status is OrderStatus.FILLED


def test_a_refusal_that_tells_of_a_cancelled_remainder_is_told_as_what_was_executed() -> None:
    account, peer, call = sent(BID)
    (own,) = account.pending
    peer.say(post_reply(1, {"cancelledIoc": {"oid": own, "filledSz": 0.04}}, status="error"))
    assert call.result()[0].status is OrderStatus.CANCELLED_IOC
    assert account.finished[own].size_done == 0.04


# Further answers -----------------------------------------------------------------------------------------


def test_a_further_answer_changes_no_outcome_and_ends_the_orders_that_it_says() -> None:
    account, peer, call = sent(BID, STOP)
    own = next(iter(account.pending))
    peer.say(post_reply(1, {"resting": {"oid": own}}, {"resting": {"oid": NEW}}))
    outcome = list(call.result())
    peer.say(post_reply(1, {"filled": {"oid": own, "totalSz": 0.05, "avgPx": 63_999.0}}))
    assert call.result() == outcome
    assert (account.finished[own].status, account.finished[own].vwap) == (OrderStatus.FILLED, 63_999.0)


@pytest.mark.parametrize(
    "reply",
    [
        post_reply(1, {"resting": {"oid": OLD}}),
        post_reply(1, {"filled": {"oid": OLD}}, status="error"),
        post_reply(1, {"filled": {"oid": NEW}}),
        post_reply(2, {"filled": {"oid": OLD}}),
        post_reply(0, {"filled": {"oid": OLD}}),
    ],
)
def test_a_further_answer_that_tells_no_end_or_that_nobody_asked_for_changes_nothing(
    reply: dict[str, Any],
) -> None:
    account, peer, _ = sent(CancelAll())
    peer.say(post_reply(1))
    before = account.copy()
    peer.say(reply)
    assert (account.open_orders, account.finished) == (before.open_orders, before.finished)


# Orders of which a reply says nothing --------------------------------------------------------------------


@pytest.mark.parametrize("rows", [[], [{"error": {"message": "one of you"}}], [{"odd": {}}]])
def test_an_order_that_the_answer_leaves_pending_is_settled_by_the_second_snapshot(rows: list[Any]) -> None:
    account, peer, call = sent(BID, BID)
    own = list(account.pending)
    peer.say(post_reply(1, *rows))
    assert [response.status for response in call.result()] == [OrderStatus.PENDING] * 2
    peer.say(snapshot_of_account(order_row(OLD)))  # it can be older than the answer
    assert [account.find_order(order_id) is not None for order_id in own] == [True, True]
    peer.say(snapshot_of_account(order_row(OLD), order_row(own[0])))
    assert list(account.open_orders) == [OLD, own[0]]
    assert account.finished[own[1]].status is OrderStatus.GONE
    assert not account.pending


def test_a_word_that_nobody_knows_makes_no_order_open() -> None:
    account, peer, call = sent(BID)
    (own,) = account.pending
    peer.say(post_reply(1, {"brandNew": {"oid": own}}))
    assert call.result()[0].status is OrderStatus.UNKNOWN
    assert (list(account.open_orders), list(account.pending)) == ([OLD], [own])


def test_an_order_that_the_stream_tells_of_after_an_answer_without_it_is_not_settled_again() -> None:
    account, peer, _ = sent(BID)
    own = next(iter(account.pending))
    peer.say(post_reply(1), order_update(own), snapshot_of_account(order_row(OLD), order_row(own)))
    peer.say(snapshot_of_account(order_row(OLD), order_row(own)))
    assert list(account.open_orders) == [OLD, own]


def test_an_order_that_nobody_answered_yet_is_not_settled_by_any_snapshot_of_its_link() -> None:
    account, peer, _ = sent(BID)
    own = next(iter(account.pending))
    for _ in range(3):
        peer.say(snapshot_of_account())
    assert list(account.pending) == [own]


# Orders under another id than the computed one -----------------------------------------------------------


@pytest.mark.parametrize("order", [BID, MarketOrder("BTC-USD", Side.BUY, 0.05, slippage=25.0)])
def test_an_order_placed_under_another_id_is_known_by_that_id_alone(order: Action) -> None:
    account, peer, call = sent(order)
    peer.say(post_reply(1, {"resting": {"oid": NEW}}))
    assert call.result()[0].order_id == NEW
    assert (list(account.open_orders), account.pending) == ([OLD, NEW], {})
    assert (account.open_orders[NEW].side, account.open_orders[NEW].size) == (Side.BUY, 0.05)


def test_an_order_executed_under_another_id_leaves_nothing_pending() -> None:
    account, peer, _ = sent(BID)
    peer.say(post_reply(1, {"filled": {"oid": NEW, "totalSz": 0.05, "avgPx": 63_999.0}}))
    assert (account.finished[NEW].vwap, account.pending) == (63_999.0, {})


def test_an_order_under_another_id_that_the_stream_told_of_first_stands_as_told() -> None:
    account, peer, _ = sent(BID)
    (told,) = peer.say(order_update(NEW, "working"))
    peer.say(post_reply(1, {"resting": {"oid": NEW}}))
    assert (account.open_orders[NEW], account.pending) == (told, {})


@pytest.mark.parametrize("unreadable", ["much", [], "nan", "1e999", None, True, "1_000"])
def test_a_size_that_is_no_number_does_not_hide_the_one_that_is(unreadable: object) -> None:
    account, peer, call = sent(BID)
    (own,) = account.pending
    peer.say(post_reply(1, {"cancelledIoc": {"oid": own, "totalSz": unreadable, "filledSz": -0.02}}))
    assert call.result()[0].status is OrderStatus.CANCELLED_IOC
    assert account.finished[own].size_done == 0.02


@pytest.mark.parametrize("kind", ["cancelledSelfCrossing", "rejectedCrossing"])
def test_the_end_of_an_order_that_nobody_knows_does_not_end_the_one_sent(kind: str) -> None:
    account, peer, _ = sent(BID)
    own = list(account.pending)
    peer.say(post_reply(1, {kind: {"oid": NEW}}))
    assert (list(account.pending), account.find_order(NEW)) == (own, None)


# A bare acknowledgement ----------------------------------------------------------------------------------


def ack(request_id: int, ok: bool) -> dict[str, Any]:
    return {"type": "post", "id": request_id, "data": {"type": "ack", "ok": ok, "message": "why"}}


def test_a_refusing_acknowledgement_is_the_answer_of_the_only_action_that_can_have_caused_it() -> None:
    account, peer, call = sent(BID, OnFill(BID, [STOP]))
    peer.say(ack(1, ok=False))
    placed, on_fill = call.result()
    assert (placed.status, on_fill.status, on_fill.message) == (OrderStatus.PENDING, OrderStatus.ERROR, "why")
    assert list(account.pending) == [placed.order_id]


def test_a_refusing_acknowledgement_of_several_orders_says_of_none_that_it_failed() -> None:
    account, peer, call = sent(BID, BID)
    peer.say(ack(1, ok=False))
    assert [response.status for response in call.result()] == [OrderStatus.PENDING] * 2
    assert [row.message for row in call.result().leftovers] == ["why"]
    assert len(account.pending) == 2


@pytest.mark.parametrize("ok", [True, False])
def test_an_acknowledgement_of_one_order_is_its_response(ok: bool) -> None:
    account, peer, call = sent(BID)
    peer.say(ack(1, ok))
    (response,) = call.result()
    assert response.status is (OrderStatus.PENDING if ok else OrderStatus.ERROR)
    assert len(account.pending) == ok


# Answers that cannot be understood -----------------------------------------------------------------------

UNCLEAR: list[Any] = [
    None,
    {"type": "other", "payload": {}},
    {"type": "action"},
    {"type": "action", "payload": {"status": "failed", "response": {"data": {"statuses": [{"error": "x"}]}}}},
    {"type": "ack", "message": "no"},
]


@pytest.mark.parametrize("data", UNCLEAR)
def test_an_answer_that_says_neither_yes_nor_no_ends_the_wait_with_an_unknown_outcome(data: Any) -> None:
    account, peer, call = sent(BID)
    (event,) = peer.say({"type": "post", "id": "1", "data": data})
    assert isinstance(event, MessageRefused | UnknownMessage)
    with pytest.raises(OutcomeUnknown, match="the answer cannot be understood") as unknown:
        call.result()
    assert list(account.in_doubt) == list(unknown.value.order_ids)


def test_an_answer_that_can_be_understood_after_all_settles_the_order() -> None:
    account, peer, call = sent(BID)
    own = next(iter(account.pending))
    peer.say({"type": "post", "id": 1, "data": None}, post_reply(1, {"resting": {"oid": own}}))
    assert own in account.open_orders


@pytest.mark.parametrize("text", ["Execution timeout", "timed out in 2s", "executor time-out", "TIMED_OUT"])
@pytest.mark.parametrize("frame", ["reply", "error frame"])
def test_a_refusal_that_is_a_time_out_of_the_exchange_leaves_the_outcome_unknown(
    frame: str, text: str
) -> None:
    account, peer, call = sent(BID)
    own = list(account.pending)
    if frame == "reply":
        peer.say(post_reply(1, {"error": {"message": text}}, status="error"))
    else:
        peer.say({"type": "error", "id": 1, "error": {"message": text}})
    with pytest.raises(OutcomeUnknown, match=f"timed out.*{text}") as unknown:
        call.result()
    assert list(account.in_doubt) == list(unknown.value.order_ids) == own
    peer.say(post_reply(1, {"resting": {"oid": own[0]}}))
    assert own[0] in account.open_orders


@pytest.mark.parametrize("kind", ["error", "ack", "transferFailed"])
def test_a_row_that_is_a_time_out_says_of_no_order_that_it_failed(kind: str) -> None:
    account, peer, call = sent(BID)
    own = list(account.pending)
    peer.say(post_reply(1, {kind: {"ok": False, "message": "timeout", "oid": own[0]}}))
    (response,) = call.result()
    assert (response.status, response.message) == (OrderStatus.UNKNOWN, "timeout")
    assert list(account.pending) == own


@pytest.mark.parametrize("request_id", [1, 2])
def test_an_unclear_answer_to_nobody_is_only_told(request_id: int) -> None:
    account, peer, call = sent(BID)
    peer.say(post_reply(1))
    (event,) = peer.say({"type": "post", "id": request_id, "data": None})
    assert isinstance(event, MessageRefused)
    assert call.succeeded


@pytest.mark.parametrize(
    "response",
    [
        "Insufficient margin",
        {"type": "order", "data": {"statuses": {"error": {"message": "no"}}}},
        {"data": "no"},
    ],
)
def test_a_yes_with_an_explanation_instead_of_rows_is_no_success(response: object) -> None:
    _, peer, call = sent(CancelOrder("BTC-USD", OLD))
    payload = {"status": "ok", "response": response}
    peer.say({"type": "post", "id": 1, "data": {"type": "action", "payload": payload}})
    with pytest.raises(OutcomeUnknown):
        call.result()
