"""The public streams: what arrives when, and that clients of this library read it rightly."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from bulk_proto import wire
from bulk_proto.enums import Side
from bulk_proto.events import (
    Candles,
    FrontendContext,
    L2Delta,
    L2Snapshot,
    RiskSurface,
    Ticker,
    Trade,
    Trades,
)
from bulk_proto.exchange.market_messages import aggregated
from bulk_proto.exchange.matching import LevelView
from tests.exchange.in_memory import (
    ANNA,
    BERT,
    Client,
    cancel,
    exchange,
    levels,
    limit,
    market,
    of_type,
    oid_of,
    quiet,
    stream,
    trade,
)


def test_a_ticker_comes_every_200_ms_with_the_clock_of_the_exchange() -> None:
    served = exchange()
    client = Client(served)
    client.subscribe(stream("ticker"), {"type": "ticker", "symbol": "ETH-USD"})
    served.advance(0.61)
    tickers = [message["data"]["ticker"] for message in client.messages()]
    assert [ticker["symbol"] for ticker in tickers] == ["BTC-USD", "ETH-USD"] * 3
    stamps = [ticker["timestamp"] - served.config.epoch_ns for ticker in tickers[::2]]
    assert stamps == [200_000_000, 400_000_000, 600_000_000]


def test_the_mark_price_is_the_middle_one_of_oracle_book_and_last_trade() -> None:
    served = exchange()
    client = Client(served)
    client.subscribe(stream("ticker"))
    client.rows(ANNA.transaction(limit("buy", 90.0, 2.0), limit("sell", 106.0, 1.0)))
    client.rows(BERT.transaction(market("sell", 1.0)))  # last 90, middle 98, oracle 100
    served.advance(0.2)
    (message,) = client.messages()
    ticker = wire.decode(json.dumps(message).encode())
    assert isinstance(ticker, Ticker)
    assert (ticker.last_price, ticker.mark_price, ticker.oracle_price) == (90.0, 98.0, 100.0)
    assert (ticker.price_change, ticker.price_change_percent) == (-10.0, -10.0)
    assert ticker.open_interest == 1.0


# Books


def test_the_delta_stream_begins_with_a_whole_book_and_goes_on_with_single_levels() -> None:
    client = Client(exchange())
    (placed,) = client.rows(ANNA.transaction(limit("buy", 90.0, 1.0)))
    client.rows(ANNA.transaction(limit("buy", 89.0, 1.0), limit("sell", 110.0, 2.0)))
    _, first = client.subscribe(stream("l2Delta"))
    assert (first["type"], first["data"]["book"]["updateType"]) == ("l2Delta", "snapshot")
    assert levels(first) == [[(90.0, 1.0, 1), (89.0, 1.0, 1)], [(110.0, 2.0, 1)]]
    messages = client.post(
        ANNA.transaction(limit("buy", 90.0, 0.5), cancel(oid_of(placed)), limit("sell", 109.5, 1.0))
    )
    deltas = of_type(messages, "l2Delta")
    assert [levels(delta) for delta in deltas] == [
        [[(90.0, 0.5, 0)], []],
        [[], [(109.5, 1.0, 0)]],
    ]
    event = wire.decode(json.dumps(deltas[0]).encode())
    assert isinstance(event, L2Delta)
    assert event.timestamp == 1_767_225_600_000


def test_removals_come_before_additions() -> None:
    client = Client(exchange())
    client.subscribe(stream("l2Delta"))
    client.rows(ANNA.transaction(limit("sell", 100.0, 1.0)))
    messages = client.post(BERT.transaction(limit("buy", 101.0, 2.0)))
    assert [levels(delta) for delta in of_type(messages, "l2Delta")] == [
        [[], [(100.0, 0.0, 0)]],
        [[(101.0, 1.0, 0)], []],
    ]


def test_snapshots_come_at_once_and_every_200_ms_as_each_asked_for_them() -> None:
    served = exchange()
    whole, short, coarse, also_short = (Client(served) for _ in range(4))
    whole.rows(ANNA.transaction(*(limit("sell", price, 1.0) for price in (101.0, 102.0, 104.0, 107.0))))
    for client, more in ((whole, {}), (short, {"nlevels": 2}), (coarse, {"nlevels": 2, "aggregation": 2.5})):
        client.subscribe(stream("l2Snapshot", **more))
    also_short.subscribe(stream("l2Snapshot", nlevels=2))
    served.advance(0.2)
    assert levels(also_short.messages()[-1])[1][-1][0] == 102.0
    books = [levels(client.messages()[-1])[1] for client in (whole, short, coarse)]
    assert [price for price, _, _ in books[0]] == [101.0, 102.0, 104.0, 107.0]
    assert [price for price, _, _ in books[1]] == [101.0, 102.0]
    assert books[2] == [(102.5, 2.0, 2), (105.0, 1.0, 1)]


@given(
    st.lists(st.tuples(st.integers(1, 200), st.integers(1, 9)), unique_by=lambda level: level[0]),
    st.integers(1, 30),
    st.booleans(),
)
def test_aggregation_keeps_sizes_and_never_improves_a_price(
    rows: list[tuple[int, int]], bucket: int, upwards: bool
) -> None:
    view = [LevelView(price, size, 1) for price, size in sorted(rows, reverse=not upwards)]
    joined = aggregated(view, bucket, upwards=upwards)
    assert sum(level.size for level in joined) == sum(level.size for level in view)
    assert sum(level.orders for level in joined) == len(view)
    assert [level.price for level in joined] == sorted({level.price for level in joined}, reverse=not upwards)
    assert all(level.price % bucket == 0 for level in joined)
    for level in view:
        near = level.price + (bucket if upwards else -bucket)
        assert any(
            min(level.price, near) <= other.price <= max(level.price, near)
            and abs(other.price - level.price) < bucket
            for other in joined
        )


def test_a_snapshot_decodes_to_the_book() -> None:
    client = Client(exchange())
    client.rows(ANNA.transaction(limit("buy", 90.0, 1.0)))
    _, message = client.subscribe(stream("l2Snapshot"))
    event = wire.decode(json.dumps(message).encode())
    assert isinstance(event, L2Snapshot)
    assert [(level.price, level.size, level.num_orders) for level in event.bids] == [(90.0, 1.0, 1)]
    assert event.asks == []


# Trades


def test_each_match_is_told_once_with_the_side_of_the_taker() -> None:
    served = exchange()
    client, watcher = Client(served), Client(served)
    watcher.subscribe(stream("trades"))
    client.rows(ANNA.transaction(limit("buy", 100.0, 1.0), limit("buy", 99.0, 1.0)))
    assert watcher.messages() == []
    client.rows(BERT.transaction(market("sell", 1.5)))
    (message,) = watcher.messages()
    event = wire.decode(json.dumps(message).encode())
    moment = 1_767_225_600_000
    assert event == Trades(
        "BTC-USD",
        [
            Trade(moment, "BTC-USD", Side.SELL, 1.0, 100.0, ANNA.key, BERT.key),
            Trade(moment, "BTC-USD", Side.SELL, 0.5, 99.0, ANNA.key, BERT.key),
        ],
    )


# Candles


def test_past_candles_come_at_once_and_the_open_one_is_repeated() -> None:
    served = exchange(quiet(past_candles=12, candle_interval=1.0))
    client, trader = Client(served), Client(served)
    _, past = client.subscribe(stream("candle", interval="1m"))
    event = wire.decode(json.dumps(past).encode())
    assert isinstance(event, Candles)
    assert len(event.candles) == 2
    assert event.candles[-1].close_time == 1_767_225_600_000
    assert event.candles[-1].close == 100.0
    trade(trader, 101.0)
    trade(trader, 99.0, 2.0)
    served.advance(1.0)
    trade(trader, 100.5)
    served.advance(2.0)
    bars = [message["data"]["candles"] for message in of_type(client.messages(), "candle")]
    opens = 1_767_225_600_000
    first = {"t": opens, "T": opens + 60_000, "o": 101.0, "h": 101.0, "l": 99.0, "c": 99.0, "v": 3.0, "n": 2}
    assert bars == [[first], [first | {"c": 100.5, "v": 4.0, "n": 3}]]
    served.advance(10.0)
    assert client.messages() == []


def test_the_shortest_candles_come_at_once_and_the_others_every_ten_seconds() -> None:
    served = exchange(quiet(past_candles=0))
    client, trader = Client(served), Client(served)
    client.subscribe(stream("candle", interval="10s"), stream("candle", interval="1m"))
    trade(trader, 101.0)
    assert [message["topic"] for message in client.messages()] == ["candle.BTC-USD.10s"]
    served.advance(9.9)
    assert client.messages() == []
    served.advance(10.0)
    assert [message["topic"] for message in client.messages()] == ["candle.BTC-USD.1m"]


# The rest


def test_the_risk_surface_has_a_row_for_each_notional() -> None:
    _, message = Client(exchange()).subscribe(stream("risk"))
    event = wire.decode(json.dumps(message).encode())
    assert isinstance(event, RiskSurface)
    assert len(event.surface["buy"]) == len(event.surface["notionals"])
    assert len(event.surface["buy"][0]) == len(event.surface["leverage"])


def test_the_context_of_all_markets_comes_every_two_seconds() -> None:
    served = exchange()
    client = Client(served)
    _, message = client.subscribe({"type": "frontendContext"})
    event = wire.decode(json.dumps(message).encode())
    assert isinstance(event, FrontendContext)
    assert [row["symbol"] for row in event.rows] == ["BTC-USD", "ETH-USD"]
    trade(client, 101.0)
    served.advance(1.9)
    assert client.messages() == []
    served.advance(4.0)
    first, _ = client.messages()
    assert first["data"]["ctx"][0]["lastPrice"] == 101.0
    assert first["data"]["ctx"][0]["oi"] == 1.0
