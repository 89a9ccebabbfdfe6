"""The line to the exchange: one link at a time, made, kept, and made again when it is lost.

Whether a connection should exist, how long anything about it may take and when to try again is decided
here; what is said over it is not. The state machine::

    IDLE ─start→ CONNECTING ─connection_made→ HANDSHAKING ─101→ OPEN ─stop→ CLOSING ─→ IDLE
                     ▲   └──────── lost, too slow, bad bytes ─────┴─→ WAITING ─┐
                     └──────────────────── BACKOFF is due ─────────────────────┘

After the last of ``reconnect_attempts`` failed attempts the line goes to IDLE instead of WAITING.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import assert_never

from .backoff import Attempts
from .config import Config
from .errors import HandshakeRejected, LinkError, UsageError
from .events import Connected, Disconnected, DisconnectReason
from .frames import cut_texts, sole_text
from .keepalive import Keepalive
from .link import Binary, Closed, Link, Opened, Ponged
from .timers import Timer, TimerTable


class State(Enum):
    """Where the line stands; see the drawing at the top of this module."""

    IDLE = auto()
    WAITING = auto()
    CONNECTING = auto()
    HANDSHAKING = auto()
    OPEN = auto()
    CLOSING = auto()


_WITHOUT_CONNECTION = (State.IDLE, State.WAITING)
_UNHEARD = (DisconnectReason.SILENT, DisconnectReason.CONGESTED, DisconnectReason.STARVED)


class Line:
    """``opened(event, now)`` and ``lost(event, error, now)`` are called when a link opens and ends.

    ``error`` says the same as the event, as an exception; a :class:`Disconnected` without ``retry_at``
    is the end: the user asked for it, or ``reconnect_attempts`` are used up.
    """

    def __init__(
        self,
        config: Config,
        opened: Callable[[Connected, float], None],
        lost: Callable[[Disconnected, LinkError, float], None],
    ) -> None:
        self.state = State.IDLE
        self._config = config
        self._on_opened = opened
        self._on_lost = lost
        self._waits_since: float | None = None  # when the first of the bytes that wait was put here
        self.timers = TimerTable()
        self._keepalive = Keepalive(self.timers, config.ping_interval, config.silence_timeout)
        self._attempts = Attempts(config)
        self._link: Link | None = None
        self._farewell = b""

    # Orders of the user

    def start(self, now: float) -> None:
        if self.state is not State.IDLE:
            raise UsageError("already started: stop first, and wait until the connection is closed")
        self._attempts = Attempts(self._config)
        self._connect(now)

    def stop(self, now: float) -> None:
        if self._link is not None and self.state is State.OPEN:
            self._link.send_close()
            self.state = State.CLOSING
            self.timers.clear()
            self.timers.set(Timer.CLOSING, now + self._config.closing_timeout)
        elif self.state not in (State.CLOSING, State.IDLE):
            self._end(now, Closed(DisconnectReason.CLOSED_BY_USER), retry=False)

    def send(self, text: bytes, now: float) -> None:
        """Send a message. Every caller has seen that the line is open."""
        assert self._link is not None
        self._link.send_text(text)
        self._note_waiting(now)

    def give_up(self, now: float, reason: DisconnectReason) -> None:
        """This link is of no use any more: try another one."""
        self._end(now, Closed(reason), retry=True)

    # Reports of the driver

    def driver_stopped(self, now: float, reason: str) -> None:
        if self.state is State.CLOSING:
            self._end(now, Closed(DisconnectReason.CLOSED_BY_USER), retry=False)
        elif self.state is not State.IDLE:
            self._end(now, Closed(DisconnectReason.LOST, detail=reason), retry=False)

    def connection_made(self, now: float) -> None:
        if self.state is not State.CONNECTING:
            raise UsageError(f"connection_made() while {self.state.name}")
        self.state = State.HANDSHAKING
        self._farewell = b""
        self._link = Link(
            host=self._config.host_header,
            target=self._config.target,
            max_message_size=self._config.max_message_size,
            max_fragments=self._config.max_fragments,
            mask=self._config.mask,
        )

    def connection_lost(self, now: float, reason: LinkError | str) -> None:
        if self.state in (State.CONNECTING, State.HANDSHAKING, State.OPEN):
            error = reason if isinstance(reason, LinkError) else None
            self._end(now, Closed(DisconnectReason.LOST, detail=str(reason)), retry=True, error=error)
        elif self.state is State.CLOSING:
            self._end(now, Closed(DisconnectReason.CLOSED_BY_USER), retry=False)

    def sole_text(self, data: bytes, now: float) -> bytes | None:
        """The message in these bytes, if they are one text and nothing else; None: :meth:`receive` them."""
        link = self._link
        if link is None or not link.at_message:
            return None
        self._keepalive.heard_at = now
        return sole_text(data, link.max_message_size)

    def texts(self, data: bytes, now: float) -> list[bytes]:
        """The messages in these bytes, if they are texts and nothing else; none: :meth:`receive` them."""
        link = self._link
        if link is None or not link.at_message:
            return []
        self._keepalive.heard_at = now
        texts, end = cut_texts(data, 0, link.max_message_size)
        return texts if end == len(data) else []

    def receive(self, data: bytes, now: float) -> Iterator[list[bytes] | Binary]:
        """The messages in these bytes, text in a row together; all else about them is dealt with here."""
        link = self._link
        if link is None:
            return
        self._keepalive.heard_at = now
        for item in link.receive(data):
            match item:
                case list() | Binary():
                    yield item
                case Opened():
                    self._open(now)
                case Closed():
                    self._close(item, now)
                case Ponged():
                    pass  # like any bytes, it has been heard
                case _:
                    assert_never(item)
        self._note_waiting(now)

    def handle_deadline(self, now: float) -> None:
        while (timer := self.timers.pop_expired(now)) is not None:
            match timer:
                case Timer.BACKOFF:
                    self._connect(now)
                case Timer.OPENING:
                    self.give_up(now, DisconnectReason.OPENING_TIMEOUT)
                case Timer.PING if self.waits_for_room(now) >= self._config.request_timeout:
                    self.give_up(now, DisconnectReason.CONGESTED)
                case Timer.PING:
                    if self._keepalive.ping_timer_fired(now) and self._link is not None:
                        self._link.send_ping()
                case Timer.SILENCE:
                    if self._keepalive.silence_timer_fired(now):
                        self.give_up(now, DisconnectReason.SILENT)
                case Timer.CLOSING:
                    self._end(now, Closed(DisconnectReason.CLOSED_BY_USER), retry=False)
                case _:
                    assert_never(timer)
        self._note_waiting(now)

    # Outlets

    @property
    def heard_at(self) -> float:
        """When the last bytes came."""
        return self._keepalive.heard_at

    @property
    def is_wanted(self) -> bool:
        """Should a connection exist right now?"""
        return self.state not in _WITHOUT_CONNECTION

    def waits_for_room(self, now: float) -> float:
        """Seconds for which bytes to send have waited; 0.0 when none do.

        A driver fetches bytes when those before them have gone: where they stay here, the other side does
        not read.
        """
        return 0.0 if self._waits_since is None else now - self._waits_since

    def data_to_send(self) -> bytes:
        self._waits_since = None
        data, self._farewell = self._farewell, b""
        return data + self._link.data_to_send() if self._link is not None else data

    @property
    def has_data_to_send(self) -> bool:
        link = self._link
        return bool(self._farewell) if link is None else link.has_data_to_send

    # Inside

    def _note_waiting(self, now: float) -> None:
        if self._waits_since is None and self._link is not None and self._link.has_data_to_send:
            self._waits_since = now

    def _connect(self, now: float) -> None:
        self._attempts.began()
        self.state = State.CONNECTING
        self.timers.set(Timer.OPENING, now + self._config.opening_timeout)

    def _open(self, now: float) -> None:
        self.state = State.OPEN
        resumed = self._attempts.ever_opened
        self._attempts.opened(now)
        self.timers.stop(Timer.OPENING)
        self._keepalive.start(now)
        self._on_opened(Connected(self._attempts.count, resumed), now)

    def _close(self, closed: Closed, now: float) -> None:
        if self.state is State.CLOSING:
            closed = Closed(DisconnectReason.CLOSED_BY_USER)
        self._end(now, closed, retry=self.state is not State.CLOSING)

    def _end(self, now: float, closed: Closed, *, retry: bool, error: LinkError | None = None) -> None:
        """The link is gone: wait for the next try, or rest."""
        if self._link is not None:
            # An order that nobody made room for must not be sent in a last moment.
            self._farewell = self._link.data_to_send() if closed.reason not in _UNHEARD else b""
            self._link = None
            self._waits_since = None
        self.timers.clear()
        retry_at = self._attempts.ended(now, closed) if retry else None
        if retry_at is not None:
            self.timers.set(Timer.BACKOFF, retry_at)
        self.state = State.IDLE if retry_at is None else State.WAITING
        detail = closed.detail if closed.reason is DisconnectReason.LOST else ""
        event = Disconnected(closed.reason, retry_at, closed.code, closed.status, detail)
        self._on_lost(event, error or _error_of(closed), now)


def _error_of(closed: Closed) -> LinkError:
    if closed.status is not None:
        return HandshakeRejected(closed.status)
    code = f" (close code {closed.code})" if closed.code is not None else ""
    detail = f": {closed.detail}" if closed.detail else ""
    return LinkError(f"{closed.reason.value}{code}{detail}")
