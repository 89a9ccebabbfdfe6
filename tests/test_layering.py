"""The core stays pure: whatever it imports can neither wait, read a clock nor roll dice."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import bulk_proto

ROOT = Path(bulk_proto.__file__).parent
ALLOWED = {
    # third party
    "cryptography",
    "msgspec",
    "wsproto",
    # standard library, all of it without I/O, time or chance
    "__future__",
    "base64",
    "bisect",
    "collections",
    "contextlib",
    "contextvars",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "enum",
    "functools",
    "hashlib",
    "heapq",
    "itertools",
    "math",
    "numbers",
    "operator",
    "re",
    "struct",
    "types",
    "typing",
    "urllib.parse",
    # one deliberate door: keys may be read from the environment or a file
    "os",
    "pathlib",
}
KEY_SOURCES = {"os", "pathlib"}
MODULES = sorted(ROOT.rglob("*.py"))


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module)
    return found


def is_allowed(name: str) -> bool:
    packages = {"cryptography", "msgspec", "wsproto", "collections", "bulk_proto"}
    return name in ALLOWED or name.split(".")[0] in packages


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_imports_nothing_that_waits_reads_a_clock_or_rolls_dice(path: Path) -> None:
    assert {name for name in imports(path) if not is_allowed(name)} == set()


def test_calendar_dates_are_computed_and_never_asked_of_a_clock() -> None:
    for path in MODULES:
        called = {
            node.func.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }
        assert not called & {"now", "today", "utcnow"}, path


def test_only_the_signer_may_read_the_environment_or_a_file() -> None:
    readers = {str(path.relative_to(ROOT)) for path in MODULES if imports(path) & KEY_SOURCES}
    assert readers <= {"signing/signer.py", "signing/keys.py"}


def test_importing_the_core_starts_no_event_loop_library() -> None:
    code = (
        "import sys, bulk_proto, bulk_proto.core, bulk_proto.exchange;"
        "print([name for name in ('anyio', 'asyncio', 'trio', 'bulk_anyio') if name in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"


@pytest.mark.parametrize("client", ["bulk_anyio", "bulk_sync"])
def test_importing_a_client_loads_nothing_that_only_some_need(client: str) -> None:
    loops, doors = ("asyncio", "trio"), ("certifi", "cryptography", "python_socks")
    some_need = (*loops, *doors, "click", "rich", "bulk_proto.exchange")
    code = f"import sys, {client}; print([name for name in {some_need} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"


def test_the_drivers_hold_no_protocol() -> None:
    package = ROOT.parent / "bulk_anyio"
    for path in package.rglob("*.py"):
        assert not imports(path) & {"msgspec.json", "wsproto", "json", "struct", "hashlib"}, path
