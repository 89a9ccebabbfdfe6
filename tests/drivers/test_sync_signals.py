"""Signals at any moment of any call, which raise or call the client themselves: it stays usable."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from .blocking import Exchange, served
from .test_sync_process import running

pytestmark = [
    pytest.mark.timeout(150),
    pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX"),
    pytest.mark.skipif(sys.version_info[:2] == (3, 14), reason="CPython issue 148874: a lock may stay held"),
]

SCRIPT = """
    import faulthandler, random, signal
    mode, seconds = sys.argv[2:4]
    chance = random.Random(7)
    faulthandler.dump_traceback_later(float(seconds) + 30, exit=True)
    sys.setswitchinterval(0.0002)

    class Interrupted(BaseException):
        pass

    def whatever():
        chance.choice([
            client.connect, client.connect, client.disconnect, place, place, place,
            lambda: client.tickers, lambda: client.get_book("BTC-USD"), lambda: client.inventory,
            lambda: client.subscribe_ticker("ETH-USD"),
            lambda: client.on(Topic.TICKER, id) or client.off(Topic.TICKER, id),
            lambda: list(client.events(Topic.ORDER, timeout=0.01)),
        ])()

    armed = False

    def soon():
        signal.setitimer(signal.ITIMER_REAL, 10 ** chance.uniform(-5, -1))

    def interrupt(*_):
        global armed
        if armed and mode == "raise":
            raise Interrupted
        if armed:
            armed = False
            try:
                whatever()
            except BulkError:
                pass
            armed = True
            soon()

    signal.signal(signal.SIGALRM, interrupt)
    rounds = 0
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        rounds += 1
        for _ in range(20):
            try:
                try:
                    armed = True
                    soon()
                    whatever()
                finally:
                    armed = False
            except (Interrupted, BulkError):
                pass
            except RuntimeError as error:  # what is left of a lock of Thread.start()
                assert "lock" in str(error)
        signal.setitimer(signal.ITIMER_REAL, 0)
        client.disconnect()
        assert client.connect() and place().status is OrderStatus.RESTING
        client.cancel_all()
        client.disconnect()
    say("usable" if rounds else "nothing tried")
    say([thread.name for thread in threading.enumerate() if thread.ident and thread.is_alive()])
"""


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with served(max_messages_per_second=1_000_000) as exchange:
        yield exchange


@pytest.mark.parametrize("mode", ["raise", "call"])
def test_signals_at_any_moment_leave_a_client_that_can_connect_and_trade(
    mode: str, exchange: Exchange, pytestconfig: pytest.Config
) -> None:
    seconds = 60 if pytestconfig.getoption("--long") else 3
    with running(SCRIPT, exchange.url, arguments=(mode, str(seconds))) as child:
        assert child.says() == "usable"
        assert child.says() == "['MainThread']"
