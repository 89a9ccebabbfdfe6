"""Makes connections, one attempt at a time, each in a thread of its own.

So the thread that keeps time never waits for a name server or a handshake.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future

from bulk_proto.config import Config
from bulk_proto.errors import LinkError

from .connectors import Connector, Made
from .conversation import Conversation, let_go
from .secured import converse

_Attempt = Future[Made]


class Dialer:
    """``wake`` is called when an attempt has ended, in whichever thread."""

    def __init__(self, connector: Connector, wake: Callable[[], object]) -> None:
        self._connector = connector
        self._wake = wake
        self._attempt: _Attempt | None = None

    @property
    def is_busy(self) -> bool:
        """True until what became of an attempt has been asked for, or nobody wants to know any more."""
        return self._attempt is not None

    def dial(self, config: Config) -> Conversation | None:
        """The connection once it is made; None while it is not.

        Raises what the connector raised, and whatever else comes of an attempt or of what it made. After an
        error the attempt is over when :meth:`stop` has been called; what was made is closed then.
        """
        attempt = self._attempt
        if attempt is None:
            attempt = self._attempt = _Attempt()
            self._begin(attempt, config)
        if not attempt.done():
            return None
        conversation = converse(attempt.result())
        self._attempt = None
        return conversation

    def stop(self) -> None:
        """Give up: a connection that is made all the same is closed as soon as it exists."""
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.add_done_callback(_close)

    def _begin(self, attempt: _Attempt, config: Config) -> None:
        attempt.add_done_callback(lambda _: self._wake())

        def connect() -> None:
            try:
                attempt.set_result(self._connector(config, config.opening_timeout))
            except Exception as error:
                attempt.set_exception(error)
            except BaseException as error:
                attempt.set_exception(LinkError(f"the connector raised {type(error).__name__}"))

        threading.Thread(target=connect, name="bulk connector", daemon=True).start()


def _close(attempt: _Attempt) -> None:
    if attempt.exception() is None:
        let_go(attempt.result())
