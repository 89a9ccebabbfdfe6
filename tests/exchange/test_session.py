"""The WebSocket of the exchange: hostile bytes, limits, keepalive, and nothing that harms a neighbour."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Pong

from bulk_proto.exchange import SimulatedExchange
from tests.exchange.in_memory import (
    HANDSHAKE,
    TICKERS,
    Client,
    exchange,
    masked,
    of_type,
    quiet,
    still_answers,
)


def test_a_handshake_is_accepted_and_nothing_else_is_said() -> None:
    client = Client(exchange())
    assert client.messages() == []
    assert [type(event) for event in client.events] == [AcceptConnection]


@pytest.mark.parametrize(
    "request_bytes",
    [
        HANDSHAKE.replace(b"Upgrade: websocket\r\n", b""),
        HANDSHAKE.replace(b"Version: 13", b"Version: 8"),
        HANDSHAKE.replace(b"GET", b"POST"),
        HANDSHAKE.replace(b"exchange.test", b"\xff\xfe"),
        HANDSHAKE.replace(b"GET / HTTP/1.1", b"GET / HTTP/1.1 and more"),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"A" * 100_000,
    ],
)
def test_what_is_no_handshake_is_refused_with_http_and_closed(request_bytes: bytes) -> None:
    served = exchange()
    session = served.open_session(0.0)
    session.receive_data(request_bytes, 0.0)
    assert session.data_to_send().startswith(b"HTTP/1.1 4")
    assert session.closed
    assert served.sessions == []


@pytest.mark.parametrize("mode", ["raw", "offchain", "base58", "moon"])
def test_any_path_will_do_and_the_hint_at_a_signature_mode_is_ignored(mode: str) -> None:
    served = exchange()
    session = served.open_session(0.0)
    head = HANDSHAKE.replace(b"GET / ", b"GET /any/path?x=1 ")
    session.receive_data(head[:-2] + f"x-bulk-sig-mode: {mode}\r\n\r\n".encode(), 0.0)
    assert session.data_to_send().startswith(b"HTTP/1.1 101 ")


def test_a_handshake_that_never_ends_is_given_up() -> None:
    served = exchange(quiet(opening_timeout=10.0))
    session = served.open_session(0.0)
    session.receive_data(HANDSHAKE[:-2], 5.0)
    served.advance(9.9)
    assert served.sessions == [session]
    served.advance(10.0)
    assert session.closed
    assert session in served.sessions_with_output()  # so that the driver notices


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_any_cut_of_the_bytes_gives_the_same_answers(size: int) -> None:
    text = json.dumps({"method": "subscribe", "subscription": [TICKERS]}).encode()
    stream = (
        masked(1, text[:20], fin=False) + masked(9, b"hi") + masked(0, text[20:]) + masked(8, b"\x03\xe8")
    )
    outputs = []
    for cut in (size, len(stream)):
        session = exchange().open_session(0.0)
        session.receive_data(HANDSHAKE, 0.0)
        for at in range(0, len(stream), cut):
            session.receive_data(stream[at : at + cut], 0.0)
        assert session.closed
        outputs.append(session.data_to_send())
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x02{}", 1002),  # not masked
        (masked(3, b""), 1002),  # reserved opcode
        (b"\xf1\x80\0\0\0\0", 1002),  # reserved bits
        (masked(0, b"x"), 1002),  # continues nothing
        (masked(9, b"x" * 126), 1002),  # control frame too long
        (masked(1, b"\xff\xfe"), 1007),  # not UTF-8
    ],
)
def test_a_protocol_error_closes_with_its_code(frame: bytes, code: int) -> None:
    client = Client(exchange())
    client.send(frame)
    assert client.close_code() == code
    assert client.session.closed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "7",
        '{"method":NaN}',
        '"\\ud800"',
        "[" * 100_000,
        '{"id":' + "9" * 400 + "}",
        "{}",
        '{"method":"dance"}',
        '{"method":"subscribe"}',
        '{"method":"subscribe","subscription":[]}',
        '{"method":"subscribe","subscription":{"type":"ticker"}}',
        '{"method":"unsubscribe"}',
        '{"method":"unsubscribe","topic":7}',
        '{"method":"unsubscribe","topic":"ticker.BTC-USD"}',
        '{"method":"post"}',
        '{"method":"post","id":"x","request":{"type":"action","payload":{}}}',
    ],
)
def test_nonsense_is_answered_with_an_error_and_the_session_goes_on(text: str) -> None:
    client = Client(exchange())
    client.send_text(text)
    (error,) = client.messages()
    assert error["type"] == "error"
    assert error["error"]["message"]
    assert "id" not in error
    assert still_answers(client)


def test_an_error_carries_the_id_of_its_request() -> None:
    (error,) = Client(exchange()).ask({"method": "post", "id": 41, "request": {"type": "query"}})
    assert error["id"] == 41
    (error,) = Client(exchange()).ask({"method": "dance", "id": True})
    assert "id" not in error


def test_a_binary_message_is_refused_and_the_session_goes_on() -> None:
    client = Client(exchange())
    client.send(client.ws.send(BytesMessage(data=b"\0\1", message_finished=False)))
    assert client.messages() == []
    client.send(client.ws.send(BytesMessage(data=b"\0\1")))
    (error,) = client.messages()
    assert error["error"]["message"] == "binary messages are not supported"
    assert still_answers(client)


def test_a_message_over_the_size_limit_is_cut_off_before_it_ends() -> None:
    client = Client(exchange(quiet(max_message_size=1000)))
    client.send_text(" " * 998 + "{}")
    assert of_type(client.messages(), "error")
    client.send(masked(1, b" " * 600, fin=False))
    assert not client.session.closed
    client.send(masked(0, b" " * 500, fin=False)[:450])
    assert client.close_code() == 1009


def test_fragments_for_ever_need_no_memory() -> None:
    client = Client(exchange())
    client.send(masked(1, b"", fin=False))
    client.send(masked(0, b"", fin=False) * 10_000)
    client.send(masked(0, b"{}"))
    assert of_type(client.messages(), "error")


def test_a_ping_of_the_client_is_answered() -> None:
    client = Client(exchange())
    client.send(client.ws.send(Ping(payload=b"are you there")))
    client.read()
    assert [event.payload for event in client.events if isinstance(event, Pong)] == [b"are you there"]


def test_the_close_frame_of_the_client_is_answered_and_later_bytes_are_ignored() -> None:
    served = exchange()
    client = Client(served)
    close = client.ws.send(CloseConnection(code=1000))
    client.send(close + masked(1, b"{}"))
    assert client.session.closed
    client.send(masked(1, b"{}"))
    assert client.close_code() == 1000
    assert client.messages() == []
    assert served.sessions == []


def test_the_end_of_the_stream_ends_the_session() -> None:
    served = exchange()
    client = Client(served)
    client.subscribe(TICKERS)
    client.send(b"")
    assert client.session.closed
    served.advance(1.0)
    assert client.session.data_to_send() == b""


def test_a_lost_connection_leaves_nothing_behind() -> None:
    served = exchange()
    client = Client(served)
    client.subscribe(TICKERS)
    served.advance(0.2)
    client.session.connection_lost(0.3)
    served.advance(1.0)
    assert client.session.closed
    assert served.sessions == []
    assert served.sessions_with_output() == []
    assert served._feeds.topics == {}
    assert client.session.data_to_send() == b""


def conversation(served: SimulatedExchange, data: bytes) -> bytes:
    session = served.open_session(0.0)
    session.receive_data(HANDSHAKE, 0.0)
    session.data_to_send()
    session.receive_data(data, 0.0)
    return session.data_to_send()


@settings(max_examples=150)
@given(st.binary(max_size=200))
def test_no_bytes_raise_or_harm_another_session(data: bytes) -> None:
    served = exchange()
    neighbour = Client(served)
    conversation(served, data)
    conversation(served, masked(1, data))
    raw = served.open_session(0.0)
    raw.receive_data(data or b"x", 0.0)
    assert still_answers(neighbour)
