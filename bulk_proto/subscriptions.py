"""Which topics are wanted, which are asked for on this link, which the exchange has confirmed.

``subscribe`` and ``unsubscribe`` carry no request id: their answers are matched by topic. A topic is
compared by its stream, the part before the first dot without regard to case and the rest exactly,
because public keys depend on case.

What is wanted outlives connections and is replayed after each; the other sets belong to one link.
Topics may be wanted while there is no link: they are asked for when one opens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import asdict

from .calls import Call
from .errors import ConnectionDropped, SubscriptionLimit, SubscriptionRefused, UsageError
from .signing.base58 import is_key
from .wire import split_topic

Stream = tuple[str, str]

CANDLE_INTERVALS = (
    "10s",
    "1m",
    "3m",
    "5m",
    "15m",
    "30m",
    "1h",
    "2h",
    "4h",
    "6h",
    "8h",
    "12h",
    "1d",
    "3d",
    "1w",
    "1M",
)
_STATE_COMES_FIRST = frozenset({"l2snapshot", "account"})  # done only when the first state has arrived


class Subscription(Struct, frozen=True, kw_only=True, gc=False):
    """One topic as the exchange is asked for it. Make one with the functions of this module."""

    type: str
    symbol: str | None = None
    interval: str | None = None
    user: str | None = None
    nlevels: int | None = None
    aggregation: float | None = None

    def to_api(self) -> dict[str, object]:
        """The entry of a ``subscribe`` request: what is not given is left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def topic(self) -> str:
        """The topic string to expect; ``nlevels`` and ``aggregation`` do not appear in it."""
        kind = self.type.lower() if self.type.startswith("l2") else self.type
        return ".".join(part for part in (kind, self.symbol, self.interval, self.user) if part)

    @property
    def stream(self) -> Stream:
        return split_topic(self.topic)

    def is_named_in(self, text: str) -> bool:
        """Does an error message speak of this topic, by its kind and everything that singles it out?"""
        rest = [part for part in (self.symbol, self.interval, self.user) if part]
        return self.type.lower() in text.lower() and all(_is_word_of(text, part) for part in rest)


def ticker(symbol: str) -> Subscription:
    return Subscription(type="ticker", symbol=_symbol(symbol))


def trades(symbol: str) -> Subscription:
    return Subscription(type="trades", symbol=_symbol(symbol))


def l2_snapshot(symbol: str, nlevels: int | None = None, aggregation: float | None = None) -> Subscription:
    """The book, or its best ``nlevels`` a side, every 200 ms; ``aggregation`` buckets prices."""
    if nlevels is not None and nlevels < 1:
        raise UsageError("nlevels must be at least 1; leave it out for the whole book")
    if aggregation is not None and not aggregation > 0:
        raise UsageError("aggregation must be a price step above 0; leave it out for single prices")
    return Subscription(type="l2Snapshot", symbol=_symbol(symbol), nlevels=nlevels, aggregation=aggregation)


def l2_delta(symbol: str) -> Subscription:
    return Subscription(type="l2Delta", symbol=_symbol(symbol))


def candles(symbol: str, interval: str) -> Subscription:
    """Bars of one interval: ``"1m"`` or the documented client's ``"1min"`` (``"1M"`` is a month)."""
    wire = interval.removesuffix("in") if interval.endswith("min") else interval
    if wire not in CANDLE_INTERVALS:
        raise UsageError(
            f"no such candle interval: {interval[:20]!r}; the exchange has {', '.join(CANDLE_INTERVALS)}"
        )
    return Subscription(type="candle", symbol=_symbol(symbol), interval=wire)


def risk(symbol: str) -> Subscription:
    return Subscription(type="risk", symbol=_symbol(symbol))


def context() -> Subscription:
    return Subscription(type="frontendContext")


def account(public_key: str) -> Subscription:
    """Margin, positions, orders and fills of one account. They are public: no signature is needed."""
    if not is_key(public_key):
        raise UsageError("not a public key: 32 bytes in base58 are expected")
    return Subscription(type="account", user=public_key)


def _is_word_of(text: str, part: str) -> bool:
    """Does ``part`` stand on its own? ``5m`` is no word of ``15m``, nor ``BTC`` of ``BTC-USD``."""
    return re.search(rf"(?<![\w-]){re.escape(part)}(?![\w-])", text) is not None


def _symbol(symbol: str) -> str:
    if not symbol or not symbol.isascii() or not symbol.isprintable() or " " in symbol:
        raise UsageError("a symbol is a word such as BTC-USD")
    return symbol


class SubscriptionTable:
    """The sets described above, and the calls that wait for them."""

    def __init__(self, limit: int) -> None:
        self.wanted: dict[Stream, Subscription] = {}
        self._limit = limit
        self._asked: set[Stream] = set()
        self._confirmed: dict[Stream, str] = {}  # the server's own spelling, needed to unsubscribe
        self._primed: set[Stream] = set()  # the first state has arrived
        self._waits: list[_Wait] = []
        self._leaving: dict[Stream, list[Call[None]]] = {}

    # The user's side ---------------------------------------------------------------------------------

    def want(self, subscriptions: Sequence[Subscription]) -> None:
        """Record the wish. Raises, with nothing recorded, over the limit or for a contradiction."""
        merged = dict(self.wanted)
        for subscription in subscriptions:
            known = merged.setdefault(subscription.stream, subscription)
            if known != subscription:
                raise UsageError(
                    f"{subscription.topic} is subscribed with other parameters, and its messages could not "
                    "be told apart: unsubscribe it first"
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

    def ask_again(self, stream: Stream) -> str | None:
        """Forget that a wanted topic was asked for; returns the topic to unsubscribe first, if any."""
        return self._forget(stream)

    def confirm(self, topics: Iterable[str]) -> None:
        for topic in topics:
            stream = split_topic(topic)
            if stream in self._asked:
                self._confirmed[stream] = topic
                self._settle(stream)

    def prime(self, stream: Stream) -> None:
        """The first state of a topic has arrived, before or after its confirmation."""
        if stream in self.wanted and stream not in self._primed:
            self._primed.add(stream)
            self._settle(stream)

    def confirm_leaving(self, topic: str) -> None:
        for call in self._leaving.pop(split_topic(topic), ()):
            call.resolve(None)

    def refuse(self, text: str) -> Subscription | None:
        """Give up and return the unconfirmed topic that an error names; None if it names none or several."""
        named = [
            subscription
            for stream, subscription in self.wanted.items()
            if stream in self._asked and stream not in self._confirmed and subscription.is_named_in(text)
        ]
        if len(named) != 1:
            return None
        self._give_up(named[0], text)
        return named[0]

    def link_lost(self) -> None:
        """Nothing is subscribed any more; what is wanted stays, and waits go on until their deadline."""
        self._asked.clear()
        self._confirmed.clear()
        self._primed.clear()
        leaving, self._leaving = self._leaving, {}
        for calls in leaving.values():
            for call in calls:
                call.resolve(None)

    def stopped(self, why: str) -> None:
        """No link will follow: nothing can be confirmed any more."""
        waits, self._waits = self._waits, []
        for wait in waits:
            wait.call.fail(ConnectionDropped(f"{why} before the exchange confirmed every topic"))

    def _served(self, stream: Stream) -> bool:
        return stream in self._confirmed and (stream[0] not in _STATE_COMES_FIRST or stream in self._primed)

    def _settle(self, stream: Stream) -> None:
        if self._served(stream):
            self._done_with(stream)

    def _done_with(self, stream: Stream) -> None:
        for wait in self._waits:
            wait.done_with(stream)
        self._sweep()

    def _forget(self, stream: Stream) -> str | None:
        """As if it had never been asked for; returns the topic as it was confirmed."""
        self._asked.discard(stream)
        self._primed.discard(stream)
        return self._confirmed.pop(stream, None)

    def _give_up(self, subscription: Subscription, text: str) -> None:
        stream = subscription.stream
        del self.wanted[stream]
        self._forget(stream)
        for wait in self._waits:
            if wait.despite_refusals:
                wait.done_with(stream)
            elif stream in wait.missing:
                wait.call.fail(
                    SubscriptionRefused(f"the exchange refused {subscription.topic}: {text[:200]}")
                )
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
