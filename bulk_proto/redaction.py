"""Takes keys, ids and signatures out of texts that are meant for a log."""

from __future__ import annotations

import re

# Base58 of 32 bytes has 32 to 44 letters, of 64 bytes up to 88: nothing else on the wire looks like it.
_LONG_BASE58 = re.compile(rb"[1-9A-HJ-NP-Za-km-z]{32,}")


_BRIEF = 200  # characters


def brief(text: str) -> str:
    """A text of the exchange, or with a key in it, as an error shows it."""
    return redact(text.encode("utf-8", "replace")[: 50 * _BRIEF])[:_BRIEF]


def redact(text: bytes) -> str:
    """``text`` with every key, order id and signature cut to its first four letters."""
    return _LONG_BASE58.sub(lambda found: found[0][:4] + "…".encode(), text).decode("utf-8", "replace")
