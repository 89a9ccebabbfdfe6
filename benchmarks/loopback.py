"""Whole clients over a loopback connection: a flood, and one message per wake-up.

One plain handler on every topic counts. What is reported is CPU time of the client's process (all its
threads, and the kernel's work for it) per message, from the last request to the last message handled.
The feeder runs in a process of its own.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from . import feed
from .contest import Case, Entry, Goal
from .feeder import open_counter
from .made_certificate import MadeCertificate
from .other_end import OtherEnd
from .rivals import released_client
from .stage import Exercise, Outcome

RELEASED = "released client"
_TOPICS = ("TICKER", "TRADES", "L2SNAPSHOT", "L2DELTA", "ORDER", "FILL")
_PATIENCE = 60.0  # seconds for one round
_FLOOD: dict[str, tuple[float, float]] = {"asyncio": (5, 7), "trio": (5, 7), "blocking": (5, 8)}
_WAKE_UPS: dict[str, tuple[float, float]] = {"asyncio": (2.2, 3), "trio": (2.2, 3), "blocking": (3.5, 4.5)}
_TLS: dict[str, tuple[float, float]] = {"asyncio": (1.8, 2.5), "trio": (1.8, 2.5), "blocking": (3, 4)}


def cases(share: float) -> list[Case]:
    found = []
    for backend, (must, aim) in _FLOOD.items():
        settings = {"messages": max(5_000, int(50_000 * share))}  # fewer end before the flood has begun
        found.append(_case(f"flood over loopback, {backend}", backend, settings, Goal(RELEASED, must, aim)))
    for transport, goals in (("plain TCP", _WAKE_UPS), ("TLS", _TLS)):
        for backend, (must, aim) in goals.items():
            settings = {"messages": max(1_000, int(10_000 * share)), "paced": True, "tls": transport == "TLS"}
            goal = Goal(RELEASED, must, aim)
            found.append(_case(f"one message per wake-up, {transport}, {backend}", backend, settings, goal))
    return found


def _case(name: str, backend: str, settings: dict[str, Any], goal: Goal) -> Case:
    return Case(
        name,
        [
            Entry("ours", "benchmarks.loopback:ours", {**settings, "backend": backend}),
            Entry(RELEASED, "benchmarks.loopback:released", settings, peer=True),
        ],
        [goal],
    )


class Counter:
    """The handler: it counts, tells the feeder where that matters, and says when all is done."""

    def __init__(self, expected: int, done: Callable[[], object], shared: memoryview | None) -> None:
        self.seen = 0
        self._expected = expected
        self._done = done
        self._shared = shared
        if shared is not None:
            shared[0] = 0

    def __call__(self, _payload: object) -> None:
        self.seen += 1
        if self._shared is not None:
            self._shared[0] = self.seen
        if self.seen == self._expected:
            self._done()


class Line:
    """A feeder in a process of its own, for as many rounds as are wanted."""

    def __init__(self, messages: int, spelling: str, paced: bool, tls: bool) -> None:
        self.expected = messages - len(feed.SYMBOLS)
        arguments = ["mix", str(messages), spelling]
        self.shared: memoryview | None = None
        if paced:
            with tempfile.NamedTemporaryFile(delete=False) as file:
                file.write(bytes(8))
            arguments += ["--counter", file.name]
            self.shared = open_counter(Path(file.name))
        self._certificate = MadeCertificate() if tls else None
        if self._certificate is not None:
            arguments += ["--certificate", str(self._certificate.path)]
        self._feeder = OtherEnd("benchmarks.feeder", *arguments)
        self.url = self._feeder.url.replace("ws:", "wss:") if tls else self._feeder.url
        if paced:
            Path(file.name).unlink()  # both have it open

    def tls_settings(self) -> dict[str, Any]:
        """How our clients are told whom to trust."""
        return {} if self._certificate is None else {"ssl_context": self._certificate.client_context()}

    def trust_everywhere(self) -> None:
        """Make the certificate one of the system's roots, as far as this process is concerned."""
        if self._certificate is not None:
            os.environ["SSL_CERT_FILE"] = str(self._certificate.path)

    def counter(self, done: Callable[[], object]) -> Counter:
        return Counter(self.expected, done, self.shared)

    def outcome(self, counter: Counter, begin: float) -> Outcome:
        spent = time.process_time() - begin
        if counter.seen != self.expected:
            raise RuntimeError(f"{counter.seen} of {self.expected} messages were handled")
        return Outcome(counter.seen, seconds=spent)


def ours(backend: str, messages: int, paced: bool = False, tls: bool = False, handlers: int = 1) -> Exercise:
    line = Line(messages, "current", paced, tls)
    if backend == "blocking":
        return lambda: lambda: _blocking_round(line)
    import anyio

    return lambda: lambda: anyio.run(_async_round, line, handlers, backend=backend)


async def _async_round(line: Line, handlers: int) -> Outcome:
    import anyio

    from bulk_anyio.client import BulkWebSocketClient
    from bulk_proto import Topic

    finished = anyio.Event()
    counter = line.counter(finished.set)
    settings = {"account": feed.USER, "handler_limit": 10**7, **line.tls_settings()}
    async with BulkWebSocketClient(line.url, feed.SYMBOLS, **settings) as client:
        for symbol in feed.SYMBOLS:
            await client.subscribe_orderbook_snapshot(symbol)
            await client.subscribe_orderbook_delta(symbol)
        await client.subscribe_trades(feed.SYMBOLS)
        for name in _TOPICS:
            client.on(Topic[name], counter)
            for _ in range(handlers - 1):
                client.on(Topic[name], _ignore)
        begin = time.process_time()
        await client.subscribe_candles(feed.SYMBOLS[0], "1m")
        with anyio.move_on_after(_PATIENCE):
            await finished.wait()
        outcome = line.outcome(counter, begin)
    return Outcome(outcome.items * handlers, seconds=outcome.seconds)


def _ignore(_payload: object) -> None:
    pass


def _blocking_round(line: Line) -> Outcome:
    from bulk_proto import Topic

    client_type: Any = import_module("bulk_sync").BulkWebSocketClient
    finished = threading.Event()
    counter = line.counter(finished.set)
    settings = {"account": feed.USER, "handler_limit": 10**7, **line.tls_settings()}
    with client_type(line.url, feed.SYMBOLS, **settings) as client:
        for symbol in feed.SYMBOLS:
            client.subscribe_orderbook_snapshot(symbol)
            client.subscribe_orderbook_delta(symbol)
        client.subscribe_trades(feed.SYMBOLS)
        for name in _TOPICS:
            client.on(Topic[name], counter)
        begin = time.process_time()
        client.subscribe_candles(feed.SYMBOLS[0], "1m")
        finished.wait(_PATIENCE)
        return line.outcome(counter, begin)


def released(messages: int, paced: bool = False, tls: bool = False) -> Exercise:
    line = Line(messages, "released", paced, tls)
    line.trust_everywhere()
    return lambda: lambda: asyncio.run(_released_round(line))


async def _released_round(line: Line) -> Outcome:
    topics = import_module("bulk_api.common").Topic
    finished = asyncio.Event()
    client = released_client(url=line.url, symbols=list(feed.SYMBOLS))
    await client.connect()
    await client.subscribe_account(feed.USER)
    for symbol in feed.SYMBOLS:
        await client.subscribe_orderbook_snapshot(symbol)
        await client.subscribe_orderbook_delta(symbol)
    await client.subscribe_trades(list(feed.SYMBOLS))
    await asyncio.sleep(0.3)  # it does not say when a subscription is confirmed
    assert len(client.order_books) == len(feed.SYMBOLS)
    assert client.account_snapshot is not None
    counter = line.counter(finished.set)
    for name in _TOPICS:
        client.handlers[topics[name]] = [counter]
    begin = time.process_time()
    await client.subscribe_candles(feed.SYMBOLS[0], "1m")
    with suppress(TimeoutError):
        await asyncio.wait_for(finished.wait(), _PATIENCE)
    outcome = line.outcome(counter, begin)
    await client.disconnect()
    return outcome
