"""Accounts that several keys control: a proposal is made, voted on and executed.

These follow the documents of the exchange; no other implementation was at hand to compare them with.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import force_setattr

from bulk_proto.errors import InvalidAction

from .base import Action, Actions, Texts, key, member, sequence, whole

_DAY = 86_400  # seconds
_HOUR = 3_600  # seconds


class CreateMultisig(Action, frozen=True, gc=False):
    """Open an account of 1 to 32 ``signers``, of whom ``threshold`` must agree.

    ``time_lock`` (0 to 30 days) lies between agreement and execution, ``proposal_lifetime`` is 1 hour to
    90 days; both in seconds.
    """

    tag = "createMultisig"

    signers: Texts
    threshold: int
    time_lock: int
    proposal_lifetime: int

    def __post_init__(self) -> None:
        force_setattr(self, "signers", _checked(self))

    def to_api(self) -> dict[str, Any]:
        return {"createMultisig": _rules(self)}


class MultisigUpdate(Action, frozen=True, gc=False):
    """Change the rules of ``multisig``; it only takes effect inside a :class:`MultisigPropose`."""

    tag = "msu"

    multisig: str
    signers: Texts
    threshold: int
    time_lock: int
    proposal_lifetime: int

    def __post_init__(self) -> None:
        key("multisig", self.multisig)
        force_setattr(self, "signers", _checked(self))

    def to_api(self) -> dict[str, Any]:
        return {"msu": {"m": self.multisig, **_rules(self)}}


class MultisigPropose(Action, frozen=True, gc=False):
    """Propose that ``multisig`` does ``actions``."""

    tag = "msp"

    multisig: str
    actions: Actions

    def __post_init__(self) -> None:
        key("multisig", self.multisig)
        actions = sequence("actions", self.actions)
        if not actions:
            raise InvalidAction("actions must not be empty")
        for action in actions:
            member("actions", action, Action)
        force_setattr(self, "actions", actions)

    def to_api(self) -> dict[str, Any]:
        return {"msp": {"m": self.multisig, "a": [action.to_api() for action in self.actions]}}


class _Vote(Action, frozen=True, gc=False):
    """What a signer can do with the proposal number ``proposal`` of ``multisig``."""

    multisig: str
    proposal: int

    def __post_init__(self) -> None:
        key("multisig", self.multisig)
        whole("proposal", self.proposal, 0, 2**64 - 1)

    def to_api(self) -> dict[str, Any]:
        return {self.tag: {"m": self.multisig, "p": self.proposal}}


class MultisigApprove(_Vote, frozen=True, gc=False):
    """Vote for a proposal."""

    tag = "msa"


class MultisigReject(_Vote, frozen=True, gc=False):
    """Vote against a proposal."""

    tag = "msr"


class MultisigCancel(_Vote, frozen=True, gc=False):
    """Withdraw a proposal."""

    tag = "msc"


class MultisigExecute(_Vote, frozen=True, gc=False):
    """Carry out a proposal that was agreed on."""

    tag = "mse"


def _checked(rules: CreateMultisig | MultisigUpdate) -> tuple[str, ...]:
    signers: tuple[str, ...] = sequence("signers", rules.signers)
    whole("number of signers", len(signers), 1, 32)
    for signer in signers:
        key("signers", signer)
    if len(set(signers)) < len(signers):
        raise InvalidAction("signers must be different keys")
    whole("threshold", rules.threshold, 1, len(signers))
    whole("time_lock", rules.time_lock, 0, 30 * _DAY)
    whole("proposal_lifetime", rules.proposal_lifetime, _HOUR, 90 * _DAY)
    return signers


def _rules(rules: CreateMultisig | MultisigUpdate) -> dict[str, Any]:
    return {
        "signers": list(rules.signers),
        "threshold": rules.threshold,
        "timeLockSecs": rules.time_lock,
        "proposalLifetimeSecs": rules.proposal_lifetime,
    }
