"""What is logged without being asked for, and that nothing else is."""

from __future__ import annotations

import pytest

from bulk_proto.enums import OrderStatus
from bulk_proto.events import (
    BookStale,
    Connected,
    Disconnected,
    DisconnectReason,
    ErrorReported,
    Event,
    LeverageUpdate,
    MessageRefused,
    Missed,
    OrderContradicted,
    TickerStale,
    Unasked,
    UnknownMessage,
)
from bulk_proto.journal import Journal


class Written:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def debug(self, msg: str, *args: object) -> None:
        self.lines.append(f"debug: {msg % args}")

    def info(self, msg: str, *args: object) -> None:
        self.lines.append(f"info: {msg % args}")

    def warning(self, msg: str, *args: object) -> None:
        self.lines.append(f"warning: {msg % args}")


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Connected(1, resumed=False), "info: connected"),
        (Connected(3, resumed=True), "info: reconnected"),
        (
            ErrorReported("no " * 1000, None, {}),
            "warning: the exchange reported an error: " + ("no " * 167)[:500],
        ),
        (BookStale("BTC-USD", "crossed"), "warning: the book of BTC-USD is not to be trusted: crossed"),
        (TickerStale("BTC-USD"), "warning: no ticker of BTC-USD for too long: asked for again"),
        (MessageRefused("not UTF-8", b"secret"), "warning: a message could not be read: not UTF-8"),
        (UnknownMessage("news", b"secret"), "debug: unknown message of kind news"),
        (
            Unasked(LeverageUpdate(account="secret", settings=[])),
            "debug: an event of an account that is not subscribed: leverage_update",
        ),
        (
            OrderContradicted("account", "order", OrderStatus.FILLED, OrderStatus.WORKING),
            "warning: an order cannot be working after it was filled",
        ),
    ],
)
def test_an_event_that_nobody_may_overlook_is_one_line(event: Event, line: str) -> None:
    written = Written()
    assert event.topic in Journal.TOPICS
    Journal(written).put(event)
    assert written.lines == [line]


def test_a_lost_connection_and_every_vain_attempt_after_it_are_told_apart() -> None:
    written = Written()
    journal = Journal(written)
    for event in (
        Connected(1, resumed=False),
        Disconnected(DisconnectReason.LOST, 2.0, detail="reset"),
        Disconnected(DisconnectReason.SILENT, 2.0),
        Connected(3, resumed=True),
        Disconnected(DisconnectReason.SILENT, 2.0),
    ):
        journal.put(event)
    assert written.lines[1:] == [
        "warning: connection lost (reset), trying again",
        "warning: could not reconnect (nothing heard for too long), trying again",
        "info: reconnected",
        "warning: connection lost (nothing heard for too long), trying again",
    ]


def test_the_codes_of_an_end_are_told() -> None:
    written = Written()
    journal = Journal(written)
    journal.put(Connected(1, resumed=False))
    journal.put(Disconnected(DisconnectReason.CLOSED_BY_PEER, 2.0, code=1011))
    journal.put(Disconnected(DisconnectReason.HANDSHAKE_REFUSED, 2.0, status=503))
    assert written.lines[1:] == [
        "warning: connection lost (closed by the exchange, close code 1011), trying again",
        "warning: could not reconnect (handshake refused, HTTP 503), trying again",
    ]


def test_giving_up_is_told() -> None:
    written = Written()
    journal = Journal(written)
    journal.put(Connected(1, resumed=False))
    journal.put(Disconnected(DisconnectReason.LOST, None, detail="reset"))
    assert written.lines == ["info: connected", "warning: connection lost (reset), giving up"]


def test_the_first_attempt_is_for_connect_to_tell_of() -> None:
    written = Written()
    journal = Journal(written)
    refused = Disconnected(DisconnectReason.LOST, 2.0, detail="refused")
    closed = Disconnected(DisconnectReason.CLOSED_BY_USER, None)
    journal.put(refused)
    journal.put(closed)  # connect() has given up: there was nothing to close
    assert written.lines == []
    for event in (Connected(1, resumed=False), closed, refused):
        journal.put(event)
    assert written.lines == ["info: connected", "info: disconnected: closed by user"]


def test_what_is_a_handlers_own_affair_is_not_logged() -> None:
    written = Written()
    Journal(written).put(Missed(3))
    assert written.lines == []
