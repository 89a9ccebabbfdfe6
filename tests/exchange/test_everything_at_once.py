"""Any actions in any order, with any faults: nothing raises, and nothing is created or lost."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_proto.exchange import SimulatedExchange, faults
from bulk_proto.exchange.curve import off_curve_key
from bulk_proto.exchange.faults import AnyFault
from bulk_proto.exchange.signatures import DOCUMENTS
from bulk_proto.signing.layouts import DEFAULT_PROFILE
from tests.exchange.in_memory import (
    ANNA,
    BERT,
    HANDSHAKE,
    TICKERS,
    Client,
    Json,
    Trader,
    cancel_all,
    exchange,
    limit,
    market,
    masked,
    quiet,
    stream,
)

TRADERS = (ANNA, BERT, Trader(3))

prices = st.integers(80, 120).map(float)
sizes = st.integers(1, 80).map(float)
sides = st.sampled_from(["buy", "sell"])
limits = st.none() | prices
plain = st.one_of(
    st.builds(limit, sides, prices, sizes, tif=st.sampled_from(["GTC", "IOC", "ALO"]), r=st.booleans()),
    st.builds(market, sides, sizes, i=st.booleans()),
    st.just(cancel_all()),
)


def body(**fields: st.SearchStrategy[object]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({"c": st.just("BTC-USD"), **fields})


def tagged(tag: str, fields: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return fields.map(lambda one: {tag: one})


iso = st.just(False)
protective = st.one_of(
    tagged("st", body(d=st.booleans(), sz=sizes, tr=prices, lim=limits, i=iso)),
    tagged("tp", body(d=st.booleans(), sz=sizes, tr=prices, lim=limits, i=iso)),
    tagged("trl", body(b=st.booleans(), sz=sizes, trb=st.integers(1, 999), stb=st.integers(0, 99), i=iso)),
    tagged("rng", body(d=st.booleans(), sz=sizes, pmin=prices, pmax=prices, lmin=limits, lmax=limits, i=iso)),
)
basket = tagged("trig", body(d=st.booleans(), tr=prices, actions=st.lists(plain | protective, max_size=3)))
after_fill = tagged(
    "of",
    st.fixed_dictionaries({"trigger": plain, "actions": st.lists(plain | protective | basket, max_size=2)}),
)
board = off_curve_key(f"multisig 1 of {ANNA.key}")
rules = st.fixed_dictionaries(
    {
        "signers": st.just([ANNA.key, BERT.key]),
        "threshold": st.integers(1, 2),
        "timeLockSecs": st.sampled_from([0, 2]),
        "proposalLifetimeSecs": st.just(3600),
    }
)
on_board = {"m": st.just(board)}
multisig = st.one_of(
    tagged("createMultisig", rules),
    tagged("msp", st.fixed_dictionaries(on_board | {"a": st.lists(plain | protective, max_size=2)})),
    *(
        tagged(vote, st.fixed_dictionaries(on_board | {"p": st.integers(1, 2)}))
        for vote in ("msa", "msr", "msc", "mse")
    ),
)
older = tagged(
    "of",
    st.fixed_dictionaries({"p": st.integers(0, 2), "actions": st.lists(plain | protective, max_size=2)}),
)
oracle = tagged("px", body(t=st.just(1), px=prices))
leverage = tagged("updateUserSettings", st.just({"m": {"BTC-USD": 50.0}}))
actions = st.one_of(plain, protective, basket, after_fill, oracle, leverage, multisig, older)


batches = st.lists(actions, min_size=1, max_size=3).filter(
    lambda batch: len({"p" in action["of"] for action in batch if "of" in action}) < 2
)  # nobody can sign both forms together


def profile_of(batch: list[Json]) -> str:
    return DOCUMENTS if any("p" in action.get("of", {}) for action in batch) else DEFAULT_PROFILE


def check(served: SimulatedExchange) -> None:
    ledger = served._ledger
    positions = [held for account in ledger.accounts.values() for held in account.positions.values()]
    cash = sum(account.cash for account in ledger.accounts.values())
    assert cash - sum(held.cost for held in positions) + ledger.fees == ledger.deposited
    assert sum(held.size for held in positions) == 0
    triggers = served._desk._triggers
    listed = [each for account in ledger.accounts.values() for each in account.conditionals.values()]
    assert sorted(each.order.id for each in triggers._waiting) == sorted(each.order.id for each in listed)
    assert all(each.order.remaining == each.order.size for each in listed)
    for account in ledger.accounts.values():
        assert all(order.remaining > 0 for order in account.open_orders.values())


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(TRADERS), batches), max_size=12))
def test_money_and_positions_are_conserved_whatever_fires(plan: list[tuple[Trader, list[Json]]]) -> None:
    served = exchange(quiet(starting_balance=1000.0, funding_interval=3.0))
    client = Client(served)
    client.subscribe({"type": "account", "user": [trader.key for trader in TRADERS]}, stream("l2Delta"))
    for number, (trader, batch) in enumerate(plan, 1):
        client.now = number / 2
        assert client.rows(trader.transaction(*batch, profile=profile_of(batch)))
        check(served)
    served.advance(20.0)
    check(served)
    assert client.messages() is not None


effects: tuple[type[AnyFault], ...] = (
    *(
        faults.Close,
        faults.Reset,
        faults.Stall,
        faults.HalfOpen,
        faults.Slow,
        faults.Garbage,
        faults.Insert,
        faults.Error,
    ),
    *(faults.Refuse, faults.Status, faults.Drop, faults.Delay, faults.Double, faults.Swap, faults.Truncate),
    *(faults.WrongAccount, faults.ReverseRows, faults.NoRows, faults.ReplayFills),
)


@st.composite
def some_fault(draw: st.DrawFn) -> AnyFault:
    effect = draw(st.sampled_from(effects))
    return effect(
        on=draw(st.sampled_from(sorted(effect.occasions))),
        nth=draw(st.integers(1, 4)),
        times=draw(st.integers(0, 3)),
        at=draw(st.sampled_from([0.0, 0.3])),
    )


@settings(max_examples=150)
@given(st.lists(some_fault(), max_size=5))
def test_any_script_of_faults_leaves_the_exchange_alive(script: list[AnyFault]) -> None:
    served = exchange(quiet(faults=tuple(script), max_unsent=200_000))
    for number in range(5):
        now = number / 5
        session = served.open_session(now)
        session.receive_data(HANDSHAKE, now)
        for message in conversation():
            session.receive_data(message, now)
            session.data_to_send()
        served.admits_connection(now)
    served.advance(100.0)
    for session in served.sessions:
        session.data_to_send()
        session.connection_lost(100.0)
    assert served.sessions == []


def conversation() -> list[bytes]:
    trader = Trader(9)
    requests: list[Json] = [
        {
            "method": "subscribe",
            "subscription": [TICKERS, stream("l2Delta"), {"type": "account", "user": trader.key}],
        },
        *(
            {
                "method": "post",
                "id": number,
                "request": {"type": "action", "payload": trader.transaction(action)},
            }
            for number, action in enumerate((limit("buy", 90.0, 1.0), market("sell", 1.0)))
        ),
        {"method": "unsubscribe", "topic": "ticker.BTC-USD"},
        {"method": "dance"},
    ]
    return [masked(1, json.dumps(request).encode()) for request in requests]
