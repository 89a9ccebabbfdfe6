"""A small file that lets nonces rise across restarts, also when the clock steps back in between.

Writing a file blocks, if only for a moment, so it lives beside the blocking driver; both clients use it.
The file holds one number: no nonce up to it may be used again. It is replaced as a whole, so a process
that is killed at any moment leaves the old number or the new one. It is not forced onto the disk: after a
power failure the clock, which went on meanwhile, is what keeps nonces rising.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import weakref
from collections.abc import Callable

from bulk_proto.errors import NotSent, UsageError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_CONTENT = re.compile(rb"([0-9]{1,20})\r?\n")
_U64_MAX = 2**64 - 1

_OPEN: weakref.WeakValueDictionary[tuple[int, str], NonceFile] = weakref.WeakValueDictionary()
_opening = threading.Lock()


class NonceFile:
    """Remembers nonces in ``path`` (see :class:`bulk_proto.signing.NonceMemory`); any thread may use it.

    While it exists no other process can use the file: a lock on ``<path>.lock``, which the system takes
    back however the process ends, forked children or not. Get one with :func:`open_nonce_file`.
    """

    let_go: Callable[[], object]
    """Close this process's copy of the lock."""

    def __init__(self, path: str, logger: logging.Logger) -> None:
        self.path = path
        self._pid = os.getpid()
        self._guard = threading.Lock()
        try:
            descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
            self.let_go = weakref.finalize(self, os.close, descriptor)
            if not _lock(descriptor):
                raise UsageError(
                    f"the nonce file {path} is in use by another process: two processes cannot keep the "
                    "nonces of one key apart, so give each a key (of an agent wallet) and a file of its own"
                )
            self._last = _read(path, logger)
        except OSError as error:
            raise UsageError(f"the nonce file {path} cannot be used: {error.strerror}") from error

    def last(self) -> int:
        return self._last

    def remember(self, last: int) -> None:
        """Write the number down. Raises ``NotSent`` when that is not possible."""
        if os.getpid() != self._pid:
            raise NotSent("nothing was sent: the nonce file belongs to the process this one was forked from")
        with self._guard:
            if last <= self._last:
                return
            try:
                _replace(self.path, b"%d\n" % last)
            except OSError as error:
                raise NotSent(
                    f"nothing was sent: the nonce file {self.path} cannot be written: {error.strerror}"
                ) from error
            self._last = last

    def __repr__(self) -> str:
        return f"<NonceFile {self.path}>"


def open_nonce_file(path: str | os.PathLike[str], logger: logging.Logger) -> NonceFile:
    """The memory in this file; clients of one process that name the same file share it.

    A missing file is an empty memory. One that holds no number is reported to ``logger`` and taken for
    empty: the clock alone decides then, as without a file. Raises :class:`UsageError` when another
    process uses the file or when it cannot be read.
    """
    place = os.path.realpath(path)
    with _opening:
        key = os.getpid(), place
        memory = _OPEN.get(key)
        if memory is None:
            memory = _OPEN[key] = NonceFile(place, logger)
        return memory


def _read(path: str, logger: logging.Logger) -> int:
    try:
        with open(path, "rb") as file:
            content = file.read(64)
    except FileNotFoundError:
        return -1
    found = _CONTENT.fullmatch(content)
    if found is not None and int(found[1]) <= _U64_MAX:
        return int(found[1])
    logger.warning("the nonce file %s holds no number: nonces start from the clock", path)
    return -1


def _replace(path: str, content: bytes) -> None:
    """Whoever holds the lock is the only one to write, so one name for the new file is enough."""
    fresh = f"{path}.new"
    with open(fresh, "wb") as file:
        file.write(content)
    os.replace(fresh, path)


def _leave_to_the_parent() -> None:
    """A forked child shares the locks of its parent, and would keep them for as long as it lives."""
    global _opening
    _opening = threading.Lock()  # another thread of the parent may have held it
    for memory in list(_OPEN.values()):
        memory.let_go()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_the_parent)


def _lock(descriptor: int) -> bool:
    """Take the lock, without waiting; False when another process has it."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
