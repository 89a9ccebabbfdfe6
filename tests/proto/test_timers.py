"""Deadlines of the core: earliest first, one at a time; and the waits between attempts to connect."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.backoff import delay
from bulk_proto.timers import Timer, TimerTable


def test_timers_come_up_earliest_first_and_one_at_a_time() -> None:
    table = TimerTable()
    table.set(Timer.PING, 3.0)
    table.set(Timer.SILENCE, 1.0)
    table.set(Timer.BACKOFF, 9.0)
    assert table.earliest == 1.0
    assert table.pop_expired(5.0) is Timer.SILENCE
    table.stop(Timer.PING)
    assert table.pop_expired(5.0) is None
    assert Timer.BACKOFF in table
    table.clear()
    assert table.earliest == inf


def test_setting_a_timer_again_moves_it() -> None:
    table = TimerTable()
    table.set(Timer.PING, 1.0)
    table.set(Timer.PING, 4.0)
    assert table.pop_expired(2.0) is None
    assert table.pop_expired(4.0) is Timer.PING


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_a_wait_is_at_least_half_a_step_and_never_over_the_cap(attempt: int, chance: float) -> None:
    wait = delay(attempt, chance, base=1.0, cap=30.0)
    step = min(30.0, 2.0 ** min(attempt, 30))
    assert step / 2 <= wait <= step


def test_the_documented_schedule_starts_at_one_second_and_ends_at_thirty() -> None:
    assert [delay(n, 1.0, base=1.0, cap=30.0) for n in range(7)] == [1, 2, 4, 8, 16, 30, 30]
