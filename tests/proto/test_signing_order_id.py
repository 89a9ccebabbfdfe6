"""Order ids: the published ones, both rules for slippage, and what they depend on."""

from __future__ import annotations

from typing import Any

import pytest

from bulk_proto.errors import InvalidAction, InvalidKey, NonceError, UsageError
from bulk_proto.signing import order_id, order_id_candidates

from . import signing_vectors as v

ZERO_KEY = "1" * 32
MARKET = {"m": {"c": "BTC-USD", "b": True, "sz": 1.0, "r": False, "i": False}}
LIMIT = {"l": {"c": "BTC-USD", "b": True, "px": 68000.0, "sz": 0.001, "tif": "ALO", "r": False, "i": False}}


@pytest.mark.parametrize("vector", v.TRANSACTIONS, ids=lambda vector: vector["name"])
def test_every_published_id_is_known_in_advance(vector: dict[str, Any]) -> None:
    ids = [
        order_id(action, seqno, int(vector["nonce"]), vector["account"])
        for seqno, action in enumerate(vector["actions"])
    ]
    assert [id for id in ids if id is not None] == vector["order_ids"]
    assert [id is not None for id in ids] == [
        bool({"l", "m"} & action.keys()) for action in vector["actions"]
    ]


def test_a_market_order_with_slippage_has_two_candidates() -> None:
    plain = ("22XZMCZeD1HDb2sCJ7aJ7KbXkdohesASyzFqsWduk2z8",)
    assert order_id_candidates(MARKET, 0, 0, ZERO_KEY) == plain
    slipping = {"m": {**MARKET["m"], "slippage": 25}}
    both = (
        "B7j6815duowtDFNu6RPgoeuYyQyfheVMb4BYwN2QGjz3",
        "5iPTfpJrBYYhbmj7PXyY9srCuU6fsq3DzRQWxLL4osj2",
    )
    assert order_id_candidates(slipping, 0, 0, ZERO_KEY) == both
    assert order_id(slipping, 0, 0, ZERO_KEY) == both[0]
    coded = {"m": {**slipping["m"], "builderCode": {"to": v.AGENT, "fee": 1}}}
    assert order_id_candidates(coded, 0, 0, ZERO_KEY) == both


def test_a_zero_slippage_is_one_too() -> None:
    zero = order_id_candidates({"m": {**MARKET["m"], "slippage": 0}}, 0, 0, ZERO_KEY)
    assert len({*zero, *order_id_candidates(MARKET, 0, 0, ZERO_KEY)}) == 3


def test_the_half_unit_is_hashed_as_it_is_signed() -> None:
    half = {"l": {**LIMIT["l"], "sz": 2.5e-8}}
    three_units = {"l": {**LIMIT["l"], "sz": "0.00000003"}}
    assert order_id(half, 0, 1, v.OWNER) == order_id(three_units, 0, 1, v.OWNER)


def test_the_id_depends_on_place_nonce_and_account_but_not_on_a_builder_code() -> None:
    here = order_id(LIMIT, 0, 1, v.OWNER)
    others = {
        order_id(LIMIT, 1, 1, v.OWNER),
        order_id(LIMIT, 0, 2, v.OWNER),
        order_id(LIMIT, 0, 1, v.AGENT),
        order_id({"l": {**LIMIT["l"], "i": True}}, 0, 1, v.OWNER),
    }
    assert len({here, *others}) == 5
    assert order_id({"l": {**LIMIT["l"], "builderCode": {"to": v.AGENT, "fee": 1}}}, 0, 1, v.OWNER) == here


def test_other_actions_have_no_id() -> None:
    for action in ({"cx": {"c": "A", "oid": v.ORDER}}, {"st": {"c": "A", "d": True, "sz": 1, "tr": 1}}):
        assert order_id(action, 0, 1, v.OWNER) is None
        assert order_id_candidates(action, 0, 1, v.OWNER) == ()


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(InvalidAction):
        order_id({"l": {}}, 0, 1, v.OWNER)
    with pytest.raises(UsageError, match="seqno"):
        order_id(LIMIT, -1, 1, v.OWNER)
    with pytest.raises(NonceError):
        order_id(LIMIT, 0, -1, v.OWNER)
    with pytest.raises(InvalidKey):
        order_id(LIMIT, 0, 1, "BTC-USD")
