"""Tells how far a long run is, and keeps it going when one case fails."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .contest import Case


class Progress:
    """The cases one by one, announced; ``failures`` has what went wrong, by case."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self.failures: dict[str, str] = {}
        self._cases = cases
        self._begin = time.monotonic()

    def __iter__(self) -> Iterator[Case]:
        for done, case in enumerate(self._cases):
            print(
                f"[{done + 1}/{len(self._cases)}] {case.name}{self._rest(done)}", file=sys.stderr, flush=True
            )
            yield case
        minutes = (time.monotonic() - self._begin) / 60
        print(f"{len(self._cases)} cases in {minutes:.1f} min, {len(self.failures)} failed", file=sys.stderr)

    @contextmanager
    def surviving(self, case: Case) -> Iterator[None]:
        """Note an error of ``case`` and go on."""
        try:
            yield
        except Exception as error:
            self.failures[case.name] = f"{type(error).__name__}: {error}"
            print(f"  failed: {self.failures[case.name]}", file=sys.stderr, flush=True)

    def _rest(self, done: int) -> str:
        if not done:
            return ""
        minutes = (time.monotonic() - self._begin) / done * (len(self._cases) - done) / 60
        return f" … about {minutes:.0f} min left"
