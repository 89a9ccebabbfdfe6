"""Books alone: snapshots and deltas from their JSON text into the book, and what is read off it.

Against the released client's parser and book. Both start from the text of one message, so that each may
choose how it reads numbers; frames and events are no part of it.
"""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

from . import feed
from .contest import Case, Entry, Goal
from .stage import Exercise, Outcome, Round

RELEASED = "released client"
_SYMBOL = ("BTC-USD",)


def cases(share: float) -> list[Case]:
    """``share`` of the full number of messages and reads."""
    found = [
        _case(
            f"snapshot of {levels} levels a side",
            "snapshots",
            Goal(RELEASED, 7.5, 10),
            levels,
            200_000 // levels,
            share,
        )
        for levels in (20, 200, 2_000)
    ]
    for levels, must, aim in ((100, 3.5, 4), (1_000, 3.5, 4), (10_000, 2.3, 3)):
        found.append(
            _case(
                f"delta at {levels} levels a side", "deltas", Goal(RELEASED, must, aim), levels, 20_000, share
            )
        )
    found.append(_deep_over_shallow(int(20_000 * share)))
    found += [
        _case(
            f"top 10 of both sides at {levels} levels",
            "top_tens",
            Goal(RELEASED, must),
            levels,
            40_000,  # enough to be in its stride: ours costs the same at any depth, theirs does not
            share,
            theirs=2_000_000 // levels,
        )
        for levels, must in ((100, 6), (1_000, 50), (10_000, 500))
    ]
    found += [
        _case(f"touch of both sides at {levels} levels", "touches", Goal(RELEASED, 4), levels, 40_000, share)
        for levels in (100, 10_000)
    ]
    return found


def _case(
    name: str, exercise: str, goal: Goal, levels: int, times: int, share: float, *, theirs: int | None = None
) -> Case:
    """``theirs``: how many times the released client does it, if not as often."""

    def settings(times: int) -> dict[str, int]:
        return {"levels": levels, "times": max(50, int(times * share))}

    return Case(
        name,
        [
            Entry("ours", f"benchmarks.book:our_{exercise}", settings(times)),
            Entry(RELEASED, f"benchmarks.book:released_{exercise}", settings(theirs or times), peer=True),
        ],
        [goal],
    )


def _deep_over_shallow(times: int) -> Case:
    return Case(
        "delta at 10000 levels over one at 100",
        [
            Entry("ours", "benchmarks.book:our_deltas", {"levels": 10_000, "times": times}),
            Entry("ours at 100 levels", "benchmarks.book:our_deltas", {"levels": 100, "times": times}),
        ],
        [Goal("ours at 100 levels", 1.5, 1.2, at_most=True)],
        compares_told=False,
    )


def _texts(levels: int, deltas: int) -> list[bytes]:
    wanted = feed.recipe("deltas", symbols=_SYMBOL, levels=levels, messages=1 + deltas)
    return feed.payloads(wanted)


# Ours ----------------------------------------------------------------------------------------------------


def _our_book(snapshot: bytes) -> Any:
    from bulk_proto import OrderBook, wire

    book = OrderBook(_SYMBOL[0])
    event: Any = wire.decode(snapshot)
    book.apply_snapshot(event)
    return book


def our_snapshots(levels: int, times: int) -> Exercise:
    from bulk_proto import wire

    (text,) = _texts(levels, 0)

    def run() -> Outcome:
        book = _our_book(text)
        decode, apply = wire.decode, book.apply_snapshot
        for _ in range(times):
            event: Any = decode(text)
            apply(event)
        return Outcome(times, [book.best_bid().price, book.best_ask().price, len(book)])

    return lambda: run


def our_deltas(levels: int, times: int) -> Exercise:
    from bulk_proto import wire

    snapshot, *deltas = _texts(levels, times)

    def ready() -> Round:
        book = _our_book(snapshot)

        def run() -> Outcome:
            decode, apply = wire.decode, book.apply_delta
            for text in deltas:
                event: Any = decode(text)
                apply(event)
            return Outcome(times, [book.best_bid().price, book.best_ask().price, len(book)])

        return run

    return ready


def our_top_tens(levels: int, times: int) -> Exercise:
    book = _our_book(_texts(levels, 0)[0])

    def run() -> Outcome:
        for _ in range(times):
            bids, asks = book.get_bids(10), book.get_asks(10)
        return Outcome(times, [bids[-1].price, asks[-1].price])

    return lambda: run


def our_touches(levels: int, times: int) -> Exercise:
    book = _our_book(_texts(levels, 0)[0])

    def run() -> Outcome:
        for _ in range(times):
            bid, ask = book.best_bid(), book.best_ask()
        return Outcome(times, [bid.price, ask.price])

    return lambda: run


# The released client's -----------------------------------------------------------------------------------


def _released() -> Any:
    return import_module("bulk_api.data"), import_module("bulk_api.messages")


def _released_book(snapshot: bytes) -> Any:
    data, messages = _released()
    book = data.OrderBook(_SYMBOL[0])
    book.from_snapshot(messages.L2Snapshot.from_api(json.loads(snapshot)["data"]))
    return book


def _released_told(book: Any) -> list[Any]:
    size = len(book.get_bids()) + len(book.get_asks())
    return [book.get_best_bid().price, book.get_best_ask().price, size]


def released_snapshots(levels: int, times: int) -> Exercise:
    parse = _released()[1].L2Snapshot.from_api
    (text,) = _texts(levels, 0)

    def run() -> Outcome:
        book = _released_book(text)
        for _ in range(times):
            book.from_snapshot(parse(json.loads(text)["data"]))
        return Outcome(times, _released_told(book))

    return lambda: run


def released_deltas(levels: int, times: int) -> Exercise:
    parse = _released()[1].L2Delta.from_api
    snapshot, *deltas = _texts(levels, times)

    def ready() -> Round:
        book = _released_book(snapshot)

        def run() -> Outcome:
            for text in deltas:
                book.apply_delta(parse(json.loads(text)["data"]))
            return Outcome(times, _released_told(book))

        return run

    return ready


def released_top_tens(levels: int, times: int) -> Exercise:
    book = _released_book(_texts(levels, 0)[0])

    def run() -> Outcome:
        for _ in range(times):
            bids, asks = book.get_bids(10), book.get_asks(10)
        return Outcome(times, [bids[-1].price, asks[-1].price])

    return lambda: run


def released_touches(levels: int, times: int) -> Exercise:
    book = _released_book(_texts(levels, 0)[0])

    def run() -> Outcome:
        for _ in range(times):
            bid, ask = book.get_best_bid(), book.get_best_ask()
        return Outcome(times, [bid.price, ask.price])

    return lambda: run
