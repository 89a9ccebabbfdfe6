"""Positions and profit: the exchange's figures first, trades by hand for those who want them."""

from __future__ import annotations

from math import inf, isclose, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.enums import Side
from bulk_proto.errors import UsageError
from bulk_proto.events import MarginUpdate, PositionUpdate
from bulk_proto.inventory import Inventory, Pnl

ME = "FAe4sisG95oZ42w7buUn5qEE4TAnfTTFPiguZUHmhiF"
ISOLATED = "HotQbmncuSTaG6jktEDec63rpxzXC6ZNfqedTMPAJxNP"
BTC, ETH = "BTC-USD", "ETH-USD"


def row(symbol: str = BTC, size: float = 0.5, price: float = 100.0, **more: float) -> PositionUpdate:
    return PositionUpdate(account=ME, symbol=symbol, size=size, price=price, **more)  # type: ignore[arg-type]


def isolated(size: float, price: float) -> PositionUpdate:
    return PositionUpdate(
        account=ME, symbol=BTC, size=size, price=price, iso=True, iso_pubkey=ISOLATED, unrealized_pnl=1.5
    )


# Reconciled with the exchange ----------------------------------------------------------------------------


def test_positions_are_those_of_the_exchange() -> None:
    inventory = Inventory()
    inventory.reconcile([row(size=0.7, price=64210.1), row(ETH, size=-2, price=3000)], None)
    assert (inventory.quantity_for(BTC), inventory.quantity_for(ETH)) == (0.7, -2)
    assert (inventory.position_for(BTC).vwap, inventory.position_for(BTC).side) == (64210.1, 1)
    assert (inventory.position_for(ETH).symbol, inventory.position_for(ETH).side) == (ETH, -1)


def test_reports_replace_each_other_and_are_never_added() -> None:  # D2
    inventory = Inventory()
    for _ in range(2):
        inventory.reconcile([row(size=1.0, realized_pnl=3.0)], None)
    assert (inventory.quantity_for(BTC), inventory.pv({}).realized) == (1.0, 3.0)


def test_a_position_that_is_no_longer_listed_is_flat_and_keeps_its_profit() -> None:  # D3
    inventory = Inventory()
    inventory.reconcile([row(realized_pnl=3.0, unrealized_pnl=2.0, fees=-1.0, funding=0.25)], None)
    position = inventory.position_for(BTC)
    inventory.reconcile([], None)
    assert (position.quantity, position.vwap, position.side, position.legs) == (0, 0, 0, ())
    assert inventory.pv({BTC: 500.0}) == Pnl(3.0, 0.0)
    assert (inventory.fees, inventory.funding) == (-1.0, 0.25)


def test_cross_and_isolated_positions_add_up_and_stay_apart() -> None:  # D39
    inventory = Inventory()
    inventory.reconcile([row(size=2.0, price=100), isolated(-0.5, 120)], None)
    position = inventory.position_for(BTC)
    assert (position.quantity, [leg.size for leg in position.legs]) == (1.5, [2.0, -0.5])
    assert isclose(position.vwap, (200 - 60) / 1.5)
    assert inventory.pv({BTC: 110.0}).unrealized == 2 * 10 + 0.5 * 10


def test_legs_whose_sum_is_a_crumb_are_flat() -> None:
    inventory = Inventory()
    inventory.reconcile([row(size=0.1), row(size=0.2), isolated(-0.3, 90)], None)
    position = inventory.position_for(BTC)
    assert (position.quantity, position.side, position.vwap) == (0, 0, 0)


def test_a_leg_without_a_price_leaves_the_average_unknown() -> None:
    inventory = Inventory()
    inventory.reconcile([row(size=1.0), row(size=1.0, price=nan, unrealized_pnl=7.0)], None)
    position = inventory.position_for(BTC)
    assert (position.quantity, position.vwap, position.pv(110.0)) == (2.0, 0.0, 17.0)


def test_legs_that_cancel_out_keep_their_locked_in_profit() -> None:
    inventory = Inventory()
    inventory.reconcile([row(size=0.5, price=100), isolated(-0.5, 120)], None)
    assert (inventory.quantity_for(BTC), inventory.position_for(BTC).vwap) == (0, 0)
    assert inventory.pv({BTC: 7.0}).unrealized == 10


@pytest.mark.parametrize("prices", [{}, {BTC: None}, {BTC: nan}])
def test_without_a_price_the_figure_of_the_exchange_counts(prices: dict[str, float | None]) -> None:  # D41
    inventory = Inventory()
    inventory.reconcile([row(unrealized_pnl=-8.25), row(ETH)], None)
    assert inventory.pv(prices).unrealized == -8.25


def test_with_a_price_profit_is_computed_against_the_entry() -> None:
    inventory = Inventory()
    inventory.reconcile([row(size=-0.5, price=100, unrealized_pnl=99)], None)
    assert inventory.pv({BTC: 90.0}).unrealized == 5


def test_an_unknown_entry_price_is_not_a_price_of_zero() -> None:
    inventory = Inventory()
    inventory.reconcile([row(price=nan, unrealized_pnl=2.0)], None)
    assert inventory.position_for(BTC).vwap == 0
    assert inventory.pv({BTC: 64000.0}).unrealized == 2.0


def test_realized_profit_and_costs_are_the_accounts_where_known() -> None:
    inventory = Inventory()
    rows = [row(realized_pnl=1.0, fees=-0.1, funding=0.5), row(ETH, realized_pnl=2.0, fees=-0.2)]
    inventory.reconcile(rows, MarginUpdate(account=ME, realized_pnl=12.5, fees=-3.1, funding=0.4))
    assert (inventory.realized, inventory.fees, inventory.funding) == (12.5, -3.1, 0.4)
    assert inventory.pv({}).net == 12.5
    inventory.reconcile(rows, MarginUpdate(account=ME))
    assert (inventory.realized, isclose(inventory.fees, -0.3), inventory.funding) == (3.0, True, 0.5)


# By hand -------------------------------------------------------------------------------------------------


def test_trades_in_one_direction_average_their_price() -> None:
    inventory = Inventory()
    inventory.traded(BTC, Side.BUY, 1.0, 100.0)
    inventory.traded(BTC, 1.0, 3.0, 104.0)
    position = inventory.positions[BTC]
    assert (position.quantity, position.vwap, position.realized) == (4, 103, 0)


def test_closing_a_part_realizes_its_profit_and_keeps_the_entry() -> None:
    inventory = Inventory()
    inventory.traded(BTC, -1, 2.0, 100.0)
    inventory.traded(BTC, Side.BUY, 0.5, 90.0)
    assert (inventory.quantity_for(BTC), inventory.position_for(BTC).vwap) == (-1.5, 100)
    assert inventory.pv({BTC: 80.0}) == Pnl(5, 30)


def test_what_is_left_of_a_closing_trade_opens_the_other_side() -> None:
    inventory = Inventory()
    inventory.traded(BTC, Side.BUY, 1.0, 100.0)
    inventory.traded(BTC, Side.SELL, 3.0, 110.0)
    assert (inventory.quantity_for(BTC), inventory.position_for(BTC).vwap) == (-2, 110)
    assert inventory.pv({BTC: 100.0}) == Pnl(10, 20)


def test_decimal_crumbs_do_not_leave_a_position() -> None:
    inventory = Inventory()
    inventory.traded(BTC, Side.BUY, 0.3, 100.0)
    for _ in range(3):
        inventory.traded(BTC, Side.SELL, 0.1, 100.0)
    assert (inventory.quantity_for(BTC), inventory.position_for(BTC).vwap) == (0, 0)


def test_trades_by_hand_stand_until_the_next_report() -> None:
    inventory = Inventory()
    margin = MarginUpdate(account=ME, realized_pnl=1.0)
    inventory.reconcile([row(size=1.0, price=100)], margin)
    inventory.traded(BTC, Side.SELL, 0.5, 110.0)
    assert (inventory.quantity_for(BTC), inventory.realized) == (0.5, 6)
    inventory.reconcile([row(size=0.5, price=100)], margin)
    assert (inventory.quantity_for(BTC), inventory.realized) == (0.5, 1)


@pytest.mark.parametrize(
    ("side", "amount", "price"),
    [(0, 1, 1), (nan, 1, 1), (1, 0, 1), (1, -1, 1), (1, inf, 1), (1, nan, 1), (1, 1, nan), (1, 1, inf)],
)
def test_a_trade_that_cannot_be_raises(side: float, amount: float, price: float) -> None:
    inventory = Inventory()
    with pytest.raises(UsageError):
        inventory.traded(BTC, side, amount, price)
    assert inventory.positions == {}


def test_the_position_for_a_new_symbol_is_flat_and_kept() -> None:
    inventory = Inventory()
    assert inventory.quantity_for(BTC) == 0
    assert BTC not in inventory.positions
    position = inventory.position_for(BTC)
    assert (position.quantity, position.vwap, position.side) == (0, 0, 0)
    assert (position.realized, position.unrealized_pnl, position.fees, position.funding) == (0, 0, 0, 0)
    inventory.traded(BTC, Side.BUY, 1, 100)
    assert (position.quantity, repr(position)) == (1, "<Position BTC-USD 1 @ 100>")


def test_the_summary_has_a_row_for_each_position() -> None:
    inventory = Inventory()
    inventory.reconcile([row(unrealized_pnl=2.0)], None)
    assert inventory.summary() == [{"id": BTC, "amount": 0.5, "price": 100.0, "pv": 2.0}]


def test_an_empty_inventory_has_no_profit() -> None:
    assert Inventory().pv({BTC: 1.0}).net == 0


TRADES = st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 8), st.integers(90, 110)), max_size=20)


@given(trades=TRADES, price=st.integers(80, 120))
def test_profit_is_the_value_of_what_is_held_minus_the_cash_paid(
    trades: list[tuple[Side, int, int]], price: int
) -> None:
    inventory = Inventory()
    held, paid = 0, 0
    for side, amount, at in trades:
        inventory.traded(BTC, side, amount, at)
        signed = amount if side.is_buy else -amount
        held += signed
        paid += signed * at
    assert inventory.quantity_for(BTC) == held
    assert isclose(inventory.pv({BTC: price}).net, held * price - paid, abs_tol=1e-6)
