"""What a client costs before it does anything and while it does: time to import, memory after a feed."""

from __future__ import annotations

import atexit
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from . import feed
from .contest import Case, Entry, Goal
from .rivals import opened_protocol, released_round, texts_of
from .server_bytes import READ_SIZE, frame
from .stage import Exercise, Outcome
from .state import opened_core

RELEASED = "released client"


def cases(share: float) -> list[Case]:
    messages = {"messages": max(1_000, int(50_000 * share))}
    return [
        Case(
            "import, CPU time",
            [
                Entry("ours", "benchmarks.startup:imports", {"module": "bulk_anyio.client"}),
                Entry(RELEASED, "benchmarks.startup:imports", {"module": "bulk_api"}, peer=True),
            ],
            [Goal(RELEASED, 5, 6)],
        ),
        Case(
            "memory after the feed",
            [
                Entry("ours", "benchmarks.startup:memory", {"client": "ours", **messages}),
                Entry(RELEASED, "benchmarks.startup:memory", {"client": "released", **messages}, peer=True),
            ],
            [Goal(RELEASED, 3.5, 4)],
            unit="MiB",
        ),
    ]


def imports(module: str) -> Exercise:
    def run() -> Outcome:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Outcome(1, seconds=spent)

    return lambda: run


def memory(client: str, messages: int) -> Exercise:
    """MiB that a process holds after reading ``messages`` of the mixed feed from a file (Linux only)."""
    wanted = feed.recipe("mix", messages=messages, released_spelling=client == "released")
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.writelines(map(frame, feed.payloads(wanted)))
    atexit.register(os.unlink, file.name)
    program = f"from benchmarks.startup import consume_{client} as consume; consume({file.name!r})"

    def run() -> Outcome:
        done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
        return Outcome(1, seconds=float(done.stdout) / 1e6)  # so that the cost of one comes out in MiB

    return lambda: run


def consume_ours(path: str) -> None:
    core = opened_core()
    for data in _reads(path):
        core.receive_data(data, 1.0)
        core.events()
    _print_memory()


def consume_released(path: str) -> None:
    protocol = opened_protocol()
    released_round("WARNING", 1, lambda: texts_of(protocol, _reads(path)))()
    _print_memory()


def _reads(path: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while data := file.read(READ_SIZE):
            yield data


def _print_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    print(pages * resource.getpagesize() / 2**20)
