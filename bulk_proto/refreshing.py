"""How a core keeps itself up to date: what stays away, stays empty or looks wrong is asked for again."""

from __future__ import annotations

from . import wire
from .events import BookStale, DisconnectReason, Event, TickerStale
from .outgoing import Outgoing


class Refreshing(Outgoing):
    """The part of a :class:`~bulk_proto.core.ClientCore` that looks after what it was told, by deadlines."""

    _events: list[Event]
    _news_at: float  # when something was told that was no answer

    def _refresh(self, now: float) -> None:
        """Ask again for what stays empty or wrong."""
        for topic in self.subscriptions.expire(now):
            self._send(wire.unsubscribe(topic), now)
        for symbol in self._mirror.expire_tickers(now):
            self._ask_again(("ticker", symbol), now)
            self._events.append(TickerStale(symbol))
        if self._is_starved(now):
            self._line.give_up(now, DisconnectReason.STARVED)
            self._line_changed()
            return
        for book, stream in self._mirror.books.expire(now):
            self._ask_again(stream, now)
            if book.why is not None:
                self._events.append(BookStale(book.symbol, book.why))
        self._ask(now)
        self._expect_state(now)

    def _is_starved(self, now: float) -> bool:
        """The exchange is there and answers, but all news has dried up, and asking again brought none."""
        limit = self.config.ticker_silence
        answers, is_silent = now - self._line.heard_at < limit, now - self._news_at >= 2 * limit
        return answers and is_silent and self._mirror.ticker_watch.has_run_dry(self.config.settled_after)
