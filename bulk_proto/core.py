"""The core: everything that outlives one connection, decided without waiting for anything.

A driver reports what happened (:meth:`~ClientCore.connection_made`, :meth:`~ClientCore.receive_data`,
:meth:`~ClientCore.connection_lost`, :meth:`~ClientCore.handle_deadline`) and then looks at four outlets:

* :attr:`~ClientCore.wants_connection`: should a connection exist right now?
* :meth:`~ClientCore.data_to_send`: bytes for it
* :meth:`~ClientCore.events`: news for the application
* :meth:`~ClientCore.next_deadline`: when to call ``handle_deadline`` next

What the user of a core may ask for is in :mod:`bulk_proto.wishes` and :mod:`bulk_proto.settling`.

One callback stands beside them, :attr:`~ClientCore.on_urgent_data`: an order should not wait for the rest.

Reading an outlet twice does no harm: what was taken is not given again. No method blocks, reads a clock, or
raises because of what the peer did; misuse by the caller raises before anything is sent. ``now`` is
always in seconds of the driver's own clock.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from . import wire
from .book import OrderBook
from .calls import Call, Deadlines
from .config import Config
from .desk import Desk
from .errors import LinkError, UsageError
from .events import (
    Connected,
    Disconnected,
    DisconnectReason,
    ErrorReported,
    Event,
    L2Delta,
    Ticker,
)
from .incoming import Incoming
from .inventory import Inventory
from .line import Line, State
from .mirror import Mirror
from .outgoing import Direction
from .refreshing import Refreshing
from .replies import PostReply, Reply, SubscriptionConfirmed, UnclearReply, UnsubscriptionConfirmed
from .resync import Resync
from .settling import Settling
from .signing.encoding import account_bytes
from .signing.signer import Signer
from .subscription_table import SubscriptionTable
from .wishes import Wishes

__all__ = ["ClientCore", "Direction", "State"]

_OPEN = State.OPEN  # by itself, because finding a member in its Enum costs more than all that asks for it


class ClientCore(Wishes, Settling, Incoming, Refreshing):
    """One client of the exchange, without any I/O.

    ``signer`` is needed for trading only. ``account`` is the public key whose positions and orders
    change; without it, the signer's own. An agent wallet signs for another account, for example.
    ``trace`` is called with the text of every message, for debugging; it must not raise.

    Raises ``InvalidKey`` for an account that is no public key, the empty text of an unset variable among
    them, and :class:`UsageError` for a signer or an inventory that is none.
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
        if signer is not None and not hasattr(signer, "sign"):  # the text may be a key: it is not shown
            raise UsageError("a signer is a TransactionSigner(<base58 private key>), or signs as one does")
        if account is not None:
            account_bytes(account)
        self.config = config
        self.signer = signer
        self.account = signer.public_key if account is None and signer is not None else account
        self.inventory = Inventory() if inventory is None else inventory
        self.on_urgent_data = _nothing
        self.last_error = None
        self.subscriptions = SubscriptionTable(config.max_subscriptions)
        self._mirror = Mirror(config, self.subscriptions, self.inventory, self.account)
        self._deadlines = Deadlines()
        self._desk = Desk(
            config, signer, self.account, self._deadlines, self._mirror.accounts, self._send_at_once
        )
        self._trace = trace
        self._line = Line(config, self._on_opened, self._on_lost)
        self._line_changed()
        self._ready = None
        self._resync = None
        self._served_again: Call[None] | None = None
        self._events: list[Event] = []
        self._news_at = -inf  # when something was told that was no answer
        self._asked_after = {}
        self._decode = wire.decode if trace is None else self._traced
        self._decode_all = wire.decode_all if trace is None else self._all_traced
        self._answers: dict[type, Callable[[Any, float], object]] = {
            PostReply: self._on_reply,
            UnclearReply: self._on_unclear_reply,
            SubscriptionConfirmed: lambda reply, now: self.subscriptions.confirm(reply.topics),
            UnsubscriptionConfirmed: lambda reply, now: self.subscriptions.confirm_leaving(reply.topic),
        }

    # What the driver reports -----------------------------------------------------------------------------

    def connection_made(self, now: float) -> None:
        """TCP (and TLS) stand; the WebSocket handshake begins."""
        self._line.connection_made(now)
        self._line_changed()

    def connection_lost(self, now: float, reason: LinkError | str) -> None:
        """The connection broke or could not be made. ``reason`` is for people.

        A driver that knows more hands over the error itself, a ``TlsError`` for example: it becomes
        :attr:`last_error` and what :meth:`start` fails with.
        """
        self._line.connection_lost(now, reason)
        self._line_changed()

    def driver_stopped(self, now: float, reason: str) -> None:
        """The driver itself ends, whatever the core wishes: rest at once. ``reason`` is for people."""
        self._line.driver_stopped(now, reason)
        self._line_changed()

    def receive_data(self, data: bytes, now: float) -> None:
        """Bytes from the exchange, cut anywhere; ``b""`` is the end of the stream."""
        mirror, events = self._mirror, self._events
        books = mirror.books.by_symbol
        text = self._line.sole_text(data, now)
        found = self._messages_in(data, now) if text is None else (self._decode(text),)
        for message in found:
            # The busiest loop of all: what most messages do not need is not in it.
            if type(message) is L2Delta:
                book = books.get(message.symbol)
                if book is not None:
                    book.apply_delta(message, now)
                    if not book.ok and book.live:
                        mirror.books.give_grace(book, now)
                events.append(message)
                continue
            observe = mirror.observers.get(type(message))
            if observe is not None:
                observe(message, now)
                events.append(message)  # type: ignore[arg-type]  # a reply has no observer
            else:
                self._on_message(message, now)
        if events:
            self._news_at = now
        if self._served_again is not None:
            self._look_at_replay(self._served_again, now)

    def handle_deadline(self, now: float) -> None:
        """Act on every deadline that has passed; calling early or twice is harmless."""
        self._line.handle_deadline(now)
        self._line_changed()
        if self.state is State.OPEN:
            self._refresh(now)
        self._deadlines.expire(now)
        if self._served_again is not None:
            self._look_at_replay(self._served_again, now)

    # Outlets ---------------------------------------------------------------------------------------------

    def data_to_send(self) -> bytes:
        """Bytes to write, each returned once. The close frame is still here when the link is gone."""
        self.has_data_to_send = False
        return self._line.data_to_send()

    def events(self) -> list[Event]:
        """Everything that happened since the last call, oldest first, whatever caused it."""
        found, self._events = self._events, []
        return found

    def next_deadline(self) -> float | None:
        """When ``handle_deadline`` wants to be called; None when nothing is due.

        That is the earliest deadline of the line, of calls, and on an open link of books, tickers and topics.
        """
        due = self._line.timers.earliest
        if self._deadlines.earliest < due:
            due = min(due, self._deadlines.next())
        if self._line.state is _OPEN:
            if self._mirror.books.earliest < due:
                due = self._mirror.books.earliest
            if self._mirror.ticker_watch.earliest < due:
                due = self._mirror.ticker_watch.earliest
            if self.subscriptions.retries.earliest < due:
                due = self.subscriptions.retries.earliest
        return None if due == inf else due

    # State, for reading only ----------------------------------------------------------------------------

    @property
    def tickers(self) -> dict[str, Ticker]:
        return self._mirror.tickers

    @property
    def prices(self) -> dict[str, float]:
        return self._mirror.prices

    @property
    def order_books(self) -> dict[str, OrderBook]:
        return self._mirror.books.by_symbol

    # The line --------------------------------------------------------------------------------------------

    def _on_opened(self, connected: Connected, now: float) -> None:
        self._ask(now)
        self._expect_state(now)
        self._events.append(connected)
        wanted = list(self.subscriptions.wanted)
        if self._ready is not None:
            self._expect_ready(self._ready, wanted, now)
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

    def _on_message(self, message: Event | Reply, now: float) -> None:
        answer = self._answers.get(type(message))
        if answer is not None:
            answer(message, now)
        elif isinstance(message, ErrorReported):
            self._on_error(message, now)
        else:
            self._events += self._mirror.apply(message, now)  # type: ignore[arg-type]  # no reply is left

    def _on_reply(self, reply: PostReply, now: float) -> None:
        self._desk.posts.answer(reply)
        self._mirror.look_at_disputes(now)

    def _on_unclear_reply(self, reply: UnclearReply, now: float) -> None:
        self._desk.posts.unclear(reply)
        self._events.append(reply.event)

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


def _nothing() -> None:
    """``on_urgent_data`` until a driver sets it."""
