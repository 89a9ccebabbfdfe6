"""Order books whose messages overtook each other: a book that is ok holds what all it took in says."""

from __future__ import annotations

from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.book import OrderBook
from bulk_proto.doubt import Doubt
from bulk_proto.events import L2Delta, L2Snapshot, OrderBookLevel
from bulk_proto.recollection import _GLANCE, _MEMORY, _PARTS

BTC = "BTC-USD"
MS = 1_767_225_600_000
BIDS = (96.0, 97.0, 98.0, 99.0)
ASKS = (101.0, 102.0, 103.0, 104.0)
Sizes = dict[float, float]


def change(price: float, size: float, at: int) -> L2Delta:
    level = (OrderBookLevel(price, size),)
    return L2Delta(BTC, (level, ()) if price in BIDS else ((), level), MS + at)


def whole(sizes: Sizes, at: int) -> L2Snapshot:
    bids = [OrderBookLevel(price, sizes[price]) for price in BIDS]
    return L2Snapshot(BTC, bids, [OrderBookLevel(price, sizes[price]) for price in ASKS], MS + at)


def cut(sizes: Sizes, at: int, nlevels: int | None) -> L2Snapshot:
    best_bids = [price for price in reversed(BIDS) if sizes[price]][:nlevels]
    best_asks = [price for price in ASKS if sizes[price]][:nlevels]
    bids = [OrderBookLevel(price, sizes[price]) for price in best_bids]
    return L2Snapshot(BTC, bids, [OrderBookLevel(price, sizes[price]) for price in best_asks], MS + at)


def opened() -> OrderBook:
    book = OrderBook(BTC)
    book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 1.0), at=0))
    return book


def sizes_in(book: OrderBook) -> Sizes:
    return {level.price: level.size for level in (*book.bids, *book.asks)}


def test_a_late_change_that_is_remembered_longer_hides_no_newer_one_that_is_forgotten() -> None:
    book = opened()
    book.apply_delta(change(99.0, 5.0, at=100))
    book.apply_delta(change(98.0, 6.0, at=50))
    for step in range(_MEMORY - 1):
        book.apply_delta(change(101.0, 2.0 + step, at=101 + step))
    assert not book.apply_delta(change(99.0, 4.0, at=80))
    assert (sizes_in(book)[99.0], book.why) == (5.0, Doubt.TOO_LATE)


def test_a_late_change_is_remembered_in_a_full_memory_too() -> None:
    book = opened()
    for step in range(2 * _MEMORY):
        book.apply_delta(change(101.0, 2.0 + step, at=100 + 2 * step))
        book.apply_delta(change(98.0, 2.0 + step, at=99 + 2 * step))
    assert (sizes_in(book)[98.0], book.ok) == (1.0 + 2 * _MEMORY, True)


def test_a_snapshot_older_than_the_last_one_clears_no_doubt() -> None:
    book = opened()
    book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 2.0), at=20))
    book.apply_delta(change(99.0, 7.0, at=15))  # part of that snapshot
    book.mark_suspect(Doubt.UNREADABLE)
    book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 1.0), at=10))
    assert not book.ok


def test_a_late_snapshot_settles_a_doubt_only_if_it_has_seen_what_came_since() -> None:
    book = opened()
    book.apply_delta(change(99.0, 7.0, at=10))
    book.mark_suspect(Doubt.UNREADABLE)  # a message of about that time was lost
    for at in (12, 14):
        book.apply_delta(change(98.0, float(at), at=at))
    sizes = dict.fromkeys(BIDS + ASKS, 1.0)
    book.apply_snapshot(whole(sizes, at=11), now=1.0)
    assert (book.why, sizes_in(book)[98.0]) == (Doubt.UNREADABLE, 14.0)
    book.apply_snapshot(whole(sizes, at=12), now=2.0)
    assert (book.why, sizes_in(book)[98.0]) == (None, 14.0)


def test_two_cut_snapshots_of_different_depth_are_both_remembered() -> None:
    book = opened()
    book.apply_snapshot(cut(dict.fromkeys(BIDS + ASKS, 2.0), at=10, nlevels=3), cut=True)
    book.apply_snapshot(cut(dict.fromkeys(BIDS + ASKS, 3.0), at=20, nlevels=1), cut=True)
    assert not book.apply_delta(change(98.0, 9.0, at=5))
    assert book.apply_delta(change(98.0, 4.0, at=15))
    assert book.apply_delta(change(96.0, 5.0, at=5))
    assert [level.size for level in book.bids] == [3.0, 4.0, 2.0, 5.0]
    assert book.ok


@pytest.mark.parametrize("forgotten", [1, 2 * _PARTS])
def test_a_change_older_than_all_cut_snapshots_that_are_remembered_costs_the_trust_in_the_book(
    forgotten: int,
) -> None:
    book = opened()
    for at in range(1, forgotten + _PARTS + 1):
        book.apply_snapshot(cut(dict.fromkeys(BIDS + ASKS, 2.0), at=at, nlevels=1), cut=True)
    assert book.apply_delta(change(98.0, 9.0, at=forgotten))
    assert not book.apply_delta(change(98.0, 8.0, at=forgotten - 1))
    assert (sizes_in(book)[98.0], book.why) == (9.0, Doubt.TOO_LATE)


def test_changes_that_overtook_the_first_snapshot_are_put_on_it() -> None:
    book = OrderBook(BTC)
    assert not book.apply_delta(change(99.0, 5.0, at=12))
    assert not book.apply_delta(change(98.0, 0.0, at=11))
    assert not book.apply_delta(change(97.0, 7.0, at=9))
    assert (len(book), book.timestamp) == (0, None)
    book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 1.0), at=10))
    assert [(level.price, level.size) for level in book.bids] == [(99.0, 5.0), (97.0, 1.0), (96.0, 1.0)]
    assert (book.ok, book.timestamp) == (True, MS + 12)
    assert not book.apply_delta(change(99.0, 6.0, at=11))


def test_a_first_snapshot_that_lacks_forgotten_changes_is_taken_but_not_trusted() -> None:
    book = OrderBook(BTC)
    for step in range(_GLANCE):
        book.apply_delta(change(99.0, 5.0, at=11 + step))
    book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 1.0), at=10))
    assert (book.live, book.why, sizes_in(book)[99.0]) == (True, Doubt.TOO_LATE, 5.0)


@mock.patch("bulk_proto.recollection._LONGEST_MEMORY", _MEMORY)
def test_before_the_first_snapshot_too_what_is_older_than_a_full_memory_displaces_nothing() -> None:
    book = OrderBook(BTC)
    for at in (101, 100, *range(102, 102 + _MEMORY), 50):
        book.apply_delta(change(99.0, float(at), at=at))
    book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 1.0), at=101))
    assert book.why == Doubt.TOO_LATE
    book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 1.0), at=102))
    assert (book.ok, sizes_in(book)[99.0]) == (True, 101.0 + _MEMORY)


# What is out of sight ------------------------------------------------------------------------------------


def test_nothing_stands_behind_a_hole_of_a_cut_book() -> None:
    book = OrderBook(BTC)
    book.apply_snapshot(cut(dict.fromkeys(BIDS + ASKS, 1.0), at=0, nlevels=2), cut=True)
    book.apply_delta(change(96.0, 5.0, at=1))
    book.apply_delta(change(98.0, 0.0, at=2))
    assert sizes_in(book) == {99.0: 1.0, 101.0: 1.0, 102.0: 1.0}
    book.apply_delta(change(98.0, 2.0, at=3))
    assert (sizes_in(book)[98.0], book.ok) == (2.0, True)


def test_a_whole_snapshot_older_than_a_cut_one_tells_the_rest() -> None:
    book = OrderBook(BTC)
    book.apply_snapshot(cut(dict.fromkeys(BIDS + ASKS, 2.0), at=10, nlevels=2), cut=True)
    book.apply_delta(change(96.0, 5.0, at=11))
    assert book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 1.0), at=5), now=3.0)
    assert [level.size for level in book.bids] == [2.0, 2.0, 1.0, 5.0]
    assert (book.ok, book.touched_at, book.timestamp, book.late) == (True, 3.0, MS + 11, 0)
    book.apply_delta(change(96.0, 6.0, at=12))
    assert sizes_in(book)[96.0] == 6.0


def test_a_book_that_an_older_snapshot_has_completed_is_whole_as_of_then() -> None:
    book = OrderBook(BTC)
    book.apply_snapshot(cut(dict.fromkeys(BIDS + ASKS, 2.0), at=10, nlevels=2), cut=True)
    book.apply_delta(change(104.0, 5.0, at=11))
    book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 1.0), at=5))
    assert [level.size for level in book.asks] == [2.0, 2.0, 1.0, 5.0]
    assert book.whole
    assert not book.apply_delta(change(97.0, 9.0, at=4))  # is part of that snapshot
    book.apply_snapshot(cut(dict.fromkeys(BIDS + ASKS, 3.0), at=20, nlevels=1), cut=True)
    assert [level.size for level in book.bids] == [3.0, 2.0, 1.0, 1.0]


def test_late_messages_with_one_in_time_between_them_are_no_clock_that_went_back() -> None:
    book = opened()
    book.apply_delta(change(99.0, 5.0, at=1000))
    for now in (1001, 1002):
        for late in range(31):
            book.apply_delta(change(98.0, 6.0, at=100 + late))
        assert book.ok
        book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 1.0), at=now))
    book.apply_delta(change(98.0, 7.0, at=100))
    assert (book.ok, book.timestamp, sizes_in(book)[98.0]) == (True, MS + 1002, 1.0)


def test_when_time_went_back_once_the_next_late_message_is_late_again() -> None:
    book = opened()
    book.apply_delta(change(99.0, 5.0, at=1000))
    for late in range(32):
        book.apply_delta(change(98.0, 6.0 + late, at=100 + late))
    assert book.why == Doubt.TIME_RAN_BACKWARDS
    book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 1.0), at=200))
    assert not book.apply_delta(change(98.0, 9.0, at=199))
    assert (book.ok, sizes_in(book)[98.0]) == (True, 1.0)


def test_a_change_without_a_time_is_judged_like_any_other() -> None:
    book = opened()
    book.apply_delta(L2Delta(BTC, ((OrderBookLevel(105.0, 1.0),), ()), None), now=7.0)
    assert (book.touched_at, book.crossed_at, book.ok) == (7.0, 7.0, False)


def test_a_market_that_leaves_what_is_known_costs_the_trust_until_more_is_told() -> None:
    book = OrderBook(BTC)
    first = cut(dict.fromkeys(BIDS + ASKS, 1.0), at=10, nlevels=1)
    book.apply_snapshot(first, cut=True)
    book.apply_delta(change(99.0, 0.0, at=11))
    assert (book.best_bid(), book.ok, book.why) == (None, False, Doubt.OUT_OF_SIGHT)
    assert book.copy().apply_snapshot(cut(dict.fromkeys(BIDS + ASKS, 2.0), at=12, nlevels=1), cut=True)
    book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 1.0), at=5))
    assert ([level.price for level in book.bids], book.ok) == ([98.0, 97.0, 96.0], True)


def test_a_whole_snapshot_older_than_what_was_given_up_completes_nothing() -> None:
    book = opened()
    book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 2.0), at=8))
    book.mark_suspect(Doubt.SILENT)
    book.apply_snapshot(cut(dict.fromkeys(BIDS + ASKS, 3.0), at=10, nlevels=1), cut=True)
    assert not book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 1.0), at=5))
    assert sizes_in(book) == {99.0: 3.0, 101.0: 3.0}


def test_what_was_given_up_is_completed_by_what_is_newer_than_all_that_was_told_of_it() -> None:
    book = opened()
    book.apply_snapshot(cut(dict.fromkeys(BIDS + ASKS, 2.0), at=20, nlevels=3), cut=True)
    book.mark_suspect(Doubt.SILENT)
    book.apply_snapshot(cut(dict.fromkeys(BIDS + ASKS, 3.0), at=30, nlevels=1), cut=True)
    assert not book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 1.0), at=15))
    assert sizes_in(book) == {99.0: 3.0, 101.0: 3.0}
    assert book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 4.0), at=25))
    assert sizes_in(book) == dict.fromkeys(BIDS + ASKS, 4.0) | {99.0: 3.0, 101.0: 3.0}


def test_when_time_went_back_no_snapshot_of_the_old_time_counts() -> None:
    book = opened()
    for at in (1000, 2000):
        book.apply_snapshot(cut(dict.fromkeys(BIDS + ASKS, 2.0), at=at, nlevels=1), cut=True)
    for at in (20, 220):
        book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 1.0), at=at))
    book.apply_delta(change(98.0, 5.0, at=240))
    assert book.apply_delta(change(99.0, 6.0, at=230))
    assert book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 7.0), at=225))
    assert sizes_in(book) == dict.fromkeys(BIDS + ASKS, 7.0) | {98.0: 5.0, 99.0: 6.0}


def test_a_copy_judges_late_messages_by_what_the_book_had_seen() -> None:
    book = opened()
    book.apply_snapshot(cut(dict.fromkeys(BIDS + ASKS, 2.0), at=10, nlevels=1), cut=True)
    book.apply_delta(change(98.0, 5.0, at=20))
    copy = book.copy()
    book.apply_snapshot(cut(dict.fromkeys(BIDS + ASKS, 3.0), at=40, nlevels=3), cut=True)
    book.apply_delta(change(97.0, 6.0, at=50))
    for late in (change(99.0, 9.0, at=5), change(98.0, 9.0, at=15), change(96.0, 9.0, at=-1)):
        assert not copy.apply_delta(late)
    assert copy.apply_delta(change(97.0, 9.0, at=15))
    assert [level.size for level in copy.bids] == [2.0, 5.0, 9.0, 1.0]


def test_cut_snapshots_before_any_whole_one_pile_nothing_up() -> None:
    book = OrderBook(BTC)
    sizes = dict.fromkeys(BIDS + ASKS, 0.0)
    for at, price in enumerate(BIDS):
        book.apply_snapshot(cut(sizes | {price: 1.0, 101.0: 1.0}, at=at, nlevels=1), cut=True)
    assert sizes_in(book) == {99.0: 1.0, 101.0: 1.0}


def test_a_worse_doubt_than_lost_sight_is_not_settled_by_an_older_snapshot() -> None:
    book = OrderBook(BTC)
    book.apply_snapshot(cut(dict.fromkeys(BIDS + ASKS, 1.0), at=10, nlevels=1), cut=True)
    book.apply_delta(change(99.0, 0.0, at=11))
    book.mark_suspect(Doubt.UNREADABLE)
    book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 1.0), at=5))
    assert book.why == Doubt.UNREADABLE


def test_a_level_that_comes_into_sight_again_settles_what_its_loss_put_in_doubt() -> None:
    book = OrderBook(BTC)
    book.apply_snapshot(cut(dict.fromkeys(BIDS + ASKS, 1.0), at=10, nlevels=1), cut=True)
    book.apply_delta(change(99.0, 0.0, at=11))
    book.apply_delta(change(99.0, 4.0, at=12))
    assert (book.ok, book.why, sizes_in(book)) == (True, None, {99.0: 4.0, 101.0: 1.0})


def test_when_time_ran_backwards_a_cut_snapshot_keeps_nothing() -> None:
    book = OrderBook(BTC)
    book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 1.0), at=1000))
    for at in (20, 220):
        book.apply_snapshot(cut(dict.fromkeys(BIDS + ASKS, 1.0), at=at, nlevels=1), cut=True)
    assert sizes_in(book) == {99.0: 1.0, 101.0: 1.0}


def test_a_crossing_between_two_changes_costs_no_depth() -> None:
    book = opened()
    book.apply_delta(L2Delta(BTC, ((OrderBookLevel(101.0, 1.0),), ()), MS + 9))
    assert book.crossed
    above = L2Snapshot(BTC, [OrderBookLevel(101.0, 1.0)], [OrderBookLevel(102.0, 1.0)], MS + 10)
    book.apply_snapshot(above, cut=True)
    assert ([level.price for level in book.bids], book.ok) == ([101.0, *reversed(BIDS)], True)


def test_changes_without_a_time_displace_none_that_has_one() -> None:
    book = opened()
    book.apply_delta(change(99.0, 5.0, at=10))
    for step in range(2 * _GLANCE):
        level = (OrderBookLevel(102.0, 2.0 + step),)
        book.apply_delta(L2Delta(BTC, ((), level), None))
    book.apply_delta(change(103.0, 9.0, at=17))
    assert not book.apply_delta(change(99.0, 4.0, at=9))
    assert (sizes_in(book)[99.0], book.ok) == (5.0, True)


def test_a_book_whose_snapshots_come_late_remembers_enough_for_the_next_one() -> None:
    book = opened()
    taken = []
    for round_ in range(1, 5):
        begin = 1000 * round_
        for step in range(300):
            book.apply_delta(change(101.0, 2.0 + step, at=begin + step))
        taken.append(book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 3.0), at=begin)))
    assert taken[-1]
    assert sizes_in(book)[101.0] == 301.0


def test_depth_is_given_up_when_nobody_tells_of_changes_any_more() -> None:
    book = opened()
    book.give_up_depth()
    assert book.ok
    book.apply_snapshot(cut(dict.fromkeys(BIDS + ASKS, 3.0), at=10, nlevels=1), cut=True)
    assert sizes_in(book) == {99.0: 3.0, 101.0: 3.0}


def test_a_cut_book_that_nothing_follows_keeps_nothing_of_the_snapshot_before() -> None:
    book = opened()
    book.apply_snapshot(cut(dict.fromkeys(BIDS + ASKS, 3.0), at=10, nlevels=1), cut=True, followed=False)
    assert sizes_in(book) == {99.0: 3.0, 101.0: 3.0}


# Against all that is known -------------------------------------------------------------------------------


class Knowledge:
    """What a book should say of each price, by brute force: the newest of all that it took in."""

    def __init__(self) -> None:
        self.known: set[int] = set()  # times of changes
        self.told_at = dict.fromkeys(BIDS + ASKS, -1)  # by the latest snapshot that told of the price
        self.out_of_sight: set[float] = set(BIDS + ASKS)

    def take_in(self, sizes: Sizes, at: int, nlevels: int | None, *, kept: bool) -> None:
        """A snapshot that the book accepted; ``kept``: what is deeper stayed."""
        for prices in (BIDS[::-1], ASKS):
            shown = [price for price in prices if sizes[price]][:nlevels]
            told = prices[: prices.index(shown[-1]) + 1] if shown and nlevels else prices
            for price in told:
                self.told_at[price] = max(self.told_at[price], at)
            if nlevels and not kept:
                self.out_of_sight |= set(prices)
            self.out_of_sight -= set(told)

    def sizes(self, history: list[tuple[int, float, float]]) -> Sizes:
        newest = {p: s for at, p, s in history if at in self.known or at <= self.told_at[p]}
        return {p: s for p, s in newest.items() if s and p not in self.out_of_sight}


Sent = tuple[int, int]


@st.composite
def arrivals(draw: st.DrawFn) -> list[Sent]:
    """(how late, which price, or -1, -2 for snapshots) of messages that were sent one after the other."""
    lateness = st.one_of(st.just(0), st.integers(0, 100))
    return draw(st.lists(st.tuples(lateness, st.integers(-2, 7)), max_size=120))


@mock.patch("bulk_proto.book._LATE_LIMIT", 1_000_000)  # however many are late, the clock goes on
@given(arrivals(), st.sets(st.integers(0, 119)), st.sampled_from([1, 2, 3]))
def test_a_book_that_is_ok_says_what_is_newest_of_all_it_took_in(
    sent: list[Sent], suspected: set[int], nlevels: int
) -> None:
    truth = dict.fromkeys(BIDS + ASKS, 1.0)
    history: list[tuple[int, float, float]] = [(0, price, 1.0) for price in truth]
    messages: list[tuple[int, int, L2Delta | Sizes, int | None]] = []
    for at, (late, row) in enumerate(sent, 1):
        if row < 0:
            messages.append((at + late, at, truth.copy(), nlevels if row == -2 else None))
        else:
            price = (BIDS + ASKS)[row]
            truth[price] = float(at % 3 and at)
            history.append((at, price, truth[price]))
            messages.append((at + late, at, change(price, truth[price], at), None))
    book, knowledge = OrderBook(BTC), Knowledge()
    for count, (_, at, message, cut_to) in enumerate(sorted(messages, key=lambda entry: entry[0])):
        kept = book.whole and book.why in (None, Doubt.CROSSED)
        if isinstance(message, L2Delta):
            book.apply_delta(message)
            knowledge.known.add(at)
        elif book.apply_snapshot(cut(message, at, cut_to), cut=cut_to is not None):
            knowledge.take_in(message, at, cut_to, kept=kept)
        if book.live:
            assert book.timestamp == MS + max(*knowledge.known, *knowledge.told_at.values())
        if count in suspected:
            book.mark_suspect(Doubt.SILENT)
        if book.ok:
            assert sizes_in(book) == knowledge.sizes(history)
