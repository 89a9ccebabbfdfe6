"""Each execution of the own orders counts once, however often the exchange tells it.

A trade id names an execution for everybody who took part in it, and one account can take part twice (a
cross and an isolated position, say), so an execution of an order is known by trade id and order id
together. Older servers send no trade id. Two real fills can agree in everything else, so those are
compared only where they are dated and repeats are to be expected: with what was told before the connection
was lost, and only until the exchange has had time to repeat it. Even then a repeat is only suspected: it
is told with a mark.
"""

from __future__ import annotations

from collections import Counter, deque

from msgspec.structs import replace

from .enums import Side
from .events import Fill

_GENERATION = 2048  # executions with a trade id that are forgotten together
_GENERATIONS_KEPT = 3  # so the latest 4096 at least are remembered
_REPEATABLE = 256  # fills without one that a reconnection may repeat, and how long to look out for them

_Looks = tuple[str, str, int, float, float, Side | None]


class OwnFills:
    """Tells news from repeats; ``repeats`` counts what was left out."""

    __slots__ = ("_awaited", "_ids", "_latest", "_window", "repeats")

    def __init__(self) -> None:
        self.repeats = 0
        # By generation: a set whose oldest entries are removed one by one grows for a long while yet.
        self._ids: deque[set[tuple[str, str]]] = deque([set()], maxlen=_GENERATIONS_KEPT)
        self._latest: deque[_Looks] = deque(maxlen=_REPEATABLE)
        self._awaited: Counter[_Looks] = Counter()  # told before the connection was lost
        self._window = 0  # fills still to be compared with them

    def told(self, fill: Fill) -> Fill | None:
        """Remember a fill, as it was received; returns what to tell of it, None when it is a repeat."""
        if fill.trade_id is None:
            return fill if self._has_new_looks(fill) else replace(fill, suspected_repeat=True)
        if self._has_new_id(fill, fill.trade_id):
            return fill
        self.repeats += 1
        return None

    def connection_lost(self) -> None:
        self._awaited = Counter(self._latest)
        self._window = _REPEATABLE

    def snapshot_came(self) -> None:
        """From now on the repeats run out."""
        if self._window:
            self._window = _REPEATABLE

    def _has_new_id(self, fill: Fill, trade_id: str) -> bool:
        execution = trade_id, fill.order_id
        for generation in self._ids:
            if execution in generation:
                return False
        latest = self._ids[-1]
        latest.add(execution)
        if len(latest) == _GENERATION:
            self._ids.append(set())
        return True

    def _has_new_looks(self, fill: Fill) -> bool:
        if fill.timestamp is None:
            return True
        looks = fill.symbol, fill.order_id, fill.timestamp, fill.price, fill.size, fill.side
        if self._window:
            self._window -= 1
            if self._awaited[looks]:
                self._awaited[looks] -= 1
                return False
        self._latest.append(looks)
        return True
