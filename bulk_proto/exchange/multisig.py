"""Accounts that several people own together: what one proposes is done once enough of them agree.

A multisig account has a key for which nobody has the private one. One of its signers proposes actions,
which counts as his approval; with ``threshold`` approvals, and once the time lock is over, any signer
may have them executed, in order and in the name of the account. A proposal ends when it is executed,
when so many reject it that it can no longer be approved, when its proposer cancels it, or at the end of
its life. Times on the wire are in seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import assert_never

from msgspec import Struct

from bulk_proto.signing.base58 import encode

from . import action_forms as forms
from .accounts import Account, Ledger
from .action_forms import ActionForm, MultisigForm
from .action_reading import ActionRefused, read_action
from .clock import ExchangeClock
from .conditionals import Signed, Step, child_id
from .curve import off_curve_key
from .post_messages import Row, error_row, row

Perform = Callable[[ActionForm, Callable[[], str], Signed], list[Row]]

_MOST_SIGNERS = 32
_MOST_OPEN = 64  # proposals of one account
_LONGEST_LOCK = 30 * 86_400
_LIFETIMES = (3_600, 90 * 86_400)


class Rules(Struct, frozen=True):
    """Who owns a multisig account, and how they agree. Durations in seconds."""

    signers: tuple[str, ...]
    threshold: int
    time_lock: int
    lifetime: int


@dataclass(slots=True)
class Proposal:
    """Actions that wait for the approval of others."""

    number: int
    proposer: str
    steps: list[Step]
    execute_after: int
    expires_at: int
    approvals: set[str] = field(default_factory=set)
    rejections: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Multisig:
    """One multisig account with its open proposals."""

    account: Account
    rules: Rules
    proposals: dict[int, Proposal] = field(default_factory=dict)
    proposed: int = 0


class Multisigs:
    """All multisig accounts; ``perform`` carries out what was agreed on."""

    def __init__(self, clock: ExchangeClock, ledger: Ledger, perform: Perform) -> None:
        self._clock = clock
        self._ledger = ledger
        self._perform = perform
        self._all: dict[str, Multisig] = {}

    def act(self, form: MultisigForm, signed: Signed) -> list[Row]:
        """The rows of one action of a signer."""
        if isinstance(form, forms.CreateMultisig):
            return [self._create(form, signed.account)]
        multisig = self._all.get(form.m)
        if multisig is None or signed.account.key not in multisig.rules.signers:
            return [error_row("unknown multisig account, or not one of its signers")]
        if isinstance(form, forms.UpdateMultisig):
            return [error_row("msu is for proposals only")]
        if isinstance(form, forms.Propose):
            return [self._propose(multisig, form, signed.account.key)]
        proposal = multisig.proposals.get(form.p)
        if proposal is None:
            return [error_row(f"proposal {form.p} is not open")]
        if self._now() >= proposal.expires_at:
            return [_end(multisig, proposal, "proposalExpired")]
        return self._decide(multisig, proposal, form, signed)

    def _decide(
        self, multisig: Multisig, proposal: Proposal, form: forms.VoteForm, signed: Signed
    ) -> list[Row]:
        signer = signed.account.key
        match form:
            case forms.ApproveProposal():
                return [self._approve(multisig, proposal, signer)]
            case forms.RejectProposal():
                return [_reject(multisig, proposal, signer)]
            case forms.CancelProposal():
                if signer != proposal.proposer:
                    return [error_row("only its proposer can cancel a proposal")]
                return [_end(multisig, proposal, "proposalCancelled", signer=signer)]
            case forms.ExecuteProposal():
                return self._execute(multisig, proposal, signed)
            case _:
                assert_never(form)

    def _now(self) -> int:
        return self._clock.wall_ns // 1_000_000_000

    # Accounts

    def _create(self, form: forms.CreateMultisig, creator: Account) -> Row:
        if (refusal := _refusal(form)) is not None:
            return row("multisigCreatedFailed", message=refusal)
        key = off_curve_key(f"multisig {len(self._all) + 1} of {creator.key}")
        multisig = self._all[key] = Multisig(self._ledger.open_multisig(key), _rules(form))
        self._list(multisig)
        return row(
            "multisigCreated",
            pubkey=key,
            threshold=form.threshold,
            signersLen=len(form.signers),
            timeLockSecs=form.timeLockSecs,
            lifetimeSecs=form.proposalLifetimeSecs,
            creator=creator.key,
        )

    def _list(self, multisig: Multisig) -> None:
        """Let the account be listed with its signers."""
        for signer in multisig.rules.signers:
            self._ledger.open(signer).multisigs[multisig.account.key] = None

    def _update(self, multisig: Multisig, form: forms.UpdateMultisig) -> list[Row]:
        refusal = _refusal(form) if form.m == multisig.account.key else "another account"
        if refusal is not None:
            return [error_row(refusal)]
        for signer in multisig.rules.signers:
            self._ledger.open(signer).multisigs.pop(multisig.account.key, None)
        multisig.rules = _rules(form)
        self._list(multisig)
        return []

    # Proposals

    def _propose(self, multisig: Multisig, form: forms.Propose, proposer: str) -> Row:
        self._forget_expired(multisig)
        steps = _read(form)
        if steps is None:
            return error_row("invalid action in proposal")
        if len(multisig.proposals) >= _MOST_OPEN:
            return error_row(f"more than {_MOST_OPEN} open proposals")
        multisig.proposed += 1
        now, rules = self._now(), multisig.rules
        proposal = Proposal(multisig.proposed, proposer, steps, now + rules.time_lock, now + rules.lifetime)
        multisig.proposals[proposal.number] = proposal
        proposal.approvals.add(proposer)
        return _tell(multisig, proposal, "proposalCreated")

    def _forget_expired(self, multisig: Multisig) -> None:
        now = self._now()
        multisig.proposals = {
            number: proposal for number, proposal in multisig.proposals.items() if now < proposal.expires_at
        }

    def _approve(self, multisig: Multisig, proposal: Proposal, signer: str) -> Row:
        proposal.rejections.discard(signer)
        proposal.approvals.add(signer)
        kind = "proposalReadyForExecution" if _is_approved(multisig, proposal) else "proposalApproved"
        return _tell(multisig, proposal, kind, signer=signer)

    def _execute(self, multisig: Multisig, proposal: Proposal, signed: Signed) -> list[Row]:
        signer = signed.account.key
        if not _is_approved(multisig, proposal):
            return [error_row("not approved by enough signers")]
        if self._now() < proposal.execute_after:
            return [error_row("the time lock is not over")]
        del multisig.proposals[proposal.number]
        rows = list(self._carry_out(multisig, proposal, signed))
        if (message := next(filter(None, map(_complaint, rows)), None)) is not None:
            return [_tell(multisig, proposal, "proposalFailed", signer=signer, message=message), *rows]
        return [_tell(multisig, proposal, "proposalExecuted", signer=signer), *rows]

    def _carry_out(self, multisig: Multisig, proposal: Proposal, signed: Signed) -> Iterator[Row]:
        own = Signed(multisig.account, multisig.account.key, signed.nonce, signed.profile)
        place = f"proposal {proposal.number} of {multisig.account.key}"
        parent = encode(sha256(place.encode()).digest())
        for index, step in enumerate(proposal.steps):
            if isinstance(step.form, forms.UpdateMultisig):
                yield from self._update(multisig, step.form)
            else:
                yield from self._perform(step.form, partial(child_id, parent, index), own)


def _reject(multisig: Multisig, proposal: Proposal, signer: str) -> Row:
    proposal.approvals.discard(signer)
    proposal.rejections.add(signer)
    rules = multisig.rules
    if len(rules.signers) - len(_of_signers(multisig, proposal.rejections)) < rules.threshold:
        return _end(multisig, proposal, "proposalRejected", signer=signer)
    return _tell(multisig, proposal, "proposalCreated", signer=signer)


def _is_approved(multisig: Multisig, proposal: Proposal) -> bool:
    return len(_of_signers(multisig, proposal.approvals)) >= multisig.rules.threshold


def _of_signers(multisig: Multisig, votes: set[str]) -> set[str]:
    """The votes that still count: signers may have changed meanwhile."""
    return votes & set(multisig.rules.signers)


def _end(multisig: Multisig, proposal: Proposal, kind: str, **more: str) -> Row:
    del multisig.proposals[proposal.number]
    return _tell(multisig, proposal, kind, **more)


def _tell(multisig: Multisig, proposal: Proposal, kind: str, **more: str) -> Row:
    return row(
        kind,
        multisig=multisig.account.key,
        proposalId=proposal.number,
        status=kind[len("proposal")].lower() + kind[len("proposal") + 1 :],
        approvals=len(_of_signers(multisig, proposal.approvals)),
        rejections=len(_of_signers(multisig, proposal.rejections)),
        threshold=multisig.rules.threshold,
        executeAfter=proposal.execute_after,
        expiresAt=proposal.expires_at,
        proposer=proposal.proposer,
        **more,
    )


def _complaint(told: Row) -> str | None:
    """Why an action failed, if its row says that it did."""
    ((kind, body),) = told.items()
    failed = kind.startswith("rejected") or kind.endswith(("Failed", "Rejected")) or kind == "error"
    if not failed and body.get("ok", True):
        return None
    return str(body.get("message") or body.get("reason") or kind)


def _refusal(form: forms.CreateMultisig | forms.UpdateMultisig) -> str | None:
    """Why an account cannot have these rules."""
    if not 1 <= len(form.signers) <= _MOST_SIGNERS or len(set(form.signers)) != len(form.signers):
        return f"a multisig account has 1 to {_MOST_SIGNERS} different signers"
    if not 1 <= form.threshold <= len(form.signers):
        return "the threshold is from 1 to the number of signers"
    if form.timeLockSecs > _LONGEST_LOCK:
        return "the time lock is at most 30 days"
    shortest, longest = _LIFETIMES
    if not shortest <= form.proposalLifetimeSecs <= longest:
        return "proposals live from 1 hour to 90 days"
    return None


def _rules(form: forms.CreateMultisig | forms.UpdateMultisig) -> Rules:
    return Rules(tuple(form.signers), form.threshold, form.timeLockSecs, form.proposalLifetimeSecs)


def _read(form: forms.Propose) -> list[Step] | None:
    """What is proposed; None if there is nothing, or anything that must not be proposed."""
    try:
        steps = [Step(action, read_action(action)) for action in form.a]
    except ActionRefused:
        return None
    forbidden = (forms.CreateMultisig, forms.Propose, forms.Vote, forms.OlderOnFill)
    return steps if steps and not any(isinstance(step.form, forbidden) for step in steps) else None
