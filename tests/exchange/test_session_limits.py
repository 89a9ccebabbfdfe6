"""Keepalive, limits, compression and slow readers: no session outstays its welcome or harms another."""

from __future__ import annotations

import json

from wsproto.events import AcceptConnection, BytesMessage, Ping, Pong
from wsproto.extensions import PerMessageDeflate

from tests.exchange.in_memory import (
    TICKERS,
    Client,
    Trader,
    exchange,
    limit,
    masked,
    of_type,
    quiet,
    still_answers,
)


def test_the_exchange_pings_and_a_pong_keeps_the_session() -> None:
    served = exchange(quiet(ping_interval=30.0, pong_timeout=10.0))
    client = Client(served)
    served.advance(29.9)
    assert client.pings() == 0
    for number in range(1, 4):
        served.advance(30.0 * number)
        assert client.pings() == number
        client.now = 30.0 * number + 5
        client.send(client.ws.send(Pong()))
    served.advance(119.0)
    assert not client.session.closed


def test_a_pong_that_nobody_asked_for_does_not_put_off_the_ping() -> None:
    served = exchange(quiet(ping_interval=30.0))
    client = Client(served)
    client.now = 20.0
    client.send(client.ws.send(Pong()))
    served.advance(30.0)
    assert client.pings() == 1


def test_a_missing_pong_closes_the_session() -> None:
    served = exchange(quiet(ping_interval=30.0, pong_timeout=10.0))
    client = Client(served)
    served.advance(30.0)
    served.advance(39.9)
    assert not client.session.closed
    served.advance(40.0)
    assert client.close_code() == 1011
    assert client.session.closed


def test_a_driver_that_slept_still_gives_the_client_time_for_its_pong() -> None:
    served = exchange(quiet(ping_interval=30.0, pong_timeout=10.0))
    client = Client(served)
    served.advance(500.0)
    assert not client.session.closed
    assert served.next_deadline() <= 510.0


def test_more_than_the_allowed_messages_in_a_second_close_with_1008() -> None:
    client = Client(exchange(quiet(max_messages_per_second=5)))
    for _ in range(5):
        client.send_text("{}")
    client.now = 1.0
    for _ in range(5):
        client.send_text("{}")
    assert client.close_code() is None
    client.send_text("{}")
    assert client.close_code() == 1008


def test_what_follows_a_close_of_the_exchange_is_not_executed() -> None:
    client = Client(exchange(quiet(max_messages_per_second=2)))
    client.send(masked(1, b"{}") * 5)
    assert len(client.messages()) == 2
    assert client.close_code() == 1008


def test_the_exchange_can_close_any_session_at_any_time() -> None:
    served = exchange()
    opening, client = served.open_session(0.0), Client(served)
    opening.close(1001)
    assert opening.closed
    assert opening.data_to_send() == b""
    client.session.close(1001, "maintenance")
    client.session.close(1001)
    assert client.close_code() == 1001
    assert served.sessions == []


def test_binary_messages_count_too() -> None:
    client = Client(exchange(quiet(max_messages_per_second=1)))
    for _ in range(2):
        client.send(client.ws.send(BytesMessage(data=b"x")))
    assert client.close_code() == 1008


def test_the_hundred_and_first_topic_closes_with_1008() -> None:
    client = Client(exchange(quiet(max_subscriptions=3)))
    client.subscribe(TICKERS, {"type": "trades", "symbol": "BTC-USD"})
    client.subscribe(TICKERS, {"type": "risk", "symbol": "BTC-USD"})
    assert client.close_code() is None
    client.subscribe({"type": "risk", "symbol": "ETH-USD"})
    assert client.close_code() == 1008


def test_too_many_entries_close_even_if_none_is_good() -> None:
    client = Client(exchange(quiet(max_subscriptions=3)))
    assert client.subscribe({}, {}, {}, {}) == []
    assert client.close_code() == 1008


def test_a_session_that_does_not_read_is_dropped_and_harms_nobody() -> None:
    served = exchange(quiet(max_unsent=20_000))
    slow, quick = Client(served), Client(served)
    for client in (slow, quick):
        client.subscribe(TICKERS)
    now = 0.0
    while not slow.session.closed:
        now += 0.2
        served.advance(now)
        assert of_type(quick.messages(), "ticker")
    assert now < 60
    assert slow.session in served.sessions_with_output()
    assert slow.session.data_to_send() == b""
    assert served.sessions == [quick.session]
    served.advance(now + 0.2)
    assert slow.session not in served.sessions_with_output()
    assert of_type(quick.messages(), "ticker")


def test_a_session_dropped_by_its_own_errors_is_subscribed_to_nothing() -> None:
    served = exchange(quiet(max_unsent=300))
    client = Client(served)
    client.read()
    bad = [{"type": "bogus"}] * 10
    client.send_text(json.dumps({"method": "subscribe", "subscription": [*bad, TICKERS]}))
    assert client.session.closed
    assert client.session.streams == {}


def test_compression_is_used_when_the_client_offers_it() -> None:
    served = exchange()
    client = Client(served, extensions=[PerMessageDeflate()])
    client.read()
    (accepted,) = client.events
    assert isinstance(accepted, AcceptConnection)
    assert accepted.extensions
    assert still_answers(client)


def test_compression_can_be_switched_off() -> None:
    client = Client(exchange(quiet(compression=False)), extensions=[PerMessageDeflate()])
    client.read()
    (accepted,) = client.events
    assert isinstance(accepted, AcceptConnection)
    assert not accepted.extensions
    assert still_answers(client)


def test_a_large_message_is_framed_correctly() -> None:
    client = Client(exchange(quiet(past_candles=3000)))
    messages = client.subscribe({"type": "candle", "symbol": "BTC-USD", "interval": "10s"})
    assert len(messages[1]["data"]["candles"]) == 3000
    assert len(json.dumps(messages[1])) > 1 << 16


def test_output_is_drained_once_and_announced() -> None:
    served = exchange()
    client = Client(served)
    assert served.sessions_with_output() == []
    client.send(client.ws.send(Ping()))
    assert served.sessions_with_output() == [client.session]
    assert client.session.data_to_send()
    assert client.session.data_to_send() == b""
    assert served.sessions_with_output() == []


def test_a_session_dropped_in_the_middle_of_its_events_gets_no_more() -> None:
    served = exchange(quiet(max_unsent=2_000))
    client, trader = Client(served), Client(served)
    client.subscribe({"type": "account", "user": Trader(1).key})
    rows = trader.rows(Trader(1).transaction(*[limit("buy", 90.0, 1.0)] * 12))
    assert len(rows) == 12
    assert client.session.closed
