"""Runs one core on anyio: all waiting happens here, no deciding does.

Per connection one task reads and one writes; one more keeps time. They meet only in the core.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TypeVar

import anyio
from anyio.abc import ByteStream

from bulk_proto.core import ClientCore, State
from bulk_proto.errors import LinkError, UsageError
from bulk_proto.events import Event
from bulk_proto.standstill import CATCHING_UP, LATE

from .connectors import Connector
from .faults import LINE_FAULTS, first_of, reason_of
from .host import clock, home, is_being_cancelled, protected
from .push_stream import READ_SIZE, PushStream

Result = TypeVar("Result")

FAREWELL = 1.0  # seconds to hand over the last bytes


async def catch_up(due: float) -> None:
    """Where a deadline is noticed late, let what came meanwhile be read before time is said to be up."""
    if anyio.current_time() > due + LATE:
        await anyio.sleep(CATCHING_UP)


class Bell:
    """Wakes one waiting task; ringing before anybody waits is not lost.

    ``rung`` is true from a ring until somebody has woken up by it.
    """

    __slots__ = ("_event", "rung")

    def __init__(self) -> None:
        self.rung = False
        self._event: anyio.Event | None = None

    def ring(self) -> None:
        self.rung = True
        if self._event is not None:
            self._event.set()

    async def wait(self) -> None:
        if not self.rung:
            self._event = anyio.Event()
            try:
                await self._event.wait()
            finally:
                self._event = None
        self.rung = False


class Driver:
    """Serves ``core`` until it rests; ``deliver`` receives all events, in order; it must not block or raise.

    Whatever goes wrong with one connection, expected or not, ends that connection only.
    """

    def __init__(
        self,
        core: ClientCore,
        deliver: Callable[[Iterable[Event]], None],
        connector: Connector,
        logger: logging.Logger,
    ) -> None:
        self.core = core
        self._logger = logger
        self._deliver = deliver
        self._connector = connector
        self._writer = Bell()  # there may be bytes to send, or a reason to hang up
        self._alarm = Bell()  # the next deadline has changed
        self._line = Bell()  # a connection may be wanted
        self._handing_out = False
        self._armed = math.inf
        self.home: object = None  # the loop that the client lives in, until the last of it is gone
        # While serving, that of the loop without a detour.
        self.clock: Callable[[], float] = anyio.current_time
        self._talking = False  # the stream of the current connection is up
        self._leaving = False  # the core has given up the current connection
        self._quick: PushStream | None = None  # the current stream, when it takes bytes from anybody
        self._in_hand = b""  # for any other stream, from when it has taken what was before
        self._is_sending = False

    def do(self, act: Callable[[float], Result]) -> Result:
        """Do something to the core, which gets the time, and see to what comes of it at once.

        Raises ``UsageError`` in any loop but the one that serves the core.
        """
        self.check_home()
        result = act(self.clock())
        self.poke()
        return result

    def check_home(self) -> None:
        """Raise ``UsageError`` where another loop runs: nothing would wake the tasks of this one."""
        if self.home is not None and home() is not self.home:
            raise UsageError(
                "this client is connected in another event loop, in another thread or one that was closed "
                "without disconnect(): use it there, or make a client for this loop"
            )

    def poke(self) -> None:
        """The core was touched: send, hand out its news, wake whoever waits for a change."""
        core = self.core
        if core.has_data_to_send:
            self._send()
        if not (core.wants_connection and self._talking):
            self._line.ring()
        self._hand_out()
        due = core.next_deadline()
        if due is not None and due < self._armed:
            self._alarm.ring()

    def _hand_out(self) -> None:
        """Deliver what is new; behind it what a handler causes before it returns."""
        if self._handing_out:
            return
        self._handing_out = True
        try:
            while events := self.core.events():
                self._deliver(events)
        finally:
            self._handing_out = False

    def _send(self) -> None:
        """At once, as far as that is possible; the writer does the rest."""
        if self._quick is not None and self._quick.ready:
            self._quick.write(self.core.data_to_send())
            if self._quick.ready:
                return
        elif self._talking and self._quick is None and not self._is_sending:
            self._in_hand += self.core.data_to_send()
        self._writer.ring()

    async def run(self) -> None:
        """Connect and reconnect as the core wishes, until it rests."""
        self.clock = clock()
        before, self.core.on_urgent_data = self.core.on_urgent_data, self._send
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(protected(self._keep_time))
                while self.core.state is not State.IDLE:
                    if self.core.wants_connection:
                        await self._serve_one_connection()
                    else:
                        await self._line.wait()
                tasks.cancel_scope.cancel()
        finally:
            self.clock = anyio.current_time  # of whichever loop comes next
            self.core.on_urgent_data = before  # or they would keep each other alive

    async def _keep_time(self) -> None:
        while True:
            due = self.core.next_deadline()
            self._armed = math.inf if due is None else due
            with anyio.CancelScope(deadline=self._armed) as patience:
                await self._alarm.wait()
            if patience.cancelled_caught:
                await catch_up(self._armed)
                self.do(self.core.handle_deadline)

    async def _serve_one_connection(self) -> None:
        self._talking = self._leaving = self._is_sending = False
        self._in_hand = b""
        try:
            reason = await self._one_connection()
        except anyio.get_cancelled_exc_class() as error:
            if is_being_cancelled():
                raise
            reason = self._unexpected(error)  # of something that a connector or a stream awaited
        finally:
            self._talking, self._quick = False, None
        if not self._leaving:
            self.do(lambda now: self.core.connection_lost(now, reason))

    async def _one_connection(self) -> LinkError | str:
        """Make it, talk for as long as it lasts, and say why it ended."""
        reason: LinkError | str | None = None
        try:
            async with anyio.create_task_group() as tasks:
                scope = tasks.cancel_scope
                tasks.start_soon(protected(self._hang_up), scope)
                async with await self._connector(self.core.config) as stream:
                    try:
                        await self._converse(stream)
                    except Exception as fault:
                        reason = self._reason(first_of(fault))
                    finally:  # a stream that is slow to close must not hide that it broke
                        scope.deadline = min(scope.deadline, anyio.current_time() + FAREWELL)
                scope.cancel()
        except* Exception as faults:
            reason = reason or self._reason(first_of(faults))
        return reason or "the connection ended"

    def _reason(self, fault: BaseException) -> LinkError | str:
        if isinstance(fault, LinkError):
            return fault
        return reason_of(fault) if isinstance(fault, LINE_FAULTS) else self._unexpected(fault)

    def _unexpected(self, fault: BaseException) -> LinkError:
        with suppress(Exception):  # a broken log is no reason to stop
            self._logger.error("the connection failed unexpectedly", exc_info=fault)
        return LinkError(f"unexpected {type(fault).__name__}: {reason_of(fault)}")

    async def _hang_up(self, scope: anyio.CancelScope) -> None:
        """Once the core wants no connection, give the last bytes a moment and then let go."""
        while self.core.wants_connection:
            await self._line.wait()
        self._leaving = True
        self._writer.ring()
        scope.deadline = anyio.current_time() + (FAREWELL if self._talking else 0.0)

    async def _converse(self, stream: ByteStream) -> None:
        if self._leaving or not self.core.wants_connection:
            return
        self._talking = True
        self._quick = stream if isinstance(stream, PushStream) else None
        self.do(self.core.connection_made)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(protected(self._read), stream)
            while True:
                if self._quick is not None and not self._quick.ready:
                    await self._quick.flush()
                elif data := self._in_hand + self.core.data_to_send():
                    self._in_hand, self._is_sending = b"", True
                    await stream.send(data)
                    self._is_sending = False
                elif self._leaving:
                    break
                else:
                    await self._writer.wait()
            tasks.cancel_scope.cancel()

    async def _read(self, stream: ByteStream) -> None:
        if isinstance(stream, PushStream):
            await stream.push(self._take)
            return
        data = b"?"
        while data:
            try:
                data = await stream.receive(READ_SIZE)
            except anyio.EndOfStream:
                data = b""
            self._take(data)

    def _take(self, data: bytes) -> None:
        self.core.receive_data(data, self.clock())
        self.poke()
