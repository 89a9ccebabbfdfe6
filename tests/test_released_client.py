"""The exchange's own released client, which nobody here wrote, against the simulated exchange.

It is installed into an environment of its own, because it brings a ``bulk_api`` too. That takes a
minute and a package index, so this runs with ``--peers`` only. ``BULK_PEER_PYTHON`` names an interpreter
that has it already.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import anyio
import pytest

from bulk_anyio.exchange import serve_exchange
from bulk_proto.exchange import ExchangeConfig, faults

pytestmark = [pytest.mark.peers, pytest.mark.timeout(900)]

PROGRAM = Path(__file__).parent / "released" / "trade.py"
PACKAGES = ("bulk-client==0.1.2", "requests")  # it does not import without requests


@pytest.fixture(scope="module")
def released_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if known := os.environ.get("BULK_PEER_PYTHON"):
        return Path(known)
    home = tmp_path_factory.mktemp("released")
    venv.create(home, with_pip=True)
    python = home / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pip = [str(python), "-m", "pip", "install", "-q", *PACKAGES]
    installed = subprocess.run(pip, capture_output=True, text=True)
    if installed.returncode:
        pytest.skip(f"the released client cannot be installed here: {installed.stderr[-300:]}")
    return python


def trade(python: Path, config: ExchangeConfig) -> dict[str, Any]:
    async def main() -> dict[str, Any]:
        async with serve_exchange(config, seed=3) as server:
            done = await anyio.run_process([str(python), str(PROGRAM), server.url], check=False)
        assert done.returncode == 0, done.stderr.decode()[-2000:]
        seen: dict[str, Any] = json.loads(done.stdout)
        return seen

    return anyio.run(main)


def test_it_connects_streams_trades_and_reconnects_when_its_signatures_are_accepted(
    released_python: Path,
) -> None:
    hang_up = faults.Close(on="post", nth=4, code=1011)
    seen = trade(released_python, ExchangeConfig(accept_undomained=True, faults=(hang_up,)))
    assert seen["mark_price"] > 0
    del seen["mark_price"]
    assert seen == {
        "connected": True,
        "placed": "resting",
        "cancelled": "cancelled",
        "filled": "filled",
        "bid_below_ask": True,
        "cut": True,
        "streams_again": True,
        "trades_again": "resting",
    }


def test_its_signatures_without_domain_are_refused_by_default(released_python: Path) -> None:
    seen = trade(released_python, ExchangeConfig())
    assert "bad signature" in seen["refused"]
