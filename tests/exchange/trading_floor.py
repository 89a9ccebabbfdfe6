"""One market and three rich accounts, without sessions or signatures."""

from __future__ import annotations

from bulk_proto.enums import TimeInForce
from bulk_proto.exchange import ExchangeConfig
from bulk_proto.exchange.accounts import Account, Ledger
from bulk_proto.exchange.clock import ExchangeClock
from bulk_proto.exchange.journal import Journal
from bulk_proto.exchange.markets import MarketState
from bulk_proto.exchange.matching import LevelView
from bulk_proto.exchange.orders import Order
from bulk_proto.exchange.trading import Trading
from bulk_proto.exchange.units import SCALE, to_money
from tests.exchange.in_memory import quiet

OWNERS = ("anna", "bert", "cleo")


class Floor:
    """One market and three rich accounts, without sessions."""

    def __init__(self, config: ExchangeConfig | None = None) -> None:
        config = config or quiet()
        clock = ExchangeClock(config.epoch_ns, 0.0)
        self.market = MarketState(config.markets[0], 100)
        self.ledger = Ledger(to_money(1e9))
        markets = {self.market.symbol: self.market}
        self.trading = Trading(config, clock, markets, self.ledger, Journal(config, clock, markets, set()))
        self.accounts: list[Account] = [self.ledger.open(name) for name in OWNERS]
        self._placed = 0

    def place(
        self,
        owner: int,
        is_buy: bool,
        price: int,
        size: int,
        tif: TimeInForce = TimeInForce.GTC,
        *,
        is_market: bool = False,
        reduce_only: bool = False,
        slippage: float | None = None,
    ) -> Order:
        """Prices in tenths of a quote unit, sizes in hundredths of a base unit."""
        self._placed += 1
        order = Order(
            id=str(self._placed),
            account=OWNERS[owner],
            symbol=self.market.symbol,
            is_buy=is_buy,
            price=0 if is_market else price * SCALE // 10,
            size=size * SCALE // 100,
            tif=TimeInForce.IOC if is_market else tif,
            is_market=is_market,
            reduce_only=reduce_only,
        )
        self.trading.place(self.accounts[owner], order, slippage)
        return order

    def levels(self) -> tuple[list[LevelView], list[LevelView]]:
        return self.market.book.bids.levels(), self.market.book.asks.levels()

    def check_conservation(self) -> None:
        positions = [p for account in self.accounts for p in account.positions.values()]
        assert sum(p.size for p in positions) == 0
        assert all(p.cost == 0 for p in positions if p.size == 0)
        assert self.market.open_interest == sum(p.size for p in positions if p.size > 0)
        cash = sum(account.cash for account in self.accounts)
        assert cash - sum(p.cost for p in positions) + self.ledger.fees == self.ledger.deposited
        for account in self.accounts:
            assert all(order.remaining > 0 for order in account.open_orders.values())
            for side in (0, 1):
                assert account.exposure.get(self.market.symbol, [0, 0])[side] == sum(
                    order.remaining * order.price
                    for order in account.open_orders.values()
                    if order.is_buy == side and not order.reduce_only
                )
