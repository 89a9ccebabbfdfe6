"""What a client lets the user read: no waiting, so written once for every kind of client.

Everything here is the state after the last message that was taken in. Reading waits for nobody, and fails
in a forked process only. Lists and dicts are copies of this moment: ask again rather than keep one. Books,
accounts and the inventory are followed in place; the blocking client gives copies of these as well. After a
disconnection the last values stay readable: ``is_connected``, ``book.ok`` and
:attr:`ClientView.account_is_live` tell whether they still hold.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from . import subscriptions
from .account import Account
from .book import OrderBook
from .core import ClientCore
from .errors import BulkError, UsageError
from .events import AccountSnapshot, LeverageSetting, MarginUpdate, OrderState, PositionUpdate, Ticker
from .inventory import Inventory, Pnl


class ClientView:
    """The synchronous accessors of ``BulkWebSocketClient``.

    Account reads show the client's own account: the one given as ``account=``, else the signer's, else,
    for a client without signer, the first account subscribed to. ``account_state()`` reads any other.
    """

    core: ClientCore
    symbols: list[str]
    _guard: AbstractContextManager[object]  # a lock where threads share the core, else nothing

    @property
    def is_connected(self) -> bool:
        """True while the WebSocket is open."""
        with self._guard:
            return self.core.is_open

    @property
    def last_error(self) -> BulkError | None:
        """Why the latest connection could not be made, ended, or was not served in time.

        None once the client is started anew; it stays when what was late comes after all.
        """
        with self._guard:
            return self.core.last_error

    def _want_from_the_start(self) -> None:
        """What connecting subscribes by itself: the tickers of ``symbols`` and the client's own account."""
        self.core.want([subscriptions.ticker(symbol) for symbol in self.symbols])
        if self.core.account is not None:
            self.core.want([subscriptions.account(self.core.account)])

    # Market data

    @property
    def tickers(self) -> dict[str, Ticker]:
        """Latest ticker by symbol; ``ticker.stale`` from when its stream is lost until the next one comes."""
        with self._guard:
            return dict(self.core.tickers)

    @property
    def prices(self) -> dict[str, float]:
        """Latest mark price by symbol (the last price where no mark price was sent), quote currency.

        It is as old as the ticker: see ``stale`` there before relying on it.
        """
        with self._guard:
            return dict(self.core.prices)

    @property
    def order_books(self) -> dict[str, OrderBook]:
        """Books by symbol, of the symbols whose book is subscribed."""
        with self._guard:
            return dict(self.core.order_books)

    def get_ticker(self, symbol: str) -> Ticker | None:
        """The latest ticker of a subscribed symbol; see ``ticker.stale`` before trusting it."""
        with self._guard:
            return self.core.tickers.get(symbol)

    def get_book(self, symbol: str) -> OrderBook | None:
        """The book of a subscribed symbol, kept up to date in place; see ``book.ok`` before trusting it."""
        with self._guard:
            return self.core.order_books.get(symbol)

    # Account

    def account_state(self, public_key: str | None = None) -> Account | None:
        """Everything known about a subscribed account (default: the client's own)."""
        with self._guard:
            return self._account(public_key)

    @property
    def account_is_live(self) -> bool:
        """True when the account's state is that of the current connection."""
        with self._guard:
            account = self._account()
            return account is not None and account.live

    @property
    def margin(self) -> MarginUpdate | None:
        """Margin and collateral; None before the first account message."""
        with self._guard:
            account = self._account()
            return account.margin if account is not None else None

    @property
    def account_snapshot(self) -> AccountSnapshot | None:
        """The last whole account state that the exchange sent; later changes are not in it."""
        with self._guard:
            account = self._account()
            return account.snapshot if account is not None else None

    @property
    def positions(self) -> list[PositionUpdate]:
        """Open positions, cross and isolated ones apart."""
        with self._guard:
            account = self._account()
            return list(account.positions.values()) if account is not None else []

    @property
    def leverage_settings(self) -> dict[str, LeverageSetting]:
        """Leverage settings by symbol."""
        with self._guard:
            account = self._account()
            return dict(account.leverage_settings) if account is not None else {}

    @property
    def open_orders(self) -> dict[str, OrderState]:
        """Open orders by order id."""
        return self.get_order_map()

    def get_orders(self, symbol: str | None = None) -> list[OrderState]:
        """Open orders, of one symbol if given.

        A conditional order that has fired is among them as ``TRIGGERED``, with nothing left to do, until
        the exchange tells its end or sends the whole account anew: what it placed has an id of its own.
        """
        orders = self.get_order_map().values()
        return [order for order in orders if symbol is None or order.symbol == symbol]

    def get_order_map(self) -> dict[str, OrderState]:
        """Open orders by order id."""
        with self._guard:
            account = self._account()
            return dict(account.open_orders) if account is not None else {}

    @property
    def inventory(self) -> Inventory:
        """Positions and profit by symbol, reconciled to what the exchange reports."""
        return self.core.inventory

    def get_pnl(self) -> Pnl:
        """Profit and loss at the latest prices, in quote currency: ``realized``, ``unrealized``, ``net``.

        Where the ticker is stale or not subscribed, what the exchange reported last counts.
        """
        with self._guard:
            prices, tickers = self.core.prices, self.core.tickers
            current = {symbol: prices[symbol] for symbol in prices if not tickers[symbol].stale}
            return self.core.inventory.pv(current)

    def _already_reconnecting(self) -> UsageError:
        """What ``connect()`` raises while the client is reconnecting by itself."""
        why = self.core.last_error
        lost = "" if why is None or isinstance(why, UsageError) else f" ({why})"
        return UsageError(f"reconnecting by itself{lost}: wait for Topic.CONNECTED, or disconnect() first")

    def _account(self, public_key: str | None = None) -> Account | None:
        accounts = self.core.accounts
        wanted = public_key or self.core.account or next(iter(accounts), None)
        return accounts.get(wanted) if wanted is not None else None
