"""Actions that wait for a price or for a fill, and conditional orders that are refused."""

from __future__ import annotations

import pytest

from tests.exchange.in_memory import (
    ANNA,
    BERT,
    Client,
    Json,
    account_events,
    cancel,
    cancel_all,
    exchange,
    limit,
    market,
    oid_of,
    quiet,
)
from tests.exchange.scene import Scene, on_fill, rng, st, tp, trig, trl, updates

# Baskets


def test_a_basket_does_all_its_actions_in_order() -> None:
    scene = Scene()
    (resting,) = scene.rows(limit("buy", 50.0, 1.0))
    (row,) = scene.rows(
        trig(
            True,
            110.0,
            cancel_all("BTC-USD"),
            market("sell", 0.5),
            limit("sell", 200.0, 1.0),
            st(False, 90.0),
        )
    )
    assert list(row) == ["resting"]
    events = scene.move(110.0)
    assert updates(events) == [
        ("trigger", "triggered"),
        ("limit", "cancelled"),
        ("market", "filled"),
        ("limit", "resting"),
        ("stop", "resting"),
    ]
    assert events[1]["oid"] == oid_of(resting)
    ids = {event["oid"] for event in events if event["type"] == "orderUpdate"}
    assert len(ids) == 5


def test_a_basket_that_is_due_at_once_answers_with_all_rows() -> None:
    scene = Scene()
    rows = scene.rows(trig(True, 100.0, market("sell", 0.5), cancel("1" * 32)))
    assert [next(iter(row)) for row in rows] == ["triggered", "filled", "cancelOneRejected"]


@pytest.mark.parametrize(
    "inside",
    [
        [],
        [on_fill(limit("buy", 90.0, 1.0), st(False, 80.0))],
        [trig(True, 120.0, market("buy", 1.0))],
        [market("buy", 1.0), {"faucet": {"u": ANNA.key}}],
    ],
)
def test_what_must_not_be_in_a_basket_is_refused(inside: list[Json]) -> None:
    (row,) = Scene().rows(trig(True, 110.0, *inside))
    assert row["rejectedInvalid"]["reason"] == "invalid action in trigger order"


def test_a_basket_with_an_unreadable_action_is_refused() -> None:
    (row,) = Scene().rows(trig(True, 110.0, trl(True, 10_000)))  # it can be signed, but means nothing
    assert list(row) == ["rejectedInvalid"]


def test_firing_may_make_others_fire() -> None:
    scene = Scene()
    scene.rows(
        trig(True, 110.0, market("sell", 0.5), trl(True, 500)),
        trig(False, 90.0, cancel_all()),
        st(False, 90.0),
    )
    events = scene.move(110.0)
    assert ("trigger", "triggered") in updates(events)
    events = scene.move(85.0)
    assert [kind for kind, status in updates(events) if status == "triggered"] == ["trigger"]
    assert scene.position() == 0.5  # the basket cancelled both stops before they could fire


# On fill


def test_actions_wait_for_the_fill_of_their_order() -> None:
    scene = Scene(0.0)
    rows = scene.rows(on_fill(limit("buy", 98.0, 1.0), st(False, 90.0), tp(True, 120.0)))
    assert [next(iter(row)) for row in rows] == ["resting"]
    (pending,) = scene.snapshot()["pendingOnFill"]
    assert pending["parentOrderId"] == oid_of(rows[0])
    assert [next(iter(action)) for action in pending["actions"]] == ["st", "tp"]
    half = account_events(scene.client.post(BERT.transaction(market("sell", 50.4))))
    assert updates(half)[-1] == ("limit", "working")
    events = account_events(scene.client.post(BERT.transaction(market("sell", 0.6))))
    assert updates(events) == [("limit", "filled"), ("stop", "resting"), ("takeProfit", "resting")]
    assert scene.snapshot()["pendingOnFill"] == []
    events = scene.move(90.0)
    assert updates(events)[:2] == [("stop", "triggered"), ("market", "filled")]
    assert ("takeProfit", "cancelledReduceOnly") in updates(events)


def test_an_order_that_fills_at_once_answers_with_the_rows_of_what_follows() -> None:
    scene = Scene(0.0)
    rows = scene.rows(on_fill(market("buy", 1.0), st(False, 90.0), trig(True, 120.0, cancel_all())))
    assert [next(iter(row)) for row in rows] == ["filled", "resting", "resting"]


def test_a_part_of_a_fill_is_enough_when_the_order_ends() -> None:
    scene = Scene(0.0)
    rows = scene.rows(on_fill(limit("buy", 101.0, 60.0, tif="IOC"), st(False, 90.0)))
    assert [next(iter(row)) for row in rows] == ["cancelledIoc", "resting"]


def test_nothing_follows_an_order_that_ends_unfilled_or_is_refused() -> None:
    scene = Scene(0.0)
    (row,) = scene.rows(on_fill(limit("buy", 90.0, 1.0), st(False, 80.0)))
    assert scene.rows(cancel(oid_of(row))) == [{"cancelled": {"oid": oid_of(row)}}]
    (row,) = scene.rows(on_fill(limit("buy", 101.0, 1.0, tif="ALO"), st(False, 80.0)))
    assert list(row) == ["rejectedCrossing"]
    snapshot = scene.snapshot()
    assert (snapshot["openOrders"], snapshot["pendingOnFill"]) == ([], [])


@pytest.mark.parametrize(
    "action",
    [
        on_fill(st(False, 90.0), st(False, 80.0)),
        on_fill(limit("buy", 90.0, 1.0), on_fill(limit("buy", 80.0, 1.0), st(False, 70.0))),
        on_fill(limit("buy", 90.0, 1.0)),
    ],
)
def test_what_must_not_wait_for_a_fill_is_refused_and_harms_no_sibling(action: Json) -> None:
    rows = Scene().rows(action, limit("buy", 90.0, 1.0))
    assert rows[0] == {"ack": {"ok": False, "message": "invalid action in on-fill order"}}
    assert list(rows[1]) == ["resting"]


# Refused


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (st(False, 0.0), "sizes and prices must be positive"),
        (st(False, 90.0, 0.0), "sizes and prices must be positive"),
        (tp(False, 90.0, 0.0), "sizes and prices must be positive"),
        (trl(True, 100, sz=0.0), "sizes and prices must be positive"),
        (trig(True, 0.0, market("buy", 1.0)), "sizes and prices must be positive"),
        (rng(True, 0.0, 110.0), "sizes and prices must be positive"),
        (rng(True, 110.0, 110.0), "pmin must be below pmax"),
        (st(False, 90.0, c="DOGE-USD"), "unknown symbol DOGE-USD"),
        (
            st(False, 90.0, builderCode={"to": BERT.key, "fee": 5}),
            f"builder-code fee 5bps not approved for {BERT.key}",
        ),
    ],
)
def test_what_cannot_be_is_rejected(action: Json, reason: str) -> None:
    (row,) = Scene().rows(action)
    assert row["rejectedInvalid"]["reason"] == reason


@pytest.mark.parametrize("action", [trl(True, 0), trl(True, 10_000)])
def test_a_distance_that_is_none_is_malformed(action: Json) -> None:
    client = Client(exchange())
    (error,) = client.post(ANNA.transaction(action))
    assert error["type"] == "error"
    assert "trb" in error["error"]["message"]


def test_the_same_conditional_order_twice_is_a_duplicate() -> None:
    served = exchange(quiet(refuse_repeated_nonce=False))
    client = Client(served)
    client.subscribe({"type": "account", "user": ANNA.key})
    first, second = (client.rows(ANNA.transaction(st(False, 90.0), nonce=5))[0] for _ in range(2))
    assert first == {"resting": {"oid": oid_of(second)}}
    assert list(second) == ["rejectedDuplicate"]


def test_conditional_orders_are_limited_in_number() -> None:
    client = Client(exchange(quiet(max_open_orders=2)))
    rows = client.rows(ANNA.transaction(*(st(False, 90.0 - n) for n in range(3))))
    assert [next(iter(row)) for row in rows] == ["resting", "resting", "rejectedInvalid"]


def test_an_approved_builder_code_is_good_for_conditional_orders() -> None:
    scene = Scene()
    scene.rows({"abc": {"to": BERT.key, "fee": 5}})
    (row,) = scene.rows(st(False, 90.0, builderCode={"to": BERT.key, "fee": 5}))
    assert list(row) == ["resting"]


def test_prices_of_the_background_fire_as_well() -> None:
    served = exchange(quiet(flow_rate=50.0), seed=3)
    client = Client(served)
    client.rows(ANNA.transaction(market("buy", 1.0)))
    client.rows(ANNA.transaction(trl(True, 50)))
    client.subscribe({"type": "account", "user": ANNA.key})
    client.rows(BERT.transaction({"px": {"t": 1, "c": "BTC-USD", "px": 98.0}}))
    served.advance(20.0)
    assert ("trailing", "triggered") in updates(account_events(client.messages()))
