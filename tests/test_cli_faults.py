"""``bulk exchange`` with a character and with faults."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import anyio
import pytest
from click.testing import CliRunner

from bulk_anyio import BulkWebSocketClient
from bulk_anyio.commands import bulk
from bulk_proto.enums import Topic
from bulk_proto.errors import HandshakeRejected
from bulk_proto.exchange import faults


@contextmanager
def served(*arguments: str) -> Iterator[str]:
    """The address of an exchange in a process of its own."""
    command = [sys.executable, "-m", "bulk_anyio.cli", "exchange", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = re.search(r"ws://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found
        yield found[0]
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "closed\n", "")


def test_a_script_of_faults_is_obeyed(tmp_path: Path) -> None:
    script = tmp_path / "chaos.toml"
    script.write_text('[[fault]]\non = "handshake"\ndo = "status"\nstatus = 502\n')

    async def attempts(url: str) -> list[object]:
        client = BulkWebSocketClient(url, ["BTC-USD"])
        answers: list[object] = [await client.connect(), client.last_error, await client.connect()]
        await client.disconnect()
        return answers

    with served("--scenario", "gap", "--flow", "5", "--faults", str(script)) as url:
        first, error, second = anyio.run(attempts, url)
    assert (first, second) == (False, True)
    assert isinstance(error, HandshakeRejected)
    assert error.status == 502


EFFECTS = {effect.__struct_config__.tag: sorted(effect.occasions)[0] for effect in get_args(faults.AnyFault)}


def test_every_fault_can_be_had_from_the_command_line(tmp_path: Path) -> None:
    """All of them wait for their hour here; what each does is tested in tests/exchange."""
    script = tmp_path / "chaos.toml"
    tables = [f'[[fault]]\non = "{on}"\ndo = "{do}"\nat = 3600\n' for do, on in EFFECTS.items()]
    settings = "[exchange]\nping_interval = 5.0\n[dialect]\nnull_prices = true\n"
    script.write_text(settings + "".join(tables))

    async def look(url: str) -> object:
        async with BulkWebSocketClient(url, ["BTC-USD"]) as client:
            ticker = await anext(client.events(Topic.TICKER))
            return ticker.mark_price

    with served("--seed", "7", "--scenario", "fast", "--faults", str(script)) as url:
        assert anyio.run(look, url) is None
    assert len(EFFECTS) == 19


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[fault]]\ndo = 'dance'\non = 'post'\n", "fault 1: unknown effect 'dance': do is one of"),
        ("[[fault", "Expected"),
        ("[fault]\ndo = 'close'\n", "write [[fault]] with two brackets"),
        ("[[fault]]\ndo = 'close'\non = 'post'\nnht = 3\n", "unknown name 'nht': known are do, on, nth"),
        ("[dialect]\nnull_price = true\n", "[dialect]: unknown name 'null_price': known are"),
        ("[[fault]]\ndo = 'close'\non = 'lunch'\n", "fault 1: Close cannot act on 'lunch'"),
    ],
)
def test_a_script_that_cannot_be_used_is_one_clear_sentence(
    tmp_path: Path, text: str, complaint: str
) -> None:
    script = tmp_path / "chaos.toml"
    script.write_text(text)
    shown = CliRunner().invoke(bulk, ["exchange", "--faults", str(script)])
    assert shown.exit_code == 1
    assert "chaos.toml is no script of faults" in shown.output
    assert complaint in " ".join(shown.output.split())


def test_a_missing_script_and_an_unknown_scenario_are_wrong_arguments() -> None:
    for arguments in (["--faults", "nowhere.toml"], ["--scenario", "moon"]):
        shown = CliRunner().invoke(bulk, ["exchange", *arguments])
        assert shown.exit_code == 2
