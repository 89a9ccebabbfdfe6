"""Which topics are wanted, which are asked for on this link, which the exchange has confirmed.

``subscribe`` and ``unsubscribe`` carry no request id: their answers are matched by topic.

What is wanted outlives connections and is replayed after each; the other sets belong to one link.
Topics may be wanted while there is no link: they are asked for when one opens.

An error that names a topic ends the wish only where the exchange has not confirmed it since it is wanted.
One that it has confirmed exists, so an error means "not now": it is asked for again, ever more patiently.
So is an account whose first state does not come.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .calls import Call
from .errors import ConnectionDropped, SubscriptionLimit, SubscriptionRefused, UsageError
from .redaction import brief
from .retries import Retries
from .subscriptions import Stream, Subscription
from .wire import split_topic

_STATE_COMES_FIRST = frozenset({"l2snapshot", "account"})  # done only when the first state has arrived
_STATE_PATIENCE = 10.0  # seconds for the first state of an account: asking twice may bring everything twice


class SubscriptionTable:
    """The sets described above, and the calls that wait for them."""

    def __init__(self, limit: int) -> None:
        self.wanted: dict[Stream, Subscription] = {}
        self.retries = Retries()
        self._limit = limit
        self._asked: set[Stream] = set()
        self._confirmed: dict[Stream, str] = {}  # the server's own spelling, needed to unsubscribe
        self._primed: set[Stream] = set()  # the first state has arrived
        self._waits: list[_Wait] = []
        self._leaving: dict[Stream, list[Call[None]]] = {}
        self._proven: set[Stream] = set()  # wanted and confirmed once, on this link or an earlier one

    # The user's side ---------------------------------------------------------------------------------

    def want(self, subscriptions: Sequence[Subscription]) -> None:
        """Record the wish. Raises, with nothing recorded, over the limit or for a contradiction."""
        merged = dict(self.wanted)
        for subscription in subscriptions:
            known = merged.setdefault(subscription.stream, subscription)
            if known != subscription:
                raise UsageError(
                    f"{brief(subscription.topic)} is subscribed with other parameters, and their messages "
                    "could not be told apart: unsubscribe it first"
                )
        if len(merged) > self._limit:
            raise SubscriptionLimit(
                f"{len(merged)} topics, but the exchange closes a connection with more than {self._limit}: "
                "use a second client for the rest"
            )
        self.wanted = merged

    def unwant(self, streams: Iterable[Stream]) -> list[tuple[Stream, str]]:
        """Withdraw the wish; returns streams and topics that must be unsubscribed on this link.

        Nothing waits for a withdrawn topic any more.
        """
        leaving = []
        for stream in streams:
            subscription = self.wanted.pop(stream, None)
            if subscription is not None and stream in self._asked:
                leaving.append((stream, self._confirmed.get(stream, subscription.topic)))
            self._forget(stream)
            self._proven.discard(stream)
            self.retries.forgive(stream)
            self._done_with(stream)
        return leaving

    def wait(self, call: Call[None], streams: Iterable[Stream], *, despite_refusals: bool = False) -> None:
        """Resolve ``call`` when every stream is served (now, if all are).

        A refused stream fails it, or counts as done with ``despite_refusals``.
        """
        self._sweep()
        missing = {stream for stream in streams if not self._served(stream)}
        if missing:
            self._waits.append(_Wait(call, missing, despite_refusals))
        else:
            call.resolve(None)

    def wait_to_leave(self, call: Call[None], stream: Stream) -> None:
        others = self._leaving.get(stream, ())
        self._leaving[stream] = [call, *(other for other in others if not other.done)]

    # The link's side ---------------------------------------------------------------------------------

    def to_ask(self) -> list[Subscription]:
        """Wanted but not yet asked for on this link; from now on they count as asked."""
        fresh = [subscription for stream, subscription in self.wanted.items() if stream not in self._asked]
        self._asked.update(subscription.stream for subscription in fresh)
        return fresh

    def asked(self, kind: str) -> list[str]:
        """The symbols whose topic of this kind is asked for, and not put off."""
        return [
            stream[1]
            for stream in self.wanted
            if stream[0] == kind and stream in self._asked and not self.retries.is_put_off(stream)
        ]

    def count_asked(self, streams: Iterable[Stream]) -> int:
        """How many of these are asked for on this link."""
        return len(self._asked.intersection(streams))

    def ask_again(self, stream: Stream) -> str | None:
        """Forget that a wanted topic was asked for; returns the topic to unsubscribe first, if any."""
        return self._forget(stream)

    def confirm(self, topics: Iterable[str]) -> None:
        for topic in topics:
            stream = split_topic(topic)
            if stream in self._asked:
                self._confirmed[stream] = topic
                self._proven.add(stream)
                self._end_waits_if_served(stream)

    def is_leaving(self, stream: Stream) -> bool:
        """True while messages of a topic may come that is not wanted any more, or wanted in another form."""
        return any(not call.done for call in self._leaving.get(stream, ()))

    def prime(self, stream: Stream) -> None:
        """The first state of a topic has arrived, before or after its confirmation."""
        if stream not in self._primed and stream in self.wanted:
            self._primed.add(stream)
            self.retries.has_come(stream)
            self._end_waits_if_served(stream)

    def expect(self, now: float) -> None:
        """Accounts were asked for: one that is not sent in good time is to be asked for again."""
        for stream in self.wanted:
            is_missing = stream[0] == "account" and stream in self._asked and stream not in self._primed
            if is_missing and not self.retries.knows(stream):
                self.retries.await_state(stream, now, _STATE_PATIENCE)

    def confirm_leaving(self, topic: str) -> None:
        for call in self._leaving.pop(split_topic(topic), ()):
            call.resolve(None)

    def refuse(self, text: str, now: float) -> Subscription | None:
        """Return the unconfirmed topic that an error names; None if it names none or several.

        It is given up, or put off if it was confirmed before: then it is still wanted.
        """
        named = [
            subscription
            for stream, subscription in self.wanted.items()
            if stream in self._asked and stream not in self._confirmed and subscription.is_named_in(text)
        ]
        if len(named) != 1:
            return None
        if named[0].stream in self._proven:
            if self.retries.put_off(named[0].stream, now):
                self._primed.discard(named[0].stream)
        else:
            self._give_up(named[0], text)
        return named[0]

    def renew(self, stream: Stream, now: float) -> None:
        """The first state is needed once more: not served until it comes, asked for again if it does not."""
        self._primed.discard(stream)
        if stream in self._asked and not self.retries.is_put_off(stream):
            self.retries.await_state(stream, now)

    def expire(self, now: float) -> list[str]:
        """What was put off or awaited long enough counts as not asked for.

        Returns topics to unsubscribe first.
        """
        due = self.retries.due(now)
        return [topic for stream in due if (topic := self._forget(stream)) is not None]

    def unserved(self) -> list[str]:
        """The wanted topics that are not confirmed on this link, or whose first state is missing."""
        return [
            subscription.topic for stream, subscription in self.wanted.items() if not self._served(stream)
        ]

    def link_lost(self) -> None:
        """Nothing is subscribed any more; what is wanted stays, and waits go on until their deadline."""
        self._asked.clear()
        self._confirmed.clear()
        self._primed.clear()
        self.retries.link_lost()
        leaving, self._leaving = self._leaving, {}
        for calls in leaving.values():
            for call in calls:
                call.resolve(None)

    def stopped(self, why: str) -> None:
        """No link will follow: nothing can be confirmed any more."""
        waits, self._waits = self._waits, []
        for wait in waits:
            wait.call.fail(
                ConnectionDropped(f"{why} before the exchange confirmed every topic: connect() asks again")
            )

    def _served(self, stream: Stream) -> bool:
        return stream in self._confirmed and (stream[0] not in _STATE_COMES_FIRST or stream in self._primed)

    def _end_waits_if_served(self, stream: Stream) -> None:
        if self._served(stream):
            self.retries.ask_no_more(stream)
            self._done_with(stream)

    def _done_with(self, stream: Stream) -> None:
        for wait in list(self._waits):  # whoever is woken may wait anew
            wait.done_with(stream)
        self._sweep()

    def _forget(self, stream: Stream) -> str | None:
        """As if it had never been asked for; returns what to unsubscribe, if it is served.

        An account that has been sent is, although its confirmation may be lost: asked for twice, it would
        tell of every fill twice.
        """
        is_served = stream in self._primed and stream[0] == "account"
        self._asked.discard(stream)
        self._primed.discard(stream)
        self.retries.ask_no_more(stream)
        topic = self._confirmed.pop(stream, None)
        if topic is None and is_served and stream in self.wanted:
            return self.wanted[stream].topic
        return topic

    def _give_up(self, subscription: Subscription, text: str) -> None:
        stream = subscription.stream
        del self.wanted[stream]
        self._forget(stream)
        for wait in self._waits:
            if wait.despite_refusals:
                wait.done_with(stream)
            elif stream in wait.missing:
                refused = f"the exchange refused {brief(subscription.topic)}, not wanted any more"
                wait.call.fail(SubscriptionRefused(f"{refused}: {brief(text)}"))
        self._sweep()

    def _sweep(self) -> None:
        self._waits = [wait for wait in self._waits if not wait.call.done]


class _Wait:
    """A call and the streams that it still waits for."""

    __slots__ = ("call", "despite_refusals", "missing")

    def __init__(self, call: Call[None], missing: set[Stream], despite_refusals: bool) -> None:
        self.call = call
        self.missing = missing
        self.despite_refusals = despite_refusals

    def done_with(self, stream: Stream) -> None:
        self.missing.discard(stream)
        if not self.missing:
            self.call.resolve(None)
