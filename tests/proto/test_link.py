"""One WebSocket at the level of bytes: handshake, messages, limits, every way to end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage

from bulk_proto.errors import UsageError
from bulk_proto.events import DisconnectReason as Reason
from bulk_proto.link import Binary, Closed, Link, Opened, Ponged

from .server_bytes import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    accepting,
    announcement,
    client_frames,
    close,
    frame,
    text,
)

SMALL = 1000  # bytes allowed in one message
FEW = 8  # fragments allowed in one message


def new_link(
    *,
    host: str = "exchange.test",
    target: str = "/",
    shortcut: bool = True,
    max_message_size: int = SMALL,
    max_fragments: int = FEW,
) -> Link:
    return Link(
        host=host,
        target=target,
        max_message_size=max_message_size,
        max_fragments=max_fragments,
        mask=lambda: b"mask",
        shortcut=shortcut,
    )


def open_link(*, shortcut: bool = True, max_message_size: int = SMALL) -> Link:
    link = new_link(shortcut=shortcut, max_message_size=max_message_size)
    assert list(link.receive(accepting(link.data_to_send()))) == [Opened()]
    return link


Told = bytes | Opened | Ponged | Binary | Closed


def receive(link: Link, *pieces: bytes) -> list[Told]:
    """What the pieces mean, each text on its own."""
    found: list[Told] = []
    for piece in pieces:
        for event in link.receive(piece):
            if isinstance(event, list):
                found += event
            else:
                found.append(event)
    return found


def byte_by_byte(data: bytes) -> Sequence[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


def the_end(events: Sequence[Told]) -> Closed:
    """The one Closed, which is last."""
    assert [isinstance(event, Closed) for event in events].count(True) == 1
    last = events[-1]
    assert isinstance(last, Closed)
    return last


# Handshake -------------------------------------------------------------------------------------------


def test_the_upgrade_offers_no_extension_and_no_subprotocol() -> None:
    link = new_link(host="[::1]:8000", target="/feed?x=1")
    request = link.data_to_send()
    assert request.startswith(b"GET /feed?x=1 HTTP/1.1\r\n")
    assert b"\r\nHost: [::1]:8000\r\n" in request
    assert b"Extensions" not in request
    assert b"Protocol" not in request


def test_bytes_to_send_are_handed_out_once() -> None:
    link = new_link()
    waiting = [link.has_data_to_send]
    assert link.data_to_send() != b""
    waiting.append(link.has_data_to_send)
    assert link.data_to_send() == b""
    assert waiting == [True, False]


@pytest.mark.parametrize(
    ("host", "target"),
    [("two..dots", "/"), ("a b", "/"), ("", "/"), ("x" * 64, "/"), ("ok", "/ä"), ("ok", "/a b"), ("ok", "")],
)
def test_an_address_that_cannot_be_requested_is_the_callers_error(host: str, target: str) -> None:
    with pytest.raises(UsageError):
        new_link(host=host, target=target)


def test_messages_may_follow_the_handshake_in_the_same_read() -> None:
    link = new_link()
    stream = accepting(link.data_to_send()) + text(b"first") + frame(PONG)
    assert receive(link, stream) == [Opened(), b"first", Ponged()]


def test_a_link_is_open_only_between_the_handshake_and_its_end() -> None:
    assert not new_link().is_open
    assert open_link().is_open
    lost = open_link()
    receive(lost, b"")
    assert not lost.is_open


def test_the_handshake_may_come_byte_by_byte() -> None:
    link = new_link()
    stream = accepting(link.data_to_send()) + text(b"first")
    assert receive(link, *byte_by_byte(stream)) == [Opened(), b"first"]


def test_bare_newlines_also_end_the_handshake() -> None:
    link = new_link()
    answer = accepting(link.data_to_send()).replace(b"\r\n", b"\n")
    assert receive(link, answer + text(b"first")) == [Opened(), b"first"]


@pytest.mark.parametrize("status", [100, 102, 200, 301, 401, 403, 429, 503])
def test_any_status_but_101_refuses_the_handshake(status: int) -> None:
    link = new_link()
    link.data_to_send()
    answer = b"HTTP/1.1 %d Whatever\r\nContent-Length: 4\r\nLocation: ws://elsewhere/\r\n\r\nbody" % status
    expected = Closed(Reason.HANDSHAKE_REFUSED, status=status, detail=f"HTTP {status}")
    assert receive(link, answer, b"more body", b"") == [expected]
    assert link.data_to_send() == b"", "a refused link has nothing to say"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (b"Retry-After: 120", 120.0),
        (b"retry-after: 0", 0.0),
        (b"Retry-After: Wed, 21 Oct 2026 07:28:00 GMT", None),
        (b"Retry-After: -5", None),
        (b"Retry-After: 1e9", None),
        (b"Retry-After: " + b"9" * 5000, None),
        (b"Server: none", None),
    ],
)
def test_a_refusal_tells_how_long_the_server_asks_to_wait(header: bytes, seconds: float | None) -> None:
    answer = b"HTTP/1.1 503 Busy\r\n" + header + b"\r\n\r\n"
    assert the_end(receive(new_link(), answer)).retry_after == seconds


@pytest.mark.parametrize(
    "more",
    [
        pytest.param([b"Sec-WebSocket-Extensions: permessage-deflate"], id="extension"),
        pytest.param([b"Sec-WebSocket-Extensions: x" + b"y" * 5000], id="long extension"),
        pytest.param([b"Sec-WebSocket-Protocol: chat"], id="subprotocol"),
        pytest.param([b"Sec-WebSocket-Protocol: caf\xc3\xa9"], id="subprotocol that is not ASCII"),
        pytest.param([b"Sec-WebSocket-Extensions: \xff"], id="extension that is not ASCII"),
        pytest.param([b"Upgrade: h2c"], id="another upgrade"),
        pytest.param([b"Connection: close"], id="no upgrade"),
        pytest.param([b"Sec-WebSocket-Accept: wrong"], id="wrong accept token"),
        pytest.param([b"no colon"], id="not a header"),
    ],
)
def test_a_101_that_was_not_asked_for_is_malformed(more: list[bytes]) -> None:
    link = new_link()
    end = the_end(
        receive(link, accepting(link.data_to_send(), *more) + text(b"never read"), text(b"nor this"))
    )
    assert end.reason is Reason.MALFORMED
    assert len(end.detail) < 200


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"\r\n\r\n",
        b"HTTX",
        b"HTTP/9 nonsense\r\n\r\n",
    ],
)
def test_an_answer_that_is_not_http_is_malformed(answer: bytes) -> None:
    assert the_end(receive(new_link(), answer)).reason is Reason.MALFORMED
    assert the_end(receive(new_link(), *byte_by_byte(answer))).reason is Reason.MALFORMED


@pytest.mark.parametrize("step", [1000, 1 << 20])
def test_headers_without_end_are_cut_off_at_16_kilobytes(step: int) -> None:
    link = new_link()
    head = accepting(link.data_to_send())[:-2] + b"X-Filler: 0123456789\r\n" * 2000 + b"\r\n"
    fed = 0
    for start in range(0, len(head), step):
        fed += 1
        if events := receive(link, head[start : start + step]):
            assert the_end(events).reason is Reason.MALFORMED
            break
    assert fed * step < 20_000 or fed == 1


def test_headers_of_exactly_16_kilobytes_are_read() -> None:
    link = new_link()
    request = link.data_to_send()
    room = 16 * 1024 - len(accepting(request, b"X: "))
    assert receive(link, accepting(request, b"X: " + b"x" * room)) == [Opened()]
    link = new_link()
    longer = accepting(link.data_to_send(), b"X: " + b"x" * (room + 1))
    assert the_end(receive(link, longer)).reason is Reason.MALFORMED


def test_a_stream_that_ends_during_the_handshake_is_a_lost_link() -> None:
    assert receive(new_link(), b"HTTP/1.1 101 Swi", b"", b"") == [Closed(Reason.LOST, detail="end of stream")]


# Messages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shortcut", [True, False])
@pytest.mark.parametrize(
    "payload", [b"", b"{}", "prix: 3 €".encode(), b"\xef\xbb\xbf with a mark", b"x" * SMALL]
)
def test_a_text_message_comes_out_as_the_bytes_that_were_sent(payload: bytes, shortcut: bool) -> None:
    whole = receive(open_link(shortcut=shortcut), text(payload))
    pieces = receive(open_link(shortcut=shortcut), *byte_by_byte(text(payload)))
    assert whole == pieces == [payload]


def test_fragments_become_one_message_even_when_a_character_is_split() -> None:
    euro = "€".encode()
    stream = (
        frame(TEXT, b"1 " + euro[:1], final=False)
        + frame(PING, b"between")
        + frame(CONTINUATION, euro[1:2], final=False)
        + frame(CONTINUATION, euro[2:] + b"!")
    )
    link = open_link()
    assert receive(link, stream) == ["1 €!".encode()]
    assert client_frames(link.data_to_send()) == [(PONG, b"between")]


def test_a_binary_message_is_reported_by_its_size_alone() -> None:
    stream = frame(BINARY, b"\xff" * 300, final=False) + frame(CONTINUATION, b"\x00" * 5)
    stream += text(b"next") + frame(BINARY, b"\x00")
    assert receive(open_link(), stream) == [Binary(305), b"next", Binary(1)]
    assert receive(open_link(), *byte_by_byte(stream)) == [Binary(305), b"next", Binary(1)]


def test_text_and_pings_leave_as_masked_frames_in_their_order() -> None:
    link = open_link()
    link.send_text("für dich".encode())
    link.send_ping()
    link.send_text(b"x" * 300)
    assert link.has_data_to_send
    assert client_frames(link.data_to_send()) == [
        (TEXT, "für dich".encode()),
        (PING, b""),
        (TEXT, b"x" * 300),
    ]


def test_an_event_can_be_acted_on_before_the_bytes_behind_it_are_read() -> None:
    link = new_link()
    for event in link.receive(accepting(link.data_to_send()) + b"\x83\x00"):
        if event == Opened():
            link.send_text(b"subscribe")
    sent = client_frames(link.data_to_send())
    assert sent == [(TEXT, b"subscribe"), (CLOSE, (1002).to_bytes(2, "big"))]


# Pings -----------------------------------------------------------------------------------------------


def test_pings_are_answered_in_order_and_before_what_is_sent_later() -> None:
    link = open_link()
    assert receive(link, frame(PING, b"one") + text(b"hello") + frame(PING, b"two")) == [b"hello"]
    assert link.has_data_to_send
    link.send_text(b"later")
    assert client_frames(link.data_to_send()) == [(PONG, b"one"), (PONG, b"two"), (TEXT, b"later")]
    assert not link.has_data_to_send


def test_of_a_flood_of_pings_only_the_newest_are_answered() -> None:
    link = open_link()
    receive(link, b"".join(frame(PING, b"%d" % i) for i in range(5000)))
    assert client_frames(link.data_to_send()) == [(PONG, b"%d" % i) for i in range(4984, 5000)]


def test_a_ping_after_our_close_frame_is_not_answered() -> None:
    link = open_link()
    link.send_close()
    receive(link, frame(PING, b"still there?"))
    assert client_frames(link.data_to_send()) == [(CLOSE, b"\x03\xe8")]
    assert not link.has_data_to_send


def test_a_pong_is_reported_asked_for_or_not() -> None:
    assert receive(open_link(), frame(PONG, b"x") + text(b"y")) == [Ponged(), b"y"]


# Limits ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shortcut", [True, False])
@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(text(b"x" * (SMALL + 1)), id="whole"),
        pytest.param(announcement(TEXT, 1 << 62), id="announced"),
        pytest.param(announcement(BINARY, 1 << 62), id="binary announced"),
        pytest.param(
            frame(TEXT, b"x" * SMALL, final=False) + announcement(CONTINUATION, 1),
            id="sum of fragments announced",
        ),
    ],
)
def test_a_message_over_the_limit_closes_the_link_with_1009(stream: bytes, shortcut: bool) -> None:
    link = open_link(shortcut=shortcut)
    assert the_end(receive(link, text(b"before"), stream + text(b"after"), b"")).reason is Reason.TOO_BIG
    assert client_frames(link.data_to_send()) == [(CLOSE, (1009).to_bytes(2, "big"))]


def test_a_giant_frame_is_refused_at_its_header_before_any_payload() -> None:
    link = open_link()
    header = announcement(TEXT, 1 << 40)
    assert receive(link, header[:-1]) == []
    assert the_end(receive(link, header[-1:])).reason is Reason.TOO_BIG


def test_messages_up_to_the_limit_pass_one_after_the_other() -> None:
    stream = frame(TEXT, b"x" * 600, final=False) + frame(CONTINUATION, b"y" * 400)
    assert receive(open_link(), stream + stream + text(b"z" * SMALL)) == [
        b"x" * 600 + b"y" * 400,
        b"x" * 600 + b"y" * 400,
        b"z" * SMALL,
    ]


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_fragments_for_ever_close_the_link_with_1008(opcode: int) -> None:
    link = open_link()
    stream = frame(opcode, final=False) + frame(CONTINUATION, final=False) * 100_000
    assert the_end(receive(link, stream)).reason is Reason.TOO_MANY_FRAGMENTS
    assert client_frames(link.data_to_send()) == [(CLOSE, (1008).to_bytes(2, "big"))]


def test_one_fragment_more_than_allowed_is_one_too_many() -> None:
    stream = frame(TEXT, final=False) + frame(CONTINUATION, final=False) * (FEW - 1)
    link = open_link()
    assert receive(link, stream) == []
    assert the_end(receive(link, frame(CONTINUATION))).reason is Reason.TOO_MANY_FRAGMENTS


def test_as_many_fragments_as_allowed_are_joined_message_after_message() -> None:
    message = (
        frame(TEXT, b"0", final=False)
        + frame(CONTINUATION, b"1", final=False) * 6
        + frame(CONTINUATION, b"2")
    )
    assert receive(open_link(), message * 3) == [b"01111112"] * 3


# Bad bytes -------------------------------------------------------------------------------------------

MALFORMED = {
    "RSV1 without compression": frame(TEXT, b"x", reserved=4),
    "RSV2": frame(TEXT, b"x", reserved=2),
    "RSV3 on a ping": frame(PING, b"x", reserved=1),
    "unknown opcode 3": frame(3, b"x"),
    "unknown control opcode 11": frame(0xB, b"x"),
    "masked by the server": b"\x81\x84maskpayl",
    "continuation of nothing": frame(CONTINUATION, b"x"),
    "text inside a fragmented text": frame(TEXT, b"a", final=False) + text(b"b"),
    "fragmented ping": frame(PING, b"x", final=False),
    "ping of 126 bytes": frame(PING, b"x" * 126),
    "length longer than needed, 16 bits": b"\x81\x7e\x00\x05hello",
    "length longer than needed, 64 bits": b"\x81\x7f" + (5).to_bytes(8, "big") + b"hello",
    "length with the highest bit": b"\x81\x7f\x80" + bytes(7),
    "close frame of one byte": frame(CLOSE, b"\x03"),
    "close code 999": close(999),
    "close code 1004": close(1004),
    "close code 1005": close(1005),
    "close code 1006": close(1006),
    "close code 1015": close(1015),
    "close code 1016": close(1016),
    "close code 2999": close(2999),
    "close code 5000": close(5000),
}


@pytest.mark.parametrize("shortcut", [True, False])
@pytest.mark.parametrize("bad", MALFORMED.values(), ids=MALFORMED.keys())
def test_bytes_that_break_the_protocol_close_the_link_with_1002(bad: bytes, shortcut: bool) -> None:
    for pieces in ([bad + text(b"after")], byte_by_byte(bad)):
        link = open_link(shortcut=shortcut)
        events = receive(link, text(b"before"), *pieces, b"")
        assert events[0] == b"before"
        assert events[1:] == [the_end(events)], "what came before the fault is kept, nothing follows it"
        assert the_end(events).reason is Reason.MALFORMED
        assert client_frames(link.data_to_send()) == [(CLOSE, (1002).to_bytes(2, "big"))]


@pytest.mark.parametrize("shortcut", [True, False])
@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(text(b"caf\xe9 au lait"), id="whole"),
        pytest.param(text(b"overlong \xc0\xaf"), id="overlong"),
        pytest.param(text(b"surrogate \xed\xa0\x80"), id="surrogate"),
        pytest.param(text(b"unfinished \xe2\x82"), id="unfinished at the end of the message"),
        pytest.param(
            frame(TEXT, b"\xe2\x82", final=False) + frame(CONTINUATION, b"x"), id="split over fragments"
        ),
        pytest.param(close(1000, b"\xff"), id="reason of a close frame"),
    ],
)
def test_text_that_is_not_utf8_closes_the_link_with_1007(stream: bytes, shortcut: bool) -> None:
    for pieces in ([stream + text(b"after")], byte_by_byte(stream)):
        link = open_link(shortcut=shortcut)
        events = receive(link, *pieces, b"")
        assert events == [the_end(events)]
        assert the_end(events).reason is Reason.NOT_UTF8
        assert client_frames(link.data_to_send()) == [(CLOSE, (1007).to_bytes(2, "big"))]


def test_the_details_of_an_end_tell_nothing_of_a_message() -> None:
    events = receive(open_link(), text(b"secret \xff"))
    assert "secret" not in repr(events)
    assert "255" not in repr(events)


# Ends ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1008, 1011, 1012, 1013, 3000, 4999])
def test_a_close_frame_is_answered_in_kind_and_ends_the_link(code: int) -> None:
    link = open_link()
    events = receive(link, text(b"last") + close(code, b"by\nbye") + text(b"never"), text(b"nor this"), b"")
    assert events == [b"last", Closed(Reason.CLOSED_BY_PEER, code, detail=f"code {code}: 'by\\nbye'")]
    assert not link.is_open
    assert client_frames(link.data_to_send()) == [(CLOSE, code.to_bytes(2, "big") + b"by\nbye")]


def test_a_close_frame_without_a_code_counts_as_1005() -> None:
    link = open_link()
    assert receive(link, close()) == [Closed(Reason.CLOSED_BY_PEER, 1005, detail="code 1005")]
    assert client_frames(link.data_to_send()) == [(CLOSE, b"")]


def test_a_ping_before_the_close_frame_in_one_read_needs_no_answer() -> None:
    link = open_link()
    receive(link, frame(PING, b"x") + close(1000))
    assert client_frames(link.data_to_send()) == [(CLOSE, b"\x03\xe8")]
    assert not link.has_data_to_send


def test_messages_still_come_after_our_close_frame_until_it_is_answered() -> None:
    link = open_link()
    link.send_close()
    assert not link.is_open
    assert receive(link, text(b"in flight"), frame(PONG) + close(1000)) == [
        b"in flight",
        Ponged(),
        Closed(Reason.CLOSED_BY_USER, 1000, detail="code 1000"),
    ]
    assert client_frames(link.data_to_send()) == [(CLOSE, b"\x03\xe8")]


def test_our_close_answered_by_hanging_up_is_still_ours() -> None:
    link = open_link()
    link.send_close(1001)
    assert receive(link, b"") == [Closed(Reason.CLOSED_BY_USER, detail="end of stream")]


def test_bad_bytes_after_our_close_frame_end_the_link_without_a_second_one() -> None:
    link = open_link()
    link.send_close()
    assert the_end(receive(link, b"\x83\x00")).reason is Reason.MALFORMED
    assert client_frames(link.data_to_send()) == [(CLOSE, b"\x03\xe8")]


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_stream_that_ends_anywhere_in_a_frame_is_a_lost_link_without_half_a_message(cut: int) -> None:
    whole = text(b"whole message")
    events = receive(open_link(), whole + whole[:cut], b"", b"")
    assert events == [b"whole message", Closed(Reason.LOST, detail="end of stream")]


def test_whatever_is_sent_while_the_link_is_not_open_is_dropped() -> None:
    early = new_link()
    request = early.data_to_send()
    early.send_text(b"too early")
    early.send_close()
    assert early.data_to_send() == b""
    assert receive(early, accepting(request)) == [Opened()]
    late = open_link()
    receive(late, b"")
    late.send_text(b"too late")
    late.send_ping()
    late.send_close()
    assert late.data_to_send() == b""


def test_a_link_is_at_a_message_between_whole_ones_while_it_is_open() -> None:
    link = new_link()
    seen = [link.at_message]
    for piece in (
        accepting(link.data_to_send()),
        text(b"one"),
        b"\x81",
        b"\x01x",
        frame(TEXT, b"a", final=False),
    ):
        receive(link, piece)
        seen.append(link.at_message)
    receive(link, frame(CONTINUATION, b"b"))
    seen.append(link.at_message)
    receive(link, b"")
    seen.append(link.at_message)
    assert seen == [False, True, True, False, True, False, True, False]


def test_without_the_shortcut_a_link_is_never_at_a_message() -> None:
    link = open_link(shortcut=False)
    receive(link, text(b"one"))
    assert not link.at_message


@pytest.mark.parametrize("ours", [True, False])
def test_leaving_a_read_early_gives_up_the_link(ours: bool) -> None:
    link = open_link()
    for _ in link.receive(text(b"one") + text(b"two") + frame(TEXT, b"part", final=False)):
        if ours:
            link.send_close()
        break
    end = the_end(receive(link, text(b"would be misread"), b"more"))
    assert end.reason is (Reason.CLOSED_BY_USER if ours else Reason.LOST)


# Properties ------------------------------------------------------------------------------------------

payloads = st.one_of(
    st.text(max_size=40).map(str.encode),
    st.sampled_from([125, 126, 127, 300, SMALL, SMALL + 1]).map(lambda size: b"x" * size),
    st.binary(max_size=8),
)


@st.composite
def fragmented(draw: st.DrawFn) -> bytes:
    """One message in up to ten fragments, cut anywhere, with control frames between them."""
    whole = draw(payloads)
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=9)))
    edges = [0, *cuts, len(whole)]
    stream = b""
    for number, (start, end) in enumerate(pairwise(edges)):
        opcode = CONTINUATION if number else draw(st.sampled_from([TEXT, BINARY]))
        stream += frame(opcode, whole[start:end], final=number == len(cuts)) + draw(between)
    return stream


between = st.sampled_from([b"", b"", frame(PING, b"p"), frame(PONG)])
good = st.one_of(
    payloads.map(text),
    st.text(max_size=200).map(str.encode).map(text),
    fragmented(),
    st.builds(frame, st.sampled_from([BINARY, PING, PONG]), st.binary(max_size=125)),
)
bad = st.one_of(
    st.sampled_from(list(MALFORMED.values())),
    st.builds(close, st.none() | st.integers(990, 5010), st.binary(max_size=5)),
    st.builds(
        frame,
        st.integers(0, 15),
        st.binary(max_size=130),
        final=st.booleans(),
        reserved=st.sampled_from([0, 0, 0, 4]),
    ),
    st.builds(announcement, st.integers(0, 15), st.integers(0, (1 << 64) - 1), final=st.booleans()),
    st.binary(max_size=20),
)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """What a server, good, bad or broken, may send after the handshake."""
    parts = (
        draw(st.lists(good, max_size=8)) + draw(st.lists(bad, max_size=1)) + draw(st.lists(good, max_size=3))
    )
    stream = b"".join(parts)
    for _ in range(draw(st.integers(0, 2))):  # mutations: replace, insert or remove a few bytes
        at = draw(st.integers(0, len(stream)))
        stream = stream[:at] + draw(st.binary(max_size=3)) + stream[at + draw(st.integers(0, 3)) :]
    return stream


@st.composite
def reads(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """The same bytes, cut anywhere."""
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    edges = [0, *cuts, len(data)]
    return [data[start:end] for start, end in pairwise(edges) if end > start]


def conversation(
    pieces: Sequence[bytes], *, shortcut: bool
) -> Iterator[tuple[list[Told], list[tuple[int, bytes]]]]:
    """For every read: what it meant, and what was sent because of it."""
    link = new_link(shortcut=shortcut)
    yield receive(link, accepting(link.data_to_send())), []
    for piece in [*pieces, b""]:
        yield receive(link, piece), client_frames(link.data_to_send())


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), stream=streams())
def test_with_and_without_the_shortcut_the_same_bytes_mean_the_same_at_the_same_time(
    data: st.DataObject, stream: bytes
) -> None:
    pieces = data.draw(reads(stream))
    assert list(conversation(pieces, shortcut=True)) == list(conversation(pieces, shortcut=False))


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), stream=streams(), shortcut=st.booleans())
def test_any_cut_of_the_bytes_gives_the_same_events(
    data: st.DataObject, stream: bytes, shortcut: bool
) -> None:
    whole = [
        event for events, _ in conversation([stream] if stream else [], shortcut=shortcut) for event in events
    ]
    for pieces in (data.draw(reads(stream)), byte_by_byte(stream)):
        cut = [event for events, _ in conversation(pieces, shortcut=shortcut) for event in events]
        assert cut == whole
    assert whole[0] == Opened()
    the_end(whole)


@settings(max_examples=200)
@given(st.lists(good, max_size=10))
def test_the_messages_are_those_that_wsproto_alone_reads(parts: list[bytes]) -> None:
    stream = b"".join(parts)
    alone, words = [], ""
    connection = Connection(ConnectionType.CLIENT)
    connection.receive_data(stream)
    for event in connection.events():
        if isinstance(event, TextMessage):
            words += event.data
            if event.message_finished:
                alone.append(words.encode())
                words = ""
    link = new_link(max_message_size=1 << 20, max_fragments=100)
    events = receive(link, accepting(link.data_to_send()), stream)
    assert [event for event in events if isinstance(event, bytes)] == alone


@settings(max_examples=200)
@given(data=st.data(), answer=st.binary(max_size=60), cut=st.integers(0, 200))
def test_a_mangled_handshake_either_opens_or_ends_the_link(
    data: st.DataObject, answer: bytes, cut: int
) -> None:
    link = new_link()
    head = accepting(link.data_to_send())
    mangled = head[:cut] + answer + head[cut + data.draw(st.integers(0, 10)) :]
    events = receive(link, *data.draw(reads(mangled)), b"")
    the_end(events)
    assert len(events) == 1 or events[0] == Opened()
