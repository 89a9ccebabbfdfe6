"""What users install: a wheel in an empty environment, and an editable checkout. Needs a package index."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import bulk_proto
import bulk_proto.errors

ROOT = Path(__file__).parent.parent
PATHS = """
from bulk_api import BulkWebSocketClient
from bulk_api.common import Inventory, Network, OrderStatus, Side, SignatureDomain, TimeInForce, Topic
from bulk_api.common.enums import Side as SameSide
from bulk_api.common.inventory import Pnl
from bulk_api.common.signer import TransactionSigner
from bulk_api.common.topics import Topic as SameTopic
from bulk_api.data import OrderBook
from bulk_api.messages import Ticker
from bulk_api.messages.account import AccountSnapshot, LeverageSetting, MarginUpdate
from bulk_api.messages.account import OrderState, PositionUpdate
from bulk_api.messages.md import Candle, L2Delta, L2Snapshot, Trade
from bulk_api.messages.trade import CancelAll, CancelOrder, LimitOrder, MarketOrder, OraclePrice
from bulk_api.messages.trade import Fill, OrderResponse
import bulk_anyio, bulk_proto, bulk_sync
from importlib.resources import files
for package in (bulk_anyio, bulk_proto, bulk_sync, __import__("bulk_api")):
    assert files(package).joinpath("py.typed").is_file(), package
assert SameSide is Side and SameTopic is Topic
assert BulkWebSocketClient is bulk_anyio.BulkWebSocketClient
signer = TransactionSigner.generate_account()
client = BulkWebSocketClient(symbols=["BTC-USD"], signer=signer)
order = LimitOrder(symbol="BTC-USD", side=Side.BUY, price=1.0, size=1.0, time_in_force=TimeInForce.GTC)
import sys
assert "trio" not in sys.modules and "rich" not in sys.modules and "click" not in sys.modules
print("all paths import")
"""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", target, ROOT], check=True, capture_output=True
    )
    (built,) = target.glob("*.whl")
    return built


def install(environment: Path, *what: str) -> Path:
    """An empty environment with these requirements; returns its Python."""
    venv.create(environment, with_pip=True)
    python = environment / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", *what], check=True, capture_output=True)
    return python


def run(python: Path, code: str, cwd: Path) -> str:
    done = subprocess.run([python, "-W", "error", "-c", code], capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_documented_path_imports_from_a_wheel_in_an_empty_environment(
    wheel: Path, tmp_path: Path
) -> None:
    python = install(tmp_path / "empty", str(wheel))
    assert run(python, PATHS, tmp_path) == "all paths import\n"
    installed = run(
        python, "import importlib.metadata as m; print(*(d.name for d in m.distributions()))", tmp_path
    )
    assert not {"trio", "rich", "click", "numpy", "pandas"} & set(installed.split())


def test_every_documented_path_imports_from_an_editable_checkout(tmp_path: Path) -> None:
    python = install(tmp_path / "editable", "-e", str(ROOT))
    assert run(python, PATHS, tmp_path) == "all paths import\n"


def test_the_wheel_holds_its_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
        metadata = Parser().parsestr(
            archive.read(f"{min(t for t in tops if 'dist-info' in t)}/METADATA").decode()
        )
    assert {top for top in tops if "dist-info" not in top} == {
        "bulk_proto",
        "bulk_anyio",
        "bulk_sync",
        "bulk_api",
        "bulk_pytest.py",
    }
    required = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    names = {line.split(">")[0].strip() for line in required}
    assert names == {"wsproto", "msgspec", "cryptography", "anyio", "certifi"}
    assert not any("<" in line or "==" in line.split(";")[0] for line in required)


def test_every_error_can_be_imported_from_the_top() -> None:
    errors = {
        name
        for name, value in vars(bulk_proto.errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert errors <= set(bulk_proto.__all__)
