"""Matching and settlement against a model so simple that it is plainly right."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.enums import OrderStatus, TimeInForce
from bulk_proto.exchange import ExchangeConfig, SelfTrade
from bulk_proto.exchange.accounts import Account, Ledger
from bulk_proto.exchange.clock import ExchangeClock
from bulk_proto.exchange.journal import Journal
from bulk_proto.exchange.markets import MarketState
from bulk_proto.exchange.matching import BookSide, LevelView, MatchingBook
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


@dataclass
class Model:
    """A list of resting orders, searched from end to end for every match."""

    resting: list[Order] = field(default_factory=list)
    fills: list[tuple[str, str, int, int]] = field(default_factory=list)  # maker, taker, price, size

    def place(self, order: Order) -> None:
        if order.tif is TimeInForce.ALO and self._against(order):
            return
        while order.remaining and (against := self._against(order)):
            maker = max(against, key=lambda o: -o.price if order.is_buy else o.price)  # the first of the best
            if maker.account == order.account:
                self.resting.remove(maker)
                continue
            size = min(order.remaining, maker.remaining)
            self.fills.append((maker.id, order.id, maker.price, size))
            order.remaining -= size
            maker.remaining -= size
            if not maker.remaining:
                self.resting.remove(maker)
        if order.remaining and order.tif is not TimeInForce.IOC:
            self.resting.append(order)

    def _against(self, order: Order) -> list[Order]:
        return [
            other
            for other in self.resting
            if other.is_buy != order.is_buy
            and (order.is_market or (other.price - order.price) * order.sign <= 0)
        ]

    def levels(self) -> tuple[list[LevelView], list[LevelView]]:
        sides = []
        for is_buy in (True, False):
            orders = [order for order in self.resting if order.is_buy == is_buy]
            prices = sorted({order.price for order in orders}, reverse=is_buy)
            sides.append(
                [
                    LevelView(price, sum(o.remaining for o in at), len(at))
                    for price in prices
                    if (at := [order for order in orders if order.price == price])
                ]
            )
        return sides[0], sides[1]


placements = st.tuples(
    st.integers(0, 2), st.booleans(), st.integers(995, 1005), st.integers(1, 5), st.sampled_from(TimeInForce)
)
commands = st.lists(
    st.one_of(
        placements,
        st.tuples(st.just("market"), st.integers(0, 2), st.booleans(), st.integers(1, 8)),
        st.tuples(st.just("cancel"), st.integers(0, 40)),
        st.tuples(st.just("modify"), st.integers(0, 40), st.integers(1, 6)),
    ),
    max_size=40,
)


@given(commands)
def test_every_sequence_of_orders_matches_as_in_the_model(sequence: list[tuple[object, ...]]) -> None:
    floor, model = Floor(), Model()
    shown: dict[tuple[bool, int], int] = {}
    for command in sequence:
        match command:
            case ("cancel" | "modify" as what, int(index), *more):
                if not model.resting:
                    continue
                theirs = model.resting[index % len(model.resting)]
                account = floor.accounts[OWNERS.index(theirs.account)]
                ours = account.open_orders[theirs.id]
                if what == "cancel":
                    floor.trading.cancel(account, ours)
                    model.resting.remove(theirs)
                else:
                    (hundredths,) = more
                    assert isinstance(hundredths, int)
                    remaining = hundredths * SCALE // 100
                    assert floor.trading.modify(account, ours, ours.filled + remaining) is None
                    if remaining > theirs.remaining:
                        model.resting.remove(theirs)
                        model.resting.append(theirs)
                    theirs.remaining = remaining
            case ("market", int(owner), bool(is_buy), int(size)):
                copy_into(model, floor.place(owner, is_buy, 0, size, is_market=True), size)
            case (int(owner), bool(is_buy), int(price), int(size), TimeInForce() as tif):
                copy_into(model, floor.place(owner, is_buy, price, size, tif), size)
            case _:
                raise AssertionError(command)
        assert floor.levels() == model.levels()
        replay(floor.market.book, shown)
        floor.check_conservation()
    assert floor.market.history.turnover().volume == sum(size for *_, size in model.fills)


def copy_into(model: Model, order: Order, size: int) -> None:
    """Give the model its own copy of an order as it arrived, and compare what became of it."""
    before = len(model.fills)
    copy = Order(
        id=order.id,
        account=order.account,
        symbol=order.symbol,
        is_buy=order.is_buy,
        price=order.price,
        size=size * SCALE // 100,
        tif=order.tif,
        is_market=order.is_market,
    )
    model.place(copy)
    fills = model.fills[before:]
    assert order.filled == sum(size for _, _, _, size in fills)
    assert order.spent == sum(price * size for _, _, price, size in fills)
    if any(resting is copy for resting in model.resting):
        assert order.remaining == copy.remaining
    else:
        assert order.remaining == 0


def replay(book: MatchingBook, shown: dict[tuple[bool, int], int]) -> None:
    """Apply the changes one by one, as clients do: never crossed on the way, equal to the book at the end."""
    for change in book.take_changes():
        if change.size:
            shown[change.is_bid, change.price] = change.size
        else:
            del shown[change.is_bid, change.price]
        bids = [price for is_bid, price in shown if is_bid]
        asks = [price for is_bid, price in shown if not is_bid]
        assert not bids or not asks or max(bids) < min(asks)
    for is_bid, side in ((True, book.bids), (False, book.asks)):
        assert {level.price: level.size for level in side.levels()} == {
            price: size for (bid, price), size in shown.items() if bid == is_bid
        }


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.booleans(), st.integers(998, 1002), st.integers(1, 5), st.booleans()),
        max_size=40,
    )
)
def test_a_reduce_only_order_never_opens_or_turns_a_position(
    sequence: list[tuple[int, bool, int, int, bool]],
) -> None:
    floor = Floor()
    for owner, is_buy, price, size, reduce_only in sequence:
        before = floor.accounts[owner].size_of("BTC-USD", iso=False)
        floor.place(owner, is_buy, price, size, reduce_only=reduce_only)
        after = floor.accounts[owner].size_of("BTC-USD", iso=False)
        if reduce_only:
            assert 0 <= after * (1 if before > 0 else -1) <= abs(before)
        for account in floor.accounts:
            resting = [order for order in account.open_orders.values() if order.reduce_only]
            assert all(account.reducible(order) for order in resting)
            assert account.reducing == len(resting)
        floor.check_conservation()


def test_a_resting_reduce_only_order_is_filled_no_further_than_the_position() -> None:
    floor = Floor()
    floor.place(0, True, 1000, 5)
    floor.place(1, False, 1000, 5)  # anna is long 5
    first = floor.place(0, False, 1010, 5, reduce_only=True)
    second = floor.place(0, False, 1010, 5, reduce_only=True)
    taker = floor.place(2, True, 1010, 8)
    assert first.status is OrderStatus.FILLED
    assert second.status is OrderStatus.CANCELLED_REDUCEONLY
    assert taker.status is OrderStatus.WORKING
    assert taker.filled == 5 * SCALE // 100
    assert floor.accounts[0].size_of("BTC-USD", iso=False) == 0


def test_what_is_left_of_a_reduce_only_order_goes_when_the_position_is_closed_by_it() -> None:
    floor = Floor()
    floor.place(0, True, 1000, 5)
    floor.place(1, False, 1000, 5)
    resting = floor.place(0, False, 1010, 5, reduce_only=True)
    floor.place(1, True, 990, 3)
    floor.place(0, False, 990, 3)  # anna sells 3 of her 5 elsewhere
    taker = floor.place(2, True, 1010, 4, TimeInForce.IOC)
    assert taker.filled == 2 * SCALE // 100
    assert taker.status is OrderStatus.CANCELLED_IOC
    assert resting.status is OrderStatus.CANCELLED_REDUCEONLY
    assert resting.filled == 2 * SCALE // 100


def test_the_incoming_order_goes_when_so_configured() -> None:
    floor = Floor(quiet(self_trade=SelfTrade.CANCEL_INCOMING))
    other = floor.place(1, False, 1000, 1)
    own = floor.place(0, False, 1001, 5)
    taker = floor.place(0, True, 1001, 5)
    assert other.status is OrderStatus.FILLED
    assert own.status is OrderStatus.RESTING
    assert taker.status is OrderStatus.CANCELLED_SELFCROSSING
    assert taker.remaining == 0
    floor.check_conservation()


def test_the_resting_order_goes_by_default() -> None:
    floor = Floor()
    own = floor.place(0, False, 1000, 5)
    taker = floor.place(0, True, 1000, 5)
    assert own.status is OrderStatus.CANCELLED_SELFCROSSING
    assert taker.status is OrderStatus.RESTING


@pytest.mark.parametrize(("bps", "filled"), [(0.0, 1), (9.9, 1), (10.0, 2), (None, 3)])
@pytest.mark.parametrize("is_buy", [True, False])
def test_slippage_bounds_a_market_order_from_the_best_price_it_meets(
    bps: float | None, filled: int, is_buy: bool
) -> None:
    floor = Floor()
    for step in (0, 1, 20):
        floor.place(1, not is_buy, 1000 + (step if is_buy else -step), 1)
    order = floor.place(0, is_buy, 0, 5, is_market=True, slippage=bps)
    assert order.filled == filled * SCALE // 100
    assert order.status is OrderStatus.CANCELLED_IOC


def test_slippage_means_nothing_without_an_opposite_side() -> None:
    assert Floor().place(0, True, 0, 5, is_market=True, slippage=1.0).status is OrderStatus.CANCELLED_IOC


@pytest.mark.parametrize(("size", "first"), [(3, "early"), (5, "early"), (6, "late")])
def test_only_a_larger_size_costs_an_order_its_place_in_the_queue(size: int, first: str) -> None:
    floor = Floor()
    orders = {"early": floor.place(0, False, 1000, 5), "late": floor.place(1, False, 1000, 5)}
    assert floor.trading.modify(floor.accounts[0], orders["early"], size * SCALE // 100) is None
    floor.place(2, True, 1000, 1)
    assert [name for name, order in orders.items() if order.filled] == [first]


def test_a_side_lists_its_best_levels_first() -> None:
    floor = Floor()
    for price in (990, 1000, 980):
        floor.place(0, True, price, 1)
    side: BookSide = floor.market.book.bids
    assert [level.price // (SCALE // 10) for level in side.levels(2)] == [1000, 990]
    assert side.levels(0) == []
    assert len(side.levels(7)) == 3
    assert side.size_at(99 * SCALE) == SCALE // 100
    assert side.size_at(1) == 0


def test_a_level_that_ends_as_it_began_is_no_change() -> None:
    floor = Floor()
    order = floor.place(0, True, 1000, 1)
    floor.market.book.take_changes()
    floor.trading.cancel(floor.accounts[0], order)
    floor.place(1, True, 1000, 1)
    assert floor.market.book.take_changes() == []
