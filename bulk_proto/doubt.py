"""Why an order book is not to be trusted."""

from __future__ import annotations

from enum import StrEnum


class Doubt(StrEnum):
    """Why a book is not to be trusted; the caller may give reasons of its own."""

    NO_SNAPSHOT = "no snapshot yet"
    DISCONNECTED = "disconnected"
    UNSUBSCRIBED = "unsubscribed"
    CROSSED = "crossed"
    TIME_RAN_BACKWARDS = "time ran backwards"
    SILENT = "silent"
    FROZEN = "prices moved away while it stood still"
    UNREADABLE = "a message for it could not be read"
    TOO_LATE = "a message came too late to be judged"
    OUT_OF_SIGHT = "the market has left the levels that are known"
