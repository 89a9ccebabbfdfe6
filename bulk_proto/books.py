"""The books of all subscribed symbols: which stream feeds each, and when one must be asked for again.

The exchange sends no sequence numbers and no checksums, so a wrong book shows only indirectly: it stays
empty although it was subscribed, it is crossed or silent, prices move away while it stands still, or a
message for it could not be read. Each delta carries one level, so a book may be crossed for a moment between
two of them: it gets a short grace. After that the book is not to be trusted until a snapshot replaces it.

A book of cut snapshots gets its depth from the snapshot with which the delta stream begins. Without that it
is right but shallow, and the delta stream is asked for again, ever more patiently.
"""

from __future__ import annotations

from math import inf

from .book import OrderBook
from .doubt import Doubt
from .events import BookStream, L2Snapshot
from .silence import Silence
from .subscriptions import Stream, Subscription
from .wire.topics import BOOK_STREAMS

CROSSED_GRACE = 0.1  # seconds
_SIGHT_GRACE = 1.0  # seconds for the next of several cut snapshots a second, when the market left the last
_SILENCES = (Doubt.SILENT, Doubt.FROZEN)
_PATIENCE_CAP = 60.0  # seconds


class Books:
    """``patience`` is how many seconds a book may stay empty or wrong before it is asked for again,
    ``silence`` how many it may hear nothing.
    """

    def __init__(self, patience: float, silence: float) -> None:
        self.by_symbol: dict[str, OrderBook] = {}
        self.earliest = inf  # when to call expire(); infinite when there is nothing to wait for
        self._patience = patience
        self._sources: dict[str, dict[BookStream, Subscription]] = {}
        self._due: dict[str, float] = {}
        self._tries: dict[str, int] = {}
        self._silence = Silence(silence, lambda symbol: BookStream.SNAPSHOT in self._sources[symbol])

    def want(self, subscription: Subscription) -> None:
        """Keep a book for this subscription; an aggregated one never feeds a book."""
        stream = BOOK_STREAMS.get(subscription.stream[0])
        if stream is None or subscription.symbol is None or subscription.aggregation is not None:
            return
        self._sources.setdefault(subscription.symbol, {})[stream] = subscription
        self.by_symbol.setdefault(subscription.symbol, OrderBook(subscription.symbol))

    def unwant(self, subscription: Subscription) -> None:
        stream = BOOK_STREAMS.get(subscription.stream[0])
        symbol = subscription.symbol
        if stream is None or symbol is None:
            return
        sources = self._sources.get(symbol, {})
        sources.pop(stream, None)
        if stream is BookStream.DELTA and symbol in self.by_symbol:
            self.by_symbol[symbol].give_up_depth()
        if not sources:
            self._sources.pop(symbol, None)
            self._stop_asking(symbol)
            self._silence.forget(symbol)
            if (book := self.by_symbol.pop(symbol, None)) is not None:
                book.forget(Doubt.UNSUBSCRIBED)

    def apply_snapshot(self, snapshot: L2Snapshot, stream: BookStream, now: float) -> None:
        """``stream``: the one that it belongs to, whatever its message says."""
        sources = self._sources.get(snapshot.symbol, {})
        source = sources.get(stream)
        if source is None:
            return
        book = self.by_symbol[snapshot.symbol]
        if not book.ok and book.why in _SILENCES:
            self._silence.answered(book.symbol, now)
        followed = BookStream.DELTA in sources
        book.apply_snapshot(snapshot, cut=source.nlevels is not None, followed=followed, now=now)
        self._silence.listen(now)
        self.earliest = min(self.earliest, self._silence.next_look)
        self._judge(book, now)

    def give_grace(self, book: OrderBook, now: float) -> None:
        """A delta left this book not ``ok``: the next messages may settle that."""
        grace = _SIGHT_GRACE if book.why is Doubt.OUT_OF_SIGHT else CROSSED_GRACE
        self._doubt(book.symbol, now + grace)

    def unreadable(self, stream: BookStream, symbol: str, now: float) -> None:
        """A message of a stream was lost to us: the book it feeds may be wrong from now on."""
        if stream in self._sources.get(symbol, {}):
            self.by_symbol[symbol].mark_suspect(Doubt.UNREADABLE)
            self._doubt(symbol, now)

    def compare(self, book: OrderBook, price: float | None, now: float) -> None:
        """The market was seen at this price, and the book has heard nothing for :data:`STILL` seconds."""
        if price is not None and self._silence.is_left_behind(book, price, now):
            book.mark_suspect(Doubt.FROZEN)
            self._doubt(book.symbol, now)

    def expect_snapshots(self, now: float) -> None:
        """Books were asked for: those that are still empty must fill soon."""
        for symbol in self.by_symbol:
            if symbol not in self._due:
                self._expect(symbol, now)

    def link_lost(self) -> None:
        self._due.clear()
        self._tries.clear()
        self._silence.forget_all()
        self.earliest = inf
        for book in self.by_symbol.values():
            book.forget(Doubt.DISCONNECTED)

    def expire(self, now: float) -> list[tuple[OrderBook, Stream]]:
        """The books to ask for again now, each with the topic that will bring a whole snapshot."""
        for book in self._silence.overdue(self.by_symbol.values(), now):
            book.mark_suspect(Doubt.SILENT)
            self._doubt(book.symbol, now)
        late = [symbol for symbol, due in self._due.items() if due <= now]
        found = []
        for symbol in late:
            del self._due[symbol]
            book = self.by_symbol[symbol]
            if self._is_sound(book):
                self._stop_asking(symbol)
                continue
            grace_ends = self._end_of_grace(book)
            if grace_ends is not None and grace_ends > now:
                self._look_at(symbol, grace_ends)
                continue
            if book.why is not None:
                book.mark_suspect(book.why)  # what passed by itself so far does not any more
            self._tries[symbol] = self._tries.get(symbol, 0) + 1
            self._expect(symbol, now)
            found.append((book, self._fullest(symbol).stream))
        self._look()
        return found

    def _judge(self, book: OrderBook, now: float) -> None:
        if self._is_sound(book):
            self._stop_asking(book.symbol)
        elif not book.ok:
            self.give_grace(book, now)
        elif book.symbol not in self._due:
            self._expect(book.symbol, now)

    def _is_sound(self, book: OrderBook) -> bool:
        """True for a book that is ok, and as deep as its streams make it."""
        return book.ok and (book.whole or BookStream.DELTA not in self._sources[book.symbol])

    def _stop_asking(self, symbol: str) -> None:
        if self._due.pop(symbol, None) is not None:
            self._look()
        self._tries.pop(symbol, None)

    def _doubt(self, symbol: str, due: float) -> None:
        if symbol not in self._tries:
            self._look_at(symbol, min(due, self._due.get(symbol, inf)))

    def _end_of_grace(self, book: OrderBook) -> float | None:
        """For a book that is crossed and nothing worse: each crossing has a grace of its own."""
        if book.crossed_at is None or book.why is not Doubt.CROSSED or book.symbol in self._tries:
            return None
        return book.crossed_at + CROSSED_GRACE

    def _expect(self, symbol: str, now: float) -> None:
        """Look at this book again later, each time more patiently."""
        if not self._is_sound(self.by_symbol[symbol]):
            wait = min(_PATIENCE_CAP, self._patience * 2.0 ** self._tries.get(symbol, 0))
            self._look_at(symbol, now + wait)

    def _look_at(self, symbol: str, due: float) -> None:
        self._due[symbol] = due
        self.earliest = min(self.earliest, due)

    def _look(self) -> None:
        self.earliest = min(self._silence.next_look, *self._due.values(), inf)

    def _fullest(self, symbol: str) -> Subscription:
        sources = self._sources[symbol]
        return sources.get(BookStream.DELTA) or sources[BookStream.SNAPSHOT]
