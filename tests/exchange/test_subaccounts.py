"""Sub-accounts, transfers, and the actions that only this exchange's administrators would use."""

from __future__ import annotations

from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from bulk_proto.exchange import SimulatedExchange
from bulk_proto.exchange.curve import is_on_curve
from bulk_proto.signing.base58 import decode32, encode
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
    oid_of,
    quiet,
    stream,
)

STRANGER = Trader(7)
OFF_CURVE = next(encode(key) for n in range(99) if not is_on_curve(key := sha256(bytes([n])).digest()))


def create(name: str = "desk-1", amount: float | None = None) -> Json:
    return {"createSubAccount": {"name": name} if amount is None else {"name": name, "marginAmount": amount}}


def transfer(source: str, to: str, amount: float, kind: str = "internal", **more: object) -> Json:
    return {"transfer": {"k": kind, "from": source, "to": to, "marginAmount": amount} | more}


class Family:
    """Anna and her first sub-account, which has 500."""

    def __init__(self) -> None:
        self.served: SimulatedExchange = exchange(quiet(starting_balance=1000.0))
        self.client = Client(self.served)
        (row,) = self.rows(create(amount=500.0))
        self.sub: str = row["createSubAccount"]["sub"]

    def rows(self, *actions: Json, account: str | None = None) -> list[Json]:
        return self.client.rows(ANNA.transaction(*actions, account=account))

    def total(self, key: str) -> float:
        margin = self.snapshot(key)["margin"]
        total: float = margin["totalMargin"]
        return total

    def snapshot(self, key: str) -> Json:
        (snapshot,) = account_events(Client(self.served).subscribe({"type": "account", "user": key}))
        return snapshot


def test_a_sub_account_is_made_with_a_name_and_money() -> None:
    family = Family()
    assert not is_on_curve(decode32(family.sub))
    master, sub = family.snapshot(ANNA.key), family.snapshot(family.sub)
    assert (master["kind"], master["parent"]) == ("MasterEOA", None)
    assert master["subAccounts"] == [{"pubkey": family.sub}]
    assert (sub["kind"], sub["parent"], sub["name"]) == ("SubAccount", ANNA.key, "desk-1")
    assert (family.total(ANNA.key), family.total(family.sub)) == (500.0, 500.0)
    (row,) = family.rows(create("two"))
    body = row["createSubAccount"]
    assert body == {"master": ANNA.key, "sub": body["sub"], "name": "two", "margin": 0.0}
    assert body["sub"] != family.sub


def test_the_master_and_his_agents_trade_for_a_sub_account_and_nobody_else() -> None:
    family = Family()
    order = limit("buy", 90.0, 1.0)
    (row,) = family.rows(order, account=family.sub)
    assert list(row) == ["resting"]
    assert family.client.refusal(BERT.transaction(order, account=family.sub)) == "unauthorized signer"
    family.rows({"agentWalletCreation": {"a": BERT.key, "d": False}})
    assert list(family.client.rows(BERT.transaction(order, account=family.sub))[0]) == ["resting"]
    family.rows({"agentWalletCreation": {"a": BERT.key, "d": True}})
    family.rows({"agentWalletCreation": {"a": BERT.key, "d": False}}, account=family.sub)
    assert list(family.client.rows(BERT.transaction(order, account=family.sub))[0]) == ["resting"]
    assert family.client.refusal(BERT.transaction(order, account=ANNA.key)) == "unauthorized signer"
    assert len(family.snapshot(family.sub)["openOrders"]) == 3


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (create("desk-1"), "this name is taken"),
        (create(""), "a name has 1 to 32 letters, digits, dashes and underscores"),
        (create("a" * 33), "a name has 1 to 32 letters, digits, dashes and underscores"),
        (create("two words"), "a name has 1 to 32 letters, digits, dashes and underscores"),
        (create("rich", 501.0), "insufficient margin"),
        (create("odd", -1.0), "insufficient margin"),
    ],
)
def test_a_sub_account_that_cannot_be_made(action: Json, message: str) -> None:
    family = Family()
    assert family.rows(action) == [{"createSubAccountFailed": {"message": message}}]
    assert family.total(ANNA.key) == 500.0


def test_sub_accounts_are_limited_in_number_and_depth() -> None:
    family = Family()
    (row,) = family.rows(create("grandchild"), account=family.sub)
    assert row["createSubAccountFailed"]["message"] == "a sub-account has no sub-accounts"
    rows = family.rows(*(create(f"n{number}") for number in range(64)))
    assert [next(iter(row)) for row in rows] == ["createSubAccount"] * 63 + ["createSubAccountFailed"]
    assert not any(is_on_curve(decode32(row["createSubAccount"]["sub"])) for row in rows[:-1])


@pytest.mark.parametrize("tag", ["renameSubAccount", "rsa"])
def test_a_sub_account_gets_another_name(tag: str) -> None:
    family = Family()
    (row,) = family.rows({tag: {"a": family.sub, "n": "desk-2"}})
    assert row == {"renameSubAccount": {"master": ANNA.key, "account": family.sub, "name": "desk-2"}}
    assert family.snapshot(family.sub)["name"] == "desk-2"
    for key, name in ((BERT.key, "x"), (family.sub, "no name"), (family.sub, "desk-2")):
        (row,) = family.rows({tag: {"a": key, "n": name}})
        assert list(row) == ["renameSubAccountFailed"]


def test_an_empty_sub_account_is_removed_and_its_money_returned() -> None:
    family = Family()
    (order,) = family.rows(limit("buy", 90.0, 1.0), account=family.sub)
    (row,) = family.rows({"removeSubAccount": {"toRemove": family.sub}})
    assert row["removeSubAccountFailed"]["message"] == "positions or orders are open"
    stop = {"st": {"c": "BTC-USD", "d": False, "sz": 1.0, "tr": 80.0, "lim": None, "i": False}}
    family.rows(cancel_all(), stop, account=family.sub)
    assert "removeSubAccountFailed" in family.rows({"removeSubAccount": {"toRemove": family.sub}})[0]
    family.rows(cancel_all(), account=family.sub)
    (row,) = family.rows({"removeSubAccount": {"toRemove": family.sub}})
    assert row == {"removeSubAccount": {"account": family.sub, "marginMoved": 500.0}}
    assert family.total(ANNA.key) == 1000.0
    assert family.snapshot(ANNA.key)["subAccounts"] == []
    (row,) = family.rows({"removeSubAccount": {"toRemove": family.sub}})
    assert row["removeSubAccountFailed"]["message"] == "unknown sub-account"


def test_a_sub_account_with_a_position_stays() -> None:
    family = Family()
    family.client.rows(BERT.transaction(limit("sell", 100.0, 1.0)))
    family.rows(market("buy", 1.0), account=family.sub)
    assert "removeSubAccountFailed" in family.rows({"removeSubAccount": {"toRemove": family.sub}})[0]


# Transfers


def test_money_moves_within_the_family_and_is_announced() -> None:
    family = Family()
    family.client.subscribe({"type": "account", "user": [ANNA.key, family.sub]})
    messages = family.client.post(ANNA.transaction(transfer(family.sub, ANNA.key, 100.25)))
    (row,) = messages[0]["data"]["payload"]["response"]["data"]["statuses"]
    assert row == {"transfer": {"from": family.sub, "to": ANNA.key, "symbol": "USDC", "amount": 100.25}}
    margins = [(message["topic"], message["data"]["totalMargin"]) for message in of_type(messages, "account")]
    assert margins == [(f"account.{family.sub}", 399.75), (f"account.{ANNA.key}", 600.25)]


def test_money_moves_to_somebody_else() -> None:
    family = Family()
    (row,) = family.rows(transfer(ANNA.key, STRANGER.key, 10.0, "external", symbol="USDC"))
    assert list(row) == ["transfer"]
    assert family.total(STRANGER.key) == 1010.0  # a new account has its starting balance
    assert family.total(ANNA.key) == 490.0
    ledger = family.served._ledger
    assert sum(account.cash for account in ledger.accounts.values()) == ledger.deposited


@pytest.mark.parametrize(
    ("source", "to", "amount", "kind", "more", "message"),
    [
        ("anna", "bert", 10.0, "internal", {}, "not permissioned for internal transfer"),
        ("bert", "anna", 10.0, "external", {}, "not permissioned for external transfer"),
        ("anna", "bert", 0.5, "external", {}, "below minimum"),
        ("anna", "sub", 0.0, "internal", {}, "below minimum"),
        ("anna", "sub", -5.0, "internal", {}, "below minimum"),
        ("anna", "sub", 1e30, "internal", {}, "below minimum"),
        ("anna", "sub", 501.0, "internal", {}, "insufficient margin"),
        ("anna", "sub", 10.0, "internal", {"symbol": "BTC"}, "unknown margin symbol"),
        ("nobody", "anna", 10.0, "internal", {}, "source account not found"),
        ("anna", "nobody", 10.0, "external", {}, "off-curve and does not exist"),
    ],
)
def test_a_transfer_that_cannot_be(
    source: str, to: str, amount: float, kind: str, more: Json, message: str
) -> None:
    family = Family()
    family.client.rows(BERT.transaction(cancel_all()))
    keys = {"anna": ANNA.key, "bert": BERT.key, "sub": family.sub, "nobody": OFF_CURVE}
    (row,) = family.rows(transfer(keys[source], keys[to], amount, kind, **more))
    assert row == {"transferFailed": {"message": message}}
    assert family.total(ANNA.key) == 500.0


def test_what_positions_and_orders_need_cannot_be_transferred() -> None:
    family = Family()
    family.rows(limit("buy", 90.0, 50.0))  # needs 450
    assert "transferFailed" in family.rows(transfer(ANNA.key, family.sub, 51.0))[0]
    assert "transfer" in family.rows(transfer(ANNA.key, family.sub, 50.0))[0]


def test_a_position_keeps_a_little_more_than_its_maintenance_margin() -> None:
    risky = replace(BTC, maintenance_rate=0.05)
    client = Client(exchange(quiet(markets=(risky,), starting_balance=1000.0, default_leverage=50.0)))
    client.rows(BERT.transaction(limit("sell", 100.0, 100.0)))
    client.rows(ANNA.transaction(market("buy", 100.0)))
    amounts = (472.0, 471.0)  # of 1000 less 4 of fees; 525 must stay
    rows = [
        client.rows(ANNA.transaction(transfer(ANNA.key, BERT.key, each, "external")))[0] for each in amounts
    ]
    assert [next(iter(row)) for row in rows] == ["transferFailed", "transfer"]


def test_a_transfer_between_what_are_no_keys_is_malformed() -> None:
    family = Family()
    for source, to in ((ANNA.key, "x"), ("x", ANNA.key)):
        transaction = ANNA.transaction(transfer(ANNA.key, family.sub, 1.0))
        transaction["actions"] = [transfer(source, to, 1.0)]
        (error,) = family.client.post(transaction)
        assert "not a public key" in error["error"]["message"]


def test_public_keys_are_on_the_curve_and_half_of_all_hashes_are_not() -> None:
    for number in range(20):
        private = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
        assert is_on_curve(private.public_key().public_bytes_raw())
    on = sum(is_on_curve(sha256(bytes([number])).digest()) for number in range(200))
    assert 70 < on < 130
    assert not is_on_curve(b"\xff" * 32)  # no residue of the prime
    assert is_on_curve(b"\1" + bytes(31))  # the neutral point, where x is 0


# Administration


def test_a_key_can_be_barred_from_the_faucet() -> None:
    family = Family()
    claim = {"faucet": {"u": ANNA.key}}
    assert family.rows({"whitelistFaucet": {"target": ANNA.key, "whitelist": False}}) == [
        {"ack": {"ok": True}}
    ]
    assert family.rows(claim) == [{"depositFailed": {"message": "not whitelisted"}}]
    family.rows({"whitelistFaucet": {"target": ANNA.key, "whitelist": True}})
    assert "deposit" in family.rows(claim)[0]


def test_oracle_feeds_set_prices_by_the_number_of_the_market() -> None:
    family = Family()
    feeds = {"oracles": [{"t": 1, "fi": 0, "px": 12350, "e": -2}, {"t": 1, "fi": 1, "px": 11, "e": 0}]}
    assert family.rows({"o": feeds}) == [{"ack": {"ok": True}}]
    family.client.subscribe(stream("ticker"), stream("ticker", symbol="ETH-USD"))
    family.served.advance(0.2)
    tickers = of_type(family.client.messages(), "ticker")
    assert [ticker["data"]["ticker"]["oraclePrice"] for ticker in tickers] == [123.5, 11.0]


@pytest.mark.parametrize(
    "feed",
    [
        {"t": 1, "fi": 2, "px": 1, "e": 0},
        {"t": 1, "fi": 0, "px": 0, "e": 0},
        {"t": 1, "fi": 0, "px": 1, "e": 31},
        {"t": 1, "fi": 0, "px": 1, "e": 30},
    ],
)
def test_a_feed_that_is_no_price_is_refused(feed: Json) -> None:
    (row,) = Family().rows({"o": {"oracles": [feed]}})
    assert "no oracle price can be set for feed" in row["error"]["message"]


def test_ids_of_orders_tell_sub_accounts_apart() -> None:
    family = Family()
    order = limit("buy", 90.0, 0.1)
    first = family.client.rows(ANNA.transaction(order, nonce=77))[0]
    second = family.client.rows(ANNA.transaction(order, nonce=77, account=family.sub))[0]
    assert oid_of(first) != oid_of(second)
