"""Results as a table for people and as JSON for whoever compares two runs."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .contest import Ratio

BEGIN, END = "<!-- table: written by --table -->", "<!-- end of table -->"
_HEADS = ("ratio", "8 of 10 in", "must", "aim", "holds", "ours", "theirs", "case", "against")


def table(ratios: Sequence[Ratio]) -> str:
    """Ratios first, one row each, as a Markdown table."""
    rows = [_row(ratio) for ratio in ratios]
    widths = [max(len(row[column]) for row in (_HEADS, *rows)) for column in range(len(_HEADS))]
    lines = [_line(_HEADS, widths), _line(["-" * width for width in widths], widths)]
    return "\n".join(lines + [_line(row, widths) for row in rows])


def write_json(ratios: Iterable[Ratio], failures: Mapping[str, str], path: Path) -> None:
    """All figures, what failed, and the machine they are from: only ratios mean anything on another one."""
    machine = {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": platform.system(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[2], 1) if hasattr(os, "getloadavg") else None,
        "date": datetime.now(UTC).date().isoformat(),
    }
    found = [{**asdict(ratio), "holds": ratio.holds} for ratio in ratios]
    path.write_text(
        json.dumps({"machine": machine, "ratios": found, "failures": dict(failures)}, indent=1) + "\n"
    )


def read_json(path: Path) -> tuple[list[Ratio], dict[str, Any]]:
    """What :func:`write_json` wrote: the ratios and the machine."""
    found = json.loads(path.read_text())
    names = {each.name for each in fields(Ratio)}
    ratios = [Ratio(**{name: row[name] for name in names}) for row in found["ratios"]]
    return ratios, found["machine"]


def rewrite_table(readme: Path, ratios: Sequence[Ratio], machine: Mapping[str, Any]) -> None:
    """Replace what stands between the two markers; raises ValueError when they are not there."""
    before, begin, rest = readme.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{readme} has no place for a table: it needs {BEGIN} and {END}")
    where = (
        f"{machine['date']}: {machine['python']} on {machine['system']}, {machine['cores']} cores of "
        f"{machine['processor']}, average load {machine['load']}."
    )
    readme.write_text(f"{before}{BEGIN}\n\n{where}\n\n{table(ratios)}\n\n{END}{after}")


def _processor() -> str:
    with open("/proc/cpuinfo") if Path("/proc/cpuinfo").exists() else open(os.devnull) as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _row(ratio: Ratio) -> tuple[str, ...]:
    bound = "≤ " if ratio.at_most else ""
    return (
        f"{ratio.ratio:.2f}",
        f"{ratio.low:.2f}–{ratio.high:.2f}",
        "" if ratio.must is None else f"{bound}{ratio.must:g}",
        "" if ratio.aim is None else f"{bound}{ratio.aim:g}",
        {None: "", True: "yes", False: "NO"}[ratio.holds],
        f"{_figure(ratio.ours)} {ratio.unit}",
        f"{_figure(ratio.theirs)} {ratio.unit}",
        ratio.case,
        ratio.rival,
    )


def _figure(value: float) -> str:
    """Three digits that mean something."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:g}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
