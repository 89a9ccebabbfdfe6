"""One attempt to connect, in a thread of its own.

So the thread that keeps time never waits for a name server or a handshake.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future

from bulk_proto.config import Config
from bulk_proto.errors import LinkError

from .connectors import Connector, Made

Attempt = Future[Made]


def attempt_to_connect(connector: Connector, config: Config, wake: Callable[[], object]) -> Attempt:
    """Connect in the background; ``wake`` is called when the attempt has ended."""
    attempt = Attempt()
    attempt.add_done_callback(lambda _: wake())

    def dial() -> None:
        try:
            attempt.set_result(connector(config, config.opening_timeout))
        except Exception as error:
            attempt.set_exception(error)
        except BaseException as error:
            attempt.set_exception(LinkError(f"the connector raised {type(error).__name__}"))

    threading.Thread(target=dial, name="bulk connector", daemon=True).start()
    return attempt


def give_up(attempt: Attempt) -> None:
    """Close the connection that nobody wants any more, as soon as it exists."""
    attempt.add_done_callback(_close)


def _close(attempt: Attempt) -> None:
    if attempt.exception() is None:
        attempt.result().close()
