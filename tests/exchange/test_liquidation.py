"""Positions that can no longer be paid for, funding, and orders that are held up on their way."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bulk_proto.errors import UsageError
from bulk_proto.exchange import SimulatedExchange
from tests.exchange.in_memory import (
    ANNA,
    BERT,
    BTC,
    Client,
    Json,
    Trader,
    account_events,
    cancel_all,
    exchange,
    limit,
    market,
    of_type,
    quiet,
    types,
)

CLEO = Trader(3)


def check_conservation(served: SimulatedExchange) -> None:
    ledger = served._ledger
    positions = [held for account in ledger.accounts.values() for held in account.positions.values()]
    cash = sum(account.cash for account in ledger.accounts.values())
    assert cash - sum(held.cost for held in positions) + ledger.fees == ledger.deposited
    assert sum(held.size for held in positions) == 0


class Ruin:
    """Anna has bought 90 at 100 with 1000 of her own; Bert has sold them to her."""

    def __init__(self) -> None:
        self.served = exchange(quiet(starting_balance=1000.0))
        self.client = Client(self.served)
        self.client.rows(BERT.transaction(limit("sell", 100.0, 90.0)))
        self.client.rows(ANNA.transaction(market("buy", 90.0)))
        self.client.subscribe({"type": "account", "user": [ANNA.key, BERT.key, CLEO.key]})

    def fall(self, price: float, *bids: tuple[float, float]) -> None:
        """The price falls to ``price``; Cleo bids at these prices for these sizes."""
        self.client.rows(
            CLEO.transaction(
                {"updateUserSettings": {"m": {"BTC-USD": 50.0}}},
                *(limit("buy", bid, size) for bid, size in bids),
                limit("sell", 2 * price - bids[0][0] if bids else price + 1, 1.0),
                {"px": {"t": 1, "c": "BTC-USD", "px": price}},
            )
        )

    def look(self) -> dict[str, list[Json]]:
        """What the next look for risk makes everybody hear, by key."""
        self.client.messages()
        self.served.advance(self.served._clock.now + 0.2)
        heard: dict[str, list[Json]] = {ANNA.key: [], BERT.key: [], CLEO.key: []}
        for message in of_type(self.client.messages(), "account"):
            heard[message["topic"].removeprefix("account.")].append(message["data"])
        check_conservation(self.served)
        return heard


def kinds(events: list[Json]) -> list[str]:
    return [event["type"] for event in events]


def test_an_account_that_can_pay_is_left_alone() -> None:
    ruin = Ruin()
    ruin.fall(91.0, (90.0, 100.0))
    assert ruin.look() == {ANNA.key: [], BERT.key: [], CLEO.key: []}


def test_a_ruined_account_is_closed_at_market() -> None:
    ruin = Ruin()
    ruin.client.rows(ANNA.transaction(limit("sell", 300.0, 0.1)))
    ruin.fall(89.4, (89.3, 100.0))
    heard = ruin.look()
    events = heard[ANNA.key]
    assert kinds(events) == [
        "orderUpdate",
        "fill",
        "orderUpdate",
        "positionUpdate",
        "marginUpdate",
        "liquidation",
    ]
    assert events[0]["status"] == "cancelledRiskLimit"
    assert (events[1]["reasonCode"], events[1]["size"], events[1]["isBuy"]) == (1, 90.0, False)
    liquidation = events[-1]
    assert (liquidation["symbol"], liquidation["price"], liquidation["size"]) == ("BTC-USD", 89.3, 90.0)
    assert liquidation["isBuy"] is False
    assert liquidation["marginPrior"] == pytest.approx(1000 - 3.6 - 954)
    assert liquidation["marginAfter"] == pytest.approx(1000 - 3.6 - 963 - 3.2148)
    assert events[3]["size"] == 0.0
    (fill,) = [event for event in heard[CLEO.key] if event["type"] == "fill"]
    assert fill["reasonCode"] == 0
    assert heard[BERT.key] == []
    assert ruin.look()[ANNA.key] == []


def test_what_the_book_cannot_take_is_taken_by_the_other_side() -> None:
    ruin = Ruin()
    ruin.fall(89.4, (89.3, 10.0))
    heard = ruin.look()
    assert kinds(heard[ANNA.key]).count("fill") == 2
    assert heard[ANNA.key][-1]["size"] == 90.0
    fill, *_, adl = heard[BERT.key]
    assert (fill["type"], fill["reasonCode"], fill["fee"], fill["size"]) == ("fill", 2, 0.0, 80.0)
    assert adl["type"] == "adl"
    assert (adl["symbol"], adl["price"], adl["size"], adl["isBuy"]) == ("BTC-USD", 89.4, 80.0, True)
    (position,) = account_events(
        Client(ruin.served).subscribe({"type": "account", "user": BERT.key}), "accountSnapshot"
    )[0]["positions"]
    assert position["size"] == -10.0


def test_the_public_learns_why_a_trade_was_made() -> None:
    ruin = Ruin()
    ruin.client.subscribe({"type": "trades", "symbol": "BTC-USD"})
    ruin.fall(89.4, (89.3, 10.0))
    ruin.client.messages()
    ruin.served.advance(ruin.served._clock.now + 0.2)
    messages = ruin.client.messages()
    rows = [row for message in of_type(messages, "trades") for row in message["data"]["trades"]]
    assert [(row["sz"], row["reason"], row["liq"]) for row in rows] == [
        (10.0, "liquidation", True),
        (80.0, "adl", True),
    ]
    reasons = {fill["orderId"]: fill.get("reason") for fill in account_events(messages, "fill")}
    assert sorted(filter(None, reasons.values())) == ["adl", "liquidation"]
    ordinary = ruin.client.post(CLEO.transaction(limit("buy", 90.4, 0.1)))
    assert not any("liq" in row for m in of_type(ordinary, "trades") for row in m["data"]["trades"])


def test_the_most_profitable_are_deleveraged_first() -> None:
    served = exchange(quiet(starting_balance=1000.0))
    client = Client(served)
    client.rows(CLEO.transaction(limit("sell", 98.0, 20.0)))
    client.rows(BERT.transaction(limit("sell", 100.0, 70.0)))
    client.rows(ANNA.transaction(market("buy", 90.0)))
    client.subscribe({"type": "account", "user": [BERT.key, CLEO.key]})
    dora = Trader(4)
    client.rows(dora.transaction(limit("buy", 80.0, 30.0), {"px": {"t": 1, "c": "BTC-USD", "px": 80.0}}))
    client.messages()
    client.rows(dora.transaction(limit("sell", 80.5, 0.1)))
    served.advance(0.2)
    messages = [m for m in of_type(client.messages(), "account") if m["data"]["type"] == "adl"]
    told = [(message["topic"].removeprefix("account."), message["data"]["size"]) for message in messages]
    assert told == [(BERT.key, 60.0)]
    check_conservation(served)


def test_a_debt_is_borne_by_the_exchange() -> None:
    ruin = Ruin()
    ruin.fall(80.0, (79.0, 100.0))
    events = ruin.look()[ANNA.key]
    assert kinds(events)[-1] == "marginUpdate"
    assert events[-1]["totalMargin"] == 0.0
    assert ruin.served._ledger.fees < 0


def test_a_short_position_is_bought_back() -> None:
    ruin = Ruin()
    ruin.client.rows(
        CLEO.transaction(
            {"updateUserSettings": {"m": {"BTC-USD": 50.0}}},
            limit("sell", 112.0, 100.0),
            limit("buy", 110.0, 1.0),
            {"px": {"t": 1, "c": "BTC-USD", "px": 111.0}},
        )
    )
    events = ruin.look()[BERT.key]
    assert events[-2]["type"] == "liquidation"
    assert events[-2]["isBuy"] is True


def test_liquidating_one_account_may_save_the_next() -> None:
    ruin = Ruin()
    ruin.fall(89.2, (89.0, 1.0))
    accounts = ruin.served._ledger.accounts
    loss = 1990 * 10**16
    accounts[BERT.key].cash -= loss  # the older account, whose closing closes Anna's position too
    ruin.served._ledger.deposited -= loss
    heard = ruin.look()
    assert "liquidation" in kinds(heard[BERT.key])
    assert kinds(heard[ANNA.key])[-1] == "adl"
    assert "liquidation" not in kinds(heard[ANNA.key])


def test_an_account_can_be_its_own_other_side() -> None:
    served = exchange(quiet(starting_balance=1000.0))
    client = Client(served)
    client.rows(BERT.transaction(limit("sell", 100.0, 90.0), limit("buy", 99.0, 5.0)))
    client.rows(ANNA.transaction(market("buy", 90.0), market("sell", 5.0, i=True)))
    client.rows(BERT.transaction({"px": {"t": 1, "c": "BTC-USD", "px": 80.0}}, limit("buy", 79.0, 0.001)))
    client.subscribe({"type": "account", "user": ANNA.key})
    served.advance(0.2)
    assert "liquidation" in kinds(account_events(client.messages()))
    check_conservation(served)
    assert not any(held.size for held in served._ledger.accounts[ANNA.key].positions.values())
    served.advance(0.4)
    assert client.messages() == []


def test_background_accounts_are_never_liquidated() -> None:
    served = exchange(quiet(flow_rate=50.0), seed=2)
    served.advance(5.0)
    Client(served, now=5.0).rows(ANNA.transaction({"px": {"t": 1, "c": "BTC-USD", "px": 1.0}}))
    served.advance(10.0)
    check_conservation(served)
    assert any(held.size for a in served._ledger.accounts.values() for held in a.positions.values())


# Funding


@pytest.mark.parametrize("rate", [0.0001, -0.0001])
def test_one_side_pays_the_other(rate: float) -> None:
    btc = replace(BTC, funding_rate=rate)
    served = exchange(quiet(markets=(btc,), funding_interval=100.0, ping_interval=1e6))
    client = Client(served)
    client.rows(BERT.transaction(limit("sell", 100.0, 10.0)))
    client.rows(ANNA.transaction(market("buy", 10.0)))
    client.subscribe({"type": "account", "user": [ANNA.key, BERT.key]})
    before = {account.key: account.cash for account in served._ledger.accounts.values()}
    served.advance(99.9)
    assert client.messages() == []
    served.advance(100.0)
    events = account_events(client.messages(), "marginUpdate")
    assert [event["funding"] for event in events] == pytest.approx([1000 * rate, -1000 * rate])
    changes = {key: served._ledger.accounts[key].cash - cash for key, cash in before.items()}
    assert changes[ANNA.key] == -changes[BERT.key] == -round(1000 * rate * 10**16)
    (snapshot,) = account_events(Client(served, now=100.0).subscribe({"type": "account", "user": ANNA.key}))
    assert snapshot["positions"][0]["funding"] == pytest.approx(-1000 * rate)
    served.advance(200.0)
    check_conservation(served)


def test_what_rounding_leaves_over_goes_to_the_exchange() -> None:
    served = exchange(quiet(funding_interval=1.0, ping_interval=1e6))
    client = Client(served)
    client.rows(BERT.transaction({"px": {"t": 1, "c": "BTC-USD", "px": 33.33333}}))
    client.rows(BERT.transaction(limit("sell", 33.33333, 0.00000007)))
    client.rows(ANNA.transaction(market("buy", 0.00000007)))
    fees = served._ledger.fees
    served.advance(1.0)
    assert served._ledger.fees != fees
    check_conservation(served)


def test_without_positions_nobody_pays() -> None:
    served = exchange(quiet(funding_interval=1.0))
    client = Client(served)
    client.rows(ANNA.transaction(limit("buy", 90.0, 1.0)))
    client.subscribe({"type": "account", "user": ANNA.key})
    served.advance(1.0)
    assert client.messages() == []


# Taker delay


def answer_comes(*actions: Json) -> float:
    """After how many seconds."""
    served = exchange(quiet(taker_delay=0.025))
    client = Client(served)
    if client.post(ANNA.transaction(*actions)):
        return 0.0
    served.advance(0.0249)
    assert client.messages() == []
    served.advance(0.025)
    assert types(client.messages()) == ["post"]
    return 0.025


def test_orders_that_could_take_wait_and_the_others_do_not() -> None:
    stop = {"st": {"c": "BTC-USD", "d": False, "sz": 1.0, "tr": 80.0, "lim": None, "i": False}}
    quote = limit("buy", 90.0, 1.0, tif="ALO")
    assert answer_comes(quote) == answer_comes(cancel_all()) == answer_comes(quote, stop) == 0.0
    assert answer_comes(market("buy", 1.0)) == answer_comes(quote, limit("buy", 91.0, 1.0)) == 0.025
    assert answer_comes({"of": {"trigger": quote, "actions": [stop]}}) == 0.025


@pytest.mark.parametrize("payload", [None, [], {"actions": None}, {"actions": [None, 7]}, {"actions": [{}]}])
def test_a_delay_leaves_malformed_requests_alone(payload: object) -> None:
    assert types(Client(exchange(quiet(taker_delay=0.025))).post(payload)) == ["error"]


def test_a_delay_must_not_be_negative() -> None:
    with pytest.raises(UsageError):
        quiet(taker_delay=-0.1)
