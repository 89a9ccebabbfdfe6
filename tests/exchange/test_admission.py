"""Signed transactions: which are admitted, in which order that is checked, and what is refused."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_proto.enums import SignatureDomain
from bulk_proto.exchange import ExchangeConfig, signatures
from bulk_proto.signing.order_id import order_id
from bulk_proto.signing.verification import verify_transaction
from tests.exchange.in_memory import (
    ANNA,
    BERT,
    Client,
    Json,
    Trader,
    cancel_all,
    exchange,
    limit,
    market,
    oid_of,
    quiet,
)

AGENT = Trader(3)
NOBODYS_ORDER = "E6b9XTojqT8CASM4t5mQyZPHwATwYKrGFGKFbKP3bBqS"


def opened(config: ExchangeConfig | None = None) -> Client:
    return Client(exchange(config))


def flip(text: str) -> str:
    """Another base58 text of the same length."""
    return text[:-1] + ("2" if text[-1] != "2" else "3")


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
    for _ in range(2):
        assert client.rows(ANNA.transaction(limit("buy", 90.0, 1.0), domain=None))
        assert client.rows(ANNA.transaction(limit("buy", 90.0, 1.0)))
    mainnet = ANNA.transaction(cancel_all(), domain=SignatureDomain.MAINNET)
    assert client.refusal(mainnet) == "bad signature"


@pytest.mark.parametrize("domain", [SignatureDomain.DEVNET, None])
def test_a_client_that_keeps_to_one_domain_is_verified_once_each_time(
    domain: SignatureDomain | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = opened(quiet(accept_undomained=True))
    client.rows(ANNA.transaction(limit("buy", 90.0, 1.0), domain=domain))
    tried: list[SignatureDomain | None] = []

    def verify(transaction: Json, domain: SignatureDomain | None, profile: str) -> bool:
        tried.append(domain)
        return verify_transaction(transaction, domain, profile)

    monkeypatch.setattr(signatures, "verify_transaction", verify)
    client.rows(ANNA.transaction(limit("buy", 90.0, 1.0), domain=domain))
    assert tried == [domain]


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
