"""One WebSocket over one TCP connection, client side: bytes in, whole messages out, and back.

wsproto owns the protocol (RFC 6455); here pings are answered, fragments joined, limits kept and every
end turned into one :class:`Closed`, so that nobody above has heard of frames. There is no reconnecting
and no time here: a closed link stays closed. Compression is not offered: a kilobyte of it can unfold
into a gigabyte.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from msgspec import Struct
from wsproto import ConnectionType, WSConnection
from wsproto import events as ws
from wsproto.connection import ConnectionState
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import ProtocolError, RemoteProtocolError

from .events import DisconnectReason
from .frames import BegunText, FrameTracker, cut_texts, masked_text
from .upgrade import AnswerHead, NoAnswer, check_request, retry_after

_MAX_UNANSWERED_PINGS = 16


class Opened(Struct, frozen=True):
    """The handshake succeeded."""


class Ponged(Struct, frozen=True):
    """The peer answered a ping, or sent a pong unasked."""


class Binary(Struct, frozen=True):
    """A binary message came, which the exchange does not use; its content was dropped."""

    size: int  # bytes


class Closed(Struct, frozen=True):
    """The link has ended; nothing follows.

    ``code`` is the one of the peer's close frame (1005 when the frame had none), ``status`` the HTTP
    status of a refused handshake and ``retry_after`` the seconds it asked to wait. ``detail`` is for
    logs and holds nothing of any message.
    """

    reason: DisconnectReason
    code: int | None = None
    status: int | None = None
    detail: str = ""
    retry_after: float | None = None


# A list holds whole text messages in a row, each known to be valid UTF-8.
LinkEvent = list[bytes] | Opened | Ponged | Binary | Closed


class Link:
    """The client's half of one WebSocket. Make a new one for every TCP connection.

    ``host`` is the value of the Host header, ``target`` the path with its query. No message has more
    than ``max_message_size`` bytes or ``max_fragments`` frames. ``mask`` gives four bytes for each text sent.
    ``shortcut=False`` lets wsproto see every frame that comes: the same events at the same time, an order of
    magnitude slower. ``at_message`` tells that the next byte begins a message which the shortcut may take:
    whole texts need not come here at all.

    Raises :class:`UsageError` when ``host`` or ``target`` cannot stand in an HTTP request.
    """

    def __init__(
        self,
        *,
        host: str,
        target: str,
        max_message_size: int,
        max_fragments: int,
        mask: Callable[[], bytes],
        shortcut: bool = True,
    ) -> None:
        check_request(host, target)
        self.at_message = False
        self.max_message_size = max_message_size
        self._ws = WSConnection(ConnectionType.CLIENT)
        self._out = bytearray(self._ws.send(ws.Request(host=host, target=target)))
        self._head: AnswerHead | None = AnswerHead()  # None once the handshake is done
        self._tracker = FrameTracker(max_message_size)
        self._max_fragments = max_fragments
        self._mask = mask
        self._shortcut = shortcut
        self._begun = BegunText(max_message_size)
        self._message = bytearray()  # what has come of a text message
        self._binary_size = 0  # what has come of a binary one
        self._fragments = 0
        self._pings: deque[ws.Ping] = deque(maxlen=_MAX_UNANSWERED_PINGS)
        self._reading = False
        self._closed = False

    # Sending ---------------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """True from :class:`Opened` until either side closes: only then is anything sent."""
        return not self._closed and self._ws.state is ConnectionState.OPEN

    def send_text(self, text: bytes) -> None:
        """Send one text message, which must be UTF-8; dropped when the link is not open."""
        if self.is_open:
            self._answer_pings()
            self._out += masked_text(text, self._mask())

    def send_ping(self) -> None:
        """Ask the peer for a sign of life. Nothing happens when the link is not open."""
        self._send(ws.Ping())

    def send_close(self, code: int = 1000) -> None:
        """Begin the closing handshake; messages may still come until :class:`Closed`."""
        self._send(ws.CloseConnection(code=code))

    @property
    def has_data_to_send(self) -> bool:
        return bool(self._out or self._pings)

    def data_to_send(self) -> bytes:
        """Bytes for the peer, each returned once. The close frame is still here after the end."""
        self._answer_pings()
        data = bytes(self._out)
        self._out.clear()
        return data

    def _send(self, event: ws.Event) -> None:
        if self.is_open:
            self._answer_pings()
            self._out += self._ws.send(event)

    def _answer_pings(self) -> None:
        """Only when bytes leave: of a flood, the newest alone are answered (RFC 6455 section 5.5.3)."""
        while self._pings:
            self._out += self._ws.send(self._pings.popleft().response())

    # Receiving -------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> Iterator[LinkEvent]:
        """What these bytes, cut anywhere, mean; ``b""`` is the end of the stream.

        One event at a time: whoever takes it may act on the link before the bytes behind it are read.
        Messages in a row come together, since there is nothing to be done between them.
        Leaving the iteration early gives up the link, since the rest of that read is lost.
        """
        if self._closed:
            return
        if self._reading or not data:
            yield self._stream_ended()
            return
        self._reading = True
        self.at_message = False
        if self._head is not None:
            data, answer = self._open(self._head, data)
            if answer is not None:
                yield answer
        texts, refused, start = self._begun.join(data)
        if texts:
            yield texts
        yield from self._read_frames(refused, 0)
        yield from self._read_frames(data, start)
        self._reading = False
        self.at_message = self._is_at_message() and not self._begun.missing

    def _read_frames(self, data: bytes, start: int) -> Iterator[LinkEvent]:
        stop = len(data)
        while start < stop and not self._closed:
            if self._is_at_message():
                texts, start = cut_texts(data, start, self.max_message_size)
                if texts:
                    yield texts
                if start == stop or self._begun.begin(data, start):
                    break
            end = self._tracker.advance(data, start)
            yield from self._parse(data[start:end])
            start = end

    def _is_at_message(self) -> bool:
        return self._shortcut and self._tracker.between_messages and not self._closed and self._head is None

    def _open(self, head: AnswerHead, data: bytes) -> tuple[bytes, Opened | Closed | None]:
        """Collect the answer to the upgrade; returns what follows it and what it says, once it is whole."""
        try:
            found = head.add(data)
        except NoAnswer as fault:
            return b"", self._end(DisconnectReason.MALFORMED, detail=str(fault))
        if found is None:
            return b"", None
        self._head = None
        answer, rest = found
        return rest, self._shake_hands(answer)

    def _shake_hands(self, head: bytes) -> Opened | Closed:
        answer, fault = None, "no answer"
        try:
            self._ws.receive_data(head)
            answer = next(self._ws.events(), None)
        except RemoteProtocolError as error:
            fault = ascii(str(error))[:100]
        except (ProtocolError, ValueError):  # wsproto decodes headers as ASCII and lets the error through
            fault = "headers that cannot be read"
        match answer:
            case ws.AcceptConnection():
                return Opened()
            case ws.RejectConnection(status_code=status):
                refused = DisconnectReason.HANDSHAKE_REFUSED
                wait = retry_after(answer.headers)
                return self._finish(Closed(refused, status=status, detail=f"HTTP {status}", retry_after=wait))
            case _:
                return self._end(DisconnectReason.MALFORMED, detail=f"bad handshake: {fault}")

    def _parse(self, piece: bytes) -> Iterator[LinkEvent]:
        """Let wsproto judge (a part of) one frame."""
        self._ws.receive_data(piece)
        for event in self._ws.events():
            found = self._read(event)
            if found is not None:
                yield found
            if self._closed:
                return
        if self._tracker.too_big:
            yield self._give_up(DisconnectReason.TOO_BIG, CloseReason.MESSAGE_TOO_BIG)

    def _read(self, event: ws.Event) -> LinkEvent | None:
        match event:
            case ws.TextMessage():
                self._message += event.data.encode()
                return self._after_piece(event)
            case ws.BytesMessage():
                self._binary_size += len(event.data)
                return self._after_piece(event)
            case ws.Pong():
                return Ponged()
            case ws.CloseConnection():
                return self._on_close(event)
            case ws.Ping() if self.is_open:
                self._pings.append(event)
        return None

    def _after_piece(self, event: ws.TextMessage | ws.BytesMessage) -> LinkEvent | None:
        self._fragments += event.frame_finished
        if self._fragments > self._max_fragments:
            return self._give_up(DisconnectReason.TOO_MANY_FRAGMENTS, CloseReason.POLICY_VIOLATION)
        if not event.message_finished:
            return None
        text, self._message = bytes(self._message), bytearray()
        size, self._binary_size = self._binary_size, 0
        self._fragments = 0
        return [text] if isinstance(event, ws.TextMessage) else Binary(size)

    def _on_close(self, event: ws.CloseConnection) -> Closed:
        """wsproto has one event for two facts; its state tells them apart."""
        match self._ws.state:
            case ConnectionState.REMOTE_CLOSING:
                self._out += self._ws.send(event.response())
                return self._end(DisconnectReason.CLOSED_BY_PEER, int(event.code), _said(event))
            case ConnectionState.CLOSED:
                return self._end(DisconnectReason.CLOSED_BY_USER, int(event.code), _said(event))
            case _:  # its own verdict on bytes that break the protocol
                not_utf8 = event.code == CloseReason.INVALID_FRAME_PAYLOAD_DATA
                reason = DisconnectReason.NOT_UTF8 if not_utf8 else DisconnectReason.MALFORMED
                return self._give_up(reason, event.code)

    # Ending ----------------------------------------------------------------------------------------------

    def _give_up(self, reason: DisconnectReason, code: int) -> Closed:
        """Fail the WebSocket connection, telling the peer why (RFC 6455 section 7.1.7)."""
        self.send_close(code)
        return self._end(reason, detail=f"closed by this side with code {int(code)}")

    def _stream_ended(self) -> Closed:
        if self._ws.state is ConnectionState.LOCAL_CLOSING:
            return self._end(DisconnectReason.CLOSED_BY_USER, detail="end of stream")
        return self._end(DisconnectReason.LOST, detail="end of stream")

    def _end(self, reason: DisconnectReason, code: int | None = None, detail: str = "") -> Closed:
        return self._finish(Closed(reason, code, detail=detail))

    def _finish(self, closed: Closed) -> Closed:
        self._closed = True
        self.at_message = False
        self._pings.clear()
        self._begun = BegunText(self.max_message_size)
        self._message = bytearray()
        return closed


def _said(event: ws.CloseConnection) -> str:
    """The peer's close frame in words; its text is at most 123 bytes long and escaped."""
    code = int(event.code)
    return f"code {code}: {event.reason!a}" if event.reason else f"code {code}"
