"""Market data in the shapes that servers have used beside the documented one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bulk_proto.enums import Side
from bulk_proto.events import (
    BookStream,
    Candles,
    FrontendContext,
    L2Delta,
    L2Snapshot,
    MarketContext,
    MessageRefused,
    OrderBookLevel,
    RiskRatio,
    RiskSurface,
    Ticker,
    Trade,
    Trades,
)
from bulk_proto.wire import decode, decode_all

from . import wire_messages as wire
from .wire_messages import data_of, read

TRADE: dict[str, Any] = data_of(wire.TRADES)["trades"][0]
CANDLE: dict[str, Any] = data_of(wire.CANDLES)["candles"][0]


def read_trades(data: object, topic: str = "trades.BTC-USD") -> Trades:
    event = read(type="trades", topic=topic, data=data)
    assert isinstance(event, Trades)
    return event


def read_trade(**changes: object) -> Trade:
    row = {name: value for name, value in (TRADE | changes).items() if value != "absent"}
    return read_trades({"trades": [row]}).trades[0]


def read_ticker(**changes: object) -> Ticker:
    event = read(type="ticker", topic="ticker.BTC-USD", data={"ticker": {"symbol": "BTC-USD"} | changes})
    assert isinstance(event, Ticker)
    return event


def read_book(kind: str, topic: str | None, **book: object) -> L2Snapshot | L2Delta:
    content = {"symbol": "BTC-USD", "levels": [[{"px": 9, "sz": 1, "n": 0}], []], "timestamp": 5} | book
    event = read(type=kind, data={"book": content}, **({"topic": topic} if topic else {}))
    assert isinstance(event, L2Snapshot | L2Delta)
    return event


def refusal(message: bytes) -> MessageRefused:
    event = decode(message)
    assert isinstance(event, MessageRefused)
    assert event.data == message
    return event


# Tickers ---------------------------------------------------------------------------------------------


def test_null_prices_of_a_ticker_are_none() -> None:
    ticker = read_ticker(markPrice=None, oraclePrice=None, lastPrice=5)
    assert (ticker.mark_price, ticker.oracle_price, ticker.last_price) == (None, None, 5.0)


def test_an_older_ticker_without_model_outputs_and_time_is_read() -> None:
    ticker = read_ticker(lastPrice=1.5)
    assert (ticker.last_price, ticker.regime, ticker.timestamp, ticker.timestamp_ns) == (
        1.5,
        None,
        None,
        None,
    )


def test_numbers_sent_as_text_are_numbers() -> None:
    ticker = read_ticker(
        lastPrice="64250.5", volume="1e3", priceChange="-.5", regime="-1", timestamp="1767225600000000001"
    )
    assert (ticker.last_price, ticker.volume, ticker.price_change) == (64250.5, 1000.0, -0.5)
    assert (ticker.regime, ticker.timestamp) == (-1, 1767225600000000001)


@pytest.mark.parametrize(
    "value",
    ["nan", "inf", "-Infinity", "1_000", "", " 1", "1 ", "0x10", "١", "1e999", "9" * 400, True, {}, []],
)
def test_what_is_not_a_number_counts_as_missing_where_a_number_may_be_missing(value: object) -> None:
    assert read_ticker(lastPrice=value, markPrice=2) == Ticker("BTC-USD", mark_price=2.0)


def test_integers_beyond_the_range_of_doubles_count_as_missing() -> None:
    assert read_ticker(lastPrice="text", volume=10**400).volume is None


def test_a_whole_number_written_as_a_float_is_an_integer() -> None:
    assert read_ticker(regime=-12.0).regime == -12
    assert read_ticker(regime="10.0").regime == 10


@pytest.mark.parametrize("regime", [0.5, True, "bull", "1" * 5000])
def test_an_unknown_regime_costs_the_regime_alone(regime: object) -> None:
    assert read_ticker(regime=regime, lastPrice=3) == Ticker("BTC-USD", last_price=3.0)


def test_a_ticker_without_symbol_takes_it_from_the_topic() -> None:
    assert read_ticker(symbol=None).symbol == "BTC-USD"
    assert read_ticker(symbol="").symbol == "BTC-USD"


@pytest.mark.parametrize("token", [b"NaN", b"Infinity", b"-Infinity"], ids=bytes.decode)
def test_tokens_that_are_not_json_numbers_count_as_null(token: bytes) -> None:
    message = wire.TICKER.replace(b"64251.0", token)
    ticker = decode(message)
    assert isinstance(ticker, Ticker)
    assert (ticker.mark_price, ticker.last_price) == (None, 64250.5)


def test_text_that_spells_such_a_token_stays_text() -> None:
    message = rb'{"type":"risk","topic":"risk.A","data":{"risk":{"a":"\" NaN \\","b":NaN,"c":"-Infinity"}}}'
    assert decode(message) == RiskSurface("A", {"a": '" NaN \\', "b": None, "c": "-Infinity"})


def test_a_number_too_large_for_a_double_refuses_the_message() -> None:
    refused = refusal(wire.TICKER.replace(b"64251.0", b"1e999"))
    assert "out of range" in refused.problem


# Trades ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [{"trades": [TRADE]}, {"data": [TRADE]}, [TRADE]])
def test_every_container_of_trades_is_read(data: object) -> None:
    assert read_trades(data) == decode(wire.TRADES)


@pytest.mark.parametrize(("bought", "side"), [(True, Side.BUY), (False, Side.SELL)])
def test_the_taker_side_has_two_names(bought: bool, side: Side) -> None:
    assert read_trade(side=bought).side is side
    assert read_trade(side="absent", b=bought).side is side


def test_a_trade_without_taker_side_has_none() -> None:
    assert read_trade(side="absent").side is None
    assert read_trade(side=None).side is None
    assert read_trade(side="buy").side is None


def test_a_trade_without_symbol_takes_it_from_the_topic() -> None:
    assert read_trade(s="absent").symbol == "BTC-USD"


def test_unusual_trades_say_why() -> None:
    trade = read_trade(reason="liquidation_sweep", liq=True)
    assert (trade.reason, trade.liquidation) == ("liquidation_sweep", True)
    assert (read_trade(reason="", liq=None).reason, read_trade(liq=None).liquidation) == (None, False)


def test_trades_may_come_without_their_parties() -> None:
    trade = read_trade(maker="absent", taker=None)
    assert (trade.maker, trade.taker) == ("", "")


def test_a_message_with_no_trades_belongs_to_the_market_of_its_topic() -> None:
    assert read_trades({"trades": []}) == Trades("BTC-USD", [])


@pytest.mark.parametrize(
    "change", [{"px": None}, {"sz": None}, {"sz": -1.0}, {"px": -1}, {"px": "nan"}, {"sz": []}]
)
def test_one_bad_trade_refuses_the_message(change: dict[str, object]) -> None:
    message = json.dumps(
        {"type": "trades", "topic": "trades.BTC-USD", "data": {"trades": [TRADE, TRADE | change]}}
    )
    assert refusal(message.encode()).stream == "trades.BTC-USD"


def test_trades_of_no_market_are_refused() -> None:
    assert "market" in refusal(b'{"type":"trades","data":[]}').problem


# Candles ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [{"candles": [CANDLE]}, {"candle": CANDLE}, {"candle": [CANDLE]}, CANDLE, [CANDLE], {"candles": CANDLE}],
)
def test_every_container_of_candles_is_read(data: object) -> None:
    assert read(type="candle", topic="candle.BTC-USD.1m", data=data) == decode(wire.CANDLES)


def test_two_candles_in_two_candles_out() -> None:
    later = CANDLE | {"t": 1767225660000}
    event = read(type="candle", topic="candle.BTC-USD.1M", data={"candles": [CANDLE, later]})
    assert isinstance(event, Candles)
    assert [candle.open_time for candle in event.candles] == [1767225600000, 1767225660000]
    assert {(candle.symbol, candle.interval) for candle in event.candles} == {("BTC-USD", "1M")}


def test_candles_belong_to_the_topic_of_their_own_message_wherever_it_stands() -> None:
    rows = json.dumps({"candles": [CANDLE, CANDLE]}).encode()
    before = b'{"type":"candle","topic":"candle.%b","data":' + rows + b"}"
    behind = b'{"type":"candle","data":' + rows + b',"topic":"candle.%b"}'
    both = b'{"type":"candle","topic":"candle.NO-ONE.1h","data":' + rows + b',"topic":"candle.%b"}'
    names = [b"A-B.1m", b"C-D.1m", b"C-D.1M"]
    messages = [form % name for name in names for form in (before, behind, both)]
    for event, name in zip(decode_all(messages), [name for name in names for _ in range(3)], strict=True):
        assert isinstance(event, Candles)
        series = tuple(name.decode().split("."))
        assert (event.symbol, event.interval) == series
        assert [(candle.symbol, candle.interval) for candle in event.candles] == [series, series]


def test_a_row_does_not_name_the_market_of_its_candle() -> None:
    rows = [CANDLE | {"symbol": "C-D", "interval": "1h", "s": "C-D", "i": "1h"}]
    assert read(type="candle", topic="candle.BTC-USD.1m", data={"candles": rows}) == decode(wire.CANDLES)


@pytest.mark.parametrize("name", ["seriesSymbol", "seriesInterval"])
@pytest.mark.parametrize("value", ["1h", "", 5, None])
def test_no_row_names_the_series_by_the_words_that_fill_it_in(name: str, value: object) -> None:
    rows = [CANDLE, CANDLE | {name: value}]
    event = read(type="candle", topic="candle.BTC-USD.1m", data={"candles": rows})
    assert isinstance(event, Candles)
    assert [(candle.symbol, candle.interval) for candle in event.candles] == [("BTC-USD", "1m")] * 2


def test_null_figures_of_a_candle_are_none() -> None:
    event = read(
        type="candle", topic="candle.BTC-USD.1m", data={"candles": [{"t": 1, "c": None, "v": "2.5"}]}
    )
    assert isinstance(event, Candles)
    candle = event.candles[0]
    assert (candle.open_time, candle.close, candle.volume, candle.num_trades) == (1, None, 2.5, None)


@pytest.mark.parametrize("row", [{}, {"o": 1.0}, {"t": None}, 5])
def test_a_candle_without_open_time_is_refused(row: object) -> None:
    event = read(type="candle", topic="candle.BTC-USD.1m", data={"candles": [row]})
    assert isinstance(event, MessageRefused)
    assert event.stream == "candle.BTC-USD.1m"


@pytest.mark.parametrize("topic", [None, 5, "", "candle", "candle.BTC-USD", "candle..1m", "candle.BTC-USD."])
def test_candles_whose_topic_names_no_market_and_interval_are_refused(topic: object) -> None:
    assert isinstance(read(type="candle", topic=topic, data={"candles": [CANDLE]}), MessageRefused)


# Books -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["l2Snapshot", "l2Delta", "l2snapshot", "L2DELTA"])
@pytest.mark.parametrize("topic", ["l2snapshot.BTC-USD", "l2Delta.BTC-USD", None])
@pytest.mark.parametrize(
    ("update_type", "expected"), [("snapshot", L2Snapshot), ("delta", L2Delta), ("Snapshot", L2Snapshot)]
)
def test_the_update_type_decides_what_a_book_message_is(
    kind: str, topic: str | None, update_type: str, expected: type
) -> None:
    assert isinstance(read_book(kind, topic, updateType=update_type), expected)


@pytest.mark.parametrize(("kind", "expected"), [("l2Snapshot", L2Snapshot), ("l2Delta", L2Delta)])
@pytest.mark.parametrize("topic", ["l2snapshot.BTC-USD", "l2delta.BTC-USD"])
def test_without_update_type_the_message_type_decides(kind: str, expected: type, topic: str) -> None:
    assert isinstance(read_book(kind, topic), expected)
    assert isinstance(read_book(kind, topic, updateType=None), expected)


@pytest.mark.parametrize("update_type", ["checkpoint", "", 5])
def test_a_book_of_an_unknown_update_type_is_refused(update_type: object) -> None:
    content = {"updateType": update_type, "symbol": "A", "levels": [[], []]}
    event = read(type="l2Delta", topic="l2delta.A", data={"book": content})
    assert isinstance(event, MessageRefused)
    assert event.stream == "l2delta.A"


@pytest.mark.parametrize(
    ("kind", "topic", "stream"),
    [
        ("l2Delta", "l2delta.BTC-USD", BookStream.DELTA),
        ("l2Snapshot", "l2delta.BTC-USD", BookStream.DELTA),
        ("l2Delta", "l2Snapshot.BTC-USD", BookStream.SNAPSHOT),
        ("l2Delta", None, BookStream.DELTA),
        ("l2Snapshot", "elsewhere.BTC-USD", BookStream.SNAPSHOT),
    ],
)
@pytest.mark.parametrize("timestamp", [5, "5"])
def test_a_snapshot_remembers_its_subscription(
    kind: str, topic: str | None, stream: BookStream, timestamp: object
) -> None:
    book = read_book(kind, topic, updateType="snapshot", timestamp=timestamp)
    assert isinstance(book, L2Snapshot)
    assert (book.stream, book.timestamp) == (stream, 5)


def test_a_delta_may_carry_several_levels_on_both_sides() -> None:
    levels = [
        [{"px": 9, "sz": 1}, {"px": 8, "sz": 0}],
        [{"px": 10, "sz": 2}, {"px": "11", "sz": "3", "n": None}],
    ]
    book = read_book("l2Delta", "l2delta.BTC-USD", updateType="delta", levels=levels)
    assert isinstance(book, L2Delta)
    assert book.bid_changes == (OrderBookLevel(9.0, 1.0), OrderBookLevel(8.0, 0.0))
    assert book.ask_changes == (OrderBookLevel(10.0, 2.0), OrderBookLevel(11.0, 3.0))


def test_levels_may_spell_price_and_size_out() -> None:
    book = read_book("l2Delta", "l2delta.A", updateType="delta", levels=[[], [{"price": 9, "size": 1}]])
    assert isinstance(book, L2Delta)
    assert book.ask_changes == (OrderBookLevel(9.0, 1.0),)


def test_a_book_without_symbol_or_time_takes_the_market_from_its_topic() -> None:
    book = read_book("l2Delta", "l2delta.ETH-USD", symbol=None, timestamp=None)
    assert (book.symbol, book.timestamp) == ("ETH-USD", None)


@pytest.mark.parametrize(
    "levels",
    [
        None,
        {},
        [],
        [[]],
        [[], [], []],
        [[], {}],
        [5, []],
        [[{"px": 1}], []],
        [[{"sz": 1}], []],
        [[{"px": 2, "sz": 1}, {"px": 1, "sz": -0.5}], []],
        [[], [{"px": -1, "sz": 1}]],
        [[], [{"px": "nan", "sz": 1}]],
        [[], [{"px": True, "sz": 1}]],
        [[], [[1, 2]]],
    ],
)
def test_a_book_with_one_unreadable_level_is_refused_whole(levels: object) -> None:
    content = {"updateType": "delta", "symbol": "BTC-USD", "levels": levels, "timestamp": 5}
    message = json.dumps({"type": "l2Delta", "topic": "l2delta.BTC-USD", "data": {"book": content}})
    assert refusal(message.encode()).stream == "l2delta.BTC-USD"


# The rest --------------------------------------------------------------------------------------------


def test_risk_is_passed_on_in_whatever_form_it_has() -> None:
    surface = {"alpha": 1.5, "beta": [None]}
    assert read(type="risk", topic="risk.BTC-USD", data={"risk": surface}) == RiskSurface("BTC-USD", surface)


RATIO = {"mmrO": 0.011, "mmrE": "0.009", "p": None}


@pytest.mark.parametrize(
    ("sent", "read_as"),
    [
        ({"leverage": [1, "10"]}, {"leverages": (1.0, 10.0)}),
        ({"leverage": [1, None]}, {}),  # whatever follows would stand in the wrong place
        ({"notionals": "many", "timestamp": "soon", "regime": 1.5}, {}),
        ({"buy": [[RATIO], []]}, {"buy": ((RiskRatio(0.011, 0.009, None),), ())}),
        ({"sell": [[RATIO], 5]}, {}),
        ({"sell": [[RATIO, 5]]}, {}),
        ({"corrs": [["A:B", "0.5"], ["A:C"], ["A:D", None], [1, 2], 3]}, {"correlations": {"A:B": 0.5}}),
    ],
)
def test_what_of_a_surface_cannot_be_read_costs_itself_alone(
    sent: dict[str, object], read_as: dict[str, Any]
) -> None:
    assert read(type="risk", topic="risk.A", data={"risk": sent}) == RiskSurface("A", sent, **read_as)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "risk", "topic": "risk.A", "data": {"risk": [1]}},
        {"type": "risk", "data": {"risk": {}}},
        {"type": "risk", "topic": "risk.A"},
        {"type": "ticker", "topic": "ticker.A", "data": [1]},
        {"type": "ticker", "data": {"ticker": {"symbol": 5}}},
        {"type": "ticker", "topic": "ticker.A", "data": {"ticker": None}},
        {"type": "frontendContext", "data": {}},
        {"type": "frontendContext", "data": {"ctx": [1]}},
        {"type": "trades", "topic": "trades.A", "data": "text"},
        {"type": "trades", "topic": "trades.A"},
        {"type": "trades", "topic": "trades.A", "data": {}},
        {"type": "l2Delta", "topic": "l2delta.A", "data": {"book": None}},
        {"type": "l2Delta", "data": {"book": {"levels": [[], []]}}},
    ],
)
def test_a_message_that_is_not_what_it_claims_to_be_is_refused(message: dict[str, object]) -> None:
    refused = refusal(json.dumps(message).encode())
    assert refused.stream == message.get("topic")


def test_a_row_of_the_context_without_a_market_is_in_the_rows_alone() -> None:
    rows: list[dict[str, Any]] = [{"volume": 1.0}, {"symbol": "A", "oi": "2"}]
    market = MarketContext("A", None, None, 2.0, None, None, None)
    event = read(type="frontendContext", topic="frontendContext", data={"ctx": rows})
    assert event == FrontendContext(rows, (market,))


def test_the_frontend_context_names_no_market() -> None:
    assert read(type="FrontendContext", topic="frontendContext", data={"ctx": []}) == FrontendContext([])
