"""The life of a connection in the core: connecting, closing, losing, trying again."""

from __future__ import annotations

import json

import pytest

from bulk_proto import subscriptions as topics
from bulk_proto.core import ClientCore, Direction, State
from bulk_proto.errors import ConnectionDropped, HandshakeRejected, LinkError, RequestTimedOut, UsageError
from bulk_proto.events import (
    Connected,
    Disconnected,
    DisconnectReason,
    ErrorReported,
    Event,
    MessageRefused,
    Ticker,
    UnknownMessage,
)

from .peer import confirmation, connect, make_core, opened, snapshot_of_account, ticker_message
from .server_bytes import text


def only(events: list[Event], kind: type[Event]) -> list[Event]:
    return [event for event in events if type(event) is kind]


def test_a_fresh_core_wants_nothing_and_waits_for_nothing() -> None:
    core = make_core()
    assert core.state is State.IDLE
    assert not core.wants_connection
    assert core.next_deadline() is None
    assert core.data_to_send() == b""
    core.stop(0.0)
    core.handle_deadline(1.0)
    core.receive_data(b"anything", 1.0)
    core.connection_lost(1.0, "nothing to lose")
    assert core.events() == []


def test_ready_means_open_confirmed_and_the_account_known() -> None:
    core = make_core()
    core.want([topics.ticker("BTC-USD"), topics.account("FAe4sisG95oZ42w7buUn5qEE4TAnfTTFPiguZUHmhiF")])
    ready = core.start(0.0)
    peer = connect(core)
    assert core.is_open
    (request,) = peer.hear()
    assert request == {
        "method": "subscribe",
        "subscription": [
            {"type": "ticker", "symbol": "BTC-USD"},
            {"type": "account", "user": "FAe4sisG95oZ42w7buUn5qEE4TAnfTTFPiguZUHmhiF"},
        ],
    }
    peer.say(snapshot_of_account())
    peer.say(confirmation("ticker.BTC-USD"))
    assert not ready.done
    peer.say(confirmation("account.FAe4sisG95oZ42w7buUn5qEE4TAnfTTFPiguZUHmhiF"))
    ready.result()


def test_ready_fails_at_once_when_the_first_attempt_fails_and_the_core_goes_on() -> None:
    core = make_core()
    ready = core.start(0.0)
    core.connection_lost(0.5, "Connection refused")
    with pytest.raises(LinkError, match="Connection refused"):
        ready.result()
    assert core.state is State.WAITING
    assert core.last_error is not None


def test_ready_times_out_when_the_exchange_confirms_nothing() -> None:
    core = make_core(ready_timeout=5.0, opening_timeout=3.0)
    core.want([topics.ticker("BTC-USD")])
    ready = core.start(0.0)
    peer = connect(core, 1.5)
    peer.hear()
    assert core.next_deadline() == 6.5
    core.handle_deadline(6.4)
    assert not ready.done
    core.handle_deadline(6.5)
    with pytest.raises(RequestTimedOut):
        ready.result()
    assert core.is_open
    core.handle_deadline(8.0)


def test_ready_never_takes_longer_than_both_of_its_times() -> None:
    core = make_core(ready_timeout=5.0, opening_timeout=3.0)
    core.want([topics.ticker("BTC-USD")])
    ready = core.start(0.0)
    connect(core, 4.0)  # a driver that was late
    assert core.next_deadline() == 8.0
    core.handle_deadline(8.0)
    assert ready.done


def test_starting_twice_is_refused_and_starting_after_a_stop_is_not() -> None:
    core, peer = opened()
    with pytest.raises(UsageError):
        core.start(1.0)
    core.stop(1.0)
    core.receive_data(b"", 1.1)
    assert core.state is State.IDLE
    core.start(2.0)
    connect(core, 2.0)
    assert core.is_open


def test_a_stop_sends_a_close_frame_and_waits_for_the_answer() -> None:
    core, peer = opened()
    core.stop(1.0)
    peer.hear()
    assert peer.close_code == 1000
    assert core.wants_connection
    core.receive_data(peer.close_frame(), 1.1)
    assert not core.wants_connection
    (gone,) = core.events()
    assert gone == Disconnected(DisconnectReason.CLOSED_BY_USER, None)


def test_a_close_frame_without_answer_is_not_waited_for_longer_than_the_closing_timeout() -> None:
    core, _ = opened(closing_timeout=2.0)
    core.stop(1.0)
    assert core.next_deadline() == 3.0
    core.handle_deadline(3.0)
    assert core.state is State.IDLE


@pytest.mark.parametrize("before_handshake", [True, False])
def test_a_stop_while_connecting_ends_at_once(before_handshake: bool) -> None:
    core = make_core()
    core.start(0.0)
    if not before_handshake:
        core.connection_made(0.1)
    core.stop(0.2)
    assert core.state is State.IDLE
    assert core.next_deadline() is None or core.next_deadline() == 20.0  # the failed call's own deadline


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1008, 1011, 1012, 1013, 3000, 4999])
def test_every_close_by_the_exchange_is_followed_by_a_new_attempt(code: int) -> None:
    core, peer = opened()
    core.receive_data(peer.close_frame(code), 5.0)
    (gone,) = core.events()
    assert isinstance(gone, Disconnected)
    assert (gone.reason, gone.code) == (DisconnectReason.CLOSED_BY_PEER, code)
    assert gone.retry_at is not None
    assert gone.retry_at > 5.0
    assert core.data_to_send() != b""  # our answer to the close frame
    core.handle_deadline(gone.retry_at)
    assert core.state is State.CONNECTING


def test_exceeded_limits_are_answered_with_the_longest_wait() -> None:
    core, peer = opened()
    core.receive_data(peer.close_frame(1008), 5.0)
    (gone,) = core.events()
    assert isinstance(gone, Disconnected)
    assert gone.retry_at == 35.0


def test_attempts_go_on_for_ever_with_growing_waits() -> None:
    core = make_core()
    core.start(0.0)
    now, waits = 0.0, []
    for _ in range(9):
        core.connection_lost(now, "refused")
        due = core.next_deadline()
        assert due is not None
        waits.append(due - now)
        now = due
        core.handle_deadline(now)
        assert core.state is State.CONNECTING
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30, 30]


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_told_to_give_up_after_some_vain_attempts_it_does(limit: int) -> None:
    core = make_core(reconnect_attempts=limit)
    core.start(0.0)
    connect(core, 0.0)
    core.events()
    waiting = core.subscribe([topics.ticker("BTC-USD")], 0.0, timeout=1e6)
    core.connection_lost(0.0, "dropped")
    for _ in range(limit):
        assert core.state is State.WAITING
        assert not waiting.done
        due = core.next_deadline()
        assert due is not None
        core.handle_deadline(due)
        core.connection_lost(due, "refused")
    assert core.state is State.IDLE
    assert core.next_deadline() is None
    assert not core.wants_connection
    with pytest.raises(ConnectionDropped):
        waiting.result()
    *earlier, last = only(core.events(), Disconnected)
    assert [isinstance(event, Disconnected) and event.retry_at is None for event in earlier] == [
        False
    ] * limit
    assert isinstance(last, Disconnected)
    assert last.reason is DisconnectReason.LOST
    assert last.retry_at is None
    assert str(core.last_error) == f"connection lost: {'refused' if limit else 'dropped'}"
    core.start(1e3)
    connect(core, 1e3)
    assert core.is_open


def test_an_attempt_that_succeeds_makes_the_vain_ones_before_it_count_no_more() -> None:
    core = make_core(reconnect_attempts=1)
    core.start(0.0)
    now = 0.0
    for _ in range(5):
        connect(core, now)
        core.connection_lost(now, "dropped")
        due = core.next_deadline()
        assert due is not None
        now = due
        core.handle_deadline(now)
        assert core.state is State.CONNECTING


def test_a_server_that_accepts_and_drops_is_not_hit_in_a_tight_loop() -> None:
    core = make_core(settled_after=60.0)
    core.start(0.0)
    now, waits = 0.0, []
    for _ in range(5):
        connect(core, now)
        core.connection_lost(now, "dropped")
        due = core.next_deadline()
        assert due is not None
        waits.append(due - now)
        now = due
        core.handle_deadline(now)
    assert waits == [1, 2, 4, 8, 16]


def test_a_link_that_lived_long_enough_resets_the_waits() -> None:
    core = make_core(settled_after=60.0)
    core.start(0.0)
    for _ in range(4):
        core.connection_lost(0.0, "refused")
        core.handle_deadline(100.0)
    connect(core, 100.0)
    core.connection_lost(161.0, "reset")
    assert core.next_deadline() == 162.0


def test_a_refused_handshake_names_its_status_and_retry_after_puts_the_next_one_off() -> None:
    core = make_core()
    ready = core.start(0.0)
    core.connection_made(0.0)
    core.receive_data(b"HTTP/1.1 503 Unavailable\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n", 1.0)
    (gone,) = core.events()
    assert isinstance(gone, Disconnected)
    assert (gone.reason, gone.status, gone.retry_at) == (DisconnectReason.HANDSHAKE_REFUSED, 503, 122.0)
    with pytest.raises(HandshakeRejected, match="503") as refusal:
        ready.result()
    assert refusal.value.status == 503


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (401, "wants credentials"),
        (403, "does not serve you"),
        (404, "is the address"),
        (429, "too many connections"),
        (502, "try again later"),
    ],
)
def test_a_refused_handshake_says_what_to_do(status: int, remedy: str) -> None:
    assert remedy in str(HandshakeRejected(status))


def test_one_budget_covers_connecting_and_the_handshake_however_slowly_it_drips() -> None:
    core = make_core(opening_timeout=10.0)
    core.start(0.0)
    core.connection_made(4.0)
    for second in range(5, 10):
        core.receive_data(b"H" if second == 5 else b"TTP/1"[second - 6 : second - 5], float(second))
    core.handle_deadline(9.99)
    assert core.state is State.HANDSHAKING
    core.handle_deadline(10.0)
    (gone,) = core.events()
    assert isinstance(gone, Disconnected)
    assert gone.reason is DisconnectReason.OPENING_TIMEOUT


def test_silence_is_questioned_with_a_ping_and_ends_the_link() -> None:
    core, peer = opened(ping_interval=20.0, silence_timeout=60.0)
    now = 1.0
    while core.is_open:
        due = core.next_deadline()
        assert due is not None
        assert due > now or now == 1.0
        now = due
        core.handle_deadline(now)
        peer.hear()
    assert peer.pings == 3 or peer.pings == 2
    assert 60.0 <= now <= 62.0
    assert only(core.events(), Disconnected)


def test_any_bytes_prove_that_the_exchange_is_there() -> None:
    core, peer = opened(ping_interval=20.0, silence_timeout=60.0)
    for second in range(1, 300, 10):
        core.handle_deadline(float(second))
        peer.say(ticker_message(), now=float(second))
        peer.hear()
    assert core.is_open
    assert peer.pings == 0


def test_the_silence_of_a_dead_link_is_not_held_against_the_next_one() -> None:
    core, _ = opened(silence_timeout=60.0)
    core.connection_lost(59.0, "reset")
    core.handle_deadline(200.0)
    connect(core, 200.0)
    core.handle_deadline(201.0)
    assert core.is_open


def test_a_server_ping_is_answered() -> None:
    core, _ = opened()
    core.receive_data(b"\x89\x02hi", 1.0)
    assert core.has_data_to_send
    assert core.data_to_send()[0] == 0x8A


def test_reading_an_outlet_twice_does_no_harm() -> None:
    core, peer = opened()
    core.receive_data(peer.frame(ticker_message()), 1.0)
    assert len(core.events()) == 1
    assert core.events() == []
    assert core.data_to_send() == b""
    assert core.next_deadline() == core.next_deadline()


def test_connection_made_out_of_turn_is_the_callers_mistake() -> None:
    core = make_core()
    with pytest.raises(UsageError):
        core.connection_made(0.0)


BAD_MESSAGES = [
    "{",
    "[1, 2]",
    "null",
    '"text"',
    "1e999",
    '{"type":"ticker"}',
    '{"type":"ticker","data":{"ticker":{}}}',
    '{"type":"l2Delta","data":{"book":{"symbol":"BTC-USD"}}}',
    '{"type":"post","id":"x","data":{}}',
    "[" * 5000,
]


@pytest.mark.parametrize("bad", BAD_MESSAGES)
def test_a_bad_message_costs_exactly_that_message(bad: str) -> None:
    core, peer = opened()
    events = peer.say(ticker_message("A-USD"), bad, ticker_message("B-USD"))
    assert [type(event) for event in events] == [Ticker, MessageRefused, Ticker]
    assert core.is_open


def test_unknown_messages_are_shown_and_otherwise_ignored() -> None:
    core, peer = opened()
    (event,) = peer.say({"type": "news", "data": {"headline": "x"}})
    assert isinstance(event, UnknownMessage)
    assert event.kind == "news"
    assert core.is_open


def test_a_binary_message_is_reported_and_the_link_goes_on() -> None:
    core, peer = opened()
    core.receive_data(b"\x82\x03abc", 1.0)
    (event,) = core.events()
    assert isinstance(event, MessageRefused)
    assert peer.say(ticker_message())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x81\x02\xff\xfe", DisconnectReason.NOT_UTF8),
        (b"\xf1\x02hi", DisconnectReason.MALFORMED),
        (b"\x81\x7f\x40\x00\x00\x00\x00\x00\x00\x00", DisconnectReason.TOO_BIG),
        (b"\x01\x01a" + b"\x00\x01a" * 2000, DisconnectReason.TOO_MANY_FRAGMENTS),
        (b"", DisconnectReason.LOST),
    ],
)
def test_bytes_that_end_a_link_say_why_and_are_followed_by_a_new_attempt(
    data: bytes, reason: DisconnectReason
) -> None:
    core, _ = opened()
    core.receive_data(data, 1.0)
    (gone,) = only(core.events(), Disconnected)
    assert isinstance(gone, Disconnected)
    assert gone.reason is reason
    assert core.state is State.WAITING


def test_an_error_without_id_is_an_event_and_nothing_else() -> None:
    core, peer = opened()
    frame = {"type": "error", "error": {"message": "something about nothing"}}
    (event,) = peer.say(frame)
    assert isinstance(event, ErrorReported)
    assert event.payloads == (frame,)
    assert core.is_open


def test_a_reconnection_is_announced_as_resumed() -> None:
    core, _ = opened()
    core.connection_lost(1.0, "reset")
    core.handle_deadline(10.0)
    connect(core, 10.0)
    (connected,) = only(core.events(), Connected)
    assert connected == Connected(2, True)


def test_a_traced_core_shows_every_message_in_both_directions() -> None:
    seen: list[tuple[Direction, bytes]] = []
    core = ClientCore(make_core().config, trace=lambda way, text: seen.append((way, text)))
    core.want([topics.ticker("BTC-USD")])
    core.start(0.0)
    peer = connect(core)
    peer.say(ticker_message())
    assert [way for way, _ in seen] == [Direction.SENT, Direction.RECEIVED]
    assert b"ticker" in seen[0][1]


def test_messages_of_one_read_are_all_traced() -> None:
    seen: list[bytes] = []
    core = ClientCore(make_core().config, trace=lambda _, text: seen.append(text))
    core.start(0.0)
    connect(core)
    ticker = json.dumps(ticker_message()).encode()
    texts = [ticker, b"{", ticker]
    core.receive_data(b"".join(map(text, texts)), 1.0)
    assert seen == texts
    kinds = [type(event).__name__ for event in core.events()]
    assert kinds == ["Connected", "Ticker", "MessageRefused", "Ticker"]
