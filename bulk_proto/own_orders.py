"""The orders of one account from the moment they are sent until they are finished.

Two sources tell about an order, in either order: the account stream, which is dated and complete, and
a reply to a request, of that order or of another that ended it, which only says where it stood. So an order
is `pending` until one of them says that it lives; what the stream said is not undone by a reply; what
only a reply said gives way to the stream. A finished order stays finished. Snapshots of the account are
authoritative, with one exception: they can be older than a reply, so what a reply alone has told, that an
order lives or that it has ended, is not contradicted before the second snapshot; nor is an order gone
before it of which the reply said nothing. And a reply can be older than a snapshot: what lives by a reply
alone, although a snapshot left it out, is disputed until the stream or the next snapshot tells.

Sizes come from the exchange, which reports them as totals: fills change no order.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from msgspec.structs import replace

from .enums import OrderStatus
from .events import Event, OrderContradicted, OrderState
from .order_life import NEXT, is_later

_KEPT = 1024  # finished orders, for late fills; as many without an answer

_STILL_PENDING = frozenset({OrderStatus.PENDING, OrderStatus.ACKNOWLEDGED, OrderStatus.GONE})
# By themselves, because finding a member in its Enum costs more than comparing it.
_GONE = OrderStatus.GONE
_DUPLICATE, _CANCEL_REJECT = OrderStatus.REJECTED_DUPLICATE, OrderStatus.CANCEL_REJECT


class OwnOrders:
    """Own orders by id, in four states.

    ``open`` orders live on the exchange; ``pending`` ones wait for news; ``in_doubt`` are those for which
    none will come by itself, settled by the next snapshot; ``finished`` keeps the latest ends.

    An order may have one of several ids until the exchange names one: the others were never orders.

    ``disputed`` are the open orders that live by a reply alone, although a snapshot left them out.

    ``newcomers`` counts the orders that were first heard of from the exchange.

    ``contradictions`` counts what cannot happen to an order (see :mod:`.order_life`) and was said
    nevertheless: nothing is raised because of it.
    """

    __slots__ = (
        "_came_as",
        "_left_out",
        "_other_ids",
        "_told",
        "_unmentioned",
        "contradictions",
        "disputed",
        "finished",
        "in_doubt",
        "newcomers",
        "open",
        "pending",
    )

    def __init__(self) -> None:
        self.contradictions = 0
        self.newcomers = 0
        self.open: dict[str, OrderState] = {}
        self.pending: OrderedDict[str, OrderState] = OrderedDict()
        self.in_doubt: OrderedDict[str, OrderState] = OrderedDict()
        self.finished: OrderedDict[str, OrderState] = OrderedDict()
        self._told: dict[str, bool] = {}  # known by reply alone; True: the stream should have told by now
        self.disputed: set[str] = set()
        self._left_out: set[str] = set()  # pending when the last snapshot came, which does not list them
        self._unmentioned: set[str] = set()  # pending although their request is answered
        self._other_ids: OrderedDict[str, tuple[str, ...]] = OrderedDict()  # of orders with several
        self._came_as: OrderedDict[str, int] = OrderedDict()  # the numbers of the latest newcomers

    def copy(self) -> OwnOrders:
        twin = OwnOrders()
        twin.contradictions = self.contradictions
        twin.newcomers = self.newcomers
        twin.open = self.open.copy()
        twin.pending = self.pending.copy()
        twin.in_doubt = self.in_doubt.copy()
        twin.finished = self.finished.copy()
        twin._told = self._told.copy()
        twin.disputed = self.disputed.copy()
        twin._left_out = self._left_out.copy()
        twin._unmentioned = self._unmentioned.copy()
        twin._other_ids = self._other_ids.copy()
        twin._came_as = self._came_as.copy()
        return twin

    def find(self, order_id: str) -> OrderState | None:
        return (
            self.open.get(order_id)
            or self.pending.get(order_id)
            or self.in_doubt.get(order_id)
            or self.finished.get(order_id)
        )

    def knew(self, order_id: str, newcomers: int) -> bool:
        """True for a known order that is none of the newcomers after the first so many."""
        return self._came_as.get(order_id, 0) <= newcomers and self.find(order_id) is not None

    def register(self, order: OrderState, other_ids: tuple[str, ...] = ()) -> None:
        """An order is being sent. One that is known already, sent again, changes nothing."""
        if self.find(order.order_id) is not None or any(self._is_real(other) for other in other_ids):
            return
        self.pending[order.order_id] = order
        if len(self.pending) > _KEPT:
            self.pending.popitem(last=False)
        if other_ids:
            self._other_ids[order.order_id] = other_ids
            if len(self._other_ids) > 2 * _KEPT:
                self._other_ids.popitem(last=False)

    def answered(
        self,
        order_id: str,
        status: OrderStatus,
        size_left: float | None,
        size_done: float | None,
        vwap: float | None,
        error: str | None,
    ) -> None:
        """A reply says where an order stands."""
        if status in _STILL_PENDING:
            return
        if status.is_error():
            self._refused(order_id, status, error)
            return
        waiting = self.pending.get(order_id) or self.in_doubt.get(order_id) or self._guessed(order_id)
        known = waiting or self.open.get(order_id)
        if known is None or not (waiting or status.is_terminal() or order_id in self._told):
            return
        if size_done is None:
            size_done = known.size_orig if status is OrderStatus.FILLED else known.size_done
        if size_left is None:
            size_left = max(0.0, known.size_orig - size_done)
        lives = not status.is_terminal()
        is_disputed = lives and (order_id in self._left_out or order_id in self.disputed)
        self._told[order_id] = is_disputed
        is_disputed = is_disputed or (lives and known.status is _GONE)
        self._store(
            replace(
                known,
                status=status,
                size=0.0 if status.is_terminal() else size_left,
                size_done=size_done,
                vwap=known.vwap if vwap is None else vwap,
                error=error,
            )
        )
        if is_disputed:
            self.disputed.add(order_id)

    def _refused(self, order_id: str, status: OrderStatus, error: str | None) -> None:
        """A refusal ends what was never placed, and what the exchange had only taken in.

        It says nothing about an order that lives: a cancel or a second placing of it was refused. Whatever
        is refused as a duplicate was placed before.
        """
        self.pending.pop(order_id, None)
        if status is _DUPLICATE:
            return
        self.in_doubt.pop(order_id, None)
        taken_in = self.open.get(order_id)
        if taken_in is not None and taken_in.status is OrderStatus.PENDING and status is not _CANCEL_REJECT:
            self._told[order_id] = False
            self._store(replace(taken_in, status=status, size=0.0, error=error))

    def _guessed(self, order_id: str) -> OrderState | None:
        """An order that only a snapshot without it made us think finished."""
        order = self.finished.get(order_id)
        return order if order is not None and order.status is _GONE else None

    def updated(self, update: OrderState) -> list[Event]:
        """The stream tells about an order: the update with its side if it is news, and what is odd about it.

        Life after an end and a second end are not believed; pending after placed is.
        """
        known = self.find(update.order_id)
        news: list[Event] = []
        if known is not None:
            update = _with_side(update, known)
            news += self._objections(update, known)
            if not self._is_news(update, known):
                return news
            self._told.pop(update.order_id, None)
        else:
            self._welcome(update.order_id)
        self._store(update)
        news.append(update)
        return news

    def doubt(self, order_ids: Iterable[str]) -> None:
        """No answer will come for these: what the next snapshot says of them counts."""
        for order_id in order_ids:
            if (order := self.pending.pop(order_id, None)) is not None:
                self.in_doubt[order_id] = order
        while len(self.in_doubt) > _KEPT:
            self.in_doubt.popitem(last=False)

    def unmentioned(self, order_ids: Iterable[str]) -> None:
        """The reply said nothing of these. The next snapshot can be older; the one after it counts."""
        self._unmentioned = self._unmentioned.union(order_ids) & self.pending.keys()

    def connection_lost(self) -> None:
        """Keep everything; whatever waits for an answer is in doubt."""
        self.doubt(list(self.pending))
        self._left_out.clear()
        self._told = dict.fromkeys(self._told, True)

    def replaced_by(self, listed: Iterable[OrderState]) -> tuple[list[OrderState], list[OrderState]]:
        """A snapshot lists the open orders: its rows with their sides, and what ended unheard meanwhile."""
        before, self.open = self.open, {}
        rows = [self._recognised(row, before) for row in listed]
        for row in rows:
            before.pop(row.order_id, None)
            self._list(row)
        overdue = [order_id for order_id, late in self._told.items() if late and order_id in self.finished]
        ended = [self.finished[order_id] for order_id in overdue]
        for order_id in overdue:
            del self._told[order_id]
        self._told.update(dict.fromkeys(self._told.keys() & self.finished.keys(), True))
        for order_id, order in before.items():
            if self._told.get(order_id) is False:
                self.open[order_id] = order
                self._told[order_id] = True
                self.disputed.add(order_id)
            else:
                ended.append(self._gone(order))
        while self.in_doubt:
            ended.append(self._gone(next(iter(self.in_doubt.values()))))
        self.doubt(self._unmentioned)
        self._unmentioned.clear()
        self._left_out = set(self.pending)
        return rows, ended

    def _recognised(self, row: OrderState, before: dict[str, OrderState]) -> OrderState:
        """The row with the side of the known order; one that nobody knew is a newcomer."""
        known = before.get(row.order_id) or self.find(row.order_id)
        if known is None:
            self._welcome(row.order_id)
        return _with_side(row, known)

    def _welcome(self, order_id: str) -> None:
        """Number an order that the exchange was first to tell of."""
        self.newcomers += 1
        self._came_as[order_id] = self.newcomers
        if len(self._came_as) > _KEPT:
            self._came_as.popitem(last=False)

    def _list(self, row: OrderState) -> None:
        end = self.finished.get(row.order_id)
        if end is not None and not (self._is_doubtful(end) or is_later(row, end)):
            return
        self._told.pop(row.order_id, None)
        self._store(row)

    def _is_doubtful(self, end: OrderState) -> bool:
        """True for our own guess, and for what a reply said and the stream should have repeated by now."""
        return end.status is _GONE or self._told.get(end.order_id, False)

    def _gone(self, order: OrderState) -> OrderState:
        gone = replace(order, status=_GONE, size=0.0)
        self._told.pop(order.order_id, None)
        self._store(gone)
        return gone

    def _is_news(self, update: OrderState, known: OrderState) -> bool:
        order_id = update.order_id
        if known.status is _GONE:  # our own guess: the exchange knows better
            return update.status.is_terminal() or is_later(update, known, undated=True)
        by_reply = order_id in self._told
        if known.status.is_terminal():
            return by_reply and update.status.is_terminal()
        if update.status is _DUPLICATE and order_id not in self.pending:
            return False  # what was refused is its repetition, because it was placed before
        if by_reply or order_id not in self.open:
            return True
        return not is_later(known, update) and update != known

    def _objections(self, update: OrderState, known: OrderState) -> list[OrderContradicted]:
        """What the table of legal states has against an update that is not merely late."""
        if update.status in NEXT[known.status] or update.order_id in self._told:
            return []
        ended = known.status.is_terminal()
        if not (is_later(update, known) if ended else not is_later(known, update)):
            return []
        self.contradictions += 1
        return [OrderContradicted(update.account, update.order_id, known.status, update.status)]

    def _is_real(self, order_id: str) -> bool:
        """Did the exchange tell of an order of this id? That one is gone is our own guess."""
        return order_id in self.open or (order_id in self.finished and self._guessed(order_id) is None)

    def _store(self, order: OrderState) -> None:
        self.pending.pop(order.order_id, None)
        self.in_doubt.pop(order.order_id, None)
        self.finished.pop(order.order_id, None)
        self.disputed.discard(order.order_id)
        for other in self._other_ids.pop(order.order_id, ()):
            self.pending.pop(other, None)
            self.in_doubt.pop(other, None)
            self._other_ids.pop(other, None)
        if not order.status.is_terminal():
            self.open[order.order_id] = order
            return
        self.open.pop(order.order_id, None)
        self.finished[order.order_id] = order
        if len(self.finished) > _KEPT:
            forgotten, _ = self.finished.popitem(last=False)
            self._told.pop(forgotten, None)


def _with_side(order: OrderState, known: OrderState | None) -> OrderState:
    if order.side is None and known is not None and known.side is not None:
        return replace(order, side=known.side)
    return order
