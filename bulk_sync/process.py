"""What becomes of clients when their process ends or forks: exit never hangs, a child never interferes.

Their threads are daemons, so nothing waits for them at exit; the exchange is told goodbye all the same,
within a moment. A forked child has none of those threads, and a copy of the socket: it lets go of it.
"""

from __future__ import annotations

import atexit
import os
import time
from types import TracebackType
from typing import NoReturn

from bulk_proto.errors import UsageError

from .driver import SERVING

GOODBYE = 1.0  # seconds, for all clients together


class ParentsGuard:
    """The guard of a client that lives in the parent process: nothing gets past it."""

    def __enter__(self) -> NoReturn:
        raise UsageError(
            "this process was forked from the one whose threads serve this client: make a client of your own"
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        pass


def _say_goodbye() -> None:
    drivers = list(SERVING)
    for driver in drivers:
        driver.leave()
    end = time.monotonic() + GOODBYE
    for driver in drivers:
        driver.join(max(0.0, end - time.monotonic()))


def _after_fork() -> None:
    for driver in SERVING:
        driver.disown()
    SERVING.clear()


atexit.register(_say_goodbye)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
