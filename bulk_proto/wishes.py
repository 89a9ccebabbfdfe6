"""What the user of a core asks for: to connect, topics, orders, and what became of them.

Nothing here waits. What is asked for comes back as a :class:`Call`, which ends when the exchange has
answered, when the line is gone, or at its deadline.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

from . import wire
from .account import Account
from .actions import Action
from .calls import Call, Deadlines
from .config import Config
from .desk import Desk, only_cancels
from .enums import OrderStatus
from .errors import BulkError, Congested, NotConnected, OutcomeUnknown, RequestTimedOut, UsageError
from .line import Line, State
from .mirror import Mirror
from .responses import OrderResponses
from .resync import Resync
from .settlement import is_open_question, settlement
from .subscription_table import SubscriptionTable
from .subscriptions import Stream, Subscription

_AT_REST = (State.IDLE, State.CLOSING)
_LONGEST_QUEUE = 1.0  # seconds for which bytes may wait for room before no order is put behind them
_NOT_READY = "the exchange did not confirm every subscription in time; those that are missing stay wanted"


class Direction(Enum):
    """Which way a traced message went."""

    SENT = "→"
    RECEIVED = "←"


class Wishes:
    """The half of a :class:`~bulk_proto.core.ClientCore` that its user speaks to."""

    config: Config
    wants_connection: bool
    """True while a connection should be made or kept. Flush ``data_to_send()`` before hanging up."""
    has_data_to_send: bool
    """True when ``data_to_send()`` would return something."""
    on_urgent_data: Callable[[], object]
    """Called when a transaction waits in ``data_to_send()``, before what can be put down while it travels.

    For a driver that can hand bytes over at once. It may call ``data_to_send()`` and nothing else of the
    core, and must not raise. Does nothing unless set: then the bytes leave when the driver next looks.
    """
    last_error: BulkError | None
    subscriptions: SubscriptionTable
    _asked_after: dict[Stream, int]  # the last request before each topic was asked for
    _deadlines: Deadlines
    _desk: Desk
    _line: Line
    _mirror: Mirror
    _ready: Call[None] | None
    _resync: Resync | None
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

    def start(self, now: float) -> Call[None]:
        """Connect, and stay connected until :meth:`stop`.

        The call resolves when the link is open, every topic wanted by now is confirmed and the first
        account snapshots are applied. It fails with a :class:`LinkError` when the first attempt to
        connect fails, and with ``RequestTimedOut`` when all this takes too long; neither ends the
        core, which goes on trying. Too long is ``ready_timeout`` seconds from when the link is open, or
        that and ``opening_timeout`` from now.
        """
        self._line.start(now)
        self._line_changed()
        self._resync = None
        self.last_error = None
        deadline = now + self.config.opening_timeout + self.config.ready_timeout
        self._ready = self._new_call(deadline, _NOT_READY)
        return self._ready

    def stop(self, now: float) -> None:
        """Close the connection for good; calls that are still open then fail. Harmless without one."""
        self._line.stop(now)
        self._line_changed()

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
            self._expect_state(now)
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
        twice or queued. Raises ``SignerMissing``, ``NotConnected``, ``Congested``, ``RateLimited`` or
        ``InvalidAction`` at once.
        """
        self._desk.require_signer()
        self._require_open()
        self._require_room(now, actions)
        return self._desk.place(actions, now, self._deadline(now, timeout), nonce, account)

    def resend(
        self, unknown: OutcomeUnknown, now: float, timeout: float | None = None
    ) -> Call[OrderResponses]:
        """Send the same signed bytes again: the one way to repeat that cannot double an order.

        When the first did arrive, the answer is an error for its orders, ``rejectedDuplicate`` perhaps, or
        the call fails with ``RepetitionRefused`` for its nonce: neither says that nothing was executed, so
        :meth:`settle` it. Raises ``NotConnected``, ``RateLimited`` or :class:`UsageError` at once.
        """
        self._require_open()
        self._require_room(now)
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
        Conditional orders are not in the result, since nobody can compute their ids: look at the account,
        which has been sent anew by then.

        On a link that stays open a ``GONE`` order may still be executed later: the transaction can wait
        in a queue of the exchange while the account is sent. So :meth:`resend` first, which brings an
        answer about the same bytes, and settle what stays unknown after that.

        Fails with ``RequestTimedOut`` when the account does not come in time; asking again is harmless.
        Raises ``NotConnected`` at once when there is something to wait for, but neither a connection nor
        one to come, and :class:`UsageError` for anything but an ``OutcomeUnknown``.
        """
        if not isinstance(unknown, OutcomeUnknown):
            raise UsageError("pass the OutcomeUnknown that place_orders() raised: only that can be settled")
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
            self._wait_for_account(account, self._desk.posts.number_of(unknown._transaction), fresh, now)
        return fresh.then(lambda _: settlement(unknown, self.accounts.get(key)))

    def _wait_for_account(self, account: Account, request_id: int, fresh: Call[None], now: float) -> None:
        """Resolve ``fresh`` when the account has been sent as it stood after this request."""
        stream = ("account", account.pubkey)
        if self.state is State.OPEN and account.live:
            account.mark_stale()  # until then it is deaf, and whoever asks meanwhile waits for the same
            self._ask_again(stream)
            self._ask()
            self.subscriptions.expect(now)
        if not self._is_older(stream, request_id):
            self.subscriptions.wait(fresh, [stream])
            return
        older = self._new_call(fresh.deadline, "an account was asked for before the request, and not sent")

        def look() -> None:
            try:
                older.result()
            except BulkError as error:
                fresh.fail(error)
            else:
                if self._is_older(stream, request_id):
                    self._wait_for_account(account, request_id, fresh, now)
                else:
                    fresh.resolve(None)

        older.wake_with(look)
        self.subscriptions.wait(older, [stream])

    def _is_older(self, stream: Stream, request_id: int) -> bool:
        """Was a topic asked for before this request was sent, so that it may tell of the time before it?"""
        return stream in self.subscriptions.wanted and self._asked_after.get(stream, 0) < request_id

    # Sending ---------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        """Send what is wanted and not yet asked for on this link, all in one message."""
        if self.state is State.OPEN and (fresh := self.subscriptions.to_ask()):
            self._asked_after.update(
                {subscription.stream: self._desk.posts.last_id for subscription in fresh}
            )
            self._send(wire.subscribe([subscription.to_api() for subscription in fresh]))

    def _expect_state(self, now: float) -> None:
        """Books and accounts were asked for: they must come soon."""
        self._mirror.books.expect_snapshots(now)
        self.subscriptions.expect(now)

    def _ask_again(self, stream: Stream) -> None:
        """Leave a wanted topic, so that the next :meth:`_ask` brings its first state again."""
        topic = self.subscriptions.ask_again(stream)
        if topic is not None:
            self._send(wire.unsubscribe(topic))

    def _send(self, text: bytes) -> None:
        if self._trace is not None:
            self._trace(Direction.SENT, text)
        self._line.send(text)
        self.has_data_to_send = self._line.has_data_to_send

    def _send_at_once(self, text: bytes) -> None:
        self._send(text)
        self.on_urgent_data()

    def _line_changed(self) -> None:
        """Keep what a driver asks after each read, most of which change nothing about it."""
        self.wants_connection = self._line.is_wanted
        self.has_data_to_send = self._line.has_data_to_send

    def _require_started(self) -> None:
        if self.state in _AT_REST:
            raise NotConnected("nothing was sent: there is no connection to wait for, call connect() first")

    def _require_open(self) -> None:
        if self.state is not State.OPEN:
            remedy = "connect() first" if self.state in _AT_REST else "wait for Topic.CONNECTED"
            raise NotConnected(
                "nothing was sent: there is no open connection, and orders are never queued: " + remedy
            )

    def _require_room(self, now: float, actions: Sequence[Action] = ()) -> None:
        if self._line.waits_for_room(now) > _LONGEST_QUEUE and not only_cancels(actions):
            raise Congested(
                "nothing was sent: what was sent before still waits for the exchange to take it, and an "
                "order behind that would come too late; cancels are taken, or disconnect() and connect() anew"
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

    def _expect_ready(self, ready: Call[None], wanted: Sequence[Stream], now: float) -> None:
        """The link is open: these topics are missing, and have a time of their own from now on."""
        ready.deadline = min(ready.deadline, now + self.config.ready_timeout)
        self._deadlines.add(ready, lambda: ready.fail(RequestTimedOut(_NOT_READY)))
        self.subscriptions.wait(ready, wanted, despite_refusals=True)


def _names(subscriptions: Sequence[Subscription]) -> str:
    names = [subscription.topic for subscription in subscriptions]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
