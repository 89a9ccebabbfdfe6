"""An exchange with faults, and an undisturbed look at what it did."""

from __future__ import annotations

from bulk_proto.exchange import SimulatedExchange
from bulk_proto.exchange.faults import AnyFault
from tests.exchange.in_memory import (
    ANNA,
    exchange,
    limit,
    quiet,
)

ORDER = limit("buy", 90.0, 1.0)
ANNAS = {"type": "account", "user": ANNA.key}


def troubled(*script: AnyFault, **settings: object) -> SimulatedExchange:
    return exchange(quiet(faults=script, **settings))


def open_orders(served: SimulatedExchange) -> int:
    """How many orders Anna has, as an undisturbed look tells."""
    return len(served._ledger.look(ANNA.key).open_orders)
