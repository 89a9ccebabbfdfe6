"""Signed transactions: the order of the checks, and a row for everything that can become of an action."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_proto.enums import SignatureDomain
from bulk_proto.exchange import ExchangeConfig, Market, SelfTrade
from bulk_proto.signing.order_id import order_id, order_id_candidates
from tests.exchange.in_memory import (
    Client,
    Json,
    Trader,
    account_events,
    cancel,
    cancel_all,
    exchange,
    limit,
    market,
    of_type,
    oid_of,
    quiet,
    speaking,
)

ANNA, BERT, AGENT = Trader(1), Trader(2), Trader(3)
NOBODYS_ORDER = "E6b9XTojqT8CASM4t5mQyZPHwATwYKrGFGKFbKP3bBqS"


def opened(config: ExchangeConfig | None = None) -> Client:
    return Client(exchange(config))


def flip(text: str) -> str:
    """Another base58 text of the same length."""
    return text[:-1] + ("2" if text[-1] != "2" else "3")


# Admission


def test_the_answer_has_the_id_of_the_request_and_a_row_for_each_order() -> None:
    transaction = ANNA.transaction(limit("buy", 90.0, 1.0), limit("sell", 110.0, 1.0))
    rows = opened().rows(transaction)
    ids = [
        order_id(action, seqno, int(transaction["nonce"]), ANNA.key)
        for seqno, action in enumerate(transaction["actions"])
    ]
    assert rows == [{"resting": {"oid": ids[0]}}, {"resting": {"oid": ids[1]}}]


@pytest.mark.parametrize("form", [str, int])
def test_a_nonce_may_be_text_or_a_number_and_zero(form: type) -> None:
    transaction = ANNA.transaction(limit("buy", 90.0, 1.0), nonce=0)
    transaction["nonce"] = form(transaction["nonce"])
    assert "resting" in opened().rows(transaction)[0]


def test_prices_and_sizes_may_be_text_and_keys_in_any_order() -> None:
    transaction = ANNA.transaction(limit("buy", 64250.5, 0.29))
    body = transaction["actions"][0]["l"]
    transaction["actions"] = [{"l": dict(reversed(list((body | {"px": "64250.5", "sz": "0.29"}).items())))}]
    assert "resting" in opened().rows(transaction)[0]


def test_one_flipped_bit_of_the_signature_is_refused() -> None:
    transaction = ANNA.transaction(limit("buy", 90.0, 1.0))
    client = opened()
    assert client.refusal(transaction | {"signature": flip(transaction["signature"])}) == "bad signature"
    assert client.refusal(transaction | {"signature": transaction["signature"][:-2]}) == "bad signature"
    assert client.refusal(transaction | {"signature": ""}) == "bad signature"
    assert "resting" in client.rows(transaction)[0]  # a refused transaction did not use up the nonce


@pytest.mark.parametrize("change", [{"sz": 0.29000001}, {"i": True}, {"b": False}, {"c": "ETH-USD"}])
def test_a_changed_order_is_refused(change: Json) -> None:
    transaction = ANNA.transaction(limit("buy", 64250.5, 0.29))
    transaction["actions"][0]["l"] |= change
    assert opened().refusal(transaction) == "bad signature"


@pytest.mark.parametrize("change", [{"nonce": "8"}, {"account": BERT.key}, {"signer": BERT.key}])
def test_a_changed_frame_of_the_order_is_refused(change: Json) -> None:
    assert opened().refusal(ANNA.transaction(limit("buy", 9.0, 1.0), nonce=7) | change) == "bad signature"


@pytest.mark.parametrize("domain", [SignatureDomain.MAINNET, SignatureDomain.TESTNET, None])
def test_a_signature_for_another_network_is_refused(domain: SignatureDomain | None) -> None:
    assert opened().refusal(ANNA.transaction(cancel_all(), domain=domain)) == "bad signature"


def test_signatures_without_domain_are_accepted_if_so_configured() -> None:
    client = opened(quiet(accept_undomained=True))
    assert client.rows(ANNA.transaction(limit("buy", 90.0, 1.0), domain=None))
    assert client.rows(ANNA.transaction(limit("buy", 90.0, 1.0)))
    mainnet = ANNA.transaction(cancel_all(), domain=SignatureDomain.MAINNET)
    assert client.refusal(mainnet) == "bad signature"


def test_a_nonce_works_once_for_each_account() -> None:
    client = opened()
    client.rows(ANNA.transaction(limit("buy", 90.0, 1.0), nonce=7))
    assert client.refusal(ANNA.transaction(limit("buy", 91.0, 1.0), nonce=7)) == "duplicate nonce"
    assert client.rows(BERT.transaction(limit("buy", 90.0, 1.0), nonce=7))
    assert client.rows(ANNA.transaction(limit("buy", 90.0, 1.0), nonce=3))  # older is fine


def test_the_nonce_is_checked_before_the_signature_and_the_signature_before_the_signer() -> None:
    client = opened()
    client.rows(ANNA.transaction(limit("buy", 90.0, 1.0), nonce=7))
    broken = ANNA.transaction(limit("buy", 91.0, 1.0), nonce=7)
    broken["signature"] = flip(broken["signature"])
    assert client.refusal(broken) == "duplicate nonce"
    broken = AGENT.transaction(limit("buy", 91.0, 1.0), account=ANNA.key)
    broken["signature"] = flip(broken["signature"])
    assert client.refusal(broken) == "bad signature"


def test_a_stranger_cannot_trade_for_an_account() -> None:
    client = opened()
    stranger = AGENT.transaction(limit("buy", 90.0, 1.0), account=ANNA.key)
    assert client.refusal(stranger) == "unauthorized signer"


def test_a_registered_agent_trades_until_it_is_removed() -> None:
    client = opened()
    register: Json = {"agentWalletCreation": {"a": AGENT.key, "d": False}}
    remove: Json = {"agentWalletCreation": {"a": AGENT.key, "d": True}}
    assert client.rows(ANNA.transaction(register)) == [{"agentWallet": {"agentWallet": AGENT.key}}]
    (row,) = client.rows(AGENT.transaction(limit("buy", 90.0, 1.0), account=ANNA.key, nonce=99))
    assert oid_of(row) == order_id(limit("buy", 90.0, 1.0), 0, 99, ANNA.key)  # of the account, not the signer
    (row,) = client.rows(AGENT.transaction(remove, account=ANNA.key))
    assert "owner" in row["agentWalletFailed"]["message"]
    assert client.rows(ANNA.transaction(remove)) == [{"agentWallet": {"agentWallet": AGENT.key}}]
    assert "agentWalletFailed" in client.rows(ANNA.transaction(remove))[0]
    stranger = AGENT.transaction(limit("buy", 90.0, 1.0), account=ANNA.key)
    assert client.refusal(stranger) == "unauthorized signer"


GOOD = ANNA.transaction(limit("buy", 90.0, 1.0))


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {},
        GOOD | {"actions": []},
        GOOD | {"actions": {}},
        GOOD | {"actions": [7]},
        GOOD | {"actions": [{}]},
        GOOD | {"actions": [{"l": {}, "m": {}}]},
        GOOD | {"actions": [{"dance": {}}]},
        GOOD | {"actions": [{"l": None}]},
        GOOD | {"actions": [{"l": {"c": "BTC-USD"}}]},
        GOOD | {"actions": [limit("buy", 90.0, 1.0, tif="gtc")]},
        GOOD | {"actions": [limit("buy", -1.0, 1.0)]},
        GOOD | {"actions": [limit("buy", 90.0, 1e300)]},
        GOOD | {"actions": [{"l": limit("buy", 90.0, 1.0)["l"] | {"px": "ninety"}}]},
        GOOD | {"actions": [market("buy", 1.0, slippage=-1)]},
        GOOD | {"actions": [{"mod": {"oid": NOBODYS_ORDER, "c": "BTC-USD", "sz": "1.0"}}]},
        GOOD | {"actions": [{"mod": {"oid": NOBODYS_ORDER, "c": "BTC-USD", "sz": 10**400}}]},
        GOOD | {"actions": [{"px": {"t": 1, "c": "BTC-USD", "px": -5.0}}]},
        GOOD | {"actions": [{"faucet": {"u": "not a key"}}]},
        GOOD | {"nonce": None},
        GOOD | {"nonce": -1},
        GOOD | {"nonce": 2**64},
        GOOD | {"nonce": 1.5},
        GOOD | {"nonce": "9" * 500},
        GOOD | {"account": 7},
        GOOD | {"account": "1111"},
        GOOD | {"signer": "0OIl"},
        GOOD | {"signature": None},
    ],
)
def test_what_is_no_transaction_gets_an_error_with_the_id_of_the_request(payload: object) -> None:
    client = opened()
    (error,) = client.post(payload)
    assert (error["type"], error["id"]) == ("error", 1)
    assert 0 < len(error["error"]["message"]) < 200
    assert "resting" in client.rows(ANNA.transaction(limit("buy", 90.0, 1.0)))[0]


def test_actions_nested_too_deeply_are_refused() -> None:
    client = opened()
    nest = '{"trig":{"c":"BTC-USD","d":true,"tr":1.0,"actions":['
    for depth in (100, 250, 300, 1000, 10_000):
        actions = nest * depth + json.dumps(cancel_all()) + "]}}" * depth
        payload = json.dumps(GOOD | {"actions": ["here"]}).replace('"here"', actions)
        client.send_text('{"method":"post","id":1,"request":{"type":"action","payload":' + payload + "}}")
        assert [m["type"] for m in client.messages()] in (["error"], ["post"])
    assert "resting" in client.rows(ANNA.transaction(limit("buy", 90.0, 1.0)))[0]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = [
    ("actions",),
    ("actions", 0),
    ("actions", 0, "l"),
    *(("actions", 0, "l", name) for name in ("c", "b", "px", "sz", "tif", "r", "i", "builderCode")),
    ("nonce",),
    ("account",),
    ("signer",),
    ("signature",),
]


@settings(max_examples=150)
@given(st.sampled_from(FIELDS), json_values)
def test_any_value_in_any_field_is_refused_or_admitted_and_never_raises(
    path: tuple[str | int, ...], value: object
) -> None:
    payload = copy.deepcopy(GOOD)
    place = payload
    for step in path[:-1]:
        place = place[step]  # type: ignore[index]
    place[path[-1]] = value  # type: ignore[index]
    client = opened()
    messages = client.post(payload)
    assert [m["type"] for m in messages] in (["error"], ["post"])
    assert all(m["id"] == 1 for m in messages)


# Rows of orders


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


# Rows of cancels and changes


def test_a_cancel_is_confirmed_once() -> None:
    client = opened()
    (placed,) = client.rows(ANNA.transaction(limit("buy", 90.0, 1.0)))
    oid = oid_of(placed)
    wrong_market, stranger, first, second = (
        client.rows(trader.transaction(action))[0]
        for trader, action in (
            (ANNA, cancel(oid, "ETH-USD")),
            (BERT, cancel(oid)),
            (ANNA, cancel(oid)),
            (ANNA, cancel(oid)),
        )
    )
    refused = {"cancelOneRejected": {"oid": oid, "reason": "order not found"}}
    assert first == {"cancelled": {"oid": oid}}
    assert wrong_market == stranger == second == refused


def test_cancel_all_has_a_row_for_each_order_and_knows_markets() -> None:
    client = opened()
    placed = client.rows(
        ANNA.transaction(
            limit("buy", 90.0, 1.0), limit("buy", 9.0, 1.0, symbol="ETH-USD"), limit("sell", 110.0, 1.0)
        )
    )
    first, second, third = (oid_of(row) for row in placed)
    client.rows(BERT.transaction(limit("buy", 90.0, 1.0)))
    rows = client.rows(ANNA.transaction(cancel_all("BTC-USD")))
    assert rows == [{"cancelled": {"oid": first}}, {"cancelled": {"oid": third}}]
    assert client.rows(ANNA.transaction(cancel_all())) == [{"cancelled": {"oid": second}}]
    assert client.rows(ANNA.transaction(cancel_all())) == [
        {"cancelAllRejected": {"reason": "no open orders"}}
    ]
    assert "cancelled" in client.rows(BERT.transaction(cancel_all()))[0]


@pytest.mark.parametrize("names", [("c", "sz"), ("symbol", "amount")])
def test_an_order_is_resized_in_both_spellings(names: tuple[str, str]) -> None:
    client = opened()
    (placed,) = client.rows(ANNA.transaction(limit("buy", 90.0, 1.0)))
    client.rows(BERT.transaction(market("sell", 0.25)))
    symbol, size = names
    change = {"mod": {"oid": oid_of(placed), "c": "BTC-USD", "sz": 2.0}}
    transaction = ANNA.transaction(change)
    transaction["actions"] = [{"mod": {"oid": oid_of(placed), symbol: "BTC-USD", size: 2.0}}]
    (reply, event, delta) = client.subscribe(
        {"type": "account", "user": ANNA.key}, {"type": "l2Delta", "symbol": "BTC-USD"}
    ) and client.post(transaction)
    assert reply["data"]["payload"]["response"]["data"]["statuses"] == [{"resting": {"oid": oid_of(placed)}}]
    assert (event["data"]["status"], event["data"]["origSz"], event["data"]["sz"]) == ("modified", 2.0, 1.75)
    assert delta["data"]["book"]["levels"] == [[{"px": 90.0, "sz": 1.75, "n": 0}], []]


def modify(oid: str, size: float, symbol: str = "BTC-USD") -> Json:
    return {"mod": {"oid": oid, "c": symbol, "sz": size}}


def test_a_change_that_cannot_be_is_rejected() -> None:
    client = opened(quiet(starting_balance=1000.0))
    (placed,) = client.rows(ANNA.transaction(limit("buy", 90.0, 1.0)))
    oid = oid_of(placed)
    client.rows(BERT.transaction(market("sell", 0.25)))
    for action in (modify(NOBODYS_ORDER, 2.0), modify(oid, 2.0, "ETH-USD"), modify(oid, 0.25)):
        (row,) = client.rows(ANNA.transaction(action))
        assert list(row) == ["rejectedInvalid"]
        assert row["rejectedInvalid"]["reason"]
    assert list(client.rows(ANNA.transaction(modify(oid, 1e6)))[0]) == ["rejectedRiskLimit"]
    assert list(client.rows(ANNA.transaction(modify(oid, 1.5)))[0]) == ["resting"]
    assert list(client.rows(ANNA.transaction(modify(oid, 0.3)))[0]) == ["resting"]


def test_a_reduce_only_order_can_be_resized_without_margin() -> None:
    client = opened(quiet(starting_balance=1000.0))
    client.rows(ANNA.transaction(limit("sell", 100.0, 50.0)))
    client.rows(BERT.transaction(market("buy", 50.0)))
    (placed,) = client.rows(BERT.transaction(limit("sell", 110.0, 1.0, r=True)))
    assert list(client.rows(BERT.transaction(modify(oid_of(placed), 1e6)))[0]) == ["resting"]
    (row,) = client.rows(ANNA.transaction(limit("buy", 110.0, 60.0)))
    assert row["working"]["filledSz"] == 50.0


def test_each_action_is_judged_alone() -> None:
    client = opened()
    rows = client.rows(
        ANNA.transaction(
            cancel(NOBODYS_ORDER), limit("buy", 0.0, 1.0), limit("buy", 90.0, 1.0), {"rbc": {"to": BERT.key}}
        )
    )
    assert [next(iter(row)) for row in rows] == ["cancelOneRejected", "rejectedInvalid", "resting", "ack"]


# Other actions


def test_the_faucet_gives_a_fixed_amount_once_a_day() -> None:
    client = opened()
    claim: Json = {"faucet": {"u": ANNA.key}}
    assert client.rows(ANNA.transaction(claim)) == [{"deposit": {"amount": 10_000.0}}]
    assert client.rows(ANNA.transaction(claim)) == [{"depositFailed": {"message": "already claimed"}}]


def test_the_faucet_can_be_claimed_again_the_next_day() -> None:
    served = exchange(quiet(faucet_interval=100.0, faucet_amount=5.0))
    client = Client(served)
    client.subscribe({"type": "account", "user": ANNA.key})
    claim: Json = {"faucet": {"u": ANNA.key}}
    client.rows(ANNA.transaction(claim))
    for client.now, given_ in ((20.0, False), (99.0, False), (100.0, True)):
        later = Client(served, now=client.now)
        assert ("deposit" in later.rows(ANNA.transaction(claim))[0]) is given_
    margins = account_events(client.messages(), "marginUpdate")
    assert [margin["totalMargin"] for margin in margins] == [100_010.0]


def test_leverage_is_set_and_announced() -> None:
    client = opened()
    client.subscribe({"type": "account", "user": ANNA.key})
    settings_: Json = {"updateUserSettings": {"m": {"BTC-USD": 5.0}}}
    messages = client.post(ANNA.transaction(settings_))
    assert messages[0]["data"]["payload"]["response"]["data"]["statuses"] == [{"ack": {"ok": True}}]
    (event,) = account_events(messages, "leverageUpdate")
    assert event["leverage"] == [{"symbol": "BTC-USD", "leverage": 5.0}]
    (snapshot,) = account_events(client.subscribe({"type": "account", "user": ANNA.key}))
    assert snapshot["leverageSettings"] == [{"symbol": "BTC-USD", "leverage": 5.0}]


@pytest.mark.parametrize(("symbol", "leverage"), [("DOGE-USD", 5.0), ("BTC-USD", 0.5), ("ETH-USD", 21.0)])
def test_leverage_out_of_range_is_refused(symbol: str, leverage: float) -> None:
    (row,) = opened().rows(ANNA.transaction({"updateUserSettings": {"m": {symbol: leverage}}}))
    assert symbol in row["error"]["message"]


def test_an_oracle_price_is_set() -> None:
    served = exchange()
    client = Client(served)
    client.subscribe({"type": "ticker", "symbol": "BTC-USD"})
    oracle: Json = {"px": {"t": 1, "c": "BTC-USD", "px": 123.5}}
    assert client.rows(ANNA.transaction(oracle)) == [{"ack": {"ok": True}}]
    served.advance(0.2)
    (ticker,) = of_type(client.messages(), "ticker")
    assert ticker["data"]["ticker"]["oraclePrice"] == 123.5


@pytest.mark.parametrize(("symbol", "price"), [("DOGE-USD", 1.0), ("BTC-USD", 0.0)])
def test_an_impossible_oracle_price_is_refused(symbol: str, price: float) -> None:
    (row,) = opened().rows(ANNA.transaction({"px": {"t": 1, "c": symbol, "px": price}}))
    assert symbol in row["error"]["message"]


def test_a_builder_code_must_be_approved_first() -> None:
    client = opened()
    order = limit("buy", 90.0, 1.0, builderCode={"to": BERT.key, "fee": 5})
    (row,) = client.rows(ANNA.transaction(order))
    assert row["rejectedInvalid"]["reason"] == f"builder-code fee 5bps not approved for {BERT.key}"
    approve: Json = {"abc": {"to": BERT.key, "fee": 5}}
    assert client.rows(ANNA.transaction(approve)) == [{"ack": {"ok": True}}]
    assert list(client.rows(ANNA.transaction(order))[0]) == ["resting"]
    dearer = limit("buy", 90.0, 1.0, builderCode={"to": BERT.key, "fee": 6})
    assert list(client.rows(ANNA.transaction(dearer))[0]) == ["rejectedInvalid"]
    (snapshot,) = account_events(client.subscribe({"type": "account", "user": ANNA.key}))
    assert snapshot["builderCodeApprovals"] == [{"recipient": BERT.key, "maxFee": 5}]
    assert client.rows(ANNA.transaction({"rbc": {"to": BERT.key}})) == [{"ack": {"ok": True}}]
    assert list(client.rows(ANNA.transaction(order))[0]) == ["rejectedInvalid"]


def test_an_action_that_is_not_modelled_says_so() -> None:
    stop: Json = {"st": {"c": "BTC-USD", "d": False, "sz": 1.0, "tr": 80.0, "lim": None, "i": False}}
    rows = opened().rows(ANNA.transaction(stop, limit("buy", 90.0, 1.0)))
    assert rows[0] == {"error": {"message": "action st is not supported by this exchange"}}
    assert list(rows[1]) == ["resting"]
