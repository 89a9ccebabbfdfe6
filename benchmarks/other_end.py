"""A server in a process of its own: it prints its port, and ends with its input."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Protocol


class OtherEnd:
    """Starts a module of this package. It ends with this process at the latest, whose pipe it reads."""

    def __init__(self, module: str, *arguments: str, python: str = sys.executable) -> None:
        self._process = subprocess.Popen(
            [python, "-m", module, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def close(self) -> None:
        """End it now, and wait for that."""
        self._process.communicate()


class Server(Protocol):
    def serve(self, sock: socket.socket) -> None:
        """Talk to one client until it goes."""


def serve_until_input_ends(server: Server, tls: ssl.SSLContext | None = None) -> None:
    """Print the port, then serve one connection after the other."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=_serve_all, args=(listener, server, tls), daemon=True).start()
    sys.stdin.read()


def _serve_all(listener: socket.socket, server: Server, tls: ssl.SSLContext | None) -> None:
    while True:
        sock, _ = listener.accept()
        # The client goes at the end of each round, whatever is on its way.
        with suppress(OSError), sock if tls is None else tls.wrap_socket(sock, server_side=True) as stream:
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server.serve(stream)
