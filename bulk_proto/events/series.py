"""The series whose candles are being read: a message names it once, before thousands of rows.

Rows become :class:`~bulk_proto.events.Candle` without a step between, and what they leave out has to come
from somewhere. Context variables belong to one thread, and the decoder asks them without running Python.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

import msgspec

_SYMBOL = ContextVar("symbol of the series", default="")
_INTERVAL = ContextVar("interval of the series", default="")

symbol: Callable[[], str] = _SYMBOL.get
interval: Callable[[], str] = _INTERVAL.get


def begin(symbol: str, interval: str) -> None:
    """From now on, rows are of this series."""
    _SYMBOL.set(symbol)
    _INTERVAL.set(interval)


def open_time() -> int:
    """The one figure that every row has: :class:`msgspec.ValidationError`."""
    raise msgspec.ValidationError("a candle needs its open_time")
