"""Order books whose messages overtook each other: a book that is ok holds what all it took in says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.book import _MEMORY, Doubt, OrderBook
from bulk_proto.events import L2Delta, L2Snapshot, OrderBookLevel

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


def opened() -> OrderBook:
    book = OrderBook(BTC)
    book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 1.0), at=0), covers_all=True)
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
    book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 2.0), at=20), covers_all=True)
    book.apply_delta(change(99.0, 7.0, at=15))  # part of that snapshot
    book.mark_suspect(Doubt.UNREADABLE)
    book.apply_snapshot(whole(dict.fromkeys(BIDS + ASKS, 1.0), at=10), covers_all=True)
    assert not book.ok


@st.composite
def arrivals(draw: st.DrawFn) -> list[tuple[int, int]]:
    """(how late, which price or -1 for a snapshot) of messages that were sent one after the other."""
    lateness = st.one_of(st.just(0), st.integers(0, 100))
    return draw(st.lists(st.tuples(lateness, st.integers(-1, 7)), max_size=120))


@given(arrivals(), st.sets(st.integers(0, 119)))
def test_a_book_that_is_ok_says_what_is_newest_of_all_it_took_in(
    sent: list[tuple[int, int]], suspected: set[int]
) -> None:
    truth = dict.fromkeys(BIDS + ASKS, 1.0)
    history: list[tuple[int, float, float]] = [(0, price, 1.0) for price in truth]
    messages: list[tuple[int, L2Delta | L2Snapshot, int]] = []
    for at, (late, row) in enumerate(sent, 1):
        if row < 0:
            messages.append((at + late, whole(truth, at), at))
        else:
            price = (BIDS + ASKS)[row]
            truth[price] = float(at % 3 and at)
            history.append((at, price, truth[price]))
            messages.append((at + late, change(price, truth[price], at), at))
    book, known, covered = opened(), {0}, 0
    for count, (_, message, at) in enumerate(sorted(messages, key=lambda entry: entry[0])):
        if isinstance(message, L2Delta):
            book.apply_delta(message)
            known.add(at)
        elif book.apply_snapshot(message, covers_all=True):
            covered = max(covered, at)
        if book.timestamp is not None and book.timestamp < MS + max(covered, *known):
            return  # so many were late that the clock itself must have gone back
        if count in suspected:
            book.mark_suspect(Doubt.SILENT)
        if book.ok:
            newest = {price: size for moment, price, size in history if moment in known or moment <= covered}
            assert sizes_in(book) == {price: size for price, size in newest.items() if size}
