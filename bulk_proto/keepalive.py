"""Is the exchange still there? Asked after some silence, answered by any byte at all.

The exchange pings as well, but a half-dead connection shows only on the side that waits. A pong is not
waited for by itself: under load it comes late, and whatever else arrives proves as much.
"""

from __future__ import annotations

from .timers import Timer, TimerTable


class Keepalive:
    """Owns the timers ``PING`` and ``SILENCE`` of one table. Both durations are in seconds."""

    __slots__ = ("_ping_interval", "_silence_timeout", "_timers", "heard_at")

    def __init__(self, timers: TimerTable, ping_interval: float, silence_timeout: float) -> None:
        self.heard_at = 0.0
        self._timers = timers
        self._ping_interval = ping_interval
        self._silence_timeout = silence_timeout

    def start(self, now: float) -> None:
        self.heard_at = now
        self._timers.set(Timer.PING, now + self._ping_interval)
        self._timers.set(Timer.SILENCE, now + self._silence_timeout)

    def ping_timer_fired(self, now: float) -> bool:
        """Is a ping due? Sets the timer for the next look either way."""
        due = self.heard_at + self._ping_interval
        self._timers.set(Timer.PING, due if due > now else now + self._ping_interval)
        return due <= now

    def silence_timer_fired(self, now: float) -> bool:
        """Is the link dead? Sets the timer for the next look if it is not."""
        due = self.heard_at + self._silence_timeout
        if due > now:
            self._timers.set(Timer.SILENCE, due)
        return due <= now
