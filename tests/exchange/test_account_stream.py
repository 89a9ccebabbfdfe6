"""What an account is told: its snapshot, and every event of its orders, fills, positions and margin."""

from __future__ import annotations

import json

import pytest

from bulk_proto import wire
from bulk_proto.enums import OrderStatus, Side, TimeInForce
from bulk_proto.events import (
    AccountSnapshot,
    CancelRejected,
    Event,
    Fill,
    MarginUpdate,
    OrderState,
    PositionUpdate,
)
from bulk_proto.exchange import ExchangeConfig
from tests.exchange.in_memory import (
    ANNA,
    BERT,
    Client,
    Json,
    Trader,
    account_events,
    cancel,
    cancel_all,
    exchange,
    limit,
    market,
    of_type,
    oid_of,
    quiet,
)


def watching(*traders: Trader, config: ExchangeConfig | None = None) -> Client:
    client = Client(exchange(config))
    client.subscribe({"type": "account", "user": [trader.key for trader in traders]})
    return client


def decoded(messages: list[Json], trader: Trader) -> list[Event]:
    """The account events of one account as a client of this library reads them."""
    events = []
    for message in of_type(messages, "account"):
        if message["topic"] == f"account.{trader.key}":
            event = wire.decode(json.dumps(message).encode())
            assert isinstance(event, Event)
            events.append(event)
    return events


def snapshot(client: Client, trader: Trader) -> AccountSnapshot:
    messages = client.subscribe({"type": "account", "user": trader.key})
    (event,) = decoded(messages, trader)
    assert isinstance(event, AccountSnapshot)
    return event


def test_a_new_key_has_an_account_with_the_starting_balance() -> None:
    event = snapshot(Client(exchange(quiet(starting_balance=5000.0))), ANNA)
    assert event.account == ANNA.key
    assert event.kind == "MasterEOA"
    assert event.margin.total_balance == event.margin.available_balance == 5000.0
    assert (event.positions, event.open_orders, event.leverage_settings) == ([], [], [])
    assert (event.fee_tiers[0].maker_bps, event.fee_tiers[0].taker_bps) == (2.0, 4.0)


def test_watching_a_key_does_not_open_an_account() -> None:
    served = exchange()
    snapshot(Client(served), ANNA)
    assert served._ledger.accounts == {}


def test_a_placed_order_is_told_and_listed() -> None:
    client = watching(ANNA)
    messages = client.post(ANNA.transaction(limit("sell", 110.0, 2.0, tif="ALO")))
    assert messages[0]["type"] == "post"
    (event,) = decoded(messages, ANNA)
    assert isinstance(event, OrderState)
    (row,) = messages[0]["data"]["payload"]["response"]["data"]["statuses"]
    assert event.order_id == oid_of(row)
    assert (event.status, event.side, event.tif) == (OrderStatus.RESTING, Side.SELL, TimeInForce.ALO)
    assert (event.price, event.size, event.size_orig, event.size_done) == (110.0, 2.0, 2.0, 0.0)
    assert event.is_maker
    (listed,) = snapshot(client, ANNA).open_orders
    assert (listed.order_id, listed.side, listed.size) == (event.order_id, Side.SELL, 2.0)
    assert listed.status is OrderStatus.RESTING


def test_an_execution_is_told_to_both_sides_with_a_common_trade_id() -> None:
    client = watching(ANNA, BERT)
    client.rows(ANNA.transaction(limit("sell", 100.0, 2.0)))
    messages = client.post(BERT.transaction(limit("buy", 100.0, 0.5)))
    kinds = [Fill, OrderState, PositionUpdate, MarginUpdate]
    maker, taker = decoded(messages, ANNA), decoded(messages, BERT)
    assert [type(event) for event in maker] == [type(event) for event in taker] == kinds
    sold, bought = maker[0], taker[0]
    assert isinstance(sold, Fill)
    assert isinstance(bought, Fill)
    assert (sold.side, sold.is_maker, sold.price, sold.size) == (Side.SELL, True, 100.0, 0.5)
    assert (bought.side, bought.is_maker, bought.price, bought.size) == (Side.BUY, False, 100.0, 0.5)
    assert (sold.fee, bought.fee) == (-0.01, -0.02)  # paid fees are negative
    assert sold.trade_id == bought.trade_id == "2:1"
    assert bought.counterparty == f"{ANNA.key[:4]}..{ANNA.key[-4:]}"
    working, done = maker[1], taker[1]
    assert isinstance(working, OrderState)
    assert isinstance(done, OrderState)
    assert (working.status, working.size, working.size_done) == (OrderStatus.WORKING, 1.5, 0.5)
    assert (done.status, done.size, done.size_done, done.vwap) == (OrderStatus.FILLED, 0.0, 0.5, 100.0)
    short = maker[2]
    assert isinstance(short, PositionUpdate)
    assert (short.size, short.price, short.fees) == (-0.5, 100.0, -0.01)
    (listed,) = snapshot(client, ANNA).open_orders
    assert (listed.status, listed.size, listed.size_done) == (OrderStatus.WORKING, 1.5, 0.5)


def test_each_execution_has_a_trade_id_of_its_own() -> None:
    client = watching(BERT)
    client.rows(ANNA.transaction(limit("sell", 100.0, 1.0), limit("sell", 101.0, 1.0)))
    fills = account_events(client.post(BERT.transaction(market("buy", 2.0))), "fill")
    assert [fill["tradeId"] for fill in fills] == ["2:1", "2:2"]
    client.rows(ANNA.transaction(limit("sell", 100.0, 1.0)))
    (fill,) = account_events(client.post(BERT.transaction(market("buy", 1.0))), "fill")
    assert fill["tradeId"] == "4:1"


def test_stamps_of_one_account_rise() -> None:
    client = watching(ANNA)
    client.post(ANNA.transaction(limit("buy", 90.0, 1.0), limit("buy", 91.0, 1.0), cancel_all()))
    updates = account_events(
        client.post(ANNA.transaction(limit("buy", 92.0, 1.0), cancel_all())), "orderUpdate"
    )
    stamps = [update["ts"] for update in updates]
    assert stamps == sorted(set(stamps))
    assert stamps[0] >= 1_767_225_600_000_000_000


def test_closing_a_position_realises_its_profit() -> None:
    client = watching(BERT, config=quiet(maker_bps=0.0, taker_bps=0.0, starting_balance=1000.0))
    client.rows(ANNA.transaction(limit("sell", 100.0, 1.0), limit("buy", 90.0, 3.0)))
    client.rows(BERT.transaction(market("buy", 1.0)))
    messages = client.post(BERT.transaction(market("sell", 1.5)))
    _, _, position, margin = decoded(messages, BERT)
    assert isinstance(position, PositionUpdate)
    assert isinstance(margin, MarginUpdate)
    assert (position.size, position.price, position.realized_pnl) == (-0.5, 90.0, -10.0)
    assert margin.realized_pnl == -10.0
    client.rows(BERT.transaction(limit("buy", 95.0, 0.5)))
    client.rows(ANNA.transaction(market("sell", 0.5)))
    flat = account_events(client.messages(), "positionUpdate")
    assert flat == []  # taken by rows()
    assert snapshot(client, BERT).positions == []
    assert snapshot(client, BERT).margin.total_balance == 987.5


def test_margin_is_equity_and_what_maintenance_leaves_of_it() -> None:
    client = watching(BERT, config=quiet(maker_bps=0.0, taker_bps=0.0, starting_balance=1000.0))
    client.rows(ANNA.transaction(limit("sell", 100.0, 5.0)))
    client.rows(BERT.transaction(market("buy", 5.0)))
    client.rows(ANNA.transaction({"px": {"t": 1, "c": "BTC-USD", "px": 110.0}}))
    client.rows(ANNA.transaction(limit("buy", 115.0, 1.0), limit("sell", 125.0, 1.0)))  # middle 120
    margin = snapshot(client, BERT).margin
    assert margin.unrealized_pnl == 50.0  # at 110, the middle one of 100, 110 and 120
    assert (margin.total_balance, margin.notional, margin.margin_used) == (1050.0, 550.0, 5.5)
    assert margin.available_balance == 1044.5
    assert margin.transferable_balance == 995.0
    (position,) = snapshot(client, BERT).positions
    assert (position.fair_price, position.leverage, position.unrealized_pnl) == (110.0, 10.0, 50.0)
    assert 0 <= position.liquidation_price < 100


def test_the_liquidation_price_of_a_short_is_above_the_mark() -> None:
    client = watching(ANNA)
    client.rows(ANNA.transaction(limit("sell", 100.0, 5.0)))
    client.rows(BERT.transaction(market("buy", 5.0)))
    (position,) = snapshot(client, ANNA).positions
    assert position.liquidation_price > 100


@pytest.mark.parametrize(
    ("tif", "price", "status"),
    [("ALO", 100.0, OrderStatus.REJECTED_CROSSING), ("GTC", 0.0, OrderStatus.REJECTED_INVALID)],
)
def test_a_rejected_order_is_told_too(tif: str, price: float, status: OrderStatus) -> None:
    client = watching(BERT)
    client.rows(ANNA.transaction(limit("sell", 100.0, 1.0)))
    (event,) = decoded(client.post(BERT.transaction(limit("buy", price, 1.0, tif=tif))), BERT)
    assert isinstance(event, OrderState)
    assert (event.status, event.size, event.size_orig) == (status, 0.0, 1.0)
    assert (event.error is None) == (status is OrderStatus.REJECTED_CROSSING)


def test_self_trade_prevention_is_told() -> None:
    client = watching(ANNA)
    client.rows(ANNA.transaction(limit("sell", 100.0, 1.0)))
    events = account_events(client.post(ANNA.transaction(limit("buy", 100.0, 1.0))), "orderUpdate")
    assert [event["status"] for event in events] == ["cancelledSelfCrossing", "resting"]


def test_a_refused_cancel_is_told() -> None:
    client = watching(ANNA)
    (placed,) = client.rows(BERT.transaction(limit("buy", 90.0, 1.0)))
    oid = oid_of(placed)
    one, all_, two = decoded(
        client.post(ANNA.transaction(cancel(oid), cancel_all("ETH-USD"), cancel_all())), ANNA
    )
    assert isinstance(one, CancelRejected)
    assert (one.symbol, one.order_id, one.reason) == ("BTC-USD", oid, "order not found")
    assert isinstance(all_, CancelRejected)
    assert (all_.symbol, all_.order_id) == ("ETH-USD", None)
    assert isinstance(two, CancelRejected)
    assert two.symbol is None


def test_events_reach_every_session_that_watches_and_no_other() -> None:
    served = exchange()
    trader, watcher, other = Client(served), Client(served), Client(served)
    watcher.subscribe({"type": "account", "user": ANNA.key})
    other.subscribe({"type": "account", "user": BERT.key})
    assert of_type(trader.post(ANNA.transaction(limit("buy", 90.0, 1.0))), "account") == []
    assert len(account_events(watcher.messages(), "orderUpdate")) == 1
    assert other.messages() == []


def test_the_answer_comes_first_then_the_account_then_trades_then_the_book() -> None:
    client = watching(BERT)
    client.subscribe({"type": "trades", "symbol": "BTC-USD"}, {"type": "l2Delta", "symbol": "BTC-USD"})
    client.rows(ANNA.transaction(limit("sell", 100.0, 1.0)))
    messages = client.post(BERT.transaction(market("buy", 1.0)))
    assert [message["type"] for message in messages] == ["post", *["account"] * 4, "trades", "l2Delta"]
