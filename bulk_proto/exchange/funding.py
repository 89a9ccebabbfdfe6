"""Funding: one side of a market pays the other for holding its positions.

A position pays its notional at the mark price times the rate of its market, once in every interval; with a
positive rate long positions pay and short ones receive. What rounding leaves over, below one unit of money
for each position, goes to the exchange.
"""

from __future__ import annotations

from .accounts import Account, Ledger
from .journal import Journal
from .margin import Markets
from .units import SCALE


def charge_funding(markets: Markets, ledger: Ledger, journal: Journal) -> None:
    """Let every position of every account pay or receive once."""
    for account in ledger.accounts.values():
        paid = _charge(account, markets)
        if paid:
            ledger.fees += paid
            journal.margin_changed(account)


def _charge(account: Account, markets: Markets) -> int:
    paid = 0
    for key, position in account.positions.items():
        market = markets[key.symbol]
        payment = position.size * market.mark() * round(market.rules.funding_rate * SCALE) // SCALE
        position.funding -= payment
        paid += payment
    account.cash -= paid
    account.funding -= paid
    return paid
