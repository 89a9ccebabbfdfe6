"""The market data that every contestant reads: made from a seed, the same bytes on every machine.

A market is simulated just enough that its messages agree with each other: levels that are removed were
there, the best bid stays below the best ask, fills belong to orders. Nothing here needs more than the
standard library, since the peers' interpreter reads it as well.
"""

from __future__ import annotations

import json
from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from typing import Any

USER = "FAe4sisG95oZ42w7buUn5qEE4TAnfTTFPiguZUHmhiF"
SYMBOLS = ("BTC-USD", "ETH-USD", "SOL-USD")
FIRST_MILLISECOND = 1_767_225_600_000

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_MARKETS = ((205_554, 0.5), (71_000, 0.05), (18_240, 0.01))  # middle in ticks, and the tick

Message = dict[str, Any]


@dataclass(frozen=True)
class Recipe:
    """What a feed consists of. ``shares`` are the weights of the kinds of message."""

    shares: dict[str, int]
    messages: int = 200_000
    symbols: Sequence[str] = SYMBOLS
    levels: int = 550  # live levels a side, give or take a tenth
    snapshot_levels: int = 20
    orders: int = 100  # about so many open at a time
    seed: int = 7
    # The released client reads another spelling of trades than servers write today: it gets its own.
    released_spelling: bool = False


_MIX = {"l2Delta": 80, "ticker": 8, "trades": 8, "l2Snapshot": 2, "orderUpdate": 1, "fill": 1}
_DEEP = {"l2Delta": 82, "ticker": 8, "trades": 8, "orderUpdate": 1, "fill": 1}
_SHARES = {"mix": _MIX, "deep": _DEEP, "deltas": {"l2Delta": 100}}


def recipe(name: str, **changes: Any) -> Recipe:
    """``mix``; ``deep``: the same without periodic snapshots, so that books stay deep; ``deltas`` alone."""
    return Recipe(_SHARES[name], **changes)


def payloads(wanted: Recipe) -> list[bytes]:
    """The JSON texts of a feed; it begins with one whole snapshot for each symbol."""
    encode = json.JSONEncoder(separators=(",", ":")).encode
    return [encode(message).encode() for message in _messages(wanted)]


def _messages(wanted: Recipe) -> Iterator[Message]:
    chance = Random(wanted.seed)
    markets = [_market(chance, symbol, number, wanted) for number, symbol in enumerate(wanted.symbols)]
    account = _Orders(chance, wanted.orders)
    kinds, weights = list(wanted.shares), list(accumulate(wanted.shares.values()))
    now = FIRST_MILLISECOND
    for market in markets:
        yield market.snapshot(now, wanted.levels * 2)
    for _ in range(wanted.messages - len(markets)):
        now += chance.randint(0, 3)
        market = chance.choice(markets)
        match chance.choices(kinds, cum_weights=weights)[0]:
            case "l2Delta":
                yield market.delta(now)
            case "l2Snapshot":
                yield market.snapshot(now, wanted.snapshot_levels)
            case "ticker":
                yield market.ticker(now)
            case "trades":
                yield market.trades(now, wanted.released_spelling)
            case "orderUpdate":
                yield account.update(market, now)
            case _:
                yield account.fill(market, now)


def _market(chance: Random, symbol: str, number: int, wanted: Recipe) -> _Market:
    middle, tick = _MARKETS[number] if number < len(_MARKETS) else (10_000 + 100 * number, 0.01)
    return _Market(chance, symbol, max(middle, 20 * wanted.levels), tick, wanted.levels)


@dataclass
class _Market:
    """The true book of one symbol; prices are whole ticks, both sides sorted by rising price."""

    chance: Random
    symbol: str
    middle: int
    tick: float
    levels: int
    sides: tuple[list[int], list[int]] = field(init=False)  # bids, asks
    sizes: dict[int, float] = field(init=False)

    def __post_init__(self) -> None:
        steps = [1 + step + step // 3 for step in range(self.levels)]
        self.sides = (
            [self.middle - step for step in reversed(steps)],
            [self.middle + step for step in steps],
        )
        self.sizes = {tick: self._size() for side in self.sides for tick in side}

    def price(self, ticks: int) -> float:
        return round(ticks * self.tick, 2)

    def delta(self, now: int) -> Message:
        is_ask, ticks, size = self._change()
        changes: tuple[list[Message], list[Message]] = ([], [])
        changes[is_ask].append({"px": self.price(ticks), "sz": size, "n": 0})
        return self._book("l2Delta", "delta", changes, now)

    def snapshot(self, now: int, levels: int) -> Message:
        bids, asks = self.sides
        return self._book(
            "l2Snapshot", "snapshot", (self._rows(bids[: -levels - 1 : -1]), self._rows(asks[:levels])), now
        )

    def ticker(self, now: int) -> Message:
        price, chance = self.price(self.middle), self.chance
        figures = {
            "symbol": self.symbol,
            "priceChange": 2777.5,
            "priceChangePercent": 2.77,
            "lastPrice": price,
            "highPrice": round(price * 1.01, 2),
            "lowPrice": round(price * 0.98, 2),
            "volume": round(chance.uniform(1000, 2000), 2),
            "quoteVolume": round(chance.uniform(1e8, 2e8), 1),
            "markPrice": round(price + 0.01, 2),
            "oraclePrice": round(price - 0.02, 2),
            "openInterest": 5432.1,
            "fundingRate": 0.0001,
            "regime": 1,
            "regimeDt": 93,
            "regimeVol": 0.35,
            "regimeMv": 0.02,
            "fairBookPx": round(price + 0.05, 2),
            "fairVol": 0.28,
            "fairBias": 0.001,
            "timestamp": now * 1_000_000,
        }
        return {"type": "ticker", "topic": f"ticker.{self.symbol}", "data": {"ticker": figures}}

    def trades(self, now: int, released_spelling: bool) -> Message:
        taker_buys = "b" if released_spelling else "side"
        rows = [
            {
                "s": self.symbol,
                "px": self.price(self.middle),
                "sz": self._size(),
                "time": now,
                taker_buys: self.chance.random() < 0.5,
                "maker": _key(self.chance),
                "taker": _key(self.chance),
            }
            for _ in range(self.chance.randint(1, 3))
        ]
        container = "data" if released_spelling else "trades"
        return {"type": "trades", "topic": f"trades.{self.symbol}", "data": {container: rows}}

    def _change(self) -> tuple[bool, int, float]:
        """Side, price and new size of one change; most happen near the touch, one in five removes."""
        chance = self.chance
        bids, asks = self.sides
        self.middle += chance.choice((-1, 1)) if chance.random() < 0.08 else 0
        if asks[0] <= self.middle:  # the market went there: what it met is gone
            return True, self._remove(asks, 0), 0.0
        if bids[-1] >= self.middle:
            return False, self._remove(bids, len(bids) - 1), 0.0
        is_ask = chance.random() < 0.5
        side = self.sides[is_ask]
        depth = min(int(chance.expovariate(1 / 40)), len(side) - 1)
        luck = chance.random()
        if luck < 0.19 and len(side) > self.levels * 0.91:
            return is_ask, self._remove(side, depth if is_ask else len(side) - 1 - depth), 0.0
        ticks = side[depth if is_ask else len(side) - 1 - depth]
        if luck < 0.385 and len(side) < self.levels * 1.09:
            ticks = self._free(is_ask)
            insort(side, ticks)
        self.sizes[ticks] = self._size()
        return is_ask, ticks, self.sizes[ticks]

    def _free(self, is_ask: bool) -> int:
        """A price without a level, rather near the middle."""
        away = 1 if is_ask else -1
        ticks = self.middle + away * (1 + int(self.chance.expovariate(1 / 40)))
        while ticks in self.sizes:
            ticks += away
        return ticks

    def _remove(self, side: list[int], at: int) -> int:
        ticks = side.pop(at)
        del self.sizes[ticks]
        return ticks

    def _size(self) -> float:
        return round(self.chance.uniform(0.001, 9.0), 3)

    def _rows(self, prices: Sequence[int]) -> list[Message]:
        return [
            {"px": self.price(ticks), "sz": self.sizes[ticks], "n": self.chance.randint(1, 9)}
            for ticks in prices
        ]

    def _book(self, stream: str, kind: str, sides: tuple[list[Message], list[Message]], now: int) -> Message:
        book = {"updateType": kind, "symbol": self.symbol, "levels": sides, "timestamp": now}
        return {"type": stream, "topic": f"{stream.lower()}.{self.symbol}", "data": {"book": book}}


@dataclass
class _Order:
    order_id: str
    symbol: str
    price: float
    size: float
    filled: float = 0.0


@dataclass
class _Orders:
    """The open orders of one account; fills follow what was placed."""

    chance: Random
    limit: int
    open: list[_Order] = field(default_factory=list)
    fills: int = 0

    def update(self, market: _Market, now: int) -> Message:
        if not self.open or (len(self.open) < self.limit and self.chance.random() < 0.7):
            return self._state(self._place(market), "resting", now)
        return self._state(self.open.pop(self.chance.randrange(len(self.open))), "cancelled", now)

    def fill(self, market: _Market, now: int) -> Message:
        order = self.chance.choice(self.open) if self.open else self._place(market)
        size = round(min(0.05, order.size - order.filled), 3)
        order.filled = round(order.filled + size, 3)
        if order.filled >= order.size:
            self.open.remove(order)
        self.fills += 1
        return self._message(
            {
                "type": "fill",
                "symbol": order.symbol,
                "orderId": order.order_id,
                "price": order.price,
                "size": size,
                "fee": 0.35,
                "isBuy": True,
                "reasonCode": 0,
                "counterpartyHint": "5Am6..nVux",
                "timestamp": now * 1_000_000 + 1,
                "maker": False,
                "tradeId": f"{now}:{self.fills}",
            }
        )

    def _place(self, market: _Market) -> _Order:
        size = round(self.chance.uniform(0.1, 1.0), 3)
        self.open.append(_Order(_key(self.chance), market.symbol, market.price(market.middle - 5), size))
        return self.open[-1]

    def _state(self, order: _Order, status: str, now: int) -> Message:
        return self._message(
            {
                "type": "orderUpdate",
                "ot": "limit",
                "status": status,
                "sym": order.symbol,
                "oid": order.order_id,
                "px": order.price,
                "origSz": order.size,
                "sz": round(order.size - order.filled, 3),
                "fillSz": order.filled,
                "vwap": 0.0,
                "tif": "gtc",
                "r": False,
                "mk": True,
                "trigger": None,
                "ts": now * 1_000_000,
                "reason": None,
            }
        )

    def _message(self, data: Message) -> Message:
        return {"type": "account", "topic": f"account.{USER}", "data": data}


def _key(chance: Random) -> str:
    return "".join(chance.choices(_ALPHABET, k=44))
