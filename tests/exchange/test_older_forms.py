"""Actions and signatures as earlier servers had them: admitted where the documents say so, or by a switch."""

from __future__ import annotations

import pytest

from bulk_proto.errors import UsageError
from bulk_proto.exchange import ExchangeConfig
from bulk_proto.signing.layouts import PROFILES
from tests.exchange.in_memory import (
    ANNA,
    BERT,
    Client,
    Json,
    account_events,
    cancel_all,
    exchange,
    limit,
    market,
    oid_of,
    quiet,
)
from tests.exchange.scene import Scene, st, trig

DOCUMENTS = "documents-1.0"


def opened(**settings: object) -> Client:
    return Client(exchange(quiet(**settings)))


def older(*actions: Json) -> Json:
    return ANNA.transaction(*actions, profile=DOCUMENTS)


def after(parent: int, *actions: Json) -> Json:
    return {"of": {"p": parent, "actions": list(actions)}}


def isolated(basket: Json) -> Json:
    return {"trig": basket["trig"] | {"i": False}}


def test_a_basket_with_a_flag_for_isolation_fires_as_any_other() -> None:
    scene = Scene()
    (row,) = scene.client.rows(older(isolated(trig(True, 110.0, cancel_all()))))
    assert list(row) == ["resting"]
    assert [event["status"] for event in scene.move(111.0) if event.get("ot") == "trigger"] == ["triggered"]


def test_the_newer_rules_do_not_sign_the_older_form() -> None:
    basket = isolated(trig(True, 110.0, cancel_all()))
    signed = ANNA.transaction(trig(True, 110.0, cancel_all()))
    assert opened().refusal(signed | {"actions": [basket]}) == "bad signature"


def test_actions_follow_an_earlier_order_of_the_same_transaction() -> None:
    scene = Scene(position=0.0)
    bid = limit("buy", 99.5, 1.0)
    placed, *nothing = scene.client.rows(older(cancel_all(), bid, after(1, st(False, 90.0))))[1:]
    assert list(placed) == ["resting"]
    assert nothing == []
    assert [each["parentOrderId"] for each in scene.snapshot()["pendingOnFill"]] == [oid_of(placed)]
    scene.client.rows(BERT.transaction(limit("sell", 99.5, 1.0)))
    (waiting,) = scene.snapshot()["openOrders"]
    assert waiting["orderType"] == "stop"
    assert scene.snapshot()["pendingOnFill"] == []


def test_several_may_follow_the_same_order() -> None:
    scene = Scene(position=0.0)
    rows = scene.client.rows(older(market("buy", 1.0), after(0, st(False, 90.0)), after(0, st(False, 80.0))))
    assert [next(iter(row)) for row in rows] == ["filled", "resting", "resting"]
    resting = limit("buy", 99.5, 1.0)
    scene.client.rows(older(resting, after(0, st(False, 70.0)), after(0, st(False, 60.0))))
    assert len(scene.snapshot()["pendingOnFill"][0]["actions"]) == 2
    scene.client.rows(BERT.transaction(limit("sell", 99.5, 1.0)))
    assert len(scene.snapshot()["openOrders"]) == 4


@pytest.mark.parametrize(
    "actions",
    [
        [after(0, st(False, 90.0))],
        [after(5, st(False, 90.0))],
        [after(1, st(False, 90.0)), market("buy", 1.0)],
        [cancel_all(), after(0, st(False, 90.0))],
        [limit("buy", 200.0, 1.0, tif="ALO"), after(0, st(False, 90.0))],
        [limit("buy", 50.0, 1.0), after(0)],
        [limit("buy", 50.0, 1.0), after(0, after(0, st(False, 90.0)))],
    ],
)
def test_what_cannot_follow_is_refused_and_harms_no_sibling(actions: list[Json]) -> None:
    scene = Scene(position=0.0)
    rows = scene.client.rows(older(*actions))
    assert {"ack": {"ok": False, "message": "invalid action in on-fill order"}} in rows
    assert scene.snapshot()["pendingOnFill"] == []


def test_the_place_of_an_order_is_no_negative_number() -> None:
    (message,) = opened().post(ANNA.transaction(market("buy", 1.0)) | {"actions": [after(-1)]})
    assert message["type"] == "error"


@pytest.mark.parametrize(
    ("symbol", "kind", "complaint"),
    [
        ("USDC", "createSubAccount", None),
        ("DOGE", "createSubAccountFailed", "unknown margin symbol"),
        ("", "createSubAccountFailed", "no margin symbol"),
    ],
)
def test_a_sub_account_is_made_with_a_margin_symbol(symbol: str, kind: str, complaint: str | None) -> None:
    action = {"createSubAccount": {"name": "desk", "marginSymbol": symbol, "marginAmount": 5.0}}
    (row,) = opened().rows(older(action))
    assert list(row) == [kind]
    assert row[kind].get("message") == complaint


@pytest.mark.parametrize(
    ("symbol", "kind", "complaint"),
    [
        ("USDC", "transfer", None),
        ("DOGE", "transferFailed", "unknown margin symbol"),
        ("", "transferFailed", "no margin symbol"),
    ],
)
def test_money_moves_with_a_margin_symbol(symbol: str, kind: str, complaint: str | None) -> None:
    body = {"k": "external", "from": ANNA.key, "to": BERT.key, "marginSymbol": symbol, "marginAmount": 5.0}
    (row,) = opened().rows(older({"transfer": body}))
    assert list(row) == [kind]
    assert row[kind].get("message") == complaint
    assert complaint or row[kind]["symbol"] == "USDC"


@pytest.mark.parametrize(
    ("profile", "action"),
    [
        ("bulk-keychain-0.1.15", st(False, 90.0)),
        ("sdk-1521f30", limit("buy", 90.0, 1.0, builderCode={"to": BERT.key, "fee": 5})),
        ("scaled-modify", {"mod": {"oid": ANNA.key, "c": "BTC-USD", "sz": 0.5}}),
        (DOCUMENTS, st(False, 90.0)),
    ],
)
def test_signatures_by_older_rules_are_refused_unless_they_are_admitted(profile: str, action: Json) -> None:
    signed = ANNA.transaction(action, profile=profile)
    assert opened().refusal(signed) == "bad signature"
    assert opened(signing_profiles=tuple(PROFILES)).rows(signed)
    assert opened(signing_profiles=(profile,)).rows(signed)


def test_an_isolated_flag_inside_another_action_is_seen() -> None:
    inside = isolated(trig(True, 110.0, cancel_all()))
    client = opened()
    client.subscribe({"type": "account", "user": ANNA.key})
    events = account_events(
        client.post(older(limit("buy", 99.0, 1.0), after(0, inside), on_market := market("buy", 1.0)))
    )
    assert on_market["m"]["sz"] == 1.0
    assert events[0]["status"] == "resting"


def test_rules_that_do_not_exist_are_a_mistake() -> None:
    for profiles in ((), ("yesterday",)):
        with pytest.raises(UsageError, match="signing_profiles are one or more of bulk-keychain"):
            ExchangeConfig(signing_profiles=profiles)


@pytest.mark.parametrize("inside", [{}, {"l": 1}, {"l": {}, "m": {}}])
def test_nonsense_inside_an_action_is_a_bad_signature(inside: Json) -> None:
    signed = ANNA.transaction(trig(True, 110.0, cancel_all()))
    assert opened().refusal(signed | {"actions": [trig(True, 110.0, inside)]}) == "bad signature"
