"""Transactions of the exchange's own signing library: accepted as they are, refused with a bit flipped."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bulk_proto.signing.base58 import decode, encode
from tests.exchange.in_memory import Client, Json, exchange, quiet

keychain = pytest.importorskip("bulk_keychain", reason="no wheel of bulk-keychain for this platform")

SIGNER = keychain.Signer(keychain.Keypair.from_bytes(bytes([9]) * 32), "devnet")
BTC = {"symbol": "BTC-USD"}
PARTNER = keychain.Keypair.from_bytes(bytes([10]) * 32).pubkey


def order(price: float, size: float = 1.0, *, is_buy: bool = True, **more: object) -> Json:
    kind = {"type": "limit", "tif": "GTC"}
    return {
        "type": "order",
        **BTC,
        "is_buy": is_buy,
        "price": price,
        "size": size,
        "reduce_only": False,
        "iso": False,
        "order_type": kind,
        **more,
    }


def market(size: float) -> Json:
    return order(0.0, size) | {"order_type": {"type": "market"}}


def stop(kind: str, price: float, *, above: bool) -> Json:
    amounts = {"size": 1.0, "trigger_price": price, "limit_price": None}
    return {"type": kind, **BTC, "is_buy": above, "iso": False, **amounts}


def signed(nonce: int, *items: Json) -> Any:
    return SIGNER.sign_group(list(items), nonce)


TRANSACTIONS: dict[str, Any] = {
    "resting": signed(1, order(90.0)),
    "cancelledIoc": signed(2, market(1.0)),
    "stop": signed(3, order(90.0, 0.5), stop("stop", 80.0, above=False)),
    "takeProfit": signed(4, stop("take_profit", 120.0, above=True)),
    "batch": signed(5, order(91.0), order(110.0, is_buy=False), {"type": "cancel_all", "symbols": []}),
    "deposit": SIGNER.sign_faucet(6),
    "agentWallet": SIGNER.sign_agent_wallet(PARTNER, False, 7),
    "ack": SIGNER.sign_user_settings([("BTC-USD", 5.0)], 8),
    "createSubAccount": SIGNER.sign_create_sub_account("desk", 10.0, 9),
    "transfer": SIGNER.sign_transfer(SIGNER.pubkey, PARTNER, 5.0, "external", 10),
    "approval": SIGNER.sign_approve_builder_code(PARTNER, 5, 11),
    "oracle": SIGNER.sign_oracle_prices([(1, "BTC-USD", 101.0)], 12),
}


def opened() -> Client:
    client = Client(exchange(quiet()))
    client.rows(SIGNER.sign_faucet(1000))  # opens the account
    return client


@pytest.mark.parametrize("name", TRANSACTIONS)
def test_what_it_signs_is_accepted(name: str) -> None:
    served = exchange(quiet(faucet_interval=0.0))
    client = Client(served)
    client.rows(SIGNER.sign_faucet(1000))
    rows = client.rows(json.loads(json.dumps(TRANSACTIONS[name])))
    kinds = {kind for row in rows for kind in row}
    assert rows
    bad = {kind for kind in kinds if kind == "error" or "rejected" in kind.lower() or "Failed" in kind}
    assert bad == set()
    if name in ("resting", "cancelledIoc", "deposit", "agentWallet", "ack", "createSubAccount", "transfer"):
        assert name in kinds


@pytest.mark.parametrize("name", TRANSACTIONS)
def test_one_flipped_bit_of_its_signature_is_refused(name: str) -> None:
    client = opened()
    transaction = json.loads(json.dumps(TRANSACTIONS[name]))
    signature = bytearray(decode(transaction["signature"]))
    for bit in (0, 7, 255, 256, 300, 503):
        flipped = bytearray(signature)
        flipped[bit // 8] ^= 1 << bit % 8
        assert client.refusal(transaction | {"signature": encode(bytes(flipped))}) == "bad signature"


def test_one_flipped_bit_of_the_nonce_or_the_account_is_refused() -> None:
    client = opened()
    transaction = json.loads(json.dumps(TRANSACTIONS["resting"]))
    assert (
        client.refusal(transaction | {"nonce": str(int(transaction["nonce"]) ^ 1 << 40)}) == "bad signature"
    )
    account = bytearray(decode(transaction["account"]))
    account[3] ^= 4
    assert client.refusal(transaction | {"account": encode(bytes(account))}) == "bad signature"


def test_the_ids_of_its_orders_are_those_of_the_exchange() -> None:
    (row,) = opened().rows(signed(77, order(90.0)))
    prepared = keychain.prepare_order(order(90.0), "devnet", SIGNER.pubkey, SIGNER.pubkey, 77)
    assert row == {"resting": {"oid": prepared["order_id"]}}


@pytest.mark.parametrize("domain", ["mainnet", "testnet"])
def test_what_it_signs_for_another_network_is_refused(domain: str) -> None:
    other = keychain.Signer(keychain.Keypair.from_bytes(bytes([9]) * 32), domain)
    assert opened().refusal(other.sign_group([order(90.0)], 5)) == "bad signature"
