"""The open positions of one account: which row of the exchange speaks of which of them.

A cross position is known by its symbol. An isolated one has an account of its own, and rows may leave out
its key: then the symbol says which one is meant, as orders do, which are routed to the isolated account of
their symbol without naming it. So a row with a key and one without are the same position wherever only one
can be meant.

Updates are documented without the flag that tells isolated from cross. One without it is about the cross
position, unless its symbol has an isolated one and no update has ever had the flag.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from math import isnan

from msgspec.structs import replace

from .events import PositionUpdate

PositionKey = tuple[str, str | None]  # symbol; key of the isolated account, "" while unnamed, None for cross

_FIGURES = ("realized_pnl", "fees", "funding")
_FLAT_KEPT = 1024


class OwnPositions:
    """``open`` has the positions by key; flat ones are left out."""

    __slots__ = ("_flagged", "_flat", "open")

    def __init__(self) -> None:
        self.open: dict[PositionKey, PositionUpdate] = {}
        self._flat: OrderedDict[PositionKey, PositionUpdate] = OrderedDict()  # as they ended
        self._flagged = False  # the exchange does tell isolated from cross in its updates

    def copy(self) -> OwnPositions:
        twin = OwnPositions()
        twin.open = self.open.copy()
        twin._flat = self._flat.copy()
        twin._flagged = self._flagged
        return twin

    def updated(self, row: PositionUpdate) -> tuple[PositionUpdate, bool]:
        """Take over one row; returns it, with all that is known of whose it is, and whether that was enough.

        A row that may be about any of several positions changes none of them: any choice might be wrong,
        and a position of its own would count one of them twice. A snapshot settles it.
        """
        if row.iso is not None:
            self._flagged = True
        elif self._flagged or not any(
            symbol == row.symbol and name is not None for symbol, name in self.open
        ):
            row = replace(row, iso=False)
        else:
            return row, False
        key = _key_of(row)
        if key not in self.open and (meant := _meant_by(key, self.open)):
            if len(meant) > 1:
                return row, False
            if row.iso_pubkey:
                self.open[key] = self.open.pop(meant[0])  # it has a name now
            else:
                key = meant[0]
                row = replace(row, iso_pubkey=key[1])
        self._name_flat(key)
        if row.size:
            self.open[key] = row
            self._flat.pop(key, None)
        else:
            self._end(key, row)
        return row, True

    def replaced_by(
        self, listed: Sequence[PositionUpdate]
    ) -> tuple[list[PositionUpdate], list[PositionUpdate]]:
        """Take over a snapshot; returns its rows, with all keys that are known, and what is flat now."""
        before = self.open
        known = same_positions(before, dict.fromkeys(map(_key_of, listed)))
        rows = [_named(row, known.get(_key_of(row))) for row in listed]
        self.open = {_key_of(row): row for row in rows if row.size}
        closed = closed_since(before, self.open)
        for row in closed:
            self._end(_key_of(row), row, before[_key_of(row)])
        for key in self.open:
            self._name_flat(key)
            self._flat.pop(key, None)
        return rows, closed

    def latest(self) -> list[PositionUpdate]:
        """The last row of each position, of flat ones as well: profit, fees and funding outlast them."""
        return [*self._flat.values(), *self.open.values()]

    def _name_flat(self, key: PositionKey) -> None:
        """The one position that ended under another form of this key is the same."""
        if key not in self._flat and len(meant := _meant_by(key, self._flat)) == 1:
            self._flat[key] = self._flat.pop(meant[0])

    def _end(self, key: PositionKey, row: PositionUpdate, last: PositionUpdate | None = None) -> None:
        """A position is flat. What the row does not tell stays as it was last told."""
        last = last or self.open.pop(key, None) or self._flat.pop(key, row)
        told = {name: getattr(row, name) for name in _FIGURES if not isnan(getattr(row, name))}
        self._flat[key] = replace(last, size=0.0, unrealized_pnl=0.0, **told)
        if len(self._flat) > _FLAT_KEPT:
            self._flat.popitem(last=False)


def same_positions(
    before: Collection[PositionKey], now: Collection[PositionKey]
) -> dict[PositionKey, PositionKey]:
    """For each position of now, the one that it was before, if there was one."""
    left = [key for key in before if key not in now]
    found = {}
    for key in now:
        if key in before:
            found[key] = key
        elif len(meant := _meant_by(key, left)) == 1:
            found[key] = meant[0]
    return found


def closed_since(
    before: Mapping[PositionKey, PositionUpdate], now: Mapping[PositionKey, PositionUpdate]
) -> list[PositionUpdate]:
    """What was a position and is none any more, as updates of size 0."""
    kept = set(same_positions(before, now).values())
    return [
        PositionUpdate(
            account=old.account, symbol=old.symbol, size=0.0, iso=old.iso, iso_pubkey=old.iso_pubkey
        )
        for key, old in before.items()
        if key not in kept
    ]


def _key_of(row: PositionUpdate) -> PositionKey:
    return row.symbol, (row.iso_pubkey or "") if row.iso else None


def _meant_by(key: PositionKey, others: Iterable[PositionKey]) -> list[PositionKey]:
    """The positions that a row of another key may speak of: isolated ones, if one of the two has no name."""
    symbol, name = key
    if name is None:
        return []
    return [
        other for other in others if other[0] == symbol and other[1] is not None and not (name and other[1])
    ]


def _named(row: PositionUpdate, known: PositionKey | None) -> PositionUpdate:
    if known is None or not known[1] or row.iso_pubkey:
        return row
    return replace(row, iso_pubkey=known[1])
