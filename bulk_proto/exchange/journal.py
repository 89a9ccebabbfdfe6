"""What happened since the last publication, in order: account events and public trades."""

from __future__ import annotations

from collections.abc import Container

from . import account_messages, market_messages
from .accounts import Account, PositionKey
from .clock import ExchangeClock
from .config import ExchangeConfig
from .fees import fee_tier_rows
from .margin import Markets
from .market_messages import Json
from .orders import Order


class Journal:
    """Collects messages for topics that somebody watches; the rest costs nothing."""

    __slots__ = ("_clock", "_config", "_markets", "_watched", "account_events", "trades")

    def __init__(
        self, config: ExchangeConfig, clock: ExchangeClock, markets: Markets, watched: Container[str]
    ) -> None:
        self._config = config
        self._clock = clock
        self._markets = markets
        self._watched = watched
        self.account_events: list[tuple[str, Json]] = []  # topic and data
        self.trades: dict[str, list[Json]] = {}  # by symbol

    def note(self, key: str, event: Json) -> None:
        """Any event of the account ``key``."""
        if (topic := f"account.{key}") in self._watched:
            self.account_events.append((topic, event))

    def order_changed(self, order: Order) -> None:
        """The order has a new status: stamp it and tell its owner."""
        order.stamp = self._clock.stamp()
        if (topic := f"account.{order.account}") in self._watched:
            dialect = self._config.dialect
            self.account_events.append((topic, account_messages.order_update(order, dialect)))
            if dialect.legacy_order_events and (older := account_messages.legacy_order(order, dialect)):
                self.account_events.append((topic, older))

    def executed(
        self, account: Account, order: Order, price: int, size: int, fee: int, trade_id: str, other: str
    ) -> None:
        """One side of an execution, after it was booked."""
        order.stamp = self._clock.stamp()
        if (topic := f"account.{account.key}") not in self._watched:
            return
        dialect = self._config.dialect
        pair = [
            account_messages.fill(order, price, size, fee, trade_id, other, dialect),
            account_messages.order_update(order, dialect),
        ]
        if dialect.fill_after_order_update:
            pair.reverse()
        key = PositionKey(order.symbol, order.iso)
        held = account_messages.position(account, key, self._config, self._markets)
        margin = account_messages.margin(account, self._config, self._markets)
        for event in (*pair, {"type": "positionUpdate", **held}, {"type": "marginUpdate", **margin}):
            self.account_events.append((topic, event))

    def margin_changed(self, account: Account) -> None:
        if f"account.{account.key}" in self._watched:
            margin = account_messages.margin(account, self._config, self._markets)
            self.note(account.key, {"type": "marginUpdate", **margin})

    def fee_tier_changed(self, account: Account) -> None:
        rows = fee_tier_rows(account, self._config)
        self.note(account.key, {"type": "feeTierUpdate", "feeTiers": rows, "ts": self._account_time()})

    def _account_time(self) -> int:
        return account_messages.account_time(self._clock.stamp(), self._config.dialect)

    def traded(self, maker: Order, taker: Order, price: int, size: int) -> None:
        """The public side of an execution."""
        symbol = taker.symbol
        if f"trades.{symbol}" in self._watched:
            row = market_messages.trade(maker, taker, price, size, self._clock.wall_ns, self._config.dialect)
            self.trades.setdefault(symbol, []).append(row)
