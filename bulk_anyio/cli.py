"""The command line: ``bulk demo`` and ``bulk exchange``."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the command ``bulk``; without the extra it says how to install it."""
    try:
        from .commands import bulk
    except ModuleNotFoundError as missing:
        if (missing.name or "").split(".")[0] not in ("click", "rich"):
            raise
        sys.exit("the command line needs two more packages: pip install 'bulk-proto[cli]'")
    bulk()


if __name__ == "__main__":
    main()
