"""Carries out the actions of a transaction whose signature was checked, each one judged alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from struct import pack
from typing import Any, assert_never

from bulk_proto.enums import OrderStatus, TimeInForce
from bulk_proto.signing.base58 import encode
from bulk_proto.signing.encoding import encode_actions
from bulk_proto.signing.order_id import id_suffix, order_id_candidates

from . import action_forms as forms
from .account_messages import account_time
from .accounts import Account, Ledger
from .action_forms import ActionForm, BuilderCode
from .arming import Arming
from .clock import ExchangeClock
from .conditionals import Signed
from .config import ExchangeConfig
from .housekeeping import Office
from .journal import Journal
from .margin import Markets
from .multisig import Multisigs
from .orders import Order
from .post_messages import Row, order_row, row
from .subaccounts import SubAccounts
from .trading import Trading
from .triggering import Triggers
from .units import to_units


class Desk:
    """Turns one action after another into what happens, and into the rows that tell of it."""

    def __init__(
        self,
        config: ExchangeConfig,
        clock: ExchangeClock,
        markets: Markets,
        ledger: Ledger,
        trading: Trading,
        journal: Journal,
    ) -> None:
        self._config = config
        self._clock = clock
        self._markets = markets
        self._trading = trading
        self._journal = journal
        self._triggers = Triggers(config, markets, trading, journal, self.perform)
        self._arming = Arming(config, markets, self._triggers, self._place)
        self._office = Office(config, clock, markets, ledger, journal)
        self._subs = SubAccounts(config, markets, ledger, journal)
        self._multisigs = Multisigs(clock, ledger, self.perform)
        self._placed: dict[str, Order] = {}  # in the present transaction, by id

    def settle(self) -> None:
        """A transaction is over, or prices have changed: fire what was waiting for that."""
        self._triggers.fire_due()
        self._placed.clear()

    def order_id(self, actions: Sequence[Mapping[str, Any]], seqno: int, signed: Signed) -> str:
        """The id of an order: a hash of its bytes, its place, the account and the nonce.

        Conditional orders are hashed as they are signed; the order inside ``of`` gets the place of it,
        and ``of`` in its older form names the place of an earlier order.
        """
        match actions[seqno]:
            case {"of": {"p": int(parent)}} if parent < seqno:
                return self.order_id(actions, parent, signed)
            case {"of": {"trigger": trigger}}:
                return self._hash(trigger, seqno, signed)
            case action:
                return self._hash(action, seqno, signed)

    def _hash(self, action: Mapping[str, Any], seqno: int, signed: Signed) -> str:
        key = signed.account.key
        if action.keys() & {"l", "m"}:
            ids = order_id_candidates(action, seqno, signed.nonce, key)
            return ids[0] if self._config.slippage_tag_in_order_id else ids[-1]
        encoded = encode_actions([action], signed.profile)
        signed_bytes = encoded.cores[0] + encoded.tags[0]
        return encode(sha256(pack("<I", seqno) + signed_bytes + id_suffix(signed.nonce, key)).digest())

    def perform(self, form: ActionForm, oid: Callable[[], str], signed: Signed) -> list[Row]:
        """The rows of an action; ``oid`` gives the id of the order that it places, if it does."""
        account = signed.account
        match form:
            case forms.Limit() | forms.Market():
                return [self._place(form, oid(), signed)[0]]
            case forms.Stop() | forms.TakeProfit() | forms.Range() | forms.Trailing():
                if (refused := _builder_refused(account, form.builderCode)) is not None:
                    return [row("rejectedInvalid", oid=oid(), reason=refused)]
                return self._arming.arm(form, oid(), signed)
            case forms.Basket():
                return self._arming.arm(form, oid(), signed)
            case forms.OnFill():
                return self._arming.arm_after_fill(form, oid(), signed)
            case forms.OlderOnFill(actions=actions):
                return self._arming.await_fill(self._placed.get(oid()), actions, signed)
            case forms.Cancel(c=symbol, oid=named):
                return self._cancel(account, symbol, named)
            case forms.CancelAll(c=symbols):
                return self._cancel_all(account, symbols)
            case forms.Modify(oid=named, c=symbol, sz=size):
                return [self._modify(account, symbol, named, to_units(size))]
            case forms.OlderModify(oid=named, symbol=symbol, amount=size):
                return [self._modify(account, symbol, named, to_units(size))]
            case (
                forms.CreateMultisig()
                | forms.UpdateMultisig()
                | forms.Propose()
                | forms.ApproveProposal()
                | forms.RejectProposal()
                | forms.CancelProposal()
                | forms.ExecuteProposal()
            ):
                return self._multisigs.act(form, signed)
            case _:
                return [self._keep_house(form, signed)]

    def _keep_house(self, form: forms.HouseForm, signed: Signed) -> Row:
        account, office, subs = signed.account, self._office, self._subs
        match form:
            case forms.OraclePrice(c=symbol, px=price):
                return office.set_oracle(symbol, to_units(price))
            case forms.PythOracle(oracles=feeds):
                return office.set_feeds(feeds)
            case forms.Faucet(u=key):
                return office.claim(key)
            case forms.WhitelistFaucet(target=key, whitelist=allowed):
                return office.whitelist(key, allowed=allowed)
            case forms.AgentWallet(a=agent, d=removes):
                return office.set_agent(signed, agent, removes=removes)
            case forms.UserSettings(m=leverage):
                return office.set_leverage(account, leverage)
            case forms.ApproveBuilder(to=recipient, fee=fee):
                return office.approve_builder(account, recipient, fee)
            case forms.RevokeBuilder(to=recipient):
                return office.revoke_builder(account, recipient)
            case forms.CreateSubAccount():
                return subs.create(account, form)
            case forms.RenameSubAccount(a=key, n=name):
                return subs.rename(account, key, name)
            case forms.RemoveSubAccount(toRemove=key):
                return subs.remove(account, key)
            case forms.Transfer():
                return subs.transfer(account, form)
            case _:
                assert_never(form)

    # Orders

    def _place(self, form: forms.Limit | forms.Market, oid: str, signed: Signed) -> tuple[Row, Order | None]:
        """The row of a new order, and the order unless it was rejected."""
        account = signed.account
        if form.c not in self._markets:
            return row("rejectedInvalid", oid=oid, reason=f"unknown symbol {form.c[:32]}"), None
        if (reason := _builder_refused(account, form.builderCode)) is not None:
            return row("rejectedInvalid", oid=oid, reason=reason), None
        is_market = isinstance(form, forms.Market)
        order = Order(
            id=oid,
            account=account.key,
            symbol=form.c,
            is_buy=form.b,
            price=0 if isinstance(form, forms.Market) else to_units(form.px),
            size=to_units(form.sz),
            tif=TimeInForce.IOC if isinstance(form, forms.Market) else TimeInForce(form.tif),
            is_market=is_market,
            reduce_only=form.r,
            iso=form.i,
            builder=form.builderCode,
        )
        self._trading.place(account, order, form.slippage if isinstance(form, forms.Market) else None)
        rejected = order.status.is_error() or order.status is OrderStatus.CANCELLED_REDUCEONLY
        if not rejected:
            self._placed[oid] = order
        return order_row(order, self._config.dialect), None if rejected else order

    def _cancel(self, account: Account, symbol: str, oid: str) -> list[Row]:
        conditional = account.conditionals.get(oid)
        if conditional is not None and conditional.order.symbol == symbol:
            return self._triggers.cancel(conditional)
        order = account.open_orders.get(oid)
        if order is None or order.symbol != symbol:
            reason = "order not found"
            self._note(account, "cancelOneRejected", symbol=symbol, orderId=oid, reason=reason)
            return [row("cancelOneRejected", oid=oid, reason=reason)]
        self._trading.cancel(account, order)
        return [order_row(order, self._config.dialect)]

    def _cancel_all(self, account: Account, symbols: list[str]) -> list[Row]:
        cancelled = self._trading.cancel_all(account, symbols)
        rows = [order_row(order, self._config.dialect) for order in cancelled]
        rows += self._triggers.cancel_all(account, symbols)
        if not rows:
            reason = "no open orders"
            symbol = symbols[0] if len(symbols) == 1 else None
            self._note(account, "cancelAllRejected", symbol=symbol, reason=reason)
            return [row("cancelAllRejected", reason=reason)]
        return rows

    def _modify(self, account: Account, symbol: str, oid: str, size: int) -> Row:
        conditional = account.conditionals.get(oid)
        if conditional is not None and conditional.order.symbol == symbol:
            return self._triggers.resize(conditional, size)
        order = account.open_orders.get(oid)
        if order is None or order.symbol != symbol:
            return row("rejectedInvalid", oid=oid, reason="order not found")
        if (refusal := self._trading.modify(account, order, size)) is not None:
            status, reason = refusal
            return row(status.value, oid=oid, reason=reason)
        return row("resting", oid=oid)

    def _note(self, account: Account, kind: str, **fields: object) -> None:
        stamp = account_time(self._clock.stamp(), self._config.dialect)
        self._journal.note(account.key, {"type": kind, **fields, "timestamp": stamp})


def _builder_refused(account: Account, code: BuilderCode | None) -> str | None:
    if code is None or 1 <= code.fee <= account.builders.get(code.to, 0):
        return None
    return f"builder-code fee {code.fee}bps not approved for {code.to[:64]}"
