"""What a client costs before it does anything and while it does: its size, time to import, memory.

Imports find their byte code, as after an installation by pip: the first pass writes what is missing.
"""

from __future__ import annotations

import atexit
import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from . import feed
from .contest import ROOT, Case, Entry, Goal
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
                Entry("ours", "benchmarks.startup:imports", {"module": "bulk_anyio"}),
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
        Case(
            "installed size with all dependencies",
            [
                Entry("ours", "benchmarks.startup:installed", {"names": ["bulk-proto"]}),
                # Without requests it does not import, but does not say so.
                Entry(
                    RELEASED,
                    "benchmarks.startup:installed",
                    {"names": ["bulk-client", "requests"]},
                    peer=True,
                ),
            ],
            [Goal(RELEASED, 10, 12)],
            unit="MiB",
            once=True,
        ),
    ]


def imports(module: str) -> Exercise:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}

    def run() -> Outcome:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True, env=environment)
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


def installed(names: list[str]) -> Exercise:
    """MiB of files, without byte code, of these distributions and all that they need on this machine."""

    def run() -> Outcome:
        size = sum(map(_size, _with_requirements(names)))
        return Outcome(1, seconds=size / 2**20 / 1e6)  # so that the cost of one comes out in MiB

    return lambda: run


def _with_requirements(names: list[str]) -> list[Distribution]:
    """Extras are left out, and so is what is not installed: it is for other systems."""
    found: dict[str, Distribution] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if (key := re.sub(r"[-_.]+", "-", name).lower()) in found:
            continue
        with suppress(PackageNotFoundError):
            found[key] = distribution(name)
            waiting += [
                re.split(r"[^\w.-]", wish)[0]
                for wish in found[key].requires or ()
                if not re.search(r"\bextra\s*==", wish)
            ]
    return list(found.values())


def _size(package: Distribution) -> int:
    files = [Path(str(package.locate_file(file))) for file in package.files or ()]
    if package.name == "bulk-proto":  # from this checkout, wherever its metadata are
        folders = [ROOT / name for name in ("bulk_proto", "bulk_anyio", "bulk_sync")]
        files = [file for folder in folders for file in folder.rglob("*")]
    return sum(file.stat().st_size for file in files if file.suffix != ".pyc" and file.is_file())


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
