"""What a contestant's process runs: exercises on demand, one round each, timed here.

``python -m benchmarks.stage`` in any interpreter: it reads one JSON request per line and answers each
with one line. Needs the standard library only. An exercise is a function of this package; calling it
with the case's settings loads what it needs once and returns how to get ready for a round; getting
ready returns the round itself, and only the round is timed.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What one round did. ``told`` must be the same for every contestant of a case."""

    items: int  # what the cost is divided by
    told: Any = None
    seconds: float | None = None  # as the exercise measured it; None: CPU time of the whole round
    beside: Mapping[str, float] = field(default_factory=dict)  # by name: seconds to compare that with


Round = Callable[[], Outcome]
Exercise = Callable[[], Round]


def perform(exercise: Exercise) -> dict[str, Any]:
    """One round: cost of one item in microseconds, and what the round told."""
    run = exercise()
    gc.collect()
    begin = time.process_time()
    outcome = run()
    spent = time.process_time() - begin if outcome.seconds is None else outcome.seconds
    beside = {name: seconds / outcome.items * 1e6 for name, seconds in outcome.beside.items()}
    return {"cost": spent / outcome.items * 1e6, "told": outcome.told, "beside": beside}


def load(name: str, settings: dict[str, Any]) -> Exercise:
    """``name`` is ``module:function``, as seen from the root of the checkout."""
    module, _, function = name.partition(":")
    exercise: Exercise = getattr(import_module(module), function)(**settings)
    return exercise


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a peer prints must not pass for an answer
    exercise: Exercise | None = None
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "load":
            exercise = load(request["exercise"], request["settings"])
            print("{}", file=answers)
        elif exercise is not None:
            print(json.dumps(perform(exercise)), file=answers)


if __name__ == "__main__":
    main()
