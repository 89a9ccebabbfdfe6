"""Where the reading thread sleeps: until the connection has something to say, somebody rings, or time is up.

Sleeping in the socket itself is the cheapest way to wait for the next message, but whoever does is deaf to
rings and clocks. So that is done for moments only, while messages come one after the other and no deadline is
near, and whoever rings meanwhile is told that nobody hears it.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from time import monotonic

from .conversation import Conversation
from .polling import READ, WRITE, make_poll

LONGEST_NAP = 3600.0  # seconds; systems limit what they accept


class Lookout:
    """Watches at most one conversation. Any thread may ring.

    ``is_deaf`` is true from when the reader begins to listen until the reader itself says that it is back;
    ``may_be_deaf`` is for the reader to set: no deadline is near. ``is_talkative`` after a read that brought
    something, until the reader says that the next one may be long in coming.
    """

    def __init__(self) -> None:
        self._ear, self._mouth = socket.socketpair()
        self._ear.setblocking(False)
        self._mouth.setblocking(False)
        self._poll = make_poll()
        self._poll.register(self._ear, READ)
        self._watched: Conversation | None = None
        self._number = -1
        self._wants_room = False
        self.is_talkative = False
        self._rung = False
        self.may_be_deaf = False
        self.is_deaf = False

    def ring(self) -> bool:
        """False: the reader is deaf, or just coming back."""
        self._rung = True
        if self.is_deaf:  # asked after ringing, while the reader asks for rings after turning deaf
            return False
        with suppress(OSError):  # full: a ring is on its way; closed: nobody sleeps any more
            self._mouth.send(b"!")
        return True

    def watch(self, conversation: Conversation) -> None:
        self._watched, self._wants_room = conversation, False
        self._number = conversation.sock.fileno()
        self._poll.register(conversation.sock, READ)

    def unwatch(self) -> None:
        """Watch the conversation no longer; its socket may be closed already, and its number another's."""
        number, self._number = self._number, -1
        self._watched = None
        self.is_talkative = False
        with suppress(OSError, ValueError, KeyError):  # the system has taken it out, or it never got in
            self._poll.unregister(number)

    def sleep(self, until: float) -> bytes | None:
        """What the connection says, ``b""`` at its end; None when there are rings or a deadline to see to."""
        watched, data = self._watched, None
        if watched is None:
            self._wait(until)
        elif self.is_talkative and self.may_be_deaf and not watched.wants_room:
            self.is_deaf = True
            if not self._rung:
                data = watched.listen()
        elif self._wait(until):
            data = watched.receive()
        self._rung = False
        self.is_talkative = data is not None and watched is not None and watched.can_listen
        return data

    def _wait(self, until: float) -> bool:
        """True when the conversation is worth a look."""
        watched = self._watched
        if watched is not None and watched.wants_room != self._wants_room:
            self._wants_room = not self._wants_room
            self._poll.modify(watched.sock, READ | WRITE if self._wants_room else READ)
        nap = until - monotonic()
        found = False
        ready = self._poll.poll(0.0 if nap < 0.0 else min(nap, LONGEST_NAP), 2)
        # Where the process was suspended meanwhile, time is up and nobody has looked at the socket.
        for number, _ in ready or self._poll.poll(0.0, 2):
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
