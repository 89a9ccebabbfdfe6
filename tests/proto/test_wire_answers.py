"""Replies and errors: a reply is never lost, and an error never invents a request."""

from __future__ import annotations

import json

import pytest

from bulk_proto.events import ErrorReported, MessageRefused, UnknownMessage
from bulk_proto.replies import PostReply, Row, SubscriptionConfirmed, UnclearReply, UnsubscriptionConfirmed
from bulk_proto.wire import post, split_topic, subscribe, unsubscribe

from .wire_messages import OID1, OID2, read


def read_reply(payload: object, **changes: object) -> PostReply:
    event = read(**{"type": "post", "id": 7, "data": {"type": "action", "payload": payload}} | changes)
    assert isinstance(event, PostReply)
    return event


def with_statuses(*statuses: object, status: str = "ok") -> dict[str, object]:
    return {"status": status, "response": {"type": "order", "data": {"statuses": list(statuses)}}}


# Replies ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "read_as"), [(7, 7), ("7", 7), (7.0, 7), ("18446744073709551615", 2**64 - 1)]
)
def test_a_request_id_may_come_as_text(sent: object, read_as: int) -> None:
    assert read_reply(with_statuses(), id=sent).id == read_as


@pytest.mark.parametrize("sent", [None, "seven", True, [], 7.5])
def test_a_reply_without_request_id_is_refused(sent: object) -> None:
    event = read(type="post", id=sent, data={"type": "action", "payload": with_statuses()})
    assert isinstance(event, MessageRefused)


@pytest.mark.parametrize(
    "kind",
    ["cancelledIoc", "cancelledIOC", "triggered", "deposit", "agentWallet", "siblingCancelled", "ack", "odd"],
)
def test_rows_of_every_kind_are_kept(kind: str) -> None:
    assert read_reply(with_statuses({kind: {"oid": OID1}})).rows == [Row(kind, {"oid": OID1})]


def test_success_without_rows_is_success() -> None:
    assert read_reply(with_statuses()) == PostReply(7, True, [])


@pytest.mark.parametrize(
    "payload",
    [{"status": "ok"}, {"status": "OK", "response": None}, {"status": "ok", "response": {"data": None}}],
)
def test_success_without_any_list_of_rows_is_success(payload: object) -> None:
    assert read_reply(payload) == PostReply(7, True, [])


def test_several_rows_keep_their_order() -> None:
    reply = read_reply(
        with_statuses({"error": "no margin"}, {"resting": {"oid": OID2}}, {"a": {}, "b": None})
    )
    assert reply.rows == [
        Row("error", {"message": "no margin"}),
        Row("resting", {"oid": OID2}),
        Row("a", {}),
        Row("b", {"value": None}),
    ]
    assert (reply.ok, reply.text) == (True, None)


@pytest.mark.parametrize(
    ("entry", "row"),
    [
        ({"error": "text"}, Row("error", {"message": "text"})),
        ({"odd": [1]}, Row("odd", {"value": [1]})),
        ("success", Row("success", {})),
        (5, Row("", {"value": 5})),
        (None, Row("", {"value": None})),
    ],
)
def test_odd_rows_are_handed_out_as_they_are(entry: object, row: Row) -> None:
    assert read_reply(with_statuses(entry)).rows == [row]


@pytest.mark.parametrize("name", ["message", "reason"])
def test_the_text_of_a_rejection_is_kept(name: str) -> None:
    reply = read_reply(with_statuses({"rejectedRiskLimit": {"oid": OID1, name: "over the limit"}}))
    assert [row.message for row in reply.rows] == ["over the limit"]


@pytest.mark.parametrize(
    "payload",
    [
        with_statuses({"error": {"message": "bad signature"}}, status="error"),
        with_statuses({"error": "bad signature"}, status="Error"),
        with_statuses({"odd": {}}, {"error": {"reason": "bad signature"}}, status="error"),
        {"status": "error", "message": "bad signature"},
        {"status": "error", "error": "bad signature"},
        {"status": "error", "error": {"message": "bad signature"}},
        {"status": "error", "reason": "bad signature"},
        {"status": "error", "response": "bad signature"},
        {"status": "error", "message": None, "error": 5, "reason": "bad signature", "response": "later"},
        with_statuses({"error": "bad signature"}, status="error") | {"message": "later"},
    ],
)
def test_a_refused_transaction_keeps_the_first_explanation(payload: object) -> None:
    reply = read_reply(payload)
    assert (reply.ok, reply.text) == (False, "bad signature")


def test_a_refusal_without_explanation_is_still_a_refusal() -> None:
    assert read_reply({"status": "error", "response": {}}) == PostReply(7, False, [])


def test_a_reply_without_inner_kind_is_read_like_one_to_an_action() -> None:
    assert read_reply(None, data={"payload": with_statuses()}) == PostReply(7, True, [])


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {"type": "action"},
        {"type": "action", "payload": {}},
        {"payload": {"status": "perhaps"}},
        {"payload": with_statuses({"error": "x"}, status="failed")},
        {"payload": with_statuses({"resting": {"oid": OID1}}) | {"status": 1}},
        {"type": "ack"},
        {"type": "ack", "ok": "yes"},
    ],
)
def test_a_reply_that_is_neither_yes_nor_no_says_which_request_it_answers(data: object) -> None:
    reply = read(type="post", id="7", data=data)
    assert isinstance(reply, UnclearReply)
    assert isinstance(reply.event, MessageRefused)
    assert (reply.id, reply.problem) == (7, reply.event.problem)


def test_rows_without_a_status_say_what_became_of_their_actions() -> None:
    payload = with_statuses({"resting": {"oid": OID1}}) | {"status": None}
    assert read_reply(payload) == PostReply(7, True, [Row("resting", {"oid": OID1})])


@pytest.mark.parametrize("body", [{"ok": True}, {"ok": False, "message": "unknown builder"}])
def test_an_acknowledgement_is_a_row_whether_it_says_yes_or_no(body: dict[str, object]) -> None:
    assert read_reply(None, data={"type": "ack"} | body) == PostReply(7, True, [Row("ack", body)])


def test_a_reply_of_an_unknown_kind_surfaces_as_unknown() -> None:
    reply = read(type="post", id=7, data={"type": "info", "payload": {}})
    assert isinstance(reply, UnclearReply)
    assert isinstance(reply.event, UnknownMessage)
    assert (reply.id, reply.event.kind, reply.problem) == (7, "info", "of an unknown kind")


# Confirmations ---------------------------------------------------------------------------------------


def test_older_servers_name_the_kind_of_a_message_channel() -> None:
    assert read(channel="subscriptionResponse", topics=["a.B"]) == SubscriptionConfirmed(["a.B"])
    assert read(type=None, channel="UnsubscribeResponse", topic="a.B") == UnsubscriptionConfirmed("a.B")


def test_the_spelling_of_confirmed_topics_is_the_servers() -> None:
    assert read(type="subscriptionResponse", topics=["L2Delta.a"]) == SubscriptionConfirmed(["L2Delta.a"])


@pytest.mark.parametrize(
    "message",
    [
        {"channel": "subscriptionResponse", "subscriptions_ids": [7, 8]},
        {"type": "subscriptionResponse", "topics": "ticker.A"},
        {"type": "subscriptionResponse", "topics": [7]},
        {"type": "unsubscribeResponse"},
        {"type": "unsubscribeResponse", "topic": 7},
    ],
)
def test_a_confirmation_of_no_topic_is_refused(message: dict[str, object]) -> None:
    assert isinstance(read(**message), MessageRefused)


# Errors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "request_id"),
    [
        ({"error": {"message": "no"}, "id": 4}, 4),
        ({"error": {"message": "no"}, "id": "4"}, 4),
        ({"error": {"message": "no", "id": 4}}, 4),
        ({"error": {"message": "no", "id": 4}, "id": 0}, 0),
        ({"error": {"message": "no", "id": None}, "id": None}, None),
        ({"error": {"message": "no"}, "id": True}, None),
        ({"error": "no"}, None),
        ({"error": {"reason": "no"}}, None),
        ({"message": "no"}, None),
    ],
)
def test_an_error_names_a_request_only_if_the_server_did(
    frame: dict[str, object], request_id: int | None
) -> None:
    frame = {"type": "error"} | frame
    assert read(**frame) == ErrorReported("no", request_id, frame)


@pytest.mark.parametrize("frame", [{}, {"error": None}, {"error": 5}, {"error": {"code": 5}}])
def test_an_error_without_text_is_still_an_error(frame: dict[str, object]) -> None:
    frame = {"type": "Error"} | frame
    assert read(**frame) == ErrorReported("", None, frame)


# Requests and topics ---------------------------------------------------------------------------------


def test_a_subscription_is_asked_for_in_a_list() -> None:
    entry = {"type": "l2Snapshot", "symbol": "BTC-USD", "nlevels": 10}
    assert subscribe([entry]) == (
        b'{"method":"subscribe","subscription":[{"type":"l2Snapshot","symbol":"BTC-USD","nlevels":10}]}'
    )
    assert json.loads(subscribe((entry, entry)))["subscription"] == [entry, entry]


def test_one_topic_is_given_up_in_its_own_spelling() -> None:
    assert unsubscribe("l2snapshot.BTC-USD") == b'{"method":"unsubscribe","topic":"l2snapshot.BTC-USD"}'


def test_a_signed_payload_goes_out_byte_for_byte() -> None:
    payload = b'{"actions":[{"l":{"px":64250.50}}],"nonce":"1767225600000000001"}'
    assert post(7, payload) == (
        b'{"method":"post","id":7,"request":{"type":"action","payload":'
        b'{"actions":[{"l":{"px":64250.50}}],"nonce":"1767225600000000001"}}}'
    )


@pytest.mark.parametrize(
    ("topic", "parts"),
    [
        ("l2Snapshot.BTC-USD", ("l2snapshot", "BTC-USD")),
        ("candle.BTC-USD.1M", ("candle", "BTC-USD.1M")),
        ("frontendContext", ("frontendcontext", "")),
        ("ACCOUNT.AbC", ("account", "AbC")),
        ("", ("", "")),
    ],
)
def test_a_topic_is_a_stream_of_any_case_and_an_exact_rest(topic: str, parts: tuple[str, str]) -> None:
    assert split_topic(topic) == parts
