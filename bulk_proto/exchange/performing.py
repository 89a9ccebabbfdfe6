"""Carries out the actions of a transaction whose signature was checked, each one judged alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

from msgspec import Struct

from bulk_proto.enums import TimeInForce
from bulk_proto.signing.order_id import order_id_candidates

from . import action_forms as forms
from .account_messages import account_time, leverage_rows
from .accounts import Account, Ledger
from .action_forms import ActionForm
from .clock import ExchangeClock
from .config import ExchangeConfig
from .journal import Journal
from .margin import Markets
from .orders import Order
from .post_messages import ACKNOWLEDGED, Row, error_row, order_row, row
from .trading import Trading
from .units import to_money, to_units

_MOST_LEVERAGE = 50.0


class Signed(Struct, frozen=True):
    """Who asks, and the number that makes the request unique."""

    account: Account
    signer: str
    nonce: int


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
        self._ledger = ledger
        self._trading = trading
        self._journal = journal

    def perform(self, form: ActionForm, action: Mapping[str, Any], seqno: int, signed: Signed) -> list[Row]:
        """The rows of ``action``, which ``form`` is the checked reading of."""
        account = signed.account
        match form:
            case forms.Limit() | forms.Market():
                return [self._place(form, self._order_id(action, seqno, signed), account)]
            case forms.Cancel(c=symbol, oid=oid):
                return [self._cancel(account, symbol, oid)]
            case forms.CancelAll(c=symbols):
                return self._cancel_all(account, symbols)
            case forms.Modify(oid=oid, c=symbol, sz=size):
                return [self._modify(account, symbol, oid, to_units(size))]
            case forms.OlderModify(oid=oid, symbol=symbol, amount=size):
                return [self._modify(account, symbol, oid, to_units(size))]
            case forms.OraclePrice(c=symbol, px=price):
                return [self._set_oracle(symbol, to_units(price))]
            case forms.Faucet(u=key):
                return [self._claim(self._ledger.open(key))]
            case forms.AgentWallet(a=agent, d=removes):
                return [self._set_agent(signed, agent, removes=removes)]
            case forms.UserSettings(m=leverage):
                return [self._set_leverage(account, leverage)]
            case forms.ApproveBuilder(to=recipient, fee=fee):
                account.builders[recipient] = fee
                return [ACKNOWLEDGED]
            case forms.RevokeBuilder(to=recipient):
                account.builders.pop(recipient, None)
                return [ACKNOWLEDGED]
            case forms.Unsupported(name=name):
                return [error_row(f"action {name} is not supported by this exchange")]
            case _:
                assert_never(form)

    def _order_id(self, action: Mapping[str, Any], seqno: int, signed: Signed) -> str:
        ids = order_id_candidates(action, seqno, signed.nonce, signed.account.key)
        return ids[0] if self._config.slippage_tag_in_order_id else ids[-1]

    def _place(self, form: forms.Limit | forms.Market, oid: str, account: Account) -> Row:
        if form.c not in self._markets:
            return row("rejectedInvalid", oid=oid, reason=f"unknown symbol {form.c[:32]}")
        code = form.builderCode
        if code is not None and not 1 <= code.fee <= account.builders.get(code.to, 0):
            reason = f"builder-code fee {code.fee}bps not approved for {code.to[:64]}"
            return row("rejectedInvalid", oid=oid, reason=reason)
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
        )
        self._trading.place(account, order, form.slippage if isinstance(form, forms.Market) else None)
        return order_row(order, self._config.dialect)

    def _cancel(self, account: Account, symbol: str, oid: str) -> Row:
        order = account.open_orders.get(oid)
        if order is None or order.symbol != symbol:
            reason = "order not found"
            self._note(account, "cancelOneRejected", symbol=symbol, orderId=oid, reason=reason)
            return row("cancelOneRejected", oid=oid, reason=reason)
        self._trading.cancel(account, order)
        return order_row(order, self._config.dialect)

    def _cancel_all(self, account: Account, symbols: list[str]) -> list[Row]:
        cancelled = self._trading.cancel_all(account, symbols)
        if not cancelled:
            reason = "no open orders"
            symbol = symbols[0] if len(symbols) == 1 else None
            self._note(account, "cancelAllRejected", symbol=symbol, reason=reason)
            return [row("cancelAllRejected", reason=reason)]
        return [order_row(order, self._config.dialect) for order in cancelled]

    def _modify(self, account: Account, symbol: str, oid: str, size: int) -> Row:
        order = account.open_orders.get(oid)
        if order is None or order.symbol != symbol:
            return row("rejectedInvalid", oid=oid, reason="order not found")
        if (refusal := self._trading.modify(account, order, size)) is not None:
            status, reason = refusal
            return row(status.value, oid=oid, reason=reason)
        return row("resting", oid=oid)

    def _set_oracle(self, symbol: str, price: int) -> Row:
        if symbol not in self._markets or not price:
            return error_row(f"no oracle price can be set for {symbol[:32]}: unknown symbol, or price 0")
        self._markets[symbol].set_oracle(price)
        return ACKNOWLEDGED

    def _claim(self, account: Account) -> Row:
        now = self._clock.now
        if account.claimed_at is not None and now - account.claimed_at < self._config.faucet_interval:
            return row("depositFailed", message="already claimed")
        account.claimed_at = now
        self._ledger.deposit(account, to_money(self._config.faucet_amount))
        self._journal.margin_changed(account)
        return row("deposit", amount=self._config.faucet_amount)

    def _set_agent(self, signed: Signed, agent: str, *, removes: bool) -> Row:
        agents = signed.account.agents
        if signed.signer != signed.account.key:
            return row("agentWalletFailed", message="only the owner can change agent wallets")
        if removes and agent not in agents:
            return row("agentWalletFailed", message="unknown agent wallet")
        if removes:
            del agents[agent]
        else:
            agents[agent] = None
        return row("agentWallet", agentWallet=agent)

    def _set_leverage(self, account: Account, chosen: dict[str, float]) -> Row:
        for symbol, leverage in chosen.items():
            market = self._markets.get(symbol)
            if market is None or not 1.0 <= leverage <= min(_MOST_LEVERAGE, market.rules.max_leverage):
                return error_row(f"leverage of {symbol[:32]} refused: unknown symbol, or out of range")
        account.leverage |= chosen
        changed = [setting for setting in leverage_rows(account) if setting["symbol"] in chosen]
        self._journal.note(account.key, {"type": "leverageUpdate", "leverage": changed})
        self._journal.margin_changed(account)
        return ACKNOWLEDGED

    def _note(self, account: Account, kind: str, **fields: object) -> None:
        stamp = account_time(self._clock.stamp(), self._config.dialect)
        self._journal.note(account.key, {"type": kind, **fields, "timestamp": stamp})
