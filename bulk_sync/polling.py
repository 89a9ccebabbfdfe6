"""Waiting for sockets: Linux's own way, a microsecond or two cheaper, or that of :mod:`selectors`."""

from __future__ import annotations

import select
import selectors
import socket
from typing import Protocol

READ, WRITE = 1, 4  # EPOLLIN and EPOLLOUT


class Poll(Protocol):
    """As much of ``select.epoll`` as is needed. Sockets leave by number: they may be closed by then."""

    def register(self, fd: socket.socket, eventmask: int, /) -> None: ...

    def modify(self, fd: socket.socket, eventmask: int, /) -> None: ...

    def unregister(self, fd: int, /) -> None: ...

    def poll(self, timeout: float, maxevents: int, /) -> list[tuple[int, int]]:
        """File numbers of the sockets that are ready; waits for at most ``timeout`` seconds."""
        ...

    def close(self) -> None: ...


class PortablePoll:
    """The same on any system."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def register(self, fd: socket.socket, eventmask: int, /) -> None:
        self._selector.register(fd, _portable(eventmask))

    def modify(self, fd: socket.socket, eventmask: int, /) -> None:
        self._selector.modify(fd, _portable(eventmask))

    def unregister(self, fd: int, /) -> None:
        self._selector.unregister(fd)

    def poll(self, timeout: float, maxevents: int, /) -> list[tuple[int, int]]:
        return [(key.fd, READ | WRITE) for key, _ in self._selector.select(timeout)]

    def close(self) -> None:
        self._selector.close()


def make_poll() -> Poll:
    return select.epoll() if hasattr(select, "epoll") else PortablePoll()


def _portable(eventmask: int) -> int:
    return selectors.EVENT_READ | (selectors.EVENT_WRITE if eventmask & WRITE else 0)
