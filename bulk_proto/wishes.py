"""What the user of a core asks for: to connect, topics, orders. See :mod:`bulk_proto.settling` for the rest.

Nothing here waits. What is asked for comes back as a :class:`Call`, which ends when the exchange has
answered, when the line is gone, or at its deadline.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import wire
from .actions import Action
from .calls import Call
from .desk import only_cancels, sent_before
from .errors import BulkError, Congested, NotConnected, OutcomeUnknown, RequestTimedOut, UsageError
from .line import State
from .outgoing import AT_REST, Outgoing
from .redaction import brief
from .responses import OrderResponses
from .resync import Resync
from .subscriptions import Stream, Subscription

_LONGEST_QUEUE = 1.0  # seconds for which bytes may wait for room before no order is put behind them
_NOT_READY = "the exchange did not confirm every subscription in time; those that are missing stay wanted"


class Wishes(Outgoing):
    """The part of a :class:`~bulk_proto.core.ClientCore` that its user speaks to."""

    last_error: BulkError | None
    _ready: Call[None] | None
    _resync: Resync | None

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
        """Want these topics as soon as a link is open, without waiting for them.

        On an open link :meth:`subscribe` says so. Raises :class:`SubscriptionLimit` or :class:`UsageError`,
        with nothing changed.
        """
        if self.is_open:
            raise UsageError("a link is open: subscribe() to these topics, and leave the call if need be")
        self._want(subscriptions)

    def subscribe(
        self, subscriptions: Sequence[Subscription], now: float, timeout: float | None = None
    ) -> Call[None]:
        """Want these topics, now and after every reconnection. Asking twice sends once.

        The call resolves when the exchange has confirmed all of them that are still wanted (and, for
        periodic books and accounts, sent their first state). It fails with ``SubscriptionRefused`` when
        an error names one of them, which is not wanted any more then; with ``RequestTimedOut`` without
        an answer, and all stay wanted; with ``ConnectionDropped`` after :meth:`stop`.
        Raises ``NotConnected``, ``RateLimited``, :class:`SubscriptionLimit` or :class:`UsageError` at once,
        with nothing changed. A connection that is being made (again) is waited for; one never started is not.
        """
        self._require_started()
        deadline = self._deadline(now, timeout)
        if self.is_open and any(each.stream not in self.subscriptions.wanted for each in subscriptions):
            self._desk.make_room(now, messages=1)
        self._want(subscriptions)
        self._ask(now)
        call = self._new_call(
            deadline,
            f"the exchange did not confirm {_names(subscriptions)} in time; unsubscribe to want it no longer",
        )
        self.subscriptions.wait(call, [subscription.stream for subscription in subscriptions])
        if self.is_open:
            self._expect_state(now)
        return call

    def unsubscribe(
        self, subscriptions: Sequence[Subscription], now: float, timeout: float | None = None
    ) -> list[Call[None]]:
        """Want these topics no longer: they do not come back after a reconnection either.

        Returns one call for each topic that the exchange must confirm; a lost connection does as well.
        Raises ``RateLimited``, or :class:`UsageError` for an impossible ``timeout``, with nothing changed.
        """
        deadline = self._deadline(now, timeout)
        streams = [subscription.stream for subscription in subscriptions]
        if self.is_open and (messages := self.subscriptions.count_asked(streams)):
            self._desk.make_room(now, messages)
        self._mirror.unwant(subscriptions)  # first: whoever waited for these finds them gone
        leaving = self.subscriptions.unwant(streams)
        if not self.is_open:
            return []
        calls = []
        for stream, topic in leaving:
            late = f"the exchange did not confirm leaving {brief(topic)} in time; it is not wanted any more"
            call = self._new_call(deadline, late)
            self.subscriptions.wait_to_leave(call, stream)
            self._send(wire.unsubscribe(topic), now)
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
        The call fails with ``TransactionRejected`` when the whole transaction was refused, and with an
        :class:`OutcomeUnknown` when nobody knows: ``RequestTimedOut``, ``ConnectionDropped``,
        ``RepetitionRefused`` under a ``nonce`` that was used before, or itself for an answer that cannot be
        understood. Nothing is ever sent twice or queued.

        Raises at once, with nothing sent, ``NotConnected``, ``Congested`` or ``RateLimited``;
        ``SignerMissing``, ``InvalidAction``, ``InvalidKey`` for ``account``, ``NonceError``, or
        :class:`UsageError` for an impossible ``timeout``.
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

        :meth:`settle` it. Raises ``NotConnected``, ``Congested``, ``RateLimited`` or :class:`UsageError` at
        once.
        """
        self._require_open()
        transaction = sent_before(unknown)
        self._require_room(now, transaction.actions)
        return self._desk.resend(transaction, now, self._deadline(now, timeout))

    def _want(self, subscriptions: Sequence[Subscription]) -> None:
        self.subscriptions.want(subscriptions)
        self._mirror.want(subscriptions)

    def _expect_ready(self, ready: Call[None], wanted: Sequence[Stream], now: float) -> None:
        """The link is open: these topics are missing, and have a time of their own from now on."""
        ready.deadline = min(ready.deadline, now + self.config.ready_timeout)
        self._deadlines.add(ready, lambda: ready.fail(RequestTimedOut(_NOT_READY)))
        self.subscriptions.wait(ready, wanted, despite_refusals=True)

    def _require_open(self) -> None:
        if self.state is not State.OPEN:
            remedy = "connect() first" if self.state in AT_REST else "wait for Topic.CONNECTED"
            raise NotConnected(
                "nothing was sent: there is no open connection, and orders are never queued: " + remedy
            )

    def _require_room(self, now: float, actions: Sequence[Action]) -> None:
        if self._line.waits_for_room(now) > _LONGEST_QUEUE and not only_cancels(actions):
            raise Congested(
                "nothing was sent: what was sent before still waits for the exchange to take it, and an "
                "order behind that would come too late; cancels are taken, or disconnect() and connect() anew"
            )


def _names(subscriptions: Sequence[Subscription]) -> str:
    names = [brief(subscription.topic) for subscription in subscriptions]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
