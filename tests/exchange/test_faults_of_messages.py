"""Requests, answers and events that are lost, late, doubled or wrong, just when it was asked for."""

from __future__ import annotations

import json

import pytest
from wsproto.events import CloseConnection

from bulk_proto.exchange import Dialect, faults
from bulk_proto.exchange.faults import AnyFault
from tests.exchange.in_memory import (
    ANNA,
    BERT,
    TICKERS,
    Client,
    account_events,
    exchange,
    limit,
    market,
    of_type,
    oid_of,
    quiet,
    still_answers,
    stream,
    trade,
    types,
)
from tests.exchange.troubled import ANNAS, ORDER, open_orders, troubled

# Requests and answers


def test_a_lost_request_is_never_carried_out() -> None:
    served = troubled(faults.Drop(on="post"), faults.Delay(on="post", seconds=1.0))
    client = Client(served)
    assert client.post(ANNA.transaction(ORDER)) == []
    served.advance(10.0)
    assert of_type(client.messages(), "post") == []
    assert open_orders(served) == 0


def test_a_late_request_is_carried_out_later() -> None:
    served = troubled(faults.Delay(on="post", seconds=1.0))
    client = Client(served)
    assert client.post(ANNA.transaction(ORDER)) == []
    served.advance(0.9)
    assert open_orders(served) == 0
    served.advance(1.0)
    assert open_orders(served) == 1
    assert types(client.messages()) == ["post"]


def test_a_late_request_may_be_malformed_or_come_from_a_session_that_is_gone() -> None:
    served = troubled(faults.Delay(on="post", times=0, seconds=1.0))
    client = Client(served)
    client.post({"actions": []})
    client.post(ANNA.transaction(ORDER))
    served.advance(1.0)
    assert types(client.messages()) == ["error", "post"]
    client.now = 1.0
    client.post(ANNA.transaction(limit("buy", 80.0, 1.0)))
    client.session.connection_lost(1.5)
    served.advance(2.0)
    assert open_orders(served) == 2


def test_late_answers_are_overtaken() -> None:
    served = troubled(faults.Delay(on="reply", seconds=1.0))
    client = Client(served)
    client.subscribe(ANNAS)
    assert types(client.post(ANNA.transaction(ORDER))) == ["account"]
    assert client.post(ANNA.transaction(limit("buy", 80.0, 1.0)))[0]["id"] == 2
    served.advance(1.0)
    assert [message["id"] for message in client.messages()] == [1]


def test_an_answer_is_lost_or_doubled() -> None:
    served = troubled(faults.Drop(on="reply"), faults.Double(on="reply", nth=2))
    client = Client(served)
    assert client.post(ANNA.transaction(ORDER)) == []
    assert [message["id"] for message in client.post(ANNA.transaction(ORDER))] == [2, 2]
    assert [message["id"] for message in client.post(ANNA.transaction(ORDER))] == [3]


def test_two_answers_change_places() -> None:
    client = Client(troubled(faults.Swap(on="reply")))
    assert client.post(ANNA.transaction(ORDER)) == []
    assert [message["id"] for message in client.post(ANNA.transaction(ORDER))] == [2, 1]
    assert [message["id"] for message in client.post(ANNA.transaction(ORDER))] == [3]


def test_of_a_doubled_answer_only_the_second_is_held() -> None:
    client = Client(troubled(faults.Double(on="reply"), faults.Swap(on="reply")))
    assert [message["id"] for message in client.post(ANNA.transaction(ORDER))] == [1]
    assert [message["id"] for message in client.post(ANNA.transaction(ORDER))] == [2, 1]


def test_a_message_that_was_held_is_left_alone_by_the_faults_of_the_next() -> None:
    client = Client(troubled(faults.Swap(on="message"), faults.ReverseRows(on="reply", times=0)))
    assert client.subscribe(TICKERS) == []
    assert types(client.post(ANNA.transaction(ORDER))) == ["post", "subscriptionResponse"]


def test_a_message_that_none_follows_is_not_held_for_ever() -> None:
    served = troubled(faults.Swap(on="reply", seconds=0.5))
    client = Client(served)
    assert client.post(ANNA.transaction(ORDER)) == []
    served.advance(0.5)
    assert [message["id"] for message in client.messages()] == [1]


def test_a_held_message_of_a_session_that_ended_is_forgotten() -> None:
    served = troubled(faults.Swap(on="reply", times=0), faults.Drop(on="reply"), faults.Swap(on="reply"))
    client = Client(served)
    client.post(ANNA.transaction(ORDER))
    client.session.connection_lost(0.1)
    served.advance(5.0)
    assert still_answers(Client(served, now=5.0))


def test_the_first_row_belongs_to_the_second_action() -> None:
    batch = (ORDER, limit("sell", 120.0, 1.0))
    plain = Client(troubled()).rows(ANNA.transaction(*batch, nonce=99))
    reversed_ = Client(troubled(faults.ReverseRows(on="reply"))).rows(ANNA.transaction(*batch, nonce=99))
    assert reversed_ == plain[::-1]
    assert oid_of(plain[0]) != oid_of(plain[1])


@pytest.mark.parametrize("fault", [faults.ReverseRows(on="reply"), faults.NoRows(on="reply")])
def test_an_answer_that_is_a_bare_ack_has_no_rows_to_change(fault: AnyFault) -> None:
    served = troubled(fault, dialect=Dialect(ack_replies=True))
    (reply,) = Client(served).post(ANNA.transaction({"rbc": {"to": BERT.key}}))
    assert reply["data"] == {"type": "ack", "ok": True}


def test_an_answer_without_rows() -> None:
    served = troubled(faults.NoRows(on="reply"))
    assert Client(served).rows(ANNA.transaction(ORDER)) == []
    assert open_orders(served) == 1


def test_an_error_that_names_nobody_comes_while_a_request_is_open() -> None:
    client = Client(troubled(faults.Error(on="post", message="made up")))
    error, reply = client.post(ANNA.transaction(ORDER))
    assert error == {"type": "error", "error": {"message": "made up"}}
    assert reply["type"] == "post"


# Events


def test_events_are_lost_doubled_and_change_places() -> None:
    def kinds(*script: AnyFault) -> list[str]:
        client = Client(troubled(*script))
        client.subscribe({"type": "account", "user": BERT.key})
        return [event["type"] for event in account_events(trade(client))]

    assert kinds()[:3] == ["fill", "orderUpdate", "positionUpdate"]
    assert kinds(faults.Drop(on="fill"))[0] == "orderUpdate"
    assert kinds(faults.Double(on="fill"))[:3] == ["fill", "fill", "orderUpdate"]
    assert kinds(faults.Swap(on="account", nth=2))[:3] == ["orderUpdate", "fill", "positionUpdate"]


def test_deltas_are_dropped_and_reordered() -> None:
    def prices(*script: AnyFault) -> list[float]:
        client = Client(troubled(*script))
        client.subscribe(stream("l2Delta"))
        messages = []
        for price in (90.0, 91.0, 92.0):
            messages += client.post(ANNA.transaction(limit("buy", price, 1.0)))
        deltas = of_type(messages, "l2Delta")
        return [message["data"]["book"]["levels"][0][0]["px"] for message in deltas]

    assert prices() == [90.0, 91.0, 92.0]
    assert prices(faults.Drop(on="l2Delta", nth=3)) == [90.0, 92.0]  # the first is the snapshot
    assert prices(faults.Swap(on="l2Delta", nth=2)) == [91.0, 90.0, 92.0]


def test_an_event_of_somebody_else_arrives() -> None:
    client = Client(troubled(faults.WrongAccount(on="orderUpdate")))
    client.subscribe(ANNAS)
    (event,) = of_type(client.post(ANNA.transaction(ORDER)), "account")
    assert event["topic"] == "account." + "1" * 32
    assert event["data"]["type"] == "orderUpdate"


def test_fills_are_told_again_after_a_reconnect() -> None:
    script = (
        faults.ReplayFills(on="accountSnapshot", times=0, count=2),
        faults.ReplayFills(on="accountSnapshot", nth=99, count=9),
    )
    served = troubled(*script)
    client = Client(served)
    assert account_events(client.subscribe(ANNAS), "fill") == []
    told = [account_events(trade(client), "fill")[0] for _ in range(3)]
    again = Client(served)
    events = account_events(again.subscribe(ANNAS))
    assert events[0]["type"] == "accountSnapshot"
    assert events[1:] == told[1:]
    assert account_events(again.subscribe({"type": "account", "user": BERT.key}), "fill") == []


def test_a_replay_of_a_lost_snapshot_is_lost_as_well() -> None:
    client = Client(
        troubled(
            faults.Drop(on="account"), faults.ReplayFills(on="accountSnapshot"), faults.Swap(on="account")
        )
    )
    assert types(client.subscribe(ANNAS)) == ["subscriptionResponse"]


def test_unknown_and_malformed_messages_are_inserted() -> None:
    client = Client(troubled(faults.Insert(on="confirmation"), faults.Insert(on="unsubscribe", text='{"a":')))
    unknown, confirmation = client.subscribe(TICKERS)
    assert unknown["type"] == "messageOfTheFuture"
    assert confirmation["type"] == "subscriptionResponse"
    client.send_text('{"method":"unsubscribe","topic":"ticker.BTC-USD"}')
    assert b'{"a":' in client.session.data_to_send()


# When


def ends(*script: AnyFault, until: float = 20.0) -> list[float]:
    """The moments, to the second, at which one session after the other is closed."""
    served = troubled(*script)
    moments = []
    client = Client(served)
    for second in range(1, int(until) + 1):
        served.advance(float(second))
        if client.session.closed:
            moments.append(float(second))
            client = Client(served, now=float(second))
    return moments


def test_faults_happen_at_a_time_of_their_own() -> None:
    assert ends(faults.Close(on="time", at=3.0)) == [3.0]
    assert ends(faults.Close(on="time", at=3.0, every=5.0, times=2)) == [3.0, 8.0]
    assert ends(faults.Close(on="time", at=3.0, every=5.0, times=0, until=14.0)) == [3.0, 8.0, 13.0]
    assert ends(faults.Close(on="time", at=3.0, every=2.5, times=0, nth=3)) == [8.0, 11.0, 13.0, 16.0, 18.0]


def answered(script: AnyFault, count: int = 12) -> list[int]:
    """Which of so many transactions, one a second, get an answer."""
    client = Client(troubled(script, ping_interval=1e6))
    got = []
    for number in range(1, count + 1):
        client.now = float(number)
        got += [message["id"] for message in of_type(client.post(ANNA.transaction(ORDER)), "post")]
    return got


def test_occasions_are_counted() -> None:
    assert answered(faults.Drop(on="reply", nth=3, times=2), 6) == [1, 2, 5, 6]
    assert answered(faults.Drop(on="reply", nth=2, every=2, times=0), 6) == [1, 3, 5]
    assert answered(faults.Drop(on="reply", times=0, at=3.0, until=5.0), 6) == [1, 2, 5, 6]


def test_chance_is_the_same_in_every_run_and_about_as_often_as_asked() -> None:
    first = answered(faults.Drop(on="reply", times=0, chance=0.3), 200)
    assert first == answered(faults.Drop(on="reply", times=0, chance=0.3), 200)
    assert 110 <= len(first) <= 170


def test_faults_leave_the_order_flow_as_it_is() -> None:
    def book(*script: AnyFault) -> object:
        served = exchange(quiet(flow_rate=20.0, faults=script), seed=4)
        served.advance(10.0)
        return Client(served, now=10.0).subscribe(stream("l2Snapshot"))[1]["data"]

    assert book() == book(faults.Drop(on="message", chance=0.5, nth=9, times=0))


def test_a_fault_of_one_session_does_not_touch_its_neighbour() -> None:
    served = troubled(faults.Close(on="subscribe"), faults.Stall(on="subscribe", nth=2))
    first, second, third = Client(served), Client(served), Client(served)
    assert first.subscribe(TICKERS) == second.subscribe(TICKERS) == []
    assert still_answers(third)
    assert json.dumps(third.post(BERT.transaction(market("buy", 1.0))))
    assert any(isinstance(event, CloseConnection) for event in first.events)
