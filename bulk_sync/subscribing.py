"""The subscribing calls of ``BulkWebSocketClient``.

Each returns when the exchange has confirmed, and raises ``SubscriptionRefused`` when it refuses,
``RequestTimedOut`` when it does not answer, ``SubscriptionLimit`` when one connection cannot carry more
topics, ``RateLimited`` when too many messages were sent this second, ``NotConnected`` on a client that was
never connected. A subscribed topic is asked for again after every reconnection; asking twice sends once.
"""

from __future__ import annotations

from collections.abc import Sequence

from bulk_proto import subscriptions as topics
from bulk_proto.subscriptions import Subscription

from .asking import Asking


class Subscribing(Asking):
    """Which topics a client receives."""

    def subscribe_ticker(self, symbol: str) -> None:
        """24-hour figures, mark and oracle price, every 200 ms: ``get_ticker``, ``Topic.TICKER``."""
        self._subscribe(topics.ticker(symbol))

    def subscribe_trades(self, symbols: Sequence[str]) -> None:
        """Public executions of these markets: ``Topic.TRADES``."""
        self._subscribe(*(topics.trades(symbol) for symbol in topics.several(symbols)))

    def subscribe_orderbook_snapshot(self, symbol: str, nlevels: int | None = None) -> None:
        """The book (its best ``nlevels`` a side), every 200 ms. Returns with ``get_book(symbol)`` filled."""
        self._subscribe(topics.l2_snapshot(symbol, nlevels))

    def subscribe_orderbook_delta(self, symbol: str) -> None:
        """Every change of the book: keeps ``get_book(symbol)`` current."""
        self._subscribe(topics.l2_delta(symbol))

    def subscribe_candles(self, symbol: str, interval: str) -> None:
        """Bars: past ones first, then updates. Intervals as on the wire (``"5m"``) or ``"5min"``.

        Past ones come again after every reconnection: tell bars apart by ``open_time``.
        """
        self._subscribe(topics.candles(symbol, interval))

    def subscribe_account(self, pubkey: str) -> None:
        """Margin, positions, orders and fills of an account. Returns with its first snapshot applied."""
        self._subscribe(topics.account(pubkey))

    def subscribe_risk(self, symbol: str) -> None:
        """Margin ratios by notional and leverage: ``Topic.RISK``."""
        self._subscribe(topics.risk(symbol))

    def subscribe_context(self) -> None:
        """A short row for every market, every two seconds: ``Topic.CONTEXT``."""
        self._subscribe(topics.context())

    def unsubscribe_ticker(self, symbol: str) -> None:
        """No more tickers of this market, after a reconnection either; the last one is dropped."""
        self._unsubscribe(topics.ticker(symbol))

    def unsubscribe_trades(self, symbols: Sequence[str]) -> None:
        """No more executions of these markets, after a reconnection either."""
        self._unsubscribe(*(topics.trades(symbol) for symbol in topics.several(symbols)))

    def unsubscribe_orderbook_snapshot(self, symbol: str) -> None:
        """No more whole books; without the delta stream the book is dropped."""
        self._unsubscribe(topics.l2_snapshot(symbol))

    def unsubscribe_orderbook_delta(self, symbol: str) -> None:
        """No more changes; without the snapshot stream the book is dropped."""
        self._unsubscribe(topics.l2_delta(symbol))

    def unsubscribe_candles(self, symbol: str, interval: str) -> None:
        """No more bars, after a reconnection either."""
        self._unsubscribe(topics.candles(symbol, interval))

    def unsubscribe_account(self, pubkey: str) -> None:
        """No more of this account: what is known of it is dropped."""
        self._unsubscribe(topics.account(pubkey))

    def unsubscribe_risk(self, symbol: str) -> None:
        """No more risk surfaces, after a reconnection either."""
        self._unsubscribe(topics.risk(symbol))

    def unsubscribe_context(self) -> None:
        """No more market rows, after a reconnection either."""
        self._unsubscribe(topics.context())

    def _subscribe(self, *wanted: Subscription) -> None:
        self._do(lambda now: [self.core.subscribe(wanted, now, self.default_timeout)])

    def _unsubscribe(self, *unwanted: Subscription) -> None:
        self._do(lambda now: self.core.unsubscribe(unwanted, now, self.default_timeout))
