"""The peers' own environment, made from ``peers.txt`` when there is none yet."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

WISHES = Path(__file__).with_name("peers.txt")
KNOWN = "BULK_PEER_PYTHON"  # names an interpreter that has everything of peers.txt already


def peer_python(home: Path) -> Path:
    """The interpreter that has the peers; the first call installs them, which takes a minute.

    Raises :class:`subprocess.CalledProcessError` when pip cannot install them.
    """
    if known := os.environ.get(KNOWN):
        return Path(known)
    python = home / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    done = home / "peers.txt"  # written last: a broken installation is begun anew
    if not done.exists() or done.read_text() != WISHES.read_text():
        venv.create(home, clear=True, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "-r", str(WISHES)], check=True)
        done.write_text(WISHES.read_text())
    return python
