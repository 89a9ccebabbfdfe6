"""The order book of one symbol, and whether it can be trusted.

The exchange numbers nothing and adds no checksum: a book is what the last snapshot said plus every
change since. So it is not live before its first snapshot nor after a lost connection, changes are
applied to a live book only, and what looks wrong (a crossed touch, a clock that runs backwards) turns
``ok`` off until a snapshot settles it. Reads stay possible at all times: ask ``ok`` before relying on
them.

Messages can overtake each other. A late change is applied only to prices that nothing newer has told of,
and a late snapshot gets the newer changes again on top (:mod:`bulk_proto.recollection`). A change too late
for that costs the trust in the book; a snapshot too late for that is left out.

A snapshot may be cut to its best levels. It corrects a book that is whole; any other book then holds
what it shows and nothing else. What lies deeper is unknown, not empty, and a change there would stand behind
a hole: it is kept out until a snapshot brings it.
"""

from __future__ import annotations

from .doubt import Doubt
from .events import L2Delta, L2Snapshot
from .quotes import Quotes
from .recollection import Recollection
from .timestamps import to_nanoseconds

_LATE_LIMIT = 32  # so many late changes in a row are no reordering: the clock itself went back
_SNAPSHOT_WEIGHT = _LATE_LIMIT // 2  # snapshots are rare: two late ones say as much


class OrderBook(Quotes):
    """Bids and asks of one symbol, kept current.

    ``ok``: the book is live and nothing speaks against it; ``why`` is the reason when it is not.
    ``live``: a snapshot came, and changes are followed. ``whole``: all levels are known, not only the best
    ones. ``touched_at``: when a message was last applied, in seconds of the clock that ``now`` comes from;
    None while not live. ``crossed_at``: since when the best bid has not been below the best ask; None while
    it is. ``late``: how many messages came after a newer one.
    """

    __slots__ = (
        "_doubt",
        "_doubted_at",
        "_horizon",
        "_lateness",
        "_newest",
        "_past",
        "crossed_at",
        "late",
        "live",
        "ok",
        "touched_at",
        "whole",
    )

    ok: bool
    live: bool
    whole: bool
    touched_at: float | None
    crossed_at: float | None
    _doubt: str | None
    _doubted_at: int  # the newest time when something last spoke against the book
    _newest: int  # as the exchange sent it; 0: no time known
    _horizon: int  # twice some earlier time: what lies beyond came in another unit; 0 while not live
    _lateness: int  # late messages in a row

    def __init__(self, symbol: str) -> None:
        super().__init__(symbol)
        self.late = 0
        self._past = Recollection()
        self.forget(Doubt.NO_SNAPSHOT)

    def apply_snapshot(
        self, snapshot: L2Snapshot, *, cut: bool = False, followed: bool = True, now: float = 0.0
    ) -> bool:
        """Take over a snapshot; False when it is too old for that, so that no level changed.

        ``cut``: it shows the best levels only. ``followed``: changes come as well, so that a book that is
        whole and in no doubt keeps what is deeper than such a snapshot. An aggregated snapshot must never
        come here: its prices are not those of the book.
        """
        timestamp = snapshot.timestamp
        late = timestamp is not None and not self._newest <= timestamp < self._horizon
        if timestamp is None:
            self._restart_time()
        elif late and self.live and self._is_outdated(timestamp):
            if not cut and self._complete(snapshot, timestamp, now):
                return True
            if not self._time_ran_backwards(_SNAPSHOT_WEIGHT):
                return False
            self.whole = False
        self._put(snapshot, cut=cut, keeps_deeper=followed and self.whole and self._doubt is None)
        if timestamp is not None and late:
            self._bring_up_to_date(timestamp)
        else:
            self._doubt = None
        self.live = True
        self.touched_at = now
        self._judge_trust(now)
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
            self._judge_trust(now)
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
        self.whole = False
        self._restart_time()

    def give_up_depth(self) -> None:
        """Nobody will tell of changes any more: the next cut snapshot is all that is known then."""
        self.whole = False

    def mark_suspect(self, why: str) -> None:
        """Go on following, but say why the book may be wrong: the first reason, until a newer snapshot."""
        self._doubted_at = self._newest
        if self._doubt is None:
            self._doubt = why
            self.ok = False

    @property
    def why(self) -> str | None:
        """The reason why the book is not ``ok``; None when it is."""
        if self.ok or self._doubt is not None:
            return self._doubt
        return Doubt.CROSSED if self.crossed else Doubt.OUT_OF_SIGHT

    @property
    def crossed(self) -> bool:
        """True while the best bid is not below the best ask; between two deltas that can be normal."""
        return self.crossed_at is not None

    def age(self, now: float) -> float | None:
        """Seconds since a message was last applied; None while not live.

        ``now`` is the time of whoever drives the core: ``anyio.current_time()`` on asyncio and trio,
        ``time.monotonic()`` with the blocking client.
        """
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

    def _put(self, snapshot: L2Snapshot, *, cut: bool, keeps_deeper: bool) -> None:
        bids, asks, timestamp = snapshot.bids, snapshot.asks, snapshot.timestamp
        moment = 0 if timestamp is None else to_nanoseconds(timestamp)
        if not cut:
            self._bids.replace(bids)
            self._asks.replace(asks)
            self._past.saw_whole(moment)
            self.whole = True
        elif keeps_deeper:
            self._past.saw_part(moment, self._bids.correct(bids), self._asks.correct(asks))
        else:
            self._past.saw_only(moment, self._bids.begin(bids), self._asks.begin(asks))
            self.whole = False
        if timestamp is not None:
            self._advance(timestamp)

    def _bring_up_to_date(self, timestamp: int) -> None:
        """Put the changes that are newer than a late snapshot on top of it.

        It settles a doubt only if it has seen what came since.
        """
        if self._is_newest(timestamp) or self._past.holds_one_between(self._doubted_at, timestamp):
            self._doubt = None
        newer, all_remembered = self._past.changes_after(timestamp)
        for delta in newer:
            self._change(delta)
        if not all_remembered:
            self._doubt = Doubt.TOO_LATE

    def _is_outdated(self, timestamp: int) -> bool:
        """True when a snapshot of that time could only take the book back."""
        newer, all_remembered = self._past.changes_after(timestamp)
        self._past.was_overtaken(len(newer))
        return not all_remembered or self._past.is_covered(timestamp)

    def _complete(self, snapshot: L2Snapshot, timestamp: int, now: float) -> bool:
        """Take from an older snapshot of the whole book what newer ones were cut off from, if it can tell."""
        newer, all_remembered = self._past.changes_after(timestamp)
        if self.whole or not all_remembered or not self._past.can_complete(timestamp):
            return False
        self._past.saw_whole(to_nanoseconds(timestamp))
        self._bids.complete(snapshot.bids, (level for delta in newer for level in delta.bid_changes))
        self._asks.complete(snapshot.asks, (level for delta in newer for level in delta.ask_changes))
        self.whole = True
        self.touched_at = now
        self._judge_trust(now)
        return True

    # Changes ---------------------------------------------------------------------------------------------

    def _apply_with_care(self, delta: L2Delta, now: float) -> bool:
        """Apply a change whose time is not plainly next, or keep it for the first snapshot."""
        news = self._judge(delta) if self.live else delta
        if news is None:
            return False
        if news.timestamp is not None:
            self._past.remember(news, news.timestamp)
        if not self.live:
            return False
        self.touched_at = now
        self._change(news)
        self._judge_trust(now)
        return True

    def _judge(self, delta: L2Delta) -> L2Delta | None:
        """What is still news in a change."""
        timestamp = delta.timestamp
        if timestamp is None:
            return delta
        if self._is_newest(timestamp):
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
        """Apply a change, which may be a late one."""
        if delta.timestamp is not None:
            self._advance(delta.timestamp)
        self._bids.change(delta.bid_changes)
        self._asks.change(delta.ask_changes)

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
        self._newest = self._doubted_at = 0
        self._horizon = 0
        self._lateness = 0

    def _advance(self, timestamp: int) -> None:
        """Note the time of a message, and that it was none too late if it is the newest."""
        if self._newest <= timestamp < self._horizon or self._is_newest(timestamp):
            self._newest = timestamp
            self._lateness = 0
        self._horizon = 2 * self._newest

    def _is_newest(self, timestamp: int) -> bool:
        """The same in whatever unit: nothing newer is known."""
        return to_nanoseconds(timestamp) >= to_nanoseconds(self._newest)

    def _judge_trust(self, now: float) -> None:
        if not self._bids.crosses(self._asks):
            self.crossed_at = None
        elif self.crossed_at is None:
            self.crossed_at = now
        self.ok = (
            self._doubt is None
            and self.crossed_at is None
            and (self.whole or not (self._bids.is_out_of_sight or self._asks.is_out_of_sight))
        )
