"""What went wrong with a connection, out of the groups that task groups raise and in plain words."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator

import anyio

_MAX_TEXT = 200  # characters

LINE_FAULTS = (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream)
"""How streams tell that a connection is over."""


def first_of(error: BaseException) -> BaseException:
    """The first error of a group, however deep it is nested; any other error as it is."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def reason_of(fault: BaseException) -> str:
    """One line for people about a connection that could not be made or kept."""
    return "; ".join(dict.fromkeys(_in_words(cause) for cause in _causes(fault)))


def _causes(fault: BaseException) -> Iterator[BaseException]:
    """anyio raises one error for all the addresses it tried, and its own around the system's."""
    if isinstance(fault, BaseExceptionGroup):
        for each in fault.exceptions:
            yield from _causes(each)
    elif isinstance(fault, OSError | anyio.BrokenResourceError) and isinstance(
        fault.__cause__, OSError | ExceptionGroup
    ):
        yield from _causes(fault.__cause__)
    else:
        yield fault


def _in_words(fault: BaseException) -> str:
    match fault:
        case socket.gaierror():
            return f"the host name cannot be resolved ({fault.strerror})"
        case ssl.SSLError():
            return f"TLS failed ({tls_words(fault)})"
        case ConnectionRefusedError() if fault.errno:
            return f"{os.strerror(fault.errno)}: nothing accepts connections there"
        case OSError() if fault.errno:
            return os.strerror(fault.errno)  # asyncio's own texts are less plain
        case anyio.EndOfStream():
            return "the other side hung up"
        case anyio.BrokenResourceError():
            return "the connection broke"
        case _:
            return str(fault).split("\n")[0][:_MAX_TEXT] or type(fault).__name__


def tls_words(fault: ssl.SSLError) -> str:
    """OpenSSL's reason without its numbers and file names."""
    reason = getattr(fault, "reason", None)  # missing on errors that were not made by OpenSSL
    return str(reason).replace("_", " ").lower() if reason else str(fault)[:_MAX_TEXT]
