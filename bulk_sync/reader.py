"""Serves one core on a socket, in the thread that reads: all waiting happens here, no deciding does.

The reader owns the socket, keeps time and runs the errands of other threads. It changes the core under a
lock that those who look at it share. Whatever it knows between two events is in here and not in its thread,
so that another thread can go on at any of them.

While messages come one after the other, the reader is deaf to all else between them, for moments
(:mod:`bulk_sync.lookout`). Then its relief runs the errands of others and sends what comes of them, holding
the lock. The reader does nothing before it has said under that lock that it is back: one of the two acts.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from time import monotonic
from typing import Any

from bulk_proto.core import ClientCore, State
from bulk_proto.errors import LinkError
from bulk_proto.standstill import CATCHING_UP, LATE

from .connectors import Connector
from .conversation import LISTENING, Conversation, Receive
from .dialer import Dialer
from .errands import Errand
from .faults import reason_of
from .lookout import Lookout

# Seconds that may pass before a deadline is noticed that a message brought nearer. A listening reader may
# notice that one, and one that an errand brought nearer, LISTENING later still.
SOON = 0.01
_TALKING = (State.OPEN, State.HANDSHAKING, State.CLOSING)


class Reader:
    """``guard`` is held whenever the core changes. ``note`` takes a line for the log: level, text and error.
    ``call_stand_in`` is called when there is an errand that the reader does not hear of.
    """

    def __init__(
        self,
        core: ClientCore,
        guard: AbstractContextManager[object],
        connector: Connector,
        note: Callable[[int, str, BaseException], object],
        call_stand_in: Callable[[], object],
    ) -> None:
        self.core = core
        self.serving = False
        self.fault: BaseException | None = None
        """What ended the serving, where that was not the user."""
        self._guard = guard
        self._dialer = Dialer(connector, self.wake)
        self._note = note
        self._call_stand_in = call_stand_in
        self._errands: deque[Errand[Any]] = deque()
        self._lookout: Lookout | None = None
        self._conversation: Conversation | None = None
        self._receive: Receive = core.receive_data
        self._due = 0.0  # when to take stock again
        self._soon = 0.0  # when to take stock at the latest after a message

    # For other threads -----------------------------------------------------------------------------------

    def open(self, first: Errand[Any]) -> None:
        """Get ready to read; ``first`` starts the core."""
        self._lookout = Lookout()
        self.core.on_urgent_data = self._send_at_once
        self._errands.append(first)
        self.serving = True

    def post(self, errand: Errand[Any]) -> None:
        """Have an errand run when the thread that reads looks for some. Takes no lock and never blocks."""
        self._errands.append(errand)

    def wake(self) -> None:
        """Have it look at once. Takes no lock and never blocks."""
        if self._lookout is not None and not self._lookout.ring():
            self._call_stand_in()  # for an errand; all else can wait until the reader is back

    def disown(self) -> None:
        """In a forked child: let go of what belongs to the parent, without a word to the exchange."""
        self.serving = False
        if self._conversation is not None:
            self._conversation.close()
        if self._lookout is not None:
            self._lookout.close()

    def close(self) -> None:
        """Let go of everything, read or not."""
        self.serving = False
        for step in (self._hang_up, self._dialer.stop):
            with suppress(BaseException):  # whatever else is broken, those who wait must hear of the end
                step()
        if self._lookout is not None:
            with suppress(BaseException):
                self._lookout.close()

    def stand_in(self) -> None:
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
                self.give_up(fault)

    def _send_at_once(self) -> None:
        """Send an order before the core does the rest. Called with the guard held by whoever runs errands."""
        if self._conversation is not None:
            with suppress(Exception):  # what was not sent is kept, and whoever sends next runs into the same
                self._hand_over(self._conversation)

    def _hand_over(self, conversation: Conversation) -> None:
        conversation.send(b"" if conversation.owes else self.core.data_to_send())

    # In the thread that reads ----------------------------------------------------------------------------

    def advance(self) -> None:
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
            self.give_up(fault)

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
        self._note(logging.ERROR, "the connection failed unexpectedly", fault)
        return LinkError(f"unexpected {type(fault).__name__}: {reason_of(fault)}")

    def _hang_up(self) -> None:
        conversation, self._conversation = self._conversation, None
        self._receive = self.core.receive_data
        self._due = 0.0  # what the core wants now may be due at once
        if conversation is not None and self._lookout is not None:
            self._lookout.unwatch()
            conversation.close()

    def give_up(self, fault: BaseException) -> None:
        """Nobody will read or keep time any more: let the core end everything that is open."""
        self.fault = fault
        now = monotonic()
        with self._guard:
            self.serving = False
            try:
                while self._errands or self.core.state is not State.IDLE:  # an errand may start the core
                    self.core.driver_stopped(now, f"the client stopped: {reason_of(fault)}")
                    self._run_errands(now)
            except BaseException:  # it is broken: whoever asks for something shall hear of it all the same
                self._run_errands(now)
