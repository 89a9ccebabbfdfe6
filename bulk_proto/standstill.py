"""How a driver knows that it stood still, and what it owes to whoever waits.

A process can be suspended, and a loop be held up by a handler. A deadline that passed meanwhile does not mean
that nothing came: the bytes wait in the system. So whoever notices a deadline :data:`LATE` reads for as long
as :data:`CATCHING_UP` before it says that time is up.
"""

from __future__ import annotations

LATE = 0.1  # seconds behind a deadline
CATCHING_UP = 0.05  # seconds
