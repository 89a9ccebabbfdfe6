"""An exchange that only talks: it confirms what is asked for and then pours out a feed, made beforehand.

``python -m benchmarks.feeder VARIANT MESSAGES SPELLING`` prints its port and serves one connection after
the other until its input ends. It costs next to nothing per message, so that a client on the other core is
what is measured. With ``--counter`` (a shared file that the client's handler counts in) each message is sent
when the one before has been handled: one message per wake-up, and no idling. With ``--certificate`` (a file
with certificate and key) it speaks TLS.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import feed
from .made_certificate import server_context
from .other_end import serve_until_input_ends
from .server_bytes import account_snapshot, confirmation, frame, requests

_STUCK = 5.0  # seconds without progress after which a round is given up


@dataclass
class Feeder:
    """What is poured out: the feed's first snapshots answer subscriptions, the rest is the flood."""

    texts: list[bytes]
    counter: memoryview | None = None

    def serve(self, sock: socket.socket) -> None:
        for request in map(json.loads, requests(sock)):
            if request["method"] != "subscribe":
                continue
            asked = request["subscription"]
            sock.sendall(b"".join(frame(text) for text in self._answers(asked)))
            if any(one["type"] == "candle" for one in asked):  # the sign that the client is ready
                self._pour(sock)

    def _answers(self, asked: list[dict[str, Any]]) -> Iterator[bytes]:
        yield confirmation(asked)
        for one in asked:
            if one["type"] == "l2Snapshot":
                yield self.texts[feed.SYMBOLS.index(one["symbol"])]
            if one["type"] == "account":
                yield account_snapshot(one["user"])

    def _pour(self, sock: socket.socket) -> None:
        texts = self.texts[len(feed.SYMBOLS) :]
        if self.counter is None:
            sock.sendall(b"".join(map(frame, texts)))
            return
        for number, text in enumerate(texts):
            patience = time.monotonic() + _STUCK
            while self.counter[0] < number:
                os.sched_yield() if hasattr(os, "sched_yield") else time.sleep(0)
                if time.monotonic() > patience:
                    return
            sock.sendall(frame(text))


def open_counter(path: Path) -> memoryview:
    """One integer that two processes share."""
    with path.open("r+b") as file:
        return memoryview(mmap.mmap(file.fileno(), 8)).cast("Q")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.feeder")
    parser.add_argument("variant")
    parser.add_argument("messages", type=int)
    parser.add_argument("spelling", choices=("current", "released"))
    parser.add_argument("--counter", type=Path)
    parser.add_argument("--certificate", type=Path)
    given = parser.parse_args()
    wanted = feed.recipe(
        given.variant, messages=given.messages, released_spelling=given.spelling == "released"
    )
    feeder = Feeder(feed.payloads(wanted), open_counter(given.counter) if given.counter else None)
    serve_until_input_ends(feeder, server_context(given.certificate) if given.certificate else None)


if __name__ == "__main__":
    main()
