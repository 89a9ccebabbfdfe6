"""Events about the connection and about this library itself."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, ClassVar, Self

from msgspec import field

from bulk_proto.enums import Topic

from .account import OrderState, PositionUpdate
from .base import Event


class DisconnectReason(Enum):
    """Why a link ended. Codes, not texts: texts of libraries vary with how the bytes were cut."""

    CLOSED_BY_USER = "closed by user"
    CLOSED_BY_PEER = "closed by the exchange"  # a close frame of any code
    LOST = "connection lost"  # end of stream, reset, or never established
    OPENING_TIMEOUT = "no answer while connecting"
    SILENT = "nothing heard for too long"
    STARVED = "answers, but no news for too long"
    CONGESTED = "nothing taken for too long"  # bytes to send waited for room
    MALFORMED = "bytes that are not WebSocket"
    NOT_UTF8 = "text that is not UTF-8"
    TOO_BIG = "message over the size limit"
    TOO_MANY_FRAGMENTS = "message in too many fragments"
    HANDSHAKE_REFUSED = "handshake refused"


class Connected(Event, frozen=True, gc=False):
    """The WebSocket is open and every wanted topic has been asked for (again, if ``resumed``)."""

    topic: ClassVar[Topic] = Topic.CONNECTED

    attempt: int  # 1 when the first attempt succeeded
    resumed: bool


class Disconnected(Event, frozen=True, gc=False):
    """The WebSocket is gone: books are not live, account state is stale until the next snapshot."""

    topic: ClassVar[Topic] = Topic.DISCONNECTED

    reason: DisconnectReason
    retry_at: float | None  # as anyio.current_time(), time.monotonic() without a loop; None: no retry follows
    code: int | None = None  # close code of the peer's close frame
    status: int | None = None  # HTTP status of a refused handshake
    detail: str = ""  # what the system or the driver said of a lost connection, for people


class Resynced(Event, frozen=True, gc=False, kw_only=True):
    """After a reconnection: what changed in the gap. It comes after each, once everything wanted is served.

    What the exchange does not serve within ``ready_timeout`` is named in ``unconfirmed``; an account among
    it is as old as the gap, and its orders and positions are not compared.

    Executions inside the gap are not repeated by the exchange: they show here as orders that are gone
    and positions that differ.
    """

    topic: ClassVar[Topic] = Topic.RESYNCED

    gap: float  # seconds from losing the old link to being served on the new one
    orders_gone: list[OrderState]  # open before, not any more; status GONE where nobody said why
    positions_changed: list[PositionUpdate]  # as they are now; size 0 for closed ones
    books: list[str]  # symbols whose book is live again
    unconfirmed: list[str] = field(default_factory=list)  # topics that are not served yet; they stay wanted


class BookStale(Event, frozen=True, gc=False):
    """A book can no longer be trusted and is being asked for again."""

    topic: ClassVar[Topic] = Topic.BOOK_STALE

    symbol: str
    why: str


class TickerStale(Event, frozen=True, gc=False):
    """No ticker of this market for too long, on a connection that lives: it is stale and asked for again."""

    topic: ClassVar[Topic] = Topic.TICKER_STALE

    symbol: str


class ErrorReported(Event, frozen=True, gc=False):
    """The exchange sent an ``error`` frame. Handlers receive the frame as a dict.

    Without ``request_id`` it says nothing about any open request: those keep their own deadlines.
    """

    topic: ClassVar[Topic] = Topic.ERROR

    message: str
    request_id: int | None
    frame: dict[str, Any]

    @property
    def payloads(self) -> Sequence[object]:
        return (self.frame,)


class UnknownMessage(Event, frozen=True, gc=False):
    """A well-formed message of a kind this version does not know; otherwise ignored."""

    topic: ClassVar[Topic] = Topic.UNKNOWN

    kind: str | None
    data: bytes


class Unasked(Event, frozen=True, gc=False):
    """An event of an account that is not subscribed, or not any more, as it came. It changed nothing."""

    topic: ClassVar[Topic] = Topic.UNKNOWN

    event: Event


class MessageRefused(Event, frozen=True, gc=False):
    """Bytes that could not be read as what they claim to be. Nothing was applied, the link goes on."""

    topic: ClassVar[Topic] = Topic.UNKNOWN

    problem: str  # what is wrong, without the message itself
    data: bytes
    stream: str | None = None  # the topic string of the message, where it could be read


class Missed(Event, frozen=True, gc=False):
    """A handler fell behind: ``count`` events were left out at this point. Read the client's state."""

    topic: ClassVar[Topic] = Topic.MISSED

    count: int
    handler: str = ""  # its name; empty where this stands in the place of what was missed, as in an iteration
    missed_on: Topic | None = None


class HandlerFailed(Event, frozen=True, gc=False):
    """A handler raised; it stays registered."""

    topic: ClassVar[Topic] = Topic.HANDLER_FAILED

    handler: str  # its name
    failed_on: Topic
    error: str  # type and text of the exception

    @classmethod
    def by(cls, error: BaseException, handler: str, topic: Topic) -> Self:
        """``handler`` raised ``error``, which may fail to tell its own text."""
        try:
            text = str(error)
        except Exception:
            text = "(an error that cannot be shown)"
        return cls(handler, topic, f"{type(error).__name__}: {text}")
