"""Order books: what they hold, what they say about themselves, and what can be read off them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, isclose, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.book import OrderBook
from bulk_proto.doubt import Doubt
from bulk_proto.enums import Side
from bulk_proto.errors import UsageError
from bulk_proto.events import L2Delta, L2Snapshot, OrderBookLevel
from bulk_proto.quotes import Sweep
from bulk_proto.recollection import _GLANCE, _MEMORY

BTC = "BTC-USD"
MS = 1_767_225_600_000  # an instant in ms, as the exchange documents it
Rows = Sequence[tuple[float, float]]


def levels(rows: Rows) -> list[OrderBookLevel]:
    return [OrderBookLevel(price, size) for price, size in rows]


def snapshot(bids: Rows, asks: Rows, at: int | None = MS) -> L2Snapshot:
    return L2Snapshot(BTC, levels(bids), levels(asks), at)


def delta(bids: Rows = (), asks: Rows = (), at: int | None = MS + 1) -> L2Delta:
    return L2Delta(BTC, (tuple(levels(bids)), tuple(levels(asks))), at)


def opened(bids: Rows = ((100, 1), (99, 2)), asks: Rows = ((101, 3), (102, 4))) -> OrderBook:
    book = OrderBook(BTC)
    book.apply_snapshot(snapshot(bids, asks), now=10.0)
    return book


def rows(side: tuple[OrderBookLevel, ...]) -> list[tuple[float, float]]:
    return [(level.price, level.size) for level in side]


# Snapshots and changes -----------------------------------------------------------------------------------


def test_a_snapshot_replaces_both_sides_and_drops_empty_levels() -> None:
    book = opened()
    assert book.apply_snapshot(snapshot([(9, 1), (8, 0)], [], at=MS + 1))
    assert rows(book.bids) == [(9, 1)]
    assert book.asks == ()


def test_the_second_snapshot_of_a_delta_stream_does_not_merge_into_a_crossed_book() -> None:  # D18
    book = opened(bids=[(10, 1)], asks=[(11, 1)])
    book.apply_snapshot(snapshot([(8, 1)], [(9, 1)], at=MS + 1))
    assert (rows(book.bids), rows(book.asks), book.crossed) == ([(8, 1)], [(9, 1)], False)


def test_sizes_of_a_change_are_absolute() -> None:
    book = opened()
    assert book.apply_delta(delta(bids=[(100, 0.25)]))
    assert rows(book.bids) == [(100, 0.25), (99, 2)]


def test_one_change_may_touch_several_levels_on_both_sides() -> None:
    book = opened()
    book.apply_delta(delta(bids=[(100, 0), (99.5, 7)], asks=[(101, 0), (103, 5)]))
    assert rows(book.bids) == [(99.5, 7), (99, 2)]
    assert rows(book.asks) == [(102, 4), (103, 5)]


def test_a_removed_level_that_was_never_there_is_harmless() -> None:
    book = opened()
    assert book.apply_delta(delta(bids=[(50, 0)], asks=[(500, 0)]))
    assert (len(book), book.ok) == (4, True)


def test_changes_before_the_first_snapshot_are_never_applied() -> None:
    book = OrderBook(BTC)
    assert not book.apply_delta(delta(bids=[(100, 1)]))
    assert (len(book), book.live, book.why) == (0, False, "no snapshot yet")


def test_nothing_survives_a_lost_connection_and_later_changes_wait_for_a_snapshot() -> None:  # D18
    book = opened()
    book.forget(Doubt.DISCONNECTED)
    assert (len(book), book.live, book.ok, book.why) == (0, False, False, "disconnected")
    assert (book.touched_at, book.age(99.0), book.timestamp) == (None, None, None)
    assert not book.apply_delta(delta(asks=[(90, 1)], at=4))
    assert book.apply_snapshot(snapshot([(1, 1)], [(2, 1)], at=5))
    assert (book.ok, rows(book.bids), rows(book.asks)) == (True, [(1, 1)], [(2, 1)])


def test_changes_from_before_a_lost_connection_are_not_put_on_the_next_snapshot() -> None:
    book = opened()
    book.apply_delta(delta(bids=[(100.5, 1)], at=MS + 10))
    book.forget(Doubt.DISCONNECTED)
    book.apply_snapshot(snapshot([(99, 1)], [(101, 1)], at=MS + 5))
    assert rows(book.bids) == [(99, 1)]


def test_a_truncated_snapshot_corrects_what_it_covers_and_keeps_what_is_deeper() -> None:
    book = opened(bids=[(100, 1), (99, 2), (98, 3)], asks=[(101, 1), (102, 2), (103, 3)])
    book.apply_snapshot(snapshot([(100, 5), (98.5, 1)], [(102, 9)], at=MS + 1), cut=True)
    assert rows(book.bids) == [(100, 5), (98.5, 1), (98, 3)]
    assert rows(book.asks) == [(102, 9), (103, 3)]


def test_an_empty_side_of_a_truncated_snapshot_is_an_empty_side() -> None:
    book = opened()
    book.apply_snapshot(snapshot([(100, 1)], [], at=MS + 1), cut=True)
    assert (book.asks, rows(book.bids)) == ((), [(100, 1), (99, 2)])


def test_a_truncated_snapshot_replaces_a_book_that_is_in_doubt_altogether() -> None:
    book = opened()
    book.mark_suspect(Doubt.UNREADABLE)
    book.apply_snapshot(snapshot([(100, 1)], [(101, 1)], at=MS + 1), cut=True)
    assert (len(book), book.ok) == (2, True)


# Trust ---------------------------------------------------------------------------------------------------


def test_a_suspected_book_goes_on_following_until_a_snapshot_clears_it() -> None:
    book = opened()
    book.mark_suspect(Doubt.SILENT)
    book.mark_suspect("later and lesser")
    assert book.apply_delta(delta(bids=[(100, 9)]))
    assert (book.ok, book.why, book.live) == (False, "silent", True)
    book.apply_snapshot(snapshot([(1, 1)], [(2, 1)], at=MS + 2))
    assert (book.ok, book.why) == (True, None)


def test_a_suspicion_adds_nothing_to_a_book_that_is_not_live() -> None:
    book = OrderBook(BTC)
    book.mark_suspect(Doubt.SILENT)
    assert book.why == "no snapshot yet"


def test_a_crossed_book_says_since_when_and_recovers_with_the_missing_removal() -> None:
    book = opened()
    book.apply_delta(delta(bids=[(101, 1)]), now=11.0)
    book.apply_delta(delta(bids=[(100.5, 1)]), now=12.0)
    assert (book.crossed, book.crossed_at, book.ok, book.why) == (True, 11.0, False, "crossed")
    book.apply_delta(delta(asks=[(101, 0)]), now=13.0)
    assert (book.crossed, book.crossed_at, book.ok, book.why) == (False, None, True, None)


def test_a_change_that_moves_both_sides_at_once_is_judged_as_a_whole() -> None:
    book = opened()
    book.apply_delta(delta(bids=[(101.5, 1)], asks=[(101, 0)]), now=11.0)
    assert (book.crossed, book.get_spread()) == (False, 0.5)


def test_a_crossed_snapshot_is_not_ok() -> None:
    assert opened(bids=[(101, 1)], asks=[(101, 1)]).why == "crossed"


def test_age_counts_from_the_last_message_applied() -> None:
    book = opened()
    assert book.age(10.5) == 0.5
    book.apply_delta(delta(bids=[(100, 2)]), now=12.0)
    book.apply_delta(delta(bids=[(100, 3)], at=MS - 1), now=13.0)
    assert book.age(12.5) == 0.5


def test_the_newest_time_of_the_exchange_is_kept_in_its_own_unit() -> None:
    book = OrderBook(BTC)
    assert (book.timestamp, book.last_update_time) == (None, 0)
    book.apply_snapshot(snapshot([], [], at=MS))
    book.apply_delta(delta(at=MS + 7))
    book.apply_delta(delta(bids=[(1, 1)], at=MS + 3))
    assert (book.timestamp, book.last_update_time) == (MS + 7, MS + 7)


# Messages that overtook each other -----------------------------------------------------------------------


def test_a_late_change_is_applied_only_where_nothing_newer_touched() -> None:
    book = opened()
    book.apply_delta(delta(bids=[(100, 5)], asks=[(101, 0)], at=MS + 10))
    assert book.apply_delta(delta(bids=[(100, 4), (99, 6)], asks=[(101, 3), (102, 1)], at=MS + 9))
    assert rows(book.bids) == [(100, 5), (99, 6)]
    assert rows(book.asks) == [(102, 1)]
    assert book.late == 1


def test_a_late_change_without_news_changes_nothing() -> None:
    book = opened()
    book.apply_delta(delta(bids=[(100, 0)], at=MS + 10), now=11.0)
    assert not book.apply_delta(delta(bids=[(100, 4)], at=MS + 9), now=12.0)
    assert (rows(book.bids), book.touched_at, book.late, book.ok) == ([(99, 2)], 11.0, 1, True)


def test_of_two_late_changes_of_a_price_the_newer_one_stands() -> None:
    book = opened()
    book.apply_delta(delta(asks=[(105, 1)], at=MS + 10))
    book.apply_delta(delta(bids=[(100, 8)], at=MS + 8))
    book.apply_delta(delta(bids=[(100, 7)], at=MS + 7))
    book.apply_delta(delta(bids=[(100, 9)], at=MS + 9))
    assert rows(book.bids)[0] == (100, 9)


def test_a_late_change_as_old_as_what_is_known_comes_after_it() -> None:
    book = opened()
    book.apply_delta(delta(bids=[(99, 5)], at=MS + 5))
    book.apply_delta(delta(asks=[(105, 1)], at=MS + 10))
    book.apply_delta(delta(bids=[(99, 6)], at=MS + 5))
    book.apply_delta(delta(bids=[(100, 7)], at=MS))
    assert rows(book.bids) == [(100, 7), (99, 6)]


def test_a_change_older_than_the_snapshot_is_part_of_it() -> None:
    book = opened()
    assert not book.apply_delta(delta(bids=[(98, 4)], at=MS - 1))
    assert (len(book), book.late) == (4, 1)


def test_a_change_older_than_a_truncated_snapshot_counts_below_it_only() -> None:
    book = opened(bids=[(100, 1), (98, 1)], asks=[(101, 1), (103, 1)])
    book.apply_snapshot(snapshot([(100, 1), (99, 1)], [(101, 1), (102, 1)], at=MS + 10), cut=True)
    assert book.apply_delta(delta(bids=[(99, 0), (98, 7)], asks=[(102, 0), (103, 7)], at=MS + 5))
    assert rows(book.bids) == [(100, 1), (99, 1), (98, 7)]
    assert rows(book.asks) == [(101, 1), (102, 1), (103, 7)]


@pytest.mark.parametrize("cut", [False, True])
def test_a_late_snapshot_gets_the_newer_changes_again(cut: bool) -> None:
    book = opened()
    book.apply_delta(delta(bids=[(99.5, 5)], at=MS + 4))
    book.apply_delta(delta(bids=[(100, 0)], asks=[(100.5, 2)], at=MS + 10))
    book.apply_delta(delta(bids=[(99, 2.5)], at=None))
    assert book.apply_snapshot(snapshot([(100, 1), (99, 8)], [(101, 1)], at=MS + 5), cut=cut)
    assert rows(book.bids) == [(99, 8)]
    assert rows(book.asks)[:2] == [(100.5, 2), (101, 1)]


def test_a_snapshot_older_than_the_last_one_is_left_out() -> None:
    book = opened()
    assert not book.apply_snapshot(snapshot([(1, 1)], [(2, 1)], at=MS - 200), now=11.0)
    assert (len(book), book.late, book.touched_at) == (4, 1, 10.0)


def test_a_truncated_snapshot_older_than_the_last_truncated_one_is_left_out() -> None:
    book = opened()
    book.apply_snapshot(snapshot([(100, 5)], [(101, 5)], at=MS + 400), cut=True)
    assert not book.apply_snapshot(snapshot([(100, 6)], [(101, 6)], at=MS + 200), cut=True)
    assert rows(book.bids)[0] == (100, 5)


def busy(changes: int) -> OrderBook:
    """A book that has seen so many changes in order, the first at ``MS + 10``."""
    book = opened()
    for step in range(changes):
        book.apply_delta(delta(bids=[(100, 1 + step)], at=MS + 10 + step))
    return book


def test_a_snapshot_too_old_to_be_brought_up_to_date_is_left_out() -> None:
    book = busy(128)
    assert not book.apply_snapshot(snapshot([(1, 1)], [(2, 1)], at=MS + 5))
    assert (rows(book.bids), book.ok) == ([(100, 128), (99, 2)], True)


def test_a_change_too_old_to_be_judged_costs_the_trust_in_the_book() -> None:
    book = busy(_GLANCE + 1)
    assert not book.apply_delta(delta(bids=[(100, 50)], at=MS + 10))
    assert (rows(book.bids), book.why) == (
        [(100, _GLANCE + 1), (99, 2)],
        "a message came too late to be judged",
    )


@pytest.mark.parametrize("changes", [_GLANCE - 1, _GLANCE])
def test_the_latest_changes_tell_what_a_late_one_still_means(changes: int) -> None:
    book = busy(changes)
    late = MS + 9 if changes < _GLANCE else MS + 10
    assert book.apply_delta(delta(bids=[(99, 50), (100, 50)], at=late))
    assert (rows(book.bids), book.ok) == ([(100, changes), (99, 50)], True)


def test_a_book_that_has_seen_a_late_message_remembers_more_but_nothing_it_has_forgotten() -> None:
    book = busy(_GLANCE + 5)
    assert book.apply_delta(delta(bids=[(99, 4)], at=MS + 10 + 6))
    for step in range(_MEMORY - _GLANCE - 1):
        book.apply_delta(delta(bids=[(100, 90 + step)], at=MS + 50 + step))
    assert book.apply_delta(delta(asks=[(102, 7)], at=MS + 49))
    assert rows(book.asks) == [(101, 3), (102, 7)]
    assert book.ok
    assert not book.apply_delta(delta(asks=[(102, 8)], at=MS + 10 + 4))
    assert (rows(book.asks), book.ok) == ([(101, 3), (102, 7)], False)


def test_a_late_snapshot_that_cannot_be_brought_up_to_date_clears_no_doubt() -> None:
    book = busy(_GLANCE + 1)
    book.mark_suspect("something else")
    late = snapshot([(90, 1)], [(120, 1)], at=MS + 5)
    assert not book.apply_snapshot(late)
    assert book.why == "something else"
    assert book.apply_snapshot(late)  # again: the clock itself went back
    assert (rows(book.bids), book.ok) == ([(90, 1)], True)


def test_snapshots_that_stay_behind_become_the_new_time() -> None:
    book = opened()
    book.apply_snapshot(snapshot([(1, 1)], [(2, 1)], at=MS - 400))
    assert book.apply_snapshot(snapshot([(3, 1)], [(4, 1)], at=MS - 200))
    assert (rows(book.bids), book.timestamp, book.ok) == ([(3, 1)], MS - 200, True)


def test_changes_that_stay_behind_make_the_book_suspect_and_are_followed_again() -> None:
    book = opened()
    book.apply_delta(delta(bids=[(100, 5)], at=MS + 60_000))
    for step in range(31):
        book.apply_delta(delta(bids=[(100, 6)], at=MS + 100 + step))
    assert (book.ok, rows(book.bids)[0]) == (True, (100, 5))
    assert book.apply_delta(delta(bids=[(100, 7)], at=MS + 200))
    assert (book.why, rows(book.bids)[0], book.timestamp) == ("time ran backwards", (100, 7), MS + 200)
    assert book.apply_delta(delta(bids=[(100, 8)], at=MS + 201))
    assert (book.late, rows(book.bids)[0]) == (32, (100, 8))


def test_a_change_in_time_ends_a_row_of_late_ones() -> None:
    book = opened()
    for step in range(100):
        book.apply_delta(delta(bids=[(100, 5)], at=MS + 10 + step))
        book.apply_delta(delta(bids=[(100, 6)], at=MS + 9 + step))
    assert (book.ok, book.late, rows(book.bids)[0]) == (True, 100, (100, 5))


def test_a_change_of_the_unit_of_time_is_not_a_jump() -> None:
    book = opened()
    assert book.apply_delta(delta(bids=[(100, 5)], at=(MS + 5) * 1_000_000))
    assert book.apply_delta(delta(bids=[(100, 6)], at=MS + 6))
    assert not book.apply_delta(delta(bids=[(100, 7)], at=(MS + 5) * 1_000_000))
    assert (rows(book.bids)[0], book.late) == ((100, 6), 1)


def test_books_without_times_are_followed_in_the_order_of_arrival() -> None:
    book = opened()
    book.apply_snapshot(snapshot([(1, 1)], [(9, 1)], at=None))
    book.apply_delta(delta(bids=[(2, 1)], at=None))
    book.apply_delta(delta(bids=[(3, 1)], at=5))
    assert (rows(book.bids), book.timestamp) == ([(3, 1), (2, 1), (1, 1)], 5)


# Reads ---------------------------------------------------------------------------------------------------

EMPTY_READS: list[Callable[[OrderBook], object]] = [
    OrderBook.best_bid, OrderBook.best_ask, OrderBook.get_best_bid, OrderBook.get_best_ask,
    OrderBook.spread, OrderBook.get_spread, OrderBook.mid, OrderBook.get_mid_price,
    OrderBook.microprice, OrderBook.imbalance, lambda book: book.sweep(Side.BUY, 1.0),
    lambda book: book.get_level_at_price(100, Side.BUY),
]  # fmt: skip


@pytest.mark.parametrize("read", EMPTY_READS)
def test_an_empty_book_answers_none(read: Callable[[OrderBook], object]) -> None:
    assert read(OrderBook(BTC)) is None


@pytest.mark.parametrize("read", [OrderBook.spread, OrderBook.mid, OrderBook.microprice, OrderBook.imbalance])
@pytest.mark.parametrize("sides", [([(100.0, 1.0)], []), ([], [(100.0, 1.0)])])
def test_a_book_with_one_side_answers_none(
    read: Callable[[OrderBook], object], sides: tuple[Rows, Rows]
) -> None:
    assert read(opened(*sides)) is None


def test_the_released_and_the_short_names_say_the_same() -> None:
    book = opened()
    assert book.get_best_bid() == book.best_bid() == OrderBookLevel(100, 1)
    assert book.get_best_ask() == book.best_ask() == OrderBookLevel(101, 3)
    assert book.get_spread() == book.spread() == 1
    assert book.get_mid_price() == book.mid() == 100.5
    assert book.get_bids() == book.bids == book.levels("bid")
    assert book.get_asks() == book.asks == book.levels("ask")
    assert book.get_bids(1) == book.levels(Side.BUY, 1) == (OrderBookLevel(100, 1),)
    assert book.get_asks(1) == book.levels(Side.SELL, 1) == (OrderBookLevel(101, 3),)


def test_the_documented_example_prints_size_at_price() -> None:
    assert f"{opened().best_bid()}" == "1 @ 100"


@pytest.mark.parametrize(("n", "found"), [(0, 0), (1, 1), (2, 2), (50, 2), (None, 2)])
def test_no_more_levels_come_than_asked_for(n: int | None, found: int) -> None:
    assert len(opened().levels("bid", n)) == len(opened().get_asks(n)) == found


@pytest.mark.parametrize(
    ("side", "price", "total"),
    [
        ("bid", 99, 3),
        ("BID", 99.5, 1),
        ("bid", 100.5, 0),
        ("ask", 102, 7),
        (Side.SELL, 101, 3),
        (Side.BUY, 0, 3),
    ],
)
def test_depth_counts_sizes_from_the_touch_to_the_price(side: Side | str, price: float, total: float) -> None:
    assert opened().get_depth(side, price) == total


def test_a_level_is_found_by_its_price() -> None:
    book = opened()
    assert book.get_level_at_price(99, Side.BUY) == OrderBookLevel(99, 2)
    assert book.get_level_at_price(99, "ask") is None


def test_the_microprice_leans_to_the_thin_side() -> None:
    assert opened(bids=[(100, 1)], asks=[(101, 3)]).microprice() == 100.25


def test_imbalance_compares_the_sizes_of_the_best_levels() -> None:
    book = opened(bids=[(100, 1), (99, 9)], asks=[(101, 3), (102, 7)])
    assert book.imbalance() == -0.5
    assert book.imbalance(2) == 0
    assert book.imbalance(0) is None


def test_a_sweep_pays_the_average_of_the_levels_it_takes() -> None:
    book = opened(bids=[(100, 1), (90, 3)], asks=[(101, 3), (105, 1)])
    assert book.sweep(Side.SELL, 2) == Sweep(size=2, vwap=95, worst=90)
    assert book.sweep(Side.BUY, 3) == Sweep(size=3, vwap=101, worst=101)


def test_a_sweep_of_a_thin_book_says_how_much_there_is() -> None:
    assert opened().sweep(Side.BUY, 1e9) == Sweep(size=7, vwap=(3 * 101 + 4 * 102) / 7, worst=102)


@pytest.mark.parametrize("size", [0, -1, nan, inf])
def test_a_sweep_needs_a_size(size: float) -> None:
    with pytest.raises(UsageError):
        opened().sweep(Side.BUY, size)


def test_misuse_of_a_read_raises_at_once() -> None:
    book = opened()
    with pytest.raises(UsageError, match=r"Side\.BUY"):
        book.get_depth("bids!", 1)
    with pytest.raises(UsageError, match="negative"):
        book.get_bids(-1)


def test_a_copy_stays_as_it_was() -> None:
    book = opened()
    before = book.quotes()
    book.apply_delta(delta(bids=[(100, 0), (98, 1)], asks=[(101, 9)]))
    assert rows(before.bids) == [(100, 1), (99, 2)]
    assert rows(before.asks) == [(101, 3), (102, 4)]


def test_an_empty_book_is_still_a_book() -> None:
    assert bool(OrderBook(BTC))
    assert len(OrderBook(BTC)) == 0


def test_text_shows_a_ladder_with_the_sells_first_and_any_doubt() -> None:
    book = opened()
    assert str(book).splitlines() == [
        "BTC-USD",
        "  sell 4 @ 102",
        "  sell 3 @ 101",
        "  --  spread 1",
        "  buy  1 @ 100",
        "  buy  2 @ 99",
    ]
    assert repr(book) == "<OrderBook BTC-USD: 2 bids, 2 asks>"  # D30
    book.forget(Doubt.UNSUBSCRIBED)
    assert str(book).splitlines() == ["BTC-USD", "  --", "  not to be trusted: unsubscribed"]


# The model -----------------------------------------------------------------------------------------------

PRICES = st.integers(1, 12).map(lambda tenths: tenths / 10)
SIZES = st.sampled_from([0.0, 0.0, 1.0, 2.5])
SIDE = st.lists(st.tuples(PRICES, SIZES), max_size=5, unique_by=lambda row: row[0])
MESSAGES = st.lists(st.tuples(st.sampled_from(["whole", "part", "delta", "delta", "forget"]), SIDE, SIDE))


class Model:
    """The same book, by brute force."""

    def __init__(self) -> None:
        self.sides: tuple[dict[float, float], dict[float, float]] = ({}, {})
        self.reach = [-inf, -inf]
        self.live = False
        self.whole = False

    def crossed(self) -> bool:
        bids, asks = self.sides
        return bool(bids and asks) and max(bids) >= min(asks)

    def ok(self) -> bool:
        out_of_sight = any(
            not side and edge > -inf for side, edge in zip(self.sides, self.reach, strict=True)
        )
        return self.live and not self.crossed() and not out_of_sight

    def apply(self, kind: str, changes: tuple[Rows, Rows]) -> None:
        keeps_deeper = kind == "part" and self.whole
        for at, (side, rows_of_side, sign) in enumerate(zip(self.sides, changes, (1, -1), strict=True)):
            if kind == "delta":
                side.update({p: s for p, s in rows_of_side if self.live and p * sign >= self.reach[at]})
            else:
                edge = min((price * sign for price, _ in rows_of_side), default=-inf)
                kept = {p: s for p, s in side.items() if keeps_deeper and p * sign < edge}
                side.clear()
                side.update(kept)
                if kind != "forget":
                    side.update(rows_of_side)
                shown = [price * sign for price, size in side.items() if size]
                is_cut = kind == "part" and not keeps_deeper and shown
                self.reach[at] = min(shown) if is_cut else -inf
            for price in [price for price, size in side.items() if size == 0]:
                del side[price]
        self.live = kind in ("whole", "part") or (self.live and kind == "delta")
        self.whole = kind == "whole" or (self.whole and kind != "forget")


@given(messages=MESSAGES)
def test_any_sequence_of_messages_gives_the_book_of_the_model(
    messages: list[tuple[str, Rows, Rows]],
) -> None:
    book, model = OrderBook(BTC), Model()
    for at, (kind, bids, asks) in enumerate(messages):
        if kind == "forget":
            book.forget(Doubt.DISCONNECTED)
        elif kind == "delta":
            assert book.apply_delta(delta(bids, asks, MS + at), now=at) == model.live
        else:
            book.apply_snapshot(snapshot(bids, asks, MS + at), cut=kind == "part", now=at)
        model.apply(kind, (bids, asks))
        assert rows(book.bids) == sorted(model.sides[0].items(), reverse=True)
        assert rows(book.asks) == sorted(model.sides[1].items())
        assert (book.live, book.crossed, book.late) == (model.live, model.crossed(), 0)
        assert book.ok == model.ok()


@given(data=st.data(), count=st.integers(1, 12))
def test_any_order_of_arrival_of_the_same_changes_gives_the_same_book_or_a_doubt(
    data: st.DataObject, count: int
) -> None:
    changes = [delta(data.draw(SIDE), data.draw(SIDE), MS + 1 + at) for at in range(count)]
    in_order, shuffled = opened(), opened()
    for change in changes:
        in_order.apply_delta(change)
    for change in data.draw(st.permutations(changes)):
        shuffled.apply_delta(change)
    assert (shuffled.bids, shuffled.asks) == (in_order.bids, in_order.asks) or shuffled.why == Doubt.TOO_LATE
    assert shuffled.why != Doubt.TOO_LATE or count > _GLANCE


@given(bids=SIDE, asks=SIDE, size=st.floats(0.01, 20))
def test_a_sweep_never_pays_outside_the_levels_it_took(bids: Rows, asks: Rows, size: float) -> None:
    book = opened(bids, asks)
    swept = book.sweep(Side.BUY, size)
    best = book.best_ask()
    if swept is None or best is None:
        assert not book.asks
        return
    assert isclose(swept.size, min(size, sum(level.size for level in book.asks)))
    assert best.price <= swept.vwap * (1 + 1e-12)
    assert swept.vwap <= swept.worst * (1 + 1e-12)
