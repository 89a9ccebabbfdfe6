"""A simple margin model: all positions of an account share its cash, at the mark price.

Equity is cash and unrealised profit. Maintenance is a fixed share of each position's notional. Initial
margin is, for each market, the larger of what the position and the resting buys, or the position and the
resting sells, would come to, divided by the chosen leverage. Isolated positions draw on the same cash.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from .accounts import Account, Position
from .markets import MarketState
from .orders import Order
from .units import SCALE

Markets = Mapping[str, MarketState]


class MarginFigures(Struct, frozen=True):
    """Margin of one account, in money units (1e-16 of the quote currency)."""

    equity: int
    maintenance: int
    initial: int
    notional: int
    unrealized: int


def leverage_of(account: Account, market: MarketState, default: float) -> float:
    """The chosen leverage, or the default, within what the market allows."""
    return min(account.leverage.get(market.symbol, default), market.rules.max_leverage)


def maintenance_of(position: Position, market: MarketState) -> int:
    rate = round(market.rules.maintenance_rate * SCALE)
    return abs(position.size) * market.mark() * rate // SCALE


def figures(account: Account, markets: Markets, default_leverage: float) -> MarginFigures:
    maintenance = notional = unrealized = 0
    for key, position in account.positions.items():
        market = markets[key.symbol]
        mark = market.mark()
        maintenance += maintenance_of(position, market)
        notional += abs(position.size) * mark
        unrealized += position.unrealized(mark)
    return MarginFigures(
        equity=account.cash + unrealized,
        maintenance=maintenance,
        initial=sum(
            _initial(account, market, default_leverage, 0, 0)
            for market in markets.values()
            if _is_exposed(account, market.symbol)
        ),
        notional=notional,
        unrealized=unrealized,
    )


def can_afford(account: Account, order: Order, size: int, markets: Markets, default_leverage: float) -> bool:
    """Whether the account may have ``size`` more of ``order``: it covers that, or it adds no risk."""
    if account.internal:
        return True
    market = markets[order.symbol]
    adds = size * (order.price or market.mark())
    buys, sells = (adds, 0) if order.is_buy else (0, adds)
    before = _initial(account, market, default_leverage, 0, 0)
    after = _initial(account, market, default_leverage, buys, sells)
    if after <= before:
        return True
    now = figures(account, markets, default_leverage)
    return now.initial - before + after <= now.equity


def _is_exposed(account: Account, symbol: str) -> bool:
    return symbol in account.exposure or any(key.symbol == symbol for key in account.positions)


def _initial(account: Account, market: MarketState, default: float, more_buys: int, more_sells: int) -> int:
    sells, buys = account.exposure.get(market.symbol, (0, 0))
    size = account.size_of(market.symbol, iso=False) + account.size_of(market.symbol, iso=True)
    held = size * market.mark()
    largest = max(held + buys + more_buys, sells + more_sells - held)
    thousandths = round(leverage_of(account, market, default) * 1000)
    return largest * 1000 // thousandths
