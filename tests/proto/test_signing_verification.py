"""Verifying like the exchange: what must pass, what must fail, and that nothing raises."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.enums import SignatureDomain
from bulk_proto.errors import UsageError
from bulk_proto.signing import TransactionSigner, base58, verify_transaction

from . import signing_vectors as v

TESTNET = SignatureDomain.TESTNET
NAME = "limit-gtc-testnet"


def changed(**fields: Any) -> dict[str, Any]:
    return v.transaction(NAME) | fields


def each(field: str, *values: Any) -> list[dict[str, Any]]:
    return [changed(**{field: value}) for value in values]


def with_order_field(**fields: Any) -> dict[str, Any]:
    tx = v.transaction(NAME)
    tx["actions"][0]["l"].update(fields)
    return tx


def signature_with(change: Any) -> dict[str, Any]:
    raw = bytearray(base58.decode(v.transaction(NAME)["signature"]))
    return changed(signature=base58.encode(bytes(change(raw))))


@pytest.mark.parametrize("vector", v.TRANSACTIONS, ids=lambda vector: vector["name"])
def test_every_published_signature_is_valid_in_its_domain_alone(vector: dict[str, Any]) -> None:
    for domain in (*SignatureDomain, None):
        assert verify_transaction(vector, domain) is (domain is v.domain(vector))


@pytest.mark.parametrize(
    "tx",
    [
        changed(nonce=str(v.NONCE + 1)),
        with_order_field(sz=0.29000001),
        with_order_field(i=True),
        changed(account=v.AGENT),
        changed(signer=v.AGENT),
        *(
            signature_with(lambda raw, at=at: raw[:at] + bytes((raw[at] ^ 1,)) + raw[at + 1 :])
            for at in range(64)
        ),
        signature_with(lambda raw: raw[:63]),
        signature_with(lambda raw: raw + b"\0"),
        signature_with(lambda raw: b""),
    ],
)
def test_a_changed_transaction_is_refused(tx: dict[str, Any]) -> None:
    assert not verify_transaction(tx, TESTNET)


@pytest.mark.parametrize(
    "tx",
    [
        changed(),
        changed(nonce=v.NONCE),
        with_order_field(px="64250.5"),
        changed(actions=[{"l": dict(reversed(v.transaction(NAME)["actions"][0]["l"].items()))}]),
        changed(unknown="field"),
        {key: value for key, value in changed().items() if key != "signer"},
    ],
)
def test_another_spelling_of_the_same_transaction_is_accepted(tx: dict[str, Any]) -> None:
    assert verify_transaction(tx, TESTNET)


def test_another_signer_is_accepted_if_it_really_signed() -> None:
    agent = TransactionSigner(v.SEED_2)
    signed = agent.sign_transaction(changed(), TESTNET)
    assert signed["signer"] == v.AGENT
    assert signed["account"] == v.OWNER
    assert verify_transaction(signed, TESTNET)
    assert not verify_transaction(signed | {"signer": v.OWNER}, TESTNET)


@pytest.mark.parametrize(
    "tx",
    [
        None,
        [],
        "tx",
        {},
        *each("nonce", None, 1.5, True, "", "-1", "+1", "1_0", "１", "1" * 21, 2**64, -1, []),
        changed(nonce=str(v.NONCE).translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"})),
        *each("account", None, 1, "", [], {}),
        *each("signer", None, 1, "", [], "1" * 32, "1" * 31),
        *each("signature", None, 1, "", [], "0", "1" * 64, "z" * 88),
        *each("actions", None, [], {}, [[]], "l"),
        {key: value for key, value in changed().items() if key != "signature"},
    ],
)
def test_nonsense_is_refused_without_an_exception(tx: Any) -> None:
    assert verify_transaction(tx, TESTNET) is False


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(changed())), _json))
def test_any_fields_are_judged_without_an_exception(fields: dict[str, Any]) -> None:
    same = fields.keys() <= {"nonce"} and str(fields.get("nonce", v.NONCE)) == str(v.NONCE)
    assert verify_transaction(changed(**fields), TESTNET) is same


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64))
def test_any_key_and_signature_are_judged_without_an_exception(key: bytes, signature: bytes) -> None:
    # A point of small order may accept a forged signature, as Ed25519 allows: only the type is certain.
    tx = changed(signer=base58.encode(key), signature=base58.encode(signature))
    assert verify_transaction(tx, TESTNET) in (True, False)


def test_a_wrong_domain_or_profile_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(UsageError):
        verify_transaction(changed(), 7)  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        verify_transaction(changed(), TESTNET, "none")
