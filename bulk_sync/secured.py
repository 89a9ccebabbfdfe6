"""A conversation over TLS, from the end of the handshake on.

Bytes go through two buffers in memory, not through a socket that knows of TLS. So a listening reader has
nothing of TLS in its hands while its relief seals and sends, and decrypts only when it is back: never are two
threads at one session.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass

from .conversation import Conversation, Receive

_RECORD_SIZE = 16384  # bytes that are encrypted in one piece, at most (RFC 8446 section 5.1)


@dataclass(frozen=True, slots=True)
class SecuredSocket:
    """A connected socket, and the session that speaks TLS over it through two buffers.

    Options of the connection are set on ``sock``; what is sent and received there is encrypted.
    """

    sock: socket.socket
    session: ssl.SSLObject
    incoming: ssl.MemoryBIO
    outgoing: ssl.MemoryBIO

    def close(self) -> None:
        self.sock.close()


class SecuredConversation(Conversation):
    """What is sent is sealed first; what :meth:`receive` and :meth:`listen` bring is still encrypted.

    The server may end it with or without a word of TLS, since messages have ends of their own.
    """

    def __init__(self, secured: SecuredSocket) -> None:
        super().__init__(secured.sock)
        self._session = secured.session
        self._incoming = secured.incoming
        self._outgoing = secured.outgoing
        self._unsealed = b""
        self._at_end = False
        self._spoilt: ssl.SSLError | None = None  # why nothing more can be opened

    @property
    def owes(self) -> bool:
        return bool(self.unsent or self._unsealed)

    def send(self, data: bytes) -> None:
        self._unsealed += data
        try:
            while self._unsealed:
                self._unsealed = self._unsealed[self._session.write(self._unsealed) :]
        except ssl.SSLWantReadError:
            pass  # TLS must hear something first
        super().send(self._outgoing.read())

    def decrypting(self, receive: Receive, begun_at: float) -> Receive:
        def take(data: bytes, now: float) -> None:
            self._incoming.write(data) if data else self._incoming.write_eof()
            pass_on(now)

        def pass_on(now: float) -> None:
            plain = self._decrypted()
            if self._outgoing.pending or self._unsealed:  # TLS has answers of its own to give
                with suppress(OSError):  # whoever sends next runs into the same
                    self.send(b"")
            if plain:
                receive(plain, now)
            if self._spoilt is not None:
                raise self._spoilt
            if self._at_end:
                receive(b"", now)

        pass_on(begun_at)
        return take

    def _decrypted(self) -> bytes:
        """All that can be read of what has arrived."""
        parts: list[bytes] = []
        while self._incoming.pending or self._incoming.eof:
            try:
                part = self._session.read(_RECORD_SIZE)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLEOFError:
                part = b""
            except ssl.SSLError as fault:
                self._spoilt = fault
                break
            if not part:
                self._at_end = True
                break
            parts.append(part)
        return b"".join(parts)


def converse(made: socket.socket | SecuredSocket) -> Conversation:
    """Begin to talk over what a connector has made."""
    return SecuredConversation(made) if isinstance(made, SecuredSocket) else Conversation(made)
