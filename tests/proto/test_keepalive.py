"""Silence is asked about once per interval and ends a link once; every sign of life starts both anew."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.keepalive import Keepalive
from bulk_proto.timers import Timer, TimerTable


def started(now: float) -> tuple[Keepalive, TimerTable]:
    timers = TimerTable()
    keepalive = Keepalive(timers, 20.0, 60.0)
    keepalive.start(now)
    return keepalive, timers


def test_opening_a_link_counts_as_hearing_from_it() -> None:
    keepalive, timers = started(1000.0)
    assert timers.earliest == 1020.0
    assert not keepalive.silence_timer_fired(1059.0)
    assert keepalive.silence_timer_fired(1060.0)


def test_what_was_heard_meanwhile_puts_the_question_off() -> None:
    keepalive, timers = started(0.0)
    keepalive.heard_at = 15.0
    timers.clear()
    assert not keepalive.ping_timer_fired(20.0)
    assert timers.earliest == 35.0
    assert keepalive.ping_timer_fired(35.0)
    assert timers.earliest == 55.0


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 100.0)), max_size=30))
def test_after_each_look_the_next_one_lies_ahead(steps: list[tuple[bool, float]]) -> None:
    keepalive, timers = started(0.0)
    now = 0.0
    for heard, seconds in steps:
        now += seconds
        if heard:
            keepalive.heard_at = now
        while (timer := timers.pop_expired(now)) is not None:
            if timer is Timer.PING:
                assert keepalive.ping_timer_fired(now) is (keepalive.heard_at + 20.0 <= now)
            elif keepalive.silence_timer_fired(now):
                return
        assert timers.earliest > now
