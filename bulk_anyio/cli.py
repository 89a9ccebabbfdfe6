"""The command line: ``bulk demo`` and ``bulk exchange``."""

from __future__ import annotations

import io
import sys


def main() -> None:
    """Entry point of the command ``bulk``; without the extra it says how to install it."""
    try:
        from .commands import bulk
    except ModuleNotFoundError as missing:
        if (missing.name or "").split(".")[0] not in ("click", "rich"):
            raise
        sys.exit("the command line needs two more packages: pip install 'bulk-proto[cli]'")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # no character is worth the end of the program
    bulk()


if __name__ == "__main__":
    main()
