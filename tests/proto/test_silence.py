"""Books that hear nothing on a connection that lives: doubted, asked for again, believed when it is quiet.

Sooner where prices seen elsewhere speak against them.
"""

from __future__ import annotations

from itertools import pairwise
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.books import Books
from bulk_proto.core import ClientCore
from bulk_proto.doubt import Doubt
from bulk_proto.errors import UsageError
from bulk_proto.events import BookStale, BookStream, L2Snapshot, OrderBookLevel
from bulk_proto.subscriptions import Subscription, l2_delta, l2_snapshot, ticker, trades

from .peer import Peer, book_message, confirmation, opened, ticker_message

BTC = "BTC-USD"
BIDS, ASKS = [(100.0, 1.0)], [(101.0, 1.0)]
SNAPSHOT = book_message("snapshot", BIDS, ASKS)
CHANGE = book_message("delta", BIDS, [])
PERIODIC = book_message("snapshot", BIDS, ASKS, stream="l2Snapshot")


def watching(*subscriptions: Subscription, book_silence: float = 30.0) -> tuple[ClientCore, Peer]:
    """A core whose book of BTC-USD was filled at 0 s, and that hears other things all the time."""
    core, peer = opened(
        signed=False, book_silence=book_silence, ticker_silence=inf, silence_timeout=1e6, ping_interval=1e5
    )
    core.subscribe(subscriptions, 0.0)
    peer.say(confirmation(*(one.topic for one in subscriptions)), now=0.0)
    peer.say(SNAPSHOT if subscriptions[0].type == "l2Delta" else PERIODIC, now=0.0)
    peer.hear()
    return core, peer


def at(core: ClientCore, now: float) -> list[str]:
    """What is said of books when the clock shows ``now``."""
    core.handle_deadline(now)
    return [event.why for event in core.events() if isinstance(event, BookStale)]


def next_silence(core: ClientCore, peer: Peer) -> float:
    """Let time pass until the book is called silent, answer, and say when it was."""
    while True:
        now = core.next_deadline()
        assert now is not None
        if Doubt.SILENT in at(core, now):
            peer.hear()
            peer.say(SNAPSHOT, now=now)
            assert core.order_books[BTC].ok
            return now


def test_a_silent_book_is_doubted_and_asked_for_again_until_a_snapshot_comes() -> None:
    core, peer = watching(l2_delta(BTC))
    book = core.order_books[BTC]
    assert at(core, 29.9) == []
    assert book.ok
    assert at(core, 30.0) == [Doubt.SILENT]
    assert (book.ok, book.why) == (False, Doubt.SILENT)
    assert [request["method"] for request in peer.hear()] == ["unsubscribe", "subscribe"]
    assert at(core, 31.9) == []
    assert at(core, 34.0) == [Doubt.SILENT]  # the request itself may be lost: ever more patiently
    assert at(core, 38.0) == []
    peer.say(SNAPSHOT, now=38.5)
    assert book.ok


def test_a_snapshot_nobody_waited_for_is_listened_after_as_well() -> None:
    books = Books(patience=2.0, silence=30.0)
    books.want(l2_snapshot(BTC))
    stream = BookStream.SNAPSHOT
    books.apply_snapshot(L2Snapshot(BTC, [OrderBookLevel(100.0, 1.0)], [], 1, stream), stream, 5.0)
    assert books.earliest == 35.0


def test_any_message_for_the_book_breaks_the_silence() -> None:
    core, peer = watching(l2_delta(BTC))
    for now in (20.0, 40.0, 60.0):
        peer.say(CHANGE, now=now)
        assert at(core, now + 19.0) == []
    assert at(core, 90.0) == [Doubt.SILENT]


def test_the_silence_of_a_quiet_market_is_believed_ever_longer_and_never_for_ever() -> None:
    core, peer = watching(l2_delta(BTC))
    ends = [0.0, *(next_silence(core, peer) for _ in range(7))]
    assert [later - earlier for earlier, later in pairwise(ends)] == [30, 60, 120, 240, 480, 480, 480]


def test_a_market_that_moved_again_is_not_believed_to_be_quiet() -> None:
    core, peer = watching(l2_delta(BTC))
    next_silence(core, peer)
    next_silence(core, peer)
    peer.say(CHANGE, now=100.0)
    assert next_silence(core, peer) == 130.0


def test_periodic_snapshots_are_never_expected_to_pause() -> None:
    core, peer = watching(l2_snapshot(BTC))
    for round in range(1, 6):
        assert at(core, 30.0 * round - 0.1) == []
        assert at(core, 30.0 * round) == [Doubt.SILENT]
        peer.say(PERIODIC, now=30.0 * round)


def test_a_book_that_is_wrong_for_a_moment_while_it_is_looked_at_is_looked_at_again() -> None:
    core, peer = watching(l2_delta(BTC))
    peer.say(book_message("delta", [(102.0, 1.0)], []), now=29.9375)  # crossed
    assert at(core, 30.0) == []
    peer.say(book_message("delta", [(102.0, 0.0)], []), now=30.03125)
    assert at(core, 60.0) == []
    assert at(core, 60.03125) == [Doubt.SILENT]


def test_each_book_is_listened_to_for_itself() -> None:
    core, peer = watching(l2_delta(BTC))
    core.subscribe([l2_delta("ETH-USD")], 20.0)
    other = book_message("snapshot", BIDS, ASKS)
    other["data"]["book"]["symbol"] = "ETH-USD"
    peer.say(other, now=20.0)
    core.handle_deadline(30.0)
    assert [event.symbol for event in core.events() if isinstance(event, BookStale)] == [BTC]
    core.unsubscribe([l2_delta(BTC)], 31.0)
    core.handle_deadline(50.0)
    assert [event.symbol for event in core.events() if isinstance(event, BookStale)] == ["ETH-USD"]


def test_a_book_that_never_was_filled_is_not_called_silent() -> None:
    core, _ = watching(l2_delta(BTC))
    core.subscribe([l2_delta("ETH-USD")], 0.0)
    core.handle_deadline(30.0)
    stale = {event.symbol: event.why for event in core.events() if isinstance(event, BookStale)}
    assert stale == {BTC: Doubt.SILENT, "ETH-USD": Doubt.NO_SNAPSHOT}


def test_a_book_that_never_was_filled_hides_no_silent_one_behind_it() -> None:
    core, _ = watching(l2_delta("ETH-USD"), l2_delta(BTC))
    assert core.next_deadline() is not None
    at(core, 29.9)
    assert at(core, 30.0) == [Doubt.SILENT]
    assert not core.order_books[BTC].ok


def test_a_lost_connection_ends_the_listening() -> None:
    core, _ = watching(l2_delta(BTC))
    at(core, 30.0)
    core.connection_lost(30.5, "reset")
    assert core.order_books[BTC].why == Doubt.DISCONNECTED
    assert at(core, 1000.0) == []


def test_listening_can_be_turned_off() -> None:
    core, _ = watching(l2_delta(BTC), book_silence=inf)
    assert at(core, 1e5) == []
    assert core.order_books[BTC].ok


@pytest.mark.parametrize("silence", [0.0, -1.0, nan])
def test_an_impossible_limit_is_refused(silence: float) -> None:
    with pytest.raises(UsageError, match="book_silence"):
        opened(book_silence=silence)


# Prices elsewhere ----------------------------------------------------------------------------------------

PRICED = (l2_delta(BTC), ticker(BTC), trades(BTC))


def trade(price: float, **more: Any) -> dict[str, Any]:
    row = {"s": BTC, "px": price, "sz": 1.0, "time": 1767225600123, "side": True}
    return {"type": "trades", "topic": f"trades.{BTC}", "data": {"trades": [row | more]}}


def mark(price: float | None) -> dict[str, Any]:
    return ticker_message(mark=price)


def doubts(core: ClientCore, peer: Peer, message: dict[str, Any], *moments: float) -> list[str]:
    """What is said of books while the same message comes at each of these moments."""
    found = []
    for now in moments:
        peer.say(message, now=now)
        found += at(core, now)
    return found


@pytest.mark.parametrize("message", [mark(101.2), mark(99.8), trade(101.2), trade(99.8)])
def test_a_book_that_stands_still_while_prices_move_away_is_asked_for_again(message: dict[str, Any]) -> None:
    core, peer = watching(*PRICED)
    book = core.order_books[BTC]
    assert doubts(core, peer, message, 1.0, 4.9, 5.0, 5.9) == []
    assert book.ok
    assert doubts(core, peer, message, 6.0, 6.1) == [Doubt.FROZEN]
    assert (book.ok, book.why) == (False, "prices moved away while it stood still")
    assert [request["method"] for request in peer.hear()] == ["unsubscribe", "subscribe"]
    peer.say(SNAPSHOT, now=6.5)
    assert book.ok


@pytest.mark.parametrize("message", [mark(101.1), mark(99.9), mark(100.5), mark(None), trade(101.1)])
def test_prices_near_the_touch_say_nothing_against_a_quiet_book(message: dict[str, Any]) -> None:
    core, peer = watching(*PRICED)
    assert doubts(core, peer, message, *range(1, 30)) == []


def test_the_last_trade_of_a_ticker_may_be_old_and_says_nothing() -> None:
    core, peer = watching(*PRICED)
    assert core.prices.get(BTC) is None
    assert doubts(core, peer, mark(None), *range(1, 30)) == []
    assert core.prices[BTC] == 64250.5


def test_trades_beside_the_book_say_nothing_about_it() -> None:
    core, peer = watching(*PRICED)
    mixed = trade(101.0)
    mixed["data"]["trades"] += trade(64000.0, s="ETH-USD")["data"]["trades"]
    none = trade(64000.0) | {"data": {"trades": []}}
    for message in (trade(64000.0, reason="adl"), mixed, none):
        assert doubts(core, peer, message, 6.0, 8.0, 10.0) == []


def test_changes_that_come_just_after_the_trade_that_made_them_keep_the_book_trusted() -> None:
    core, peer = watching(*PRICED)
    assert doubts(core, peer, trade(101.2), 20.0, 20.5) == []
    peer.say(CHANGE, now=20.6)
    assert doubts(core, peer, trade(101.2), 21.5, 25.75, 26.5) == []
    assert doubts(core, peer, trade(101.2), 26.75) == [Doubt.FROZEN]


def test_a_price_that_comes_back_ends_the_suspicion() -> None:
    core, peer = watching(*PRICED)
    for now in range(6, 30, 2):
        assert doubts(core, peer, mark(102.0), now, now + 0.9) == []
        assert doubts(core, peer, mark(101.0), now + 1.0) == []


def test_the_same_book_as_an_answer_is_believed_ever_longer_and_never_for_ever() -> None:
    core, peer = watching(*PRICED, book_silence=inf)
    ends, now = [0.0], 0.0
    while len(ends) < 8:
        now += 1.0
        if doubts(core, peer, mark(102.0), now):
            ends.append(now)
            peer.say(SNAPSHOT, now=now)
    assert [later - earlier for earlier, later in pairwise(ends)] == [6, 10, 20, 40, 80, 80, 80]
    assert doubts(core, peer, mark(100.5), now + 7.0) == []  # prices have come back
    assert doubts(core, peer, mark(102.0), now + 8.0, now + 9.0) == [Doubt.FROZEN]


def test_a_quiet_market_stays_one_when_prices_elsewhere_had_its_book_sent_anew() -> None:
    core, peer = watching(*PRICED)
    assert [next_silence(core, peer) for _ in range(2)] == [30.0, 90.0]
    assert doubts(core, peer, mark(102.0), 100.0, 101.0) == [Doubt.FROZEN]
    peer.say(SNAPSHOT, now=101.0)
    assert next_silence(core, peer) == 221.0


def test_a_lasting_distance_of_prices_is_no_reason_to_ask_after_every_change() -> None:
    core, peer = watching(*PRICED, book_silence=inf)
    asked = 0
    for second in range(1, 600):
        now = float(second)
        if second % 12 == 0:
            peer.say(CHANGE, now=now)
        if doubts(core, peer, mark(102.0), now):
            asked += 1
            peer.say(SNAPSHOT, now=now)
    assert asked == 2


def test_a_book_without_both_sides_or_trust_is_not_compared() -> None:
    core, peer = watching(*PRICED)
    book = core.order_books[BTC]
    peer.say(book_message("delta", [], [(101.0, 0.0)]), now=1.0)
    assert doubts(core, peer, mark(200.0), 6.5, 8.0) == []
    assert book.ok
    peer.say(book_message("delta", [(100.0, 0.0)], [(101.0, 1.0)]), now=10.0)
    assert doubts(core, peer, mark(50.0), 16.0, 18.0) == []
    peer.say({"type": "l2Delta", "topic": f"l2delta.{BTC}", "data": {}}, now=20.0)
    assert doubts(core, peer, mark(200.0), 20.0, 21.0) == [Doubt.UNREADABLE]
    assert book.why == Doubt.UNREADABLE


def test_prices_of_books_that_are_left_or_were_never_wanted_are_of_no_interest() -> None:
    core, peer = watching(*PRICED)
    assert doubts(core, peer, mark(102.0), 5.5) == []
    core.unsubscribe([l2_delta(BTC)], 5.6)
    core.subscribe([l2_delta(BTC)], 5.7)
    peer.say({"type": "unsubscribeResponse", "topic": f"l2delta.{BTC}"}, SNAPSHOT, now=5.8)
    assert doubts(core, peer, mark(102.0), 6.0, 10.7, 10.8, 11.7) == []
    assert doubts(core, peer, mark(102.0), 11.8) == [Doubt.FROZEN]
    core.connection_lost(12.0, "reset")
    assert doubts(core, peer, trade(64000.0, s="ETH-USD"), 13.0, 20.0) == []


@given(
    steps=st.lists(
        st.tuples(st.sampled_from([0.25, 1.0, 4.75]), st.lists(st.floats(1, 1e6), max_size=3)), max_size=20
    )
)
def test_no_price_speaks_against_a_book_that_keeps_hearing(steps: list[tuple[float, list[float]]]) -> None:
    core, peer = watching(*PRICED)
    now = 0.0
    for pause, prices in steps:
        now += pause
        for price in prices:
            assert doubts(core, peer, mark(price), now) == []
        peer.say(CHANGE, now=now)
