"""Bars: their bounds, their making from ten-second bars, and what is remembered."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.exchange.candles import BASE, INTERVALS, PriceHistory, bounds
from bulk_proto.exchange.units import SCALE

moments = st.integers(0, 4_000_000_000_000)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


@given(moments, st.sampled_from(INTERVALS))
def test_a_moment_lies_in_its_bar_and_bars_follow_each_other(moment: int, interval: str) -> None:
    opens, closes = bounds(interval, moment)
    assert opens <= moment < closes
    assert bounds(interval, opens) == bounds(interval, closes - 1) == (opens, closes)
    assert bounds(interval, closes)[0] == closes


@pytest.mark.parametrize(
    ("interval", "opens", "closes"),
    [
        ("10s", "2026-02-11 13:37:40", "2026-02-11 13:37:50"),
        ("3m", "2026-02-11 13:36:00", "2026-02-11 13:39:00"),
        ("4h", "2026-02-11 12:00:00", "2026-02-11 16:00:00"),
        ("1w", "2026-02-09 00:00:00", "2026-02-16 00:00:00"),  # from Monday to Monday
        ("1M", "2026-02-01 00:00:00", "2026-03-01 00:00:00"),
    ],
)
def test_bounds_are_those_of_the_calendar(interval: str, opens: str, closes: str) -> None:
    assert bounds(interval, at("2026-02-11 13:37:42")) == (at(opens), at(closes))


def test_december_ends_with_the_year() -> None:
    assert bounds("1M", at("2025-12-31 23:59:59")) == (at("2025-12-01 00:00:00"), at("2026-01-01 00:00:00"))


trades = st.lists(
    st.tuples(st.integers(0, 40_000), st.integers(1, 1000), st.integers(1, 100)), min_size=1, max_size=40
)


@given(trades, st.sampled_from(["10s", "1m", "3m"]))
def test_larger_bars_hold_what_the_trades_in_them_say(
    rows: list[tuple[int, int, int]], interval: str
) -> None:
    history = PriceHistory(kept=1000)
    moment = 0
    by_bar: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for pause, price, size in rows:
        moment += pause
        history.record(moment, price, size)
        by_bar.setdefault(bounds(interval, moment), []).append((price, size))
    bars = history.bars(interval)
    assert [(bar.opens, bar.closes) for bar in bars] == list(by_bar)
    for bar, inside in zip(bars, by_bar.values(), strict=True):
        prices = [price for price, _ in inside]
        assert (bar.open, bar.close, bar.high, bar.low) == (prices[0], prices[-1], max(prices), min(prices))
        assert (bar.volume, bar.trades) == (sum(size for _, size in inside), len(inside))


@given(trades, st.integers(0, 40))
def test_a_watched_series_goes_on_where_the_past_ended(rows: list[tuple[int, int, int]], split: int) -> None:
    history = PriceHistory(kept=1000)
    moment = 0
    shown = {}
    for number, (pause, price, size) in enumerate(rows):
        if number == split:
            shown = {bar.opens: bar for bar in history.watch("1m")}
        moment += pause
        history.record(moment, price, size)
        if number % 3 == 0:
            shown |= {bar.opens: bar for _, bars in history.take_changed() for bar in bars}
    if split < len(rows):
        shown |= {bar.opens: bar for _, bars in history.take_changed() for bar in bars}
        assert list(shown.values()) == history.bars("1m")
    else:
        assert history.take_changed() == []


def test_the_past_is_forgotten_beyond_its_limit() -> None:
    history = PriceHistory(kept=3)
    for number in range(10):
        history.record(number * 10_000, 100 + number, 1)
    assert [bar.open for bar in history.bars(BASE)] == [107, 108, 109]
    assert history.turnover() == (109, 107, 3, 107 + 108 + 109)


@given(trades)
def test_turnover_is_that_of_all_remembered_bars(rows: list[tuple[int, int, int]]) -> None:
    history = PriceHistory(kept=5)
    moment = 0
    for pause, price, size in rows:
        moment += pause
        history.record(moment, price, size)
        bars = history.bars(BASE)
        turnover = history.turnover()
        assert turnover.high == max(bar.high for bar in bars)
        assert turnover.low == min(bar.low for bar in bars)
        assert turnover.volume == sum(bar.volume for bar in bars)


def test_an_invented_past_leads_to_the_present() -> None:
    history = PriceHistory(kept=100)
    until = at("2026-01-01 00:00:05")
    history.invent(30, until, 100 * SCALE, SCALE // 2, 1e-3, SCALE, random.Random(1))
    bars = history.bars(BASE)
    assert len(bars) == 30
    assert bars[-1].close == 100 * SCALE
    assert bars[-1].closes == bounds(BASE, until)[1]
    for before, after in pairwise(bars):
        assert (before.closes, before.close) == (after.opens, after.open)
    for bar in bars:
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert all(price % (SCALE // 2) == 0 for price in (bar.open, bar.close, bar.high, bar.low))
    assert len({bar.close for bar in bars}) > 5


def test_nothing_traded_is_nothing_turned_over() -> None:
    assert PriceHistory(kept=3).turnover() == (0, 0, 0, 0)
