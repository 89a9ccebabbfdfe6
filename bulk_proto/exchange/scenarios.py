"""Exchanges with a character, by name."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from bulk_proto.errors import UsageError

from .config import ExchangeConfig, FlowMix


class Character(Struct, frozen=True, kw_only=True):
    """How the background orders behave. ``spread`` and ``volatility`` multiply those of each market."""

    about: str
    flow_rate: float
    flow_depth: int
    flow_mix: FlowMix = FlowMix()
    spread: float = 1.0
    volatility: float = 1.0
    gap_interval: float = 0.0
    gap_size: float = 0.0


SCENARIOS: Mapping[str, Character] = {
    "calm": Character(
        about="an ordinary quiet day",
        flow_rate=20.0,
        flow_depth=20,
        flow_mix=FlowMix(makers=0.75, takers=0.24, momentum=0.01),
        volatility=0.5,
    ),
    "fast": Character(
        about="many orders, large moves, and many who run after them",
        flow_rate=200.0,
        flow_depth=40,
        flow_mix=FlowMix(makers=0.60, takers=0.25, momentum=0.15),
        volatility=4.0,
    ),
    "gap": Character(
        about="the price jumps by 2 % every ten seconds or so",
        flow_rate=40.0,
        flow_depth=20,
        gap_interval=10.0,
        gap_size=0.02,
    ),
    "illiquid": Character(
        about="few orders, far apart", flow_rate=2.0, flow_depth=3, spread=10.0, volatility=2.0
    ),
}


def scenario(name: str, config: ExchangeConfig | None = None) -> ExchangeConfig:
    """``config`` (or the default one) with the character ``name``.

    Raises :class:`UsageError` for a name that is not in :data:`SCENARIOS`.
    """
    config = config or ExchangeConfig()
    character = SCENARIOS.get(name)
    if character is None:
        raise UsageError(f"unknown scenario {name[:32]!r}: expected one of {', '.join(SCENARIOS)}")
    markets = tuple(
        msgspec.structs.replace(
            market,
            spread=market.spread * character.spread,
            volatility=market.volatility * character.volatility,
        )
        for market in config.markets
    )
    return msgspec.structs.replace(
        config,
        markets=markets,
        flow_rate=character.flow_rate,
        flow_depth=character.flow_depth,
        flow_mix=character.flow_mix,
        gap_interval=character.gap_interval,
        gap_size=character.gap_size,
    )
