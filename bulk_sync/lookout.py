"""Where the reading thread sleeps: until the connection is ready, somebody rings, or time is up."""

from __future__ import annotations

import socket
import time
from contextlib import suppress

from .conversation import Conversation
from .polling import READ, WRITE, make_poll

LONGEST_NAP = 3600.0  # seconds; systems limit what they accept


class Lookout:
    """Watches at most one conversation. Any thread may ring."""

    def __init__(self) -> None:
        self._ear, self._mouth = socket.socketpair()
        self._ear.setblocking(False)
        self._mouth.setblocking(False)
        self._poll = make_poll()
        self._poll.register(self._ear, READ)
        self._watched: Conversation | None = None
        self._number = -1
        self._wants_room = False

    def ring(self) -> None:
        with suppress(OSError):  # full: a ring is on its way; closed: nobody sleeps any more
            self._mouth.send(b"!")

    def watch(self, conversation: Conversation) -> None:
        self._watched, self._wants_room = conversation, False
        self._number = conversation.sock.fileno()
        self._poll.register(conversation.sock, READ)

    def unwatch(self) -> None:
        """Watch the conversation no longer; it is still open."""
        if self._watched is not None:
            self._poll.unregister(self._watched.sock)
            self._watched = None
            self._number = -1

    def sleep(self, until: float) -> bool:
        """True when the conversation is worth a look; there may be rings or a deadline to see to as well."""
        watched = self._watched
        if watched is not None:
            if watched.tls is not None and watched.tls.pending():
                return True  # watching the socket does not reveal what TLS has decrypted already
            if watched.wants_room != self._wants_room:
                self._wants_room = not self._wants_room
                self._poll.modify(watched.sock, READ | WRITE if self._wants_room else READ)
        nap = until - time.monotonic()
        found = False
        for number, _ in self._poll.poll(0.0 if nap < 0.0 else min(nap, LONGEST_NAP), 2):
            if number == self._number:
                found = True
            else:
                self._ear.recv(4096)
        return found

    def close(self) -> None:
        """A forked process may do this as well: it closes copies, and takes nothing out of the poll."""
        self._poll.close()
        self._ear.close()
        self._mouth.close()
