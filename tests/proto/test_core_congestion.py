"""An exchange that goes on talking but reads no more: no order may wait here and be sent too late."""

from __future__ import annotations

import pytest

from bulk_proto.actions import CancelAll, CancelOrder, LimitOrder
from bulk_proto.core import State
from bulk_proto.enums import Side
from bulk_proto.errors import Congested, ConnectionDropped, NotSent, OutcomeUnknown
from bulk_proto.events import Disconnected, DisconnectReason

from .peer import connect, opened, ticker_message

BID = LimitOrder("BTC-USD", Side.BUY, 64000.0, 0.05)
PING = b"\x89\x00"
OLD = "E6b9XTojqT8CASM4t5mQyZPHwATwYKrGFGKFbKP3bBqS"


def test_no_order_is_put_behind_bytes_that_have_waited_for_room() -> None:
    core, peer = opened()
    unknown = core.place_orders([BID], 1.0, timeout=0.1)
    for now in (1.0, 1.5, 2.0):
        core.place_orders([BID], now)
    core.handle_deadline(1.2)
    with pytest.raises(Congested, match="nothing was sent") as refused:
        core.place_orders([BID], 2.1)
    assert isinstance(refused.value, NotSent)
    with pytest.raises(OutcomeUnknown) as error:
        unknown.result()
    with pytest.raises(Congested):
        core.resend(error.value, 2.1)
    core.place_orders([CancelAll(), CancelOrder("BTC-USD", OLD)], 2.2)
    assert len(peer.hear()) == 5
    core.place_orders([BID], 2.3)
    core.place_orders([BID], 3.2)


def test_an_order_is_refused_behind_one_that_nobody_looked_at_for_long() -> None:
    core, peer = opened()
    core.place_orders([BID], 1.0)
    core.place_orders([BID], 2.0)
    with pytest.raises(Congested):
        core.place_orders([BID], 2.1)
    peer.hear()
    peer.say("no text alone" * 10, {"type": "pong"}, now=3.0)
    core.receive_data(PING, 3.0)
    with pytest.raises(Congested):  # behind a pong
        core.place_orders([BID], 4.1)


def test_a_repeated_cancel_is_taken_where_a_cancel_is() -> None:
    core, _ = opened()
    cancelled = core.place_orders([CancelAll()], 1.0, timeout=0.1)
    placed = core.place_orders([BID], 1.0, timeout=0.1)
    core.handle_deadline(1.2)
    errors = []
    for call in (cancelled, placed):
        with pytest.raises(OutcomeUnknown) as error:
            call.result()
        errors.append(error.value)
    core.resend(errors[0], 3.0)
    with pytest.raises(Congested):
        core.resend(errors[1], 3.0)


def test_bytes_that_are_fetched_each_time_have_never_waited() -> None:
    core, peer = opened()
    for second in range(100):
        core.place_orders([BID], float(second))
        peer.say(ticker_message(), now=float(second))
        peer.hear()
        core.handle_deadline(second + 0.5)
    assert core.state is State.OPEN


def test_a_line_that_takes_nothing_is_given_up_with_what_waits_for_it() -> None:
    core, peer = opened()
    calls = [core.place_orders([BID], now, timeout=1000.0) for now in (1.0, 1.1)]
    now = 1.0
    while core.state is State.OPEN:
        assert now < 40.0
        now += 1.0
        events = peer.say(ticker_message(), now=now)
        core.handle_deadline(now)
        events += core.events()
    assert now > 1.1 + core.config.request_timeout
    (gone,) = (event for event in events if isinstance(event, Disconnected))
    assert (gone.reason, gone.retry_at is None) == (DisconnectReason.CONGESTED, False)
    for call in calls:
        with pytest.raises(ConnectionDropped, match="nothing taken for too long"):
            call.result()
    assert core.data_to_send() == b""
    core.handle_deadline(gone.retry_at or 0.0)
    connect(core, now + 5.0)
    core.place_orders([BID], now + 5.0)


def test_an_answer_to_a_ping_that_nobody_takes_gives_a_line_up_as_well() -> None:
    core, peer = opened()
    core.receive_data(PING, 1.0)
    for second in range(2, 45):
        peer.say(ticker_message(), now=float(second))
        core.handle_deadline(float(second))
    assert core.state is not State.OPEN
