"""Tickers that stay away on a connection that lives: stale, asked for again, with a new one as a last try."""

from __future__ import annotations

from itertools import pairwise
from math import inf, nan

import pytest

from bulk_proto.core import ClientCore, State
from bulk_proto.errors import UsageError
from bulk_proto.events import Disconnected, DisconnectReason, TickerStale
from bulk_proto.subscriptions import Subscription, l2_delta, ticker

from .peer import Peer, book_message, confirmation, connect, opened, ticker_message

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


def test_a_connection_on_which_tickers_came_and_none_does_any_more_is_given_up_once() -> None:
    core, peer = watching(ticker(BTC), ticker(ETH))
    peer.say(ticker_message(), now=1.0)
    assert looks(core, until=20.0) == [10.0, 11.0, 20.0]
    core.handle_deadline(21.0)
    assert core.state is State.WAITING
    (loss,) = [event for event in core.events() if isinstance(event, Disconnected)]
    assert loss.reason is DisconnectReason.STARVED
    assert core.tickers[BTC].stale
    assert loss.retry_at is not None
    core.handle_deadline(loss.retry_at)
    peer = connect(core, loss.retry_at)
    peer.say(confirmation("ticker.BTC-USD", "ticker.ETH-USD"), now=loss.retry_at)
    assert looks(core, until=10_000.0)
    assert core.is_open  # nothing ever came on this one


def test_a_connection_on_which_books_move_is_kept() -> None:
    core, peer = watching(ticker(BTC), l2_delta(ETH))
    peer.say(ticker_message(), now=1.0)
    for now in range(1, 100):
        peer.say(book_message("snapshot", [(100.0, 1.0)], [(101.0, 1.0)], symbol=ETH), now=float(now))
        core.handle_deadline(float(now))
    assert core.is_open
    core.handle_deadline(200.0)
    assert core.state is State.WAITING


def test_a_ticker_that_is_not_wanted_any_more_is_not_missed() -> None:
    core, peer = watching()
    peer.say(ticker_message(), now=1.0)
    core.unsubscribe([ticker(BTC)], 2.0)
    assert looks(core, until=1000.0) == []


def test_one_that_the_exchange_refuses_for_now_is_left_to_that() -> None:
    core, peer = watching()
    peer.say(ticker_message(), now=1.0)
    core.connection_lost(2.0, "reset")
    core.handle_deadline(40.0)
    peer = connect(core, 40.0)
    peer.say({"type": "error", "message": "no ticker.BTC-USD for now"}, now=40.0)
    peer.say(ticker_message(), now=41.0)  # it comes all the same
    peer.hear()
    assert at(core, 41.9) == []
    assert core.is_open
    assert at(core, 42.0) == []
    assert [request["method"] for request in peer.hear()] == ["subscribe"]
    assert at(core, 51.9) == []
    assert at(core, 52.0) == [BTC]


def test_watching_can_be_turned_off() -> None:
    core, peer = watching(ticker_silence=inf)
    peer.say(ticker_message(), now=1.0)
    assert looks(core, until=1e5) == []
    assert not core.tickers[BTC].stale


@pytest.mark.parametrize("silence", [0.0, -1.0, nan])
def test_an_impossible_limit_is_refused(silence: float) -> None:
    with pytest.raises(UsageError, match="ticker_silence"):
        opened(ticker_silence=silence)
