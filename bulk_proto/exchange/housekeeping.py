"""Actions that are no orders: play money, agents, leverage, partners, oracle prices."""

from __future__ import annotations

from bulk_proto.enums import SignatureDomain

from .account_messages import leverage_rows
from .accounts import Account, Ledger
from .action_forms import Feed
from .clock import ExchangeClock
from .conditionals import Signed
from .config import ExchangeConfig
from .journal import Journal
from .margin import Markets
from .post_messages import ACKNOWLEDGED, Row, error_row, row
from .units import to_money, to_units

_MOST_LEVERAGE = 50.0
_EXPONENTS = range(-30, 31)  # of an oracle price; anything else is no price


class Office:
    """Each method carries out one action and returns its row."""

    def __init__(
        self, config: ExchangeConfig, clock: ExchangeClock, markets: Markets, ledger: Ledger, journal: Journal
    ) -> None:
        self._config = config
        self._clock = clock
        self._markets = markets
        self._ledger = ledger
        self._journal = journal

    def set_oracle(self, symbol: str, price: int) -> Row:
        if symbol not in self._markets or not price:
            return error_row(f"no oracle price can be set for {symbol[:32]}: unknown symbol, or price 0")
        self._markets[symbol].set_oracle(price)
        return ACKNOWLEDGED

    def set_feeds(self, feeds: list[Feed]) -> Row:
        """Feeds are numbered as the markets are, from 0; a price is ``px`` times ten to the power ``e``."""
        symbols = list(self._markets)
        for feed in feeds:
            try:
                price = to_units(feed.px * 10.0**feed.e) if feed.e in _EXPONENTS else 0
            except (ValueError, OverflowError):
                price = 0
            if not 0 <= feed.fi < len(symbols) or not price:
                return error_row(f"no oracle price can be set for feed {feed.fi}: unknown, or no price")
            self._markets[symbols[feed.fi]].set_oracle(price)
        return ACKNOWLEDGED

    def claim(self, key: str) -> Row:
        if self._config.domain is SignatureDomain.MAINNET:
            return row("depositFailed", message="the faucet is for test networks")
        if key in self._ledger.barred:
            return row("depositFailed", message="not whitelisted")
        account = self._ledger.open(key)
        now = self._clock.now
        if account.claimed_at is not None and now - account.claimed_at < self._config.faucet_interval:
            return row("depositFailed", message="already claimed")
        account.claimed_at = now
        self._ledger.deposit(account, to_money(self._config.faucet_amount))
        self._journal.margin_changed(account)
        return row("deposit", amount=self._config.faucet_amount)

    def whitelist(self, key: str, *, allowed: bool) -> Row:
        """Here every key may use the faucet until it is forbidden, and everybody is an administrator."""
        if allowed:
            self._ledger.barred.discard(key)
        else:
            self._ledger.barred.add(key)
        return ACKNOWLEDGED

    def set_agent(self, signed: Signed, agent: str, *, removes: bool) -> Row:
        account = signed.account
        if signed.signer != (account.parent or account.key):
            return row("agentWalletFailed", message="only the owner can change agent wallets")
        if removes and agent not in account.agents:
            return row("agentWalletFailed", message="unknown agent wallet")
        if removes:
            del account.agents[agent]
        else:
            account.agents[agent] = None
        return row("agentWallet", **{self._config.dialect.agent_wallet_key: agent})

    def set_leverage(self, account: Account, chosen: dict[str, float]) -> Row:
        for symbol, leverage in chosen.items():
            market = self._markets.get(symbol)
            if market is None or not 1.0 <= leverage <= min(_MOST_LEVERAGE, market.rules.max_leverage):
                return error_row(f"leverage of {symbol[:32]} refused: unknown symbol, or out of range")
        account.leverage |= chosen
        changed = [setting for setting in leverage_rows(account) if setting["symbol"] in chosen]
        self._journal.note(account.key, {"type": "leverageUpdate", "leverage": changed})
        self._journal.margin_changed(account)
        return ACKNOWLEDGED

    def approve_builder(self, account: Account, recipient: str, fee: int) -> Row:
        account.builders[recipient] = fee
        return ACKNOWLEDGED

    def revoke_builder(self, account: Account, recipient: str) -> Row:
        account.builders.pop(recipient, None)
        return ACKNOWLEDGED
