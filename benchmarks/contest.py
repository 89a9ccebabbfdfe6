"""Paired, interleaved rounds: every contestant in a process of its own, one round each in turn.

A machine's speed drifts by more than what is measured here, so times are compared only within one pass:
each pass runs every contestant once, in an order that rotates, and gives one ratio per pair. What is
reported is the median of those ratios and the range that eight of ten lie in.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from threading import Timer
from typing import Any

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Entry:
    """One contestant: a function of this package, and whose interpreter runs it."""

    label: str
    exercise: str  # module:function
    settings: Mapping[str, Any] = field(default_factory=dict)
    peer: bool = False  # runs in the peers' environment


@dataclass(frozen=True)
class Goal:
    """What the ratio of a rival's cost to ours must be at least, and what we aim for."""

    rival: str
    must: float | None = None
    aim: float | None = None
    at_most: bool = False  # the other way round: ours over the rival's, and not more than that


@dataclass(frozen=True)
class Case:
    """One row (or several) of the table. The first entry is ours."""

    name: str
    entries: Sequence[Entry]
    goals: Sequence[Goal]
    unit: str = "µs"
    compares_told: bool = True
    once: bool = False  # a run of minutes, which needs neither a warm-up nor a second pass
    patience: float = 600.0  # seconds for one round of one contestant, which is ended after that


@dataclass(frozen=True)
class Ratio:
    """How one rival compares with us in one case."""

    case: str
    rival: str
    ours: float  # median cost of one item, in the case's unit
    theirs: float
    ratio: float  # theirs over ours, or ours over theirs where the goal is an upper limit
    low: float  # a tenth of the passes is below ...
    high: float  # ... and a tenth above
    must: float | None
    aim: float | None
    at_most: bool
    unit: str

    @property
    def holds(self) -> bool | None:
        if self.must is None:
            return None
        return self.ratio <= self.must if self.at_most else self.ratio >= self.must


class Disagreement(Exception):
    """Two contestants did not do the same work, so their times mean nothing."""


def contest(case: Case, passes: int, peer_python: Path | None, own_python: Path) -> list[Ratio]:
    """Run one case; entries of peers are left out when there is no interpreter for them.

    Without passes there is only the warm-up, which shows that everything runs, and nothing to report.
    """
    entries = [entry for entry in case.entries if peer_python or not entry.peer]
    if not entries:
        return []
    costs: dict[str, list[float]] = {entry.label: [] for entry in entries}
    with ExitStack() as stack:
        stages = []
        for entry in entries:
            python = peer_python if entry.peer and peer_python else own_python
            stages.append((entry.label, stack.enter_context(_stage(python, entry, case.patience))))
        # The first pass only warms up.
        for number in range(min(passes, 1)) if case.once and passes else range(-1, passes):
            turn = number % len(stages)
            told = {}
            for label, stage in stages[turn:] + stages[:turn]:
                answer = stage.ask({"do": "round"})
                told[label] = answer["told"]
                if number >= 0:
                    costs[label].append(answer["cost"])
                    for beside, cost in answer["beside"].items():
                        costs.setdefault(beside, []).append(cost)
            if case.compares_told:
                _must_agree(case.name, {label: told[label] for label, _ in stages})
    if not passes or case.entries[0].label not in costs:
        return []
    return [_ratio(case, goal, costs) for goal in case.goals if goal.rival in costs]


def _ratio(case: Case, goal: Goal, costs: Mapping[str, Sequence[float]]) -> Ratio:
    ours, theirs = costs[case.entries[0].label], costs[goal.rival]
    pairs = zip(ours, theirs, strict=True)
    ratios = [own / other if goal.at_most else other / own for own, other in pairs]
    tenths = quantiles(ratios, n=10, method="inclusive") if len(ratios) > 1 else ratios * 9
    return Ratio(
        case.name,
        goal.rival,
        median(ours),
        median(theirs),
        median(ratios),
        tenths[0],
        tenths[-1],
        goal.must,
        goal.aim,
        goal.at_most,
        case.unit,
    )


def _must_agree(case: str, told: Mapping[str, Any]) -> None:
    (first, expected), *others = told.items()
    for label, found in others:
        if found != expected:
            raise Disagreement(f"{case}: {first} told {expected}, but {label} told {found}")


class _Stage:
    """The pipe to one contestant's process."""

    def __init__(self, process: subprocess.Popen[str], label: str, patience: float) -> None:
        self._process = process
        self._label = label
        self._patience = patience

    def ask(self, request: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        ended = Timer(self._patience, self._process.kill)
        ended.start()
        try:
            print(json.dumps(request), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        finally:
            ended.cancel()
        if not line:
            raise RuntimeError(f"{self._label} ended early or took too long: see its own message above")
        return json.loads(line)


@contextmanager
def _stage(python: Path, entry: Entry, patience: float) -> Iterator[_Stage]:
    process = subprocess.Popen(
        [str(python), "-m", "benchmarks.stage"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        stage = _Stage(process, entry.label, patience)
        stage.ask({"do": "load", "exercise": entry.exercise, "settings": dict(entry.settings)})
        yield stage
    finally:
        assert process.stdin is not None
        with suppress(OSError):  # one that ended early did not read to the end
            process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()
