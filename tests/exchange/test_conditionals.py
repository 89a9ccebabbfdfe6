"""Stops, take-profits, ranges and trailing stops: they fire once, and close what they should."""

from __future__ import annotations

import pytest

from bulk_proto import wire
from bulk_proto.events import AccountSnapshot
from tests.exchange.in_memory import (
    ANNA,
    Client,
    Json,
    account_events,
    cancel,
    cancel_all,
    limit,
    market,
    oid_of,
)
from tests.exchange.scene import CLEO, Scene, rng, st, tp, trig, trl, updates


@pytest.mark.parametrize(
    ("position", "action", "quiet_price", "firing_price"),
    [
        (1.0, st(False, 90.0), 91.0, 90.0),
        (-1.0, st(True, 110.0), 109.0, 110.0),
        (1.0, tp(True, 110.0), 109.0, 111.0),
        (-1.0, tp(False, 90.0), 91.0, 89.0),
        (1.0, trl(True, 500), 96.0, 95.0),
        (-1.0, trl(False, 500), 104.0, 105.0),
    ],
)
def test_a_protective_order_closes_the_position_at_its_price(
    position: float, action: Json, quiet_price: float, firing_price: float
) -> None:
    scene = Scene(position)
    (row,) = scene.rows(action)
    assert list(row) == ["resting"]
    assert scene.move(quiet_price) == []
    assert scene.position() == position
    events = scene.move(firing_price)
    kind = {"st": "stop", "tp": "takeProfit", "trl": "trailing"}[next(iter(action))]
    assert updates(events) == [(kind, "triggered"), ("market", "filled")]
    fired, closing = [event for event in events if event["type"] == "orderUpdate"]
    assert fired["oid"] == oid_of(row) != closing["oid"]
    assert (closing["r"], closing["origSz"]) == (True, -position)
    assert scene.position() == 0.0
    assert scene.move(firing_price) == []


def test_what_waits_is_listed_with_its_trigger() -> None:
    scene = Scene()
    scene.rows(st(False, 90.0, 0.5, 89.5), trl(True, 500, 20), rng(True, 90.0, 110.0))
    stop, trailing, low, high = scene.snapshot()["openOrders"]
    assert (stop["orderType"], stop["status"], stop["price"]) == ("stop", "resting", 0.0)
    assert (stop["originalSize"], stop["size"], stop["reduceOnly"]) == (-0.5, -0.5, True)
    nothing = {"oco": None, "trb": None, "stb": None}
    assert stop["trigger"] == {"isAbove": False, "px": 90.0, "lim": 89.5} | nothing
    assert trailing["trigger"] == {"isAbove": False, "px": 95.0, "lim": None} | nothing | {
        "trb": 500,
        "stb": 20,
    }
    assert (low["orderType"], high["orderType"]) == ("range", "range")
    assert low["trigger"]["oco"] == high["orderId"]
    assert high["trigger"] == {"isAbove": True, "px": 110.0, "lim": None} | nothing | {"oco": low["orderId"]}


def test_a_listed_conditional_order_is_understood_by_the_client() -> None:
    scene = Scene()
    scene.rows(rng(True, 90.0, 110.0))
    client = Client(scene.served)
    client.send_text('{"method":"subscribe","subscription":[{"type":"account","user":"' + ANNA.key + '"}]}')
    data = client.session.data_to_send()
    event = wire.decode(data[data.index(b'{"type":"account"') :])
    assert isinstance(event, AccountSnapshot)
    assert [order.order_type for order in event.open_orders] == ["range", "range"]
    assert [order.trigger is not None for order in event.open_orders] == [True, True]


def test_a_limit_is_placed_after_firing() -> None:
    scene = Scene()
    scene.rows(st(False, 90.0, 0.4, 92.0))
    events = scene.move(90.0)
    assert updates(events) == [("stop", "triggered"), ("limit", "resting")]
    assert events[1]["px"] == 92.0
    assert events[1]["origSz"] == -0.4
    (listed,) = scene.snapshot()["openOrders"]
    assert listed["price"] == 92.0


def test_too_large_a_stop_closes_the_position_and_no_more() -> None:
    scene = Scene(0.25)
    scene.rows(st(False, 90.0, 10.0))
    scene.move(80.0)
    assert scene.position() == 0.0


def test_one_half_of_a_range_cancels_the_other() -> None:
    for price, first in ((85.0, 0), (115.0, 1)):
        scene = Scene()
        rows = scene.rows(rng(True, 90.0, 110.0))
        assert [list(row) for row in rows] == [["resting"], ["resting"]]
        assert oid_of(rows[0]) != oid_of(rows[1])
        events = scene.move(price)
        assert updates(events) == [
            ("range", "triggered"),
            ("market", "filled"),
            ("range", "siblingCancelled"),
        ]
        told = [event["oid"] for event in events if event.get("ot") == "range"]
        assert told == [oid_of(rows[first]), oid_of(rows[1 - first])]
        assert scene.snapshot()["openOrders"] == []


def test_a_range_of_a_short_position_buys() -> None:
    scene = Scene(-1.0)
    scene.rows(rng(False, 90.0, 110.0, lmax=109.0, slSlippage=10.0))
    assert [row["originalSize"] for row in scene.snapshot()["openOrders"]] == [1.0, 1.0]
    events = scene.move(110.0)
    assert updates(events)[:2] == [("range", "triggered"), ("limit", "resting")]


def test_slippage_bounds_the_closing_order() -> None:
    scene = Scene()
    scene.rows(st(False, 90.0, slippage=100.0))
    scene.client.rows(CLEO.transaction(cancel_all(), limit("buy", 80.0, 0.3), limit("buy", 79.0, 9.0)))
    events = account_events(scene.client.post(CLEO.transaction({"px": {"t": 1, "c": "BTC-USD", "px": 79.0}})))
    events += account_events(scene.client.post(CLEO.transaction(limit("sell", 81.0, 1.0))))
    assert ("market", "cancelledIoc") in updates(events)
    assert scene.position() == pytest.approx(0.7)


@pytest.mark.parametrize(("side", "pmin", "pmax"), [(True, 90.0, 200.0), (False, 10.0, 110.0)])
@pytest.mark.parametrize(("name", "filled"), [("slSlippage", 0.3), ("tpSlippage", 1.0)])
def test_each_half_of_a_range_has_a_slippage_of_its_own(
    side: bool, pmin: float, pmax: float, name: str, filled: float
) -> None:
    scene = Scene(1.0 if side else -1.0)
    scene.rows(rng(side, pmin, pmax, **{name: 100.0}))
    price = pmin if side else pmax
    nearest, further = (89.0, 80.0) if side else (111.0, 120.0)
    own, other = ("buy", "sell") if side else ("sell", "buy")
    quotes = limit(own, nearest, 0.3), limit(own, further, 9.0), limit(other, 2 * price - nearest, 1.0)
    oracle = {"px": {"t": 1, "c": "BTC-USD", "px": price}}
    scene.client.rows(CLEO.transaction(cancel_all(), *quotes, oracle))
    assert abs(scene.position()) == pytest.approx(1.0 - filled)


def test_a_cancelled_half_takes_the_other_with_it() -> None:
    scene = Scene()
    low, high = scene.rows(rng(True, 90.0, 110.0))
    rows = scene.rows(cancel(oid_of(high)))
    assert rows == [{"cancelled": {"oid": oid_of(high)}}, {"siblingCancelled": {"oid": oid_of(low)}}]
    assert scene.move(50.0) == []


def test_conditional_orders_are_cancelled_like_others() -> None:
    scene = Scene()
    stop, low, high, resting = scene.rows(st(False, 90.0), rng(True, 80.0, 120.0), limit("buy", 50.0, 1.0))
    assert scene.rows(cancel(oid_of(stop), "ETH-USD"))[0]["cancelOneRejected"]
    assert scene.rows(cancel(oid_of(stop))) == [{"cancelled": {"oid": oid_of(stop)}}]
    assert scene.rows(cancel_all("ETH-USD"))[0]["cancelAllRejected"]
    rows = scene.rows(cancel_all("BTC-USD"))
    assert rows == [
        {"cancelled": {"oid": oid_of(resting)}},
        {"cancelled": {"oid": oid_of(low)}},
        {"siblingCancelled": {"oid": oid_of(high)}},
    ]
    assert "cancelAllRejected" in scene.rows(cancel_all())[0]


def test_a_protective_order_goes_with_its_position() -> None:
    scene = Scene()
    (row,) = scene.rows(st(False, 90.0))
    events = account_events(scene.client.post(ANNA.transaction(market("sell", 1.0))))
    assert updates(events) == [("market", "filled"), ("stop", "cancelledReduceOnly")]
    assert events[-1]["oid"] == oid_of(row)


def test_a_protective_order_may_come_before_its_position() -> None:
    scene = Scene(0.0)
    scene.rows(st(False, 90.0), market("buy", 1.0))
    scene.move(95.0)
    assert len(scene.snapshot()["openOrders"]) == 1
    assert updates(scene.move(90.0)) == [("stop", "triggered"), ("market", "filled")]


def test_without_a_position_a_stop_fails() -> None:
    scene = Scene(0.0)
    scene.rows(st(False, 90.0))
    (event,) = scene.move(90.0)
    assert (event["status"], event["reason"]) == ("triggerFailed", "there is no position to close")


def test_a_condition_that_holds_already_fires_at_once() -> None:
    scene = Scene()
    triggered, filled = scene.rows(st(False, 100.0, 0.5))
    assert list(triggered) == ["triggered"]
    assert filled["filled"]["totalSz"] == -0.5
    triggered, filled, sibling = scene.rows(rng(True, 90.0, 100.0, 0.1))[1:]
    assert [next(iter(row)) for row in (triggered, filled, sibling)] == [
        "triggered",
        "filled",
        "siblingCancelled",
    ]
    rows = scene.rows(rng(True, 100.0, 110.0, 0.1))
    assert [next(iter(row)) for row in rows] == ["triggered", "filled"]
    scene.rows(market("sell", 0.3))
    (failed,) = scene.rows(st(False, 100.0))
    assert failed["triggerFailed"]["reason"] == "there is no position to close"


def test_a_limit_of_zero_is_a_price_and_fails() -> None:
    scene = Scene()
    triggered, failed = scene.rows(st(False, 100.0, 0.5, 0.0))
    assert list(triggered) == ["triggered"]
    # a sell limit of 0 is no price at which anything can rest
    assert failed["triggerFailed"]["reason"] == "price must be positive"


def test_a_trailing_stop_follows_in_steps_and_never_back() -> None:
    def threshold() -> float:
        (listed,) = scene.snapshot()["openOrders"]
        price: float = listed["trigger"]["px"]
        return price

    scene = Scene()
    scene.rows(trl(True, 1000, 500))
    assert threshold() == 90.0
    for price, expected in ((104.0, 90.0), (110.0, 99.0), (105.0, 99.0), (112.0, 99.0), (130.0, 117.0)):
        scene.move(price)
        assert threshold() == pytest.approx(expected), price
    assert updates(scene.move(117.0))[0] == ("trailing", "triggered")


def test_a_trailing_stop_of_a_short_position_follows_downwards() -> None:
    scene = Scene(-1.0)
    scene.rows(trl(False, 1000, 0))
    scene.move(80.0)
    (listed,) = scene.snapshot()["openOrders"]
    assert listed["trigger"]["px"] == 88.0
    assert updates(scene.move(88.0))[0] == ("trailing", "triggered")


def modify(oid: str, size: float, symbol: str = "BTC-USD") -> Json:
    return {"mod": {"oid": oid, "c": symbol, "sz": size}}


def test_a_protective_order_can_be_resized() -> None:
    scene = Scene(position=2.0)
    oid = oid_of(scene.rows(st(False, 95.0))[0])
    events = account_events(scene.client.post(ANNA.transaction(modify(oid, 1.5))))
    assert [(event["status"], event["origSz"], event["sz"]) for event in events] == [("modified", -1.5, -1.5)]
    assert scene.snapshot()["openOrders"][0]["size"] == -1.5
    scene.move(94.0)
    assert scene.position() == 0.5


def test_both_halves_of_a_range_are_resized_together() -> None:
    scene = Scene(position=2.0)
    low, high = map(oid_of, scene.rows(rng(True, 90.0, 110.0)))
    assert scene.rows(modify(high, 2.0)) == [{"resting": {"oid": high}}]
    assert [order["size"] for order in scene.snapshot()["openOrders"]] == [-2.0, -2.0]
    scene.move(89.0)
    assert scene.position() == 0.0
    assert low


def test_a_conditional_order_that_cannot_be_resized() -> None:
    scene = Scene()
    stop, basket = map(oid_of, scene.rows(st(False, 95.0), trig(True, 200.0, cancel_all())))
    for action, reason in (
        (modify(stop, 0.0), "size must be positive"),
        (modify(basket, 1.0), "a basket has no size"),
        (modify(stop, 1.0, "ETH-USD"), "order not found"),
    ):
        ((kind, body),) = scene.rows(action)[0].items()
        assert (kind, body["reason"]) == ("rejectedInvalid", reason)


def test_a_position_lists_what_protects_it() -> None:
    scene = Scene()
    assert scene.snapshot()["positions"][0]["protection"] is None
    rows = scene.rows(
        rng(True, 90.0, 110.0, lmin=89.0), trig(True, 200.0, cancel_all()), st(False, 50.0, i=True)
    )
    low, high = map(oid_of, rows[:2])
    assert scene.snapshot()["positions"][0]["protection"] == {
        "orders": [
            {"orderId": low, "orderType": "range", "trigger": {"px": 90.0, "lim": 89.0, "oco": high}},
            {"orderId": high, "orderType": "range", "trigger": {"px": 110.0, "lim": None, "oco": low}},
        ]
    }
