"""The blocking client and its process: Ctrl-C, the end of the interpreter, and forks."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest

from .blocking import Exchange, served, until

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(sys.platform == "win32", reason="signals and forks of POSIX"),
]

PREAMBLE = """
import os, sys, threading, time
from bulk_sync import BulkWebSocketClient
from bulk_proto import *
signer = TransactionSigner.generate_account()
client = BulkWebSocketClient(sys.argv[1], ["BTC-USD"], signer, closing_timeout=0.2)
def say(*words): print(*words, flush=True)
def place(): return client.place_limit_order("BTC-USD", Side.BUY, 50_000.0, 0.01, timeout=30)
"""


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with served(max_messages_per_second=1_000_000) as exchange:
        yield exchange


class Child:
    """A process of our own that runs a script and talks with us line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def hears(self, word: str = "go") -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()

    def says(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        return line or self.errors()

    def interrupt(self, after: float = 0.2) -> None:
        """Press Ctrl-C once the child has had time to begin what it announced."""
        time.sleep(after)
        self._process.send_signal(signal.SIGINT)

    def errors(self) -> str:
        """What it wrote about errors until its end, which must come soon."""
        return self._process.communicate(timeout=15)[1]

    def ends_well(self) -> None:
        errors = self.errors()
        assert self._process.returncode == 0, errors
        assert errors == ""


@contextmanager
def running(script: str, url: str, before: str = "", arguments: tuple[str, ...] = ()) -> Iterator[Child]:
    code = before + PREAMBLE + textwrap.dedent(script)
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code, url, *arguments], stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            yield Child(process)
        finally:
            process.kill()


def test_ctrl_c_ends_a_wait_for_an_answer_at_once_and_leaves_the_client_usable(exchange: Exchange) -> None:
    script = """
        client.connect()
        say("connected")
        input()
        say("waiting")
        try:
            place()
        except KeyboardInterrupt:
            say("interrupted")
        input()
        client.disconnect()
        client.connect()
        say(place().status.value)
        client.disconnect()
    """
    with running(script, exchange.line.url) as child:
        assert child.says() == "connected"
        exchange.line.deaf = True
        child.hears()
        assert child.says() == "waiting"
        child.interrupt()
        assert child.says() == "interrupted"
        exchange.line.deaf = False
        child.hears()
        assert child.says() == "resting"
        child.ends_well()


def test_ctrl_c_while_connecting_leaves_nothing_behind(exchange: Exchange) -> None:
    script = """
        say("waiting")
        try:
            client.connect()
        except KeyboardInterrupt:
            say("interrupted")
        input()
        say(client.connect(), place().status.value)
        client.disconnect()
        say([thread.name for thread in threading.enumerate()])
    """
    exchange.line.deaf = True
    with running(script, exchange.line.url) as child:
        assert child.says() == "waiting"
        until(lambda: exchange.line.connections)
        child.interrupt()
        assert child.says() == "interrupted"
        exchange.line.deaf = False
        child.hears()
        assert child.says() == "True resting"
        assert child.says() == "['MainThread']"
        child.ends_well()


def test_ctrl_c_at_any_moment_leaves_a_client_that_trades(exchange: Exchange) -> None:
    script = """
        with client:
            for _ in range(30):
                try:
                    say("trading")
                    while True:
                        place()
                        client.get_order_map()
                except KeyboardInterrupt:
                    say("interrupted")
            client.cancel_all()
            say(place().status.value)
    """
    chance = Random(4)
    with running(script, exchange.url) as child:
        for _ in range(30):
            assert child.says() == "trading"
            child.interrupt(after=chance.uniform(0.005, 0.01))
            assert child.says() == "interrupted"
        assert child.says() == "resting"
        child.ends_well()


def test_ctrl_c_ends_an_iteration(exchange: Exchange) -> None:
    script = """
        with client:
            say("waiting")
            try:
                for fill in client.events(Topic.FILL):
                    say("a fill out of nothing")
            except KeyboardInterrupt:
                say(place().status.value)
    """
    with running(script, exchange.url) as child:
        assert child.says() == "waiting"
        child.interrupt()
        assert child.says() == "resting"
        child.ends_well()


def test_an_interpreter_that_ends_without_disconnecting_neither_hangs_nor_complains(
    exchange: Exchange,
) -> None:
    script = """
        client.on(Topic.TICKER, lambda ticker: time.sleep(60))
        client.connect()
        events = client.events(Topic.TICKER)
        next(events)
        say("leaving")
    """
    started = time.monotonic()
    with running(script, exchange.url) as child:
        assert child.says() == "leaving"
        child.ends_well()
    assert time.monotonic() - started < 10
    until(lambda: not exchange.server.exchange.sessions)


def test_the_exchange_is_told_goodbye_at_the_end_of_the_interpreter(exchange: Exchange) -> None:
    # What is registered first at exit runs last.
    before = "import atexit; atexit.register(lambda: say('connected', client.is_connected))"
    with running("client.connect()", exchange.url, before) as child:
        assert child.says() == "connected False"
        child.ends_well()


def test_the_exchange_that_never_answers_cannot_keep_an_interpreter(exchange: Exchange) -> None:
    script = """
        client.core.config = __import__("msgspec").structs.replace(client.core.config, closing_timeout=30.0)
        client.connect()
        say("connected")
        input()
    """
    with running(script, exchange.line.url) as child:
        assert child.says() == "connected"
        exchange.line.deaf = True
        child.hears()
        child.ends_well()


def test_a_forked_process_is_refused_and_leaves_the_parent_alone(exchange: Exchange) -> None:
    script = """
        client.connect()
        events = client.events(Topic.TICKER)
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # newer interpreters warn of forking with threads
        pid = os.fork()
        if not pid:
            for use in (
                place, client.__enter__, client.disconnect, client.get_pnl, client.subscribe_context,
                lambda: client.is_connected, lambda: client.on(Topic.FILL, print),
            ):
                try:
                    use()
                except UsageError as error:
                    assert "forked" in str(error)
                else:
                    os._exit(1)
            list(events)
            own = BulkWebSocketClient(client.url, ["BTC-USD"], TransactionSigner.generate_account())
            with own:
                own.place_limit_order("BTC-USD", Side.BUY, 50_000.0, 0.01)
            sys.exit(0)
        _, status = os.waitpid(pid, 0)
        say(os.waitstatus_to_exitcode(status), place().status.value)
        client.disconnect()
    """
    with running(script, exchange.url) as child:
        assert child.says() == "0 resting"
        child.ends_well()
    until(lambda: not exchange.server.exchange.sessions)
