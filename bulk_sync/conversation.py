"""One connection's socket, from the first byte to the last: sends what it takes, receives what is there."""

from __future__ import annotations

import socket
import ssl

READ_SIZE = 65536  # bytes


class Conversation:
    """Never blocks, and raises ``OSError`` when the connection broke.

    ``wants_room`` says that the socket should be watched for room to write as well; ``tls`` is the socket
    when it talks TLS.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.tls = sock if isinstance(sock, ssl.SSLSocket) else None
        self.unsent = b""
        self._sends_later = False
        self._reads_by_writing = False  # TLS must write something before it can read on

    @property
    def wants_room(self) -> bool:
        return self._sends_later or self._reads_by_writing

    def send(self, data: bytes) -> None:
        """Send this after all that is unsent; what the socket does not take now is kept for the next call."""
        data = self.unsent + data
        self._sends_later = False
        try:
            while data:
                data = data[self.sock.send(data) :]
        except (BlockingIOError, ssl.SSLWantWriteError):
            self._sends_later = True
        except ssl.SSLWantReadError:
            pass  # TLS must hear something first
        self.unsent = data

    def receive(self) -> bytes | None:
        """Bytes, ``b""`` at the end of the stream, or None when there are none yet."""
        try:
            return self.sock.recv(READ_SIZE)
        except (BlockingIOError, ssl.SSLWantReadError):
            self._reads_by_writing = False
        except ssl.SSLWantWriteError:
            self._reads_by_writing = True
        return None

    def close(self) -> None:
        self.sock.close()
