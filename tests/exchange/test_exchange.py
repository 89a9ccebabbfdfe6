"""The exchange as a whole: repeatable to the byte, moved by time alone, alive without any user."""

from __future__ import annotations

import json
import random
from collections import Counter
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_proto.errors import UsageError
from bulk_proto.exchange import DEFAULT_MARKETS, ExchangeConfig, FlowMix, Market, SimulatedExchange
from bulk_proto.exchange.accounts import RecentlyUsed
from bulk_proto.exchange.units import from_units, to_units
from bulk_proto.signing.base58 import encode
from tests.exchange.in_memory import (
    BTC,
    HANDSHAKE,
    Client,
    Json,
    Trader,
    account_events,
    exchange,
    limit,
    market,
    masked,
    of_type,
    quiet,
)

ALL_STREAMS: list[Json] = [
    *({"type": kind, "symbol": "BTC-USD"} for kind in ("ticker", "trades", "l2Delta", "l2Snapshot", "risk")),
    {"type": "candle", "symbol": "BTC-USD", "interval": "10s"},
    {"type": "frontendContext"},
    {"type": "account", "user": Trader(1).key},
]


def recorded(seed: int, step: float) -> bytes:
    """All bytes that one client gets in ten seconds of a lively exchange."""
    served = SimulatedExchange(ExchangeConfig(), random.Random(seed), now=50.0)
    session = served.open_session(50.0)
    session.receive_data(HANDSHAKE, 50.0)
    session.receive_data(
        masked(1, json.dumps({"method": "subscribe", "subscription": ALL_STREAMS}).encode()), 50.0
    )
    output = b""
    anna = Trader(1)
    order = limit("buy", 99_990.0, 0.5)
    now = 50.0
    for number in range(round(10 / step)):
        now = 50.0 + number * step
        served.advance(now)
        if number * step in (2.0, 4.0):
            request = {"type": "action", "payload": anna.transaction(order, market("buy", 0.3))}
            session.receive_data(
                masked(1, json.dumps({"method": "post", "id": round(now), "request": request}).encode()), now
            )
        output += session.data_to_send()
    served.advance(60.0)
    return output + session.data_to_send()


def test_the_same_seed_and_the_same_moments_give_the_same_bytes() -> None:
    first = recorded(7, 1.0)
    assert len(first) > 100_000
    assert recorded(7, 1.0) == first
    assert recorded(8, 1.0) != first


def test_how_often_the_driver_calls_makes_no_difference() -> None:
    assert recorded(7, 0.125) == recorded(7, 1.0)


def test_the_background_makes_books_that_never_cross_and_prices_that_move() -> None:
    served = SimulatedExchange(ExchangeConfig(), random.Random(3), now=0.0)
    client = Client(served)
    messages = client.subscribe(
        {"type": "l2Delta", "symbol": "BTC-USD"},
        {"type": "trades", "symbol": "BTC-USD"},
        {"type": "l2Snapshot", "symbol": "BTC-USD"},
    )
    served.advance(20.0)
    messages += client.messages()
    books: list[dict[float, float]] = [{}, {}]
    compared = 0
    for message in messages:
        if message["type"] == "l2Snapshot":
            for shown, rows in zip(books, message["data"]["book"]["levels"], strict=True):
                assert not compared or {row["px"]: row["sz"] for row in rows} == shown
                shown.clear()
                shown.update((row["px"], row["sz"]) for row in rows)
            compared += 1
        elif message["type"] == "l2Delta":
            for shown, rows in zip(books, message["data"]["book"]["levels"], strict=True):
                for row in rows:
                    shown[row["px"]] = row["sz"]
                    if not row["sz"]:
                        del shown[row["px"]]
        bids, asks = books
        assert not bids or not asks or max(bids) < min(asks)
    assert compared == 101
    assert all(len(shown) > 5 for shown in books)
    traded = [row for message in of_type(messages, "trades") for row in message["data"]["trades"]]
    assert len(traded) > 50
    assert len({row["px"] for row in traded}) > 10
    assert {row["side"] for row in traded} == {True, False}
    assert all(row["maker"] != row["taker"] for row in traded)


def test_orders_of_users_near_the_touch_are_filled_by_the_background() -> None:
    served = SimulatedExchange(ExchangeConfig(), random.Random(3), now=0.0)
    client, anna = Client(served), Trader(1)
    client.subscribe({"type": "account", "user": anna.key})
    client.rows(anna.transaction(limit("buy", 99_999.5, 0.01), limit("sell", 100_000.5, 0.01)))
    served.advance(10.0)
    fills = account_events(client.messages(), "fill")
    assert {fill["isBuy"] for fill in fills} == {True, False}
    assert all(fill["maker"] for fill in fills)


def takers_of(mix: FlowMix) -> Counter[str]:
    """How much was taken in a minute by each kind of background account, in base units."""
    config = ExchangeConfig(flow_mix=mix, past_candles=0)
    served = SimulatedExchange(config, random.Random(3), now=0.0)
    client = Client(served)
    client.subscribe({"type": "trades", "symbol": "BTC-USD"})
    served.advance(60.0)
    names = {
        encode(sha256(f"{kind} BTC-USD {number}".encode()).digest()): kind
        for kind in ("maker", "taker", "momentum")
        for number in range(4)
    }
    taken: Counter[str] = Counter()
    for message in of_type(client.messages(), "trades"):
        for row in message["data"]["trades"]:
            taken[names[row["taker"]]] += row["sz"]
    return taken


def test_the_shares_of_the_background_are_configurable() -> None:
    assert takers_of(FlowMix(takers=0.0, momentum=0.0)).keys() <= {"maker"}
    assert takers_of(FlowMix(momentum=0.0)).keys() == {"maker", "taker"}
    little, much = takers_of(FlowMix(momentum=0.05)), takers_of(FlowMix(momentum=0.5))
    assert much["momentum"] > 3 * little["momentum"] > 0


def test_momentum_traders_run_after_the_price() -> None:
    config = ExchangeConfig(flow_mix=FlowMix(makers=0.7, takers=0.0, momentum=0.3), past_candles=0)
    served = SimulatedExchange(config, random.Random(3), now=0.0)
    client = Client(served)
    followers = {encode(sha256(f"momentum BTC-USD {number}".encode()).digest()) for number in range(2)}
    for price, bought in ((101_000.0, True), (99_000.0, False)):
        served.advance(client.now + 20.0)
        client.now += 20.0
        client.subscribe({"type": "trades", "symbol": "BTC-USD"})
        client.post(Trader(1).transaction({"px": {"t": 1, "c": "BTC-USD", "px": price}}))
        client.messages()
        served.advance(client.now + 1.5)
        client.now += 1.5
        rows = [row for m in of_type(client.messages(), "trades") for row in m["data"]["trades"]]
        sides = {row["side"] for row in rows if row["taker"] in followers}
        assert sides == {bought}


@pytest.mark.parametrize("mix", [FlowMix(makers=0.0), FlowMix(takers=-0.1), FlowMix(momentum=float("nan"))])
def test_shares_that_cannot_be_are_refused(mix: FlowMix) -> None:
    with pytest.raises(UsageError, match="share of makers"):
        ExchangeConfig(flow_mix=mix)


def test_an_oracle_price_moves_the_background_orders() -> None:
    served = SimulatedExchange(ExchangeConfig(), random.Random(3), now=0.0)
    client = Client(served)
    client.rows(Trader(1).transaction({"px": {"t": 1, "c": "BTC-USD", "px": 90_000.0}}))
    client.subscribe({"type": "ticker", "symbol": "BTC-USD"})
    served.advance(30.0)
    ticker = client.messages()[-1]["data"]["ticker"]
    assert 89_000 < ticker["lastPrice"] < 91_000
    assert 89_000 < ticker["fairBookPx"] < 91_000


@pytest.mark.parametrize("price", [1e-8, 9e10])
def test_no_oracle_price_breaks_the_background(price: float) -> None:
    served = SimulatedExchange(ExchangeConfig(), random.Random(3), now=0.0)
    client = Client(served)
    assert client.rows(Trader(1).transaction({"px": {"t": 1, "c": "BTC-USD", "px": price}}))
    client.subscribe({"type": "ticker", "symbol": "BTC-USD"}, {"type": "l2Snapshot", "symbol": "BTC-USD"})
    served.advance(10.0)
    assert of_type(client.messages(), "ticker")


@pytest.mark.parametrize("seed", range(4))
def test_a_book_swept_empty_fills_again(seed: int) -> None:
    served = SimulatedExchange(ExchangeConfig(starting_balance=1e12), random.Random(seed), now=0.0)
    client = Client(served)
    rows = client.rows(Trader(1).transaction(market("buy", 1000.0), market("sell", 1000.0)))
    assert all("cancelledIoc" in row for row in rows)
    served.advance(30.0)
    messages = client.subscribe({"type": "l2Snapshot", "symbol": "BTC-USD"})
    assert all(len(side) > 5 for side in messages[1]["data"]["book"]["levels"])


def test_cash_and_positions_are_conserved_by_the_background() -> None:
    served = SimulatedExchange(ExchangeConfig(), random.Random(3), now=0.0)
    client, anna = Client(served), Trader(1)
    for number in range(1, 20):
        client.now = float(number)
        client.post(anna.transaction(market("buy" if number % 3 else "sell", 0.5)))
    ledger = served._ledger
    positions = [p for account in ledger.accounts.values() for p in account.positions.values()]
    cash = sum(account.cash for account in ledger.accounts.values())
    assert sum(position.size for position in positions) == 0
    assert any(position.size for position in positions)
    assert cash - sum(position.cost for position in positions) + ledger.fees == ledger.deposited
    assert ledger.fees > 0


def test_an_exchange_without_flow_has_empty_books() -> None:
    served = exchange(quiet(flow_rate=0.0))
    served.advance(10.0)
    messages = Client(served, now=10.0).subscribe({"type": "l2Snapshot", "symbol": "BTC-USD"})
    assert messages[1]["data"]["book"]["levels"] == [[], []]


@settings(max_examples=30)
@given(st.lists(st.floats(0, 40), max_size=15))
def test_after_advancing_nothing_is_due(pauses: list[float]) -> None:
    served = exchange()
    Client(served)
    now = 0.0
    for pause in pauses:
        now += pause
        served.advance(now)
        assert served.next_deadline() > now


def test_time_that_stands_still_or_runs_back_does_nothing() -> None:
    served = exchange()
    client = Client(served)
    client.subscribe({"type": "ticker", "symbol": "BTC-USD"})
    served.advance(0.3)
    assert len(client.messages()) == 1
    served.advance(0.3)
    served.advance(0.1)
    assert client.messages() == []
    assert served._clock.wall_ns == served.config.epoch_ns + 300_000_000


@pytest.mark.parametrize(
    "settings_",
    [
        {"markets": ()},
        {"markets": (BTC, BTC)},
        {"ticker_interval": 0.0},
        {"ping_interval": -1.0},
        {"flow_rate": -1.0},
        {"flow_rate": float("nan")},
        {"markets": (Market(symbol="X-USD", start_price=1.0, tick=0.0, lot=1.0),)},
        {"markets": (Market(symbol="X-USD", start_price=1.0, tick=1.0, lot=1.0, max_leverage=0.5),)},
    ],
)
def test_a_configuration_that_cannot_work_is_refused(settings_: Json) -> None:
    with pytest.raises(UsageError):
        ExchangeConfig(**settings_)


def test_the_default_markets_are_three() -> None:
    assert [market.symbol for market in DEFAULT_MARKETS] == ["BTC-USD", "ETH-USD", "SOL-USD"]


@given(st.integers(0, 2**50))
def test_units_survive_the_way_through_a_float(units: int) -> None:
    assert to_units(from_units(units)) == units


def test_old_values_are_forgotten_beyond_the_limit() -> None:
    used = RecentlyUsed(limit=2)
    for value in (1, 2, 3):
        used.add(value)
    assert [value in used for value in (1, 2, 3)] == [False, True, True]
