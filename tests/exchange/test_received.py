"""What an exchange remembers of its clients' requests, and how it forgets."""

from __future__ import annotations

from bulk_proto.exchange import Received, Unreadable
from bulk_proto.exchange.received import Receipt
from tests.exchange.in_memory import ANNA, BERT, TICKERS, Client, cancel_all, exchange, limit, quiet, stream


def test_everything_that_arrives_is_kept_in_order_with_its_moment_and_connection() -> None:
    served = exchange()
    first, second = Client(served), Client(served, now=2.0)
    second.subscribe(TICKERS, {"type": "moon"})
    second.ask({"method": "unsubscribe", "topic": "ticker.BTC-USD"})
    first.now = 3.0
    order = ANNA.transaction(limit("buy", 90.0, 1.0), cancel_all())
    first.post(order)
    first.send_text("{")
    assert [(each.at, each.connection) for each in served.received] == [
        (2.0, 2),
        (2.0, 2),
        (3.0, 1),
        (3.0, 1),
    ]
    assert len(served.received) == 4
    assert served.connections == 2
    assert served.received.subscriptions() == [TICKERS, {"type": "moon"}]
    assert served.received.unsubscriptions() == ["ticker.BTC-USD"]
    assert served.received.transactions() == [order]
    assert served.received.actions() == order["actions"]
    assert served.received.actions("l") == [order["actions"][0]["l"]]
    assert served.received.unreadable() == ["malformed JSON"]
    served.received.clear()
    assert not list(served.received)


def test_what_is_no_transaction_is_kept_and_has_no_actions() -> None:
    served = exchange()
    client = Client(served)
    payloads = [None, {"actions": 7}, {"actions": ["l", None]}]
    for payload in payloads:
        client.post(payload)
    assert served.received.transactions() == payloads
    assert served.received.actions() == ["l"]
    assert served.received.actions("l") == []


def test_the_oldest_requests_are_forgotten() -> None:
    served = exchange(quiet(kept_requests=2))
    client = Client(served)
    for topic in ("a", "b", "c"):
        client.ask({"method": "unsubscribe", "topic": topic})
    assert served.received.unsubscriptions() == ["b", "c"]


def test_receipts_can_be_kept_by_hand() -> None:
    received = Received(limit=1)
    received.add(Receipt(0.0, 1, Unreadable("why")))
    assert received.unreadable() == ["why"]


def test_accounts_and_books_can_be_looked_at_without_a_client() -> None:
    served = exchange()
    client = Client(served)
    client.rows(ANNA.transaction(limit("buy", 90.0, 1.0)))
    _, account = client.subscribe({"type": "account", "user": ANNA.key})
    assert served.account(ANNA.key) == account["data"]
    _, book = client.subscribe(stream("l2Snapshot"))
    assert served.book("BTC-USD") == book["data"]
    assert served.account(BERT.key)["openOrders"] == []
