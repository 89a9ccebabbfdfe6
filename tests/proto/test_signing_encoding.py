"""The signed bytes: the published vectors, the choice of the version, old profiles, and hostile JSON."""

from __future__ import annotations

import json
from contextlib import suppress
from struct import pack
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.enums import SignatureDomain
from bulk_proto.errors import InvalidAction, InvalidKey, NonceError, UsageError
from bulk_proto.signing import preimage
from bulk_proto.signing.layouts import PROFILES

from . import signing_vectors as v

HEADER = b"\xff" * 8 + b"bulk-actions"
TESTNET = SignatureDomain.TESTNET
LIMIT = {"l": {"c": "A", "b": True, "px": 1.0, "sz": 1.0, "tif": "GTC", "r": False, "i": False}}
LIMIT_BYTES = pack("<IQs?QQI??", 1, 1, b"A", True, 10**8, 10**8, 0, False, False)
MARKET = {"m": {"c": "A", "b": True, "sz": 1.0, "r": False, "i": False}}
MARKET_BYTES = pack("<IQs?Q??", 0, 1, b"A", True, 10**8, False, False)
STOP = {"st": {"c": "A", "d": True, "sz": 1.0, "tr": 1.0, "lim": None, "i": False}}
STOP_BYTES = pack("<IQs?QQ??", 5, 1, b"A", True, 10**8, 10**8, False, False)
CODE = {"builderCode": {"to": v.AGENT, "fee": 5}}
CODE_BYTES = bytes.fromhex("ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c") + b"\5"
OWNER_BYTES = bytes.fromhex("03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8")
TAIL = pack("<Q", v.NONCE) + OWNER_BYTES + b"\2"


def with_field(action: dict[str, Any], **fields: Any) -> dict[str, Any]:
    ((kind, body),) = action.items()
    return {kind: body | fields}


def encoded(*actions: Any, profile: str = "bulk-keychain-0.1.31") -> bytes:
    """The bytes of the actions alone, with the header if there is one."""
    whole = preimage(actions, v.NONCE, v.OWNER, TESTNET, profile)
    assert whole.endswith(TAIL)
    head = 21 if whole.startswith(HEADER) else 0
    assert whole[head : head + 8] == pack("<Q", len(actions))
    return whole[:head] + whole[head + 8 : -len(TAIL)]


def basket(*actions: Any) -> dict[str, Any]:
    return {"trig": {"c": "A", "d": True, "tr": 1, "actions": list(actions)}}


def version(n: int) -> bytes:
    return HEADER + bytes((n,))


@pytest.mark.parametrize("vector", v.TRANSACTIONS, ids=lambda vector: vector["name"])
def test_every_published_preimage_is_reproduced(vector: dict[str, Any]) -> None:
    made = preimage(vector["actions"], int(vector["nonce"]), vector["account"], v.domain(vector))
    assert made.hex() == vector["preimage_hex"]


def test_every_published_json_example_is_understood() -> None:
    for action in v.JSON_EXAMPLES:
        assert encoded(action)


def test_the_domain_is_the_last_byte_and_may_be_left_out() -> None:
    bare = preimage([LIMIT], v.NONCE, v.OWNER, None)
    for domain in SignatureDomain:
        assert preimage([LIMIT], v.NONCE, v.OWNER, domain) == bare + bytes((domain,))


@pytest.mark.parametrize(
    ("action", "number"),
    [
        (LIMIT, 0),
        (MARKET, 0),
        (with_field(MARKET, slippage=0), 2),
        (with_field(MARKET, slippage="25"), 2),
        (with_field(MARKET, **CODE), 3),
        (with_field(MARKET, slippage=1, **CODE), 3),
        (with_field(LIMIT, **CODE), 3),
        (STOP, 4),
        (with_field(STOP, slippage=1, **CODE), 4),
        ({"abc": {"to": v.AGENT, "fee": 5}}, 0),
    ],
)
def test_the_version_is_the_highest_asked_for_anywhere_inside(action: dict[str, Any], number: int) -> None:
    transfer = {"transfer": {"k": "external", "from": v.OWNER, "to": v.AGENT, "marginAmount": 1}}
    inside = [
        action,
        basket(LIMIT, action),
        {"of": {"trigger": LIMIT, "actions": [basket(action)]}},
        {"of": {"trigger": action, "actions": [LIMIT]}},
        {"msp": {"m": v.OWNER, "a": [action]}},
    ]
    for each in inside:
        assert encoded(LIMIT, each).startswith(version(number)) is (number > 0)
        assert encoded(each, transfer).startswith(version(6))


def test_the_tags_of_a_version_appear_in_all_actions_of_the_transaction() -> None:
    assert encoded(LIMIT, MARKET) == LIMIT_BYTES + MARKET_BYTES
    assert encoded(LIMIT, MARKET, STOP) == (
        version(4) + LIMIT_BYTES + b"\0" + MARKET_BYTES + b"\0\0" + STOP_BYTES + b"\0\0"
    )
    assert encoded(with_field(MARKET, slippage=0, **CODE), LIMIT) == (
        version(3) + MARKET_BYTES + b"\1" + CODE_BYTES + b"\1" + bytes(8) + LIMIT_BYTES + b"\0"
    )
    basket_bytes = pack("<IQs?QQ", 8, 1, b"A", True, 10**8, 1) + LIMIT_BYTES
    assert encoded(basket(LIMIT)) == basket_bytes
    assert encoded(basket(LIMIT), STOP) == version(4) + basket_bytes + b"\0" + STOP_BYTES + b"\0\0"


def test_proposals_give_orders_their_builder_tag_even_in_the_legacy_form() -> None:
    proposal = {"msp": {"m": v.OWNER, "a": [LIMIT, MARKET, {"rbc": {"to": v.AGENT}}]}}
    start = pack("<I", 31) + OWNER_BYTES + pack("<Q", 3)
    revoke = pack("<I", 41) + CODE_BYTES[:32]
    assert encoded(LIMIT, proposal) == (
        LIMIT_BYTES + start + LIMIT_BYTES + b"\0" + MARKET_BYTES + b"\0" + revoke + b"\0"
    )
    assert encoded(proposal, STOP).startswith(
        version(4) + start + LIMIT_BYTES + b"\0" + MARKET_BYTES + b"\0\0"
    )


def test_zero_is_a_limit_price_and_null_is_none() -> None:
    assert encoded(with_field(STOP, lim=0.0)) == (
        version(4) + STOP_BYTES[:-2] + b"\1" + bytes(8) + b"\0" + b"\0\0"
    )
    without = {"st": {key: value for key, value in STOP["st"].items() if key != "lim"}}
    assert encoded(without) == encoded(STOP) == encoded(with_field(STOP, lim=None))


def test_isolation_is_false_when_it_is_not_given() -> None:
    for action in (LIMIT, MARKET, STOP):
        ((kind, body),) = action.items()
        assert encoded({kind: {key: value for key, value in body.items() if key != "i"}}) == encoded(action)


def test_order_of_keys_and_texts_for_numbers_make_no_difference() -> None:
    turned = {"l": {**dict(reversed(LIMIT["l"].items())), "px": "1.0", "sz": 1}}
    assert encoded(turned) == LIMIT_BYTES
    assert encoded(MappingProxyType({"l": MappingProxyType(LIMIT["l"])})) == LIMIT_BYTES


def test_long_names_and_older_fields_mean_the_same_action() -> None:
    renamed = {"a": v.AGENT, "n": "desk-2"}
    assert encoded({"rsa": renamed}) == encoded({"renameSubAccount": renamed})
    assert encoded({"abc": {"to": v.AGENT, "fee": 5}}) == pack("<I", 40) + CODE_BYTES
    assert encoded({"approveBuilderCode": {"to": v.AGENT, "fee": 5}}) == pack("<I", 40) + CODE_BYTES
    assert encoded({"revokeBuilderCode": {"to": v.AGENT}}) == encoded({"rbc": {"to": v.AGENT}})
    newer = encoded({"mod": {"oid": v.AGENT, "c": "A", "sz": 1.5}})
    assert newer == encoded({"mod": {"oid": v.AGENT, "symbol": "A", "amount": 1.5}})


def test_leverage_settings_are_sorted_by_symbol() -> None:
    one, other = {"B": 2, "A": 1.0}, {"A": 1, "B": 2.0}
    assert encoded({"updateUserSettings": {"m": one}}) == encoded({"updateUserSettings": {"m": other}})


def test_the_transaction_form_of_0_1_15_gives_conditional_orders_no_version() -> None:
    profile = "bulk-keychain-0.1.15"
    assert encoded(STOP, profile=profile) == STOP_BYTES
    assert encoded(LIMIT, with_field(STOP, **CODE), profile=profile) == (
        version(3) + LIMIT_BYTES + b"\0" + STOP_BYTES + b"\1" + CODE_BYTES
    )


def test_the_sdk_form_1521f30_appends_a_builder_code_and_nothing_else() -> None:
    actions = (with_field(LIMIT, **CODE), LIMIT, STOP)
    expected = LIMIT_BYTES + b"\1" + CODE_BYTES + LIMIT_BYTES + STOP_BYTES
    assert encoded(*actions, profile="sdk-1521f30") == expected


def test_no_profile_leaves_a_given_field_unsigned() -> None:
    tags = [tag for layouts in PROFILES.values() for layout in layouts.values() for tag in layout.tags]
    assert tags
    assert all(tag.demand >= tag.since for tag in tags)


def test_the_scaled_modify_form_scales_the_size_of_a_modification() -> None:
    action = {"mod": {"oid": v.AGENT, "c": "A", "sz": 1.5}}
    assert encoded(action)[-8:] == pack("<d", 1.5)
    assert encoded(action, profile="scaled-modify")[-8:] == pack("<Q", 150_000_000)


def test_the_documented_forms_of_old_have_other_fields() -> None:
    profile = "documents-1.0"
    assert encoded(with_field(basket(LIMIT), i=True), profile=profile).endswith(LIMIT_BYTES + b"\1")
    assert encoded(LIMIT, {"of": {"p": 0, "actions": [LIMIT]}}, profile=profile) == (
        LIMIT_BYTES + pack("<IIQ", 10, 0, 1) + LIMIT_BYTES
    )
    opened = {"createSubAccount": {"name": "A", "marginSymbol": "USDC", "marginAmount": 1.5}}
    assert encoded(opened, profile=profile) == pack("<IQs?Q4s?d", 27, 1, b"A", True, 4, b"USDC", True, 1.5)
    moved = {
        "transfer": {"k": "external", "from": v.OWNER, "to": v.OWNER, "marginSymbol": "A", "marginAmount": 1}
    }
    assert encoded(moved, profile=profile) == (
        pack("<II", 29, 1) + OWNER_BYTES * 2 + pack("<Qsd", 1, b"A", 1.0)
    )


def test_a_transfer_may_name_its_symbol() -> None:
    moved = {"k": "external", "from": v.OWNER, "to": v.OWNER, "marginAmount": 1}
    start = version(6) + pack("<II", 29, 1) + OWNER_BYTES * 2 + pack("<d", 1)
    assert encoded({"transfer": moved}) == start + b"\0"
    assert encoded({"transfer": {**moved, "symbol": "A"}}) == start + b"\1" + pack("<Qs", 1, b"A")


def nested(depth: int) -> dict[str, Any]:
    action: dict[str, Any] = LIMIT
    for _ in range(depth):
        action = basket(action)
    return action


def limits(field: str, *values: Any) -> list[dict[str, Any]]:
    return [with_field(LIMIT, **{field: value}) for value in values]


KEY = "1" * 32
BAD_ACTIONS: list[Any] = [
    None,
    1,
    "l",
    [],
    {},
    {**LIMIT, **MARKET},
    {"liq": {}},
    {"xyz": {}},
    {1: {}},
    {"l": None},
    {"l": []},
    {"l": {}},
    with_field(LIMIT, slippage=1),
    with_field(LIMIT, cloid="x"),
    with_field(LIMIT, builderCode=None),
    with_field(MARKET, slippage=None),
    with_field(STOP, slippage=None),
    *limits("px", None, True, "nan", "1_0", "", [], -1, 2**64, 1e300, 10**400, float("nan"), float("inf")),
    *limits("b", None, 1, "true", []),
    *limits("i", None, 0),
    *limits("tif", None, "gtc", 0, [], {}),
    *limits("c", None, 1, b"A", "\ud800", []),
    *limits("builderCode", 1, {}, {"to": KEY}, {"to": KEY, "fee": 1, "x": 1}),
    *limits("builderCode", *({"to": KEY, "fee": fee} for fee in (0, 16, 1.5, True, "1", None))),
    *limits("builderCode", *({"to": key, "fee": 1} for key in (None, "", "1" * 31, "0" * 32))),
    *(with_field(STOP, lim=limit) for limit in ("", -1, True)),
    {"trl": {"c": "A", "b": True, "sz": 1, "trb": 2**32, "stb": 0, "lim": None, "i": False}},
    {"trl": {"c": "A", "b": True, "sz": 1, "trb": 1.0, "stb": 0, "lim": None, "i": False}},
    {"mod": {"c": "A", "oid": KEY, "sz": "1"}},
    {"mod": {"c": "A", "oid": KEY, "amount": 1}},
    {"cx": {"c": "A"}},
    {"cxa": {"c": "A"}},
    {"cxa": {"c": [1]}},
    {"trig": {"c": "A", "d": True, "tr": 1, "actions": None}},
    {"trig": {"c": "A", "d": True, "tr": 1, "actions": {"l": 1}}},
    {"trig": {"c": "A", "d": True, "tr": 1, "actions": [{"l": {}}]}},
    {"trig": {"c": "A", "d": True, "tr": 1, "actions": [], "i": False}},
    {"of": {"actions": []}},
    {"of": {"trigger": [], "actions": []}},
    {"px": {"t": -1, "c": "A", "px": 1.0}},
    {"px": {"t": 2**64, "c": "A", "px": 1.0}},
    {"px": {"t": 1, "c": "A", "px": float("nan")}},
    {"o": {"oracles": [{"t": 1, "fi": 1, "px": 1}]}},
    {"o": {"oracles": [{"t": 1, "fi": 1, "px": 1, "e": 2**15}]}},
    {"o": {"oracles": [1]}},
    {"updateUserSettings": {"m": [["A", 1]]}},
    {"updateUserSettings": {"m": {"A": "1"}}},
    {"updateUserSettings": {"m": {1: 1, "A": 1}}},
    {"transfer": {"k": "up", "from": KEY, "to": KEY, "marginAmount": 1}},
    {"transfer": {"k": "internal", "from": KEY, "to": KEY, "marginAmount": "1"}},
    {"msp": {"m": KEY, "a": [[]]}},
    {"createMultisig": {"signers": KEY, "threshold": 1, "timeLockSecs": 0, "proposalLifetimeSecs": 0}},
    nested(9),
    nested(300),
]


@pytest.mark.parametrize("action", BAD_ACTIONS, ids=range(len(BAD_ACTIONS)))
def test_a_malformed_action_is_named_by_its_place(action: Any) -> None:
    with pytest.raises(InvalidAction, match=r"^action 2: ") as caught:
        preimage([LIMIT, STOP, action], v.NONCE, v.OWNER, TESTNET)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("actions", [None, {}, "", "l", LIMIT, [], (), {1, 2}, 3])
def test_what_is_not_a_list_of_actions_is_refused(actions: Any) -> None:
    with pytest.raises(InvalidAction, match="at least one action"):
        preimage(actions, v.NONCE, v.OWNER, TESTNET)


def test_the_field_and_the_remedy_are_named() -> None:
    with pytest.raises(InvalidAction, match=r"^action 0: px is not finite: give a real number$"):
        encoded(with_field(LIMIT, px=float("nan")))
    with pytest.raises(InvalidAction, match=r"^action 0: builderCode is wrong inside: fee must be a whole"):
        encoded(with_field(LIMIT, builderCode={"to": KEY, "fee": 16}))


def test_baskets_in_orders_in_proposals_are_not_too_deep() -> None:
    assert encoded({"msp": {"m": v.OWNER, "a": [{"of": {"trigger": LIMIT, "actions": [nested(1)]}}]}})
    assert encoded(nested(8))


@pytest.mark.parametrize("nonce", [-1, 2**64, 1.0, "1", None, True])
def test_a_nonce_is_an_unsigned_64_bit_integer(nonce: Any) -> None:
    with pytest.raises(NonceError):
        preimage([LIMIT], nonce, v.OWNER, TESTNET)


def test_zero_is_a_nonce() -> None:
    assert preimage([LIMIT], 0, v.OWNER, TESTNET)[-41:-33] == bytes(8)


@pytest.mark.parametrize("account", [None, 1, "", [], v.OWNER + "11", v.OWNER[:-2], b"1" * 32])
def test_an_account_is_a_key(account: Any) -> None:
    with pytest.raises(InvalidKey) as caught:
        preimage([LIMIT], 0, account, TESTNET)
    assert v.OWNER not in str(caught.value)


@pytest.mark.parametrize("domain", [0, 4, "testnet", [], b"\2"])
def test_only_known_domains_are_signed_for(domain: Any) -> None:
    with pytest.raises(UsageError, match="signature domain"):
        preimage([LIMIT], 0, v.OWNER, domain)


def test_an_unknown_profile_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(UsageError, match=r"bulk-keychain-0\.1\.31"):
        preimage([LIMIT], 0, v.OWNER, TESTNET, "bulk-keychain-9")


_json = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from([KEY, "1.5", "A", "GTC"]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
_field_names = st.sampled_from(
    sorted({key for layout in PROFILES["documents-1.0"].values() for key in layout.keys})
)
_kinds = st.sampled_from(sorted(PROFILES["documents-1.0"]))
_bodies = st.recursive(
    st.dictionaries(_field_names, _json, max_size=8),
    lambda inner: st.dictionaries(
        _field_names, _json | st.lists(st.dictionaries(_kinds, inner, max_size=1)), max_size=8
    ),
    max_leaves=3,
)


@given(
    st.lists(st.dictionaries(_kinds, _bodies, min_size=1, max_size=1) | _json, max_size=3),
    st.sampled_from(sorted(PROFILES)),
)
def test_any_json_is_encoded_or_refused(actions: list[Any], profile: str) -> None:
    try:
        made = preimage(actions, 0, v.OWNER, TESTNET, profile)
    except InvalidAction:
        return
    assert made.endswith(bytes(8) + OWNER_BYTES + b"\2")


@given(st.data())
def test_a_published_transaction_with_one_value_replaced_is_encoded_or_refused(data: st.DataObject) -> None:
    actions = json.loads(json.dumps(data.draw(st.sampled_from(v.TRANSACTIONS))["actions"]))
    place: Any = actions
    while True:
        inside = list(place) if isinstance(place, dict) else list(range(len(place)))
        at = data.draw(st.sampled_from(inside))
        if not isinstance(place[at], (dict, list)) or not place[at] or data.draw(st.booleans()):
            break
        place = place[at]
    place[at] = data.draw(_json)
    with suppress(InvalidAction):
        preimage(actions, 0, v.OWNER, TESTNET)
