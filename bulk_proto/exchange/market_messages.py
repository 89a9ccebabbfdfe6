"""Market data as clients read it: one function for each documented shape."""

from __future__ import annotations

from collections.abc import Iterable

from .candles import Bar
from .config import Dialect
from .markets import MarketState
from .matching import LevelChange, LevelView
from .orders import REASONS, Cause, Order
from .units import from_money, from_units

Json = dict[str, object]
Level = dict[str, float]

_RISK_LEVERAGE = (1.0, 10.0, 25.0, 50.0)
_RISK_NOTIONALS = (50_000.0, 100_000.0, 1_000_000.0)


def ticker(market: MarketState, wall_ns: int, dialect: Dialect) -> Json:
    last = market.last or market.start
    change = last - market.start
    turnover = market.history.turnover()
    return {
        "symbol": market.symbol,
        "priceChange": from_units(change),
        "priceChangePercent": 100 * change / market.start,
        "lastPrice": from_units(last),
        "highPrice": from_units(turnover.high or last),
        "lowPrice": from_units(turnover.low or last),
        "volume": from_units(turnover.volume),
        "quoteVolume": from_money(turnover.quote_volume),
        "markPrice": None if dialect.null_prices else from_units(market.mark()),
        "oraclePrice": None if dialect.null_prices else from_units(market.oracle),
        "openInterest": from_units(market.open_interest),
        "fundingRate": market.rules.funding_rate,
        "regime": 0,
        "regimeDt": 0,
        "regimeVol": market.rules.volatility,
        "regimeMv": 0.0,
        "fairBookPx": from_units(market.mid() or market.oracle),
        "fairVol": market.rules.volatility,
        "fairBias": 0.0,
        "timestamp": wall_ns // 1_000_000 if dialect.account_times_in_ms else wall_ns,
    }


def trade(maker: Order, taker: Order, price: int, size: int, wall_ns: int, dialect: Dialect) -> Json:
    row: Json = {
        "s": taker.symbol,
        "px": from_units(price),
        "sz": from_units(size),
        "time": market_time(wall_ns, dialect),
        dialect.trade_side_key: taker.is_buy,
        "maker": maker.account,
        "taker": taker.account,
    }
    cause = max(maker.cause, taker.cause)
    if cause is not Cause.NORMAL:
        row |= {"reason": REASONS[cause], "liq": True}
    return row


def trades(rows: list[Json], dialect: Dialect) -> object:
    return {dialect.trades_key: rows} if dialect.trades_key else rows


def candles(bars: Iterable[Bar], dialect: Dialect) -> list[object]:
    """The data of one message, or of one for each bar where a message holds a single one."""
    rows = [_candle(bar) for bar in bars]
    messages: list[object] = list(rows) if dialect.single_candles else [rows]
    return [{dialect.candles_key: data} for data in messages] if dialect.candles_key else messages


def _candle(bar: Bar) -> Json:
    return {
        "t": bar.opens,
        "T": bar.closes,
        "o": from_units(bar.open),
        "h": from_units(bar.high),
        "l": from_units(bar.low),
        "c": from_units(bar.close),
        "v": from_units(bar.volume),
        "n": bar.trades,
    }


def snapshot(
    market: MarketState, nlevels: int | None, aggregation: int | None, wall_ns: int, dialect: Dialect
) -> Json:
    """The best ``nlevels`` of each side, in buckets of ``aggregation`` price units if given."""
    sides: list[list[Level]] = []
    for side, upwards in ((market.book.bids, False), (market.book.asks, True)):
        levels = side.levels(None if aggregation else nlevels)
        if aggregation:
            levels = aggregated(levels, aggregation, upwards=upwards)[:nlevels]
        sides.append([{"px": from_units(px), "sz": from_units(sz), "n": n} for px, sz, n in levels])
    return _book("snapshot", market.symbol, sides, wall_ns, dialect)


def delta(symbol: str, change: LevelChange, wall_ns: int, dialect: Dialect) -> Json:
    row: list[Level] = [{"px": from_units(change.price), "sz": from_units(change.size), "n": 0}]
    return _book("delta", symbol, [row, []] if change.is_bid else [[], row], wall_ns, dialect)


def aggregated(levels: Iterable[LevelView], bucket: int, *, upwards: bool) -> list[LevelView]:
    """Levels joined in buckets, rounded away from the other side, so a book never crosses by it."""
    sums: dict[int, LevelView] = {}
    for level in levels:
        price = -(-level.price // bucket) * bucket if upwards else level.price // bucket * bucket
        known = sums.get(price, LevelView(price, 0, 0))
        sums[price] = LevelView(price, known.size + level.size, known.orders + level.orders)
    return list(sums.values())


def risk(market: MarketState, wall_ns: int, dialect: Dialect) -> Json:
    """A flat surface: the maintenance rate, a little higher for larger sizes and leverage."""
    rate = market.rules.maintenance_rate
    surface = [
        [
            {"mmrO": rate * (1 + (row + column) / 10), "mmrE": rate * (1 + (row + column) / 12), "p": 0.998}
            for column in range(len(_RISK_LEVERAGE))
        ]
        for row in range(len(_RISK_NOTIONALS))
    ]
    return {
        "risk": {
            "symbol": market.symbol,
            "timestamp": market_time(wall_ns, dialect),
            "regime": 0,
            "leverage": _RISK_LEVERAGE,
            "notionals": _RISK_NOTIONALS,
            "buy": surface,
            "sell": surface,
            "corrs": [],
        }
    }


def frontend_context(markets: Iterable[MarketState]) -> Json:
    rows = []
    for market in markets:
        last = market.last or market.start
        rows.append(
            {
                "symbol": market.symbol,
                "volume": from_units(market.history.turnover().volume),
                "funding": market.rules.funding_rate,
                "oi": from_units(market.open_interest),
                "lastPrice": from_units(last),
                "priceChange": from_units(last - market.start),
                "priceChangePercent": 100 * (last - market.start) / market.start,
            }
        )
    return {"ctx": rows}


def market_time(wall_ns: int, dialect: Dialect) -> int:
    return wall_ns if dialect.market_times_in_ns else wall_ns // 1_000_000


def _book(kind: str, symbol: str, levels: list[list[Level]], wall_ns: int, dialect: Dialect) -> Json:
    return {
        "book": {
            "updateType": kind,
            "symbol": symbol,
            "levels": levels,
            "timestamp": market_time(wall_ns, dialect),
        }
    }
