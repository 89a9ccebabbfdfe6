"""Background orders: makers with a ladder around a wandering price, takers who trade with it, and followers.

The makers quote around the oracle price, which walks at random unless somebody sets it. When it moves,
new quotes meet older ones, and the orders of users, from the other side: that is where fills come from.
Takers mostly trade towards the oracle price. Momentum traders buy what has risen and sell what has
fallen lately, in larger sizes, and sit out when nothing moves.
"""

from __future__ import annotations

from collections import deque
from hashlib import sha256
from math import exp, log, sqrt

from bulk_proto.enums import TimeInForce
from bulk_proto.signing.base58 import encode as to_base58

from .accounts import Account, Ledger
from .config import Chance, ExchangeConfig
from .markets import MarketState
from .orders import Order
from .trading import Trading
from .units import SCALE, from_units, to_units

_MAKERS = 4
_TAKERS = 4
_MOMENTUM_TRADERS = 2
_LOOKED_BACK = 16  # steps of the market that make a move
_MOMENTUM_SIZE = 3.0  # times the typical size
_DEPTH_IN_SPREADS = 6.0  # mean distance of a quote behind the best price
_FOLLOWS_PRICE = 0.75  # share of takers that trade towards the oracle price


class OrderFlow:
    """The background orders of one market."""

    def __init__(
        self, market: MarketState, trading: Trading, ledger: Ledger, config: ExchangeConfig, chance: Chance
    ) -> None:
        rules = market.rules
        self._market = market
        self._trading = trading
        self._chance = chance
        self._rate = config.flow_rate
        mix = config.flow_mix
        whole = mix.makers + mix.takers + mix.momentum
        self._making = mix.makers / whole  # share of steps in which a maker replaces its oldest quote
        self._taking = (mix.makers + mix.takers) / whole
        self._depth = config.flow_depth
        self._gap_chance = (
            min(1.0, 1.0 / (config.gap_interval * config.flow_rate)) if config.gap_interval else 0.0
        )
        self._gap_size = config.gap_size
        self._tick = to_units(rules.tick)
        self._lot = to_units(rules.lot)
        self._least = max(1, -(-to_units(rules.min_notional / rules.start_price * 1.5) // self._lot))
        self._makers = [_background(ledger, f"maker {rules.symbol} {number}") for number in range(_MAKERS)]
        self._takers = [_background(ledger, f"taker {rules.symbol} {number}") for number in range(_TAKERS)]
        self._followers = [
            _background(ledger, f"momentum {rules.symbol} {number}") for number in range(_MOMENTUM_TRADERS)
        ]
        self._past: deque[int] = deque(maxlen=_LOOKED_BACK)  # mark prices, oldest first
        self._quotes: dict[bool, deque[Order]] = {True: deque(), False: deque()}
        self._count = 0

    def begin(self) -> None:
        """Fill both sides of the book."""
        for _ in range(self._depth):
            self._quote(is_buy=True)
            self._quote(is_buy=False)

    def pause(self) -> float:
        """Seconds until the next step: orders arrive independently of each other."""
        return -log(1.0 - self._chance.random()) / self._rate

    def step(self) -> None:
        """Let the price wander and one participant act."""
        self._wander()
        self._past.append(self._market.mark())
        drawn = self._chance.random()
        if drawn < self._making:
            self._requote(is_buy=self._chance.random() < 0.5)
        elif drawn < self._taking:
            self._take()
        else:
            self._follow()

    def _wander(self) -> None:
        sigma = self._market.rules.volatility / sqrt(self._rate)
        change = self._chance.gauss(0.0, sigma)
        if self._gap_chance and self._chance.random() < self._gap_chance:
            change += self._gap_size if self._chance.random() < 0.5 else -self._gap_size
        moved = from_units(self._market.oracle) * exp(change)
        self._market.set_oracle(max(self._tick, round(moved * SCALE)))

    def _requote(self, is_buy: bool) -> None:
        quotes = self._quotes[is_buy]
        while quotes and not quotes[0].remaining:
            quotes.popleft()  # executed meanwhile
        if len(quotes) >= self._depth:
            oldest = quotes.popleft()
            self._trading.cancel(self._account(oldest), oldest)
        self._quote(is_buy)
        if len(quotes) < self._depth:
            self._quote(is_buy)  # takers ate more than one step replaces

    def _quote(self, is_buy: bool) -> None:
        distance = self._market.rules.spread * (
            0.5 - _DEPTH_IN_SPREADS * log(1.0 - self._chance.random()) / 2
        )
        away = from_units(self._market.oracle) + (-distance if is_buy else distance)
        ticks = to_units(max(0.0, away)) // self._tick + (not is_buy)  # rounded away from the other side
        order = self._place(self._pick(self._makers), is_buy, max(1, ticks) * self._tick)
        if order.remaining:
            self._quotes[is_buy].append(order)

    def _take(self) -> None:
        book = self._market.book
        rises = self._market.oracle > (self._market.mid() or 0)
        is_buy = rises if self._chance.random() < _FOLLOWS_PRICE else not rises
        best = book.side(not is_buy).best_price()
        if best is not None:
            self._place(self._pick(self._takers), is_buy, best, TimeInForce.IOC)

    def _follow(self) -> None:
        """Trade in the direction of a move that was larger than half a spread."""
        move = self._past[-1] - self._past[0]
        best = self._market.book.side(move < 0).best_price()
        if best is not None and abs(move) > to_units(self._market.rules.spread) // 2:
            self._place(self._pick(self._followers), move > 0, best, TimeInForce.IOC, _MOMENTUM_SIZE)

    def _place(
        self,
        account: Account,
        is_buy: bool,
        price: int,
        tif: TimeInForce = TimeInForce.GTC,
        sizes: float = 1.0,
    ) -> Order:
        """Of a random size, ``sizes`` times the typical one on average."""
        self._count += 1
        mean = sizes * self._market.rules.typical_size
        lots = -log(1.0 - self._chance.random()) * mean * 1e8 / self._lot
        order = Order(
            id=f"{self._market.symbol} {self._count}",
            account=account.key,
            symbol=self._market.symbol,
            is_buy=is_buy,
            price=price,
            size=max(self._least, round(lots)) * self._lot,
            tif=tif,
        )
        self._trading.place(account, order)
        return order

    def _pick(self, accounts: list[Account]) -> Account:
        return accounts[int(self._chance.random() * len(accounts))]

    def _account(self, order: Order) -> Account:
        return next(account for account in self._makers if account.key == order.account)


def _background(ledger: Ledger, name: str) -> Account:
    """An account whose key nobody holds: the hash of its name."""
    return ledger.open_internal(to_base58(sha256(name.encode()).digest()))
