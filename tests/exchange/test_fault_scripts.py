"""Scripts of faults as they are written down, and the scenarios beside them."""

from __future__ import annotations

import random
import re
import tomllib
from itertools import pairwise
from math import inf
from pathlib import Path

import pytest

from bulk_proto.errors import UsageError
from bulk_proto.exchange import (
    SCENARIOS,
    Dialect,
    ExchangeConfig,
    FlowMix,
    InitialState,
    SelfTrade,
    SimulatedExchange,
    faults,
    read_faults,
    read_script,
    scenario,
)
from tests.exchange.in_memory import Client, Json, of_type, stream


def read(text: str) -> tuple[faults.AnyFault, ...]:
    return read_faults(tomllib.loads(text))


def test_a_script_reads_as_the_same_faults_made_in_python() -> None:
    text = """
        [[fault]]
        on = "reply"
        nth = 3
        do = "close"
        code = 1001

        [[fault]]
        on = "time"
        at = 10
        every = 60
        times = 0
        do = "reset"

        [[fault]]
        on = "handshake"
        do = "status"
        status = 429
        retry_after = 3
    """
    assert read(text) == (
        faults.Close(on="reply", nth=3, code=1001),
        faults.Reset(on="time", at=10, every=60, times=0),
        faults.Status(on="handshake", status=429, retry_after=3),
    )


def test_every_effect_has_a_name() -> None:
    occasions = {"status": "handshake", "refuse": "connect", "wrong-account": "fill"}
    occasions |= {"reverse-rows": "reply", "no-rows": "reply", "replay-fills": "accountSnapshot"}
    lines = ("close", "reset", "stall", "half-open", "slow", "garbage", "insert", "error")
    messages = ("drop", "delay", "double", "swap", "truncate")
    kinds = set()
    for name in (*lines, *messages, *occasions):
        (fault,) = read_faults({"fault": [{"do": name, "on": occasions.get(name, "l2Delta")}]})
        kinds.add(type(fault))
    assert kinds == set(faults.AnyFault.__args__)


def test_an_empty_script_is_one() -> None:
    assert read("") == ()


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({"fault": {"do": "close"}}, "list of tables"),
        ({"faults": []}, "the file: unknown name 'faults': known are exchange, dialect, fault"),
        ({"fault": [{"do": "dance", "on": "post"}]}, "fault 1: unknown effect 'dance': do is one of close, "),
        ({"fault": [{"on": "post"}]}, "fault 1: a fault needs on"),
        ({"fault": [{"do": "close", "on": "post"}, {"do": "close"}]}, "fault 2: a fault needs on"),
        (
            {"fault": [{"do": "close", "on": "post", "cod": 1}]},
            "fault 1: unknown name 'cod': known are do, on, nth, every, times, chance, at, until, code",
        ),
        ({"fault": [{"do": "close", "on": "post", "code": "x"}]}, "fault 1: Expected `int`"),
        ({"fault": [{"do": "close", "on": "lunch"}]}, "fault 1: Close cannot act on 'lunch'"),
        ({"fault": [{"do": "double", "on": "post"}]}, "fault 1: Double cannot act on 'post'"),
        ({"fault": ["close"]}, "fault 1"),
    ],
)
def test_a_script_that_cannot_work_is_refused_with_the_place(table: Json, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        read_faults(table)


def test_a_script_may_choose_the_dialect_and_the_settings() -> None:
    text = """
        [exchange]
        ping_interval = 5
        self_trade = "incoming"
        signing_profiles = ["bulk-keychain-0.1.31", "documents-1.0"]
        flow_mix = {makers = 0.5, momentum = 0.5}
        further_fee_tiers = [{threshold = 1e6, maker_bps = 1.0, taker_bps = 3.0}]

        [[exchange.markets]]
        symbol = "DOGE-USD"
        start_price = 0.2
        tick = 0.0001
        lot = 1

        [dialect]
        null_prices = true
        initial_state = "omitted"

        [[fault]]
        on = "reply"
        do = "drop"
    """
    given = ExchangeConfig(taker_delay=0.5, faults=(faults.Reset(on="time"),))
    config = read_script(tomllib.loads(text), given)
    assert (config.ping_interval, config.taker_delay) == (5.0, 0.5)
    assert config.self_trade is SelfTrade.CANCEL_INCOMING
    assert config.flow_mix == FlowMix(makers=0.5, momentum=0.5)
    assert [market.symbol for market in config.markets] == ["DOGE-USD"]
    assert config.dialect == Dialect(null_prices=True, initial_state=InitialState.OMITTED)
    assert config.faults == (faults.Reset(on="time"), faults.Drop(on="reply"))
    assert read_script({}) == ExchangeConfig()


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({"exchange": {"ping": 1}}, r"\[exchange\]: unknown name 'ping': known are markets, .*ping_interval"),
        ({"exchange": {"ping_interval": -1}}, r"\[exchange\]: intervals must be positive"),
        ({"exchange": {"ping_interval": "soon"}}, r"\[exchange\]: Expected `float`, got `str`"),
        ({"exchange": {"markets": [{"symbl": "X"}]}}, r"\[exchange\]: Object"),
        ({"exchange": {"faults": []}}, r"faults has a part of its own: write \[\[fault\]\]"),
        ({"exchange": {"dialect": {}}}, r"dialect has a part of its own: write \[dialect\]"),
        ({"exchange": 1}, r"\[exchange\] is a table"),
        ({"dialect": {"null_price": 1}}, r"\[dialect\]: unknown name 'null_price': known .*null_prices"),
        ({"dialect": []}, r"\[dialect\] is a table"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_the_place(table: Json, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        read_script(table)


@pytest.mark.parametrize(
    "numbers",
    [
        {"nth": 0},
        {"every": 0},
        {"every": 1.5},
        {"every": -1.0, "on": "time"},
        {"times": -1},
        {"chance": 0.0},
        {"chance": 1.1},
        {"chance": float("nan")},
        {"at": -1.0},
        {"at": 5.0, "until": 5.0},
    ],
)
def test_numbers_out_of_range_are_refused(numbers: Json) -> None:
    with pytest.raises(UsageError):
        read_faults({"fault": [{"do": "close", "on": "post"} | numbers]})


def test_times_may_be_fractions() -> None:
    assert faults.Close(on="time", every=0.5, until=inf).every == 0.5


# Scenarios


def test_every_scenario_runs_and_has_its_character() -> None:
    spreads, trades, moves = {}, {}, {}
    for name in SCENARIOS:
        config = scenario(name, ExchangeConfig(past_candles=0))
        served = SimulatedExchange(config, random.Random(5), now=0.0)
        client = Client(served)
        client.subscribe(stream("ticker"), stream("trades"), stream("l2Snapshot"))
        served.advance(20.0)
        messages = client.messages()
        books = [message["data"]["book"]["levels"] for message in of_type(messages, "l2Snapshot")]
        gaps = [asks[0]["px"] - bids[0]["px"] for bids, asks in books if bids and asks]
        spreads[name] = sum(gaps) / len(gaps)
        trades[name] = sum(len(message["data"]["trades"]) for message in of_type(messages, "trades"))
        prices = [message["data"]["ticker"]["oraclePrice"] for message in of_type(messages, "ticker")]
        moves[name] = max(abs(after - before) for before, after in pairwise(prices))
    assert spreads["illiquid"] > 4 * spreads["calm"]
    assert trades["fast"] > 4 * trades["calm"] > 8 * trades["illiquid"]
    assert moves["gap"] > 1500 > 3 * moves["calm"]


def test_a_scenario_keeps_the_rest_of_the_configuration() -> None:
    config = scenario("gap", ExchangeConfig(ping_interval=3.0))
    assert (config.ping_interval, config.gap_size) == (3.0, 0.02)


def test_an_unknown_scenario_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="calm, fast, gap, illiquid"):
        scenario("moon")


def test_the_gap_interval_must_be_a_number() -> None:
    with pytest.raises(UsageError):
        ExchangeConfig(gap_interval=float("nan"))


def test_the_script_of_the_readme_is_one() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    (script,) = re.findall(r"^```toml\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    config = read_script(tomllib.loads(script))
    assert [type(fault) for fault in config.faults] == [faults.Close, faults.Status, faults.HalfOpen]
    assert (config.dialect.trades_key, config.taker_delay) == ("data", 0.025)
