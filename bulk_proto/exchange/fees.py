"""What trading costs: less for whoever trades more.

The volume since the start of the exchange stands for the documented one of the last 14 days.
"""

from __future__ import annotations

from typing import NamedTuple

from .accounts import Account
from .config import ExchangeConfig, FeeTier
from .market_messages import Json
from .units import SCALE, from_money, to_money

_BASIS_POINTS = 10_000


class _Rates(NamedTuple):
    """``threshold`` in money units; rates in 1e-8 of the notional."""

    threshold: int
    maker: int
    taker: int


class FeeSchedule:
    """The tiers of all accounts."""

    def __init__(self, config: ExchangeConfig) -> None:
        self._tiers = fee_tiers(config)
        self._rates = [
            _Rates(to_money(tier.threshold), _rate(tier.maker_bps), _rate(tier.taker_bps))
            for tier in self._tiers
        ]

    def fee(self, account: Account, notional: int, *, maker: bool) -> int:
        """Of one execution, in money units; negative if the exchange pays."""
        rates = self._rates[account.tier]
        return notional * (rates.maker if maker else rates.taker) // SCALE

    def count(self, account: Account, notional: int) -> bool:
        """Add an execution to the volume of ``account``; True when that lowers its fees from now on."""
        account.volume += notional
        before = account.tier
        while (
            account.tier + 1 < len(self._rates) and account.volume >= self._rates[account.tier + 1].threshold
        ):
            account.tier += 1
        return account.tier > before


def fee_tiers(config: ExchangeConfig) -> tuple[FeeTier, ...]:
    """All tiers, the one where everybody begins first."""
    return (FeeTier(maker_bps=config.maker_bps, taker_bps=config.taker_bps), *config.further_fee_tiers)


def fee_tier_rows(account: Account, config: ExchangeConfig) -> list[Json]:
    """The tier of an account as clients read it: one scope, for all markets."""
    tier = fee_tiers(config)[account.tier]
    return [
        {
            "symbol": "global",
            "rollingVolume": from_money(account.volume),
            "tierIndex": account.tier,
            "tierThreshold": tier.threshold,
            "makerBps": tier.maker_bps,
            "takerBps": tier.taker_bps,
            "windowDays": 14,
        }
    ]


def builder_fee(bps: int, notional: int) -> int:
    """What the recipient of a builder code gets of one execution, in money units."""
    return notional * bps // _BASIS_POINTS


def _rate(bps: float) -> int:
    return round(bps * SCALE / _BASIS_POINTS)
