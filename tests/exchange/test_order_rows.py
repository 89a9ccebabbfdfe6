"""A row for everything that can become of an order."""

from __future__ import annotations

import pytest

from bulk_proto.exchange import ExchangeConfig, Market, SelfTrade
from bulk_proto.signing.order_id import order_id_candidates
from tests.exchange.in_memory import (
    ANNA,
    BERT,
    Client,
    Json,
    account_events,
    exchange,
    limit,
    market,
    oid_of,
    quiet,
    speaking,
)

NOBODYS_ORDER = "E6b9XTojqT8CASM4t5mQyZPHwATwYKrGFGKFbKP3bBqS"


def opened(config: ExchangeConfig | None = None) -> Client:
    return Client(exchange(config))


def flip(text: str) -> str:
    """Another base58 text of the same length."""
    return text[:-1] + ("2" if text[-1] != "2" else "3")


def test_a_crossing_order_is_filled_and_the_rest_works_on_the_book() -> None:
    client = opened()
    client.rows(ANNA.transaction(limit("sell", 100.0, 1.0), limit("sell", 101.0, 1.0)))
    (row,) = client.rows(BERT.transaction(limit("buy", 101.0, 2.5)))
    working = row["working"]
    assert (working["filledSz"], working["remainingSz"], working["vwap"]) == (2.0, 0.5, 100.5)


def test_a_filled_sell_has_a_negative_size() -> None:
    client = opened()
    client.rows(ANNA.transaction(limit("buy", 100.0, 1.0)))
    (row,) = client.rows(BERT.transaction(market("sell", 0.25)))
    assert row["filled"] | {"oid": ""} == {"oid": "", "totalSz": -0.25, "avgPx": 100.0}


def test_what_an_ioc_order_cannot_fill_is_cancelled() -> None:
    client = opened()
    (row,) = client.rows(BERT.transaction(limit("buy", 100.0, 2.0, tif="IOC")))
    assert row["cancelledIoc"]["filledSz"] == 0.0
    client.rows(ANNA.transaction(limit("sell", 100.0, 1.0)))
    (row,) = client.rows(BERT.transaction(limit("buy", 100.0, 2.0, tif="IOC")))
    assert row["cancelledIoc"]["filledSz"] == 1.0


def test_the_remainder_of_a_market_order_has_two_spellings() -> None:
    for config, kind in (
        (quiet(), "cancelledIoc"),
        (speaking(partial_remainder="partiallyFilled"), "partiallyFilled"),
    ):
        client = opened(config)
        client.rows(ANNA.transaction(limit("sell", 100.0, 1.0)))
        (row,) = client.rows(BERT.transaction(market("buy", 2.0)))
        assert list(row) == [kind]
        (row,) = client.rows(BERT.transaction(market("buy", 2.0)))
        assert row["cancelledIoc"]["filledSz"] == 0.0


def test_a_market_order_with_slippage_stops_at_its_limit_and_has_either_id() -> None:
    action = market("buy", 2.0, slippage=50.0)
    for tagged in (False, True):
        client = opened(quiet(slippage_tag_in_order_id=tagged))
        client.rows(ANNA.transaction(limit("sell", 100.0, 1.0), limit("sell", 101.0, 1.0)))
        (row,) = client.rows(BERT.transaction(action, nonce=5))
        with_tag, without_tag = order_id_candidates(action, 0, 5, BERT.key)
        assert row == {"cancelledIoc": {"oid": with_tag if tagged else without_tag, "filledSz": 1.0}}


def test_an_add_liquidity_only_order_that_would_trade_is_rejected() -> None:
    client = opened()
    client.rows(ANNA.transaction(limit("sell", 100.0, 1.0)))
    (row,) = client.rows(BERT.transaction(limit("buy", 100.0, 1.0, tif="ALO")))
    assert list(row) == ["rejectedCrossing"]
    (row,) = client.rows(BERT.transaction(limit("buy", 99.5, 1.0, tif="ALO")))
    assert list(row) == ["resting"]


def test_a_repeated_transaction_is_a_duplicate_where_repeated_nonces_are_judged() -> None:
    client = opened(quiet(refuse_repeated_nonce=False))
    client.subscribe({"type": "account", "user": ANNA.key})
    transaction = ANNA.transaction(limit("buy", 90.0, 1.0))
    (placed,) = client.rows(transaction)
    messages = client.post(transaction)
    statuses = messages[0]["data"]["payload"]["response"]["data"]["statuses"]
    assert statuses == [{"rejectedDuplicate": {"oid": oid_of(placed)}}]
    assert messages[1:] == []  # an event would speak of the first order, which still rests


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (limit("buy", 90.0, 1.0, symbol="DOGE-USD"), "unknown symbol DOGE-USD"),
        (limit("buy", 90.0, 0.0), "size must be positive"),
        (limit("buy", 0.0, 1.0), "price must be positive"),
        (market("buy", 0.0), "size must be positive"),
        (limit("buy", 90.0, 0.1), "notional is below the minimum of 10.0"),
        (market("buy", 0.05), "notional is below the minimum of 10.0"),
        (limit("buy", 90.25, 1.0), "price is not a multiple of the tick size 0.5"),
        (limit("buy", 90.5, 1.0005), "size is not a multiple of the lot size 0.001"),
    ],
)
def test_an_order_against_the_rules_is_rejected_with_the_reason(action: Json, reason: str) -> None:
    strict = Market(symbol="BTC-USD", start_price=100.0, tick=0.5, lot=0.001, min_notional=10.0)
    client = opened(quiet(markets=(strict,), enforce_increments=True))
    (row,) = client.rows(ANNA.transaction(action))
    assert row["rejectedInvalid"]["reason"] == reason


def test_by_default_any_price_and_size_will_do() -> None:
    (row,) = opened().rows(ANNA.transaction(limit("buy", 100.0 * 0.999123, 0.0123456)))
    assert list(row) == ["resting"]


def test_the_minimum_notional_can_be_switched_off() -> None:
    strict = Market(symbol="BTC-USD", start_price=100.0, tick=0.5, lot=0.001, min_notional=10.0)
    client = opened(quiet(markets=(strict,), enforce_min_notional=False))
    assert list(client.rows(ANNA.transaction(limit("buy", 1.0, 0.01)))[0]) == ["resting"]


def test_an_account_can_have_only_so_many_open_orders() -> None:
    client = opened(quiet(max_open_orders=2))
    rows = client.rows(ANNA.transaction(*[limit("buy", 90.0, 1.0)] * 3))
    assert [list(row) for row in rows] == [["resting"], ["resting"], ["rejectedInvalid"]]


def test_an_order_that_the_margin_does_not_cover_is_rejected() -> None:
    client = opened(quiet(starting_balance=1000.0, default_leverage=10.0))
    rows = client.rows(ANNA.transaction(limit("buy", 100.0, 60.0), limit("buy", 100.0, 60.0)))
    assert list(rows[0]) == ["resting"]
    assert rows[1]["rejectedRiskLimit"]["reason"] == "Insufficient margin"
    (row,) = client.rows(ANNA.transaction(limit("sell", 101.0, 60.0)))
    assert list(row) == ["resting"]  # the other side needs no more


def test_an_account_short_of_margin_can_only_reduce() -> None:
    client = opened(quiet(starting_balance=1000.0, default_leverage=10.0))
    client.rows(ANNA.transaction(limit("sell", 100.0, 90.0)))
    client.rows(BERT.transaction(market("buy", 90.0)))
    client.rows(ANNA.transaction(limit("buy", 94.0, 1.0), limit("sell", 96.0, 1.0)))
    client.rows(ANNA.transaction({"px": {"t": 1, "c": "BTC-USD", "px": 95.0}}))  # Bert has about 550 left
    (more,) = client.rows(BERT.transaction(limit("buy", 95.0, 1.0)))
    assert list(more) == ["rejectedRiskLimit"]
    (other,) = client.rows(BERT.transaction(limit("buy", 9.0, 1.0, symbol="ETH-USD")))
    assert list(other) == ["rejectedRiskLimit"]
    (less,) = client.rows(BERT.transaction(limit("sell", 96.5, 1.0)))
    assert list(less) == ["resting"]


def test_a_reduce_only_order_without_position_is_cancelled() -> None:
    (row,) = opened().rows(ANNA.transaction(limit("buy", 90.0, 1.0, r=True)))
    assert list(row) == ["cancelledReduceOnly"]


def test_a_reduce_only_order_is_cut_to_the_position() -> None:
    client = opened()
    client.rows(ANNA.transaction(limit("sell", 100.0, 1.0)))
    client.rows(BERT.transaction(market("buy", 1.0)))
    client.rows(ANNA.transaction(limit("buy", 99.0, 5.0)))
    (row,) = client.rows(BERT.transaction(market("sell", 4.0, r=True)))
    assert row["filled"]["totalSz"] == -1.0


def test_the_incoming_order_of_a_self_trade_is_cancelled_if_so_configured() -> None:
    client = opened(quiet(self_trade=SelfTrade.CANCEL_INCOMING))
    rows = client.rows(ANNA.transaction(limit("sell", 100.0, 1.0), limit("buy", 100.0, 1.0)))
    assert [list(row) for row in rows] == [["resting"], ["cancelledSelfCrossing"]]


def test_an_isolated_order_makes_a_position_of_its_own() -> None:
    client = opened()
    client.subscribe({"type": "account", "user": BERT.key})
    client.rows(ANNA.transaction(limit("sell", 100.0, 3.0)))
    client.rows(BERT.transaction(market("buy", 1.0)))
    (update,) = account_events(client.post(BERT.transaction(market("buy", 2.0, i=True))), "positionUpdate")
    assert (update["iso"], update["size"]) == (True, 2.0)
    assert update["isoPubkey"] not in (ANNA.key, BERT.key)
    (snapshot,) = account_events(client.subscribe({"type": "account", "user": BERT.key}))
    assert [(row["iso"], row["size"]) for row in snapshot["positions"]] == [(False, 1.0), (True, 2.0)]
