"""A row of a reply as it is understood, and an action with the rows that are its answer: which says most?"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from .actions import Action, CancelOrder, ModifyOrder
from .enums import OrderStatus
from .replies import Row
from .responses import OrderResponse

_ORDERS = frozenset({"l", "m", "st", "tp", "rng", "trig", "trl", "of"})
_CANCELLERS = (OrderStatus.CANCELLED, OrderStatus.CANCEL_REJECT)

# Of several rows about one order the most telling is the response: how it finished before how it stood,
# an execution before a cancellation before a rejection, and what names no state of an order at the end.
_MOST_TELLING_FIRST = (
    OrderStatus.FILLED,
    OrderStatus.PARTIALLY_FILLED,
    OrderStatus.CANCELLED,
    OrderStatus.CANCELLED_RISKLIMIT,
    OrderStatus.CANCELLED_SELFCROSSING,
    OrderStatus.CANCELLED_REDUCEONLY,
    OrderStatus.CANCELLED_IOC,
    OrderStatus.SIBLING_CANCELLED,
    OrderStatus.GONE,
    OrderStatus.TRIGGER_FAILED,
    OrderStatus.REJECTED_RISKLIMIT,
    OrderStatus.REJECTED_INVALID,
    OrderStatus.REJECTED_CROSSING,
    OrderStatus.REJECTED_DUPLICATE,
    OrderStatus.REJECTED,
    OrderStatus.CANCEL_REJECT,
    OrderStatus.WORKING,
    OrderStatus.TRIGGERED,
    OrderStatus.MODIFIED,
    OrderStatus.RESTING,
    OrderStatus.PENDING,
    OrderStatus.ERROR,
    OrderStatus.ACKNOWLEDGED,
    OrderStatus.UNKNOWN,
)
RANK = {status: rank for rank, status in enumerate(_MOST_TELLING_FIRST)}


class Said(Struct, frozen=True):
    """A row as it is understood; ``tags`` are the only actions that cause such rows, () when any may."""

    position: int
    row: Row
    status: OrderStatus
    tags: tuple[str, ...]

    @property
    def order_id(self) -> str | None:
        return self.row.order_id

    def response(self, order_id: str | None, events: tuple[OrderResponse, ...] = ()) -> OrderResponse:
        row = self.row
        return OrderResponse(row.order_id or order_id, self.status, row.message, row.body, events)


class Asked:
    """An action and the rows it has been given."""

    def __init__(self, action: Action, own_ids: tuple[str, ...]) -> None:
        self.tag = action.tag
        self.own_ids = own_ids
        named = named_by(action)
        self.named_id = named[0] if named else None
        self.ids = own_ids or named
        self.answers: list[Said] = []
        self.is_contested = False  # a row is its own or that of another action, nobody knows

    @property
    def is_order(self) -> bool:
        return self.tag in _ORDERS

    @property
    def is_unanswered(self) -> bool:
        return not self.answers and not self.is_contested

    def response(self, in_doubt: bool, lacking: tuple[str, ...]) -> OrderResponse:
        """``in_doubt``: a failure may be meant for any action; ``lacking``: tags of those that lack a row."""
        order_id = self.ids[0] if self.ids else None
        if not self.answers:
            return OrderResponse(order_id, self._unanswered(in_doubt or self.tag in lacking), None, {})
        best = self.answers[0] if len(self.answers) == 1 else self._most_telling()
        others = sorted((one for one in self.answers if one is not best), key=lambda one: one.position)
        if self.is_order and best.status is OrderStatus.ACKNOWLEDGED:
            best = replace(best, status=OrderStatus.PENDING)  # accepted is not finished
        return best.response(order_id, tuple(one.response(order_id) for one in others))

    def _most_telling(self) -> Said:
        placed = {one.order_id for one in self.answers if one.status.is_placed()}
        return min(self.answers, key=lambda one: self._telling(one, placed))

    def _unanswered(self, in_doubt: bool) -> OrderStatus:
        if self.is_order:
            return OrderStatus.PENDING
        return OrderStatus.UNKNOWN if in_doubt or self.is_contested else OrderStatus.ACKNOWLEDGED

    def _telling(self, one: Said, placed: set[str | None]) -> tuple[bool, bool, bool, int, int]:
        """Smallest for the row that is the response; of equal ones the last to come.

        Of orders whose ids nobody knows, one that was placed is likelier the one asked for than one that
        was only ended.
        """
        order_id = one.order_id
        cancels = self.tag in ("cx", "cxa") and one.status in _CANCELLERS
        own = order_id in self.ids
        ended = order_id is not None and order_id not in placed
        return not cancels, not own, ended, RANK[one.status], -one.position


def named_by(action: Action) -> tuple[str, ...]:
    """The ids of older orders that an action is about."""
    return (action.oid,) if isinstance(action, (CancelOrder, ModifyOrder)) else ()
