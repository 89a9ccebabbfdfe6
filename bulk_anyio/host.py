"""Where a client lives while it serves: a task that belongs to nobody's scope.

A task group must be left by the task that entered it, so it cannot be opened in ``connect()`` and closed
in ``disconnect()``: an application's start-up and shut-down hooks run in different tasks. So the client
serves from a background task of the event loop (asyncio) or a system task (trio), which opens its own
task group and never lets an exception escape: on trio that would end the program.

Ctrl-C belongs to the application's main task, where ``finally: await client.cancel_all()`` may stand. On
asyncio it arrives there by itself. Trio raises ``KeyboardInterrupt`` in whichever task is running, unless
that is protected: system tasks are, their children are not, so each of those is made with :func:`protected`.
What the main task itself does to the core is protected too, since half of it must not happen.

Both loops are imported where they are known to run: whoever uses one need not wait for the other.
"""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio

Function = TypeVar("Function", bound=Callable[..., Any])


def in_trio() -> bool:
    """Is the running task a trio task? (False on asyncio, also where trio is installed.)"""
    # While another thread imports trio, it is there in part only.
    current_task = getattr(getattr(sys.modules.get("trio"), "lowlevel", None), "current_task", None)
    if current_task is None:
        return False
    try:
        current_task()
    except RuntimeError:
        return False
    return True


def home() -> object:
    """The running loop: what a client lives in while it serves. None where none runs."""
    if in_trio():
        import trio

        return trio.lowlevel.current_trio_token()
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def clock() -> Callable[[], float]:
    """What tells the time of the running loop, and works where no task is running too."""
    if in_trio():
        import trio

        return trio.lowlevel.current_clock().current_time
    import asyncio

    return asyncio.get_running_loop().time


def context_of_callbacks() -> contextvars.Context:
    """A copy of this task's context in which anyio knows the running loop even where no task is running."""
    context = contextvars.copy_context()
    library = getattr(sys.modules.get("sniffio"), "current_async_library_cvar", None)
    if library is not None and not in_trio():
        context.run(library.set, "asyncio")
    return context


def spawn(serve: Callable[[], Awaitable[None]], name: str) -> object:
    """Start ``serve`` in the background of the running loop; keep the result to keep the task alive."""
    if in_trio():
        import trio

        return trio.lowlevel.spawn_system_task(serve, name=name, context=contextvars.copy_context())
    import asyncio

    return asyncio.get_running_loop().create_task(_as_coroutine(serve), name=name)


def protect(function: Callable[..., object]) -> None:
    """From now on trio raises no ``KeyboardInterrupt`` in this: the main task gets it as soon as it waits."""
    if in_trio():
        import trio

        trio.lowlevel.enable_ki_protection(function)


def protected(function: Function) -> Function:
    """The same function, which has been protected."""
    protect(function)
    return function


def watch_for_cancellation() -> Callable[[], bool]:
    """What tells whether the running task is being cancelled past anyio, as only asyncio allows."""
    if in_trio():
        return lambda: False
    import asyncio

    task = asyncio.current_task()
    return lambda: task is not None and task.cancelling() > 0


def is_being_cancelled() -> bool:
    """Is the running task to end, rather than something that it awaited?"""
    return anyio.get_current_task().has_pending_cancellation() or watch_for_cancellation()()


async def _as_coroutine(serve: Callable[[], Awaitable[None]]) -> None:
    await serve()
