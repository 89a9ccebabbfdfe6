"""The one error that matters in the groups that task groups raise."""

from __future__ import annotations


def first_of(error: BaseException) -> BaseException:
    """The first error of a group, however deep it is nested; any other error as it is."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
