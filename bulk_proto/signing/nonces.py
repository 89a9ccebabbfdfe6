"""Nonces that rise strictly, whatever the clock does and however many clients share a key.

Each works once for an account. They follow the clock in nanoseconds, so a restarted process goes on above
its last one; a clock that steps back or stands still is bridged by counting on. No source restricts the
distance to the exchange's clock, so there is no limit on how far counting may run ahead.

A clock that steps back while no process runs is bridged by a :class:`NonceMemory`. It is told a little more
than what is used, so that it is asked about once a second at most and not for every order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bulk_proto.errors import NonceError

from .encoding import nonce_bytes
from .fields import U64_MAX

# For each public key the claims of this process: nonce -> the claimant's token.
_SHARED: dict[str, dict[int, object]] = {}

# What is reserved at once: a second while nonces follow the clock, a number of them while they run ahead
# of it, so that no row of restarts can drive them far ahead.
_RESERVED_TIME = 1_000_000_000  # ns
_RESERVED_COUNT = 1_000


class NonceMemory(Protocol):
    """Remembers nonces beyond the end of this process: in a file, a database, whatever survives it."""

    def last(self) -> int:
        """No nonce up to this one may be used any more; -1 when nothing is known."""
        ...

    def remember(self, last: int) -> None:
        """From now on :meth:`last` is at least this, also after the process was killed.

        It is called before the nonces up to ``last`` are used; if it raises, none of them is.
        """
        ...


class Nonces:
    """One client's source of nonces.

    ``wall_clock`` gives nanoseconds since 1970. All sources made with the same ``public_key`` in one
    process, in any thread, rise together; without one the source is on its own and repeatable. ``memory``
    carries them on from one process to the next.

    There is no lock. To take a nonce is to insert it into a dict under a token of one's own, and it is
    taken only if afterwards no larger one is in there. Inserting and copying the keys are single steps of
    the interpreter, and entries are removed only after a larger one is in, so the largest never falls: two
    threads can neither get the same number nor one that is smaller than one already handed out. A thread
    that is interrupted at any point holds up nobody; at worst a number stays unused.
    """

    __slots__ = ("_claims", "_memory", "_reserved", "_wall_clock")

    def __init__(
        self,
        wall_clock: Callable[[], int],
        public_key: str | None = None,
        memory: NonceMemory | None = None,
    ) -> None:
        self._wall_clock = wall_clock
        self._claims = {} if public_key is None else _SHARED.setdefault(public_key, {})
        self._memory = memory
        self._reserved = -1 if memory is None else memory.last()
        if self._reserved >= 0:
            self.note(self._reserved)

    def take(self) -> int:
        """The clock, or one more than the last nonce if that is larger.

        Raises :class:`NonceError` when there is none left below 2**64, and what the memory raises.
        """
        claims = self._claims
        while True:
            clock = self._wall_clock()
            nonce = max(max(list(claims), default=-1) + 1, clock)
            if not 0 <= nonce <= U64_MAX:
                raise NonceError("no nonce is left: the clock or an earlier nonce is at the end of its range")
            if self._claim(nonce):
                self._reserve(nonce, max(nonce + _RESERVED_COUNT, clock + _RESERVED_TIME))
                return nonce

    def note(self, nonce: int) -> None:
        """Stay above a nonce the caller chose; 0 is one like any other.

        An old one changes nothing: whether it was used before, only the exchange knows. Raises
        :class:`NonceError` outside 0 to 2**64 - 1, and what the memory raises.
        """
        nonce_bytes(nonce)
        if nonce > max(list(self._claims), default=-1):
            self._claim(nonce)
        self._reserve(nonce, nonce)

    def _reserve(self, nonce: int, ceiling: int) -> None:
        """Have the memory know of a nonce before it is used, and of those up to ``ceiling``."""
        if self._memory is not None and nonce > self._reserved:
            ceiling = min(ceiling, U64_MAX)
            self._memory.remember(ceiling)
            self._reserved = ceiling

    def _claim(self, nonce: int) -> bool:
        claims = self._claims
        token = object()
        if claims.setdefault(nonce, token) is not token:
            return False
        known = list(claims)
        if max(known) > nonce:  # ours may be a number that was used and already removed
            claims.pop(nonce, None)
            return False
        for old in known:
            if old < nonce:
                claims.pop(old, None)
        return True
