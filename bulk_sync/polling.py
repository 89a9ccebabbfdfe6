"""``select.poll``, and as much of it made of ``select.select`` where a system has none (Windows)."""

from __future__ import annotations

import select
import socket
from typing import Protocol

READ, WRITE = 1, 4  # POLLIN and POLLOUT


class Poll(Protocol):
    """Waits for sockets; the cheapest way that Python has for a few of them."""

    def register(self, fd: socket.socket, eventmask: int, /) -> None: ...

    def modify(self, fd: socket.socket, eventmask: int, /) -> None: ...

    def unregister(self, fd: socket.socket, /) -> None: ...

    def poll(self, timeout: float, /) -> list[tuple[int, int]]:
        """Numbers of the sockets that are ready; waits for at most ``timeout`` milliseconds."""
        ...


class PollBySelect:
    """What is needed of ``select.poll``, without its speed."""

    def __init__(self) -> None:
        self._masks: dict[int, int] = {}

    def register(self, fd: socket.socket, eventmask: int, /) -> None:
        self._masks[fd.fileno()] = eventmask

    modify = register

    def unregister(self, fd: socket.socket, /) -> None:
        del self._masks[fd.fileno()]

    def poll(self, timeout: float, /) -> list[tuple[int, int]]:
        writers = [number for number, mask in self._masks.items() if mask & WRITE]
        ready = select.select(list(self._masks), writers, writers, timeout / 1000)
        return [(number, READ | WRITE) for number in {number for found in ready for number in found}]


def make_poll() -> Poll:
    return select.poll() if hasattr(select, "poll") else PollBySelect()
