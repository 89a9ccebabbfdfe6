"""A row for everything that can become of a cancel, a change or an action that is no order."""

from __future__ import annotations

import pytest

from bulk_proto.enums import SignatureDomain
from bulk_proto.exchange import ExchangeConfig
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
    of_type,
    oid_of,
    quiet,
)

NOBODYS_ORDER = "E6b9XTojqT8CASM4t5mQyZPHwATwYKrGFGKFbKP3bBqS"


def opened(config: ExchangeConfig | None = None) -> Client:
    return Client(exchange(config))


def flip(text: str) -> str:
    """Another base58 text of the same length."""
    return text[:-1] + ("2" if text[-1] != "2" else "3")


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


def test_there_is_no_faucet_on_the_main_network() -> None:
    client = Client(exchange(quiet(domain=SignatureDomain.MAINNET)))
    claim = ANNA.transaction({"faucet": {"u": ANNA.key}}, domain=SignatureDomain.MAINNET)
    assert client.rows(claim) == [{"depositFailed": {"message": "the faucet is for test networks"}}]
