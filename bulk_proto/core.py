"""The core: everything that outlives one connection, decided without waiting for anything.

A driver reports what happened (:meth:`~ClientCore.connection_made`, :meth:`~ClientCore.receive_data`,
:meth:`~ClientCore.connection_lost`, :meth:`~ClientCore.handle_deadline`) and then looks at four outlets:

* :attr:`~ClientCore.wants_connection`: should a connection exist right now?
* :meth:`~ClientCore.data_to_send`: bytes for it
* :meth:`~ClientCore.events`: news for the application
* :meth:`~ClientCore.next_deadline`: when to call ``handle_deadline`` next

The outlets are levels, not edges: reading one twice does no harm. No method blocks, reads a clock, or
raises because of what the peer did; misuse by the caller raises before anything is sent. ``now`` is
always in seconds of the driver's own clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

from . import wire
from .account import Account
from .actions import Action
from .book import OrderBook
from .calls import Call, Deadlines
from .config import Config
from .desk import Desk
from .enums import OrderStatus
from .errors import BulkError, LinkError, NotConnected, OutcomeUnknown, RequestTimedOut, UsageError
from .events import (
    BookStale,
    Connected,
    Disconnected,
    DisconnectReason,
    ErrorReported,
    Event,
    MessageRefused,
    Ticker,
)
from .inventory import Inventory
from .line import Line, State
from .mirror import Mirror
from .replies import PostReply, Reply, SubscriptionConfirmed, UnsubscriptionConfirmed
from .responses import OrderResponses
from .resync import Resync
from .settlement import is_open_question, settlement
from .signing.signer import Signer
from .subscription_table import SubscriptionTable
from .subscriptions import Stream, Subscription

__all__ = ["ClientCore", "Direction", "State"]

_OPEN = State.OPEN  # by itself, because finding a member in its Enum costs more than all that asks for it


class Direction(Enum):
    """Which way a traced message went."""

    SENT = "→"
    RECEIVED = "←"


class ClientCore:
    """One client of the exchange, without any I/O.

    ``signer`` is needed for trading only. ``account`` is the public key whose positions and orders
    change; without it, the signer's own. An agent wallet signs for another account, for example.
    ``trace`` is called with the text of every message, for debugging; it must not raise.
    """

    def __init__(
        self,
        config: Config,
        *,
        signer: Signer | None = None,
        account: str | None = None,
        inventory: Inventory | None = None,
        trace: Callable[[Direction, bytes], None] | None = None,
    ) -> None:
        self.config = config
        self.signer = signer
        self.account = account or (signer.public_key if signer is not None else None)
        self.inventory = Inventory() if inventory is None else inventory
        self.last_error: BulkError | None = None
        self.subscriptions = SubscriptionTable(config.max_subscriptions)
        self._mirror = Mirror(config, self.subscriptions, self.inventory, self.account)
        self._deadlines = Deadlines()
        self._desk = Desk(
            config, signer, self.account, self._deadlines, self._mirror.accounts.get, self._send
        )
        self._trace = trace
        self._line = Line(config, self._on_opened, self._on_lost)
        self._events: list[Event] = []
        self._ready: Call[None] | None = None
        self._resync: Resync | None = None
        self._served_again: Call[None] | None = None
        self._answers: dict[type, Callable[[Any], object]] = {
            PostReply: self._desk.posts.answer,
            SubscriptionConfirmed: lambda reply: self.subscriptions.confirm(reply.topics),
            UnsubscriptionConfirmed: lambda reply: self.subscriptions.confirm_leaving(reply.stream),
        }

    # What the user wants ---------------------------------------------------------------------------------

    def start(self, now: float) -> Call[None]:
        """Connect, and stay connected until :meth:`stop`.

        The call resolves when the link is open, every topic wanted by now is confirmed and the first
        account snapshots are applied. It fails with a :class:`LinkError` when the first attempt to
        connect fails, and with ``RequestTimedOut`` when all this takes too long; neither ends the
        core, which goes on trying.
        """
        self._line.start(now)
        self._resync = None
        self.last_error = None
        deadline = now + self.config.opening_timeout + self.config.ready_timeout
        self._ready = self._new_call(
            deadline,
            "the exchange did not confirm every subscription in time; those that are missing stay wanted",
        )
        return self._ready

    def stop(self, now: float) -> None:
        """Close the connection for good; calls that are still open then fail. Harmless without one."""
        self._line.stop(now)

    def want(self, subscriptions: Sequence[Subscription]) -> None:
        """Want these topics without waiting for them; they are asked for as soon as a link is open.

        Raises :class:`SubscriptionLimit` or :class:`UsageError`, with nothing changed.
        """
        self.subscriptions.want(subscriptions)
        self._mirror.want(subscriptions)
        self._ask()

    def subscribe(
        self, subscriptions: Sequence[Subscription], now: float, timeout: float | None = None
    ) -> Call[None]:
        """Want these topics, now and after every reconnection. Asking twice sends once.

        The call resolves when the exchange has confirmed all of them that are still wanted (and, for
        periodic books and accounts, sent their first state). It fails with ``SubscriptionRefused`` when
        an error names one of them, which is not wanted any more then; with ``RequestTimedOut`` without
        an answer, and all stay wanted; with ``ConnectionDropped`` after :meth:`stop`.
        Raises ``NotConnected``, :class:`SubscriptionLimit` or :class:`UsageError` at once, with nothing
        changed. A connection that is being made (again) is waited for; one never started is not.
        """
        self._require_started()
        deadline = self._deadline(now, timeout)
        if self.state is State.OPEN:
            self._desk.make_room(now)
        self.want(subscriptions)
        call = self._new_call(
            deadline,
            f"the exchange did not confirm {_names(subscriptions)} in time; unsubscribe to want it no longer",
        )
        self.subscriptions.wait(call, [subscription.stream for subscription in subscriptions])
        if self.state is State.OPEN:
            self._mirror.books.expect_snapshots(now)
        return call

    def unsubscribe(
        self, subscriptions: Sequence[Subscription], now: float, timeout: float | None = None
    ) -> list[Call[None]]:
        """Want these topics no longer: they do not come back after a reconnection either.

        Returns one call for each topic that the exchange must confirm; a lost connection does as well.
        Raises :class:`UsageError` for an impossible ``timeout``, with nothing changed.
        """
        deadline = self._deadline(now, timeout)
        if self.state is State.OPEN:
            self._desk.make_room(now)
        self._mirror.unwant(subscriptions)  # first: whoever waited for these finds them gone
        leaving = self.subscriptions.unwant(subscription.stream for subscription in subscriptions)
        if self.state is not State.OPEN:
            return []
        calls = []
        for stream, topic in leaving:
            call = self._new_call(
                deadline, f"the exchange did not confirm leaving {topic} in time; it is not wanted any more"
            )
            self.subscriptions.wait_to_leave(call, stream)
            self._send(wire.unsubscribe(topic))
            calls.append(call)
        return calls

    def place_orders(
        self,
        actions: Sequence[Action],
        now: float,
        *,
        timeout: float | None = None,
        nonce: int | None = None,
        account: str | None = None,
    ) -> Call[OrderResponses]:
        """Sign the actions as one transaction and send it. One response for each action, in their order.

        Actions run in order and contiguously, but each may fail on its own: judge every response alone.
        The call fails with ``TransactionRejected`` when the whole transaction was refused, and with
        ``RequestTimedOut`` or ``ConnectionDropped`` when the outcome is unknown. Nothing is ever sent
        twice or queued. Raises ``SignerMissing``, ``NotConnected`` or ``InvalidAction`` at once.
        """
        self._desk.require_signer()
        self._require_open()
        return self._desk.place(actions, now, self._deadline(now, timeout), nonce, account)

    def resend(
        self, unknown: OutcomeUnknown, now: float, timeout: float | None = None
    ) -> Call[OrderResponses]:
        """Send the same signed bytes again: the one way to repeat that cannot double an order.

        When the first did arrive, the answer is ``rejectedDuplicate`` for its orders or a
        ``TransactionRejected`` for its nonce: neither says that nothing was executed, so
        :meth:`settle` it. Raises ``NotConnected``, ``RateLimited`` or :class:`UsageError` at once.
        """
        self._require_open()
        return self._desk.resend(unknown, now, self._deadline(now, timeout))

    def settle(
        self, unknown: OutcomeUnknown, now: float, timeout: float | None = None
    ) -> Call[dict[str, OrderStatus]]:
        """Find out what became of orders without an answer, by order id.

        The orders are those that were placed, and those that a cancel or a modification names. Resolves
        when the exchange has sent the whole account anew, after the next connection if there is none; at
        once when it has told the end of each order already. A status that lives or has ended is what the
        exchange said. ``GONE`` means not open: it has ended, or was never placed, and the account does not
        tell which. ``UNKNOWN`` means that the account is not subscribed, so that nothing can be known.

        On a link that stays open a ``GONE`` order may still be executed later: the transaction can wait
        in a queue of the exchange while the account is sent. So :meth:`resend` first, which brings an
        answer about the same bytes, and settle what stays unknown after that.

        Fails with ``RequestTimedOut`` when the account does not come in time; asking again is harmless.
        Raises ``NotConnected`` at once when there is something to wait for, but neither a connection nor
        one to come.
        """
        key = unknown.account or ""
        account = self.accounts.get(key)
        awaited = account is not None and is_open_question(unknown, account)
        if awaited:
            self._require_started()
        fresh = self._new_call(
            self._deadline(now, timeout), "the account was not sent in time: ask again, which is harmless"
        )
        if account is None or not awaited:
            fresh.resolve(None)
        else:
            stream = ("account", account.pubkey)
            if self.state is State.OPEN and account.live:
                self._ask_again(stream)
                self._ask()
            self.subscriptions.wait(fresh, [stream])
        return fresh.then(lambda _: settlement(unknown, self.accounts.get(key)))

    # What the driver reports -----------------------------------------------------------------------------

    def connection_made(self, now: float) -> None:
        """TCP (and TLS) stand; the WebSocket handshake begins."""
        self._line.connection_made(now)

    def connection_lost(self, now: float, reason: LinkError | str) -> None:
        """The connection broke or could not be made. ``reason`` is for people.

        A driver that knows more hands over the error itself, a ``TlsError`` for example: it becomes
        :attr:`last_error` and what :meth:`start` fails with.
        """
        self._line.connection_lost(now, reason)

    def receive_data(self, data: bytes, now: float) -> None:
        """Bytes from the exchange, cut anywhere; ``b""`` is the end of the stream."""
        texts = self._line.only_texts(data, now)
        if texts is not None:
            self._on_texts(texts, now)
        else:
            self._on_other_bytes(data, now)
        if self._served_again is not None:
            self._look_at_replay(self._served_again, now)

    def handle_deadline(self, now: float) -> None:
        """Act on every deadline that has passed; calling early or twice is harmless."""
        self._line.handle_deadline(now)
        if self.state is State.OPEN:
            for topic in self.subscriptions.expire(now):
                self._send(wire.unsubscribe(topic))
            self._refresh_books(now)
        self._deadlines.expire(now)
        if self._served_again is not None:
            self._look_at_replay(self._served_again, now)

    # Outlets ---------------------------------------------------------------------------------------------

    @property
    def wants_connection(self) -> bool:
        """True while a connection should be made or kept. Flush ``data_to_send()`` before hanging up."""
        return self._line.is_wanted

    def data_to_send(self) -> bytes:
        """Bytes to write, each returned once. The close frame is still here when the link is gone."""
        return self._line.data_to_send()

    @property
    def has_data_to_send(self) -> bool:
        """True when ``data_to_send()`` would return something."""
        return self._line.has_data_to_send

    def events(self) -> list[Event]:
        """Everything that happened since the last call, oldest first, whatever caused it."""
        found, self._events = self._events, []
        return found

    def next_deadline(self) -> float | None:
        """When ``handle_deadline`` wants to be called; None when nothing is due."""
        dues = [self._line.next_deadline(), self._deadlines.next()]
        if self._line.state is _OPEN:
            dues += self._mirror.books.next_due(), self.subscriptions.next_due()
        known = [due for due in dues if due is not None]
        return min(known) if known else None

    # State, for reading only ----------------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self._line.state

    @property
    def is_open(self) -> bool:
        return self._line.state is State.OPEN

    @property
    def tickers(self) -> dict[str, Ticker]:
        return self._mirror.tickers

    @property
    def prices(self) -> dict[str, float]:
        return self._mirror.prices

    @property
    def order_books(self) -> dict[str, OrderBook]:
        return self._mirror.books.by_symbol

    @property
    def accounts(self) -> dict[str, Account]:
        return self._mirror.accounts

    # The line --------------------------------------------------------------------------------------------

    def _on_opened(self, connected: Connected, now: float) -> None:
        self._mirror.books.expect_snapshots(now)
        self._ask()
        self._events.append(connected)
        wanted = list(self.subscriptions.wanted)
        if self._ready is not None:
            self.subscriptions.wait(self._ready, wanted, despite_refusals=True)
        if connected.resumed:
            served = self._new_call(now + self.config.ready_timeout, "not every topic was confirmed again")
            self.subscriptions.wait(served, wanted, despite_refusals=True)
            self._served_again = served

    def _look_at_replay(self, served: Call[None], now: float) -> None:
        """Seen after whole reads only, so that the events it sums up are out already."""
        if not served.done:
            return
        self._served_again = None
        if self._resync is not None and self.is_open:
            missing = [] if served.succeeded else self.subscriptions.unserved()
            self._events.append(self._resync.over(now, self.accounts, self._mirror.books, missing))
            self._resync = None

    def _on_lost(self, disconnected: Disconnected, error: LinkError, now: float) -> None:
        """Tell everybody who relied on the link."""
        is_the_end = disconnected.retry_at is None
        if disconnected.reason is not DisconnectReason.CLOSED_BY_USER:
            self.last_error = error
        if not is_the_end:
            self._resync = self._resync or Resync(now, self.accounts)
        self._served_again = None
        self._mirror.link_lost()
        self.subscriptions.link_lost()
        self._events.append(disconnected)
        self._desk.posts.link_lost(disconnected.reason.value)
        ready, self._ready = self._ready, None
        if ready is not None:
            ready.fail(error)
        if is_the_end:
            self.subscriptions.stopped(disconnected.reason.value)

    # Messages --------------------------------------------------------------------------------------------

    def _on_other_bytes(self, data: bytes, now: float) -> None:
        for found in self._line.receive(data, now):
            if isinstance(found, list):
                self._on_texts(found, now)
            else:
                self._events.append(MessageRefused("a binary message; the exchange sends text only", b""))

    def _on_texts(self, texts: list[bytes], now: float) -> None:
        """The busiest loop of all: what most messages do not need is not in it."""
        trace, decode, observers, events = self._trace, wire.decode, self._mirror.observers, self._events
        for text in texts:
            if trace is not None:
                trace(Direction.RECEIVED, text)
            message = decode(text)
            observe = observers.get(type(message))
            if observe is not None:
                observe(message, now)
                events.append(message)  # type: ignore[arg-type]  # a reply has no observer
            else:
                self._on_message(message, now)

    def _on_message(self, message: Event | Reply, now: float) -> None:
        answer = self._answers.get(type(message))
        if answer is not None:
            answer(message)
        elif isinstance(message, ErrorReported):
            self._on_error(message, now)
        else:
            self._events += self._mirror.apply(message)  # type: ignore[arg-type]  # no reply is left

    def _on_error(self, error: ErrorReported, now: float) -> None:
        """With an id it answers that request; without one it says nothing about any open request."""
        if error.request_id is not None:
            self._desk.posts.refuse(error.request_id, error.message)
        elif (refused := self.subscriptions.refuse(error.message, now)) is None:
            pass
        elif refused.stream in self.subscriptions.wanted:
            self._mirror.not_served(refused)
        else:
            self._mirror.unwant([refused])
        self._events.append(error)

    # Requests --------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        """Send what is wanted and not yet asked for on this link, all in one message."""
        if self.state is State.OPEN and (fresh := self.subscriptions.to_ask()):
            self._send(wire.subscribe([subscription.to_api() for subscription in fresh]))

    def _refresh_books(self, now: float) -> None:
        """Ask again for books that stay empty or wrong."""
        self._mirror.books.expect_snapshots(now)
        for book, stream in self._mirror.books.expire(now):
            self._ask_again(stream)
            self._events.append(BookStale(book.symbol, book.why or "no snapshot came"))
        self._ask()

    def _ask_again(self, stream: Stream) -> None:
        """Leave a wanted topic, so that the next :meth:`_ask` brings its first state again."""
        topic = self.subscriptions.ask_again(stream)
        if topic is not None:
            self._send(wire.unsubscribe(topic))

    def _send(self, text: bytes) -> None:
        if self._trace is not None:
            self._trace(Direction.SENT, text)
        self._line.send(text)

    def _require_started(self) -> None:
        if self.state in (State.IDLE, State.CLOSING):
            raise NotConnected("nothing was sent: there is no connection to wait for, call connect() first")

    def _require_open(self) -> None:
        if self.state is not State.OPEN:
            raise NotConnected(
                f"nothing was sent: there is no open connection ({self.state.name}), and orders are never "
                "queued: connect(), or wait for Topic.CONNECTED"
            )

    def _deadline(self, now: float, timeout: float | None) -> float:
        seconds = self.config.request_timeout if timeout is None else timeout
        if not isinstance(seconds, int | float) or not 0 < seconds < float("inf"):
            raise UsageError("a time-out is a number of seconds above 0")
        return now + seconds

    def _new_call(self, deadline: float, on_expiry: str) -> Call[None]:
        call: Call[None] = Call(deadline)
        self._deadlines.add(call, lambda: call.fail(RequestTimedOut(on_expiry)))
        return call


def _names(subscriptions: Sequence[Subscription]) -> str:
    names = [subscription.topic for subscription in subscriptions]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
