"""A shortcut for the actions of nearly every transaction: their signed bytes, straight from the objects.

Plain orders and cancels have no field that asks for more than the legacy form, and their objects were checked
when they were made, so all that is left is to pack. Everything else goes by the table of layouts, from the
JSON form. That both give the same bytes under every profile is a property in the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from struct import Struct
from typing import Any

from bulk_proto.actions.base import Action
from bulk_proto.actions.orders import CancelOrder, LimitOrder, MarketOrder
from bulk_proto.enums import Side

from .base58 import decode32
from .fields import TIME_IN_FORCE, pack_u32, text
from .fixed_point import fx

_BUY = Side.BUY
_MARKET, _LIMIT, _CANCEL = (pack_u32(number) for number in (0, 1, 3))
_pack_market = Struct("<?Q??").pack
_pack_limit = Struct("<?QQI??").pack
_symbol = lru_cache(maxsize=512)(text)


def plain_cores(actions: Sequence[Action]) -> list[bytes] | None:
    """The legacy bytes of each action; None when one of them is not that plain."""
    cores = []
    for action in actions:
        write = _WRITERS.get(type(action))  # the very class: another may have another JSON form
        core = write(action) if write is not None else None
        if core is None:
            return None
        cores.append(core)
    return cores


def _limit(order: LimitOrder) -> bytes | None:
    if order.builder_code is not None:
        return None
    return (
        _LIMIT
        + _symbol(order.symbol)
        + _pack_limit(
            order.side is _BUY,
            fx(order.price),
            fx(order.size),
            TIME_IN_FORCE[order.time_in_force._value_],
            order.reduce_only,
            order.iso,
        )
    )


def _market(order: MarketOrder) -> bytes | None:
    if order.builder_code is not None or order.slippage is not None:
        return None
    terms = _pack_market(order.side is _BUY, fx(order.size), order.reduce_only, order.iso)
    return _MARKET + _symbol(order.symbol) + terms


def _cancel(cancel: CancelOrder) -> bytes:
    return _CANCEL + _symbol(cancel.symbol) + decode32(cancel.oid)


_WRITERS: dict[type, Callable[[Any], bytes | None]] = {
    LimitOrder: _limit,
    MarketOrder: _market,
    CancelOrder: _cancel,
}
