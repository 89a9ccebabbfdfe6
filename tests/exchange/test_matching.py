"""Matching and settlement against a model so simple that it is plainly right."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.enums import TimeInForce
from bulk_proto.exchange.matching import LevelView, MatchingBook
from bulk_proto.exchange.orders import Order
from bulk_proto.exchange.units import SCALE
from tests.exchange.trading_floor import OWNERS, Floor


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
