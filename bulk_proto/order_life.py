"""The life of an order: which status may follow which, in the order of the exchange's own dates.

::

    PENDING ─→ RESTING, WORKING, MODIFIED, TRIGGERED: any of them, again and again ─→ one end

Every step may be left out, since one message can tell the result of several. Nothing follows an end, and
what was placed is not waiting to be placed any more. Two statuses are no knowledge, so anything may follow
them: a word this version does not know, and our own guess that an order is gone.
"""

from __future__ import annotations

from .enums import OrderStatus
from .events import OrderState
from .timestamps import to_nanoseconds

_ANY = frozenset(OrderStatus)
_ENDS = frozenset(status for status in OrderStatus if status.is_terminal())
_PLACED = _ANY - {OrderStatus.PENDING}

NEXT: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.PENDING: _ANY,
    OrderStatus.RESTING: _PLACED,
    OrderStatus.WORKING: _PLACED,
    OrderStatus.MODIFIED: _PLACED,
    OrderStatus.TRIGGERED: _PLACED,
    **{end: frozenset({end}) for end in _ENDS},
    OrderStatus.UNKNOWN: _ANY,
    OrderStatus.GONE: _ANY,
}
"""A key for every status; its value holds it as well, since everything may be told twice."""


def is_later(order: OrderState, other: OrderState, *, undated: bool = False) -> bool:
    """Compare the dates; ``undated`` is the answer where one is missing."""
    if order.timestamp is None or other.timestamp is None:
        return undated
    return to_nanoseconds(order.timestamp) > to_nanoseconds(other.timestamp)
