"""The order book of one symbol, and whether it can be trusted.

The exchange numbers nothing and adds no checksum: a book is what the last snapshot said plus every
change since. So it is not live before its first snapshot nor after a lost connection, changes are
applied to a live book only, and what looks wrong (a crossed touch, a clock that runs backwards) turns
``ok`` off until a snapshot settles it. Reads stay possible at all times: ask ``ok`` before relying on
them.

Messages can overtake each other. A late change is applied only to prices that nothing newer has told of,
and a late snapshot gets the newer changes again on top (:mod:`bulk_proto.recollection`). A change too late
for that costs the trust in the book; a snapshot too late for that is left out.

A snapshot may be cut to its best levels. What lies deeper is not empty then but unknown, and a change there
would stand behind a hole: it is kept out of the book, until a whole snapshot or a deeper one brings it.
"""

from __future__ import annotations

from enum import StrEnum

from .events import L2Delta, L2Snapshot
from .ladder import Ladder
from .quotes import Quotes
from .recollection import Recollection
from .timestamps import to_nanoseconds

_LATE_LIMIT = 32  # so many late changes in a row are no reordering: the clock itself went back
_SNAPSHOT_WEIGHT = _LATE_LIMIT // 2  # snapshots are rare: two late ones say as much


class Doubt(StrEnum):
    """Why a book is not to be trusted; the caller may give reasons of its own."""

    NO_SNAPSHOT = "no snapshot yet"
    DISCONNECTED = "disconnected"
    UNSUBSCRIBED = "unsubscribed"
    CROSSED = "crossed"
    TIME_RAN_BACKWARDS = "time ran backwards"
    SILENT = "silent"
    UNREADABLE = "a message for it could not be read"
    TOO_LATE = "a message came too late to be judged"
    OUT_OF_SIGHT = "the market has left the levels that are known"


class OrderBook(Quotes):
    """Bids and asks of one symbol, kept current.

    ``ok``: the book is live and nothing speaks against it; ``why`` is the reason when it is not.
    ``live``: a snapshot came, and changes are followed. ``touched_at``: when a message was last applied,
    in seconds of the clock that ``now`` comes from; None while not live. ``crossed_at``: since when the
    best bid has not been below the best ask; None while it is. ``late``: how many messages came after a
    newer one.
    """

    __slots__ = (
        "_doubt",
        "_horizon",
        "_is_cut",
        "_lateness",
        "_newest",
        "_past",
        "crossed_at",
        "late",
        "live",
        "ok",
        "touched_at",
    )

    ok: bool
    live: bool
    touched_at: float | None
    crossed_at: float | None
    _doubt: str | None
    _newest: int  # as the exchange sent it; 0: no time known
    _horizon: int  # twice some earlier time: what lies beyond came in another unit; 0 while not all is known
    _is_cut: bool  # deeper levels are unknown
    _lateness: int  # late messages in a row

    def __init__(self, symbol: str) -> None:
        super().__init__(symbol)
        self.late = 0
        self._past = Recollection()
        self.forget(Doubt.NO_SNAPSHOT)

    def apply_snapshot(
        self, snapshot: L2Snapshot, *, nlevels: int | None = None, followed: bool = True, now: float = 0.0
    ) -> bool:
        """Take over a snapshot; False when it is older than what is known, so that nothing changed.

        ``nlevels``: how many levels a side it was cut to. ``followed``: changes come as well, so that a book
        that is ``ok`` keeps what is deeper than such a snapshot; one that is not keeps nothing, since what is
        deeper is in doubt too. An aggregated snapshot must never come here: its prices are not those of the
        book.
        """
        timestamp = snapshot.timestamp
        newer: list[L2Delta] = []
        all_remembered = True
        if timestamp is None:
            self._restart_time()
        elif not self._newest <= timestamp < self._horizon:
            newer, all_remembered = self._past.changes_after(timestamp)
            if self.live and (not all_remembered or self._past.is_covered(timestamp)):
                if nlevels is None and all_remembered and self._is_cut and self._past.can_complete(timestamp):
                    self._complete(snapshot, timestamp, newer, now)
                    return True
                if not self._time_ran_backwards(_SNAPSHOT_WEIGHT):
                    return False
                newer, all_remembered = [], True
        self._put(snapshot, nlevels, keeps_deeper=followed and self.ok)
        self._doubt = None if all_remembered else Doubt.TOO_LATE
        for delta in newer:
            self._change(delta)
        self.live = True
        self.touched_at = now
        self._note_crossing(now)
        return True

    def apply_delta(self, delta: L2Delta, now: float = 0.0) -> bool:
        """Set changed prices to their new sizes; False when the book is not live or all of it was old.

        Removing a price that is not there is harmless.
        """
        timestamp = delta.timestamp
        if timestamp is None or not self._newest <= timestamp < self._horizon:
            return self._apply_with_care(delta, now)
        self._newest = timestamp
        self._lateness = 0
        self._past.changes.append(delta)
        self.touched_at = now
        bids, asks = delta.changes
        touched = bids and self._bids.change(bids)
        if (asks and self._asks.change(asks)) or touched:
            self._note_crossing(now)
        return True

    def forget(self, why: str) -> None:
        """Empty the book: nothing is known any more, and no change is applied before a snapshot."""
        self.ok = False
        self.live = False
        self.touched_at = None
        self.crossed_at = None
        self._doubt = why
        self._bids.clear()
        self._asks.clear()
        self._is_cut = False
        self._restart_time()

    def mark_suspect(self, why: str) -> None:
        """Go on following, but say that the book may be wrong. The first reason stays until a snapshot."""
        if self._doubt is None:
            self._doubt = why
            self.ok = False

    @property
    def why(self) -> str | None:
        """The reason why the book is not ``ok``; None when it is."""
        return Doubt.CROSSED if self._doubt is None and self.crossed else self._doubt

    @property
    def crossed(self) -> bool:
        """True while the best bid is not below the best ask; between two deltas that can be normal."""
        return self.crossed_at is not None

    def age(self, now: float) -> float | None:
        """Seconds since a message was last applied; None while not live."""
        return None if self.touched_at is None else now - self.touched_at

    @property
    def timestamp(self) -> int | None:
        """The newest time the exchange gave for this book, in its own unit."""
        return self._newest or None

    @property
    def last_update_time(self) -> int:
        """``timestamp``, and 0 where that is None."""
        return self._newest

    def copy(self) -> OrderBook:
        """The book as it stands, with its doubts: no later message for this one changes the copy."""
        twin = OrderBook(self.symbol)
        for name in (*Quotes.__slots__, *OrderBook.__slots__):
            setattr(twin, name, getattr(self, name))
        twin._bids = self._bids.copy()
        twin._asks = self._asks.copy()
        twin._past = self._past.copy()
        return twin

    def __str__(self) -> str:
        return super().__str__() if self.ok else f"{super().__str__()}\n  not to be trusted: {self.why}"

    # Snapshots -------------------------------------------------------------------------------------------

    def _put(self, snapshot: L2Snapshot, nlevels: int | None, *, keeps_deeper: bool) -> None:
        bids, asks, timestamp = snapshot.bids, snapshot.asks, snapshot.timestamp
        moment = 0 if timestamp is None else to_nanoseconds(timestamp)
        if nlevels is None:
            self._bids.replace(bids)
            self._asks.replace(asks)
            self._past.saw_whole(moment)
            self._is_cut = False
        else:
            put, saw = (
                (Ladder.correct, self._past.saw_part) if keeps_deeper else (Ladder.begin, self._past.saw_only)
            )
            saw(moment, put(self._bids, bids, nlevels), put(self._asks, asks, nlevels))
            self._is_cut = self._bids.is_cut or self._asks.is_cut
        if timestamp is not None:
            self._advance(timestamp)

    def _complete(self, snapshot: L2Snapshot, timestamp: int, newer: list[L2Delta], now: float) -> None:
        """Take from an older snapshot of the whole book what newer ones were cut off from."""
        self._past.saw_whole(to_nanoseconds(timestamp))
        self._is_cut = False
        self._bids.complete(snapshot.bids, (level for delta in newer for level in delta.bid_changes))
        self._asks.complete(snapshot.asks, (level for delta in newer for level in delta.ask_changes))
        self._advance(timestamp)
        self.touched_at = now
        if self._doubt is Doubt.OUT_OF_SIGHT:
            self._doubt = None
        self._note_crossing(now)

    # Changes ---------------------------------------------------------------------------------------------

    def _apply_with_care(self, delta: L2Delta, now: float) -> bool:
        """Apply a change whose time is not plainly next, or to a book of which not all is known."""
        news = self._judge(delta) if self.live else delta
        if news is None:
            return False
        self._past.remember(news)
        if not self.live:
            return False
        self.touched_at = now
        self._change(news)
        self._note_crossing(now)
        return True

    def _judge(self, delta: L2Delta) -> L2Delta | None:
        """What is still news in a change."""
        timestamp = delta.timestamp
        if timestamp is None:
            return delta
        if to_nanoseconds(timestamp) >= to_nanoseconds(self._newest):
            return delta
        if self._time_ran_backwards(1):
            self.mark_suspect(Doubt.TIME_RAN_BACKWARDS)
            return delta
        news = self._past.news_in(delta, timestamp)
        if news is None:
            self.mark_suspect(Doubt.TOO_LATE)
            return None
        bids, asks = news
        return L2Delta(delta.symbol, (tuple(bids), tuple(asks)), timestamp) if bids or asks else None

    def _change(self, delta: L2Delta) -> None:
        """Apply what is in sight of a change, which may be a late one."""
        if delta.timestamp is not None:
            self._advance(delta.timestamp)
        for ladder, changes in zip((self._bids, self._asks), delta.changes, strict=True):
            ladder.change(ladder.in_sight(changes))
            if ladder.is_cut and ladder.best is None:
                self.mark_suspect(Doubt.OUT_OF_SIGHT)

    # Time and trust --------------------------------------------------------------------------------------

    def _time_ran_backwards(self, weight: int) -> bool:
        """Count a late message. After many in a row the old times mean nothing any more: True."""
        self.late += 1
        self._lateness += weight
        if self._lateness < _LATE_LIMIT:
            return False
        self._restart_time()
        return True

    def _restart_time(self) -> None:
        self._past.clear()
        self._newest = 0
        self._horizon = 0
        self._lateness = 0

    def _advance(self, timestamp: int) -> None:
        """Note the time of a message, and that it was none too late if it is the newest."""
        in_order = self._newest <= timestamp < self._horizon
        if in_order or to_nanoseconds(timestamp) >= to_nanoseconds(self._newest):
            self._newest = timestamp
            self._lateness = 0
        self._horizon = 0 if self._is_cut else 2 * self._newest

    def _note_crossing(self, now: float) -> None:
        if not self._bids.crosses(self._asks):
            self.crossed_at = None
        elif self.crossed_at is None:
            self.crossed_at = now
        self.ok = self._doubt is None and self.crossed_at is None
