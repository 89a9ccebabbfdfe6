"""One response for each action, whatever rows the exchange answers with and in whatever order."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from itertools import permutations
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bulk_proto import attribution
from bulk_proto.actions import (
    Action,
    AgentWallet,
    ApproveBuilderCode,
    CancelAll,
    CancelOrder,
    CreateMultisig,
    CreateSubAccount,
    Faucet,
    LimitOrder,
    MarketOrder,
    ModifyOrder,
    MultisigApprove,
    MultisigCancel,
    MultisigExecute,
    MultisigPropose,
    MultisigReject,
    OnFill,
    OraclePrice,
    PythOracle,
    PythPrice,
    Range,
    RemoveSubAccount,
    RenameSubAccount,
    RevokeBuilderCode,
    Stop,
    TakeProfit,
    TrailingStop,
    Transfer,
    TriggerBasket,
    UserSettings,
    WhitelistFaucet,
)
from bulk_proto.attribution import attribute
from bulk_proto.enums import OrderStatus, Side
from bulk_proto.replies import Row
from bulk_proto.responses import OrderResponse, OrderResponses
from bulk_proto.signing.base58 import encode

A, B, C, D, E = (encode(bytes([number]) * 32) for number in range(1, 6))

LIMIT = LimitOrder("BTC-USD", Side.BUY, 64_000.0, 0.1)
MARKET = MarketOrder("BTC-USD", Side.SELL, 0.1, slippage=25.0)
STOP = Stop("BTC-USD", True, 0.1, 65_000.0)
BASKET = TriggerBasket("BTC-USD", True, 66_000.0, [CancelAll()])
ON_FILL = OnFill(LIMIT, [STOP])
SETTINGS = UserSettings({"BTC-USD": 5.0})
FAUCET = Faucet(E)
APPROVE = ApproveBuilderCode(E, 5)
AGENT = AgentWallet(E)


def cancel(order_id: str) -> CancelOrder:
    return CancelOrder("BTC-USD", order_id)


def row(kind: str, oid: str | None = None, **body: Any) -> Row:
    return Row(kind, body if oid is None else {"oid": oid, **body})


def answered(
    *asked: Action | tuple[Action, str] | tuple[Action, str, str],
    rows: Sequence[Row],
    known: Collection[str] = (),
) -> OrderResponses:
    """Each action alone, or with the ids computed for it; ``known`` orders are older than all of them."""
    pairs = [(one[0], one[1:]) if isinstance(one, tuple) else (one, ()) for one in asked]
    return attribute(rows, [action for action, _ in pairs], [ids for _, ids in pairs], known.__contains__)


def statuses(responses: OrderResponses) -> list[OrderStatus]:
    return [response.status for response in responses]


# One action ------------------------------------------------------------------------------------------


def test_a_placed_order_has_its_id_its_status_and_the_row() -> None:
    body = {"oid": A, "filledSz": 0.03, "remainingSz": 0.07, "vwap": 64_000.0}
    responses = answered((LIMIT, A), rows=[Row("working", body)])
    assert responses == [OrderResponse(A, OrderStatus.WORKING, None, body)]
    assert responses.leftovers == ()
    assert not responses[0].is_error()


@pytest.mark.parametrize(
    ("kind", "body", "status", "message"),
    [
        ("error", {"message": "Insufficient margin"}, OrderStatus.ERROR, "Insufficient margin"),
        ("rejectedRiskLimit", {"oid": A, "reason": "limit"}, OrderStatus.REJECTED_RISKLIMIT, "limit"),
        ("rejectedDuplicate", {"oid": A}, OrderStatus.REJECTED_DUPLICATE, None),
        ("ack", {"ok": False, "message": "no"}, OrderStatus.ERROR, "no"),
    ],
)
def test_a_refused_order_is_an_error_with_the_reason_that_was_given(
    kind: str, body: dict[str, Any], status: OrderStatus, message: str | None
) -> None:
    (response,) = answered((LIMIT, A), rows=[Row(kind, body)])
    assert response == OrderResponse(A, status, message, body)
    assert response.is_error()


def test_an_order_without_a_row_is_pending_under_the_id_computed_for_it() -> None:
    assert answered((MARKET, A, B), rows=[]) == [OrderResponse(A, OrderStatus.PENDING, None, {})]


@pytest.mark.parametrize(
    "action",
    [
        STOP,
        BASKET,
        ON_FILL,
        TakeProfit("BTC-USD", True, 0.1, 67_000.0),
        Range("BTC-USD", True, 0.1, 61_000.0, 67_000.0),
        TrailingStop("BTC-USD", Side.SELL, 0.1, 150, 20),
    ],
)
def test_a_conditional_order_without_a_row_is_pending(action: Action) -> None:
    assert answered(action, rows=[]) == [OrderResponse(None, OrderStatus.PENDING, None, {})]


def test_an_acknowledgement_that_names_its_order_does_not_finish_it() -> None:
    responses = answered((LIMIT, A), (LIMIT, B), rows=[row("ack", A), row("resting", B)])
    assert statuses(responses) == [OrderStatus.PENDING, OrderStatus.RESTING]


def test_a_cancel_is_answered_by_the_cancellation_and_not_by_what_was_executed_before() -> None:
    (response,) = answered(cancel(A), rows=[row("partiallyFilled", A), row("cancelled", A)])
    assert response.status is OrderStatus.CANCELLED
    assert [event.status for event in response.events] == [OrderStatus.PARTIALLY_FILLED]


def test_another_action_without_a_row_is_acknowledged() -> None:
    assert answered(SETTINGS, rows=[]) == [OrderResponse(None, OrderStatus.ACKNOWLEDGED, None, {})]
    assert answered(cancel(A), rows=[]) == [OrderResponse(A, OrderStatus.ACKNOWLEDGED, None, {})]


@pytest.mark.parametrize("action", [cancel(A), CancelAll()])
def test_a_cancel_without_a_row_beside_those_of_others_may_not_have_been_made(action: Action) -> None:
    assert statuses(answered(action, (LIMIT, B), rows=[row("resting", B)])) == [
        OrderStatus.UNKNOWN,
        OrderStatus.RESTING,
    ]


@pytest.mark.parametrize("rows", [*permutations([row("resting", A), row("rejectedRiskLimit", A)])])
def test_a_refusal_about_an_order_that_was_placed_is_that_of_its_change(rows: Sequence[Row]) -> None:
    change = ModifyOrder("BTC-USD", A, 2.0)
    assert statuses(answered((LIMIT, A), change, rows=rows)) == [
        OrderStatus.RESTING,
        OrderStatus.REJECTED_RISKLIMIT,
    ]


def test_cancelling_all_in_one_go_with_orders_is_answered_by_the_end_of_these() -> None:
    rows = [row("cancelled", A), row("resting", A), row("cancelled", B), row("resting", C)]
    responses = answered((LIMIT, A), (LIMIT, B), CancelAll(), (LIMIT, C), rows=rows)
    assert statuses(responses)[2:] == [OrderStatus.ACKNOWLEDGED, OrderStatus.RESTING]


def test_what_two_changes_may_each_have_caused_is_no_answer_to_anybody_else() -> None:
    change = ModifyOrder("BTC-USD", A, 2.0)
    rows = [row("resting", A), row("rejectedCrossing", A), row("transferFailed", message="no")]
    responses = answered(change, Transfer(D, E, 1.0), change, rows=rows)
    assert statuses(responses) == [OrderStatus.UNKNOWN, OrderStatus.ERROR, OrderStatus.UNKNOWN]
    finished = answered(change, change, rows=[row("modified", A), row("filled", A)])
    assert statuses(finished) == [OrderStatus.UNKNOWN] * 2


@pytest.mark.parametrize("rows", [*permutations([row("resting", A), row("rejectedRiskLimit", A)])])
def test_of_several_changes_of_one_order_nobody_knows_which_was_refused(rows: Sequence[Row]) -> None:
    changes = [ModifyOrder("BTC-USD", A, size) for size in (2.0, 3.0)]
    responses = answered(*changes, rows=rows)
    assert statuses(responses) == [OrderStatus.UNKNOWN] * 2
    assert len(responses.leftovers) == 2
    assert statuses(answered(*changes, rows=[row("modified", A)] * 2)) == [OrderStatus.MODIFIED] * 2


def test_an_acknowledged_order_is_pending_since_it_is_not_finished() -> None:
    (response,) = answered((LIMIT, A), rows=[row("ack", ok=True)])
    assert response == OrderResponse(A, OrderStatus.PENDING, None, {"ok": True})


@pytest.mark.parametrize("kind", ["brandNew", "", "ack", "deposit", "cancelAllRejected"])
def test_a_single_action_gets_every_row_even_of_unknown_kind(kind: str) -> None:
    responses = answered((LIMIT, A), rows=[row("resting", A), row(kind, note=1)])
    assert statuses(responses) == [OrderStatus.RESTING]
    assert [event.meta for event in responses[0].events] == [{"note": 1}]
    assert responses.leftovers == ()


def test_an_unknown_kind_alone_is_returned_raw_and_not_final() -> None:
    (response,) = answered((LIMIT, A), rows=[row("brandNew", A, x=[1])])
    assert response == OrderResponse(A, OrderStatus.UNKNOWN, None, {"oid": A, "x": [1]})
    assert not response.status.is_terminal()


def test_how_an_order_finished_is_the_response_and_its_other_rows_are_events() -> None:
    rows = [row("resting", A), row("filled", A, totalSz=0.1, avgPx=1.0), row("working", A)]
    (response,) = answered((LIMIT, A), rows=rows)
    assert response.status is OrderStatus.FILLED
    assert [event.status for event in response.events] == [OrderStatus.RESTING, OrderStatus.WORKING]


def test_of_rows_that_say_the_same_the_last_is_the_response() -> None:
    (response,) = answered((LIMIT, A), rows=[row("working", A, n=1), row("working", A, n=2)])
    assert response.meta["n"] == 2
    assert [event.meta["n"] for event in response.events] == [1]


def test_a_finished_order_of_another_id_does_not_finish_this_one() -> None:
    (response,) = answered((LIMIT, A), rows=[row("cancelledSelfCrossing", B), row("resting", A)])
    assert (response.order_id, response.status) == (A, OrderStatus.RESTING)


def test_an_error_without_an_id_does_not_hide_that_the_order_rests() -> None:
    (response,) = answered((LIMIT, A), rows=[row("error", message="odd"), row("resting", A)])
    assert response.status is OrderStatus.RESTING


def test_the_id_of_the_reply_decides_between_two_candidates() -> None:
    responses = answered((MARKET, A, B), (LIMIT, C), rows=[row("resting", C), row("filled", B)])
    assert [(one.order_id, one.status) for one in responses] == [
        (B, OrderStatus.FILLED),
        (C, OrderStatus.RESTING),
    ]


@pytest.mark.parametrize(
    ("action", "kind", "status"),
    [
        (FAUCET, "deposit", OrderStatus.ACKNOWLEDGED),
        (FAUCET, "depositFailed", OrderStatus.ERROR),
        (AGENT, "agentWallet", OrderStatus.ACKNOWLEDGED),
        (AGENT, "agentWalletFailed", OrderStatus.ERROR),
        (MultisigPropose(E, [LIMIT]), "proposalCreated", OrderStatus.ACKNOWLEDGED),
        (MultisigApprove(E, 1), "proposalFailed", OrderStatus.ERROR),
        (MultisigApprove(E, 1), "proposalExpired", OrderStatus.ERROR),
        (MultisigApprove(E, 1), "proposalReadyForExecution", OrderStatus.ACKNOWLEDGED),
        (MultisigReject(E, 1), "proposalRejected", OrderStatus.ACKNOWLEDGED),
        (MultisigCancel(E, 1), "proposalCancelled", OrderStatus.ACKNOWLEDGED),
        (MultisigCancel(E, 1), "proposalCanceled", OrderStatus.ACKNOWLEDGED),
        (MultisigCancel(E, 1), "proposalCanceledFailed", OrderStatus.ERROR),
        (MultisigExecute(E, 1), "proposalExecuted", OrderStatus.ACKNOWLEDGED),
        (CreateMultisig([E], 1, 0, 3600), "multisigCreated", OrderStatus.ACKNOWLEDGED),
        (Transfer(D, E, 1.0), "transfer", OrderStatus.ACKNOWLEDGED),
        (Transfer(D, E, 1.0), "transferFailed", OrderStatus.ERROR),
        (CreateSubAccount("grid"), "createSubAccount", OrderStatus.ACKNOWLEDGED),
        (RenameSubAccount(E, "grid"), "renameSubAccount", OrderStatus.ACKNOWLEDGED),
        (RemoveSubAccount(E), "removeSubAccountFailed", OrderStatus.ERROR),
        (APPROVE, "ack", OrderStatus.ACKNOWLEDGED),
        (RevokeBuilderCode(E), "ack", OrderStatus.ACKNOWLEDGED),
        (SETTINGS, "ack", OrderStatus.ACKNOWLEDGED),
        (WhitelistFaucet(E), "ack", OrderStatus.ACKNOWLEDGED),
        (OraclePrice(1, "BTC-USD", 64_000.0), "ack", OrderStatus.ACKNOWLEDGED),
        (PythOracle([PythPrice(1, 1, 64_000, 0)]), "ack", OrderStatus.ACKNOWLEDGED),
        (ModifyOrder("BTC-USD", C, 0.2), "ack", OrderStatus.ACKNOWLEDGED),
    ],
)
def test_rows_that_are_no_state_of_an_order_go_to_the_action_that_causes_them(
    action: Action, kind: str, status: OrderStatus
) -> None:
    responses = answered((LIMIT, A), action, STOP, rows=[row(kind, message="m")])
    assert statuses(responses) == [OrderStatus.PENDING, status, OrderStatus.PENDING]
    assert responses[1].message == "m"
    assert responses.leftovers == ()


# Several actions -------------------------------------------------------------------------------------


def test_rows_are_matched_by_id_and_not_by_position() -> None:
    rows = [row("filled", C), row("resting", A), row("rejectedCrossing", B)]
    responses = answered((LIMIT, A), (LIMIT, B), (LIMIT, C), rows=rows)
    assert statuses(responses) == [OrderStatus.RESTING, OrderStatus.REJECTED_CROSSING, OrderStatus.FILLED]


def test_a_replaced_order_answers_the_cancel_and_the_new_one_answers_for_itself() -> None:
    responses = answered(cancel(A), (LIMIT, B), rows=[row("resting", B), row("cancelled", A)])
    assert [(one.order_id, one.status) for one in responses] == [
        (A, OrderStatus.CANCELLED),
        (B, OrderStatus.RESTING),
    ]


def test_a_failed_cancel_does_not_touch_the_order_next_to_it() -> None:
    rows = [row("cancelOneRejected", A, reason="not found"), row("resting", B)]
    responses = answered((LIMIT, B), cancel(A), rows=rows)
    assert statuses(responses) == [OrderStatus.RESTING, OrderStatus.CANCEL_REJECT]
    assert responses[1].message == "not found"


def test_an_order_placed_and_cancelled_at_once_answers_both() -> None:
    responses = answered((LIMIT, A), cancel(A), rows=[row("cancelled", A), row("resting", A)])
    assert statuses(responses) == [OrderStatus.RESTING, OrderStatus.CANCELLED]


def test_an_order_that_cancels_itself_answers_the_order() -> None:
    rows = [row("cancelOneRejected", A, reason="gone"), row("cancelledIoc", A, filledSz=0.0)]
    responses = answered((LIMIT, A), cancel(A), rows=rows)
    assert statuses(responses) == [OrderStatus.CANCELLED_IOC, OrderStatus.CANCEL_REJECT]


def test_an_order_cancelled_without_being_asked_answers_itself() -> None:
    responses = answered((LIMIT, A), (LIMIT, B), rows=[row("cancelled", A), row("resting", B)])
    assert statuses(responses) == [OrderStatus.CANCELLED, OrderStatus.RESTING]


def test_a_cancel_too_late_is_a_refused_cancel_although_the_order_is_filled() -> None:
    rows = [row("filled", A), row("cancelOneRejected", A)]
    responses = answered(cancel(A), (LIMIT, B), rows=rows)
    assert statuses(responses) == [OrderStatus.CANCEL_REJECT, OrderStatus.PENDING]
    assert [event.status for event in responses[0].events] == [OrderStatus.FILLED]


def test_the_second_cancel_of_one_order_is_the_one_that_failed() -> None:
    rows = [row("cancelOneRejected", A), row("cancelled", A)]
    responses = answered(cancel(A), cancel(A), rows=rows)
    assert statuses(responses) == [OrderStatus.CANCELLED, OrderStatus.CANCEL_REJECT]


def test_a_refused_cancel_never_finishes_an_order_it_was_not_about() -> None:
    responses = answered(
        (LIMIT, A), STOP, FAUCET, rows=[row("cancelOneRejected", A), row("cancelOneRejected", B)]
    )
    assert statuses(responses)[:2] == [OrderStatus.PENDING, OrderStatus.PENDING]
    assert len(responses.leftovers) == 2


@pytest.mark.parametrize("kind", ["resting", "working", "modified"])
def test_a_modification_is_answered_by_any_row_about_its_order(kind: str) -> None:
    responses = answered(ModifyOrder("BTC-USD", A, 0.2), (LIMIT, B), rows=[row(kind, A)])
    assert statuses(responses) == [OrderStatus.from_string(kind), OrderStatus.PENDING]


def test_a_modified_row_prefers_the_modification_to_the_order() -> None:
    rows = [row("modified", A), row("resting", A)]
    responses = answered((LIMIT, A), ModifyOrder("BTC-USD", A, 0.2), rows=rows)
    assert statuses(responses) == [OrderStatus.RESTING, OrderStatus.MODIFIED]


def test_a_cancel_all_gets_the_cancelled_rows_that_no_cancel_named() -> None:
    rows = [row("cancelled", B), row("cancelled", A), row("siblingCancelled", C), row("resting", D)]
    responses = answered(CancelAll(), cancel(A), (LIMIT, D), rows=rows)
    assert statuses(responses) == [OrderStatus.CANCELLED, OrderStatus.CANCELLED, OrderStatus.RESTING]
    assert [response.order_id for response in responses] == [B, A, D]
    assert responses.leftovers == (row("siblingCancelled", C),)  # its sibling may have been filled


def test_a_cancel_all_with_nothing_to_cancel_is_refused_alone() -> None:
    rows = [Row("cancelAllRejected", {"oid": None, "reason": "no orders"}), row("resting", A)]
    responses = answered((LIMIT, A), CancelAll(["BTC-USD"]), rows=rows)
    assert statuses(responses) == [OrderStatus.RESTING, OrderStatus.CANCEL_REJECT]
    assert responses[1].message == "no orders"


def test_an_unknown_id_belongs_to_the_only_order_whose_id_could_not_be_computed() -> None:
    responses = answered((LIMIT, A), STOP, FAUCET, rows=[row("resting", B), row("triggered", B)])
    assert [(one.order_id, one.status) for one in responses[:2]] == [
        (A, OrderStatus.PENDING),
        (B, OrderStatus.TRIGGERED),
    ]


def test_an_unknown_id_that_two_orders_may_have_is_left_over() -> None:
    responses = answered(STOP, STOP, rows=[row("resting", B)])
    assert statuses(responses) == [OrderStatus.PENDING, OrderStatus.PENDING]
    assert responses.leftovers == (row("resting", B),)


def test_a_refused_on_fill_that_is_reported_first_does_not_answer_the_basket_before_it() -> None:
    rows = [row("ack", ok=False, message="invalid"), row("resting", B)]
    responses = answered(BASKET, ON_FILL, rows=rows)
    assert statuses(responses) == [OrderStatus.RESTING, OrderStatus.ERROR]
    assert responses[1].message == "invalid"


@pytest.mark.parametrize("kind", ["error", "ack", "brandNew"])
def test_a_row_without_an_id_answers_the_only_action_left(kind: str) -> None:
    rows = [row(kind, ok=False, message="why"), row("resting", A)]
    responses = answered((LIMIT, A), (LIMIT, B), rows=rows)
    assert responses[0].status is OrderStatus.RESTING
    assert (responses[1].order_id, responses[1].message) == (B, "why")
    assert responses.leftovers == ()


def test_as_many_equal_errors_as_actions_left_mean_that_all_of_them_failed() -> None:
    failure = row("error", message="Insufficient margin")
    responses = answered((LIMIT, A), (LIMIT, B), (LIMIT, C), rows=[failure, row("resting", B), failure])
    assert statuses(responses) == [OrderStatus.ERROR, OrderStatus.RESTING, OrderStatus.ERROR]
    assert responses[0] == OrderResponse(A, OrderStatus.ERROR, "Insufficient margin", failure.body)
    assert responses.leftovers == ()


def test_different_errors_for_several_actions_are_told_to_each_together() -> None:
    rows = [row("error", message="two"), row("error", message="one")]
    responses = answered((LIMIT, A), (LIMIT, B), rows=rows)
    assert [one.message for one in responses] == ["one; two", "one; two"]
    assert [one.order_id for one in responses] == [A, B]


def test_different_errors_without_any_text_have_no_message() -> None:
    responses = answered((LIMIT, A), (LIMIT, B), rows=[row("error", code=1), row("error", code=2)])
    assert [(one.status, one.message, one.meta) for one in responses] == [(OrderStatus.ERROR, None, {})] * 2


def test_one_error_that_could_mean_either_action_is_left_over() -> None:
    failure = row("error", message="one of you")
    responses = answered((LIMIT, A), SETTINGS, APPROVE, rows=[failure])
    assert statuses(responses) == [OrderStatus.PENDING, OrderStatus.UNKNOWN, OrderStatus.UNKNOWN]
    assert responses.leftovers == (failure,)


def test_rows_of_a_kind_that_no_action_causes_are_left_over_in_their_order() -> None:
    rows = [row("resting", E), row("resting", A), row("transfer", amount=1), row("deposit", amount=2)]
    responses = answered((LIMIT, A), SETTINGS, rows=rows)
    assert statuses(responses) == [OrderStatus.RESTING, OrderStatus.ACKNOWLEDGED]
    assert responses.leftovers == (rows[0], rows[2], rows[3])


def test_two_answers_that_two_actions_may_have_caused_are_left_over_unless_both_failed() -> None:
    done = [row("deposit", amount=1), row("deposit", amount=2)]
    responses = answered(FAUCET, FAUCET, rows=done)
    assert statuses(responses) == [OrderStatus.ACKNOWLEDGED] * 2
    assert responses.leftovers == tuple(done)
    failed = [row("depositFailed", message="once a day")] * 2
    responses = answered(FAUCET, FAUCET, rows=failed)
    assert [(one.status, one.message) for one in responses] == [(OrderStatus.ERROR, "once a day")] * 2


@pytest.mark.parametrize("other", ["rejectedInvalid", "ack"])
def test_a_failure_beside_something_else_is_not_told_to_two_actions(other: str) -> None:
    rows = [row("rejectedCrossing"), row(other)]
    responses = answered(STOP, BASKET, rows=rows)
    assert statuses(responses) == [OrderStatus.PENDING] * 2
    assert responses.leftovers == tuple(rows)


def test_equal_failures_of_several_actions_keep_all_that_they_say() -> None:
    failed = [row("depositFailed", message="once a day", code=5)] * 2
    responses = answered(FAUCET, FAUCET, rows=failed)
    assert [one.meta for one in responses] == [{"message": "once a day", "code": 5}] * 2


@pytest.mark.parametrize(
    ("asked", "rows", "expected"),
    [
        pytest.param(
            [SETTINGS, FAUCET],
            [row("ack")],
            [OrderStatus.ACKNOWLEDGED, OrderStatus.ACKNOWLEDGED],
            id="a yes casts no doubt",
        ),
        pytest.param(
            [STOP, FAUCET],
            [row("rejectedCrossing", D)],
            [OrderStatus.REJECTED_CROSSING, OrderStatus.ACKNOWLEDGED],
            id="nor does a failure that names its order",
        ),
        pytest.param(
            [(LIMIT, A), FAUCET],
            [row("rejectedCrossing", D)],
            [OrderStatus.PENDING, OrderStatus.UNKNOWN],
            id="but one of an order that nobody knows",
        ),
        pytest.param(
            [(LIMIT, A), AGENT],
            [row("resting", A), row("depositFailed")],
            [OrderStatus.RESTING, OrderStatus.UNKNOWN],
            id="and one that another kind of action causes",
        ),
        pytest.param(
            [ModifyOrder("BTC-USD", A, 1.0), FAUCET],
            [row("cancelled", A)],
            [OrderStatus.CANCELLED, OrderStatus.ACKNOWLEDGED],
            id="an order that ended instead of being modified",
        ),
        pytest.param(
            [cancel(A), FAUCET],
            [row("filled", A)],
            [OrderStatus.FILLED, OrderStatus.ACKNOWLEDGED],
            id="or instead of being cancelled",
        ),
    ],
)
def test_what_one_action_is_told_says_nothing_of_the_other(
    asked: list[Any], rows: list[Row], expected: list[OrderStatus]
) -> None:
    assert statuses(answered(*asked, rows=rows)) == expected


def test_cancelling_all_is_not_answered_by_an_older_order_that_was_filled() -> None:
    responses = answered(CancelAll(), rows=[row("filled", D)], known={D})
    assert statuses(responses) == [OrderStatus.ACKNOWLEDGED]
    assert responses.leftovers == (row("filled", D),)


def test_no_action_makes_no_response() -> None:
    responses = attribute([row("resting", A)], [], [])
    assert responses == []
    assert responses.leftovers == (row("resting", A),)


def test_ids_for_another_number_of_actions_are_the_callers_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        attribute([], [LIMIT], [])


@pytest.mark.parametrize("status", OrderStatus)
def test_every_known_word_is_an_answer(status: OrderStatus) -> None:
    (response,) = answered(cancel(A), rows=[row("brandNew"), row(status.value, A)])
    assert (response.order_id, response.status) == (A, status)


# Properties ------------------------------------------------------------------------------------------

ids = st.sampled_from([A, B, C, D, E])
pairs: st.SearchStrategy[tuple[Action, list[str]]] = st.one_of(
    st.tuples(st.just(LIMIT), st.lists(ids, min_size=1, max_size=1)),
    st.tuples(st.just(MARKET), st.lists(ids, max_size=2)),
    st.tuples(ids.map(cancel), st.just([])),
    st.tuples(ids.map(lambda oid: ModifyOrder("BTC-USD", oid, 1.0)), st.just([])),
    st.tuples(
        st.sampled_from([CancelAll(), STOP, BASKET, ON_FILL, FAUCET, AGENT, APPROVE, SETTINGS]), st.just([])
    ),
)
kinds = st.one_of(
    st.sampled_from([status.value for status in OrderStatus]),
    st.sampled_from(
        ["cancelOneRejected", "cancelAllRejected", "deposit", "depositFailed", "agentWallet", "transfer"]
    ),
    st.text(max_size=8),
)
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
bodies = st.one_of(
    ids.map(lambda oid: {"oid": oid}),
    st.fixed_dictionaries({}, optional={"oid": ids | json, "message": json, "reason": json, "ok": json}),
)
some_rows = st.lists(st.builds(Row, kinds, bodies), max_size=8)


@given(asked=st.lists(pairs, max_size=5), rows=some_rows, known=st.sets(ids), seed=st.integers())
def test_the_order_of_the_rows_does_not_matter(
    asked: list[tuple[Action, list[str]]], rows: list[Row], known: set[str], seed: int
) -> None:
    actions, order_ids = [action for action, _ in asked], [tuple(found) for _, found in asked]
    placed = [order_id for found in order_ids for order_id in set(found)]
    assume(len(set(placed)) == len(placed))  # the place in the transaction is part of what an id is made of
    shuffled = random.Random(seed).sample(rows, len(rows))
    straight = attribute(rows, actions, order_ids, known.__contains__)
    mixed = attribute(shuffled, actions, order_ids, known.__contains__)
    assert [one.status for one in straight] == [one.status for one in mixed]
    assert sorted(map(repr, straight.leftovers)) == sorted(map(repr, mixed.leftovers))


@given(asked=st.lists(pairs, max_size=5), rows=some_rows, known=st.sets(ids))
def test_any_rows_make_one_response_for_each_action_and_only_shared_failures_are_merged(
    asked: list[tuple[Action, list[str]]], rows: list[Row], known: set[str]
) -> None:
    numbered = [Row(one.kind, one.body | {"n": number}) for number, one in enumerate(rows)]
    actions, order_ids = [action for action, _ in asked], [tuple(found) for _, found in asked]
    responses = attribute(numbered, actions, order_ids, known.__contains__)
    assert len(responses) == len(asked)
    answers = [answer.meta for one in responses for answer in (one, *one.events) if "n" in answer.meta]
    kept = sorted(body["n"] for body in (*answers, *(one.body for one in responses.leftovers)))
    assert len(kept) == len(set(kept)), "no row answers twice"
    merged = len(rows) - len(kept)
    assert merged <= sum(one.is_error() and "n" not in one.meta for one in responses)


@given(
    rows=st.lists(
        st.sampled_from([row("resting", A), row("filled", B), row("cancelled", C), row("filled", D)]),
        unique_by=repr,
    ),
    seed=st.integers(),
)
def test_distinct_rows_in_any_order_give_the_very_same_responses(rows: list[Row], seed: int) -> None:
    asked = (LIMIT, A), (MARKET, B, E), cancel(C), STOP
    shuffled = random.Random(seed).sample(rows, len(rows))
    assert answered(*asked, rows=shuffled) == answered(*asked, rows=rows)


def test_one_row_for_each_action_in_any_order_is_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attribution, "_by_id", lambda *_: pytest.fail("took the long way"))
    rows = [row("cancelled", D), row("filled", C), row("resting", A), row("modified", E)]
    responses = answered((LIMIT, A), (MARKET, B, C), cancel(D), ModifyOrder("BTC-USD", E, 1.0), rows=rows)
    assert [one.order_id for one in responses] == [A, C, D, E]


def test_an_execution_goes_to_the_order_and_not_to_the_cancel_that_names_one_of_its_ids() -> None:
    responses = answered((MARKET, A, B), cancel(A), rows=[row("filled", A), row("resting", B)])
    assert statuses(responses) == [OrderStatus.FILLED, OrderStatus.UNKNOWN]


@st.composite
def plain_replies(draw: st.DrawFn) -> tuple[list[tuple[Action, list[str]]], list[Row]]:
    """Mostly what nearly every reply is: one row for each action, which names an id of its order."""
    asked = draw(st.lists(pairs, min_size=1, max_size=4))
    named = [own_ids or [getattr(action, "oid", A)] for action, own_ids in asked]
    rows = [Row(draw(kinds), draw(bodies) | {"oid": draw(st.sampled_from(ids))}) for ids in named]
    return asked, draw(st.permutations(rows))


@given(plain_replies(), st.sets(ids))
def test_plain_replies_are_read_as_by_the_rules_for_all(
    reply: tuple[list[tuple[Action, list[str]]], list[Row]], known: set[str]
) -> None:
    asked, rows = reply
    actions, order_ids = [action for action, _ in asked], [tuple(found) for _, found in asked]
    straight = attribute(rows, actions, order_ids, known.__contains__)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attribution, "_plainly", lambda *_: None)
        by_the_rules = attribute(rows, actions, order_ids, known.__contains__)
    assert straight == by_the_rules
    assert straight.leftovers == by_the_rules.leftovers
