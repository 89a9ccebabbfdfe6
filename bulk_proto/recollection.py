"""What a book remembers of its latest messages, to judge those that they have overtaken.

Nothing that the exchange sends is numbered, so times are all there is. A late change is news only for prices
that no newer message has told of; a late snapshot lacks the newer changes. For both, the latest changes are
remembered in full, and of snapshots what they covered and when.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from .events import L2Delta, OrderBookLevel
from .timestamps import to_nanoseconds

_GLANCE = 8  # changes remembered at first: of many books, they are most of the memory ...
_MEMORY = 64  # ... and from when one came late
_LONGEST_MEMORY = 1024  # for messages that come later than all of these
_PARTS = 16  # snapshots of a part of the book remembered: more than three seconds

Levels = list[OrderBookLevel]


class Recollection:
    """``changes`` are in the order of time; those without a time are not among them. Whoever knows that a
    change is the newest of all may append it by hand.
    """

    __slots__ = ("_forgotten", "_forgotten_parts", "_parts", "_whole", "changes")

    def __init__(self) -> None:
        self.changes: deque[L2Delta] = deque(maxlen=_GLANCE)
        self._parts: deque[tuple[int, float, float]] = deque(maxlen=_PARTS)  # ns, and how deep each side went
        self.clear()

    def clear(self) -> None:
        """As if nothing had ever come."""
        self.changes.clear()
        self._parts.clear()
        self._whole = 0  # ns of the last snapshot of the whole book
        self._forgotten = 0  # ns; what came before may be forgotten, although more could be remembered by now
        self._forgotten_parts = 0  # ns of the last part that is forgotten

    def copy(self) -> Recollection:
        twin = Recollection()
        for name in Recollection.__slots__:
            setattr(twin, name, getattr(self, name))
        twin.changes = self.changes.copy()
        twin._parts = self._parts.copy()
        return twin

    # Snapshots -------------------------------------------------------------------------------------------

    def saw_whole(self, moment: int) -> None:
        """A snapshot of this moment (ns) told all that newer ones do not: older changes are part of it."""
        self._whole = moment

    def saw_part(self, moment: int, to_bid: float, to_ask: float) -> None:
        """A snapshot told all down to these ranks (:mod:`bulk_proto.ladder`)."""
        if len(self._parts) == _PARTS:
            self._forgotten_parts = self._parts[0][0]
        self._parts.append((moment, to_bid, to_ask))

    def saw_only(self, moment: int, to_bid: float, to_ask: float) -> None:
        """The same, and what lies deeper is given up, with all that only older messages told of it."""
        self._whole = self._told_until
        self._parts.clear()
        self.saw_part(moment, to_bid, to_ask)

    def is_covered(self, timestamp: int) -> bool:
        """True when a newer snapshot was seen than one of this time would be."""
        return to_nanoseconds(timestamp) < self._told_until

    def can_complete(self, timestamp: int) -> bool:
        """True when a whole snapshot of this time could tell what newer parts did not."""
        return to_nanoseconds(timestamp) >= self._whole

    @property
    def _told_until(self) -> int:
        return max(self._whole, self._parts[-1][0]) if self._parts else self._whole

    # Changes ---------------------------------------------------------------------------------------------

    def remember(self, delta: L2Delta, timestamp: int) -> None:
        """Keep a change in its place in time. A full memory forgets the oldest."""
        newer, _ = self.changes_after(timestamp)
        self.was_overtaken(len(newer))
        changes = self.changes
        if len(newer) == changes.maxlen:
            return  # this is the oldest
        if len(changes) == changes.maxlen:
            changes.popleft()
        changes.insert(len(changes) - len(newer), delta)

    def changes_after(self, timestamp: int) -> tuple[list[L2Delta], bool]:
        """The changes newer than that, and whether no newer one may have been forgotten."""
        moment = to_nanoseconds(timestamp)
        newer = [delta for delta in self.changes if _moment(delta) > moment]
        return newer, moment >= self._forgotten and len(newer) != self.changes.maxlen

    def holds_one_between(self, after: int, until: int) -> bool:
        """True for a change that is newer than the first of these times and not newer than the second."""
        newer, _ = self.changes_after(after)
        return bool(newer) and _moment(newer[0]) <= to_nanoseconds(until)

    def was_overtaken(self, by: int) -> None:
        """A message came after so many newer changes. It will happen again: remember more from now on."""
        changes = self.changes
        memory = changes.maxlen or 0
        wanted = _MEMORY if by < memory else min(4 * memory, _LONGEST_MEMORY)
        if by and wanted > memory:
            if len(changes) == memory:
                self._forgotten = _moment(changes[0])
            self.changes = deque(changes, wanted)

    def news_in(self, delta: L2Delta, timestamp: int) -> tuple[Levels, Levels] | None:
        """Of a late change, what nothing newer has told; None when that cannot be known any more."""
        moment = to_nanoseconds(timestamp)
        if moment < self._whole:
            return [], []
        newer, all_remembered = self.changes_after(timestamp)
        self.was_overtaken(len(newer))
        if not all_remembered or moment < self._forgotten_parts:
            return None
        bids = _others(delta.bid_changes, (level for later in newer for level in later.bid_changes))
        asks = _others(delta.ask_changes, (level for later in newer for level in later.ask_changes))
        for seen_at, to_bid, to_ask in self._parts:
            if moment < seen_at:
                bids = [level for level in bids if level.price < to_bid]
                asks = [level for level in asks if -level.price < to_ask]
        return bids, asks


def _moment(delta: L2Delta) -> int:
    return to_nanoseconds(delta.timestamp or 0)


def _others(changes: Iterable[OrderBookLevel], touched: Iterable[OrderBookLevel]) -> Levels:
    """Those of ``changes`` whose price is not among ``touched``."""
    prices = {level.price for level in touched}
    return [level for level in changes if level.price not in prices]
