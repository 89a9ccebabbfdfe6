"""A signal handler runs in the midst of whatever the main thread does: nobody lets go of what that holds."""

from __future__ import annotations


def is_held_here(lock: object) -> bool:
    """Does the current thread hold this lock, an ``RLock``? Asked as :class:`threading.Condition` asks."""
    is_owned = getattr(lock, "_is_owned", None)
    return is_owned is not None and bool(is_owned())
