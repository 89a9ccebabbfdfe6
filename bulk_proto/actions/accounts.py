"""Actions on accounts: agents, settings, sub-accounts, transfers, partners and test money."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from msgspec.structs import force_setattr

from bulk_proto.errors import InvalidAction

from .base import (
    NOT_GIVEN,
    Action,
    Leverages,
    Number,
    OptionalNumber,
    account_name,
    builder_fee,
    flag,
    key,
    member,
    positive,
    symbol,
)


class TransferKind(Enum):
    """Between a master and its own sub-accounts, or to somebody else."""

    INTERNAL = "internal"
    EXTERNAL = "external"


class Faucet(Action, frozen=True, gc=False):
    """Claim test money for ``user``, on test networks only; the exchange ignores ``amount``."""

    tag = "faucet"

    user: str
    amount: OptionalNumber = NOT_GIVEN

    def __post_init__(self) -> None:
        key("user", self.user)
        force_setattr(self, "amount", _optional_positive("amount", self.amount))

    def to_api(self) -> dict[str, Any]:
        return {"faucet": _unless_none({"u": self.user}, amount=self.amount)}


class WhitelistFaucet(Action, frozen=True, gc=False):
    """Allow or forbid ``target`` to use the faucet; for administrators."""

    tag = "whitelistFaucet"

    target: str
    whitelist: bool = True

    def __post_init__(self) -> None:
        key("target", self.target)
        flag("whitelist", self.whitelist)

    def to_api(self) -> dict[str, Any]:
        return {"whitelistFaucet": {"target": self.target, "whitelist": self.whitelist}}


class AgentWallet(Action, frozen=True, gc=False):
    """Let the key ``agent`` trade for the account, or with ``delete`` no longer."""

    tag = "agentWalletCreation"

    agent: str
    delete: bool = False

    def __post_init__(self) -> None:
        key("agent", self.agent)
        flag("delete", self.delete)

    def to_api(self) -> dict[str, Any]:
        return {"agentWalletCreation": {"a": self.agent, "d": self.delete}}


class UserSettings(Action, frozen=True, gc=False):
    """Set the leverage (at least 1) of markets: ``UserSettings({"BTC-USD": 5})``.

    The exchange does not promise to encode several markets in the order they are signed in, so one market
    for each action is the safe way.
    """

    tag = "updateUserSettings"

    leverage: Leverages

    def __post_init__(self) -> None:
        if not isinstance(self.leverage, Mapping) or not self.leverage:
            raise InvalidAction("leverage must map at least one market to a number")
        pairs = []
        for name, value in self.leverage.items():
            symbol("leverage", name)
            pairs.append((name, positive("leverage", value)))
        if any(number < 1 for _, number in pairs):
            raise InvalidAction("leverage must be at least 1")
        force_setattr(self, "leverage", tuple(sorted(pairs)))

    def to_api(self) -> dict[str, Any]:
        return {"updateUserSettings": {"m": dict(self.leverage)}}


class CreateSubAccount(Action, frozen=True, gc=False):
    """Open a sub-account of the account, with ``margin_amount`` moved to it."""

    tag = "createSubAccount"

    name: str
    margin_amount: OptionalNumber = NOT_GIVEN

    def __post_init__(self) -> None:
        account_name(self.name)
        force_setattr(self, "margin_amount", _optional_positive("margin_amount", self.margin_amount))

    def to_api(self) -> dict[str, Any]:
        return {"createSubAccount": _unless_none({"name": self.name}, marginAmount=self.margin_amount)}


class RenameSubAccount(Action, frozen=True, gc=False):
    """Give the sub-account with the key ``account`` another name."""

    tag = "renameSubAccount"

    account: str
    name: str

    def __post_init__(self) -> None:
        key("account", self.account)
        account_name(self.name)

    def to_api(self) -> dict[str, Any]:
        return {"renameSubAccount": {"a": self.account, "n": self.name}}


class RemoveSubAccount(Action, frozen=True, gc=False):
    """Close the sub-account with the key ``account``; it must hold no positions and no orders."""

    tag = "removeSubAccount"

    account: str

    def __post_init__(self) -> None:
        key("account", self.account)

    def to_api(self) -> dict[str, Any]:
        return {"removeSubAccount": {"toRemove": self.account}}


class Transfer(Action, frozen=True, gc=False):
    """Move ``margin_amount`` from the account ``source`` to the account ``recipient``."""

    tag = "transfer"

    source: str
    recipient: str
    margin_amount: Number
    kind: TransferKind = TransferKind.INTERNAL
    symbol: str | None = None

    def __post_init__(self) -> None:
        key("source", self.source)
        key("recipient", self.recipient)
        force_setattr(self, "margin_amount", positive("margin_amount", self.margin_amount))
        member("kind", self.kind, TransferKind)
        if self.symbol is not None:
            symbol("symbol", self.symbol)

    def to_api(self) -> dict[str, Any]:
        body = {
            "k": self.kind.value,
            "from": self.source,
            "to": self.recipient,
            "marginAmount": self.margin_amount,
        }
        return {"transfer": _unless_none(body, symbol=self.symbol)}


class ApproveBuilderCode(Action, frozen=True, gc=False):
    """Allow the partner ``to`` to earn up to ``fee`` basis points (1 to 15) on orders of the account."""

    tag = "abc"

    to: str
    fee: int

    def __post_init__(self) -> None:
        key("to", self.to)
        builder_fee(self.fee)

    def to_api(self) -> dict[str, Any]:
        return {"abc": {"to": self.to, "fee": self.fee}}


class RevokeBuilderCode(Action, frozen=True, gc=False):
    """Take back the approval of the partner ``to``."""

    tag = "rbc"

    to: str

    def __post_init__(self) -> None:
        key("to", self.to)

    def to_api(self) -> dict[str, Any]:
        return {"rbc": {"to": self.to}}


def _optional_positive(name: str, value: object) -> float | None:
    return None if value is None else positive(name, value)


def _unless_none(body: dict[str, Any], **values: object) -> dict[str, Any]:
    return body | {name: value for name, value in values.items() if value is not None}
