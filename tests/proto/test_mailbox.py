"""What a handler that falls behind still gets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.errors import UsageError
from bulk_proto.events import Connected, Event, Missed, Ticker, Trades
from bulk_proto.mailbox import Mailbox


def ticker(symbol: str, price: float) -> Ticker:
    return Ticker(symbol, last_price=price)


def trades(symbol: str) -> Trades:
    return Trades(symbol, [])


def drained(mailbox: Mailbox) -> list[Event]:
    def rest() -> Iterator[Event]:
        while (event := mailbox.take()) is not None:
            yield event

    return list(rest())


def filled(limit: int, *events: Event) -> Mailbox:
    mailbox = Mailbox(limit)
    for event in events:
        mailbox.put(event)
    return mailbox


def test_up_to_the_limit_nothing_is_lost_and_nothing_is_merged() -> None:
    events: list[Event] = [ticker("A", 1), trades("A"), ticker("A", 2)]
    mailbox = filled(3, *events)
    assert len(mailbox) == 3
    assert drained(mailbox) == events
    assert (len(mailbox), mailbox.take()) == (0, None)


def test_beyond_the_limit_the_number_missed_stands_where_the_gap_is() -> None:
    mailbox = filled(2, trades("A"), trades("B"), trades("C"), trades("D"))
    assert len(mailbox) == 3
    assert drained(mailbox) == [trades("A"), trades("B"), Missed(2)]
    mailbox.put(trades("E"))
    assert drained(mailbox) == [trades("E")]


def test_of_states_the_newest_survives_and_the_older_ones_are_not_missed() -> None:
    mailbox = filled(2, trades("A"), trades("B"), ticker("X", 1), ticker("Y", 1), ticker("X", 2))
    assert drained(mailbox)[2:] == [ticker("Y", 1), ticker("X", 2)]


def test_states_of_different_kinds_do_not_replace_each_other() -> None:
    class Other(Ticker, frozen=True, gc=False):
        pass

    mailbox = filled(2, trades("A"), trades("B"), ticker("X", 1), Other("X"))
    assert drained(mailbox)[2:] == [ticker("X", 1), Other("X")]


def test_more_states_than_the_limit_are_counted() -> None:
    mailbox = filled(1, trades("A"), ticker("X", 1), ticker("Y", 1), ticker("X", 2), ticker("Z", 1))
    assert drained(mailbox) == [trades("A"), Missed(2), ticker("X", 2)]


def test_nothing_overtakes_what_waits_in_brief() -> None:
    mailbox = filled(2, trades("A"), trades("B"), ticker("X", 1))
    assert mailbox.take() == trades("A")
    mailbox.put(Connected(1, False))  # there is room, but a state came before it
    assert drained(mailbox) == [trades("B"), Missed(1), ticker("X", 1)]


def test_after_the_gap_everything_is_kept_again() -> None:
    mailbox = filled(3, *[trades(symbol) for symbol in "ABC"], ticker("X", 1), trades("D"))
    taken = [mailbox.take() for _ in range(4)]
    assert taken[-1] == Missed(1)
    mailbox.put(trades("E"))
    assert drained(mailbox) == [ticker("X", 1), trades("E")]


@pytest.mark.parametrize("limit", [0, -1])
def test_a_mailbox_without_room_is_a_mistake_of_the_caller(limit: int) -> None:
    with pytest.raises(UsageError):
        Mailbox(limit)


# The model -----------------------------------------------------------------------------------------------


class Model:
    """The same promise over plain lists."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.whole: list[Event] = []
        self.brief: list[Event] = []
        self.missed = 0

    def put(self, event: Event) -> None:
        older = [kept for kept in self.brief if event.key is not None and kept.key == event.key]
        if len(self.whole) < self.limit and not self.brief and not self.missed:
            self.whole.append(event)
        elif older:
            self.brief.remove(older[0])
            self.brief.append(event)
        elif event.key is not None and len(self.brief) < self.limit:
            self.brief.append(event)
        else:
            self.missed += 1

    def take(self) -> Event | None:
        if not self.whole:
            self.whole = ([Missed(self.missed)] if self.missed else []) + self.brief
            self.brief, self.missed = [], 0
        return self.whole.pop(0) if self.whole else None


STEPS = st.lists(st.sampled_from(["take", "take", "event", "A", "B", "C"]), max_size=60)


@given(limit=st.integers(1, 4), steps=STEPS)
def test_any_use_gives_what_the_model_gives(limit: int, steps: list[str]) -> None:
    """A letter puts a state of that symbol, ``event`` one without a key."""
    mailbox, model = Mailbox(limit), Model(limit)
    for at, step in enumerate(steps):
        if step == "take":
            assert mailbox.take() == model.take()
        else:
            event = Connected(at, False) if step == "event" else ticker(step, at)
            mailbox.put(event)
            model.put(event)
        assert len(mailbox) == len(model.whole) + len(model.brief) + bool(model.missed)
        assert len(mailbox) <= 2 * limit + 1


@given(limit=st.integers(1, 4), steps=STEPS)
def test_whatever_does_not_arrive_was_counted_or_replaced_by_something_newer(
    limit: int, steps: list[str]
) -> None:
    mailbox, put, taken = Mailbox(limit), list[Event](), list[Event]()
    for at, step in enumerate(steps):
        if step == "take":
            taken += filter(None, [mailbox.take()])
        else:
            put.append(Connected(at, False) if step == "event" else ticker(step, at))
            mailbox.put(put[-1])
    taken += drained(mailbox)
    missed = sum(event.count for event in taken if isinstance(event, Missed))
    arrived = [put.index(event) for event in taken if not isinstance(event, Missed)]
    assert arrived == sorted(set(arrived))
    for at in set(range(len(put))) - set(arrived):
        key = put[at].key
        if key is None or all(put[later].key != key for later in arrived if later > at):
            missed -= 1
    assert missed >= 0
