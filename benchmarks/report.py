"""Results as a table for people and as JSON for whoever compares two runs."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from .contest import Ratio

_HEADS = ("ratio", "8 of 10 in", "must", "aim", "holds", "ours", "theirs", "case", "against")


def table(ratios: Sequence[Ratio]) -> str:
    """Ratios first, one row each, as a Markdown table."""
    rows = [_row(ratio) for ratio in ratios]
    widths = [max(len(row[column]) for row in (_HEADS, *rows)) for column in range(len(_HEADS))]
    lines = [_line(_HEADS, widths), _line(["-" * width for width in widths], widths)]
    return "\n".join(lines + [_line(row, widths) for row in rows])


def write_json(ratios: Iterable[Ratio], path: Path) -> None:
    """All figures, and the machine they are from: only ratios mean anything on another one."""
    machine = {"python": sys.version.split()[0], "system": platform.platform(), "cores": os.cpu_count()}
    found = [{**asdict(ratio), "holds": ratio.holds} for ratio in ratios]
    path.write_text(json.dumps({"machine": machine, "ratios": found}, indent=1) + "\n")


def _row(ratio: Ratio) -> tuple[str, ...]:
    bound = "≤ " if ratio.at_most else ""
    return (
        f"{ratio.ratio:.2f}",
        f"{ratio.low:.2f}–{ratio.high:.2f}",
        "" if ratio.must is None else f"{bound}{ratio.must:g}",
        "" if ratio.aim is None else f"{bound}{ratio.aim:g}",
        {None: "", True: "yes", False: "NO"}[ratio.holds],
        f"{ratio.ours:.3g} {ratio.unit}",
        f"{ratio.theirs:.3g} {ratio.unit}",
        ratio.case,
        ratio.rival,
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
