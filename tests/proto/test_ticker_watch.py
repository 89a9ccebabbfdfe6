"""Tickers that stay away on a connection that lives: stale, asked for again, with a new one as a last try."""

from __future__ import annotations

from itertools import pairwise
from math import inf, nan

import pytest

from bulk_proto.core import ClientCore, State
from bulk_proto.errors import UsageError
from bulk_proto.events import Disconnected, DisconnectReason, TickerStale
from bulk_proto.subscriptions import Subscription, ticker

from .peer import Peer, confirmation, connect, opened, ticker_message

BTC, ETH = "BTC-USD", "ETH-USD"


def watching(*subscriptions: Subscription, ticker_silence: float = 10.0) -> tuple[ClientCore, Peer]:
    """A core that has asked at 0 s, and that hears pongs all the time."""
    core, peer = opened(
        signed=False, ticker_silence=ticker_silence, book_silence=inf, silence_timeout=1e6, ping_interval=1e5
    )
    core.subscribe(subscriptions or [ticker(BTC)], 0.0)
    peer.say(confirmation(*(one.topic for one in subscriptions or [ticker(BTC)])), now=0.0)
    peer.hear()
    return core, peer


def at(core: ClientCore, now: float) -> list[str]:
    """The tickers that are called stale when the clock shows ``now``."""
    core.handle_deadline(now)
    return [event.symbol for event in core.events() if isinstance(event, TickerStale)]


def looks(core: ClientCore, until: float) -> list[float]:
    """When tickers are called stale, until then, by a driver that comes when it is asked to."""
    found = []
    while core.is_open and (due := core.next_deadline()) is not None and due <= until:
        if at(core, due):
            found.append(due)
    return found


def test_a_ticker_that_stays_away_is_stale_and_asked_for_again_until_one_comes() -> None:
    core, peer = watching()
    peer.say(ticker_message(), now=5.0)
    assert at(core, 14.9) == []
    assert core.next_deadline() == 15.0
    assert not core.tickers[BTC].stale
    assert at(core, 15.0) == [BTC]
    assert core.tickers[BTC].stale
    assert [request["method"] for request in peer.hear()] == ["unsubscribe", "subscribe"]
    peer.say(ticker_message(mark=60_000.0), now=16.0)
    assert not core.tickers[BTC].stale
    assert at(core, 25.9) == []
    assert at(core, 26.0) == [BTC]


def test_tickers_that_come_are_not_asked_for_again() -> None:
    core, peer = watching()
    for tenth in range(1, 1000):
        peer.say(ticker_message(), now=tenth / 10)
        assert at(core, tenth / 10) == []
    assert peer.hear() == []


def test_one_that_never_comes_is_asked_for_ever_more_patiently_on_the_same_connection() -> None:
    core, peer = watching()
    found = looks(core, until=1000.0)
    assert found[0] == 10.0
    waits = [later - earlier for earlier, later in pairwise(found)]
    assert waits == [10, 20, 40, 80, 160, 160, 160, 160, 160]
    assert core.is_open
    peer.say(ticker_message(), now=1000.0)
    assert looks(core, until=1015.0) == [1010.0]


def test_each_ticker_is_watched_by_itself() -> None:
    core, peer = watching(ticker(BTC), ticker(ETH))
    stale = []
    for now in range(1, 60):
        peer.say(ticker_message(ETH), now=float(now))
        stale += at(core, float(now))
    assert stale == [BTC] * 3
    assert not core.tickers[ETH].stale
    assert core.is_open


# A connection without news -------------------------------------------------------------------------------


def flowing(*subscriptions: Subscription, until: int = 100) -> tuple[ClientCore, Peer]:
    """Tickers of BTC-USD have come every second."""
    core, peer = watching(*subscriptions)
    for now in range(1, until + 1):
        peer.say(ticker_message(), now=float(now))
        core.handle_deadline(float(now))
    core.events()
    return core, peer


def pong(core: ClientCore, now: float) -> None:
    core.receive_data(b"\x8a\x00", now)


def test_a_connection_on_which_tickers_flowed_and_all_news_has_dried_up_is_given_up_once() -> None:
    core, peer = flowing()
    assert looks(core, until=110.0) == [110.0]
    pong(core, 119.0)
    assert core.next_deadline() == 120.0
    core.handle_deadline(120.0)
    assert core.state is State.WAITING
    (loss,) = [event for event in core.events() if isinstance(event, Disconnected)]
    assert loss.reason is DisconnectReason.STARVED
    assert core.tickers[BTC].stale
    assert loss.retry_at is not None
    core.handle_deadline(loss.retry_at)
    peer = connect(core, loss.retry_at)
    peer.say(ticker_message(), now=loss.retry_at)
    for now in range(130, 1000, 5):
        pong(core, float(now))
        core.handle_deadline(float(now))
    assert core.is_open  # they never flowed on this one


def trade(now: float) -> dict[str, object]:
    row = {"time": int(now * 1000), "s": BTC, "side": True, "sz": 1.0, "px": 100.0}
    return {"type": "trades", "topic": "trades.BTC-USD", "data": {"trades": [row]}}


def test_a_connection_that_brings_any_other_news_is_kept() -> None:
    core, peer = flowing()
    for now in range(101, 500):
        assert peer.say(trade(now), now=float(now))
        core.handle_deadline(float(now))
    assert core.is_open
    assert core.tickers[BTC].stale


def test_one_on_which_nothing_is_heard_at_all_is_left_to_the_silence_of_the_line() -> None:
    core, _ = flowing()
    looks(core, until=1000.0)
    assert core.is_open


def test_a_ticker_that_still_flowed_when_it_was_unsubscribed_speaks_for_the_connection() -> None:
    core, peer = flowing(ticker(ETH), ticker(BTC))
    core.unsubscribe([ticker(BTC)], 100.5)
    for now in range(101, 500):
        pong(core, float(now))
        core.handle_deadline(float(now))
    assert core.is_open


# What the exchange is asked ------------------------------------------------------------------------------


def test_many_tickers_that_went_away_together_are_asked_for_by_and_by() -> None:
    symbols = [f"C{number}-USD" for number in range(90)]
    core, peer = watching(*(ticker(symbol) for symbol in symbols))
    asked = []
    for now in (10.0, 10.5, 11.0, 12.0, 13.0, 14.0, 15.0):
        core.handle_deadline(now)
        asked.append(sum(request["method"] == "unsubscribe" for request in peer.hear()))
    assert asked == [20, 0, 20, 20, 20, 10, 0]


def test_the_last_ticker_of_a_halted_market_with_each_subscription_makes_nobody_impatient() -> None:
    core, peer = watching()
    found: list[float] = []
    while (now := core.next_deadline()) is not None and now < 1000.0:
        if at(core, now):
            found.append(now)
            peer.say(ticker_message(), now=now + 0.1)
    waits = [round(later - earlier) for earlier, later in pairwise(found)]
    assert waits == [10, 20, 40, 80, 160, 160, 160, 160, 160]


def test_a_ticker_that_is_not_wanted_any_more_is_not_missed() -> None:
    core, peer = watching()
    peer.say(ticker_message(), now=1.0)
    core.unsubscribe([ticker(BTC)], 2.0)
    assert looks(core, until=1000.0) == []


@pytest.mark.parametrize("came_before", [True, False])
def test_one_that_the_exchange_refuses_for_now_is_left_to_that(came_before: bool) -> None:
    core, peer = watching()
    if came_before:
        peer.say(ticker_message(), now=1.0)
    core.connection_lost(2.0, "reset")
    core.handle_deadline(40.0)
    peer = connect(core, 40.0)
    peer.say({"type": "error", "message": "no ticker.BTC-USD for now"}, now=40.0)
    peer.hear()
    assert at(core, 41.9) == []
    assert at(core, 42.0) == []
    assert [request["method"] for request in peer.hear()] == ["subscribe"]
    assert at(core, 51.9) == []
    assert at(core, 52.0) == [BTC]


def test_watching_can_be_turned_off() -> None:
    core, peer = watching(ticker_silence=inf)
    peer.say(ticker_message(), now=1.0)
    assert looks(core, until=1e5) == []
    assert not core.tickers[BTC].stale


@pytest.mark.parametrize("silence", [0.0, 0.9, -1.0, nan])
def test_an_impossible_limit_is_refused(silence: float) -> None:
    with pytest.raises(UsageError, match="ticker_silence"):
        opened(ticker_silence=silence)
