"""Writes to the log what nobody may overlook: lost connections, errors, doubtful books, missed events."""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from .enums import Topic
from .events import (
    BookStale,
    Connected,
    Disconnected,
    DisconnectReason,
    ErrorReported,
    Event,
    MessageRefused,
    OrderContradicted,
    TickerStale,
    Unasked,
    UnknownMessage,
)


class Log(Protocol):
    """Where to write: a ``logging.Logger``, for example."""

    def debug(self, msg: str, *args: object) -> None: ...

    def info(self, msg: str, *args: object) -> None: ...

    def warning(self, msg: str, *args: object) -> None: ...


class Journal:
    """Takes events as a handler's mailbox does, and logs them at once. A log that fails disturbs nobody."""

    TOPICS = (
        Topic.CONNECTED,
        Topic.DISCONNECTED,
        Topic.ERROR,
        Topic.BOOK_STALE,
        Topic.TICKER_STALE,
        Topic.UNKNOWN,
    )

    def __init__(self, logger: Log) -> None:
        self._logger = logger
        self._lost: bool | None = None  # None before the first connection, which connect() itself tells of

    def put(self, event: Event) -> None:
        with suppress(Exception):
            self._write(event)

    def _write(self, event: Event) -> None:
        match event:
            case Connected():
                self._lost = False
                self._logger.info("reconnected" if event.resumed else "connected")
            case Disconnected() if self._lost is None:
                pass
            case Disconnected(reason=DisconnectReason.CLOSED_BY_USER):
                self._lost = None
                self._logger.info("disconnected: %s", event.reason.value)
            case Disconnected():
                self._write_loss(event)
            case ErrorReported():
                self._logger.warning("the exchange reported an error: %s", event.message[:500])
            case BookStale():
                self._logger.warning("the book of %s is not to be trusted: %s", event.symbol, event.why)
            case TickerStale():
                self._logger.warning("no ticker of %s for too long: asked for again", event.symbol)
            case MessageRefused():
                self._logger.warning("a message could not be read: %s", event.problem)
            case OrderContradicted():
                self._logger.warning("an order cannot be %s after it was %s", event.told, event.known)
            case Unasked(event=told):
                self._logger.debug("an event of an account that is not subscribed: %s", told.topic.value)
            case UnknownMessage():
                self._logger.debug("unknown message of kind %s", event.kind)
            case _:
                pass

    def _write_loss(self, event: Disconnected) -> None:
        what = "could not reconnect" if self._lost else "connection lost"
        then = "trying again" if event.retry_at is not None else "giving up"
        self._lost = True if event.retry_at is not None else None
        why = event.detail or event.reason.value
        if event.status is not None:
            why += f", HTTP {event.status}"
        elif event.code is not None:
            why += f", close code {event.code}"
        self._logger.warning("%s (%s), %s", what, why, then)
