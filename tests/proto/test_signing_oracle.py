"""The exchange's own signing library as the judge: bytes, signatures and order ids of random transactions.

A few hundred transactions by default; ``--long`` or ``BULK_LONG=1`` asks for ten thousand of each kind.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk_proto import actions as a
from bulk_proto.actions import Action
from bulk_proto.enums import Side, SignatureDomain
from bulk_proto.signing import TransactionSigner, base58, order_id_candidates, preimage
from bulk_proto.signing.transaction import sign

from . import action_strategies as some
from . import signing_vectors as v

keychain = pytest.importorskip("bulk_keychain", reason="no wheel of bulk-keychain for this platform")

long = os.environ.get("BULK_LONG") == "1"
judged = settings(
    max_examples=10_000 if long else 150, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
domains = st.sampled_from(SignatureDomain)
seeds = st.binary(min_size=32, max_size=32).map(base58.encode)


def item(action: Action) -> dict[str, Any]:
    """The action in the vocabulary of the other library."""
    match action:
        case a.LimitOrder():
            order_type = {"type": "limit", "tif": action.time_in_force.value}
            return extras(order(action, price=action.price, order_type=order_type), action)
        case a.MarketOrder():
            return extras(order(action, price=0.0, order_type={"type": "market"}), action)
        case a.ModifyOrder():
            amount = {"order_id": action.oid, "amount": action.size}
            return {"type": "modify", "symbol": action.symbol, **amount}
        case a.CancelOrder():
            return {"type": "cancel", "symbol": action.symbol, "order_id": action.oid}
        case a.CancelAll():
            return {"type": "cancel_all", "symbols": list(action.symbols)}
        case a.Stop() | a.TakeProfit():
            kind = "stop" if isinstance(action, a.Stop) else "take_profit"
            return extras(conditional(action, kind, action.is_above, trigger_price=action.threshold), action)
        case a.TrailingStop():
            trail = {"trail_bps": action.trail_bps, "step_bps": action.step_bps}
            return extras(conditional(action, "trailing_stop", action.side is Side.BUY, **trail), action)
        case a.Range():
            prices = {"pmin": action.price_min, "pmax": action.price_max}
            limits = {"lmin": action.limit_min, "lmax": action.limit_max}
            slippages = {
                "sl_slippage": action.stop_loss_slippage,
                "tp_slippage": action.take_profit_slippage,
            }
            given = {name: slippage for name, slippage in slippages.items() if slippage is not None}
            start = {"type": "range", "symbol": action.symbol, "is_buy": action.is_long, "iso": action.iso}
            return extras({**start, "size": action.size, **prices, **limits, **given}, action)
        case a.TriggerBasket():
            inside = [item(each) for each in action.actions]
            start = {"type": "trig", "symbol": action.symbol, "is_buy": action.is_above}
            return {**start, "trigger_price": action.threshold, "actions": inside}
        case a.OnFill():
            inside = [item(each) for each in action.actions]
            return {"type": "of", "trigger": item(action.trigger), "actions": inside}
    raise AssertionError(f"{type(action).__name__} has no counterpart")


def order(action: a.LimitOrder | a.MarketOrder, **rest: Any) -> dict[str, Any]:
    start = {"type": "order", "symbol": action.symbol, "is_buy": action.side is Side.BUY}
    return {**start, "size": action.size, "reduce_only": action.reduce_only, "iso": action.iso, **rest}


def conditional(
    action: a.Stop | a.TakeProfit | a.TrailingStop, kind: str, direction: bool, **rest: Any
) -> dict[str, Any]:
    start = {"type": kind, "symbol": action.symbol, "is_buy": direction, "size": action.size}
    return {**start, "limit_price": action.limit, "iso": action.iso, **rest}


def extras(
    item: dict[str, Any],
    action: a.LimitOrder | a.MarketOrder | a.Stop | a.TakeProfit | a.TrailingStop | a.Range,
) -> dict[str, Any]:
    if action.builder_code is not None:
        item["builder_code"] = {"to": action.builder_code.to, "fee": action.builder_code.fee}
    if not isinstance(action, (a.LimitOrder, a.Range)) and action.slippage is not None:
        item["slippage"] = action.slippage
    return item


@judged
@given(
    actions=st.lists(some.tradings, min_size=1, max_size=4),
    nonce=some.u64,
    account=some.keys,
    signer=some.keys,
    domain=domains,
)
def test_json_bytes_and_ids_of_trading_actions(
    actions: list[Action], nonce: int, account: str, signer: str, domain: SignatureDomain
) -> None:
    judge = keychain.prepare_order_group(
        [item(action) for action in actions], domain.name.lower(), account, signer, nonce
    )
    documents = [action.to_api() for action in actions]
    assert documents == judge["actions"]
    assert preimage(documents, nonce, account, domain).hex() == judge["message_bytes"].hex()
    if len(actions) == 1:
        ids = [judge["order_id"]] if "order_id" in judge else []
    else:
        ids = judge.get("order_ids", [])
    candidates = [order_id_candidates(each, at, nonce, account) for at, each in enumerate(documents)]
    assert [each[0] for each in candidates if each] == ids


@judged
@given(actions=st.lists(some.tradings, min_size=1, max_size=3), nonce=some.u64, seed=seeds, domain=domains)
def test_signatures_of_trading_actions(
    actions: list[Action], nonce: int, seed: str, domain: SignatureDomain
) -> None:
    judge = keychain.Signer(keychain.Keypair.from_base58(seed), domain.name.lower())
    theirs = judge.sign_group([item(action) for action in actions], nonce)
    signer = TransactionSigner(seed)
    assert signer.public_key == judge.pubkey
    ours = sign(actions, signer=signer, nonce=nonce, account=signer.public_key, domain=domain)
    assert f'"signature":"{theirs["signature"]}"'.encode() in ours.payload
    # Their sign_group() signs the slippage of a conditional order and leaves it out of the JSON it returns,
    # while their prepare_order_group() has it in both: their signature is checked over the complete JSON.
    assert signer.verify({**theirs, "actions": [action.to_api() for action in actions]}, domain)


def test_the_signer_of_the_other_library_can_stand_in_for_ours() -> None:
    judge = keychain.Signer(keychain.Keypair.from_base58(v.SEED_1), "devnet")

    class Keychain:
        public_key: str = judge.pubkey
        sign: Callable[[bytes], str] = staticmethod(judge.sign_bytes)

    order = a.LimitOrder("BTC-USD", Side.BUY, 64250.5, 0.29)
    domain = SignatureDomain.DEVNET
    theirs, ours = [
        sign([order], signer=signer, nonce=v.NONCE, account=judge.pubkey, domain=domain)
        for signer in (Keychain(), TransactionSigner(v.SEED_1))
    ]
    assert theirs.payload == ours.payload


Judge = Callable[[Any, int], dict[str, Any]]


def administration(judge: Any, action: Action) -> Judge:
    """The method of the other library that signs this action, applied to it but for the nonce."""
    match action:
        case a.Faucet():
            return lambda _, nonce: judge.sign_faucet(nonce)
        case a.AgentWallet():
            return lambda it, nonce: judge.sign_agent_wallet(it.agent, it.delete, nonce)
        case a.UserSettings():
            return lambda it, nonce: judge.sign_user_settings(list(it.leverage), nonce)
        case a.WhitelistFaucet():
            return lambda it, nonce: judge.sign_whitelist_faucet(it.target, it.whitelist, nonce)
        case a.OraclePrice():
            return lambda it, nonce: judge.sign_oracle_prices([(it.timestamp, it.symbol, it.price)], nonce)
        case a.PythOracle():
            return lambda it, nonce: judge.sign_pyth_oracle(
                [(price.timestamp, price.feed_index, price.price, price.exponent) for price in it.prices],
                nonce,
            )
        case a.CreateSubAccount():
            return lambda it, nonce: judge.sign_create_sub_account(it.name, it.margin_amount, nonce)
        case a.RemoveSubAccount():
            return lambda it, nonce: judge.sign_remove_sub_account(it.account, nonce)
        case a.Transfer():
            return lambda it, nonce: judge.sign_transfer(
                it.source, it.recipient, it.margin_amount, it.kind.value, nonce
            )
        case a.ApproveBuilderCode():
            return lambda it, nonce: judge.sign_approve_builder_code(it.to, it.fee, nonce)
        case a.RevokeBuilderCode():
            return lambda it, nonce: judge.sign_revoke_builder_code(it.to, nonce)
    raise AssertionError(f"{type(action).__name__} has no counterpart")


def as_returned(documents: list[dict[str, Any]]) -> object:
    """Their Python dicts, unlike their bytes, hold integers from 2**63 on as floats."""
    return json.loads(
        json.dumps(documents), parse_int=lambda text: int(text) if int(text) < 2**63 else float(text)
    )


@judged
@given(action=some.administrations, nonce=some.u64, seed=seeds, domain=domains)
def test_json_and_signatures_of_administrative_actions(
    action: Action, nonce: int, seed: str, domain: SignatureDomain
) -> None:
    signer = TransactionSigner(seed)
    if isinstance(action, a.Faucet):
        action = a.Faucet(signer.public_key)  # the other library claims for the signer alone
    judge = keychain.Signer(keychain.Keypair.from_base58(seed), domain.name.lower())
    theirs = administration(judge, action)(action, nonce)
    assert as_returned([action.to_api()]) == theirs["actions"]
    ours = sign([action], signer=signer, nonce=nonce, account=signer.public_key, domain=domain)
    assert f'"signature":"{theirs["signature"]}"'.encode() in ours.payload


def test_keys_are_judged_alike() -> None:
    for private in (v.SEED_1, v.SEED_2, v.PAIR_2):
        assert keychain.Keypair.from_base58(private).pubkey == TransactionSigner(private).public_key
    for size in (0, 31, 32, 33, 64):
        text = base58.encode(b"\x05" * size)
        assert keychain.validate_pubkey(text) is base58.is_key(text)
