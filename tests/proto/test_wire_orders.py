"""Orders and executions in every mixture of names and forms that servers have used."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.enums import OrderStatus, Side, TimeInForce
from bulk_proto.events import (
    AutoDeleveraging,
    CancelRejected,
    Fill,
    Liquidation,
    MessageRefused,
    OrderState,
    OrderTrigger,
)
from bulk_proto.wire import decode

from . import wire_messages as wire
from .wire_messages import ACCOUNT_TOPIC, K1, OID1, OID2, ORDER_NAMES, data_of, read_account

ORDER: dict[str, Any] = data_of(wire.ORDER_UPDATE)
FILL: dict[str, Any] = data_of(wire.FILL)
LIQUIDATION = {"symbol": "BTC-USD", "price": 60000.0, "size": 0.5, "isBuy": False, "timestamp": 7}


def changed(row: dict[str, Any], changes: dict[str, object]) -> dict[str, Any]:
    return {name: value for name, value in (row | changes).items() if value != "absent"}


def read_order(**changes: object) -> OrderState:
    event = read_account(changed(ORDER, changes))
    assert isinstance(event, OrderState)
    return event


def read_old_order(**changes: object) -> OrderState:
    """An order with long names, as servers sent it before sizes had signs."""
    row = {ORDER_NAMES.get(name, name): value for name, value in ORDER.items()}
    event = read_account(changed(row | {"originalSize": 0.05, "size": 0.02}, changes))
    assert isinstance(event, OrderState)
    return event


def read_fill(**changes: object) -> Fill:
    event = read_account(changed(FILL, changes))
    assert isinstance(event, Fill)
    return event


def refused(**data: object) -> bool:
    event = read_account(data)
    return isinstance(event, MessageRefused) and event.stream == ACCOUNT_TOPIC


# Orders ----------------------------------------------------------------------------------------------


@given(long=st.sets(st.sampled_from(sorted(ORDER_NAMES))))
def test_any_mixture_of_short_and_long_names_is_the_same_order(long: set[str]) -> None:
    row = {ORDER_NAMES[name] if name in long else name: value for name, value in ORDER.items()}
    assert read_account(row) == decode(wire.ORDER_UPDATE)


def test_an_order_may_name_its_market_coin() -> None:
    assert read_order(sym="absent", coin="ETH-USD").symbol == "ETH-USD"


def test_a_filled_sell_is_a_sell() -> None:
    order = read_order(status="filled", sz=0.0, fillSz=0.05)
    assert (order.side, order.size, order.size_orig, order.size_done) == (Side.SELL, 0.0, 0.05, 0.05)


def test_sizes_of_an_order_are_all_unsigned() -> None:
    order = read_order(origSz=-3, sz="-2", fillSz=-1)
    assert (order.size_orig, order.size, order.size_done) == (3.0, 2.0, 1.0)


@pytest.mark.parametrize(
    ("sizes", "side"),
    [
        ({"origSz": 1.0, "sz": 1.0}, Side.BUY),
        ({"origSz": -1.0, "sz": 1.0}, Side.SELL),
        ({"origSz": 1.0, "sz": -1.0}, Side.BUY),
        ({"origSz": 0.0, "sz": -1.0}, Side.SELL),
        ({"origSz": "absent", "sz": -1.0}, Side.SELL),
        ({"origSz": None, "sz": 1.0}, Side.BUY),
        ({"origSz": 0.0, "sz": 0.0}, None),
        ({"origSz": None, "sz": 0.0, "fillSz": 1.0, "status": "filled"}, None),
        ({"origSz": 0.0, "sz": 0.0, "isBuy": False}, Side.SELL),
        ({"origSz": 0.0, "sz": 0.0, "isBuy": "yes"}, None),
        ({"origSz": -1.0, "sz": 0.0, "isBuy": True}, Side.SELL),
    ],
)
def test_the_side_comes_from_the_signs_then_from_the_flag(sizes: dict[str, Any], side: Side | None) -> None:
    assert read_order(**sizes).side is side


@pytest.mark.parametrize(("is_buy", "side"), [(True, Side.BUY), (False, Side.SELL)])
def test_the_flag_of_older_orders_tells_what_their_unsigned_sizes_do_not(is_buy: bool, side: Side) -> None:
    order = read_old_order(isBuy=is_buy)
    assert (order.side, order.size_orig, order.size) == (side, 0.05, 0.02)


def test_a_finished_order_with_long_names_keeps_its_original_size_and_side() -> None:
    order = read_old_order(status="cancelled", originalSize=-0.07, size=0.0)
    assert (order.side, order.size_orig, order.size, order.size_done) == (Side.SELL, 0.07, 0.0, 0.03)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("gtc", TimeInForce.GTC),
        ("IOC", TimeInForce.IOC),
        ("postOnly", TimeInForce.ALO),
        ("Alo", TimeInForce.ALO),
        ("goodTillDate", None),
        (None, None),
        ("", None),
        (5, None),
    ],
)
def test_time_in_force_is_read_in_any_case_and_never_guessed(
    word: object, expected: TimeInForce | None
) -> None:
    assert read_order(tif=word).tif is expected


def test_an_unknown_status_keeps_the_order_alive() -> None:
    order = read_order(status="contemplating")
    assert (order.status, order.status_text) == (OrderStatus.UNKNOWN, "contemplating")
    assert not order.status.is_terminal()


def test_a_missing_status_keeps_the_order_alive() -> None:
    order = read_order(status=None)
    assert (order.status, order.status_text) == (OrderStatus.UNKNOWN, "")


def test_why_an_order_was_rejected_is_not_lost() -> None:
    order = read_order(status="rejectedRiskLimit", reason="margin")
    assert (order.status, order.error) == (OrderStatus.REJECTED_RISKLIMIT, "margin")
    assert read_order(reason="").error is None


def test_conditions_of_an_order_are_read() -> None:
    trigger = {
        "isAbove": True,
        "px": 1,
        "lim": "2",
        "oco": OID1,
        "pxHi": 3.0,
        "limHi": 4,
        "trb": 50,
        "stb": 5,
    }
    order = read_order(ot="range", px=0.0, trigger=trigger)
    assert order.trigger == OrderTrigger(
        is_above=True,
        price=1.0,
        limit=2.0,
        oco=OID1,
        price_high=3.0,
        limit_high=4.0,
        trail_bps=50.0,
        step_bps=5.0,
    )
    assert read_order(trigger={"lim": None}).trigger == OrderTrigger()
    assert read_order(trigger="soon").trigger is None


def test_actions_that_wait_for_a_fill_are_passed_on() -> None:
    assert read_order(pendingOnFill=[{"m": {}}]).pending_on_fill == [{"m": {}}]


@pytest.mark.parametrize("name", ["px", "vwap"])
def test_null_prices_of_an_order_are_zero(name: str) -> None:
    order = read_order(**{name: None})
    assert 0.0 in (order.price, order.vwap)


def test_isolated_and_reducing_orders_say_so() -> None:
    order = read_order(iso=True, r=True, mk=None, ts="7")
    assert (order.iso, order.reduce_only, order.is_maker, order.timestamp) == (True, True, False, 7)
    assert read_old_order(reduceOnly=True).reduce_only


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"origSz": "absent", "status": "working"}, (0.05, 0.02)),
        ({"sz": "absent", "status": "working"}, (0.05, 0.02)),
        ({"sz": "absent", "status": "cancelled"}, (0.05, 0.0)),
        ({"sz": None, "status": "working", "fillSz": 7}, (0.05, 0.0)),
        ({"origSz": None, "sz": None, "status": "cancelledIoc"}, (0.03, 0.0)),
    ],
)
def test_a_size_that_was_not_sent_follows_from_the_others(
    sizes: dict[str, Any], expected: tuple[float, float]
) -> None:
    order = read_order(**sizes)
    assert (order.size_orig, order.size) == pytest.approx(expected)


@pytest.mark.parametrize(
    "change",
    [
        {"sym": None},
        {"sym": 5},
        {"oid": "absent"},
        {"oid": ""},
        {"origSz": "many"},
        {"sz": []},
        {"fillSz": True},
        {"origSz": None, "sz": None},
    ],
)
def test_an_order_that_cannot_be_told_apart_or_measured_is_refused(change: dict[str, object]) -> None:
    assert refused(**changed(ORDER, change))


# Fills -----------------------------------------------------------------------------------------------


def test_short_names_of_a_fill_are_known() -> None:
    short = {"symbol": "sym", "orderId": "oid", "price": "px", "size": "sz", "isBuy": "b", "maker": "mk"}
    short |= {"timestamp": "ts", "tradeId": "tid"}
    assert read_account({short.get(name, name): value for name, value in FILL.items()}) == decode(wire.FILL)


@pytest.mark.parametrize(
    ("symbol", "size"), [*itertools.product(["symbol", "sym", "coin"], ["size", "sz", "amount"])]
)
def test_every_name_of_market_and_size_of_a_fill_is_known(symbol: str, size: str) -> None:
    fill = read_fill(**{"symbol": "absent", "size": "absent"} | {symbol: "ETH-USD", size: -2})
    assert (fill.symbol, fill.size) == ("ETH-USD", 2.0)


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ({"tradeId": "a:1"}, "a:1"),
        ({"tradeId": 2**60 + 1}, str(2**60 + 1)),
        ({"tid": 17}, "17"),
        ({"tid": 17.0}, "17"),
        ({"slot": 123456, "sequence": 7}, "123456:7"),
        ({"slot": "123456", "sequence": 0}, "123456:0"),
        ({"tradeId": "a", "slot": 1, "sequence": 2}, "a"),
        ({"tradeId": "", "slot": 1, "sequence": 2}, "1:2"),
        ({"slot": 1}, None),
        ({"tradeId": True}, None),
        ({}, None),
    ],
)
def test_a_fill_keeps_its_trade_id_in_every_form(ids: dict[str, object], expected: str | None) -> None:
    assert read_fill(**{"tradeId": "absent"} | ids).trade_id == expected


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ({"reasonCode": 0}, None),
        ({"reasonCode": 1}, "liquidation"),
        ({"reasonCode": 2}, "adl"),
        ({"reasonCode": "3"}, "liquidation_sweep"),
        ({"reasonCode": 0, "reason": "normal"}, None),
        ({"reasonCode": 9}, "9"),
        ({"reasonCode": 9, "reason": "settlement"}, "settlement"),
        ({"reasonCode": "absent", "reason": "adl"}, "adl"),
        ({"reasonCode": None}, None),
    ],
)
def test_a_fill_says_why_it_happened(reason: dict[str, object], expected: str | None) -> None:
    assert read_fill(**reason).reason == expected


def test_a_fee_is_passed_through_and_may_be_missing() -> None:
    assert (read_fill(fee=-0.5).fee, read_fill(fee="0.25").fee, read_fill(fee=None).fee) == (-0.5, 0.25, None)


@pytest.mark.parametrize(
    ("maker", "expected"), [(True, True), (False, False), (K1, None), (1, None), (None, None)]
)
def test_only_a_flag_says_who_was_maker(maker: object, expected: bool | None) -> None:
    assert read_fill(maker=maker).is_maker is expected


def test_a_fill_without_direction_has_no_side_and_infers_none() -> None:
    fill = read_fill(isBuy="absent")
    assert (fill.side, fill.side_inferred) == (None, False)


@pytest.mark.parametrize("change", [{"symbol": None}, {"orderId": "absent"}, {"price": None}, {"size": "x"}])
def test_a_fill_without_order_price_or_size_is_refused(change: dict[str, object]) -> None:
    assert refused(**changed(FILL, change))


# What the exchange did by itself ---------------------------------------------------------------------


def test_a_liquidation_is_read() -> None:
    extra = {"type": "liquidation", "marginPrior": 10, "marginAfter": 2.5, "reason": "maintenance"}
    assert read_account(LIQUIDATION | extra) == Liquidation(
        account=K1,
        symbol="BTC-USD",
        price=60000.0,
        size=0.5,
        side=Side.SELL,
        timestamp=7,
        reason="maintenance",
        margin_prior=10.0,
        margin_after=2.5,
    )


@pytest.mark.parametrize("kind", ["adl", "ADL"])
def test_an_auto_deleveraging_is_read(kind: str) -> None:
    event = read_account(LIQUIDATION | {"type": kind, "isBuy": True, "size": -0.5})
    assert type(event) is AutoDeleveraging
    assert (event.side, event.size) == (Side.BUY, 0.5)


@pytest.mark.parametrize("kind", ["liquidation", "adl"])
def test_a_liquidation_in_no_market_is_refused(kind: str) -> None:
    assert refused(**LIQUIDATION | {"type": kind, "symbol": None})


@pytest.mark.parametrize("kind", ["liquidation", "adl"])
def test_a_liquidation_is_told_although_a_figure_is_missing(kind: str) -> None:
    for name, other in (("price", "size"), ("size", "price")):
        event = read_account(LIQUIDATION | {"type": kind, name: None})
        assert isinstance(event, Liquidation)
        assert math.isnan(getattr(event, name))
        assert getattr(event, other) == LIQUIDATION[other]


def test_a_refused_cancel_names_its_order_and_the_reason() -> None:
    data = {
        "type": "cancelOneRejected",
        "symbol": "BTC-USD",
        "orderId": OID2,
        "reason": "not found",
        "timestamp": 7,
    }
    assert read_account(data) == CancelRejected(
        account=K1, symbol="BTC-USD", order_id=OID2, reason="not found", timestamp=7
    )
    assert refused(type="cancelOneRejected", symbol="BTC-USD")


def test_a_refused_cancel_of_everything_names_no_order() -> None:
    data = {"type": "cancelAllRejected", "orderId": None, "reason": "no orders"}
    assert read_account(data) == CancelRejected(
        account=K1, symbol=None, order_id=None, reason="no orders", timestamp=None
    )
