"""What trading costs and who earns it: tiers by volume, and partners with a builder code."""

from __future__ import annotations

import pytest

from bulk_proto.errors import UsageError
from bulk_proto.exchange import ExchangeConfig, FeeTier
from tests.exchange.in_memory import (
    ANNA,
    BERT,
    Client,
    Json,
    Trader,
    account_events,
    exchange,
    limit,
    market,
    quiet,
)
from tests.exchange.scene import Scene, rng, st, tp, trl
from tests.exchange.test_liquidation import check_conservation

PARTNER = Trader(7)
CODE = {"to": PARTNER.key, "fee": 5}


def watched(*traders: Trader, **settings: object) -> Client:
    client = Client(exchange(quiet(**settings)))
    client.subscribe({"type": "account", "user": [trader.key for trader in traders]})
    return client


def balance(client: Client, trader: Trader) -> float:
    served = client.session._host
    (snapshot,) = account_events(Client(served).subscribe({"type": "account", "user": trader.key}))  # type: ignore[arg-type]
    total: float = snapshot["margin"]["totalMargin"]
    return total


def test_an_approved_partner_earns_of_every_fill_and_the_trader_pays_it_on_top() -> None:
    client = watched(BERT, PARTNER)
    client.rows(ANNA.transaction(limit("sell", 100.0, 10.0)))
    client.rows(BERT.transaction({"abc": CODE}))
    client.post(BERT.transaction(market("buy", 4.0, builderCode=CODE)))
    earned = 4 * 100.0 * 5 / 1e4
    assert balance(client, PARTNER) == 100_000.0 + earned
    assert balance(client, BERT) == pytest.approx(100_000.0 - earned - 400.0 * 4 / 1e4)
    check_conservation(client.session._host)  # type: ignore[arg-type]


def test_the_partner_and_the_trader_are_told() -> None:
    client = watched(BERT, PARTNER)
    client.rows(BERT.transaction({"abc": CODE}, limit("buy", 100.0, 4.0, builderCode=CODE)))
    events = account_events(client.post(ANNA.transaction(limit("sell", 100.0, 4.0))))
    assert events[0]["type"] == "marginUpdate"  # the partner's
    assert events[0]["totalMargin"] == 100_000.2
    (fill,) = [event for event in events if event["type"] == "fill"]
    assert fill["fee"] == pytest.approx(-(0.2 + 400.0 * 2 / 1e4))


def test_who_did_not_ask_for_a_partner_pays_none() -> None:
    client = watched(BERT, PARTNER)
    client.rows(BERT.transaction({"abc": CODE}))
    client.rows(ANNA.transaction(limit("sell", 100.0, 10.0)))
    client.rows(BERT.transaction(market("buy", 4.0)))
    assert balance(client, PARTNER) == 100_000.0


@pytest.mark.parametrize(
    "protective", [st(False, 90.0), tp(True, 110.0), rng(True, 90.0, 110.0), trl(True, 500)]
)
def test_protective_orders_earn_for_the_partner_when_they_fire(protective: Json) -> None:
    scene = Scene()
    ((kind, body),) = protective.items()
    scene.rows({"abc": CODE}, {kind: body | {"builderCode": CODE}})
    scene.move(89.0)
    scene.move(112.0)
    assert scene.position() == 0.0
    earned = balance(scene.client, PARTNER) - 100_000.0
    assert earned == pytest.approx((111.0 if kind == "tp" else 88.0) * 5 / 1e4)


def test_volume_lowers_the_fees_and_that_is_told_once() -> None:
    tier = FeeTier(threshold=1000.0, maker_bps=1.0, taker_bps=3.0)
    client = watched(BERT, further_fee_tiers=(tier,))
    client.rows(ANNA.transaction(limit("sell", 100.0, 100.0)))
    fees = []
    updates: list[Json] = []
    for _ in range(3):
        events = account_events(client.post(BERT.transaction(market("buy", 6.0))))
        fees += [event["fee"] for event in events if event["type"] == "fill"]
        updates += [event for event in events if event["type"] == "feeTierUpdate"]
    assert fees == pytest.approx([-0.24, -0.24, -0.18])
    (update,) = updates
    row = {
        "symbol": "global",
        "rollingVolume": 1200.0,
        "tierIndex": 1,
        "tierThreshold": 1000.0,
        "makerBps": 1.0,
        "takerBps": 3.0,
        "windowDays": 14,
    }
    assert update["feeTiers"] == [row]
    assert update["ts"] > 1e18
    (snapshot,) = account_events(client.subscribe({"type": "account", "user": BERT.key}))
    assert snapshot["feeTiers"] == [row | {"rollingVolume": 1800.0}]


def test_thresholds_rise() -> None:
    for thresholds in ((0.0,), (10.0, 10.0)):
        tiers = tuple(FeeTier(threshold=each, maker_bps=1.0, taker_bps=1.0) for each in thresholds)
        with pytest.raises(UsageError, match="must rise"):
            ExchangeConfig(further_fee_tiers=tiers)
