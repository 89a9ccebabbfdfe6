"""One connection's socket, from the first byte to the last: sends what it takes, receives what is there."""

from __future__ import annotations

import select
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

Receive = Callable[[bytes, float], None]
"""Takes bytes, ``b""`` at the end of the stream, and the time."""

READ_SIZE = 65536  # bytes; more than a TLS record, so that no TLS socket keeps a rest that no poll shows
LISTENING = 0.01  # seconds for which a listening reader stays in the socket


class Closable(Protocol):
    def close(self) -> None: ...


class Conversation:
    """Raises ``OSError`` when the connection broke; nothing but :meth:`listen` blocks.

    ``wants_room`` says that the socket should be watched for room to write as well; ``can_listen`` that
    there is :meth:`listen`: on Linux, for sockets that are no TLS sockets.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.can_listen = type(sock) is socket.socket and hasattr(select, "epoll") and _ends_by_itself(sock)
        self.unsent = b""
        self._at_once = socket.MSG_DONTWAIT if self.can_listen else 0
        self._sends_later = False
        self._reads_by_writing = False  # TLS must write something before it can read on
        sock.setblocking(self.can_listen)

    @property
    def wants_room(self) -> bool:
        return self._sends_later or self._reads_by_writing

    @property
    def owes(self) -> bool:
        """Has something that was handed over not left yet?"""
        return bool(self.unsent)

    def send(self, data: bytes) -> None:
        """Send this after all that is unsent; what the socket does not take now is kept for the next call."""
        data = self.unsent + data
        self._sends_later = False
        try:
            while data:
                data = data[self.sock.send(data, self._at_once) :]
        except (BlockingIOError, ssl.SSLWantWriteError):
            self._sends_later = True
        except ssl.SSLWantReadError:
            pass  # TLS must hear something first
        finally:
            self.unsent = data

    def receive(self) -> bytes | None:
        """Bytes, ``b""`` at the end of the stream, or None when there are none yet."""
        try:
            return self.sock.recv(READ_SIZE, self._at_once)
        except (BlockingIOError, ssl.SSLWantReadError):
            self._reads_by_writing = False
        except ssl.SSLWantWriteError:
            self._reads_by_writing = True
        return None

    def listen(self) -> bytes | None:
        """The same, but wait a moment for them: one call of the system instead of two."""
        try:
            return self.sock.recv(READ_SIZE)
        except BlockingIOError:
            return None

    def decrypting(self, receive: Receive, begun_at: float) -> Receive:
        """What takes the bytes that come, so that ``receive`` gets what they say; the same without TLS.

        With TLS ``receive`` is called before this returns, with what came along with the handshake, and
        bytes that are no TLS raise ``OSError``, here and later.
        """
        return receive

    def close(self) -> None:
        let_go(self.sock)


def let_go(sock: Closable) -> None:
    """Close it as well as it can be: some come from callers and fail at it."""
    with suppress(Exception):
        sock.close()


def _ends_by_itself(sock: socket.socket) -> bool:
    """Have a blocking call end after LISTENING; False where the system wants to be told otherwise.

    Systems of 32 bits disagree about how long the two numbers are.
    """
    try:
        patience = struct.pack("ll", int(LISTENING), int(LISTENING % 1 * 1e6))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
    except OSError:
        return False
    return True
