"""Nonces that rise strictly, whatever the clock does and however many clients share a key.

Each works once for an account. They follow the clock in nanoseconds, so a restarted process goes on above
its last one; a clock that steps back or stands still is bridged by counting on. No source restricts the
distance to the exchange's clock, so there is no limit on how far counting may run ahead.
"""

from __future__ import annotations

from collections.abc import Callable

from bulk_proto.errors import NonceError

from .encoding import nonce_bytes
from .fields import U64_MAX

# For each public key the claims of this process: nonce -> the claimant's token.
_SHARED: dict[str, dict[int, object]] = {}


class Nonces:
    """One client's source of nonces.

    ``wall_clock`` gives nanoseconds since 1970. All sources made with the same ``public_key`` in one
    process, in any thread, rise together; without one the source is on its own and repeatable.

    There is no lock. To take a nonce is to insert it into a dict under a token of one's own, and it is
    taken only if afterwards no larger one is in there. Inserting and copying the keys are single steps of
    the interpreter, and entries are removed only after a larger one is in, so the largest never falls: two
    threads can neither get the same number nor one that is smaller than one already handed out. A thread
    that is interrupted at any point holds up nobody; at worst a number stays unused.
    """

    __slots__ = ("_claims", "_wall_clock")

    def __init__(self, wall_clock: Callable[[], int], public_key: str | None = None) -> None:
        self._wall_clock = wall_clock
        self._claims = {} if public_key is None else _SHARED.setdefault(public_key, {})

    def take(self) -> int:
        """The clock, or one more than the last nonce if that is larger.

        Raises :class:`NonceError` when there is none left below 2**64.
        """
        claims = self._claims
        while True:
            nonce = max(max(list(claims), default=-1) + 1, self._wall_clock())
            if not 0 <= nonce <= U64_MAX:
                raise NonceError("no nonce is left: the clock or an earlier nonce is at the end of its range")
            if self._claim(nonce):
                return nonce

    def note(self, nonce: int) -> None:
        """Stay above a nonce the caller chose; 0 is one like any other.

        An old one changes nothing: whether it was used before, only the exchange knows. Raises
        :class:`NonceError` outside 0 to 2**64 - 1.
        """
        nonce_bytes(nonce)
        if nonce > max(list(self._claims), default=-1):
            self._claim(nonce)

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
