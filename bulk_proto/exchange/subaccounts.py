"""Sub-accounts, and money that moves between accounts.

A sub-account has a key for which nobody has the private one: its master, or an agent, signs for it. It
has a name of its own among those of its master, and no sub-accounts itself.
"""

from __future__ import annotations

import re

from bulk_proto.signing.base58 import decode32

from .accounts import Account, Ledger
from .action_forms import CreateSubAccount, Transfer
from .config import ExchangeConfig
from .curve import is_on_curve, off_curve_key
from .journal import Journal
from .margin import Markets, figures
from .post_messages import Row, row
from .units import from_money, to_money

_MOST = 64
_NAME = re.compile("[A-Za-z0-9_-]{1,32}")
_MARGIN_SYMBOL = "USDC"


class SubAccounts:
    """Each method carries out one action of ``master`` and returns its row."""

    def __init__(self, config: ExchangeConfig, markets: Markets, ledger: Ledger, journal: Journal) -> None:
        self._config = config
        self._markets = markets
        self._ledger = ledger
        self._journal = journal
        self._made = 0

    def create(self, master: Account, form: CreateSubAccount) -> Row:
        name, amount = form.name, form.marginAmount
        margin = 0 if amount is None else _money(amount)
        refusal = self._name_refused(master, name) or _symbol_refused(form.marginSymbol)
        if master.parent is not None:
            refusal = "a sub-account has no sub-accounts"
        elif len(master.subs) >= _MOST:
            refusal = f"more than {_MOST} sub-accounts"
        elif margin is None or not self._can_spare(master, margin):
            refusal = "insufficient margin"
        if refusal is not None or margin is None:
            return row("createSubAccountFailed", message=refusal)
        self._made += 1
        key = off_curve_key(f"sub-account {self._made} of {master.key}")
        sub = self._ledger.open_sub(key, master.key, name)
        master.subs[sub.key] = None
        self._move(master, sub, margin)
        return row("createSubAccount", master=master.key, sub=sub.key, name=name, margin=from_money(margin))

    def rename(self, master: Account, key: str, name: str) -> Row:
        refusal = self._name_refused(master, name)
        if key not in master.subs:
            refusal = "unknown sub-account"
        if refusal is not None:
            return row("renameSubAccountFailed", message=refusal)
        self._ledger.accounts[key].name = name
        return row("renameSubAccount", master=master.key, account=key, name=name)

    def remove(self, master: Account, key: str) -> Row:
        """Its money goes back to the master."""
        if key not in master.subs:
            return row("removeSubAccountFailed", message="unknown sub-account")
        sub = self._ledger.accounts[key]
        if sub.open_orders or sub.conditionals or any(held.size for held in sub.positions.values()):
            return row("removeSubAccountFailed", message="positions or orders are open")
        moved = sub.cash
        self._move(sub, master, moved)
        del master.subs[key], self._ledger.accounts[key]
        return row("removeSubAccount", account=key, marginMoved=from_money(moved))

    def transfer(self, account: Account, form: Transfer) -> Row:
        """Within a family for nothing; to strangers from a minimum on."""
        amount = _money(form.marginAmount)
        refusal = self._transfer_refused(account, form, amount)
        if refusal is not None or amount is None:
            return row("transferFailed", message=refusal)
        source = self._ledger.accounts[form.source]
        self._move(source, self._ledger.open(form.to), amount)
        body = {"from": form.source, "to": form.to, "symbol": _MARGIN_SYMBOL, "amount": from_money(amount)}
        return row("transfer", **body)

    def _transfer_refused(self, account: Account, form: Transfer, amount: int | None) -> str | None:
        family = {account.key, *account.subs}
        source = self._ledger.accounts.get(form.source)
        minimum = self._config.external_minimum if form.k == "external" else 0.0
        given = form.symbol if form.marginSymbol is None else form.marginSymbol
        if (refusal := _symbol_refused(given)) is not None:
            return refusal
        if not amount or amount < to_money(minimum):
            return "below minimum"
        if source is None:
            return "source account not found"
        if form.source not in family or (form.k == "internal" and form.to not in family):
            return f"not permissioned for {form.k} transfer"
        if form.to not in self._ledger.accounts and not is_on_curve(decode32(form.to)):
            return "off-curve and does not exist"
        return None if self._can_spare(source, amount) else "insufficient margin"

    def _name_refused(self, master: Account, name: str) -> str | None:
        if not _NAME.fullmatch(name):
            return "a name has 1 to 32 letters, digits, dashes and underscores"
        if any(self._ledger.accounts[key].name == name for key in master.subs):
            return "this name is taken"
        return None

    def _can_spare(self, account: Account, amount: int) -> bool:
        """What stays must be 1.05 times the maintenance margin, and enough for open orders."""
        now = figures(account, self._markets, self._config.default_leverage)
        return now.equity - amount >= max(now.maintenance * 105 // 100, now.initial)

    def _move(self, source: Account, to: Account, amount: int) -> None:
        source.cash -= amount
        to.cash += amount
        for account in (source, to):
            self._journal.margin_changed(account)


def _symbol_refused(symbol: str | None) -> str | None:
    """Absent is the only margin there is; an empty text names none."""
    if symbol in (None, _MARGIN_SYMBOL):
        return None
    return "unknown margin symbol" if symbol else "no margin symbol"


def _money(amount: float) -> int | None:
    """None for what is no amount that can be moved."""
    return to_money(amount) if 0.0 <= amount < 1e18 else None
