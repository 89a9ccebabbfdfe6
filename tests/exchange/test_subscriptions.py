"""Subscribing and unsubscribing: what is confirmed, what is refused, and what comes first."""

from __future__ import annotations

import pytest

from tests.exchange.in_memory import (
    ANNA,
    BERT,
    Client,
    Json,
    exchange,
    levels,
    limit,
    of_type,
    quiet,
    stream,
    trade,
    types,
)


def test_topics_are_confirmed_in_the_order_of_the_request_before_any_state() -> None:
    messages = Client(exchange()).subscribe(
        stream("l2Delta"),
        stream("ticker"),
        stream("candle", interval="1m"),
        {"type": "account", "user": [ANNA.key, BERT.key]},
        stream("trades"),
        stream("l2Snapshot", nlevels=3),
        stream("risk"),
        {"type": "frontendContext"},
    )
    assert messages[0] == {
        "type": "subscriptionResponse",
        "topics": [
            "l2delta.BTC-USD",
            "ticker.BTC-USD",
            "candle.BTC-USD.1m",
            f"account.{ANNA.key}",
            f"account.{BERT.key}",
            "trades.BTC-USD",
            "l2snapshot.BTC-USD",
            "risk.BTC-USD",
            "frontendContext",
        ],
    }
    expected = ["l2Delta", "candle", "account", "account", "l2Snapshot", "risk", "frontendContext"]
    assert types(messages[1:]) == expected


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (7, ["type"]),
        ({}, ["type"]),
        ({"type": "bogus"}, ["bogus"]),
        ({"type": "ticker"}, ["ticker", "unknown symbol"]),
        ({"type": "l2Delta", "symbol": "DOGE-USD"}, ["l2Delta", "DOGE-USD", "unknown symbol"]),
        ({"type": "ticker", "symbol": ["BTC-USD"]}, ["ticker", "unknown symbol"]),
        (stream("candle"), ["candle", "BTC-USD", "interval"]),
        (stream("candle", interval="1min"), ["candle", "BTC-USD", "1min"]),
        (stream("l2Snapshot", nlevels=0), ["l2Snapshot", "BTC-USD", "nlevels"]),
        (stream("l2Snapshot", nlevels="5"), ["l2Snapshot", "BTC-USD", "nlevels"]),
        (stream("l2Snapshot", nlevels=True), ["l2Snapshot", "BTC-USD", "nlevels"]),
        (stream("l2Snapshot", aggregation=0), ["l2Snapshot", "BTC-USD", "aggregation"]),
        (stream("l2Snapshot", aggregation=-1), ["l2Snapshot", "BTC-USD", "aggregation"]),
        (stream("l2Snapshot", aggregation=True), ["l2Snapshot", "BTC-USD", "aggregation"]),
        (stream("l2Snapshot", aggregation="x" * 9999), ["l2Snapshot", "BTC-USD", "aggregation"]),
        ({"type": "account"}, ["account", "public key"]),
        ({"type": "account", "user": "abc"}, ["account", "abc"]),
        ({"type": "account", "user": [ANNA.key, 5]}, ["account", "5"]),
    ],
)
def test_a_bad_entry_is_named_and_the_others_are_confirmed(entry: Json, words: list[str]) -> None:
    error, confirmed = Client(exchange()).subscribe(entry, stream("trades"))
    assert all(word in error["error"]["message"] for word in words)
    assert len(error["error"]["message"]) < 150
    assert confirmed == {"type": "subscriptionResponse", "topics": ["trades.BTC-USD"]}


def test_nothing_is_confirmed_when_no_entry_is_good() -> None:
    assert types(Client(exchange()).subscribe({"type": "bogus"})) == ["error"]


def test_the_case_of_a_type_does_not_matter() -> None:
    assert Client(exchange()).subscribe(stream("L2delta"))[0]["topics"] == ["l2delta.BTC-USD"]


def test_a_stream_subscribed_twice_is_sent_once_with_the_latest_parameters() -> None:
    served = exchange()
    client = Client(served)
    trader = Client(served)
    trader.rows(ANNA.transaction(limit("buy", 90.0, 1.0), limit("buy", 89.0, 1.0)))
    client.subscribe(stream("l2Snapshot"))
    reply, snapshot = client.subscribe(stream("l2Snapshot", nlevels=1))
    assert reply["topics"] == ["l2snapshot.BTC-USD"]
    assert len(levels(snapshot)[0]) == 1
    served.advance(0.2)
    (snapshot,) = client.messages()
    assert len(levels(snapshot)[0]) == 1


@pytest.mark.parametrize("spelling", ["ticker.BTC-USD", "TICKER.BTC-USD"])
def test_an_unsubscribed_stream_is_silent(spelling: str) -> None:
    served = exchange()
    client = Client(served)
    client.subscribe(stream("ticker"), stream("trades"))
    reply = client.ask({"method": "unsubscribe", "topic": spelling})
    assert reply == [{"type": "unsubscribeResponse", "topic": "ticker.BTC-USD"}]
    served.advance(1.0)
    assert client.messages() == []
    assert types(client.ask({"method": "unsubscribe", "topic": spelling})) == ["error"]


def test_the_case_of_a_symbol_matters() -> None:
    client = Client(exchange())
    client.subscribe(stream("ticker"))
    assert types(client.ask({"method": "unsubscribe", "topic": "ticker.btc-usd"})) == ["error"]
    assert types(client.ask({"method": "unsubscribe", "topic": "bogus"})) == ["error"]


def test_a_candle_stream_can_be_left_and_joined_again() -> None:
    served = exchange(quiet(past_candles=12))
    first, second = Client(served), Client(served)
    for client in (first, second):
        client.subscribe(stream("candle", interval="10s"))
    first.ask({"method": "unsubscribe", "topic": "candle.BTC-USD.10s"})
    messages = trade(second)
    assert len(of_type(messages, "candle")) == 1
    assert first.messages() == []

    second.ask({"method": "unsubscribe", "topic": "candle.BTC-USD.10s"})
    _, past = first.subscribe(stream("candle", interval="10s"))
    assert len(past["data"]["candles"]) == 13
