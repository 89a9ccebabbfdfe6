"""What holds whatever anybody does, as clients see it: books, fills, money and their order."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exchange.in_memory import (
    ANNA,
    BERT,
    Client,
    Json,
    Trader,
    cancel_all,
    exchange,
    levels,
    limit,
    market,
    of_type,
    quiet,
    stream,
)
from tests.exchange.test_liquidation import check_conservation

TRADERS = (ANNA, BERT, Trader(3))
Plan = list[tuple[Trader, list[Json]]]

sides = st.sampled_from(["buy", "sell"])
prices = st.integers(96, 104).map(float)
sizes = st.integers(1, 6).map(float)
orders = st.one_of(
    st.builds(limit, sides, prices, sizes, tif=st.sampled_from(["GTC", "GTC", "IOC", "ALO"])),
    st.builds(market, sides, sizes),
    st.just(cancel_all()),
)
plans = st.lists(
    st.tuples(st.sampled_from(TRADERS), st.lists(orders, min_size=1, max_size=4)), min_size=1, max_size=15
)


def watched(plan: Plan) -> tuple[Client, list[Json]]:
    """Somebody who hears of everything while the plan is carried out, and what he heard."""
    served = exchange(quiet())
    watcher, trading = Client(served), Client(served)
    accounts: Json = {"type": "account", "user": [trader.key for trader in TRADERS]}
    watcher.subscribe(stream("l2Delta"), stream("trades"), accounts)
    for trader, batch in plan:
        trading.rows(trader.transaction(*batch))
        check_conservation(served)
    return watcher, watcher.messages()


@settings(max_examples=60)
@given(plans)
def test_deltas_replayed_are_the_snapshot_and_never_cross_on_the_way(plan: Plan) -> None:
    watcher, messages = watched(plan)
    book: tuple[dict[float, float], dict[float, float]] = ({}, {})
    for message in of_type(messages, "l2Delta"):
        for side, rows in zip(book, levels(message), strict=True):
            for price, size, _ in rows:
                side[price] = size
                if not size:
                    del side[price]
        bids, asks = book
        assert not bids or not asks or max(bids) < min(asks)
    _, snapshot = watcher.subscribe(stream("l2Snapshot"))
    for side, rows in zip(book, levels(snapshot), strict=True):
        assert side == {price: size for price, size, _ in rows}


@settings(max_examples=60)
@given(plans)
def test_every_fill_has_two_sides_and_is_told_in_public_once(plan: Plan) -> None:
    _, messages = watched(plan)
    fills: dict[str, list[Json]] = defaultdict(list)
    for message in of_type(messages, "account"):
        if message["data"]["type"] == "fill":
            fills[message["data"]["tradeId"]].append(message["data"])
    public = [row for message in of_type(messages, "trades") for row in message["data"]["trades"]]
    assert len(fills) == len(public)
    for (one, other), row in zip(fills.values(), public, strict=True):
        assert (one["price"], one["size"]) == (other["price"], other["size"]) == (row["px"], row["sz"])
        assert (one["isBuy"], one["maker"]) == (not other["isBuy"], not other["maker"])
        taker = other if one["maker"] else one
        assert row["side"] == taker["isBuy"]
        assert row["maker"] != row["taker"]


@settings(max_examples=60)
@given(sides, st.lists(st.tuples(prices, sizes), min_size=1, max_size=6))
def test_better_prices_trade_first_and_of_the_same_price_the_earlier_order(
    side: str, resting: list[tuple[float, float]]
) -> None:
    served = exchange(quiet())
    maker, taker = Client(served), Client(served)
    maker.subscribe({"type": "account", "user": ANNA.key})
    placed: dict[str, tuple[float, int]] = {}
    for number, (price, size) in enumerate(resting):
        (row,) = maker.rows(ANNA.transaction(limit(side, price, size)))
        rank = price if side == "sell" else -price
        placed[row["resting"]["oid"]] = (rank, number)
    other = "buy" if side == "sell" else "sell"
    expected = sorted(placed.values())
    messages = taker.post(BERT.transaction(market(other, sum(size for _, size in resting))))
    assert messages
    fills = [m["data"] for m in of_type(maker.messages(), "account") if m["data"]["type"] == "fill"]
    assert [placed[fill["orderId"]] for fill in fills] == expected
