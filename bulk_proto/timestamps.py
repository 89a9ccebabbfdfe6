"""One unit for all times: the exchange mixes seconds, milliseconds, microseconds and nanoseconds.

Different streams of the exchange use different units and its own documents disagree about which,
so the unit is read off the magnitude: the four ranges do not overlap for any date between 1973 and
2286. The server's own number is always kept beside the normalised one.
"""

from __future__ import annotations

_SECONDS_BELOW = 10**11
_MILLISECONDS_BELOW = 10**14
_MICROSECONDS_BELOW = 10**17


def to_nanoseconds(value: int) -> int:
    """The same moment in nanoseconds since 1970, whatever unit ``value`` came in."""
    magnitude = abs(value)
    if magnitude < _SECONDS_BELOW:
        return value * 1_000_000_000
    if magnitude < _MILLISECONDS_BELOW:
        return value * 1_000_000
    if magnitude < _MICROSECONDS_BELOW:
        return value * 1_000
    return value
