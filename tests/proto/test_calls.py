"""Calls end exactly once, and none is left without an end."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.calls import Call, Deadlines


def test_the_first_outcome_of_a_call_stays() -> None:
    call: Call[int] = Call(deadline=1.0)
    call.resolve(7)
    call.fail(ValueError("too late"))
    call.resolve(8)
    assert call.result() == 7


def test_a_failed_call_raises_what_it_failed_with() -> None:
    call: Call[int] = Call(deadline=1.0)
    call.fail(ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        call.result()


def test_asking_an_open_call_for_its_result_is_refused() -> None:
    with pytest.raises(RuntimeError, match="not known yet"):
        Call[int](deadline=1.0).result()


@pytest.mark.parametrize("late", [True, False])
def test_a_waker_is_called_once_whether_it_comes_before_or_after_the_outcome(late: bool) -> None:
    call: Call[int] = Call(deadline=1.0)
    wakes: list[int] = []
    if late:
        call.resolve(1)
    call.wake_with(lambda: wakes.append(1))
    call.resolve(2)
    call.fail(ValueError())
    assert wakes == [1]


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=200), st.floats(0, 100))
def test_deadlines_expire_exactly_the_open_calls_that_are_due(
    calls: list[tuple[float, bool]], now: float
) -> None:
    deadlines = Deadlines()
    expired: list[int] = []
    opened: list[Call[int]] = []
    for number, (due, answered) in enumerate(calls):
        call: Call[int] = Call(due)

        def expire(number: int = number, call: Call[int] = call) -> None:
            expired.append(number)
            call.fail(TimeoutError())

        deadlines.add(call, expire)
        opened.append(call)
        if answered:
            call.resolve(0)
    deadlines.expire(now)
    assert sorted(expired) == [n for n, (due, answered) in enumerate(calls) if not answered and due <= now]
    left = [call.deadline for call in opened if not call.done]
    assert deadlines.next() == min(left, default=inf)
    deadlines.expire(inf)
    assert len(expired) == sum(not answered for _, answered in calls)
