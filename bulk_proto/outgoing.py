"""How a core says something to the exchange, and waits for the answer until a deadline."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from . import wire
from .account import Account
from .calls import Call, Deadlines
from .config import Config
from .desk import Desk
from .errors import NotConnected, RequestTimedOut, UsageError
from .line import Line, State
from .mirror import Mirror
from .subscription_table import SubscriptionTable
from .subscriptions import Stream

AT_REST = (State.IDLE, State.CLOSING)


class Direction(Enum):
    """Which way a traced message went."""

    SENT = "→"
    RECEIVED = "←"


class Outgoing:
    """The part of a :class:`~bulk_proto.core.ClientCore` that asks for topics and sends texts."""

    config: Config
    wants_connection: bool
    """True while a connection should be made or kept. Flush ``data_to_send()`` before hanging up."""
    has_data_to_send: bool
    """True when ``data_to_send()`` would return something."""
    on_urgent_data: Callable[[], object]
    """Called when a transaction waits in ``data_to_send()``; the core's own bookkeeping comes after that.

    For a driver that can hand bytes over at once. It may call ``data_to_send()`` and nothing else of the
    core, and must not raise. Does nothing unless set: then the bytes leave when the driver next looks.
    """
    subscriptions: SubscriptionTable
    _asked_after: dict[Stream, int]  # the last request before each topic was asked for
    _deadlines: Deadlines
    _desk: Desk
    _line: Line
    _mirror: Mirror
    _trace: Callable[[Direction, bytes], None] | None

    @property
    def state(self) -> State:
        """Where the line to the exchange stands."""
        return self._line.state

    @property
    def is_open(self) -> bool:
        return self._line.state is State.OPEN

    @property
    def accounts(self) -> dict[str, Account]:
        return self._mirror.accounts

    def _ask(self, now: float) -> None:
        """Send what is wanted and not yet asked for on this link, all in one message."""
        if self.state is State.OPEN and (fresh := self.subscriptions.to_ask()):
            self._asked_after.update(
                {subscription.stream: self._desk.posts.last_id for subscription in fresh}
            )
            self._send(wire.subscribe([subscription.to_api() for subscription in fresh]), now)

    def _expect_state(self, now: float) -> None:
        """Tickers, books and accounts were asked for: they must come soon."""
        self._mirror.books.expect_snapshots(now)
        self._mirror.ticker_watch.expect(self.subscriptions.asked("ticker"), now)
        self.subscriptions.expect(now)

    def _ask_again(self, stream: Stream, now: float) -> None:
        """Leave a wanted topic, so that the next :meth:`_ask` brings its first state again."""
        topic = self.subscriptions.ask_again(stream)
        if topic is not None:
            self._send(wire.unsubscribe(topic), now)

    def _send(self, text: bytes, now: float) -> None:
        if self._trace is not None:
            self._trace(Direction.SENT, text)
        self._line.send(text, now)
        self.has_data_to_send = self._line.has_data_to_send

    def _send_at_once(self, text: bytes, now: float) -> None:
        self._send(text, now)
        self.on_urgent_data()

    def _line_changed(self) -> None:
        """Keep what a driver asks after each read, most of which change nothing about it."""
        self.wants_connection = self._line.is_wanted
        self.has_data_to_send = self._line.has_data_to_send

    def _require_started(self) -> None:
        if self.state in AT_REST:
            raise NotConnected("nothing was sent: there is no connection to wait for, call connect() first")

    def _deadline(self, now: float, timeout: float | None) -> float:
        seconds = self.config.request_timeout if timeout is None else timeout
        if not isinstance(seconds, int | float) or not 0 < seconds < float("inf"):
            raise UsageError("a time-out is a number of seconds above 0")
        return now + seconds

    def _new_call(self, deadline: float, on_expiry: str) -> Call[None]:
        call: Call[None] = Call(deadline)
        self._deadlines.add(call, lambda: call.fail(RequestTimedOut(on_expiry)))
        return call
