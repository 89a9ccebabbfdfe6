"""The fixture that users get in their own tests, on both backends."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

# Loaded by its module, whether or not the installed metadata know it already.
PLUGIN = ["-p", "no:bulk_exchange", "-p", "bulk_pytest", "-p", "no:cacheprovider"]

TESTS = """
import pytest
from bulk_anyio import BulkWebSocketClient
from bulk_proto.errors import HandshakeRejected
from bulk_proto.exchange import faults

pytestmark = pytest.mark.anyio


async def test_a_bot_connects(bulk_exchange):
    async with BulkWebSocketClient(bulk_exchange.url, ["BTC-USD"]) as client:
        assert client.is_connected


@pytest.mark.bulk_exchange(seed=7, scenario="gap", ping_interval=3.0, faults=(
    faults.Status(on="handshake", status=502),))
async def test_a_bot_meets_a_fault(bulk_exchange):
    assert bulk_exchange.exchange.config.ping_interval == 3.0
    assert bulk_exchange.exchange.config.gap_size == 0.02
    with pytest.raises(HandshakeRejected):
        async with BulkWebSocketClient(bulk_exchange.url, ["BTC-USD"]):
            pass
"""


def run(folder: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_bot.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "--strict-markers", *arguments, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=folder)


def test_the_fixture_serves_an_exchange_on_both_backends(tmp_path: Path) -> None:
    done = run(tmp_path, TESTS, *PLUGIN)
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


def test_importing_the_package_does_not_import_pytest() -> None:
    code = "import sys, bulk_anyio, bulk_anyio.exchange; assert 'pytest' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_the_plugin_is_named_in_the_packages_metadata() -> None:
    metadata = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    (module,) = metadata["project"]["entry-points"]["pytest11"].values()
    assert hasattr(importlib.import_module(module), "bulk_exchange")


def test_a_project_that_does_not_use_the_fixture_imports_nothing_of_this_library(tmp_path: Path) -> None:
    text = (
        "import sys\n"
        "def test_it():\n"
        "    ours = {name.split('.')[0] for name in sys.modules} & "
        "{'bulk_anyio', 'bulk_proto', 'bulk_sync', 'bulk_api', 'msgspec', 'wsproto', 'cryptography'}\n"
        "    assert ours == set()\n"
    )
    done = run(tmp_path, text, "-p", "no:bulk_exchange", "-p", "bulk_pytest", "-p", "no:hypothesispytest")
    assert done.returncode == 0, done.stdout


def test_a_blocking_bot_has_a_fixture_too(tmp_path: Path) -> None:
    text = (
        "import pytest\n"
        "from bulk_sync import BulkWebSocketClient\n"
        "@pytest.mark.bulk_exchange(seed=7, ping_interval=3.0)\n"
        "def test_it(bulk_exchange_in_thread):\n"
        "    assert bulk_exchange_in_thread.exchange.config.ping_interval == 3.0\n"
        "    with BulkWebSocketClient(bulk_exchange_in_thread.url, ['BTC-USD']) as client:\n"
        "        assert client.is_connected\n"
    )
    done = run(tmp_path, text, *PLUGIN)
    assert done.returncode == 0, done.stdout


def test_the_example_of_the_readme_passes(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    (example,) = re.findall(r"^```python\n(import pytest\n.*?)^```", readme, re.MULTILINE | re.DOTALL)
    done = run(tmp_path, example, *PLUGIN)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
