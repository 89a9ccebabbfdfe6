"""What became of each action of a transaction, as the caller gets it.

Which row of the exchange's reply answers which action is told in :mod:`bulk_proto.attribution`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from .enums import OrderStatus
from .replies import Row


class OrderResponse(Struct, frozen=True):
    """What became of one action.

    ``order_id`` is the id the exchange told, else the one computed beforehand or named by the action.
    ``status`` of an order without any row is ``PENDING``, of another action ``ACKNOWLEDGED`` (or
    ``UNKNOWN`` when a failure was reported that could be meant for it, and of a cancel when other actions
    got rows). A failure that is a time-out of
    the exchange proves none and is ``UNKNOWN``. ``message`` is the exchange's explanation, ``meta`` the
    row as it came. ``events`` are further rows about the same action, in the order they came.
    """

    order_id: str | None
    status: OrderStatus
    message: str | None
    meta: dict[str, Any]
    events: tuple[OrderResponse, ...] = ()

    def is_error(self) -> bool:
        """True when the action did not do what was asked: a rejection, a failure, a refused cancel.

        False for an order that was taken and ended without resting, such as one that may not rest and met
        nothing, or one to reduce a position that is not there: ask ``response.status.is_cancelled()``.
        """
        return self.status.is_error()


class OrderResponses(list[OrderResponse]):
    """One response for each action, in the order of the actions.

    ``leftovers`` are the rows that no action could be told for, among them those about other orders.
    """

    def __init__(self, responses: Iterable[OrderResponse] = (), leftovers: Iterable[Row] = ()) -> None:
        super().__init__(responses)
        self.leftovers = tuple(leftovers)
