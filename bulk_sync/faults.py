"""What went wrong with a connection, in plain words."""

from __future__ import annotations

import os
import socket
import ssl

_MAX_TEXT = 200  # characters


def reason_of(fault: BaseException) -> str:
    """One line for people about a connection that could not be made or kept."""
    match fault:
        case socket.gaierror():
            return f"the host name cannot be resolved ({fault.strerror})"
        case ssl.SSLError():
            return f"TLS failed ({tls_words(fault)})"
        case ConnectionRefusedError() if fault.errno:
            return f"{os.strerror(fault.errno)}: nothing accepts connections there"
        case OSError() if fault.errno:
            return os.strerror(fault.errno)
        case _:
            return str(fault).split("\n")[0][:_MAX_TEXT] or type(fault).__name__


def tls_words(fault: ssl.SSLError) -> str:
    """OpenSSL's reason without its numbers and file names."""
    reason = getattr(fault, "reason", None)  # missing on errors that were not made by OpenSSL
    return str(reason).replace("_", " ").lower() if reason else str(fault)[:_MAX_TEXT]
