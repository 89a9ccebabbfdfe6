"""From actions to the payload of a request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.actions import Action, CancelOrder, LimitOrder, MarketOrder, Stop
from bulk_proto.enums import Side, SignatureDomain, TimeInForce
from bulk_proto.errors import InvalidAction, InvalidKey, NonceError, UsageError
from bulk_proto.signing import TransactionSigner, base58, order_id_candidates, preimage
from bulk_proto.signing.layouts import PROFILES
from bulk_proto.signing.transaction import sign, verify_transaction

from . import action_strategies as some
from . import signing_vectors as v
from .peer import KEY, opened

TESTNET = SignatureDomain.TESTNET
OWNER = TransactionSigner(v.SEED_1)
AGENT = TransactionSigner(v.SEED_2)
BUY = LimitOrder("BTC-USD", Side.BUY, 64250.5, 0.29)


class NeverSigns:
    """A signer that must not be asked."""

    public_key = v.OWNER

    def sign(self, message: bytes) -> bytes:
        raise AssertionError("nothing may be signed")


def test_a_published_transaction_is_reproduced_whole() -> None:
    published = v.transaction("limit-gtc-testnet")
    made = sign([BUY], signer=OWNER, nonce=v.NONCE, account=v.OWNER, domain=TESTNET)
    assert json.loads(made.payload) == published
    assert made.nonce == v.NONCE
    assert made.account == v.OWNER
    assert made.actions == (BUY,)
    assert made.order_ids == (("A9GHD6PMX5tnwVicyL2fxFwRYr3bWUNcai9xGhj99Rup",),)


def test_an_agent_signs_for_an_account_and_the_ids_are_those_of_the_account() -> None:
    published = v.transaction("limit-agent-signs")
    order = LimitOrder("SOL-USD", Side.BUY, 143.37, 12.0)
    made = sign([order], signer=AGENT, nonce=v.NONCE, account=v.OWNER, domain=TESTNET)
    assert json.loads(made.payload) == published
    assert made.order_ids == (("J1vNiycbb37Zz214xUUFR16jgfDdLVSmKUJzc9WH11N",),)


def test_ids_stand_at_the_place_of_their_action() -> None:
    sell = LimitOrder("BTC-USD", Side.SELL, 64500, "0.05", time_in_force=TimeInForce.ALO)
    market = MarketOrder("BTC-USD", Side.BUY, 1, slippage=25)
    actions = (CancelOrder("BTC-USD", v.ORDER), BUY, market, sell)
    made = sign(actions, signer=OWNER, nonce=0, account=v.SUB_ACCOUNT, domain=TESTNET)
    assert [len(ids) for ids in made.order_ids] == [0, 1, 2, 1]
    for seqno, action in enumerate(actions):
        assert made.order_ids[seqno] == order_id_candidates(action.to_api(), seqno, 0, v.SUB_ACCOUNT)


@given(
    st.lists(some.any_actions, min_size=1, max_size=4), some.u64, some.keys, st.sampled_from(SignatureDomain)
)
def test_what_is_sent_is_what_was_signed(
    actions: list[Action], nonce: int, account: str, domain: SignatureDomain
) -> None:
    made = sign(actions, signer=OWNER, nonce=nonce, account=account, domain=domain)
    tx = json.loads(made.payload)
    assert tx["nonce"] == str(nonce)
    assert tx["account"] == account
    assert tx["signer"] == v.OWNER
    assert verify_transaction(tx, domain)
    assert not verify_transaction(tx, SignatureDomain(domain % 3 + 1))
    assert [order_id_candidates(action, at, nonce, account) for at, action in enumerate(tx["actions"])] == [
        *made.order_ids
    ]


@pytest.mark.parametrize("actions", [[], (), [BUY, None], [{"l": {}}], [BUY, BUY.to_api()], ["l"], None, BUY])
def test_what_is_not_a_sequence_of_actions_is_refused_unsigned(actions: Any) -> None:
    with pytest.raises(InvalidAction):
        sign(actions, signer=NeverSigns(), nonce=1, account=v.OWNER, domain=TESTNET)


def test_an_action_class_of_somebody_else_is_encoded_or_refused() -> None:
    class Liquidate(Action, frozen=True):
        tag = "liq"

        def to_api(self) -> dict[str, Any]:
            return {"liq": {}}

    with pytest.raises(InvalidAction, match=r"^action 1: unknown kind"):
        sign([BUY, Liquidate()], signer=NeverSigns(), nonce=1, account=v.OWNER, domain=TESTNET)


def test_everything_else_is_checked_before_signing_too() -> None:
    with pytest.raises(NonceError):
        sign([BUY], signer=NeverSigns(), nonce=-1, account=v.OWNER, domain=TESTNET)
    with pytest.raises(InvalidKey):
        sign([BUY], signer=NeverSigns(), nonce=1, account="me", domain=TESTNET)
    for domain in (None, 2):
        with pytest.raises(UsageError, match="SignatureDomain"):
            sign([BUY], signer=NeverSigns(), nonce=1, account=v.OWNER, domain=domain)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "signature", [b"", bytes(63), bytes(65), "1" * 63, "z" * 89, "0" * 88, "é" * 88, bytes(64).hex(), None]
)
def test_a_signer_that_returns_no_signature_is_named(signature: Any) -> None:
    class Broken:
        public_key = v.OWNER

        def sign(self, message: bytes) -> bytes:
            return signature  # type: ignore[no-any-return]

    with pytest.raises(InvalidKey, match="64 bytes"):
        sign([BUY], signer=Broken(), nonce=1, account=v.OWNER, domain=TESTNET)


def test_a_signer_may_return_the_text_of_its_signature() -> None:
    class Remote:
        public_key = v.OWNER

        def sign(self, message: bytes) -> str:
            return base58.encode(OWNER.sign(message))

    remote, own = [
        sign([BUY], signer=signer, nonce=1, account=v.OWNER, domain=TESTNET) for signer in (Remote(), OWNER)
    ]
    assert remote.payload == own.payload


def test_the_repr_shows_neither_the_orders_nor_the_signature() -> None:
    made = sign([BUY], signer=OWNER, nonce=7, account=v.OWNER, domain=TESTNET)
    assert repr(made) == "<Transaction of 1 actions, nonce 7>"
    assert f"{made}" == repr(made)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_bytes_follow_the_profile_of_the_client(profile: str) -> None:
    core, peer = opened(signing_profile=profile)
    stop = Stop("BTC-USD", False, 0.25, 61000.0)
    core.place_orders([stop], 1.0, nonce=v.NONCE)
    (request,) = peer.hear()
    message = preimage([stop.to_api()], v.NONCE, KEY, SignatureDomain.DEVNET, profile)
    assert request["request"]["payload"]["signature"] == base58.encode(OWNER.sign(message))


def test_an_unknown_profile_is_refused_before_anything_can_be_signed() -> None:
    with pytest.raises(UsageError, match="signing_profile"):
        opened(signing_profile="newest")
