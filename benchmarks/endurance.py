"""Memory of a whole client over many messages and many reconnections: flat, or something leaks.

The exchange drops the connection after every feed and the client comes back by itself. Each feed has order
ids and trade ids of its own, so that whatever remembers them is filled as in a long life. A few messages are
on their way at a time: a backlog is bounded by other means, and its peaks would hide what is looked for here.
What is reported is the resident memory of the last tenth of the run over that of the second, which has
warmed up (Linux only).

``python -m benchmarks.endurance MESSAGES COUNTER`` is that exchange, for as many messages a connection; its
client counts in the file COUNTER what it has handled.
"""

from __future__ import annotations

import logging
import re
import resource
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import count
from pathlib import Path
from statistics import fmean
from typing import Any

from . import feed
from .contest import Case, Entry, Goal
from .feeder import Feeder, open_counter
from .other_end import OtherEnd, serve_until_input_ends
from .server_bytes import frame
from .stage import Exercise, Outcome

SECOND = "its second tenth"
BACKENDS = ("asyncio", "trio", "blocking")
_TOPICS = ("TICKER", "TRADES", "L2SNAPSHOT", "L2DELTA", "ORDER", "FILL")
_QUIET = logging.getLogger("benchmarks.endurance")
_QUIET.setLevel(logging.ERROR)  # a line for every lost connection says nothing here
_SETTINGS: dict[str, Any] = {
    "handler_limit": 100_000,
    "logger": _QUIET,
    "backoff_base": 0.001,
    "backoff_cap": 0.001,
}
_WINDOW = 250  # messages that are sent before those of the window before have been handled
_PATIENCE = 60.0  # seconds, and one more for each connection
_IDS = re.compile(rb'("(?:oid|orderId|tradeId)":")[^"]{6}')


def cases(share: float) -> list[Case]:
    """The short form shows that it runs; only :func:`long_cases` is long enough to judge."""
    connections = max(10, int(100 * share))
    return [_case(backend, connections, max(200, int(2_000 * share)), None) for backend in BACKENDS]


def long_cases() -> list[Case]:
    return [_case(backend, 1_000, 10_000, 1.02) for backend in BACKENDS]


def _case(backend: str, connections: int, messages: int, must: float | None) -> Case:
    name = f"memory over {connections * messages:,} messages and {connections:,} connections, {backend}"
    settings = {"backend": backend, "connections": connections, "messages": messages}
    return Case(
        name,
        [Entry("last tenth", "benchmarks.endurance:ours", settings)],
        [Goal(SECOND, must, at_most=True)],
        unit="MiB",
        once=True,
        patience=2 * _PATIENCE + connections,
    )


def ours(backend: str, connections: int, messages: int) -> Exercise:
    def run() -> Outcome:
        with tempfile.NamedTemporaryFile() as counter:
            counter.write(bytes(8))
            counter.flush()
            return live(counter)

    def live(counter: Any) -> Outcome:
        exchange = OtherEnd("benchmarks.endurance", str(messages), counter.name)
        life = _Life(exchange.url, connections, open_counter(Path(counter.name)))
        try:
            _LIVE[backend](life)
        finally:
            exchange.close()
        return life.outcome(messages)

    return lambda: run


class _Life:
    """What a client sees in its life: how much, and with how much memory at each lost connection."""

    def __init__(self, url: str, connections: int, shared: memoryview) -> None:
        self.url = url
        self.connections = connections
        self.seen = 0
        self._shared = shared
        self.samples: list[float] = []

    def on_payload(self, _payload: object) -> None:
        self.seen += 1
        self._shared[0] = self.seen

    def on_disconnected(self, _event: object) -> None:
        self.samples.append(_resident())

    def register(self, client: Any, done: Callable[[], object]) -> None:
        from bulk_proto import Topic

        def on_disconnected(event: object) -> None:
            self.on_disconnected(event)
            if len(self.samples) == self.connections:
                done()

        for name in _TOPICS:
            client.on(Topic[name], self.on_payload)
        client.on(Topic.DISCONNECTED, on_disconnected)

    def outcome(self, messages: int) -> Outcome:
        if len(self.samples) < self.connections or self.seen < self.connections * (
            messages - len(feed.SYMBOLS)
        ):
            raise RuntimeError(f"only {len(self.samples)} connections with {self.seen} messages were seen")
        size = self.connections // 10
        tenths = [fmean(self.samples[at * size : (at + 1) * size]) for at in range(10)]
        print("  MiB in each tenth:", *(f"{tenth:.2f}" for tenth in tenths), file=sys.stderr)
        # In seconds, so that the cost of one comes out in MiB.
        return Outcome(1, seconds=tenths[-1] / 1e6, beside={SECOND: tenths[1] / 1e6})


def _live_on(backend: str) -> Callable[[_Life], None]:
    def live(life: _Life) -> None:
        import anyio

        anyio.run(_live, life, backend=backend)

    return live


async def _live(life: _Life) -> None:
    import anyio

    from bulk_anyio.client import BulkWebSocketClient

    finished = anyio.Event()
    client = BulkWebSocketClient(life.url, feed.SYMBOLS, account=feed.USER, **_SETTINGS)
    life.register(client, finished.set)
    async with client:
        for symbol in feed.SYMBOLS:
            await client.subscribe_orderbook_snapshot(symbol)
            await client.subscribe_orderbook_delta(symbol)
        await client.subscribe_trades(feed.SYMBOLS)
        await client.subscribe_candles(feed.SYMBOLS[0], "1m")
        with anyio.move_on_after(_PATIENCE + life.connections):
            await finished.wait()


def _live_blocking(life: _Life) -> None:
    client_type: Any = import_module("bulk_sync").BulkWebSocketClient
    finished = threading.Event()
    client = client_type(life.url, feed.SYMBOLS, account=feed.USER, **_SETTINGS)
    life.register(client, finished.set)
    with client:
        for symbol in feed.SYMBOLS:
            client.subscribe_orderbook_snapshot(symbol)
            client.subscribe_orderbook_delta(symbol)
        client.subscribe_trades(feed.SYMBOLS)
        client.subscribe_candles(feed.SYMBOLS[0], "1m")
        finished.wait(_PATIENCE + life.connections)


_LIVE: dict[str, Callable[[_Life], None]] = {
    "asyncio": _live_on("asyncio"),
    "trio": _live_on("trio"),
    "blocking": _live_blocking,
}


def _resident() -> float:
    """MiB that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


class _Forgetful(Feeder):
    """Hangs up after every feed, and never uses an id twice."""

    def __init__(self, texts: list[bytes], counter: memoryview) -> None:
        super().__init__(texts, counter)
        self._numbers: Iterator[int] = count(1)

    def _pour(self, sock: socket.socket) -> None:
        life = f"{next(self._numbers):06d}".replace("0", "o")  # base58 has no zero
        texts = [_IDS.sub(rb"\g<1>" + life.encode(), text) for text in self.texts[len(feed.SYMBOLS) :]]
        assert self.counter is not None
        handled = self.counter[0]
        for start in range(0, len(texts), _WINDOW):
            sock.sendall(b"".join(map(frame, texts[start : start + _WINDOW])))
            patience = time.monotonic() + _PATIENCE
            while self.counter[0] < handled + start and time.monotonic() < patience:
                time.sleep(0.0005)
        sock.shutdown(socket.SHUT_WR)


def main() -> None:
    messages, counter = sys.argv[1:]
    texts = feed.payloads(feed.recipe("mix", messages=int(messages)))
    serve_until_input_ends(_Forgetful(texts, open_counter(Path(counter))))


if __name__ == "__main__":
    main()
