"""What one session has still to send, and how fast it may leave."""

from __future__ import annotations

from math import inf

_TICK = 0.01  # seconds between two portions of a slow line


class Outlet:
    """Bytes in order. Usually all of them may leave at once; a fault can hold them back or slow them down.

    ``size`` counts the bytes that wait.
    """

    __slots__ = ("_due", "_held", "_pause", "_pieces", "_portion", "_ready", "size")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._portion: int | None = None  # bytes that may leave together; None for all
        self._pause = _TICK
        self._ready = False  # the next portion may leave
        self._held = False
        self._due = inf
        self.size = 0

    @property
    def held(self) -> bool:
        """Nothing may leave until :meth:`release`."""
        return self._held

    def add(self, data: bytes) -> None:
        self._pieces.append(data)
        self.size += len(data)

    def take(self) -> bytes:
        """What may leave now, once."""
        if self._held or (self._portion is not None and not self._ready):
            return b""
        data = b"".join(self._pieces)
        self._pieces.clear()
        if self._portion is not None:
            data, rest = data[: self._portion], data[self._portion :]
            self._pieces.append(rest)
            self._ready = False
        self.size -= len(data)
        return data

    def clear(self) -> None:
        self._pieces.clear()
        self.size = 0

    def hold(self, until: float) -> None:
        self._held = True
        self._due = until

    def slow(self, rate: float, now: float) -> None:
        """From now on only ``rate`` bytes a second leave."""
        self._pause = max(_TICK, 1.0 / rate)
        self._portion = max(1, int(rate * self._pause))
        if not self._held:
            self._due = now

    def finish(self) -> None:
        """Nothing will be added: what is held is lost, the rest may leave at once."""
        if self._held:
            self.clear()
        self._portion = None
        self._held = False
        self._due = inf

    def next_release(self) -> float:
        """When :meth:`release` has something to do."""
        return self._due if self._held or (self.size and not self._ready) else inf

    def release(self, now: float) -> bool:
        """Let the next bytes leave, if it is time."""
        if now < self.next_release():
            return False
        self._held = False
        self._ready = True
        self._due = now + self._pause if self._portion is not None else inf
        return True
