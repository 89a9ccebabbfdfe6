"""Every switch of the dialect, as a client sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from bulk_proto import wire
from bulk_proto.enums import OrderStatus
from bulk_proto.events import AccountSnapshot, Candles, OrderState, Trades, UnknownMessage
from bulk_proto.exchange import InitialState
from tests.exchange.in_memory import (
    ANNA,
    BERT,
    Client,
    Json,
    account_events,
    exchange,
    limit,
    market,
    of_type,
    quiet,
    speaking,
)
from tests.exchange.scene import on_fill, st

STREAMS: list[Json] = [
    {"type": "account", "user": [ANNA.key, BERT.key]},
    {"type": "trades", "symbol": "BTC-USD"},
    {"type": "l2Delta", "symbol": "BTC-USD"},
    {"type": "candle", "symbol": "BTC-USD", "interval": "1m"},
]


def conversation(**dialect: object) -> list[Json]:
    """Subscribe, trade once with a remainder that is cancelled, and wait for a candle and a ticker."""
    served = exchange(speaking(**dialect))
    client = Client(served)
    messages = client.subscribe(*STREAMS, {"type": "ticker", "symbol": "BTC-USD"})
    messages += client.post(ANNA.transaction(limit("sell", 100.0, 1.0)))
    messages += client.post(BERT.transaction(limit("buy", 100.0, 2.0, tif="IOC")))
    served.advance(1.0)
    return messages + client.messages()


def types(messages: list[Json]) -> list[str]:
    return [message["type"] for message in messages]


def test_initial_state_before_the_reply() -> None:
    messages = conversation(initial_state=InitialState.BEFORE_REPLY)
    assert types(messages)[:5] == ["account", "account", "l2Delta", "candle", "subscriptionResponse"]


def test_initial_book_omitted() -> None:
    messages = conversation(initial_state=InitialState.OMITTED)
    assert types(messages)[:4] == ["subscriptionResponse", "account", "account", "candle"]


def test_events_before_the_reply() -> None:
    messages = conversation(events_before_reply=True)
    second = [at for at, kind in enumerate(types(messages)) if kind == "post"][1]
    assert types(messages)[second - 1] == "l2Delta"
    assert types(messages)[second + 1] == "ticker"


def test_fill_after_order_update() -> None:
    for after in (False, True):
        events = account_events(conversation(fill_after_order_update=after))
        kinds = [event["type"] for event in events if event["type"] in ("fill", "orderUpdate")]
        pair = ["orderUpdate", "fill"] if after else ["fill", "orderUpdate"]
        assert kinds == ["orderUpdate", *pair, *pair, "orderUpdate"]


@pytest.mark.parametrize("key", ["trades", "data", ""])
@pytest.mark.parametrize("side", ["side", "b"])
def test_trades_container_and_side(key: str, side: str) -> None:
    (message,) = of_type(conversation(trades_key=key, trade_side_key=side), "trades")
    rows = message["data"][key] if key else message["data"]
    assert rows[0][side] is True
    event = wire.decode(json.dumps(message).encode())
    assert isinstance(event, Trades)
    assert event.trades[0].side is not None


@pytest.mark.parametrize(
    ("key", "single"), [("candles", False), ("", False), ("candle", True), ("", True), ("candle", False)]
)
def test_candles_container(key: str, single: bool) -> None:
    past, *_, message = of_type(conversation(candles_key=key, single_candles=single), "candle")
    data = message["data"][key] if key else message["data"]
    assert isinstance(data, dict if single else list)
    for each, count in ((message, 1), (past, 1 if single else 60)):
        event = wire.decode(json.dumps(each).encode())
        assert isinstance(event, Candles)
        assert len(event.candles) == count


def test_topics_in_camel_case() -> None:
    client = Client(exchange(speaking(camel_case_topics=True)))
    reply, book = client.subscribe({"type": "l2Delta", "symbol": "BTC-USD"})
    assert (reply["topics"], book["topic"]) == (["l2Delta.BTC-USD"], "l2Delta.BTC-USD")
    (gone,) = client.ask({"method": "unsubscribe", "topic": "l2Delta.BTC-USD"})
    assert gone["topic"] == "l2Delta.BTC-USD"


def test_the_first_book_of_the_delta_stream_may_have_the_type_of_a_snapshot() -> None:
    client = Client(exchange(speaking(delta_begins_as_snapshot=True)))
    _, book = client.subscribe({"type": "l2Delta", "symbol": "BTC-USD"})
    assert (book["type"], book["topic"]) == ("l2Snapshot", "l2delta.BTC-USD")


def test_short_names_in_the_snapshot() -> None:
    client = Client(exchange(speaking(short_open_orders=True)))
    client.rows(ANNA.transaction(limit("buy", 90.0, 1.0)))
    (message,) = of_type(client.subscribe({"type": "account", "user": ANNA.key}), "account")
    assert message["data"]["openOrders"][0]["origSz"] == 1.0
    event = wire.decode(json.dumps(message).encode())
    assert isinstance(event, AccountSnapshot)
    assert event.open_orders[0].size_orig == 1.0


def test_older_servers_send_an_order_event_too() -> None:
    events = account_events(conversation(legacy_order_events=True))
    told = [(event["type"], event["status"]) for event in events if "order" in event["type"]]
    assert told == [
        *[("orderUpdate", "resting"), ("order", "placed")],
        *[("orderUpdate", "filled"), ("orderUpdate", "working")],
        *[("orderUpdate", "cancelledIoc"), ("order", "cancelled")],
    ]


def test_the_older_event_knows_beginnings_and_ends_only() -> None:
    client = Client(exchange(speaking(legacy_order_events=True)))
    client.subscribe({"type": "account", "user": ANNA.key})
    (row,) = client.rows(ANNA.transaction(limit("buy", 90.0, 1.0)))
    change = {"mod": {"oid": row["resting"]["oid"], "c": "BTC-USD", "sz": 2.0}}
    events = account_events(client.post(ANNA.transaction(change)))
    assert [event["type"] for event in events] == ["orderUpdate"]


def test_a_single_ack_can_be_an_answer_of_its_own() -> None:
    client = Client(exchange(speaking(ack_replies=True)))
    revoke = {"rbc": {"to": BERT.key}}
    (reply,) = client.post(ANNA.transaction(revoke))
    assert reply["data"] == {"type": "ack", "ok": True}
    (reply,) = client.post(ANNA.transaction(revoke, revoke))
    assert reply["data"]["type"] == "action"


def test_the_other_name_of_an_agent_wallet() -> None:
    client = Client(exchange(speaking(agent_wallet_key="agent_wallet")))
    rows = client.rows(ANNA.transaction({"agentWalletCreation": {"a": BERT.key, "d": False}}))
    assert rows == [{"agentWallet": {"agent_wallet": BERT.key}}]


def test_long_order_updates() -> None:
    updates = account_events(conversation(long_order_updates=True), "orderUpdate")
    assert updates[0]["orderId"]
    assert updates[0]["originalSize"] == -1.0
    assert "oid" not in updates[0]


def test_old_margin_names() -> None:
    served = Client(exchange(speaking(old_margin_names=True)))
    (message,) = of_type(served.subscribe({"type": "account", "user": ANNA.key}), "account")
    assert message["data"]["margin"]["totalBalance"] == 100_000.0
    assert "totalMargin" not in message["data"]["margin"]
    event = wire.decode(json.dumps(message).encode())
    assert isinstance(event, AccountSnapshot)
    assert event.margin.total_balance == 100_000.0
    assert event.margin.execution_impact is None


def test_the_older_spelling_of_cancelled_ioc() -> None:
    messages = conversation(cancelled_ioc="cancelledIOC")
    row = of_type(messages, "post")[1]["data"]["payload"]["response"]["data"]["statuses"][0]
    assert list(row) == ["cancelledIOC"]
    last = [m for m in of_type(messages, "account") if m["data"]["type"] == "orderUpdate"][-1]
    assert last["data"]["status"] == "cancelledIOC"
    event = wire.decode(json.dumps(last).encode())
    assert isinstance(event, OrderState)
    assert event.status is OrderStatus.CANCELLED_IOC


@pytest.mark.parametrize("positive", [False, True])
def test_the_sign_of_fees(positive: bool) -> None:
    events = account_events(conversation(fees_positive=positive))
    fees = [event["fee"] for event in events if event["type"] == "fill"]
    fees += [event["fees"] for event in events if event["type"] in ("positionUpdate", "marginUpdate")]
    assert len(fees) == 6
    assert all((fee > 0) is positive for fee in fees)


@pytest.mark.parametrize("of_taker", [False, True])
def test_whose_side_is_buy_tells(of_taker: bool) -> None:
    fills = account_events(conversation(is_buy_of_taker=of_taker), "fill")
    assert [(fill["maker"], fill["isBuy"]) for fill in fills] == [(True, of_taker), (False, True)]


@pytest.mark.parametrize("null", [False, True])
def test_null_prices(null: bool) -> None:
    ticker = of_type(conversation(null_prices=null), "ticker")[0]["data"]["ticker"]
    assert (ticker["markPrice"] is None) is null
    assert (ticker["oraclePrice"] is None) is null


def test_time_units() -> None:
    ms, ns = 1_767_225_600_000, 1_767_225_600_000_000_000
    for settings, market_time, account_time in (
        ({}, ms, ns),
        ({"market_times_in_ns": True, "account_times_in_ms": True}, ns, ms),
    ):
        messages = conversation(**settings)
        assert of_type(messages, "trades")[0]["data"]["trades"][0]["time"] == market_time
        assert of_type(messages, "l2Delta")[0]["data"]["book"]["timestamp"] == market_time
        assert account_events(messages, "orderUpdate")[0]["ts"] // 10**6 == account_time // 10**6
        ticker = of_type(messages, "ticker")[0]["data"]["ticker"]
        assert ticker["timestamp"] == account_time + (200_000_000 if account_time == ns else 200)


def objects(value: object, *, in_rows: bool = False) -> Iterator[Json]:
    """Every object of a message but status rows, which have one key each."""
    if isinstance(value, dict):
        if not in_rows:
            yield value
        for name, inside in value.items():
            yield from objects(inside, in_rows=name == "statuses")
    elif isinstance(value, list):
        for inside in value:
            yield from objects(inside, in_rows=in_rows)


def test_unknown_fields_are_everywhere_and_the_client_does_not_mind() -> None:
    messages = conversation(unknown_fields=True)
    assert all(each["fieldOfTheFuture"] == 1 for message in messages for each in objects(message))
    for message in messages:
        rich = json.dumps(message)
        plain = rich.replace(', "fieldOfTheFuture": 1', "")
        assert "Future" not in plain
        if message["type"] != "post":  # what is in its rows is kept as it came
            assert repr(wire.decode(rich.encode())) == repr(wire.decode(plain.encode()))


def test_what_is_optional_may_be_missing() -> None:
    messages = conversation(missing_optional=True)
    ticker = of_type(messages, "ticker")[0]["data"]["ticker"]
    assert ticker.keys().isdisjoint({"regime", "fairBookPx", "fairVol", "fairBias"})
    fills = account_events(messages, "fill")
    assert fills
    assert not any("tradeId" in fill for fill in fills)
    assert all("iso" not in event for event in account_events(messages, "positionUpdate"))
    for message in messages:
        assert not isinstance(wire.decode(json.dumps(message).encode()), UnknownMessage)


def test_what_a_client_sent_is_not_respelled() -> None:
    client = Client(exchange(speaking(unknown_fields=True)))
    client.rows(ANNA.transaction(on_fill(limit("buy", 90.0, 1.0), st(False, 80.0))))
    (snapshot,) = account_events(client.subscribe({"type": "account", "user": ANNA.key}))
    (pending,) = snapshot["pendingOnFill"]
    assert pending["actions"] == [st(False, 80.0)]


def test_the_default_dialect_has_none_of_this() -> None:
    messages = conversation()
    assert types(messages)[:5] == ["subscriptionResponse", "account", "account", "l2Delta", "candle"]
    assert not any("fieldOfTheFuture" in message for message in messages)
    served = Client(exchange(quiet()))
    served.rows(ANNA.transaction(limit("sell", 100.0, 1.0)))
    (row,) = served.rows(BERT.transaction(market("buy", 2.0)))
    assert list(row) == ["cancelledIoc"]
