"""Every Python block of the README runs as it stands, against an exchange on a port of this machine."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
ADDRESS = "ws://127.0.0.1:9000"  # what the README tells people to serve on; any free port here


@contextlib.contextmanager
def exchange() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bulk_anyio.cli", "exchange"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[2]
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_there_are_blocks_to_run() -> None:
    assert len(BLOCKS) >= 5


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_a_block_of_the_readme_runs(number: int) -> None:
    with exchange() as url:
        code = BLOCKS[number].replace(ADDRESS, url)
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60
        )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout or "print(" not in code


def test_every_test_that_the_readme_names_exists() -> None:
    tests = "".join(path.read_text() for path in (Path(__file__).parent).rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", README))
    assert len(named) > 10
    assert {name for name in named if f"def {name}(" not in tests} == set()


@pytest.mark.parametrize("name", ["demo", "test"])
def test_the_set_up_commands_are_one_line_each(name: str) -> None:
    found = re.search(rf"<!-- {name} command -->\n```sh\n(.*?)\n```", README, re.DOTALL)
    assert found
    assert found[1].count("\n") == 0
    assert found[1].startswith("python3 -m venv ")
