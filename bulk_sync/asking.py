"""How a client has its core do something and waits for what comes of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

from bulk_proto.calls import Call
from bulk_proto.enums import OrderStatus
from bulk_proto.errors import OutcomeUnknown

from .copies import CopiedView
from .driver import Driver
from .errands import Errand

T = TypeVar("T")


class Asking(CopiedView):
    """What every group of calls of a client stands on."""

    default_timeout: float
    _driver: Driver

    @abstractmethod
    def settle(self, unknown: OutcomeUnknown, timeout: float | None = None) -> dict[str, OrderStatus]: ...

    def _do(self, act: Callable[[float], Sequence[Call[T]]]) -> list[T]:
        """Have a thread of the driver do this to the core, and wait for what comes of it."""
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
