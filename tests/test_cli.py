"""The command ``bulk`` as a person runs it: in a process of its own, ended by itself or by Ctrl-C."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import time

import anyio
import pytest
from click.testing import CliRunner

from bulk_anyio import BulkWebSocketClient
from bulk_anyio.commands import bulk
from bulk_anyio.demo import DemoFailed

COMMAND = [sys.executable, "-m", "bulk_anyio.cli"]


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_demo_trades_ends_by_itself_and_sums_up(backend: str) -> None:
    done = subprocess.run(
        [*COMMAND, "demo", "--seconds", "2", "--backend", backend], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for sign in ("connected to ws://127.0.0.1:", "placed a ladder of 6 orders", "replaced a bid", "bought"):
        assert sign in done.stdout
    assert re.search(r"received +\d+ tickers, [1-9]\d* trades, [1-9]\d* candles", done.stdout)
    assert re.search(r"fills +[1-9]", done.stdout)
    assert re.search(r"[1-9]\d* cancelled$", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_demo_that_fails_says_so_in_one_sentence(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise DemoFailed("the market order was refused")

    monkeypatch.setattr("bulk_anyio.demo._take", fail)
    shown = CliRunner().invoke(bulk, ["demo", "--seconds", "1", "--backend", backend])
    assert shown.exit_code == 1
    assert shown.output.endswith("Error: the market order was refused\n")
    assert "Traceback" not in shown.output


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_ctrl_c_ends_the_demo_cleanly_within_a_second(backend: str) -> None:
    process = start("demo", "--seconds", "30", "--backend", backend)
    assert process.stdout is not None
    for line in process.stdout:
        if "BTC-USD" in line:
            break
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert time.monotonic() - began < 1.0
    assert process.returncode == 130
    assert "interrupted" in out
    assert "Traceback" not in err


def test_the_exchange_serves_until_ctrl_c() -> None:
    process = start("exchange", "--seed", "3")
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"ws://127\.0\.0\.1:\d+", line)
    assert found, line

    async def connect() -> bool:
        async with BulkWebSocketClient(found[0], ["BTC-USD"]) as client:
            return client.is_connected

    assert anyio.run(connect)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "closed\n", "")


def test_a_taken_port_is_one_clear_sentence() -> None:
    process = start("exchange")
    assert process.stdout is not None
    try:
        port = process.stdout.readline().split(":")[2].split()[0]
        second = subprocess.run(
            [*COMMAND, "exchange", "--port", port], capture_output=True, text=True, timeout=30
        )
        assert second.returncode == 1
        assert f"port {port} cannot be used: {os.strerror(errno.EADDRINUSE)}; --port 0" in second.stderr
        assert "Traceback" not in second.stderr
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_closed_pipe_ends_the_demo_without_a_word(backend: str) -> None:
    process = start("demo", "--seconds", "30", "--backend", backend)
    assert process.stdout is not None
    assert process.stderr is not None
    assert "connected" in process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=10) == 1
    assert process.stderr.read() == ""
    process.stderr.close()


def test_an_exchange_that_cannot_say_where_it_serves_ends_without_a_word() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        done = subprocess.run(
            [*COMMAND, "exchange"], stdout=pipe, stderr=subprocess.PIPE, text=True, timeout=30
        )
    assert (done.returncode, done.stderr) == (1, "")


def test_a_terminal_that_cannot_write_every_character_gets_the_others() -> None:
    done = subprocess.run(
        [*COMMAND, "demo", "--seconds", "1"],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"connected to ws://127\.0\.0\.1:\d+ as \w{6}\?", done.stdout)


@pytest.mark.parametrize("arguments", [["--help"], ["demo", "--help"], ["exchange", "-h"]])
def test_help_shows_examples(arguments: list[str]) -> None:
    shown = CliRunner().invoke(bulk, arguments)
    assert shown.exit_code == 0
    assert "Examples:" in shown.output
    assert "bulk exchange" in shown.output or "bulk demo" in shown.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["demo", "--seconds", "0"],
        ["demo", "--seconds", "x"],
        ["demo", "--seconds", "nan"],
        ["demo", "--seconds", "inf"],
        ["exchange", "--port", "-1"],
        ["exchange", "--flow", "nan"],
        ["exchange", "--flow", "inf"],
        ["exchange", "--flow", "1001"],
        ["x"],
    ],
)
def test_wrong_arguments_are_refused(arguments: list[str]) -> None:
    shown = CliRunner().invoke(bulk, arguments)
    assert shown.exit_code == 2
    assert "Error" in shown.output


def test_without_its_extra_the_command_says_how_to_install_it() -> None:
    code = (
        "import sys; sys.modules['rich'] = None; sys.modules['rich.console'] = None\n"
        "from bulk_anyio.cli import main\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "pip install 'bulk-proto[cli]'" in done.stderr
    assert "Traceback" not in done.stderr
