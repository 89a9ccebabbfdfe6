"""Connections that end, stall, crawl or are refused: what the client meets, and nobody else."""

from __future__ import annotations

import pytest
from wsproto.events import Ping, RejectConnection, TextMessage

from bulk_proto.exchange import faults
from bulk_proto.exchange.faults import AnyFault
from tests.exchange.in_memory import (
    ANNA,
    HANDSHAKE,
    TICKERS,
    Client,
    limit,
    masked,
    of_type,
    still_answers,
    types,
)
from tests.exchange.troubled import ANNAS, ORDER, open_orders, troubled

# Ends


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 4000])
def test_a_close_before_a_transaction_keeps_it_from_being_carried_out(code: int) -> None:
    served = troubled(faults.Close(on="post", code=code))
    client = Client(served)
    assert client.post(ANNA.transaction(ORDER)) == []
    assert client.close_code() == code
    assert client.session.closed
    assert open_orders(served) == 0


@pytest.mark.parametrize("code", [1000, 1011])
def test_a_close_in_place_of_the_answer_comes_after_the_transaction(code: int) -> None:
    served = troubled(faults.Close(on="reply", code=code))
    client = Client(served)
    assert client.post(ANNA.transaction(ORDER)) == []
    assert client.close_code() == code
    assert open_orders(served) == 1


@pytest.mark.parametrize("fault", [faults.Reset(on="reply"), faults.Close(on="reply", code=1006)])
def test_a_reset_loses_what_was_not_yet_sent_and_says_nothing(fault: AnyFault) -> None:
    served = troubled(fault)
    client, other = Client(served), Client(served)
    assert client.post(ANNA.transaction(ORDER)) == []
    assert client.close_code() is None
    assert client.session.closed
    assert client.session.aborted
    assert served.sessions == [other.session]
    assert not other.session.aborted


def test_a_truncated_frame_is_the_last_thing_sent() -> None:
    whole = Client(troubled())
    whole.send_text('{"method":"dance"}')
    expected = whole.session.data_to_send()
    client = Client(troubled(faults.Truncate(on="error")))
    client.send_text('{"method":"dance"}')
    assert client.session.data_to_send() == expected[: len(expected) // 2]
    assert client.session.closed


def test_garbage_breaks_the_protocol_of_the_client() -> None:
    client = Client(troubled(faults.Garbage(on="reply", size=4)))
    client.send_text('{"method":"subscribe","subscription":[{"type":"ticker","symbol":"BTC-USD"}]}')
    client.session.data_to_send()
    client.send_text(client.text_of(ANNA.transaction(ORDER)))
    assert client.session.data_to_send().startswith(b"\xff\xff\xff\xff\x81")


def test_nothing_follows_an_end() -> None:
    script = (
        faults.Close(on="reply", code=1001),
        faults.Garbage(on="reply"),
        faults.Insert(on="reply"),
        faults.Close(on="reply"),
    )
    client = Client(troubled(*script))
    assert client.post(ANNA.transaction(ORDER)) == []
    assert client.close_code() == 1001


# Silence


def test_a_stall_reads_and_sends_nothing_until_it_is_over() -> None:
    served = troubled(faults.Stall(on="post", seconds=45.0), ping_interval=1.0, pong_timeout=1.0)
    client = Client(served)
    client.subscribe(ANNAS)
    assert client.post(ANNA.transaction(ORDER)) == []
    assert client.post(ANNA.transaction(limit("buy", 80.0, 1.0))) == []
    assert open_orders(served) == 1
    served.advance(44.0)
    assert client.messages() == []
    assert not client.session.closed
    served.advance(45.0)
    assert types(client.messages()) == ["post", "account", "post", "account"]
    assert open_orders(served) == 2
    served.advance(46.0)
    assert client.pings() == 1


def test_what_follows_in_the_same_bytes_as_a_stalled_request_waits_as_well() -> None:
    served = troubled(faults.Stall(on="post", seconds=5.0))
    client = Client(served)
    texts = [client.text_of(ANNA.transaction(limit("buy", price, 1.0))) for price in (90.0, 80.0)]
    client.send(b"".join(masked(1, text.encode()) for text in texts))
    assert open_orders(served) == 1
    served.advance(5.0)
    assert open_orders(served) == 2


def test_a_stall_without_end_lasts_until_the_client_leaves() -> None:
    served = troubled(faults.Stall(on="time", at=1.0))
    client = Client(served)
    client.subscribe(TICKERS)
    served.advance(1.0)
    client.messages()
    served.advance(1000.0)
    assert client.messages() == []
    assert not client.session.closed
    assert client.pings() == 0
    client.send(masked(1, b"{}"))
    client.send(b"")
    assert client.session.closed
    assert client.session.data_to_send() == b""


def test_a_client_that_floods_a_stalled_session_is_dropped() -> None:
    served = troubled(faults.Stall(on="time", at=1.0), max_unsent=1000)
    client = Client(served)
    served.advance(1.0)
    client.now = 1.0
    client.send(b"x" * 1000)
    assert not client.session.closed
    client.send(b"x")
    assert client.session.closed


def test_a_handshake_can_be_left_unanswered() -> None:
    served = troubled(faults.Stall(on="handshake"))
    session = served.open_session(0.0)
    session.receive_data(HANDSHAKE, 0.0)
    served.advance(100.0)
    assert session.data_to_send() == b""
    assert not session.closed


def test_a_slow_line_lets_so_many_bytes_a_second_leave() -> None:
    text = '{"method":"subscribe","subscription":[{"type":"ticker","symbol":"BTC-USD"}]}'
    plain = Client(troubled(ticker_interval=99.0))
    plain.send_text(text)
    expected = plain.session.data_to_send()
    for rate in (100.0, 1000.0):
        served = troubled(faults.Slow(on="subscribe", rate=rate), ticker_interval=99.0)
        client = Client(served)
        client.send_text(text)
        got = b""
        while len(got) < len(expected):
            due = served.next_deadline()
            served.advance(due)
            if client.session in served.sessions_with_output():
                got += client.session.data_to_send()
        assert got == expected
        assert due == pytest.approx(len(expected) / rate, rel=0.15)
        assert served.next_deadline() > due + 0.1


def test_a_slow_line_sends_the_rest_at_once_when_the_session_ends() -> None:
    served = troubled(faults.Slow(on="subscribe", rate=1.0))
    client = Client(served)
    client.send_text('{"method":"subscribe","subscription":[{"type":"ticker","symbol":"BTC-USD"}]}')
    client.session.close(1001)
    assert client.session.closed
    assert client.close_code() == 1001
    assert types(client.messages()) == ["subscriptionResponse"]


def test_a_line_can_be_slow_and_stalled() -> None:
    served = troubled(
        faults.Stall(on="subscribe", seconds=2.0),
        faults.Slow(on="subscribe", rate=100.0),
        ticker_interval=9.0,
    )
    client = Client(served)
    client.send_text('{"method":"subscribe","subscription":[{"type":"ticker","symbol":"BTC-USD"}]}')
    served.advance(1.9)
    assert client.session.data_to_send() == b""
    served.advance(2.0)
    assert len(client.session.data_to_send()) == 1


# Connections


def test_connections_are_refused_for_a_while() -> None:
    served = troubled(faults.Refuse(on="time", at=5.0, seconds=2.0))
    assert [served.admits_connection(now) for now in (4.9, 5.0, 6.9, 7.0)] == [True, False, False, True]


def test_a_single_connection_is_refused() -> None:
    served = troubled(faults.Refuse(on="connect", nth=2))
    assert [served.admits_connection(now) for now in (0.0, 1.0, 1.0)] == [True, False, True]


def test_an_end_and_a_refusal_on_one_occasion() -> None:
    served = troubled(faults.Refuse(on="reply", seconds=3.0), faults.Reset(on="reply"))
    client = Client(served)
    client.post(ANNA.transaction(ORDER))
    assert client.session.closed
    assert [served.admits_connection(now) for now in (0.0, 2.9, 3.0)] == [False, False, True]


@pytest.mark.parametrize(("status", "retry_after"), [(401, None), (429, 3), (502, None), (503, 0)])
def test_a_handshake_is_answered_with_a_status(status: int, retry_after: int | None) -> None:
    served = troubled(faults.Status(on="handshake", status=status, retry_after=retry_after))
    refused, accepted = Client(served), Client(served)
    (rejection,) = [event for event in refused.events if isinstance(event, RejectConnection)]
    assert rejection.status_code == status
    waits = [value for name, value in rejection.headers if name == b"retry-after"]
    assert waits == ([] if retry_after is None else [str(retry_after).encode()])
    assert refused.session.closed
    assert still_answers(accepted)


def test_a_handshake_can_end_in_a_reset_or_begin_with_garbage() -> None:
    served = troubled(faults.Reset(on="handshake"), faults.Garbage(on="handshake", nth=2, size=3))
    first, second = served.open_session(0.0), served.open_session(0.0)
    for session in (first, second):
        session.receive_data(HANDSHAKE, 0.0)
    assert (first.data_to_send(), first.closed) == (b"", True)
    assert second.data_to_send().startswith(b"\xff\xff\xffHTTP/1.1 101")


# Half-open


def test_a_half_open_line_takes_everything_and_answers_nothing() -> None:
    served = troubled(faults.HalfOpen(on="post"))
    client = Client(served)
    client.subscribe(ANNAS, TICKERS)
    assert client.post(ANNA.transaction(ORDER)) == []
    assert served.sessions == []
    client.send_text("{}")
    client.send(client.ws.send(Ping()))
    served.advance(1000.0)
    assert client.messages() == []
    assert client.pings() == 0
    assert not client.session.closed
    assert open_orders(served) == 0
    client.send(b"")
    assert client.session.closed


def test_requests_that_waited_are_lost_with_a_half_open_line() -> None:
    served = troubled(faults.Delay(on="post", seconds=1.0), faults.HalfOpen(on="unsubscribe"))
    client = Client(served)
    client.post(ANNA.transaction(ORDER))
    client.ask({"method": "unsubscribe", "topic": "ticker.BTC-USD"})
    served.advance(2.0)
    assert open_orders(served) == 0


def test_what_follows_in_the_same_bytes_is_lost_with_a_half_open_line() -> None:
    served = troubled(faults.HalfOpen(on="unsubscribe"))
    client = Client(served)
    going = client.ws.send(TextMessage(data='{"method":"unsubscribe","topic":"x"}'))
    client.send(going + client.ws.send(TextMessage(data=client.text_of(ANNA.transaction(ORDER)))))
    assert open_orders(served) == 0
    assert len(served.received) == 1


def test_a_half_open_line_ends_in_a_reset_when_the_machine_is_back() -> None:
    served = troubled(faults.HalfOpen(on="post", seconds=5.0))
    client = Client(served)
    client.post(ANNA.transaction(ORDER))
    served.advance(4.9)
    assert not client.session.closed
    served.advance(5.0)
    assert client.session.closed
    assert client.session.aborted
    assert client.session in served.sessions_with_output()


def test_a_handshake_can_meet_a_half_open_line() -> None:
    served = troubled(faults.HalfOpen(on="handshake"))
    client = Client(served)
    assert client.messages() == []
    assert client.events == []
    served.advance(1000.0)
    assert not client.session.closed


def test_neighbours_of_a_half_open_line_go_on() -> None:
    served = troubled(faults.HalfOpen(on="post"))
    gone, other = Client(served), Client(served)
    gone.subscribe(TICKERS)
    other.subscribe(TICKERS)
    gone.post(ANNA.transaction(ORDER))
    served.advance(1.0)
    assert len(of_type(other.messages(), "ticker")) == 5
    assert gone.messages() == []
