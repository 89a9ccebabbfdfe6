"""``python -m benchmarks [LAYER ...]``: run the rounds, print ratios first, keep everything as JSON."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from . import book, endurance, environment, loopback, orders, roundtrip, scaling, startup, state
from .contest import Case, Ratio, contest
from .progress import Progress
from .report import read_json, rewrite_table, table, write_json

# Every layer by name: its cases, given the share of a full run to do in each round.
LAYERS: dict[str, Callable[[float], list[Case]]] = {
    "state": state.cases,
    "book": book.cases,
    "orders": orders.cases,
    "loopback": loopback.cases,
    "roundtrip": roundtrip.cases,
    "scaling": scaling.cases,
    "startup": startup.cases,
    "endurance": endurance.cases,
}
_HOME = Path(__file__).parent.parent / ".venv-peers"


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 1 when a case failed, whatever its ratios are."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.table is not None:
        rewrite_table(given.readme, *read_json(given.table))
        return 0
    if unknown := set(given.layers) - set(LAYERS):
        parser.error(f"no such layer: {', '.join(sorted(unknown))}")
    peers = None if given.without_peers else _peers(given.home)
    passes, share = (2, 0.01) if given.quick else (given.passes, given.share)
    found: list[Ratio] = []
    progress = Progress(_cases(given.layers or list(LAYERS), share, long=given.long))
    for case in progress:
        with progress.surviving(case):
            found += contest(case, passes, peers, Path(sys.executable))
        if given.json is not None:  # after each case, so that a run that is cut short is not lost
            write_json(found, progress.failures, given.json)
    print(table(found))
    return 1 if progress.failures else 0


def _cases(layers: Sequence[str], share: float, *, long: bool) -> list[Case]:
    return [
        case
        for layer in layers
        for case in (endurance.long_cases() if long and layer == "endurance" else LAYERS[layer](share))
    ]


def _peers(home: Path) -> Path | None:
    try:
        return environment.peer_python(home)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"without peers, since they cannot be installed: {error}", file=sys.stderr)
        return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "layers", nargs="*", metavar="LAYER", help=f"of {', '.join(LAYERS)}; all if none is named"
    )
    parser.add_argument("--passes", type=int, default=15, help="how often each contestant runs (default: 15)")
    parser.add_argument("--share", type=float, default=1.0, help="part of a full round's work (default: 1.0)")
    parser.add_argument("--quick", action="store_true", help="two short passes, to see that everything runs")
    parser.add_argument("--long", action="store_true", help="endurance at full size, half an hour by itself")
    parser.add_argument("--without-peers", action="store_true", help="only what needs nobody else's package")
    parser.add_argument("--home", type=Path, default=_HOME, help="where the peers' environment is or goes")
    parser.add_argument("--json", type=Path, help="also write every figure to this file, after each case")
    parser.add_argument("--table", type=Path, metavar="JSON", help="measure nothing: put this into README.md")
    parser.add_argument(
        "--readme", type=Path, default=Path(__file__).with_name("README.md"), help=argparse.SUPPRESS
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
