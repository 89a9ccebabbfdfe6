"""Rows about orders that nobody asked about: an older order never answers for a new one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bulk_proto.actions import Action, CancelAll, CancelOrder, LimitOrder, ModifyOrder, Stop
from bulk_proto.attribution import attribute
from bulk_proto.core import ClientCore
from bulk_proto.enums import OrderStatus, Side
from bulk_proto.replies import Row
from bulk_proto.signing.base58 import encode

from .peer import KEY, Peer, opened, order_row, order_update, post_reply, snapshot_of_account
from .test_attribution import (
    ON_FILL,
    SETTINGS,
    STOP,
    A,
    B,
    answered,
    bodies,
    cancel,
    kinds,
    pairs,
    row,
    some_rows,
    statuses,
)

OLD, NEW = (encode(bytes([number]) * 32) for number in (101, 102))
LIMIT = LimitOrder("BTC-USD", Side.SELL, 64_000.0, 0.05)

ENDS = ["cancelledSelfCrossing", "cancelledReduceOnly", "siblingCancelled", "cancelled", "filled"]


# What only looks like an answer --------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [(cancel(OLD), ModifyOrder("BTC-USD", A, 0.1)), (CancelAll(), ON_FILL)])
def test_a_no_that_names_nobody_leaves_no_action_done(asked: tuple[Action, Action]) -> None:
    responses = answered(*asked, rows=[Row("ack", {"ok": False})])
    assert statuses(responses) == [OrderStatus.UNKNOWN, OrderStatus.ERROR]


def test_a_conditional_order_is_no_failure_while_a_row_may_tell_that_it_rests() -> None:
    rows = [row("error", message="parent"), row("error", message="child"), row("resting", NEW)]
    responses = answered(ON_FILL, STOP, rows=rows)
    assert statuses(responses) == [OrderStatus.PENDING, OrderStatus.PENDING]
    assert responses.leftovers == tuple(rows)


@pytest.mark.parametrize("kind", ["cancelledReduceOnly", "cancelledSelfCrossing", "cancelledByUser"])
def test_an_order_that_only_ended_is_not_the_conditional_one_beside_it(kind: str) -> None:
    for first, known in ((CancelAll(), {OLD}), (SETTINGS, ())):
        responses = answered(first, STOP, rows=[row(kind, OLD)], known=known)
        assert (responses[1].order_id, responses[1].status) == (None, OrderStatus.PENDING)
        assert responses.leftovers == (row(kind, OLD),)


def test_a_failed_cancel_all_is_not_answered_by_the_sibling_of_a_cancelled_order() -> None:
    rows = [row("cancelled", A), row("siblingCancelled", B), row("error", message="failed")]
    responses = answered(cancel(A), CancelAll(), rows=rows, known={A, B})
    assert statuses(responses) == [OrderStatus.CANCELLED, OrderStatus.ERROR]


# By the ids that are known -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ENDS)
def test_the_end_of_an_older_order_does_not_answer_a_conditional_one(kind: str) -> None:
    rows = [row(kind, OLD), row("resting", NEW)]
    for asked in ([STOP], [STOP, SETTINGS], [(LIMIT, A), STOP]):
        responses = answered(*asked, rows=rows, known={OLD})
        (stop,) = [one for one in responses if one.order_id == NEW]
        assert (stop.status, stop.events) == (OrderStatus.RESTING, ())
        assert responses.leftovers == (rows[0],)


@pytest.mark.parametrize("kind", ENDS)
@pytest.mark.parametrize("action", [(LIMIT, A), STOP, cancel(A), ModifyOrder("BTC-USD", A, 1.0), SETTINGS])
def test_a_lone_action_is_not_answered_by_an_older_order(action: Any, kind: str) -> None:
    responses = answered(action, rows=[row(kind, OLD)], known={A, OLD})
    assert responses == answered(action, rows=[])
    assert responses.leftovers == (row(kind, OLD),)


@pytest.mark.parametrize("kind", ["triggerFailed", "cancelOneRejected"])
def test_the_failure_of_an_older_order_casts_no_doubt_on_another_action(kind: str) -> None:
    responses = answered(SETTINGS, cancel(A), rows=[row(kind, OLD)], known={A, OLD})
    assert statuses(responses) == [OrderStatus.ACKNOWLEDGED, OrderStatus.ACKNOWLEDGED]


def test_a_cancel_and_a_modification_are_answered_by_the_older_orders_they_name() -> None:
    rows = [row("modified", B), row("cancelled", A)]
    responses = answered(cancel(A), ModifyOrder("BTC-USD", B, 1.0), rows=rows, known={A, B})
    assert statuses(responses) == [OrderStatus.CANCELLED, OrderStatus.MODIFIED]


@pytest.mark.parametrize("beside", [[], [(LIMIT, A)]])
def test_cancelling_all_is_answered_by_every_order_that_it_ended(beside: list[Any]) -> None:
    responses = answered(CancelAll(), *beside, rows=[row("cancelled", OLD)], known={OLD})
    assert (responses[0].order_id, responses[0].status) == (OLD, OrderStatus.CANCELLED)
    assert responses.leftovers == ()


@pytest.mark.parametrize("kind", ["cancelledReduceOnly", "siblingCancelled", "cancelAllRejected"])
def test_cancelling_all_is_answered_by_whatever_tells_of_a_cancellation(kind: str) -> None:
    (response,) = answered(CancelAll(), rows=[row(kind, OLD)], known={OLD})
    assert (response.order_id, response.status) == (OLD, OrderStatus.from_string(kind))


def test_an_order_that_was_there_already_answers_as_a_duplicate() -> None:
    (response,) = answered(STOP, rows=[row("rejectedDuplicate", OLD)], known={OLD})
    assert (response.order_id, response.status) == (OLD, OrderStatus.REJECTED_DUPLICATE)


@pytest.mark.parametrize("kind", ["cancelledSelfCrossing", "cancelled", "rejectedInvalid"])
def test_of_two_unknown_orders_the_one_that_lives_is_the_one_asked_for(kind: str) -> None:
    for rows in ([row(kind, B), row("resting", A)], [row("resting", A), row(kind, B)]):
        (response,) = answered(STOP, rows=rows)
        assert (response.order_id, response.status) == (A, OrderStatus.RESTING)
        assert [event.order_id for event in response.events] == [B]


def test_an_error_without_an_id_answers_before_the_end_of_an_unknown_order() -> None:
    (response,) = answered(STOP, rows=[row("cancelledReduceOnly", B), row("error", message="no margin")])
    assert (response.status, response.message) == (OrderStatus.ERROR, "no margin")


def test_an_unknown_order_that_was_placed_and_ended_has_ended() -> None:
    (response,) = answered(STOP, rows=[row("resting", A), row("cancelledReduceOnly", A)])
    assert (response.order_id, response.status) == (A, OrderStatus.CANCELLED_REDUCEONLY)


def test_a_filled_trigger_order_answers_before_its_resting_child() -> None:
    (response,) = answered(ON_FILL, rows=[row("resting", B), row("filled", A)])
    assert (response.order_id, response.status) == (A, OrderStatus.FILLED)


older = st.sampled_from([OLD, NEW])


@given(
    asked=st.lists(pairs, max_size=5),
    rows=some_rows,
    foreign=st.lists(st.tuples(st.integers(0, 8), kinds, older, bodies), max_size=4),
)
def test_rows_about_older_orders_change_no_response(
    asked: list[tuple[Action, list[str]]],
    rows: list[Row],
    foreign: list[tuple[int, str, str, dict[str, Any]]],
) -> None:
    assume(not any(isinstance(action, CancelAll) for action, _ in asked))
    actions, order_ids = [action for action, _ in asked], [tuple(found) for _, found in asked]
    others = [Row(kind, body | {"oid": oid}) for _, kind, oid, body in foreign]
    assume(not any("duplicate" in other.kind.casefold() for other in others))
    mixed: list[Row] = list(rows)
    for (at, *_), other in zip(foreign, others, strict=True):
        mixed.insert(at, other)
    plain = attribute(rows, actions, order_ids, {OLD, NEW}.__contains__)
    responses = attribute(mixed, actions, order_ids, {OLD, NEW}.__contains__)
    assert responses == plain
    assert len(responses.leftovers) == len(plain.leftovers) + len(others)
    assert [one for one in responses.leftovers if one.order_id not in (OLD, NEW)] == list(plain.leftovers)


# By what the account has told ----------------------------------------------------------------------------


def sent(*actions: Action) -> tuple[ClientCore, Peer, Any]:
    """A core that knows the order OLD from its snapshot and has these actions on their way."""
    core, peer = opened()
    peer.say(snapshot_of_account(order_row(OLD)))
    call = core.place_orders(actions, 1.0)
    peer.hear()
    return core, peer, call


def test_a_stop_beside_an_order_that_crosses_an_own_one_answers_with_its_own_id() -> None:
    core, peer, call = sent(LIMIT, Stop("BTC-USD", False, 0.05, 60_000.0))
    own = next(iter(core.accounts[KEY].pending))
    peer.say(
        post_reply(
            1,
            {"filled": {"oid": own, "totalSz": -0.05, "avgPx": 1.0}},
            {"cancelledSelfCrossing": {"oid": OLD}},
            {"resting": {"oid": NEW}},
        )
    )
    assert [(one.order_id, one.status) for one in call.result()] == [
        (own, OrderStatus.FILLED),
        (NEW, OrderStatus.RESTING),
    ]
    assert [one.order_id for one in call.result().leftovers] == [OLD]


def test_an_order_whose_reply_tells_of_another_one_only_is_still_pending() -> None:
    core, peer, call = sent(LIMIT)
    own = next(iter(core.accounts[KEY].pending))
    peer.say(post_reply(1, {"cancelledSelfCrossing": {"oid": OLD}}))
    (response,) = call.result()
    assert (response.order_id, response.status) == (own, OrderStatus.PENDING)


@pytest.mark.parametrize(("told", "row"), [("placed", "resting"), ("cancelled", "cancelledReduceOnly")])
def test_a_stop_that_the_stream_told_of_first_is_still_answered_by_its_row(told: str, row: str) -> None:
    core, peer, call = sent(Stop("BTC-USD", False, 0.05, 60_000.0))
    peer.say(order_update(NEW, told))
    peer.say(post_reply(1, {row: {"oid": NEW}}))
    (response,) = call.result()
    assert (response.order_id, response.status) == (NEW, OrderStatus.from_string(row))


def test_a_stop_that_a_snapshot_listed_first_is_still_answered_by_its_row() -> None:
    core, peer, call = sent(Stop("BTC-USD", False, 0.05, 60_000.0))
    peer.say(snapshot_of_account(order_row(OLD), order_row(NEW)))
    peer.say(post_reply(1, {"cancelledSelfCrossing": {"oid": OLD}}, {"resting": {"oid": NEW}}))
    assert [(one.order_id, one.status) for one in call.result()] == [(NEW, OrderStatus.RESTING)]


def test_an_order_of_a_later_transaction_does_not_answer_an_earlier_one() -> None:
    core, peer, call = sent(Stop("BTC-USD", False, 0.05, 60_000.0))
    core.place_orders([LIMIT], 1.0)
    other = next(iter(core.accounts[KEY].pending))
    peer.say(order_update(other))
    peer.say(post_reply(1, {"cancelledSelfCrossing": {"oid": other}}, {"resting": {"oid": NEW}}))
    assert [(one.order_id, one.status) for one in call.result()] == [(NEW, OrderStatus.RESTING)]


def test_an_order_answered_under_another_id_than_the_computed_one_is_answered() -> None:
    core, peer, call = sent(LIMIT)
    peer.say(order_update(NEW), post_reply(1, {"resting": {"oid": NEW}}))
    (response,) = call.result()
    assert (response.order_id, response.status) == (NEW, OrderStatus.RESTING)


def test_the_newcomers_that_are_remembered_are_bounded() -> None:
    core, peer, call = sent(CancelOrder("BTC-USD", OLD))
    account = core.accounts[KEY]
    peer.say(*(order_update(f"order {number}") for number in range(1100)))
    assert account.newcomers == 1101
    assert account.knew("order 0", 1)  # forgotten as a newcomer: counts as an older order
    assert not account.knew("order 1099", 1)
    assert not account.knew("never heard of", 1)
