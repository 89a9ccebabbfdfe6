"""How a client has its core do something and waits for what comes of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

from bulk_proto.calls import Call
from bulk_proto.enums import OrderStatus
from bulk_proto.errors import OutcomeUnknown, UsageError

from .audience import Audience
from .copies import CopiedView
from .driver import Driver
from .errands import Errand
from .interrupted import is_held_here

T = TypeVar("T")


class Asking(CopiedView):
    """What every group of calls of a client stands on."""

    default_timeout: float
    _driver: Driver
    _audience: Audience

    @abstractmethod
    def settle(self, unknown: OutcomeUnknown, timeout: float | None = None) -> dict[str, OrderStatus]: ...

    def _do(self, act: Callable[[float], Sequence[Call[T]]]) -> list[T]:
        """Have a thread of the driver do this to the core, and wait for what comes of it."""
        self._must_not_interrupt()
        errand = Errand(act)
        try:
            with self._guard:
                self._driver.ask(errand)
            return errand.results()
        except OutcomeUnknown as unknown:
            unknown.settle_with(self.settle)
            raise
        finally:
            errand.withdraw()

    @property
    def _is_interrupted(self) -> bool:
        """True in a signal handler that interrupted another call of the client: the reader waits for that."""
        return is_held_here(self._guard) or self._audience.is_halted

    def _must_not_interrupt(self) -> None:
        if self._is_interrupted:
            raise UsageError(
                "this cannot be done in the midst of another call of the client: have the signal handler "
                "raise, or set a flag, and let the main code act"
            )
