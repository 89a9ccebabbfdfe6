"""The exchange's own time: the moment of the event at hand, as wall time and as unique stamps."""

from __future__ import annotations


class ExchangeClock:
    """Turns seconds of the driver's clock into nanoseconds since 1970, and counts transactions.

    Stamps rise strictly, so that clients can order the updates of one order by them.
    """

    __slots__ = ("_epoch_ns", "_sequence", "_slot", "_stamp", "_started", "now")

    def __init__(self, epoch_ns: int, now: float) -> None:
        self._epoch_ns = epoch_ns
        self._started = now
        self._stamp = 0
        self._slot = 0
        self._sequence = 0
        self.now = now

    @property
    def age(self) -> float:
        """Seconds since the exchange started."""
        return self.now - self._started

    @property
    def wall_ns(self) -> int:
        return self._epoch_ns + round(self.age * 1e9)

    @property
    def wall_ms(self) -> int:
        return self.wall_ns // 1_000_000

    def stamp(self) -> int:
        """Wall time in nanoseconds, moved on by one where it would repeat."""
        self._stamp = max(self._stamp + 1, self.wall_ns)
        return self._stamp

    def next_slot(self) -> None:
        """Begin a new transaction."""
        self._slot += 1
        self._sequence = 0

    def next_trade_id(self) -> str:
        """``slot:sequence``, shared by both sides of one execution."""
        self._sequence += 1
        return f"{self._slot}:{self._sequence}"
