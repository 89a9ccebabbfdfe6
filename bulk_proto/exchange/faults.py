"""What can go wrong on purpose: a script of faults, from Python or from a TOML file.

A fault has an occasion (``on``) and an effect (its class; ``do`` in a table). It acts on the ``nth``
occasion and on each ``every``-th after it, ``times`` times in all (0: without end), each time with the
probability ``chance``; only occasions from ``at`` until ``until`` count, in seconds since the exchange
started. Occasions are counted over all connections. Several faults may share an occasion: they act in
the order of the script. ::

    [[fault]]
    on = "reply"         # the third transaction is carried out; in place of its answer the session ends
    nth = 3
    do = "close"
    code = 1011

    [[fault]]
    on = "time"          # ten seconds after the start, and every minute
    at = 10
    every = 60
    times = 0
    do = "reset"

Occasions: ``connect`` (a connection arrives), ``handshake``, the requests ``subscribe``, ``unsubscribe``
and ``post`` (before they are carried out), messages that leave (``message`` for all; ``reply`` for the
answer to a post, ``confirmation``, ``error``; the streams ``ticker``, ``trades``, ``candle``,
``l2Snapshot``, ``l2Delta``, ``risk``, ``frontendContext``, ``account``; and single account events such as
``fill`` or ``orderUpdate``), and ``time``.
"""

from __future__ import annotations

from math import inf
from typing import ClassVar

from msgspec import Struct

from bulk_proto.errors import UsageError

CONNECT, HANDSHAKE, TIME = "connect", "handshake", "time"
REQUESTS = frozenset({"subscribe", "unsubscribe", "post"})
ACCOUNT_EVENTS = frozenset(
    {
        *("accountSnapshot", "orderUpdate", "fill", "positionUpdate", "marginUpdate", "leverageUpdate"),
        *("liquidation", "adl", "cancelOneRejected", "cancelAllRejected"),
    }
)
_STREAMS = {"ticker", "trades", "candle", "l2Snapshot", "l2Delta", "risk", "frontendContext", "account"}
MESSAGES = frozenset({"message", "reply", "confirmation", "error"}) | _STREAMS | ACCOUNT_EVENTS
_OPEN = REQUESTS | MESSAGES | {TIME}  # there is a WebSocket, or are several, to do something to


class Fault(Struct, frozen=True, kw_only=True, tag_field="do", forbid_unknown_fields=True):
    """When something goes wrong; each subclass is one thing that does.

    Raises :class:`UsageError` for an occasion that does not exist or cannot have this effect, and for
    numbers out of range.
    """

    occasions: ClassVar[frozenset[str]] = frozenset()

    on: str
    nth: int = 1
    every: float = 1  # occasions; for ``time``, seconds
    times: int = 1
    chance: float = 1.0
    at: float = 0.0
    until: float = inf

    def __post_init__(self) -> None:
        if self.on not in self.occasions:
            known = ", ".join(sorted(self.occasions))
            raise UsageError(f"{type(self).__name__} cannot act on {self.on[:32]!r}: it acts on {known}")
        whole = self.on == TIME or self.every == int(self.every) >= 1
        if not (whole and self.every > 0 and self.nth >= 1 and self.times >= 0):
            raise UsageError(
                "nth and every are at least 1 (every is seconds above 0 for time), times at least 0"
            )
        if not (0.0 < self.chance <= 1.0 and 0.0 <= self.at < self.until):
            raise UsageError("chance is above 0 and at most 1, at is not negative, until is later than at")


class Close(Fault, tag="close", frozen=True, kw_only=True):
    """A close frame with ``code``, and the end; 1006 stands for an end without a frame.

    Before a request it is never carried out, before a message it never leaves.
    """

    occasions = _OPEN
    code: int = 1011


class Reset(Fault, tag="reset", frozen=True, kw_only=True):
    """The connection ends without a word."""

    occasions = _OPEN | {HANDSHAKE}


class Stall(Fault, tag="stall", frozen=True, kw_only=True):
    """For ``seconds`` (default: for ever) nothing is read and nothing leaves, pings and pongs included.

    A request that was just read is still carried out, and so is afterwards what came meanwhile.
    """

    occasions = _OPEN | {HANDSHAKE}
    seconds: float = inf


class HalfOpen(Fault, tag="half-open", frozen=True, kw_only=True):
    """The exchange's end is gone and nobody says so: no close frame, no end of the stream, no reset.

    The exchange forgets the session. What the client sends from then on is taken and lost, also
    requests that wait, and its pings stay unanswered; it learns of it by its own time-outs only, or, after
    ``seconds``, by a reset, as from a machine that has started again. (Over TCP this system still
    acknowledges the bytes; a machine that has vanished would not even do that.)
    """

    occasions = _OPEN | {HANDSHAKE}
    seconds: float = inf


class Slow(Fault, tag="slow", frozen=True, kw_only=True):
    """From then on only ``rate`` bytes a second leave."""

    occasions = _OPEN | {HANDSHAKE}
    rate: float = 1000.0


class Garbage(Fault, tag="garbage", frozen=True, kw_only=True):
    """Bytes that are no frame."""

    occasions = _OPEN | {HANDSHAKE}
    size: int = 16


class Insert(Fault, tag="insert", frozen=True, kw_only=True):
    """A text message out of place: by default one of a type that nobody knows."""

    occasions = _OPEN
    text: str = '{"type":"messageOfTheFuture","data":{"value":1}}'


class Error(Fault, tag="error", frozen=True, kw_only=True):
    """An ``error`` frame that names no request."""

    occasions = _OPEN
    message: str = "internal error"


class Refuse(Fault, tag="refuse", frozen=True, kw_only=True):
    """Connections are not accepted for ``seconds``; on ``connect``, at least not this one."""

    occasions = _OPEN | {HANDSHAKE, CONNECT}
    seconds: float = 0.0


class Status(Fault, tag="status", frozen=True, kw_only=True):
    """The handshake is answered with an HTTP status, and ``Retry-After`` seconds if given."""

    occasions = frozenset({HANDSHAKE})
    status: int = 503
    retry_after: int | None = None


class Drop(Fault, tag="drop", frozen=True, kw_only=True):
    """A message is lost; a request is never carried out."""

    occasions = REQUESTS | MESSAGES


class Delay(Fault, tag="delay", frozen=True, kw_only=True):
    """A message leaves, or a request is carried out, ``seconds`` late; others overtake it."""

    occasions = REQUESTS | MESSAGES
    seconds: float = 0.1


class Double(Fault, tag="double", frozen=True, kw_only=True):
    """A message is sent twice."""

    occasions = MESSAGES


class Swap(Fault, tag="swap", frozen=True, kw_only=True):
    """A message waits until the next of its occasion has left, or at most ``seconds``."""

    occasions = MESSAGES
    seconds: float = 1.0


class Truncate(Fault, tag="truncate", frozen=True, kw_only=True):
    """The first half of a frame, and then the end of the connection."""

    occasions = MESSAGES


class WrongAccount(Fault, tag="wrong-account", frozen=True, kw_only=True):
    """An account event arrives under the topic of an account that was never subscribed."""

    occasions = ACCOUNT_EVENTS | {"account"}
    key: str = "1" * 32  # 32 zero bytes


class ReverseRows(Fault, tag="reverse-rows", frozen=True, kw_only=True):
    """The rows of an answer in the opposite order: the first belongs to the last action."""

    occasions = frozenset({"reply"})


class NoRows(Fault, tag="no-rows", frozen=True, kw_only=True):
    """An answer without any rows."""

    occasions = frozenset({"reply"})


class ReplayFills(Fault, tag="replay-fills", frozen=True, kw_only=True):
    """After a snapshot, the last ``count`` fills that were sent for this account are sent again."""

    occasions = frozenset({"accountSnapshot"})
    count: int = 10


LineFault = Close | Reset | Stall | HalfOpen | Slow | Garbage | Insert | Error | Refuse
MessageFault = Drop | Delay | Double | Swap | Truncate | WrongAccount | ReverseRows | NoRows | ReplayFills
AnyFault = LineFault | MessageFault | Status
