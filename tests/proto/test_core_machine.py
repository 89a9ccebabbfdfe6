"""The core driven in any order by everything that can happen to it, beside a model of what is subscribed.

The machine plays the driver, the user and the exchange. What must hold is checked after each step.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bulk_proto import subscriptions as topics
from bulk_proto.actions import Action, CancelAll, CancelOrder, LimitOrder, MarketOrder
from bulk_proto.calls import Call
from bulk_proto.core import ClientCore, State
from bulk_proto.enums import OrderStatus, Side
from bulk_proto.errors import (
    ConnectionDropped,
    LinkError,
    NotConnected,
    OutcomeUnknown,
    RepetitionRefused,
    RequestTimedOut,
    SubscriptionRefused,
    TransactionRejected,
    UsageError,
)
from bulk_proto.events import (
    BookStale,
    Connected,
    Disconnected,
    DisconnectReason,
    ErrorReported,
    Event,
    Ticker,
    TickerStale,
)
from bulk_proto.responses import OrderResponses
from bulk_proto.settlement import is_open_question
from bulk_proto.subscriptions import Stream, Subscription

from .peer import (
    KEY,
    OTHER_KEY,
    Peer,
    account_message,
    book_message,
    confirmation,
    make_core,
    order_row,
    post_reply,
    snapshot_of_account,
    ticker_message,
)
from .server_bytes import BINARY, PING, PONG, close, frame

UNIVERSE = (
    topics.ticker("BTC-USD"),
    topics.trades("BTC-USD"),
    topics.l2_snapshot("BTC-USD", 5),
    topics.l2_delta("BTC-USD"),
    topics.l2_snapshot("ETH-USD", aggregation=10.0),
    topics.l2_delta("ETH-USD"),
    topics.candles("BTC-USD", "5m"),
    topics.candles("BTC-USD", "15m"),
    topics.context(),
    topics.account(KEY),
    topics.account(OTHER_KEY),
)
WAITS = ("subscribe", "ready", "settle")  # kinds of calls that a topic served brings to their end
ACCOUNT = ("account", KEY)
STATE_COMES_FIRST = {"l2snapshot", "account"}
FOREIGN_ORDERS = tuple(
    f"{digit}2tZDKsMo1ksF1dGatQaQfZDAPvmydgZzwaNsiKTWQP" for digit in "123"
)  # orders that another client of the account placed
ACTIONS: tuple[Action, ...] = (
    LimitOrder("BTC-USD", Side.BUY, 64000.0, 0.05),
    LimitOrder("BTC-USD", Side.SELL, 64500.0, 0.05),
    MarketOrder("ETH-USD", Side.BUY, 0.1),
    CancelOrder("BTC-USD", "E6b9XTojqT8CASM4t5mQyZPHwATwYKrGFGKFbKP3bBqS", Side.BUY),
    CancelAll(),
)
GARBAGE_TEXTS = ("{", "[]", "null", "1e999", '{"type":"post","id":"x"}', '{"type":"news"}', "[" * 3000)
some_topics = st.lists(st.sampled_from(UNIVERSE), min_size=1, max_size=4)
timeouts = st.sampled_from([None, 0.5, 3.0, 30.0])


@dataclass
class Watched:
    """A call, how often it woke its waiter, and for a subscription what it still waits for."""

    call: Call[Any]
    kind: str
    waits_for: set[Stream] = field(default_factory=set)
    wakes: int = 0
    reported: bool = False
    actions: int = 0
    is_repetition: bool = False
    payload: object = None
    expected: type[Exception] | None = None

    def wake(self) -> None:
        self.wakes += 1


class CoreMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.core: ClientCore = make_core(request_timeout=5.0)
        self.peer: Peer | None = None
        self.link_is_up = False  # between Connected and Disconnected
        self.in_step = True  # False: raw bytes were sent, so the peer's frames may not be read as such
        self.calls: list[Watched] = []
        self.ready: Watched | None = None
        self.wanted: dict[Stream, Subscription] = {}
        self.asked: set[Stream] = set()
        self.confirmed: set[Stream] = set()
        self.primed: set[Stream] = set()
        self.proven: set[Stream] = set()  # confirmed since it is wanted, on any link
        self.put_off: set[Stream] = set()  # refused although proven
        self.posts: dict[int, Watched] = {}
        self.unanswered: list[int] = []
        self.in_doubt: list[tuple[OutcomeUnknown, Watched]] = []
        self.last_id = 0
        self.last_nonce = -1
        self.clock = 1767225600_000_000_000
        self.placed_by_reply: set[str] = set()
        self.heard_at_once: list[dict[str, Any]] = []

    @initialize(
        wanted=st.lists(st.sampled_from(UNIVERSE), max_size=5), started=st.booleans(), hurries=st.booleans()
    )
    def begin(self, wanted: list[Subscription], started: bool, hurries: bool) -> None:
        if hurries:
            self.core.on_urgent_data = self.hear_at_once
        self.core.want(wanted)
        self.wanted.update({one.stream: one for one in wanted})
        if started:
            self.start()
            self.connection_made()
            self.handshake()

    # The user --------------------------------------------------------------------------------------------

    @rule()
    def start(self) -> None:
        if self.core.state is not State.IDLE:
            with_error(UsageError, lambda: self.core.start(self.now))
            return
        self.ready = self.watch(self.core.start(self.now), "ready")
        self.look()

    @rule(which=some_topics, timeout=timeouts)
    def subscribe(self, which: list[Subscription], timeout: float | None) -> None:
        if self.core.state in (State.IDLE, State.CLOSING):
            with_error(NotConnected, lambda: self.core.subscribe(which, self.now, timeout))
            return
        call = self.core.subscribe(which, self.now, timeout)
        new = {one.stream: one for one in which if one.stream not in self.wanted}
        self.wanted.update(new)
        streams = {one.stream for one in which if not self.served(one.stream)}
        self.watch(call, "subscribe", streams)
        self.look(newly_asked=list(new.values()) if self.core.state is State.OPEN else [])

    @rule(which=some_topics)
    def want(self, which: list[Subscription]) -> None:
        if self.core.is_open:
            with_error(UsageError, lambda: self.core.want(which))
            return
        self.core.want(which)
        new = {one.stream: one for one in which if one.stream not in self.wanted}
        self.wanted.update(new)
        self.look()

    @rule(which=some_topics, timeout=timeouts)
    def unsubscribe(self, which: list[Subscription], timeout: float | None) -> None:
        leaving = list(dict.fromkeys(one.stream for one in which if one.stream in self.asked))
        calls = self.core.unsubscribe(which, self.now, timeout)
        for one in which:
            self.wanted.pop(one.stream, None)
            self.proven.discard(one.stream)
            self.forget(one.stream)
            self.done_with(one.stream)
        expected = leaving if self.core.state is State.OPEN else []
        assert len(calls) == len(expected)
        for call, stream in zip(calls, expected, strict=True):
            self.watch(call, "unsubscribe", {stream})
        heard = self.look()
        assert [topics_stream(one["topic"]) for one in heard if one["method"] == "unsubscribe"] == expected

    @rule(bad=st.sampled_from([0, -1.0, float("nan"), float("inf")]))
    def misuse(self, bad: float) -> None:
        with_error((UsageError, NotConnected), lambda: self.core.subscribe(UNIVERSE[:1], self.now, bad))
        with_error(UsageError, lambda: self.core.unsubscribe(UNIVERSE, self.now, bad))
        other = topics.l2_snapshot("BTC-USD", 7)
        if other.stream in self.wanted:
            with_error((UsageError, NotConnected), lambda: self.core.subscribe([other], self.now))
        self.look()

    @rule(actions=st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=3), timeout=timeouts)
    def place_orders(self, actions: list[Action], timeout: float | None) -> None:
        if self.core.state is not State.OPEN:
            with_error(NotConnected, lambda: self.core.place_orders(actions, self.now, timeout=timeout))
            self.look()
            return
        watched = self.watch(self.core.place_orders(actions, self.now, timeout=timeout), "post")
        watched.actions = len(actions)
        (request,) = self.look()
        self.note_post(request, watched)
        nonce = int(request["request"]["payload"]["nonce"])
        assert nonce > self.last_nonce
        self.last_nonce = nonce

    @precondition(lambda self: self.in_doubt)
    @rule(data=st.data())
    def resend(self, data: st.DataObject) -> None:
        """The same bytes, under a number of their own."""
        unknown, first = data.draw(st.sampled_from(self.in_doubt))
        if self.core.state is not State.OPEN:
            with_error(NotConnected, lambda: self.core.resend(unknown, self.now))
            self.look()
            return
        watched = self.watch(self.core.resend(unknown, self.now), "post")
        watched.actions = first.actions
        watched.is_repetition = True
        (request,) = self.look()
        self.note_post(request, watched)
        assert watched.payload == first.payload

    @precondition(lambda self: self.in_doubt)
    @rule(data=st.data(), timeout=timeouts)
    def settle_doubt(self, data: st.DataObject, timeout: float | None) -> None:
        """What waits for an answer or a snapshot is waited for, unless no connection is to come."""
        unknown, _ = data.draw(st.sampled_from(self.in_doubt))
        account = self.core.accounts.get(KEY)
        waits = account is not None and is_open_question(unknown, account)
        if waits and self.core.state in (State.IDLE, State.CLOSING):
            with_error(NotConnected, lambda: self.core.settle(unknown, self.now, timeout))
            return
        again = waits and self.core.state is State.OPEN and account is not None and account.live
        call = self.core.settle(unknown, self.now, timeout)
        assert call.done is not waits
        self.watch(call, "settle", {ACCOUNT} if waits else ())
        self.look(asked_again=[ACCOUNT] if again else [])

    # The line --------------------------------------------------------------------------------------------

    @precondition(lambda self: self.core.state is State.CONNECTING)
    @rule()
    def connection_made(self) -> None:
        self.core.connection_made(self.now)
        self.peer = Peer(self.core)
        self.in_step = True
        self.look()

    @precondition(lambda self: self.core.state is State.HANDSHAKING and self.in_step)
    @rule()
    def handshake(self) -> None:
        """On each new link exactly the wanted topics are asked for, each once, in one message."""
        assert self.peer is not None
        wanted = list(self.wanted.values())
        self.core.receive_data(self.peer.accept(), self.now)
        assert self.core.is_open
        if self.ready is not None:
            self.ready.waits_for = set(self.wanted)
        self.look(newly_asked=wanted)

    @precondition(lambda self: self.core.state not in (State.OPEN, State.CLOSING))
    @rule()
    def come_up(self) -> None:
        """The usual course of things, so that most steps find a link."""
        if self.core.state is State.IDLE:
            self.start()
        while self.core.state is State.WAITING:
            self.wait_for_the_deadline()
        if self.core.state is State.CONNECTING:
            self.connection_made()
        if self.in_step:
            self.handshake()

    @rule(how=st.sampled_from(["reset", "end of stream", "close frame", "handshake refused", "stop"]))
    def end(self, how: str) -> None:
        before = self.core.state
        linked = before in (State.OPEN, State.CLOSING)
        match how:
            case "reset":
                self.core.connection_lost(self.now, how)
            case "end of stream":
                self.core.receive_data(b"", self.now)
            case "close frame" if linked and self.in_step:
                self.core.receive_data(close(1008), self.now)
            case "handshake refused" if before is State.HANDSHAKING:
                self.core.receive_data(b"HTTP/1.1 503 No\r\nRetry-After: 7\r\n\r\n", self.now)
            case "stop":
                self.core.stop(self.now)
            case _:
                return
        self.look()
        if how == "stop":
            assert self.core.state is (State.CLOSING if linked else State.IDLE)
        elif linked:
            assert self.core.state is (State.IDLE if before is State.CLOSING else State.WAITING)

    @rule(data=st.binary(min_size=1, max_size=40), really=st.integers(0, 9))
    def garbage(self, data: bytes, really: int) -> None:
        """Rarely on an open link: nothing that the peer says there afterwards is sure to be understood."""
        if really == 0 or self.core.state is not State.OPEN:
            self.in_step = False
            self.core.receive_data(data, self.now)
            self.look()

    @precondition(lambda self: self.speaks())
    @rule(data=st.sampled_from([frame(PING, b"hi"), frame(PONG), frame(BINARY, b"\x00")]))
    def control_or_binary(self, data: bytes) -> None:
        self.core.receive_data(data, self.now)
        self.look()

    # Time ------------------------------------------------------------------------------------------------

    @rule(seconds=st.floats(0.0, 4.0) | st.sampled_from([0.05, 0.11, 25.0, 61.0, 3600.0]))
    def time_passes(self, seconds: float) -> None:
        """The driver is late: nobody handles the deadline yet."""
        self.now += seconds

    @rule()
    def handle_deadline(self) -> None:
        """Early, late or twice: afterwards nothing is due, and every call whose time is up has ended."""
        self.core.handle_deadline(self.now)
        due = self.core.next_deadline()
        assert due is None or due > self.now
        for watched in self.calls:
            assert watched.call.done or watched.call.deadline > self.now
        self.look()

    @rule()
    def wait_for_the_deadline(self) -> None:
        due = self.core.next_deadline()
        if due is not None:
            self.now = max(self.now, due)
            self.handle_deadline()

    # The exchange ----------------------------------------------------------------------------------------

    @precondition(lambda self: self.speaks())
    @rule(which=st.lists(st.sampled_from(UNIVERSE), max_size=4), spell=st.sampled_from([str, str.upper]))
    def confirm(self, which: list[Subscription], spell: Callable[[str], str]) -> None:
        """In any order, again, and for topics that nobody asked for."""
        names = []
        for one in which:
            kind, _, rest = one.topic.partition(".")
            names.append(f"{spell(kind)}.{rest}" if rest else spell(kind))
        self.say(confirmation(*names))
        for one in which:
            if one.stream in self.asked:
                self.confirmed.add(one.stream)
                self.proven.add(one.stream)
                if self.served(one.stream):
                    self.put_off.discard(one.stream)
                self.settle(one.stream)
        self.look()

    @precondition(lambda self: self.speaks())
    @rule(one=st.sampled_from(UNIVERSE))
    def confirm_leaving(self, one: Subscription) -> None:
        self.say({"type": "unsubscribeResponse", "topic": one.topic})
        for watched in self.calls:
            if watched.kind == "unsubscribe" and one.stream in watched.waits_for:
                assert watched.call.done
        self.look()

    @precondition(lambda self: self.speaks())
    @rule(one=st.sampled_from(UNIVERSE))
    def refuse_topic(self, one: Subscription) -> None:
        """It is given up where it was asked for and never confirmed; all others stay."""
        self.say({"type": "error", "error": {"message": f"cannot subscribe to {one.topic}: no such topic"}})
        if one.stream in self.proven and one.stream in self.asked - self.confirmed:
            self.put_off.add(one.stream)
            due = self.core.next_deadline()
            assert due is not None
            assert due <= self.now + 60.0
        elif one.stream in self.asked and one.stream not in self.confirmed:
            del self.wanted[one.stream]
            self.forget(one.stream)
            for watched in self.calls:
                refusable = watched.kind in ("subscribe", "settle") and not watched.call.succeeded
                if refusable and one.stream in watched.waits_for and not watched.reported:
                    watched.expected = SubscriptionRefused
            self.done_with(one.stream)
        self.look()

    @precondition(lambda self: self.speaks())
    @rule(key=st.sampled_from([KEY, OTHER_KEY]), orders=st.sets(st.sampled_from(FOREIGN_ORDERS)))
    def account_snapshot(self, key: str, orders: set[str]) -> None:
        """Whatever it lists is open, and nothing else but what a reply to this client placed."""
        rows = [order_row(order) | {"timestamp": self.tick()} for order in sorted(orders)]
        positions = [{"symbol": "BTC-USD", "size": 0.5, "price": 64000.0}] if orders else []
        message = snapshot_of_account(*rows, key=key)
        message["data"]["positions"] = positions
        self.say(message)
        stream = ("account", key)
        if stream in self.wanted:
            account = self.core.accounts[key]
            assert account.live
            assert set(account.open_orders) - self.placed_by_reply == orders
            assert {symbol: row.size for (symbol, _), row in account.positions.items()} == {
                row["symbol"]: row["size"] for row in positions
            }
            self.primed.add(stream)
            self.settle(stream)
        self.look()

    @precondition(lambda self: self.speaks())
    @rule(order=st.sampled_from(FOREIGN_ORDERS), status=st.sampled_from(["working", "filled", "cancelled"]))
    def order_update(self, order: str, status: str) -> None:
        row = order_row(order) | {"timestamp": self.tick(), "status": status}
        self.say(account_message({"type": "orderUpdate"} | row))
        if ACCOUNT in self.wanted:
            account = self.core.accounts[KEY]
            assert (order in account.open_orders) is (order not in account.finished)  # which is final
            assert status == "working" or order in account.finished
        self.look()

    @precondition(lambda self: self.speaks())
    @rule(size=st.sampled_from([0.0, 0.5, -1.5]))
    def position_update(self, size: float) -> None:
        self.say(
            account_message({"type": "positionUpdate", "symbol": "BTC-USD", "size": size, "price": 64000.0})
        )
        if ACCOUNT in self.wanted:
            assert self.core.inventory.quantity_for("BTC-USD") == size
        self.look()

    @precondition(lambda self: self.speaks())
    @rule(
        kind=st.sampled_from(["snapshot", "delta"]),
        stream=st.sampled_from(["l2Delta", "l2Snapshot"]),
        bid=st.sampled_from([99.0, 100.0, 102.0]),
        size=st.sampled_from([0.0, 1.0]),
    )
    def book(self, kind: str, stream: str, bid: float, size: float) -> None:
        """Crossed, empty, unasked for: all of it."""
        self.say(book_message(kind, [(bid, size)], [(101.0, 1.0)], stream=stream))
        topic = (stream.lower(), "BTC-USD")
        if kind == "snapshot" and topic in self.wanted:
            self.primed.add(topic)
            self.settle(topic)
        self.look()

    @precondition(lambda self: self.speaks())
    @rule(stream=st.sampled_from(["l2delta.BTC-USD", "l2snapshot.ETH-USD", "l2delta.ETH-USD"]))
    def unreadable_book(self, stream: str) -> None:
        self.say({"type": "l2Delta", "topic": stream, "data": {"book": {"levels": "none"}}})
        self.look()

    @precondition(lambda self: self.speaks())
    @rule(key=st.sampled_from([KEY, OTHER_KEY]))
    def unreadable_account(self, key: str) -> None:
        """What was lost may have been a fill: the account is sent anew before it counts as current."""
        self.say({"type": "account", "topic": f"account.{key}", "data": {"type": "fill", "size": []}})
        stream = ("account", key)
        if stream in self.wanted:
            assert not self.core.accounts[key].live
            self.primed.discard(stream)
        if stream in self.asked:
            due = self.core.next_deadline()
            assert due is not None
            assert due <= self.now + 60.0
        self.look()

    @precondition(lambda self: self.speaks())
    @rule(marks=st.lists(st.floats(1, 1e6), min_size=1, max_size=4), text=st.sampled_from(GARBAGE_TEXTS))
    def tickers_around_garbage(self, marks: list[float], text: str) -> None:
        messages: list[Any] = [ticker_message(mark=mark) for mark in marks]
        self.say(messages[0], text, *messages[1:])
        seen = [event for event in self.core.events() if isinstance(event, Ticker)]
        assert [event.mark_price for event in seen] == marks
        assert self.core.prices == ({"BTC-USD": marks[-1]} if UNIVERSE[0].stream in self.wanted else {})
        self.look()

    @precondition(lambda self: self.speaks())
    @rule(data=st.data(), how=st.sampled_from(["ok", "nothing", "odd", "refused", "error frame"]))
    def answer(self, data: st.DataObject, how: str) -> None:
        """Open requests, those that timed out, those answered before, those that never were."""
        number = data.draw(st.sampled_from([*self.unanswered, 10**6, *list(self.posts)[-2:]]))
        watched = self.posts.get(number)
        was_open = watched is not None and not watched.call.done
        self.note_pending()
        rows: dict[str, list[dict[str, Any]]] = {
            "ok": [{"cancelledIoc": {"filledSz": 0.0}}],
            "nothing": [],
            "odd": [{"teleported": 7}, {"": None}],
        }
        if how == "error frame":
            self.say({"type": "error", "error": {"message": "malformed", "id": number}})
        elif how == "refused":
            self.say(post_reply(number, {"error": {"message": "no"}}, status="error"))
        else:
            self.say(post_reply(number, *rows[how]))
        if number in self.unanswered:
            self.unanswered.remove(number)
        if watched is not None and was_open:
            assert watched.call.done
            if how in ("refused", "error frame"):
                watched.expected = RepetitionRefused if watched.is_repetition else TransactionRejected
        self.look()

    @precondition(lambda self: self.speaks() and self.unanswered)
    @rule(data=st.data())
    def place_by_reply(self, data: st.DataObject) -> None:
        """The ids that orders really have, as pending says."""
        number = data.draw(st.sampled_from(self.unanswered))
        self.unanswered.remove(number)
        pending = self.note_pending()
        self.say(post_reply(number, *({"resting": {"oid": order}} for order in pending)))
        self.look()

    # What must hold --------------------------------------------------------------------------------------

    @invariant()
    def somebody_will_wake_us(self) -> None:
        if self.core.state is not State.IDLE:
            assert self.core.next_deadline() is not None

    @invariant()
    def a_connection_is_wanted_unless_we_rest_or_wait(self) -> None:
        without = self.core.state in (State.IDLE, State.WAITING)
        assert self.core.wants_connection is not without

    @invariant()
    def what_is_kept_at_hand_is_what_the_parts_say(self) -> None:
        core = self.core
        books, subscriptions = core._mirror.books, core.subscriptions
        assert core.has_data_to_send is core._line.has_data_to_send
        assert books.earliest <= min(books._silence.next_look, *books._due.values(), inf)
        waiting = (*subscriptions.retries._put_off.values(), *subscriptions.retries._awaited.values())
        assert subscriptions.retries.earliest == min(waiting, default=inf)
        due = core.next_deadline() or inf
        assert due <= min(
            (call.deadline for _, _, call, _ in core._deadlines._heap if not call.done), default=inf
        )
        if core.state is State.OPEN:
            assert due <= min(books.earliest, subscriptions.retries.earliest)

    @invariant()
    def rest_is_quiet(self) -> None:
        if self.core.state is State.IDLE:
            assert not self.core.wants_connection
            assert not self.core.has_data_to_send
            assert self.core.data_to_send() == b""
            assert self.core.next_deadline() is None

    @invariant()
    def calls_end_once_and_none_is_forgotten(self) -> None:
        state = self.core.state
        for watched in self.calls:
            assert watched.wakes == watched.call.done
            if watched.call.done:
                continue
            assert state is not State.IDLE
            if state is State.WAITING:
                assert watched.kind in ("subscribe", "settle")
            if state in (State.CONNECTING, State.HANDSHAKING):
                assert watched.kind in WAITS

    @invariant()
    def subscriptions_follow_the_model(self) -> None:
        assert self.core.subscriptions.wanted == self.wanted
        books = {
            one.symbol for one in self.wanted.values() if one.type.startswith("l2") and not one.aggregation
        }
        assert set(self.core.order_books) == books
        assert set(self.core.accounts) == {one.user for one in self.wanted.values() if one.user}

    @invariant()
    def nothing_is_current_without_a_link(self) -> None:
        if self.core.state not in (State.OPEN, State.CLOSING):
            assert not any(book.ok or book.live for book in self.core.order_books.values())
            assert not any(account.live for account in self.core.accounts.values())

    @invariant()
    def a_doubtful_book_is_looked_after(self) -> None:
        if self.core.state is State.OPEN and any(not book.ok for book in self.core.order_books.values()):
            due = self.core.next_deadline()
            assert due is not None
            assert due <= self.now + 60.0

    # Beside the core -------------------------------------------------------------------------------------

    def speaks(self) -> bool:
        """May the peer send frames that will be understood?"""
        return self.core.state in (State.OPEN, State.CLOSING) and self.in_step

    def say(self, *messages: Any) -> None:
        assert self.peer is not None
        texts = [one if isinstance(one, str) else json.dumps(one) for one in messages]
        self.core.receive_data(b"".join(frame(0x1, text.encode()) for text in texts), self.now)

    def note_post(self, request: dict[str, Any], watched: Watched) -> None:
        assert request["method"] == "post"
        assert request["id"] > self.last_id
        self.last_id = request["id"]
        watched.payload = request["request"]["payload"]
        self.posts[self.last_id] = watched
        self.unanswered.append(self.last_id)

    def note_pending(self) -> list[str]:
        """A reply may make any of these open, with a known word or an unknown one."""
        account = self.core.accounts.get(KEY)
        pending = list(account.pending) if account is not None else []
        self.placed_by_reply.update(pending)
        return pending

    def tick(self) -> int:
        self.clock += 1_000_000
        return self.clock

    def served(self, stream: Stream) -> bool:
        return stream in self.confirmed and (stream[0] not in STATE_COMES_FIRST or stream in self.primed)

    def settle(self, stream: Stream) -> None:
        if self.served(stream):
            self.done_with(stream)

    def done_with(self, stream: Stream) -> None:
        for watched in self.calls:
            if watched.kind in WAITS:
                watched.waits_for.discard(stream)

    def forget(self, stream: Stream) -> None:
        for known in (self.asked, self.confirmed, self.primed, self.put_off):
            known.discard(stream)

    def watch(self, call: Call[Any], kind: str, waits_for: Iterable[Stream] = ()) -> Watched:
        watched = Watched(call, kind, set(waits_for))
        call.wake_with(watched.wake)
        self.calls.append(watched)
        return watched

    def hear_at_once(self) -> None:
        """A driver that sends an order as soon as it is told."""
        assert self.peer is not None
        self.heard_at_once += self.peer.hear()

    def look(
        self, newly_asked: Sequence[Subscription] = (), asked_again: Sequence[Stream] = ()
    ) -> list[dict[str, Any]]:
        """Read every outlet and compare; returns what the peer heard."""
        heard, self.heard_at_once = self.heard_at_once, []
        heard += self.peer.hear() if self.peer is not None else []
        events = self.core.events()
        stale = self.follow(events)
        self.check_requests(heard, list(newly_asked), [*asked_again, *stale])
        if self.core.state not in (State.HANDSHAKING, State.OPEN, State.CLOSING):
            self.peer = None
            for known in (self.asked, self.confirmed, self.primed, self.put_off):
                known.clear()
            self.unanswered.clear()
        assert self.link_is_up is (self.core.state in (State.OPEN, State.CLOSING))
        self.check_calls()
        return heard

    def follow(self, events: Sequence[Event]) -> list[Stream]:
        """Between two connections there is a disconnection, and the last word matches the state."""
        asked_again: list[Stream] = []
        for event in events:
            assert isinstance(event, Event)
            match event:
                case Connected():
                    assert not self.link_is_up
                    self.link_is_up = True
                case Disconnected(reason=reason, retry_at=retry_at):
                    assert not (self.link_is_up and reason is DisconnectReason.OPENING_TIMEOUT)
                    self.link_is_up = False
                    assert retry_at is None or retry_at >= self.now
                    asked_again.clear()
                case TickerStale(symbol=symbol):
                    assert symbol not in self.core.tickers or self.core.tickers[symbol].stale
                    asked_again.append(("ticker", symbol))
                case BookStale(symbol=symbol):
                    delta = ("l2delta", symbol)
                    asked_again.append(delta if delta in self.wanted else ("l2snapshot", symbol))
                case ErrorReported():
                    assert event.payloads
                case _:
                    pass
        ends = [event for event in events if isinstance(event, Disconnected)]
        if ends and self.core.state in (State.IDLE, State.WAITING):
            assert (ends[-1].retry_at is None) is (self.core.state is State.IDLE)
        return asked_again

    def check_requests(
        self, heard: list[dict[str, Any]], newly_asked: list[Subscription], asked_again: list[Stream]
    ) -> None:
        """Exactly what is new is asked for, and what is asked for again is left first if it was served."""
        requests = [one for one in heard if one["method"] == "subscribe"]
        again_later = self.asked_later(requests)
        if asked_again or again_later:
            left = [topics_stream(one["topic"]) for one in heard if one["method"] == "unsubscribe"]
            served = self.confirmed | {stream for stream in self.primed if stream[0] == "account"}
            assert sorted(left) == sorted({*asked_again, *again_later} & served)
            for stream in {*asked_again, *again_later}:
                self.confirmed.discard(stream)
                self.primed.discard(stream)
        if asked_again:
            again = set(asked_again)
            newly_asked = [one for stream, one in self.wanted.items() if stream in again]
        if again_later:
            again = {*asked_again, *again_later}
            newly_asked = [
                one for stream, one in self.wanted.items() if stream in again or one in newly_asked
            ]
        if newly_asked:
            (request,) = requests
            assert request["subscription"] == [one.to_api() for one in newly_asked]
            self.asked.update(one.stream for one in newly_asked)
        else:
            assert requests == []

    def asked_later(self, requests: list[dict[str, Any]]) -> set[Stream]:
        """Topics that were put off may come with any request; each is then asked for like a new one.

        So may an account that has not been sent, and the delta stream of a book that is right but shallow.
        """
        entries = [entry for request in requests for entry in request["subscription"]]
        awaited = {stream for stream in self.asked - self.primed if stream[0] == "account"}
        books = self.core.order_books
        shallow = {("l2delta", symbol) for symbol, book in books.items() if book.ok and not book.whole}
        late = self.put_off | (awaited & self.wanted.keys()) | (shallow & self.asked & self.wanted.keys())
        found = {stream for stream in late if self.wanted[stream].to_api() in entries}
        self.put_off -= found
        return found

    def check_calls(self) -> None:
        for watched in self.calls:
            call = watched.call
            waits = watched.kind in WAITS
            asked = watched.kind != "ready" or self.core.is_open
            if waits and asked and not watched.waits_for and watched.expected is None:
                assert call.done
            if not call.done or watched.reported:
                continue
            watched.reported = True
            outcome = outcome_of(call)
            lost = LinkError if watched.kind == "ready" else ConnectionDropped
            if watched.expected is not None:
                assert type(outcome) is watched.expected
            elif isinstance(outcome, Exception):
                assert isinstance(outcome, (lost, RequestTimedOut))
                if watched.kind == "post" and isinstance(outcome, OutcomeUnknown):
                    self.in_doubt.append((outcome, watched))
            elif watched.kind == "post":
                assert isinstance(outcome, OrderResponses)
                assert len(outcome) == watched.actions
                assert all(isinstance(one.status, OrderStatus) for one in outcome)
            else:
                assert not (waits and watched.waits_for)


def topics_stream(topic: str) -> Stream:
    kind, _, rest = topic.partition(".")
    return kind.casefold(), rest


def outcome_of(call: Call[Any]) -> object:
    try:
        return call.result()
    except Exception as error:
        return error


def with_error(kinds: type[Exception] | tuple[type[Exception], ...], act: Callable[[], object]) -> None:
    try:
        act()
    except kinds:
        return
    raise AssertionError("misuse was not refused")


def test_whatever_happens_in_any_order_the_core_keeps_its_promises() -> None:
    run_state_machine_as_test(
        CoreMachine, settings=settings(max_examples=250, stateful_step_count=40, deadline=None)
    )
