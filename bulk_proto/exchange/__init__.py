"""A simulated BULK exchange without any I/O: the whole protocol, real matching and real signatures.

:class:`SimulatedExchange` and its :class:`Session` objects take bytes and times and give bytes; serve
them on a socket, or connect a client to them in memory. What can be made to go wrong is in
:mod:`bulk_proto.exchange.faults`.
"""

from .config import (
    DEFAULT_MARKETS,
    Chance,
    Dialect,
    ExchangeConfig,
    FeeTier,
    FlowMix,
    InitialState,
    Market,
    SelfTrade,
)
from .exchange import SimulatedExchange
from .faults import AnyFault
from .received import Receipt, Received, Unreadable
from .requests import Post, Subscribe, Unsubscribe
from .scenarios import SCENARIOS, scenario
from .script import read_faults, read_script
from .session import Session

__all__ = [
    "DEFAULT_MARKETS",
    "SCENARIOS",
    "AnyFault",
    "Chance",
    "Dialect",
    "ExchangeConfig",
    "FeeTier",
    "FlowMix",
    "InitialState",
    "Market",
    "Post",
    "Receipt",
    "Received",
    "SelfTrade",
    "Session",
    "SimulatedExchange",
    "Subscribe",
    "Unreadable",
    "Unsubscribe",
    "read_faults",
    "read_script",
    "scenario",
]
