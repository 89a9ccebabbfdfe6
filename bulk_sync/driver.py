"""Runs one core on a socket, in background threads: all waiting happens here, no deciding does.

One thread at a time reads: it owns the socket, keeps time, runs the errands of other threads and hands out
events; :mod:`bulk_sync.shifts` says which thread that is. It changes the core under a lock that those who
look at it share. Whatever it knows between two events is in the driver, so that another thread can go on at
any of them.

While messages come one after the other, the reader is deaf to all else between them, for moments
(:mod:`bulk_sync.lookout`). Then its relief runs the errands of others and sends what comes of them, holding
the lock. The reader does nothing before it has said under that lock that it is back: one of the two acts.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from time import monotonic
from typing import Any

from bulk_proto.core import ClientCore, State
from bulk_proto.errors import LinkError

from .audience import Audience, HandlerThread
from .connectors import Connector
from .conversation import LISTENING, Conversation, Receive
from .dialer import Dialer
from .errands import FOREVER, Errand, Milestone, Opening
from .faults import reason_of
from .lookout import Lookout
from .shifts import Shift

# Seconds that may pass before a deadline is noticed that a message brought nearer. A listening reader may
# notice that one, and one that an errand brought nearer, LISTENING later still.
SOON = 0.01
LATE = 0.1  # seconds behind a deadline: the process stood still
CATCHING_UP = 0.05  # seconds at most for reading what came meanwhile
_TALKING = (State.OPEN, State.HANDSHAKING, State.CLOSING)

SERVING: set[Driver] = set()
"""The drivers of this process that a thread serves."""


class Driver:
    """Serves ``core`` from :meth:`start` until it rests, once.

    ``guard`` is held whenever the core changes. ``audience`` gets every event, in order, without the guard.
    ``on_rest`` is called when there will be no more, ``on_fork`` in a child process forked meanwhile.
    """

    def __init__(
        self,
        core: ClientCore,
        guard: AbstractContextManager[object],
        audience: Audience,
        connector: Connector,
        logger: logging.Logger,
        on_rest: Callable[[BaseException | None], None],
        on_fork: Callable[[], None],
    ) -> None:
        self.core = core
        self.serving = False
        self.leaving = False
        self.is_running = False  # a thread has been started and has not come to its end
        self._guard = guard
        self._audience = audience
        self._dialer = Dialer(connector, self.wake)
        self._logger = logger
        self._on_rest = on_rest
        self._on_fork = on_fork
        self._errands: deque[Errand[Any]] = deque()
        self._lookout: Lookout | None = None
        self._conversation: Conversation | None = None
        self._receive: Receive = core.receive_data
        self._due = 0.0  # when to take stock again
        self._soon = 0.0  # when to take stock at the latest after a message
        self._fault: BaseException | None = None
        self._shift: Shift | None = None
        self._begun = threading.Lock()  # taken by the thread that reads first, or by who calls it off
        self._threads: list[HandlerThread] = []  # the one that reads and its relief
        self._opening: Opening | None = None
        self._end = Milestone()

    @property
    def goes_on(self) -> bool:
        """True while nobody wants it to end."""
        return self.serving and not self.leaving

    # For other threads -----------------------------------------------------------------------------------

    def start(self, first: Opening) -> None:
        """Start to read; ``first`` starts the core. Call with the guard held.

        Raises ``RuntimeError`` when there is no thread to be had. Then it is as if nothing had happened; so
        it is after Ctrl-C, unless the thread reads already: then the driver leaves.
        """
        try:
            self._lookout = Lookout()
            self.core.on_urgent_data = self._send_at_once
            self._opening = first
            self._errands.append(first)
            self.serving = self.is_running = True
            if self.leaving:  # a signal handler has said so meanwhile
                self.leave()
            SERVING.add(self)
            self._audience.begin(self.wake)
            self._new_thread(self._begin_to_read)
        except BaseException:
            if self._begun.acquire(False):
                self._call_off()
            else:
                self.leave()
            raise

    def _call_off(self) -> None:
        self.serving = self.is_running = False
        SERVING.discard(self)
        if self._lookout is not None:
            self._lookout.close()

    def ask(self, errand: Errand[Any]) -> None:
        """Have an errand run soon; at once and here when the core rests. Call with the guard held."""
        if self.serving:
            self._errands.append(errand)
            self.wake()
            self._have_somebody_read()
        else:
            errand.run(monotonic())

    def leave(self) -> None:
        """Have the core stopped; takes no lock and never blocks. Harmless when repeated."""
        if self.serving:
            self._errands.append(Errand(self._stop))
        self.leaving = True
        self.wake()

    def wait_until_open(self) -> None:
        """Wait for what becomes of the first attempt to connect; raises what it ended with."""
        self._have_somebody_read()
        if self._opening is not None:
            self._opening.results()

    def join(self, timeout: float = FOREVER) -> None:
        """Wait until the core rests and the last event is handed out, if it was ever started."""
        self._have_somebody_read()
        if self.is_running and not self._end.wait(timeout):
            return
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.wait(timeout)

    def wake(self) -> None:
        if self._lookout is not None and not self._lookout.ring() and self._shift is not None:
            self._shift.call_stand_in()  # for an errand; all else can wait until the reader is back

    def disown(self) -> None:
        """In a forked child: let go of what belongs to the parent, without a word to the exchange."""
        self.serving = self.is_running = False
        if self._shift is not None:
            self._shift.take_back()  # should this be a handler that forks: nobody reads after it
        if self._conversation is not None:
            self._conversation.close()
        if self._lookout is not None:
            self._lookout.close()
        self._on_fork()

    def _have_somebody_read(self) -> None:
        """Should this be a handler in the thread that reads: another one must, as this one will wait."""
        shift = self._shift
        if shift is not None and shift.reader is threading.current_thread():
            shift.call_relief()

    # In the thread that reads ----------------------------------------------------------------------------

    def _begin_to_read(self) -> None:
        if self._begun.acquire(False):
            self._read()

    def _read(self) -> None:
        """Serve the core until it rests, or another thread takes over."""
        shift = self._shift = Shift()
        thread = threading.current_thread()
        assert isinstance(thread, HandlerThread)
        self._threads = [thread]
        try:
            self._threads.append(self._new_thread(lambda: self._stand_by(shift)))
            while self._audience.hand_out(shift):
                if self.serving:
                    self._advance()
                elif self._audience.is_up_to_date:
                    break
                self._audience.collect(self.core.events())
            else:
                return
        except BaseException as fault:  # such as no thread to be had for a relief: no handler may run then
            self._give_up(fault)
        shift.end()
        self._finish()

    def _stand_by(self, shift: Shift) -> None:
        if shift.stand_by(self._stand_in):
            self._read()

    def _stand_in(self) -> None:
        """Run the errands that the reader does not hear of. Called by its relief."""
        if not self._errands:
            return
        with self._guard:
            if self._conversation is None or self._lookout is None or not self._lookout.is_deaf:
                return  # the reader is back: it looks for errands under the guard as well
            try:
                self._take_stock(monotonic())
                self._hand_over(self._conversation)
            except OSError:
                pass  # what was not sent is kept, and the reader runs into the same
            except BaseException as fault:
                self._give_up(fault)

    def _send_at_once(self) -> None:
        """Send an order before the core does the rest. Called with the guard held by whoever runs errands."""
        if self._conversation is not None:
            with suppress(Exception):  # what was not sent is kept, and whoever sends next runs into the same
                self._hand_over(self._conversation)

    def _hand_over(self, conversation: Conversation) -> None:
        conversation.send(b"" if conversation.owes else self.core.data_to_send())

    def _new_thread(self, target: Callable[[], object]) -> HandlerThread:
        thread = HandlerThread(self._audience, target)
        thread.start()
        return thread

    def _advance(self) -> None:
        """Sleep until there is something to do, and do it."""
        try:
            try:
                self._exchange_bytes()
                if self._conversation is None or self.core.state not in _TALKING:
                    self._mind_the_connection()
            except BaseException as fault:
                if self._conversation is None and not self._dialer.is_busy:
                    raise  # no connection is to blame
                self._lose_connection(fault)
        except BaseException as fault:
            self._give_up(fault)

    def _exchange_bytes(self) -> None:
        assert self._lookout is not None
        conversation, core = self._conversation, self.core
        data = self._lookout.sleep(self._due)
        now = monotonic()
        with self._guard:
            self._lookout.is_deaf = False
            if data is not None:
                self._receive(data, now)
                if 0.0 < self._due < now - LATE:
                    self._catch_up()
                if self._soon < self._due:
                    self._due = self._soon
            if now >= self._due or self._errands:
                self._take_stock(now)
            # What waits behind unsent bytes stays in the core: so it knows how long nothing has been taken.
            owes = conversation is not None and conversation.owes
            answer = core.data_to_send() if core.has_data_to_send and not owes else b""
        if conversation is not None and (answer or owes):
            conversation.send(answer)
            if core.has_data_to_send and not conversation.owes:
                self._due = 0.0

    def _catch_up(self) -> None:
        """The process stood still: read what came meanwhile before anything is said to be missing."""
        conversation, end = self._conversation, monotonic() + CATCHING_UP
        while conversation is not None and (now := monotonic()) < end and (data := conversation.receive()):
            self._receive(data, now)

    def _take_stock(self, now: float) -> None:
        """Run the errands and keep time. Called with the guard held."""
        assert self._lookout is not None
        self._run_errands(now)
        due = self.core.next_deadline()
        if due is not None and due <= now:
            self.core.handle_deadline(now)
            due = self.core.next_deadline()
        self._due = math.inf if due is None else due
        self._soon = now + SOON
        # The reader takes stock again once SOON is over, and a moment of listening may end later than that.
        self._lookout.may_be_deaf = self._due > now + SOON + 2 * LISTENING
        self._lookout.is_talkative = False  # with messages further apart than SOON: one wake-up for each
        self.serving = self.core.state is not State.IDLE

    def _run_errands(self, now: float) -> None:
        while self._errands:
            self._errands.popleft().run(now)

    def _mind_the_connection(self) -> None:
        """Make the connection that the core wants, or let go of the one it does not want any more."""
        if self._conversation is not None:
            self._hang_up()
        elif self.core.state is not State.CONNECTING:
            self._dialer.stop()
        elif (conversation := self._dialer.dial(self.core.config)) is not None:
            self._begin_to_talk(conversation)

    def _begin_to_talk(self, conversation: Conversation) -> None:
        assert self._lookout is not None
        self._conversation = conversation
        self._lookout.watch(conversation)
        now = monotonic()
        with self._guard:
            self.core.connection_made(now)
            self._receive = conversation.decrypting(self.core.receive_data, now)
        self._due = 0.0  # its first bytes are to be sent

    def _lose_connection(self, fault: BaseException) -> None:
        assert self._lookout is not None
        reason = self._reason(fault)
        with self._guard:
            self._lookout.is_deaf = False
            self.core.connection_lost(monotonic(), reason)
        self._dialer.stop()
        self._hang_up()

    def _reason(self, fault: BaseException) -> LinkError | str:
        if isinstance(fault, LinkError):
            return fault
        if isinstance(fault, OSError):
            return reason_of(fault)
        self._audience.note(logging.ERROR, "the connection failed unexpectedly", fault)
        return LinkError(f"unexpected {type(fault).__name__}: {reason_of(fault)}")

    def _hang_up(self) -> None:
        conversation, self._conversation = self._conversation, None
        self._receive = self.core.receive_data
        self._due = 0.0  # what the core wants now may be due at once
        if conversation is not None and self._lookout is not None:
            self._lookout.unwatch()
            conversation.close()

    def _give_up(self, fault: BaseException) -> None:
        """Nobody will read or keep time any more: let the core end everything that is open."""
        self._fault = fault
        now = monotonic()
        with self._guard:
            self.serving = False
            try:
                while self._errands or self.core.state is not State.IDLE:  # an errand may start the core
                    self.core.stop(now)
                    self.core.connection_lost(now, "the client stopped")
                    self._run_errands(now)
            except BaseException:  # it is broken: whoever asks for something shall hear of it all the same
                self._run_errands(now)

    def _finish(self) -> None:
        assert self._lookout is not None
        SERVING.discard(self)
        for step in (self._hang_up, self._dialer.stop, self._lookout.close):
            with suppress(BaseException):  # whatever else is broken, those who wait must hear of the end
                step()
        try:
            self._on_rest(self._fault)
        finally:
            self.is_running = False
            self._end.pass_by()
        if self._fault is not None:
            with suppress(BaseException):  # nobody is left to hear of a broken log
                self._logger.error("the client stopped unexpectedly", exc_info=self._fault)

    def _stop(self, now: float) -> list[Any]:
        self.core.stop(now)
        return []
