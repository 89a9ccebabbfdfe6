"""Runs one core on a blocking socket, in one background thread: all waiting happens here, no deciding does.

The thread owns the socket, keeps time and runs the errands of other threads. It alone changes the core,
under a lock that readers share; it sleeps until the socket, a ring or the next deadline.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any

from bulk_proto.core import ClientCore, State
from bulk_proto.errors import LinkError
from bulk_proto.events import Event

from .attempts import attempt_to_connect, give_up
from .connectors import Connector
from .errands import Errand
from .faults import reason_of

READ_SIZE = 65536  # bytes
LONGEST_NAP = 3600.0  # seconds; systems limit what they accept
_TALKING = (State.HANDSHAKING, State.OPEN, State.CLOSING)

SERVING: set[Driver] = set()
"""The drivers of this process whose thread runs."""


class Driver:
    """Serves ``core`` from :meth:`start` until it rests, once.

    ``guard`` is held whenever the core changes. ``deliver`` receives every event, in order, without the
    guard, and must not block; ``on_rest`` is called when there will be no more. ``on_fork`` is called in a
    child process forked meanwhile.
    """

    def __init__(
        self,
        core: ClientCore,
        guard: AbstractContextManager[object],
        deliver: Callable[[Event], None],
        connector: Connector,
        on_rest: Callable[[Exception | None], None],
        on_fork: Callable[[], None],
    ) -> None:
        self.core = core
        self.serving = False
        self.leaving = False
        self._guard = guard
        self._deliver = deliver
        self._connector = connector
        self._on_rest = on_rest
        self._on_fork = on_fork
        self._errands: deque[Errand[Any]] = deque()
        self._thread = threading.Thread(target=self._run, name="bulk client", daemon=True)
        self._ear: socket.socket | None = None
        self._mouth: socket.socket | None = None
        self._sock: socket.socket | None = None

    # For other threads -----------------------------------------------------------------------------------

    def start(self, first: Errand[Any]) -> None:
        """Start the thread; ``first`` starts the core. Call with the guard held."""
        self._ear, self._mouth = socket.socketpair()
        self._ear.setblocking(False)
        self._mouth.setblocking(False)
        self._errands.append(first)
        self.serving = True
        SERVING.add(self)
        self._thread.start()

    def ask(self, errand: Errand[Any]) -> None:
        """Have an errand run soon; at once and here when the core rests. Call with the guard held."""
        if self.serving:
            self._errands.append(errand)
            self.wake()
        else:
            errand.run(time.monotonic())

    def leave(self) -> None:
        """Have the core stopped; takes no lock and never blocks."""
        if self.serving:
            self.leaving = True
            self._errands.append(Errand(self._stop))
            self.wake()

    def join(self, timeout: float | None = None) -> None:
        """Wait until the thread has ended, if there ever was one."""
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def wake(self) -> None:
        if self._mouth is not None:
            with suppress(OSError):  # full: a ring is on its way; closed: nobody sleeps any more
                self._mouth.send(b"!")

    def disown(self) -> None:
        """In a forked child: let go of what belongs to the parent, without a word to the exchange."""
        self.serving = False
        self._close()
        self._on_fork()

    # In the driver's own thread --------------------------------------------------------------------------

    def _run(self) -> None:
        error: Exception | None = None
        try:
            with selectors.DefaultSelector() as selector:
                assert self._ear is not None
                selector.register(self._ear, selectors.EVENT_READ)
                self._serve(selector)
        except Exception as fault:
            error = fault
        try:
            self._rest()
        finally:
            self._on_rest(error)

    def _serve(self, selector: selectors.BaseSelector) -> None:
        self._turn()
        while self.core.state is not State.IDLE:
            if self.core.wants_connection:
                self._serve_one_connection(selector)
            else:
                self._sleep(selector)
            self._turn()

    def _turn(self) -> None:
        """Run the errands, keep time, hand out the news."""
        with self._guard:
            now = time.monotonic()
            while self._errands:
                self._errands.popleft().run(now)
            due = self.core.next_deadline()
            if due is not None and due <= now:
                self.core.handle_deadline(now)
            news = self.core.events()
        for event in news:
            self._deliver(event)

    def _serve_one_connection(self, selector: selectors.BaseSelector) -> None:
        attempt = attempt_to_connect(self._connector, self.core.config, self.wake)
        while self.core.state is State.CONNECTING and not attempt.done():
            self._sleep(selector)
            self._turn()
        if self.core.state is not State.CONNECTING:
            give_up(attempt)
            return
        try:
            with attempt.result() as self._sock:
                self._converse(self._sock, selector)
        except (OSError, LinkError) as fault:
            with self._guard:
                reason = fault if isinstance(fault, LinkError) else reason_of(fault)
                self.core.connection_lost(time.monotonic(), reason)
        finally:
            self._sock = None

    def _converse(self, sock: socket.socket, selector: selectors.BaseSelector) -> None:
        sock.setblocking(False)
        with self._guard:
            self.core.connection_made(time.monotonic())
        selector.register(sock, selectors.EVENT_READ)
        try:
            unsent = b""
            while True:
                self._turn()
                unsent, sends_later = _send(sock, unsent + self.core.data_to_send())
                if self.core.state not in _TALKING:
                    return
                data, reads_by_writing = _receive(sock)
                if data is None:
                    writing = selectors.EVENT_WRITE if sends_later or reads_by_writing else 0
                    selector.modify(sock, selectors.EVENT_READ | writing)
                    self._sleep(selector)
                else:
                    with self._guard:
                        self.core.receive_data(data, time.monotonic())
        finally:
            selector.unregister(sock)

    def _sleep(self, selector: selectors.BaseSelector) -> None:
        """Until a socket is ready, somebody rings, or the next deadline."""
        due = self.core.next_deadline()
        nap = LONGEST_NAP if due is None else min(LONGEST_NAP, due - time.monotonic())
        for key, _ in selector.select(max(0.0, nap)):
            if key.fileobj is self._ear:
                self._ear.recv(4096)

    def _rest(self) -> None:
        """Nobody will read or keep time any more: let the core end everything that is open."""
        with self._guard:
            now = time.monotonic()
            self.core.stop(now)
            self.core.connection_lost(now, "the client stopped")
            while self._errands:
                self._errands.popleft().run(now)
            self.serving = False
            news = self.core.events()
        for event in news:
            self._deliver(event)
        SERVING.discard(self)
        self._close()

    def _close(self) -> None:
        for sock in (self._sock, self._ear, self._mouth):
            if sock is not None:
                sock.close()

    def _stop(self, now: float) -> list[Any]:
        self.core.stop(now)
        return []


def _send(sock: socket.socket, data: bytes) -> tuple[bytes, bool]:
    """What could not be sent yet, and whether to try again when the socket takes more."""
    try:
        while data:
            data = data[sock.send(data) :]
    except (BlockingIOError, ssl.SSLWantWriteError):
        return data, True
    except ssl.SSLWantReadError:
        pass  # TLS must hear something first
    return data, False


def _receive(sock: socket.socket) -> tuple[bytes | None, bool]:
    """Bytes, or None when there are none yet, and whether TLS must write before there can be any.

    A TLS socket may hold bytes that waiting for the socket does not reveal: wait only after None.
    """
    try:
        return sock.recv(READ_SIZE), False
    except (BlockingIOError, ssl.SSLWantReadError):
        return None, False
    except ssl.SSLWantWriteError:
        return None, True
