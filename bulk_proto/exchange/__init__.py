"""A simulated BULK exchange without any I/O: the whole protocol, real matching and real signatures.

:class:`SimulatedExchange` and its :class:`Session` objects take bytes and times and give bytes; serve
them on a socket, or connect a client to them in memory.
"""

from .config import (
    DEFAULT_MARKETS,
    Chance,
    Dialect,
    ExchangeConfig,
    InitialState,
    Market,
    SelfTrade,
)
from .exchange import SimulatedExchange
from .session import Session

__all__ = [
    "DEFAULT_MARKETS",
    "Chance",
    "Dialect",
    "ExchangeConfig",
    "InitialState",
    "Market",
    "SelfTrade",
    "Session",
    "SimulatedExchange",
]
