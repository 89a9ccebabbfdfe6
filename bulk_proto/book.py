"""The order book of one symbol, and whether it can be trusted.

The exchange numbers nothing and adds no checksum: a book is what the last snapshot said plus every
change since. So it is not live before its first snapshot nor after a lost connection, changes are
applied to a live book only, and what looks wrong (a crossed touch, a clock that runs backwards) turns
``ok`` off until a snapshot settles it. Reads stay possible at all times: ask ``ok`` before relying on
them.

Messages can overtake each other. The latest changes are remembered, so that a late change is applied
only to prices that nothing newer has touched, and a late snapshot gets the newer changes again on top. A
change too late for that costs the trust in the book; a snapshot too late for that is left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from enum import StrEnum
from math import inf

from .events import L2Delta, L2Snapshot, OrderBookLevel
from .quotes import Quotes
from .timestamps import to_nanoseconds

_GLANCE = 8  # changes remembered to judge a late message by: of many books, they are most of the memory ...
_MEMORY = 64  # ... and of a book that has seen one
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


class OrderBook(Quotes):
    """Bids and asks of one symbol, kept current.

    ``ok``: the book is live and nothing speaks against it; ``why`` is the reason when it is not.
    ``live``: a snapshot came, and changes are followed. ``touched_at``: when a message was last applied,
    in seconds of the clock that ``now`` comes from; None while not live. ``crossed_at``: since when the
    best bid has not been below the best ask; None while it is. ``late``: how many messages came after a
    newer one.
    """

    __slots__ = (
        "_corrected",
        "_doubt",
        "_floor",
        "_horizon",
        "_lateness",
        "_newest",
        "_recent",
        "_since",
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
    _horizon: int  # twice some earlier time: what lies beyond came in another unit; 0 while not live
    _floor: int  # ns of the last whole snapshot
    _corrected: tuple[int, float, float]  # ns of the last partial snapshot, and how deep it went
    _lateness: int  # late messages in a row
    _since: int  # ns; what came before may have been forgotten, although more could be remembered by now

    def __init__(self, symbol: str) -> None:
        super().__init__(symbol)
        self.late = 0
        self._recent: deque[L2Delta] = deque(maxlen=_GLANCE)
        self.forget(Doubt.NO_SNAPSHOT)

    def apply_snapshot(self, snapshot: L2Snapshot, *, covers_all: bool, now: float = 0.0) -> bool:
        """Take over a snapshot; False when it is older than what is known, so that nothing changed.

        ``covers_all``: the snapshot is the whole book, or nobody maintains what it leaves out. Without
        it, a book that is ``ok`` keeps what is deeper than the worst level of the snapshot, side by
        side; a book that is not keeps nothing, since what is deeper is in doubt as well. An aggregated
        snapshot must never come here: its prices are not those of the book.
        """
        timestamp = snapshot.timestamp
        newer: list[L2Delta] = []
        if timestamp is None:
            self._restart_time()
        elif not self._newest <= timestamp < self._horizon:
            if self._is_outdated(timestamp) and not self._time_ran_backwards(_SNAPSHOT_WEIGHT):
                return False
            newer, _ = self._changes_after(timestamp)
        self._put(snapshot, covers_all or not self.ok)
        for delta in newer:
            self._bids.change(delta.bid_changes)
            self._asks.change(delta.ask_changes)
        self.live = True
        self.touched_at = now
        self._doubt = None
        self._note_crossing(now)
        return True

    def apply_delta(self, delta: L2Delta, now: float = 0.0) -> bool:
        """Set changed prices to their new sizes; False when the book is not live or all of it was old.

        Removing a price that is not there is harmless.
        """
        timestamp = delta.timestamp
        if timestamp is not None and self._newest <= timestamp < self._horizon:
            self._newest = timestamp
            self._lateness = 0
            self._recent.append(delta)
        else:
            news = self._judge(delta) if self.live else None
            if news is None:
                return False
            delta = news
            self._remember(delta)
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
        twin._recent = self._recent.copy()
        return twin

    def __str__(self) -> str:
        return super().__str__() if self.ok else f"{super().__str__()}\n  not to be trusted: {self.why}"

    def _put(self, snapshot: L2Snapshot, whole: bool) -> None:
        moment = 0
        if snapshot.timestamp is not None:
            self._advance(snapshot.timestamp)
            moment = to_nanoseconds(snapshot.timestamp)
        if whole:
            self._bids.replace(snapshot.bids)
            self._asks.replace(snapshot.asks)
            self._floor = moment
        else:
            bids_to = self._bids.correct(snapshot.bids)
            asks_to = self._asks.correct(snapshot.asks)
            self._corrected = moment, bids_to, asks_to

    def _judge(self, delta: L2Delta) -> L2Delta | None:
        """What is still news in a change whose time is not plainly next."""
        timestamp = delta.timestamp
        if timestamp is None:
            return delta
        moment = to_nanoseconds(timestamp)
        if moment >= to_nanoseconds(self._newest):
            self._advance(timestamp)
            return delta
        if self._time_ran_backwards(1):
            self.mark_suspect(Doubt.TIME_RAN_BACKWARDS)
            self._advance(timestamp)
            return delta
        if moment < self._floor:
            return None
        newer, all_remembered = self._changes_after(timestamp)
        if not all_remembered:
            self.mark_suspect(Doubt.TOO_LATE)
            return None
        bids = _others(delta.bid_changes, (level for later in newer for level in later.bid_changes))
        asks = _others(delta.ask_changes, (level for later in newer for level in later.ask_changes))
        if moment < self._corrected[0]:
            bids = self._bids.below(self._corrected[1], bids)
            asks = self._asks.below(self._corrected[2], asks)
        return L2Delta(delta.symbol, (tuple(bids), tuple(asks)), timestamp) if bids or asks else None

    def _remember(self, delta: L2Delta) -> None:
        """Keep a change that is not plainly the next in the order of time: the oldest is forgotten first."""
        recent = self._recent
        newer: list[L2Delta] = []
        if delta.timestamp is not None:
            newer, _ = self._changes_after(delta.timestamp)
        if len(recent) == recent.maxlen:
            recent.popleft()
        recent.insert(recent.index(newer[0]) if newer else len(recent), delta)

    def _is_outdated(self, timestamp: int) -> bool:
        """True when a snapshot of that time could only take the book back."""
        known = max(self._floor, self._corrected[0])
        return to_nanoseconds(timestamp) < known or not self._changes_after(timestamp)[1]

    def _changes_after(self, timestamp: int) -> tuple[list[L2Delta], bool]:
        """The remembered changes newer than that, and whether no newer one may have been forgotten.

        What came late once will again, so more is remembered from then on.
        """
        recent, moment = self._recent, to_nanoseconds(timestamp)
        newer = [
            delta
            for delta in recent
            if delta.timestamp is not None and to_nanoseconds(delta.timestamp) > moment
        ]
        all_remembered = moment >= self._since and len(newer) != recent.maxlen
        if newer and recent.maxlen == _GLANCE:
            if len(recent) == _GLANCE:
                self._since = to_nanoseconds(recent[0].timestamp or 0)
            self._recent = deque(recent, _MEMORY)
        return newer, all_remembered

    def _time_ran_backwards(self, weight: int) -> bool:
        """Count a late message. After many in a row the old times mean nothing any more: True."""
        self.late += 1
        self._lateness += weight
        if self._lateness < _LATE_LIMIT:
            return False
        self._restart_time()
        return True

    def _restart_time(self) -> None:
        self._recent.clear()
        self._newest = 0
        self._horizon = 0
        self._floor = 0
        self._corrected = (0, inf, inf)
        self._since = 0
        self._lateness = 0

    def _advance(self, timestamp: int) -> None:
        in_order = self._newest <= timestamp < self._horizon
        if in_order or to_nanoseconds(timestamp) >= to_nanoseconds(self._newest):
            self._newest = timestamp
            self._horizon = 2 * timestamp
            self._lateness = 0

    def _note_crossing(self, now: float) -> None:
        if not self._bids.crosses(self._asks):
            self.crossed_at = None
        elif self.crossed_at is None:
            self.crossed_at = now
        self.ok = self._doubt is None and self.crossed_at is None


def _others(changes: Iterable[OrderBookLevel], touched: Iterable[OrderBookLevel]) -> list[OrderBookLevel]:
    """Those of ``changes`` whose price is not among ``touched``."""
    prices = {level.price for level in touched}
    return [level for level in changes if level.price not in prices]
