"""What is known of the exchange: tickers, books and accounts, as the messages so far tell it.

State moves before the event about it is handed on: what a handler reads is never older than the event
it holds. Books that were never asked for are handed on and applied to nothing; so are events of accounts, but
under another topic: a handler of fills that adds them up must not hear of a stranger's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, get_args

from .account import Account, AccountEvent
from .books import Books
from .config import Config
from .errors import UsageError
from .events import (
    AccountSnapshot,
    AutoDeleveraging,
    BookStream,
    CancelRejected,
    Candles,
    Event,
    L2Snapshot,
    Liquidation,
    MarginUpdate,
    MessageRefused,
    PositionUpdate,
    StaleTicker,
    Ticker,
    Trades,
    Unasked,
)
from .inventory import Inventory
from .silence import STILL
from .subscription_table import SubscriptionTable
from .subscriptions import Subscription
from .ticker_watch import TickerWatch
from .wire.topics import BOOK_STREAMS, split_topic

_ACCOUNT_EVENTS = frozenset(get_args(AccountEvent))
_ACCOUNT_NEWS = frozenset((Liquidation, AutoDeleveraging, CancelRejected))  # they change nothing
_KIND_OF = {stream: kind for kind, stream in BOOK_STREAMS.items()}
_MOVES_POSITIONS = frozenset((AccountSnapshot, MarginUpdate, PositionUpdate))


class Mirror:
    """``home`` is the account whose positions the inventory follows; None for the first one wanted.

    Raises :class:`UsageError` for an inventory that is none.
    """

    def __init__(
        self, config: Config, subscriptions: SubscriptionTable, inventory: Inventory, home: str | None
    ) -> None:
        if not isinstance(inventory, Inventory):
            raise UsageError("an inventory is an Inventory(); leave it out for a fresh one")
        self.tickers: dict[str, Ticker] = {}
        self.prices: dict[str, float] = {}  # mark price, or the last where no mark price was sent
        self.accounts: dict[str, Account] = {}
        self.books = Books(config.book_patience, config.book_silence)
        self.ticker_watch = TickerWatch(config.ticker_silence)
        self._books = self.books.by_symbol
        self.inventory = inventory
        self._home = home
        self._subscriptions = subscriptions
        # The application sees these events just as they are, after they were observed. Deltas, which the
        # core takes to their books by itself, are the same.
        self.observers: dict[type, Callable[[Any, float], object]] = {
            L2Snapshot: self._on_snapshot,
            Ticker: self._on_ticker,
            Trades: self._on_trades,
            Candles: _keep_nothing,
            MessageRefused: self._on_refused,
        }

    @property
    def home(self) -> str | None:
        """The account whose positions the inventory follows; None while there is none."""
        return self._home or next(iter(self.accounts), None)

    def want(self, subscriptions: Sequence[Subscription]) -> None:
        """Keep a book or an account for each subscription that brings one."""
        for subscription in subscriptions:
            self.books.want(subscription)
            if subscription.user is not None:
                self.accounts.setdefault(subscription.user, Account(subscription.user))

    def unwant(self, subscriptions: Sequence[Subscription]) -> None:
        for subscription in subscriptions:
            self.books.unwant(subscription)
            if subscription.user is not None:
                self.accounts.pop(subscription.user, None)
            if subscription.type == "ticker":
                self.tickers.pop(subscription.symbol or "", None)
                self.prices.pop(subscription.symbol or "", None)
                self.ticker_watch.forget(subscription.symbol or "")

    def not_served(self, subscription: Subscription) -> None:
        """The exchange will not serve this topic for now: what is known is kept, but not current."""
        account = self.accounts.get(subscription.user or "")
        if account is not None:
            account.mark_stale()
        if subscription.type == "ticker":
            symbol = subscription.symbol or ""
            self._mark_stale([symbol])
            self.ticker_watch.forget(symbol)

    def link_lost(self) -> None:
        """Nothing is current any more: books are emptied, all else is kept until it is sent anew."""
        self.books.link_lost()
        self._mark_stale(list(self.tickers))
        self.ticker_watch.forget_all()
        for account in self.accounts.values():
            account.connection_lost()

    def expire_tickers(self, now: float) -> list[str]:
        """The symbols whose ticker has stayed away for too long: what is known of it is not current."""
        late = self.ticker_watch.overdue(now)
        self._mark_stale(late)
        return late

    def _mark_stale(self, symbols: Sequence[str]) -> None:
        for symbol in symbols:
            if symbol in self.tickers:
                self.tickers[symbol] = StaleTicker.of(self.tickers[symbol])

    def apply(self, event: Event, now: float) -> Sequence[Event]:
        """Take in an event that has no observer; returns what the application is to see of it, in order."""
        if type(event) in _ACCOUNT_EVENTS:
            return self._on_account(event, now)  # type: ignore[arg-type]
        if type(event) in _ACCOUNT_NEWS and event.account not in self.accounts:  # type: ignore[attr-defined]
            return (Unasked(event),)
        return (event,)

    def _on_snapshot(self, snapshot: L2Snapshot, now: float) -> None:
        stream = self._book_stream_of(snapshot)
        if stream is not None:
            self.books.apply_snapshot(snapshot, stream, now)
            self._subscriptions.prime((_KIND_OF[stream], snapshot.symbol))

    def _book_stream_of(self, snapshot: L2Snapshot) -> BookStream | None:
        """The stream that a snapshot belongs to; None for one of a stream that is being left.

        The documents say that a delta stream begins with a snapshot, but not by which name: one that looks
        periodic, though nobody asked for such, is for the book that needs it.
        """
        symbol, stream = snapshot.symbol, snapshot.stream
        topic = _KIND_OF[stream], symbol
        if self._subscriptions.is_leaving(topic):
            return None
        if stream is BookStream.SNAPSHOT and topic not in self._subscriptions.wanted:
            book = self.books.by_symbol.get(symbol)
            if book is not None and not book.ok:
                return BookStream.DELTA
        return stream

    def _on_ticker(self, ticker: Ticker, now: float) -> None:
        symbol = ticker.symbol
        if symbol not in self.tickers and ("ticker", symbol) not in self._subscriptions.wanted:
            return  # kept nowhere: symbols are the exchange's to invent
        self.tickers[symbol] = ticker
        self.ticker_watch.heard[symbol] = now
        price = ticker.mark_price
        if price is None:
            price = ticker.last_price
        if price is not None:
            self.prices[symbol] = price
        book = self._books.get(symbol)
        if book is not None and (heard_at := book.touched_at) is not None and now - heard_at >= STILL:
            self.books.compare(book, ticker.mark_price, now)

    def _on_trades(self, trades: Trades, now: float) -> None:
        """They are news and no state; the last that was not made beside the book is where the market is."""
        book = self._books.get(trades.symbol)
        if book is not None and (heard_at := book.touched_at) is not None and now - heard_at >= STILL:
            prices = [one.price for one in trades.trades if one.reason is None and one.symbol == book.symbol]
            self.books.compare(book, prices[-1] if prices else None, now)

    def _on_account(self, event: AccountEvent, now: float) -> Sequence[Event]:
        account = self.accounts.get(event.account)
        if account is None:
            return (Unasked(event),)
        was_live, is_whole = account.live, isinstance(event, AccountSnapshot)
        news = account.apply(event)
        is_live = account.live
        if is_live and (is_whole or not was_live):
            self._subscriptions.prime(("account", event.account))
        elif not is_live and (is_whole or was_live):  # it does not tell enough: see Account.apply()
            self._subscriptions.renew(("account", event.account), now)
        if type(event) in _MOVES_POSITIONS and event.account == self.home:
            self.inventory.reconcile(account.last_positions, account.margin)
        return news

    def look_at_disputes(self, now: float) -> None:
        """A reply was taken in: an account that contradicts it is sent anew, unless its stream tells."""
        for key, account in self.accounts.items():
            if account.is_disputed:
                self._subscriptions.renew(("account", key), now)
            elif account.live:
                self._subscriptions.prime(("account", key))

    def _on_refused(self, refused: MessageRefused, now: float) -> None:
        """A message that was lost to us costs the trust in what it was about, until that is sent anew."""
        kind, name = split_topic(refused.stream or "")
        if (stream := BOOK_STREAMS.get(kind)) is not None:
            self.books.unreadable(stream, name, now)
        elif kind == "account" and (account := self.accounts.get(name)) is not None:
            account.mark_stale()
            self._subscriptions.renew((kind, name), now)


def _keep_nothing(event: Event, now: float) -> None:
    """For what is news and no state."""
