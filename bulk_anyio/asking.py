"""How a client has its core do something and waits for what comes of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio

from bulk_proto.calls import Call
from bulk_proto.enums import OrderStatus
from bulk_proto.errors import OutcomeUnknown
from bulk_proto.view import ClientView

from .driver import Driver

T = TypeVar("T")


class Asking(ClientView):
    """What every group of calls of a client stands on."""

    default_timeout: float
    _driver: Driver

    @abstractmethod
    def settle(
        self, unknown: OutcomeUnknown, timeout: float | None = None
    ) -> Awaitable[dict[str, OrderStatus]]: ...

    async def _do(self, act: Callable[[float], Sequence[Call[T]]]) -> list[T]:
        """Do this to the core: ``act`` gets the time and returns the calls to wait for."""
        try:
            calls = self._driver.do(act)  # before the wait is prepared: the bytes should be on their way
            return [await self._wait(call) for call in calls]
        except OutcomeUnknown as unknown:
            unknown.settle_with(self.settle)
            raise

    async def _wait(self, call: Call[T]) -> T:
        done = anyio.Event()
        call.wake_with(done.set)
        await done.wait()
        return call.result()
