"""What events and enums promise: a payload for every topic, a key for every state, moments in one unit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bulk_proto import events
from bulk_proto.enums import OrderStatus, Side, Topic
from bulk_proto.events import (
    AccountSnapshot,
    BookStale,
    Candle,
    Candles,
    ErrorReported,
    Event,
    FrontendContext,
    HandlerFailed,
    LeverageSetting,
    LeverageUpdate,
    MarginUpdate,
    PositionUpdate,
    RiskSurface,
    Ticker,
    Trade,
    Trades,
)

BTC = "BTC-USD"
TRADE = Trade(1767225600123, BTC, Side.BUY, 0.5, 64000.0)
BAR = Candle(BTC, "1m", 1767225600000, None, 1.0, 2.0, 0.5, 1.5, 3.0, 4)
LEVERAGE = LeverageSetting(BTC, 5.0)
MARGIN = MarginUpdate(account="me")
CROSS = PositionUpdate(account="me", symbol=BTC, size=2.0)
ISOLATED = PositionUpdate(account="me", symbol=BTC, size=-0.5, iso=True, iso_pubkey="iso")


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("made to fail")


def kinds_of_events() -> Iterator[type[Event]]:
    for name in events.__all__:
        kind = getattr(events, name)
        if isinstance(kind, type) and issubclass(kind, Event) and hasattr(kind, "topic"):
            yield kind


@pytest.mark.parametrize("topic", Topic)
def test_every_topic_has_an_event(topic: Topic) -> None:
    assert any(kind.topic is topic for kind in kinds_of_events())


@pytest.mark.parametrize("kind", [*kinds_of_events()])
def test_every_event_is_documented_and_cannot_be_changed(kind: type[Event]) -> None:
    assert kind.__doc__
    assert kind.__struct_config__.frozen


@pytest.mark.parametrize(
    ("event", "payloads"),
    [
        (Trades(BTC, [TRADE]), [[TRADE]]),  # documented: a list
        (LeverageUpdate(account="me", settings=[LEVERAGE]), [[LEVERAGE]]),  # documented: a list
        (Candles(BTC, "1m", [BAR, BAR]), [BAR, BAR]),  # documented: one by one
        (ErrorReported("no", None, {"type": "error"}), [{"type": "error"}]),  # documented: a dict
        (MARGIN, [MARGIN]),
    ],
)
def test_handlers_get_the_documented_payloads(event: Event, payloads: list[object]) -> None:
    assert list(event.payloads) == payloads


def test_of_two_events_with_one_key_the_older_is_worth_nothing() -> None:
    assert Ticker(BTC).key == RiskSurface(BTC, {}).key == BTC
    assert FrontendContext([]).key == FrontendContext([{}]).key
    assert MARGIN.key == "me"
    assert CROSS.key != ISOLATED.key
    assert BookStale(BTC, "crossed").key is None  # must not vanish


def test_a_moment_is_in_nanoseconds_whatever_the_server_sent() -> None:
    assert TRADE.timestamp_ns == 1767225600123 * 10**6
    assert Ticker(BTC, timestamp=1767225600).timestamp_ns == 1767225600 * 10**9
    assert Ticker(BTC).timestamp_ns is None
    assert Trade(None, BTC, None, 1.0, 1.0).timestamp_ns is None


def test_a_position_knows_its_direction() -> None:
    flat = PositionUpdate(account="me", symbol=BTC, size=0.0)
    assert [position.is_long() for position in (CROSS, ISOLATED, flat)] == [True, False, False]
    assert [position.is_short() for position in (CROSS, ISOLATED, flat)] == [False, True, False]


def test_a_snapshot_finds_the_cross_position_before_an_isolated_one() -> None:
    snapshot = AccountSnapshot(
        account="me",
        margin=MARGIN,
        positions=[ISOLATED, CROSS],
        open_orders=[],
        leverage_settings=[LEVERAGE],
    )
    assert snapshot.get_position(BTC) is CROSS
    assert snapshot.get_position("ETH-USD") is None
    assert snapshot.get_leverage_setting(BTC) is LEVERAGE
    assert snapshot.get_leverage_setting("ETH-USD") is None


def test_a_side_is_the_wires_boolean() -> None:
    assert [side.to_bool() for side in Side] == [side.is_buy for side in Side] == [True, False]
    assert [side.opposite for side in Side] == [Side.SELL, Side.BUY]


@pytest.mark.parametrize(
    ("status", "is_cancelled", "is_placed"),
    [
        (OrderStatus.CANCELLED_IOC, True, False),
        (OrderStatus.SIBLING_CANCELLED, True, False),
        (OrderStatus.WORKING, False, True),
        (OrderStatus.FILLED, False, True),
        (OrderStatus.REJECTED, False, False),
        (OrderStatus.PENDING, False, False),
    ],
)
def test_a_status_knows_what_it_means(status: OrderStatus, is_cancelled: bool, is_placed: bool) -> None:
    assert (status.is_cancelled(), status.is_placed()) == (is_cancelled, is_placed)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("cancelledIOC", OrderStatus.CANCELLED_IOC),
        ("canceled", OrderStatus.CANCELLED),
        ("placed", OrderStatus.RESTING),
        ("cancelledByMoonlight", OrderStatus.CANCELLED),
        ("rejectedOnSunday", OrderStatus.REJECTED),
        ("teleported", OrderStatus.UNKNOWN),
    ],
)
def test_words_of_the_wire_become_statuses(word: str, status: OrderStatus) -> None:
    assert OrderStatus.from_string(word) is status


def test_a_handler_fails_with_the_type_and_the_text_of_its_error_if_that_has_any() -> None:
    failures = [
        HandlerFailed.by(error, "quote", Topic.TICKER) for error in (KeyError("price"), Unspeakable())
    ]
    assert [failure.error for failure in failures] == [
        "KeyError: 'price'",
        "Unspeakable: (an error that cannot be shown)",
    ]
    assert {(failure.handler, failure.failed_on) for failure in failures} == {("quote", Topic.TICKER)}
