"""Reads the JSON of an action, with every field checked."""

from __future__ import annotations

import msgspec

from bulk_proto.signing.base58 import is_key

from . import action_forms as forms
from .action_forms import ActionForm, Scaled
from .units import to_units


class ActionRefused(Exception):
    """An action that cannot be read; the text says why."""


_FORMS: dict[str, type[ActionForm]] = {
    "m": forms.Market,
    "l": forms.Limit,
    "mod": forms.Modify,
    "cx": forms.Cancel,
    "cxa": forms.CancelAll,
    "st": forms.Stop,
    "tp": forms.TakeProfit,
    "rng": forms.Range,
    "trl": forms.Trailing,
    "trig": forms.Basket,
    "of": forms.OnFill,
    "px": forms.OraclePrice,
    "o": forms.PythOracle,
    "faucet": forms.Faucet,
    "whitelistFaucet": forms.WhitelistFaucet,
    "agentWalletCreation": forms.AgentWallet,
    "updateUserSettings": forms.UserSettings,
    "abc": forms.ApproveBuilder,
    "approveBuilderCode": forms.ApproveBuilder,
    "rbc": forms.RevokeBuilder,
    "revokeBuilderCode": forms.RevokeBuilder,
    "createSubAccount": forms.CreateSubAccount,
    "removeSubAccount": forms.RemoveSubAccount,
    "renameSubAccount": forms.RenameSubAccount,
    "rsa": forms.RenameSubAccount,
    "transfer": forms.Transfer,
    "createMultisig": forms.CreateMultisig,
    "msu": forms.UpdateMultisig,
    "msp": forms.Propose,
    "msa": forms.ApproveProposal,
    "msr": forms.RejectProposal,
    "msc": forms.CancelProposal,
    "mse": forms.ExecuteProposal,
}
_OLDER: dict[tuple[str, str], type[ActionForm]] = {  # by kind, and the field that tells
    ("mod", "amount"): forms.OlderModify,
    ("of", "p"): forms.OlderOnFill,
}

# A number of hundreds of digits; before 0.22 msgspec raises the latter of these.
_TOO_LARGE = (OverflowError, SystemError)


def read_action(action: object) -> ActionForm:
    """Raises :class:`ActionRefused` with a text that names the action and the field."""
    if not isinstance(action, dict) or len(action) != 1:
        raise ActionRefused("an action is an object with one key")
    ((tag, body),) = action.items()
    form: type[ActionForm] | None = _FORMS.get(tag)
    if form is None:
        raise ActionRefused(f"unknown action {tag[:32]}")
    for field in body if isinstance(body, dict) else ():
        form = _OLDER.get((tag, field), form)
    try:
        read: ActionForm = msgspec.convert(body, form)
        _check(read)
    except (msgspec.MsgspecError, ValueError, *_TOO_LARGE) as error:
        raise ActionRefused(f"action {tag}: {error}") from None
    return read


def _check(form: ActionForm) -> None:
    match form:
        case forms.Limit(px=price, sz=size):
            _check_amounts(px=price, sz=size)
        case forms.Market(sz=size, slippage=slippage):
            _check_amounts(sz=size, slippage=slippage)
        case forms.Modify(sz=size) | forms.OlderModify(amount=size):
            _check_amounts(sz=size)
        case forms.Stop() | forms.TakeProfit():
            _check_amounts(sz=form.sz, tr=form.tr, lim=form.lim, slippage=form.slippage)
        case forms.Trailing():
            _check_amounts(sz=form.sz, lim=form.lim, slippage=form.slippage)
        case forms.Range():
            _check_amounts(sz=form.sz, pmin=form.pmin, pmax=form.pmax, lmin=form.lmin, lmax=form.lmax)
            _check_amounts(slSlippage=form.slSlippage, tpSlippage=form.tpSlippage)
        case forms.Basket(tr=price):
            _check_amounts(tr=price)
        case forms.OraclePrice(px=price):
            _check_amounts(px=price)
        case (
            forms.Faucet(u=key)
            | forms.WhitelistFaucet(target=key)
            | forms.AgentWallet(a=key)
            | forms.ApproveBuilder(to=key)
            | forms.RevokeBuilder(to=key)
        ):
            if not is_key(key):
                raise ValueError("not a public key")
        case forms.Transfer(source=source, to=to):
            if not is_key(source) or not is_key(to):
                raise ValueError("not a public key")
        case _:
            pass


def _check_amounts(**amounts: Scaled | None) -> None:
    for name, amount in amounts.items():
        try:
            to_units(0.0 if amount is None else amount)
        except ValueError as error:
            raise ValueError(f"{name} {error}") from None
