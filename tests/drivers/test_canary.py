"""A private key goes in and never comes out: not in logs, texts, pickles or tracebacks with locals.

Each client lives through what a client can live through, at debug level, with a key made for this test.
Everything that it logs, raises, tells or shows meanwhile is searched for that key in every usual spelling.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import pickle
import pprint
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import anyio
import pytest

import bulk_sync
from bulk_anyio import BulkWebSocketClient
from bulk_proto import CancelAll, LimitOrder, OutcomeUnknown, Side, SignatureDomain, Topic, TransactionSigner
from bulk_proto.signing import base58

from .blocking import served
from .blocking import until as wait_until
from .line import Line

pytestmark = pytest.mark.timeout(60)

BTC = "BTC-USD"
BID = LimitOrder(BTC, Side.BUY, 50_000.0, 0.1)

# Module-wide on purpose: local variables of a test would show in its own tracebacks.
SEED = hashlib.sha256(b"a canary made up for this test").digest()
PUBLIC = base58.decode(TransactionSigner(base58.encode(SEED)).public_key)
SPELLINGS = (
    base58.encode(SEED),
    base58.encode(SEED + PUBLIC),
    SEED.hex(),
    base64.b64encode(SEED).decode().rstrip("="),
    repr(SEED)[2:-1],
    str(list(SEED))[1:-1],
    SEED.decode("latin-1"),  # in a pickle
)


class Net(logging.Handler):
    """Collects every text that comes by; log records with the locals of their tracebacks."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(WithLocals())
        self.caught: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.caught += [self.format(record), repr(record.args), repr(vars(record))]

    def show(self, thing: object) -> None:
        """All that is usually done to look at a thing or to carry it away."""
        self.caught += [f"{thing} {thing!r} {thing!s}", pprint.pformat(thing)]
        self.caught.append(repr(getattr(thing, "__dict__", "")))
        try:
            self.caught.append(pickle.dumps(thing).decode("latin-1"))
        except Exception as refusal:
            self.caught.append(repr(refusal))

    def show_error(self, error: BaseException) -> None:
        self.show(error)
        self.caught.append(with_locals(error))

    def holds_the_key(self) -> bool:
        return any(spelling in text for text in self.caught for spelling in SPELLINGS)


class WithLocals(logging.Formatter):
    def formatException(
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        return "" if ei[1] is None else with_locals(ei[1])


def with_locals(error: BaseException) -> str:
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def client_settings() -> dict[str, Any]:
    return {
        "symbols": [BTC],
        "signer": TransactionSigner(base58.encode(SEED + PUBLIC)),
        "debug": True,
        "backoff_base": 0.02,
    }


@pytest.fixture
def net() -> Iterator[Net]:
    net = Net()
    root = logging.getLogger()
    level = root.level
    root.addHandler(net)
    root.setLevel(logging.DEBUG)
    yield net
    root.removeHandler(net)
    root.setLevel(level)


def failing(payload: Any) -> None:
    raise ZeroDivisionError("in a handler")


def look_at(client: BulkWebSocketClient | bulk_sync.BulkWebSocketClient, net: Net) -> None:
    """Whatever a client shows of itself."""
    for thing in (client, client.signer, client.core, client.core.config, client.account_state()):
        net.show(thing)
    for name in dir(client):
        if not name.startswith("__"):
            net.caught.append(repr(getattr(client, name)))
    for part in vars(client.core).values():
        net.caught += [repr(part), repr(getattr(part, "__dict__", ""))]


def test_the_net_has_no_holes(net: Net) -> None:
    """Every spelling is found by every way: otherwise the tests below could not fail."""
    signer: Any = client_settings()["signer"]
    log = logging.getLogger("bulk_proto").debug
    for leak in (signer.private_key, f"{SEED!r}", SEED.hex(), {"key": list(SEED)}):
        for way in (net.show, log, lambda it: net.show_error(ValueError(it))):
            net.caught.clear()
            way(leak)
            assert net.holds_the_key()
    net.caught.clear()
    try:
        seed_in_a_frame()
    except ZeroDivisionError as error:
        net.show_error(error)
    assert net.holds_the_key()


def seed_in_a_frame() -> None:
    key = SEED  # noqa: F841
    failing(None)


@pytest.mark.anyio
async def test_no_private_key_leaves_the_client_of_asyncio_and_trio(line: Line, net: Net) -> None:
    async def told(act: Callable[[], Any]) -> None:
        """Show what comes of an action, or its error."""
        try:
            net.show(await act())
        except Exception as error:
            net.show_error(error)
            if isinstance(error, OutcomeUnknown):
                net.show(error._transaction)

    client = BulkWebSocketClient(line.url, **client_settings())
    for topic in Topic:
        client.on(topic, net.show)
        client.on(topic, failing)
    line.refusing = True
    await told(client.connect)
    await told(lambda: client.place_orders([BID]))
    line.refusing = False
    async with client:
        await told(lambda: client.place_orders([BID, BID, CancelAll()]))
        await told(lambda: client.place_orders([BID], nonce=-1))
        await told(lambda: client.place_limit_order(BTC, Side.BUY, float("nan"), 1.0))
        await told(lambda: client.place_orders([client.signer]))  # type: ignore[list-item]
        await told(lambda: client.place_orders([BID], account="nobody"))
        await told(lambda: client.subscribe_ticker("NO-SUCH"))
        line.mute = True
        await told(lambda: client.place_orders([BID], timeout=0.05))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(told, lambda: client.place_orders([BID]))
            await anyio.sleep(0.02)
            line.cut()
        line.mute = False
        with anyio.fail_after(10):
            while not client.account_is_live:
                await anyio.sleep(0.01)
        look_at(client, net)
    look_at(client, net)
    stranger = BulkWebSocketClient(line.url, signature_domain=SignatureDomain.TESTNET, **client_settings())
    async with stranger:
        await told(lambda: stranger.place_orders([BID]))
    shown = "".join(net.caught)
    for event in ("NotConnected", "InvalidAction", "RequestTimedOut", "ConnectionDropped", "HandlerFailed"):
        assert event in shown
    assert "bad signature" in shown
    assert not net.holds_the_key()


def test_no_private_key_leaves_the_blocking_client(net: Net, tmp_path: Path) -> None:
    def told(act: Callable[[], Any]) -> None:
        try:
            net.show(act())
        except Exception as error:
            net.show_error(error)

    with served() as exchange:
        client = bulk_sync.BulkWebSocketClient(
            exchange.line.url, nonce_file=tmp_path / "nonce", **client_settings()
        )
        for topic in Topic:
            client.on(topic, net.show)
            client.on(topic, failing)
        told(lambda: client.place_orders([BID]))
        with client:
            told(lambda: client.place_orders([BID, BID, CancelAll()]))
            told(lambda: client.place_orders([client.signer]))  # type: ignore[list-item]
            exchange.line.mute = True
            told(lambda: client.place_orders([BID], timeout=0.05))
            exchange.cut()
            exchange.line.mute = False
            wait_until(lambda: exchange.line.connections >= 2 and client.account_is_live)
            (tmp_path / "nonce.new").mkdir()
            told(lambda: client.place_orders([BID], nonce=2**63))
            look_at(client, net)
        look_at(client, net)
    assert "nothing was sent: the nonce file" in "".join(net.caught)
    assert not net.holds_the_key()
