"""The actions this exchange understands, read from JSON with every field checked."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from bulk_proto.signing.base58 import is_key

from .units import to_units

Scaled = float | str  # numbers and their text are equally good here


class ActionRefused(Exception):
    """An action that cannot be read; the text says why."""


class BuilderCode(Struct, frozen=True):
    to: str
    fee: int


class Market(Struct, frozen=True, tag="m"):
    c: str
    b: bool
    sz: Scaled
    r: bool = False
    i: bool = False
    slippage: float | None = None
    builderCode: BuilderCode | None = None


class Limit(Struct, frozen=True, tag="l"):
    c: str
    b: bool
    px: Scaled
    sz: Scaled
    tif: Literal["GTC", "IOC", "ALO"]
    r: bool = False
    i: bool = False
    builderCode: BuilderCode | None = None


class Modify(Struct, frozen=True):
    oid: str
    c: str
    sz: float


class OlderModify(Struct, frozen=True):
    oid: str
    symbol: str
    amount: float


class Cancel(Struct, frozen=True):
    c: str
    oid: str


class CancelAll(Struct, frozen=True):
    c: list[str]


class OraclePrice(Struct, frozen=True):
    t: int
    c: str
    px: float


class Faucet(Struct, frozen=True):
    u: str
    amount: float | None = None


class AgentWallet(Struct, frozen=True):
    a: str
    d: bool


class UserSettings(Struct, frozen=True):
    m: dict[str, float]


class ApproveBuilder(Struct, frozen=True):
    to: str
    fee: int


class RevokeBuilder(Struct, frozen=True):
    to: str


class Unsupported(Struct, frozen=True):
    """An action that the real exchange knows and this one does not."""

    name: str


ActionForm = (
    Market
    | Limit
    | Modify
    | OlderModify
    | Cancel
    | CancelAll
    | OraclePrice
    | Faucet
    | AgentWallet
    | UserSettings
    | ApproveBuilder
    | RevokeBuilder
    | Unsupported
)

_FORMS: dict[str, type[ActionForm]] = {
    "m": Market,
    "l": Limit,
    "mod": Modify,
    "cx": Cancel,
    "cxa": CancelAll,
    "px": OraclePrice,
    "faucet": Faucet,
    "agentWalletCreation": AgentWallet,
    "updateUserSettings": UserSettings,
    "abc": ApproveBuilder,
    "approveBuilderCode": ApproveBuilder,
    "rbc": RevokeBuilder,
    "revokeBuilderCode": RevokeBuilder,
}
_KNOWN_ELSEWHERE = {
    *("st", "tp", "rng", "trig", "trl", "of"),
    *("o", "whitelistFaucet", "transfer"),
    *("createSubAccount", "removeSubAccount", "renameSubAccount", "rsa"),
    *("createMultisig", "msp", "msa", "msr", "msc", "mse", "msu"),
}


def read_action(action: object) -> ActionForm:
    """Raises :class:`ActionRefused` with a text that names the action and the field."""
    if not isinstance(action, dict) or len(action) != 1:
        raise ActionRefused("an action is an object with one key")
    ((tag, body),) = action.items()
    if tag in _KNOWN_ELSEWHERE:
        return Unsupported(tag)
    form: type[ActionForm] | None = _FORMS.get(tag)
    if form is None:
        raise ActionRefused(f"unknown action {tag[:32]}")
    if form is Modify and isinstance(body, dict) and "amount" in body:
        form = OlderModify
    try:
        read: ActionForm = msgspec.convert(body, form)
        _check(read)
    except (ValueError, OverflowError) as error:  # msgspec raises a ValueError of its own
        raise ActionRefused(f"action {tag}: {error}") from None
    return read


def _check(form: ActionForm) -> None:
    match form:
        case Limit(px=price, sz=size):
            _check_amounts(px=price, sz=size)
        case Market(sz=size, slippage=slippage):
            _check_amounts(sz=size, slippage=slippage or 0.0)
        case Modify(sz=size) | OlderModify(amount=size):
            _check_amounts(sz=size)
        case OraclePrice(px=price):
            _check_amounts(px=price)
        case Faucet(u=key) | AgentWallet(a=key) | ApproveBuilder(to=key) | RevokeBuilder(to=key):
            if not is_key(key):
                raise ValueError("not a public key")
        case _:
            pass


def _check_amounts(**amounts: Scaled) -> None:
    for name, amount in amounts.items():
        try:
            to_units(amount)
        except ValueError as error:
            raise ValueError(f"{name} {error}") from None
