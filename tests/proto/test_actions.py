"""Actions: the JSON they become, what they accept, and what they refuse where it was written."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from math import inf, nan
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto import actions as a
from bulk_proto.actions import Action
from bulk_proto.enums import Side, TimeInForce
from bulk_proto.errors import InvalidAction, UsageError
from bulk_proto.signing.encoding import encode_actions
from bulk_proto.signing.layouts import DEFAULT_PROFILE, PROFILES

from . import action_strategies as some
from . import signing_vectors as v

BUY, SELL = Side.BUY, Side.SELL
OWNER, AGENT, SUB, PARTNER, ORDER = v.OWNER, v.AGENT, v.SUB_ACCOUNT, v.PARTNER, v.ORDER
LIMIT = a.LimitOrder("BTC-USD", BUY, 64250.5, 0.25)
STOP = a.Stop("BTC-USD", False, 0.25, 61000)
CODE = a.BuilderCode(PARTNER, 5)
DAY = 86_400

# Every vector and every example of the exchange's JSON, as the action that must become it.
PUBLISHED: dict[str, list[Action]] = {
    "limit-gtc-mainnet": [a.LimitOrder("BTC-USD", BUY, 64250.5, 0.29)],
    "limit-gtc-testnet": [a.LimitOrder("BTC-USD", BUY, "64250.5", Decimal("0.29"))],
    "limit-alo-sell-reduce-iso-devnet": [
        a.LimitOrder("BTC-USD", SELL, 64250.5, 0.29, True, TimeInForce.ALO, True)
    ],
    "limit-half-unit-rounding": [
        a.LimitOrder("BTC-USD", BUY, 1.000000025, 2.5e-8, time_in_force=TimeInForce.IOC)
    ],
    "limit-agent-signs": [a.LimitOrder("SOL-USD", BUY, 143.37, 12)],
    "market-no-slippage": [a.MarketOrder("ETH-USD", SELL, 1.5)],
    "market-slippage-v2": [a.MarketOrder("ETH-USD", SELL, 1.5, slippage=25)],
    "limit-builder-code-v3": [a.LimitOrder("BTC-USD", BUY, 64250.5, 0.29, builder_code=CODE)],
    "batch-cancel-and-requote": [
        a.CancelOrder("BTC-USD", ORDER, BUY),
        a.LimitOrder("BTC-USD", BUY, 64000, 0.05),
        a.LimitOrder("BTC-USD", SELL, 64500, 0.05),
    ],
    "modify": [a.ModifyOrder("BTC-USD", ORDER, 0.05)],
    "cancel-all-two-symbols": [a.CancelAll(["BTC-USD", "ETH-USD"])],
    "stop-market-style-v4": [a.Stop("BTC-USD", False, 0.25, 61000)],
    "range-limits-slippage-v4": [
        a.Range("BTC-USD", True, 0.5, 61000, 68000, limit_min=60950, stop_loss_slippage=30)
    ],
    "on-fill-with-stop-v4": [a.OnFill(LIMIT, [a.Stop("BTC-USD", False, 0.25, 61000, limit=0)])],
    "agent-wallet-register": [a.AgentWallet(AGENT)],
    "faucet": [a.Faucet(OWNER)],
    "user-settings": [a.UserSettings({"BTC-USD": 5})],
    "oracle-price": [a.OraclePrice(1767225600000000000, "BTC-USD", 64250.5)],
    "create-sub-account": [a.CreateSubAccount("desk-1", 250)],
    "remove-sub-account": [a.RemoveSubAccount(SUB)],
    "transfer-internal-v6": [a.Transfer(OWNER, SUB, "100.25")],
}
EXAMPLES: list[Action] = [
    a.MarketOrder("ETH-USD", SELL, 1.5, slippage=25),
    a.ModifyOrder("BTC-USD", ORDER, 0.05),
    a.CancelOrder("BTC-USD", ORDER),
    a.CancelAll(("BTC-USD",)),
    a.TakeProfit("BTC-USD", True, 0.25, 68000, 67950),
    a.TriggerBasket("BTC-USD", True, 66000, [a.CancelAll(["BTC-USD"])]),
    a.TrailingStop("BTC-USD", BUY, 0.25, 150, 20),
    a.OnFill(a.LimitOrder("BTC-USD", BUY, 64000, 0.25), [STOP]),
    a.ApproveBuilderCode(PARTNER, 5),
    a.RevokeBuilderCode(PARTNER),
    a.RenameSubAccount(SUB, "desk-2"),
    a.Transfer(OWNER, SUB, 100.25),
]


@pytest.mark.parametrize("name", [vector["name"] for vector in v.TRANSACTIONS])
def test_every_published_transaction_can_be_written(name: str) -> None:
    assert [action.to_api() for action in PUBLISHED[name]] == v.transaction(name)["actions"]


def test_every_published_example_can_be_written() -> None:
    assert [action.to_api() for action in EXAMPLES] == v.JSON_EXAMPLES


REST: list[tuple[Action, dict[str, Any]]] = [
    (a.CancelAll(), {"cxa": {"c": []}}),
    (a.CancelAll(None), {"cxa": {"c": []}}),
    (a.Faucet(OWNER, "1.5"), {"faucet": {"u": OWNER, "amount": 1.5}}),
    (a.AgentWallet(AGENT, True), {"agentWalletCreation": {"a": AGENT, "d": True}}),
    (a.WhitelistFaucet(AGENT), {"whitelistFaucet": {"target": AGENT, "whitelist": True}}),
    (a.CreateSubAccount("a"), {"createSubAccount": {"name": "a"}}),
    (a.UserSettings({"B": 2, "A": "1.5"}), {"updateUserSettings": {"m": {"A": 1.5, "B": 2.0}}}),
    (
        a.Transfer(OWNER, SUB, 1, a.TransferKind.EXTERNAL, "BTC-USD"),
        {"transfer": {"k": "external", "from": OWNER, "to": SUB, "marginAmount": 1.0, "symbol": "BTC-USD"}},
    ),
    (a.PythOracle([a.PythPrice(1, 2, 3, -4)]), {"o": {"oracles": [{"t": 1, "fi": 2, "px": 3, "e": -4}]}}),
    (
        a.Range("A", False, 1, 1, 2, 3, 4, True, 5, 6, CODE),
        {
            "rng": {"c": "A", "d": False, "sz": 1.0, "pmin": 1.0, "pmax": 2.0, "lmin": 3.0, "lmax": 4.0}
            | {"i": True, "slSlippage": 5.0, "tpSlippage": 6.0, "builderCode": {"to": PARTNER, "fee": 5}}
        },
    ),
    (
        a.TrailingStop("A", SELL, 1, 2, 3, 0.0, True, 0, CODE),
        {
            "trl": {"c": "A", "b": False, "sz": 1.0, "trb": 2, "stb": 3, "lim": 0.0, "i": True}
            | {"slippage": 0.0, "builderCode": {"to": PARTNER, "fee": 5}}
        },
    ),
    (
        a.MarketOrder("A", BUY, 1, True, True, CODE, 0),
        {
            "m": {"c": "A", "b": True, "sz": 1.0, "r": True, "i": True}
            | {"slippage": 0.0, "builderCode": {"to": PARTNER, "fee": 5}}
        },
    ),
    (
        a.CreateMultisig([OWNER, AGENT], 2, 0, 3600),
        {
            "createMultisig": {"signers": [OWNER, AGENT], "threshold": 2, "timeLockSecs": 0}
            | {"proposalLifetimeSecs": 3600}
        },
    ),
    (
        a.MultisigUpdate(SUB, [OWNER], 1, 30 * DAY, 90 * DAY),
        {
            "msu": {"m": SUB, "signers": [OWNER], "threshold": 1, "timeLockSecs": 2592000}
            | {"proposalLifetimeSecs": 7776000}
        },
    ),
    (a.MultisigPropose(SUB, [a.CancelAll()]), {"msp": {"m": SUB, "a": [{"cxa": {"c": []}}]}}),
    (a.MultisigApprove(SUB, 0), {"msa": {"m": SUB, "p": 0}}),
    (a.MultisigReject(SUB, 1), {"msr": {"m": SUB, "p": 1}}),
    (a.MultisigCancel(SUB, 2), {"msc": {"m": SUB, "p": 2}}),
    (a.MultisigExecute(SUB, 2**64 - 1), {"mse": {"m": SUB, "p": 2**64 - 1}}),
]


@pytest.mark.parametrize(("action", "document"), REST, ids=[type(action).__name__ for action, _ in REST])
def test_the_other_forms_are_as_documented(action: Action, document: dict[str, Any]) -> None:
    assert action.to_api() == document
    assert encode_actions([document]).cores


@given(some.any_actions)
def test_any_action_becomes_one_tagged_json_object_that_can_be_signed(action: Action) -> None:
    document = action.to_api()
    assert list(document) == [action.tag]
    sent = json.loads(msgspec.json.encode(document))
    assert sent == document
    layout = PROFILES[DEFAULT_PROFILE][action.tag]
    required = {key for part in layout.parts for key in part.keys}
    assert document[action.tag].keys() - required <= {tag.key for tag in layout.tags}
    assert encode_actions([sent]) == encode_actions([document])


def test_every_kind_of_action_has_a_class() -> None:
    written = {action.tag for actions in PUBLISHED.values() for action in actions}
    written |= {action.tag for action in EXAMPLES} | {action.tag for action, _ in REST}
    aliases = {"rsa", "approveBuilderCode", "revokeBuilderCode"}
    assert written == PROFILES[DEFAULT_PROFILE].keys() - aliases
    assert {getattr(a, name).tag for name in a.__all__ if hasattr(getattr(a, name), "tag")} == written


@pytest.mark.parametrize("price", [64250.5, "64250.5", Decimal("64250.50"), Fraction(128501, 2)])
def test_numbers_are_kept_as_the_float_that_is_sent_and_signed(price: Any) -> None:
    order = a.LimitOrder("BTC-USD", BUY, price, 1)
    assert type(order.price) is float
    assert order.price == 64250.5
    assert (type(order.size), order.size) == (float, 1.0)
    assert order == a.LimitOrder("BTC-USD", BUY, 64250.5, 1.0)
    assert hash(order) == hash(a.LimitOrder("BTC-USD", BUY, 64250.5, 1.0))


@pytest.mark.parametrize("kind", [list, tuple, iter])
def test_symbols_may_be_given_by_anything_that_yields_them(kind: Callable[[list[str]], Any]) -> None:
    assert a.CancelAll(kind(["ETH-USD", "BTC-USD"])).symbols == ("ETH-USD", "BTC-USD")


def test_actions_do_not_change_after_they_were_made() -> None:
    symbols = ["BTC-USD"]
    cancel = a.CancelAll(symbols)
    symbols.append("ETH-USD")
    assert cancel.symbols == ("BTC-USD",)
    for name, value in {"symbols": (), "other": 1}.items():
        with pytest.raises(AttributeError):
            setattr(cancel, name, value)


NUMBERS: dict[str, Callable[[Any], Action]] = {
    "price": lambda value: a.LimitOrder("A", BUY, value, 1),
    "size": lambda value: a.LimitOrder("A", BUY, 1, value),
    "size of m": lambda value: a.MarketOrder("A", BUY, value),
    "size of mod": lambda value: a.ModifyOrder("A", ORDER, value),
    "size of st": lambda value: a.Stop("A", True, value, 1),
    "threshold": lambda value: a.TakeProfit("A", True, 1, value),
    "size of rng": lambda value: a.Range("A", True, value, 1, 2),
    "price_min": lambda value: a.Range("A", True, 1, value, 1e11),
    "price_max": lambda value: a.Range("A", True, 1, 1e-8, value),
    "size of trl": lambda value: a.TrailingStop("A", BUY, value, 1, 1),
    "threshold of trig": lambda value: a.TriggerBasket("A", True, value, [LIMIT]),
    "price of px": lambda value: a.OraclePrice(1, "A", value),
    "amount": lambda value: a.Faucet(OWNER, value),
    "leverage": lambda value: a.UserSettings({"A": value}),
    "margin_amount": lambda value: a.CreateSubAccount("a", value),
    "margin_amount of transfer": lambda value: a.Transfer(OWNER, SUB, value),
    "slippage": lambda value: a.MarketOrder("A", BUY, 1, slippage=value),
    "slippage of st": lambda value: a.Stop("A", True, 1, 1, slippage=value),
    "slippage of trl": lambda value: a.TrailingStop("A", BUY, 1, 1, 1, slippage=value),
    "limit": lambda value: a.Stop("A", True, 1, 1, value),
    "limit of trl": lambda value: a.TrailingStop("A", BUY, 1, 1, 1, value),
    "limit_min": lambda value: a.Range("A", True, 1, 1, 2, limit_min=value),
    "limit_max": lambda value: a.Range("A", True, 1, 1, 2, limit_max=value),
    "stop_loss_slippage": lambda value: a.Range("A", True, 1, 1, 2, stop_loss_slippage=value),
    "take_profit_slippage": lambda value: a.Range("A", True, 1, 1, 2, take_profit_slippage=value),
}
MAY_BE_ZERO = ("slippage", "limit", "stop_loss_slippage", "take_profit_slippage")
PLAIN = ("size of mod", "price of px", "amount", "leverage", "margin_amount")


@pytest.mark.parametrize("field", NUMBERS)
@pytest.mark.parametrize(
    "value",
    [nan, inf, -inf, -1, -1e-9, "nan", "1_000", "1e999", "", " 1", "１", True, [], Decimal("NaN"), 10**400],
)
def test_no_number_may_be_nonsense(field: str, value: Any) -> None:
    with pytest.raises(InvalidAction, match=f"^{field.split()[0]} ") as caught:
        NUMBERS[field](value)
    assert isinstance(caught.value, (UsageError, ValueError))


@pytest.mark.parametrize("field", NUMBERS)
def test_zero_is_refused_where_it_means_nothing(field: str) -> None:
    for zero in (0, 0.0, -0.0, "0", Decimal(0)):
        if field.split()[0].startswith(MAY_BE_ZERO):
            NUMBERS[field](zero)
        else:
            with pytest.raises(InvalidAction, match=f"^{field.split()[0]} "):
                NUMBERS[field](zero)


@pytest.mark.parametrize("field", [field for field in NUMBERS if not field.startswith(PLAIN)])
def test_scaled_numbers_stay_within_what_64_bits_hold(field: str) -> None:
    for large in (184467440737.0956, 1e300, 2**64):
        with pytest.raises(InvalidAction, match="too large"):
            NUMBERS[field](large)
    if not field.startswith(MAY_BE_ZERO):
        with pytest.raises(InvalidAction, match="rounds to zero"):
            NUMBERS[field](4.9e-9)
        NUMBERS[field](1.1e-8)


BAD: dict[str, Callable[[Any], Any]] = {
    "symbol": lambda value: a.LimitOrder(value, BUY, 1, 1),
    "symbol of m": lambda value: a.MarketOrder(value, BUY, 1),
    "symbol of mod": lambda value: a.ModifyOrder(value, ORDER, 1),
    "symbol of cx": lambda value: a.CancelOrder(value, ORDER),
    "symbols": lambda value: a.CancelAll([value]),
    "symbol of st": lambda value: a.Stop(value, True, 1, 1),
    "symbol of rng": lambda value: a.Range(value, True, 1, 1, 2),
    "symbol of trl": lambda value: a.TrailingStop(value, BUY, 1, 1, 1),
    "symbol of trig": lambda value: a.TriggerBasket(value, True, 1, [LIMIT]),
    "symbol of px": lambda value: a.OraclePrice(1, value, 1),
    "leverage": lambda value: a.UserSettings({value: 1}),
    "symbol of transfer": lambda value: a.Transfer(OWNER, SUB, 1, symbol=value),
}


@pytest.mark.parametrize("field", BAD)
@pytest.mark.parametrize("value", ["", " ", "BTC USD", "BTC-USD\n", "\ud800", "\0", 1, b"A"])
def test_a_symbol_is_a_printable_name(field: str, value: Any) -> None:
    with pytest.raises(InvalidAction, match=f"^{field.split()[0]} "):
        BAD[field](value)


KEYS: dict[str, Callable[[Any], Any]] = {
    "oid of mod": lambda value: a.ModifyOrder("A", value, 1),
    "oid": lambda value: a.CancelOrder("A", value),
    "to": lambda value: a.BuilderCode(value, 1),
    "to of abc": lambda value: a.ApproveBuilderCode(value, 1),
    "to of rbc": lambda value: a.RevokeBuilderCode(value),
    "user": lambda value: a.Faucet(value),
    "target": lambda value: a.WhitelistFaucet(value),
    "agent": lambda value: a.AgentWallet(value),
    "account": lambda value: a.RenameSubAccount(value, "a"),
    "account of removal": lambda value: a.RemoveSubAccount(value),
    "source": lambda value: a.Transfer(value, SUB, 1),
    "recipient": lambda value: a.Transfer(SUB, value, 1),
    "signers": lambda value: a.CreateMultisig([value], 1, 0, DAY),
    "signers of msu": lambda value: a.MultisigUpdate(SUB, [value], 1, 0, DAY),
    "multisig of msu": lambda value: a.MultisigUpdate(value, [OWNER], 1, 0, DAY),
    "multisig of msp": lambda value: a.MultisigPropose(value, [LIMIT]),
    "multisig": lambda value: a.MultisigApprove(value, 1),
}


@pytest.mark.parametrize("field", KEYS)
@pytest.mark.parametrize("value", ["", OWNER[:-2], OWNER + "11", OWNER + "0", " " + OWNER, "1" * 31, None, 1])
def test_a_key_or_order_id_has_32_bytes_and_is_not_repeated(field: str, value: Any) -> None:
    with pytest.raises(InvalidAction, match=f"^{field.split()[0]} ") as caught:
        KEYS[field](value)
    assert OWNER[:10] not in str(caught.value)


WRONG: list[tuple[str, Callable[[], Any]]] = [
    ("side", lambda: a.LimitOrder("A", "BUY", 1, 1)),  # type: ignore[arg-type]
    ("side", lambda: a.MarketOrder("A", True, 1)),  # type: ignore[arg-type]
    ("side", lambda: a.CancelOrder("A", ORDER, 1)),  # type: ignore[arg-type]
    ("side", lambda: a.TrailingStop("A", None, 1, 1, 1)),  # type: ignore[arg-type]
    ("time_in_force", lambda: a.LimitOrder("A", BUY, 1, 1, time_in_force="GTC")),  # type: ignore[arg-type]
    ("reduce_only", lambda: a.LimitOrder("A", BUY, 1, 1, 1)),  # type: ignore[arg-type]
    ("reduce_only", lambda: a.MarketOrder("A", BUY, 1, None)),  # type: ignore[arg-type]
    ("iso", lambda: a.LimitOrder("A", BUY, 1, 1, iso="no")),  # type: ignore[arg-type]
    ("iso", lambda: a.MarketOrder("A", BUY, 1, iso=0)),  # type: ignore[arg-type]
    ("iso", lambda: a.Stop("A", True, 1, 1, iso=0)),  # type: ignore[arg-type]
    ("iso", lambda: a.Range("A", True, 1, 1, 2, iso=0)),  # type: ignore[arg-type]
    ("iso", lambda: a.TrailingStop("A", BUY, 1, 1, 1, iso=0)),  # type: ignore[arg-type]
    ("is_above", lambda: a.Stop("A", BUY, 1, 1)),  # type: ignore[arg-type]
    ("is_above", lambda: a.TriggerBasket("A", 1, 1, [LIMIT])),  # type: ignore[arg-type]
    ("is_long", lambda: a.Range("A", 1, 1, 1, 2)),  # type: ignore[arg-type]
    ("delete", lambda: a.AgentWallet(AGENT, 1)),  # type: ignore[arg-type]
    ("whitelist", lambda: a.WhitelistFaucet(AGENT, 1)),  # type: ignore[arg-type]
    ("builder_code", lambda: a.LimitOrder("A", BUY, 1, 1, builder_code=5)),  # type: ignore[arg-type]
    ("builder_code", lambda: a.MarketOrder("A", BUY, 1, False, False, 25)),  # type: ignore[arg-type]
    ("builder_code", lambda: a.Stop("A", True, 1, 1, builder_code={})),  # type: ignore[arg-type]
    ("builder_code", lambda: a.Range("A", True, 1, 1, 2, builder_code="x")),  # type: ignore[arg-type]
    ("builder_code", lambda: a.TrailingStop("A", BUY, 1, 1, 1, builder_code=1)),  # type: ignore[arg-type]
    ("symbols", lambda: a.CancelAll("BTC-USD")),
    ("symbols", lambda: a.CancelAll("")),
    ("symbols", lambda: a.CancelAll({"BTC-USD": 1})),  # type: ignore[arg-type]
    ("symbols", lambda: a.CancelAll(b"A")),  # type: ignore[arg-type]
    ("symbols", lambda: a.CancelAll(1)),  # type: ignore[arg-type]
    ("symbols", lambda: a.CancelAll({"A": 1})),  # type: ignore[arg-type]
    ("price_min", lambda: a.Range("A", True, 1, 2, 2)),
    ("price_min", lambda: a.Range("A", True, 1, 3, 2)),
    ("actions", lambda: a.TriggerBasket("A", True, 1, [])),
    ("actions", lambda: a.TriggerBasket("A", True, 1, None)),  # type: ignore[arg-type]
    ("actions", lambda: a.TriggerBasket("A", True, 1, [a.OnFill(LIMIT, [STOP])])),
    ("actions", lambda: a.TriggerBasket("A", True, 1, [a.TriggerBasket("A", True, 1, [LIMIT])])),
    ("actions", lambda: a.OnFill(LIMIT, [])),
    ("actions", lambda: a.OnFill(LIMIT, [a.OnFill(LIMIT, [STOP])])),
    ("actions", lambda: a.OnFill(LIMIT, [a.Faucet(OWNER)])),
    ("trigger", lambda: a.OnFill(STOP, [LIMIT])),  # type: ignore[arg-type]
    ("actions", lambda: a.MultisigPropose(SUB, [])),
    ("actions", lambda: a.MultisigPropose(SUB, [{}])),  # type: ignore[list-item]
    ("leverage", lambda: a.UserSettings({})),
    ("leverage", lambda: a.UserSettings([("A", 1)])),  # type: ignore[arg-type]
    ("leverage", lambda: a.UserSettings({"A": 0.99})),
    ("kind", lambda: a.Transfer(OWNER, SUB, 1, "internal")),  # type: ignore[arg-type]
    *(("name", lambda name=name: a.CreateSubAccount(name)) for name in ("", "a b", "é", "a" * 33, "a\n", 1)),
    ("name", lambda: a.RenameSubAccount(SUB, "a/b")),
    *(("fee", lambda fee=fee: a.BuilderCode(PARTNER, fee)) for fee in (0, 16, 1.0, True, "5", None)),
    *(("fee", lambda fee=fee: a.ApproveBuilderCode(PARTNER, fee)) for fee in (0, 16, -1)),
    *(("trail_bps", lambda n=n: a.TrailingStop("A", BUY, 1, n, 1)) for n in (0, -1, 2**32, 1.0, True)),
    *(("step_bps", lambda n=n: a.TrailingStop("A", BUY, 1, 1, n)) for n in (-1, 2**32, 1.0)),
    *(("timestamp", lambda n=n: a.OraclePrice(n, "A", 1)) for n in (-1, 2**64, 1.0)),
    *(("timestamp", lambda n=n: a.PythPrice(n, 0, 0, 0)) for n in (-1, 2**64)),
    *(("feed_index", lambda n=n: a.PythPrice(0, n, 0, 0)) for n in (-1, 2**64)),
    *(("price", lambda n=n: a.PythPrice(0, 0, n, 0)) for n in (-1, 2**64, 1.5)),
    *(("exponent", lambda n=n: a.PythPrice(0, 0, 0, n)) for n in (-(2**15) - 1, 2**15)),
    ("prices", lambda: a.PythOracle([])),
    ("prices", lambda: a.PythOracle([(1, 2, 3, 4)])),  # type: ignore[list-item]
    ("number of signers", lambda: a.CreateMultisig([], 1, 0, DAY)),
    ("number of signers", lambda: a.CreateMultisig([OWNER] * 33, 1, 0, DAY)),
    ("signers", lambda: a.CreateMultisig([OWNER, OWNER], 1, 0, DAY)),
    *(("threshold", lambda n=n: a.CreateMultisig([OWNER, SUB], n, 0, DAY)) for n in (0, 3)),
    *(("time_lock", lambda n=n: a.CreateMultisig([OWNER], 1, n, DAY)) for n in (-1, 30 * DAY + 1)),
    *(
        ("proposal_lifetime", lambda n=n: a.MultisigUpdate(SUB, [OWNER], 1, 0, n))
        for n in (3599, 90 * DAY + 1)
    ),
    *(("proposal", lambda n=n: a.MultisigExecute(SUB, n)) for n in (-1, 2**64, 1.0)),
]


@pytest.mark.parametrize(("field", "make"), WRONG)
def test_a_wrong_field_is_named(field: str, make: Callable[[], Any]) -> None:
    with pytest.raises(InvalidAction, match=f"^{field} "):
        make()


def test_a_text_in_the_place_of_a_choice_is_answered_with_the_choices() -> None:
    side: Any = "buy"
    with pytest.raises(InvalidAction, match=r"^side must be Side\.BUY or Side\.SELL$"):
        a.MarketOrder("BTC-USD", side, 1.0)
    code: Any = "code"
    with pytest.raises(InvalidAction, match=r"^builder_code must be of the class BuilderCode$"):
        a.LimitOrder("BTC-USD", Side.BUY, 1.0, 1.0, builder_code=code)


def test_the_base_has_no_json_form() -> None:
    with pytest.raises(NotImplementedError):
        Action().to_api()


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(allow_nan=True, allow_infinity=True))
def test_any_pair_of_floats_makes_an_order_that_can_be_signed_or_none(price: float, size: float) -> None:
    try:
        order = a.LimitOrder("A", BUY, price, size)
    except InvalidAction:
        assert not (1e-8 <= price < 1.8e11 and 1e-8 <= size < 1.8e11)
        return
    assert (order.price, order.size) == (price, size)
    assert encode_actions([order.to_api()]).cores
