"""One client's WebSocket, from the exchange's end: bytes in, whole messages up; messages down, bytes out.

Nothing a client sends raises here, and nothing it fails to read harms another session: a session that
leaves too much unread is dropped.
"""

from __future__ import annotations

from contextlib import suppress
from math import inf
from typing import Protocol

from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import ProtocolError, RemoteProtocolError

from .config import ExchangeConfig
from .frames import Packet
from .outlet import Outlet
from .pace import Pace
from .post_messages import error_frame
from .streams import Stream


class Host(Protocol):
    """What a session needs of the exchange."""

    def advance(self, now: float) -> None: ...

    def message_received(self, session: Session, text: str) -> None: ...

    def handshake_received(self, session: Session) -> None:
        """Ends with :meth:`Session.accept`."""

    def message_sent(self, session: Session, packet: Packet) -> None:
        """Ends with :meth:`Session.deliver`, of this packet or of others."""

    def output_waits(self, session: Session) -> None: ...

    def output_taken(self, session: Session) -> None: ...

    def session_ended(self, session: Session) -> None: ...


class Session:
    """Made by :meth:`SimulatedExchange.open_session`; driven by whoever holds the connection.

    Feed :meth:`receive_data` and write what :meth:`data_to_send` returns; output also appears because
    of other sessions and of time. ``closed`` means that nothing follows what is waiting to be sent:
    write it, then close the connection; if it is ``aborted``, in the rudest way there is.
    """

    __slots__ = (
        "_config",
        "_deflate",
        "_due",
        "_host",
        "_outlet",
        "_pace",
        "_pieces",
        "_pieces_size",
        "_pinged_at",
        "_unread",
        "_ws",
        "aborted",
        "closed",
        "gone",
        "number",
        "streams",
    )

    def __init__(self, host: Host, config: ExchangeConfig, now: float, number: int) -> None:
        self._host = host
        self._config = config
        self._outlet = Outlet()
        self._unread = bytearray()  # came while the session stalls
        self._ws = WSConnection(ConnectionType.SERVER)
        self._deflate = PerMessageDeflate()
        self._pieces: list[str] = []
        self._pieces_size = 0
        self._pace = Pace(config.max_messages_per_second, now)
        self._pinged_at: float | None = None  # while a pong is owed
        self._due = now + config.opening_timeout
        self.number = number  # of its connection, from 1
        self.closed = False
        self.gone = False  # the exchange has forgotten it, and the client does not know
        self.aborted = False
        self.streams: dict[str, Stream] = {}  # by topic

    # The driver's side

    def receive_data(self, data: bytes, now: float) -> None:
        """Take in bytes of the client; ``b""`` is the end of its stream. Never raises because of them."""
        self._host.advance(now)
        if self.closed:
            return
        if not data:
            self.end()
        elif self._outlet.held:
            self._unread += data
            if len(self._unread) > self._config.max_unsent:
                self._drop()
        elif not self.gone:
            self._take_in(data, now)

    def _take_in(self, data: bytes, now: float) -> None:
        try:
            self._ws.receive_data(data)
            self._read_events(now)
        except RemoteProtocolError as error:
            self._reject(error.event_hint)
        except (ProtocolError, ValueError):  # headers that wsproto cannot read raise ValueError
            self._reject(None)

    def data_to_send(self) -> bytes:
        """Everything not yet taken that may leave now, once."""
        data = self._outlet.take()
        self._host.output_taken(self)
        return data

    def connection_lost(self, now: float) -> None:
        """The connection is gone: nothing can be sent any more."""
        self._host.advance(now)
        self._drop()
        self._host.output_taken(self)

    # The exchange's side

    def send(self, packet: Packet) -> None:
        """Send a message, if the WebSocket is open, and if no fault is in the way."""
        if self._config.faults:
            self._host.message_sent(self, packet)
        else:
            self.deliver(packet)

    def deliver(self, packet: Packet) -> None:
        """Send a message, if the WebSocket is open."""
        if self.closed or self._ws.state is not ConnectionState.OPEN:
            return
        if self._deflate.enabled():
            self._write(self._ws.send(TextMessage(data=packet.payload.decode())))
        else:
            self._write(packet.frame)

    def close(self, code: int, reason: str = "") -> None:
        """Send a close frame and nothing after it."""
        if not self.closed and self._ws.state in (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING):
            self._write(self._ws.send(CloseConnection(code=code, reason=reason or None)))
        self.end()

    def accept(self, now: float) -> None:
        """Answer the handshake that was received."""
        if not self.closed:
            offered = [self._deflate] if self._config.compression else []
            self._write(self._ws.send(AcceptConnection(extensions=list(offered))))
            if not self._outlet.held:
                self._due = now + self._config.ping_interval

    def refuse(self, status: int, retry_after: int | None = None) -> None:
        """Answer the handshake with another HTTP status than 101."""
        headers = [] if retry_after is None else [(b"retry-after", str(retry_after).encode())]
        self._write(self._ws.send(RejectConnection(status_code=status, headers=headers)))
        self.end()

    def deliver_bytes(self, data: bytes) -> None:
        """Send bytes as they are, frames or not."""
        if not self.closed:
            self._write(data)

    def reset(self) -> None:
        """End at once; what waits to be sent is lost."""
        self._drop()

    def vanish(self) -> None:
        """Forget the client without a word to it; what it sends from now on is lost."""
        self.gone = True
        self._outlet.clear()
        self._due = inf
        self._host.session_ended(self)

    def stall(self, until: float) -> None:
        """Neither read nor write until then."""
        self._outlet.hold(until)
        self._due = inf

    def slow(self, rate: float, now: float) -> None:
        """From now on, let only ``rate`` bytes a second leave."""
        self._outlet.slow(rate, now)
        self._host.output_waits(self)

    def next_deadline(self) -> float:
        return min(self._due, self._outlet.next_release())

    def handle_deadline(self, now: float) -> None:
        """Let held bytes go; ping; give up a client that owes a handshake or a pong for too long."""
        stalled = self._outlet.held
        if self._outlet.release(now):
            self._host.output_waits(self)
            if stalled:
                self._resume(now)
        if now < self._due:
            return
        if self._ws.state is not ConnectionState.OPEN:
            self.end()
        elif self._pinged_at is not None:
            self.close(CloseReason.INTERNAL_ERROR, "keepalive ping timeout")
        else:
            self._pinged_at = now
            self._due = now + self._config.pong_timeout
            self._write(self._ws.send(Ping()))

    def _resume(self, now: float) -> None:
        """A stall is over: take in what came meanwhile."""
        self._due = now + self._config.ping_interval
        data, self._unread = bytes(self._unread), bytearray()
        self._take_in(data, now)

    # Events of the WebSocket

    def _read_events(self, now: float) -> None:
        for event in self._ws.events():
            self._handle(event, now)
            if self._outlet.held:
                break  # wsproto keeps the rest

    def _handle(self, event: Event, now: float) -> None:
        if self.closed or self.gone:
            return  # whatever followed in the same bytes
        match event:
            case Request():
                self._host.handshake_received(self)
            case TextMessage(data=text):
                self._collect(text, event.message_finished, now)
            case BytesMessage():
                if event.message_finished and self._may_send(now):
                    self.send(Packet(error_frame("binary messages are not supported")))
            case Ping():
                self._write(self._ws.send(event.response()))
            case Pong():
                if self._pinged_at is not None:
                    self._due = max(now, self._pinged_at + self._config.ping_interval)
                    self._pinged_at = None
            case CloseConnection(code=code):  # pragma: no branch  # servers get no other events
                self.close(code)  # the client's close frame answered, or wsproto's verdict on its bytes

    def _collect(self, piece: str, is_last: bool, now: float) -> None:
        if piece:
            self._pieces.append(piece)
            self._pieces_size += len(piece)
        if self._pieces_size > self._config.max_message_size:
            self.close(CloseReason.MESSAGE_TOO_BIG)
        elif is_last:
            text = "".join(self._pieces)
            self._pieces.clear()
            self._pieces_size = 0
            if self._may_send(now):
                self._host.message_received(self, text)

    def _may_send(self, now: float) -> bool:
        """Count a message; a client that sends too many in one second is disconnected."""
        allowed = self._pace.allows(now)
        if not allowed:
            self.close(CloseReason.POLICY_VIOLATION, "too many messages")
        return allowed

    def _reject(self, hint: Event | None) -> None:
        """Refuse a handshake that is not one."""
        with suppress(ProtocolError):  # it may be too broken to be answered
            self._write(self._ws.send(hint or RejectConnection()))
        self.end()

    def _write(self, data: bytes) -> None:
        if self.gone:
            return
        self._outlet.add(data)
        if self._outlet.size > self._config.max_unsent:
            self._drop()
        else:
            self._host.output_waits(self)

    def _drop(self) -> None:
        self.aborted = True
        self._outlet.clear()
        self.end()

    def end(self) -> None:
        """End without a close frame, once everything waiting was sent."""
        if not self.closed:
            self.closed = True
            self._outlet.finish()
            self._pieces.clear()
            self._host.session_ended(self)
