"""Scripts of faults as they are written down, and the scenarios beside them."""

from __future__ import annotations

import random
import tomllib
from itertools import pairwise
from math import inf

import pytest

from bulk_proto.errors import UsageError
from bulk_proto.exchange import SCENARIOS, ExchangeConfig, SimulatedExchange, faults, read_faults, scenario
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
    lines = ("close", "reset", "stall", "slow", "garbage", "insert", "error")
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
        ({"fault": [], "faults": []}, "list of tables"),
        ({"fault": [{"do": "dance", "on": "post"}]}, "fault 1: Invalid value 'dance'"),
        ({"fault": [{"on": "post"}]}, "fault 1"),
        ({"fault": [{"do": "close", "on": "post"}, {"do": "close"}]}, "fault 2: Object missing .*`on`"),
        (
            {"fault": [{"do": "close", "on": "post", "cod": 1}]},
            "fault 1: Object contains unknown field `cod`",
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
