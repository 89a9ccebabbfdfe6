"""What happens to an account whose equity no longer covers its maintenance margin.

A simple model. All orders of the account are cancelled. Each position is then closed at market, at
whatever prices the book has; what the book cannot take is closed at the mark price against accounts on
the other side, those with the most profit for their notional first (auto-deleveraging, without fees). If
a debt remains, the exchange bears it. Background accounts have no limits and are never liquidated, but
they can be deleveraged.
"""

from __future__ import annotations

from hashlib import sha256

from bulk_proto.enums import OrderStatus
from bulk_proto.signing.base58 import encode

from .account_messages import account_time
from .accounts import Account, Ledger, PositionKey
from .clock import ExchangeClock
from .config import ExchangeConfig
from .journal import Journal
from .margin import Markets, figures
from .orders import Cause, Order
from .trading import Trading
from .units import from_money, from_units


class Liquidation:
    """Looks at all accounts when it is asked to."""

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
        self._count = 0

    def act(self) -> bool:
        """Liquidate whoever must be; True when there was somebody."""
        ruined = [account for account in self._ledger.accounts.values() if self._is_ruined(account)]
        for account in ruined:
            if self._is_ruined(account):  # the one before may have been good for this one
                self._liquidate(account)
        return bool(ruined)

    def _is_ruined(self, account: Account) -> bool:
        if account.internal or not any(held.size for held in account.positions.values()):
            return False
        now = figures(account, self._markets, self._config.default_leverage)
        return now.equity < now.maintenance

    def _liquidate(self, account: Account) -> None:
        self._clock.next_slot()
        for order in list(account.open_orders.values()):
            self._trading.cancel(account, order, OrderStatus.CANCELLED_RISKLIMIT)
        for key in [key for key, held in account.positions.items() if held.size]:
            self._close(account, key)
        if account.cash < 0 and not any(held.size for held in account.positions.values()):
            self._ledger.fees += account.cash
            account.cash = 0
            self._journal.margin_changed(account)

    def _close(self, account: Account, key: PositionKey) -> None:
        before = self._margin(account)
        order = self._order(account, key, Cause.LIQUIDATION)
        self._trading.match(account, order)
        self._deleverage_others(account, order)
        self._trading.finish(account, order)
        self._announce(
            "liquidation",
            account,
            order,
            marginPrior=before,
            marginAfter=self._margin(account),
        )

    def _deleverage_others(self, account: Account, order: Order) -> None:
        """Close what is left against those on the other side, the most profitable first.

        There are always enough: all positions of a market add up to nothing.
        """
        price = self._markets[order.symbol].mark()
        others = iter(self._other_side(order, price))
        while order.remaining:
            other, key = next(others)
            counter = self._order(other, key, Cause.DELEVERAGING)
            self._trading.cross(account, order, other, counter, price)
            self._trading.finish(other, counter)
            self._announce(self._config.dialect.adl_event, other, counter)

    def _other_side(self, order: Order, price: int) -> list[tuple[Account, PositionKey]]:
        found = []
        for other in self._ledger.accounts.values():
            for key, held in other.positions.items():
                if key.symbol == order.symbol and held.size * order.sign > 0:
                    found.append((-held.unrealized(price) / abs(held.size), other, key))
        found.sort(key=lambda each: each[0])  # the oldest account first of equal ones
        return [(other, key) for _, other, key in found]

    def _order(self, account: Account, key: PositionKey, cause: Cause) -> Order:
        """One that closes a position, whatever the price."""
        self._count += 1
        held = account.positions[key].size
        return Order(
            id=encode(sha256(f"liquidation {self._count} of {account.key}".encode()).digest()),
            account=account.key,
            symbol=key.symbol,
            is_buy=held < 0,
            price=0,
            size=abs(held),
            is_market=True,
            reduce_only=True,
            iso=key.iso,
            cause=cause,
        )

    def _margin(self, account: Account) -> float:
        return from_money(figures(account, self._markets, self._config.default_leverage).equity)

    def _announce(self, kind: str, account: Account, order: Order, **more: float) -> None:
        event = {
            "type": kind,
            "symbol": order.symbol,
            "price": order.average_price,
            "size": from_units(order.filled),
            "isBuy": order.is_buy,
            **more,
            "reason": "equity below maintenance margin",
            "timestamp": account_time(self._clock.stamp(), self._config.dialect),
        }
        self._journal.note(account.key, event)
