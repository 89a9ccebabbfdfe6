"""The blocking client where others raise, interrupt or call what nobody expects: nobody waits for ever."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from bulk_proto import OrderStatus, Topic, TransactionSigner
from bulk_sync import BulkWebSocketClient

from .blocking import BTC, Exchange, in_time, place, served, trader, until

pytestmark = pytest.mark.timeout(30)


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with served() as exchange:
        yield exchange


class Panic(BaseException):
    """What code in another language may raise."""


def panic(*_: object) -> Any:
    raise Panic


class Panicking:
    """A signer that ``fails`` as one in another language does."""

    def __init__(self) -> None:
        self._signer = TransactionSigner.generate_account()
        self.public_key = self._signer.public_key
        self.fails = False

    def sign(self, message: bytes) -> bytes:
        return panic() if self.fails else self._signer.sign(message)


# Errors that are no Exception ----------------------------------------------------------------------


def test_whatever_a_signer_raises_reaches_the_caller_and_the_client_goes_on(exchange: Exchange) -> None:
    signer = Panicking()
    with BulkWebSocketClient(exchange.url, [BTC], signer) as client:
        signer.fails = True
        assert isinstance(in_time(lambda: place(client)), Panic)
        signer.fails = False
        assert in_time(lambda: place(client)) is OrderStatus.RESTING


@pytest.mark.parametrize("method", ["next_deadline", "events"])
def test_those_who_wait_hear_of_the_end_whatever_ended_the_reading(
    method: str, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = trader(exchange.url)
    assert client.connect()
    stream = client.events(Topic.FILL)
    with monkeypatch.context() as broken:
        broken.setattr(client.core, method, panic)
        in_time(lambda: place(client))
        assert in_time(lambda: list(stream)) == []
        assert isinstance(in_time(client.disconnect), Panic)
    assert in_time(client.connect) is True
    assert in_time(lambda: place(client)) is OrderStatus.RESTING
    client.disconnect()


def test_a_handler_goes_on_although_the_log_of_its_failures_raises_what_is_no_exception(
    exchange: Exchange,
) -> None:
    seen: list[object] = []
    client = trader(exchange.url, (), logger=Loud("loud", logging.ERROR))

    def fail(order: object) -> None:
        seen.append(order)
        panic()

    client.on(Topic.ORDER, fail)
    with client:
        assert place(client) is OrderStatus.RESTING
        until(lambda: len(seen) == 1)
        assert place(client) is OrderStatus.RESTING
        until(lambda: len(seen) == 2)


class Loud(logging.Logger):
    def handle(self, record: logging.LogRecord) -> None:
        panic()
