"""Nonces rise strictly: against a model, over steps of the clock, over sources and over threads."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.errors import NonceError, UsageError
from bulk_proto.signing import Nonces
from bulk_proto.signing.nonces import _SHARED

U64_MAX = 2**64 - 1


@pytest.fixture
def key() -> Iterator[str]:
    yield "shared"
    _SHARED.pop("shared", None)


@given(st.lists(st.tuples(st.integers(0, 20), st.none() | st.integers(0, 30))))
def test_a_nonce_is_the_clock_or_one_more_than_the_last(steps: list[tuple[int, int | None]]) -> None:
    now = 0
    nonces = Nonces(lambda: now)
    last = -1
    for now, noted in steps:
        if noted is None:
            taken = nonces.take()
            assert taken == max(last + 1, now)
            last = taken
        else:
            nonces.note(noted)
            last = max(last, noted)


def test_a_clock_that_stands_still_or_steps_back_is_bridged() -> None:
    clock = iter([100, 100, 50, 0, 200])
    nonces = Nonces(clock.__next__)
    assert [nonces.take() for _ in range(5)] == [100, 101, 102, 103, 200]


def test_zero_is_the_first_nonce_of_a_clock_at_zero() -> None:
    nonces = Nonces(lambda: 0)
    assert [nonces.take(), nonces.take()] == [0, 1]


def test_a_nonce_of_the_caller_is_not_given_out_again() -> None:
    nonces = Nonces(lambda: 100)
    nonces.note(100)
    assert nonces.take() == 101
    nonces.note(0)
    nonces.note(101)
    assert nonces.take() == 102


@pytest.mark.parametrize("nonce", [-1, U64_MAX + 1, 1.0, "1", None, True])
def test_what_is_no_nonce_is_refused(nonce: object) -> None:
    with pytest.raises(NonceError) as caught:
        Nonces(lambda: 0).note(nonce)  # type: ignore[arg-type]
    assert isinstance(caught.value, UsageError)


def test_the_last_nonce_can_be_taken_and_none_after_it() -> None:
    nonces = Nonces(lambda: 0)
    nonces.note(U64_MAX - 1)
    assert nonces.take() == U64_MAX
    for _ in range(2):
        with pytest.raises(NonceError, match="no nonce is left"):
            nonces.take()


def test_a_clock_beyond_the_range_is_refused() -> None:
    with pytest.raises(NonceError):
        Nonces(lambda: U64_MAX + 1).take()


def test_sources_with_one_key_rise_together_and_others_are_on_their_own(key: str) -> None:
    first, second = Nonces(lambda: 100, key), Nonces(lambda: 50, key)
    assert [first.take(), second.take(), first.take()] == [100, 101, 102]
    assert Nonces(lambda: 50).take() == 50
    second.note(1000)
    assert first.take() == 1001


def test_memory_does_not_grow_with_the_number_of_nonces(key: str) -> None:
    nonces = Nonces(lambda: 0, key)
    for _ in range(1000):
        nonces.take()
    assert len(_SHARED[key]) == 1


def test_threads_never_get_the_same_nonce_nor_one_that_falls(key: str) -> None:
    taken: list[list[int]] = [[] for _ in range(4)]
    handed_over = Nonces(lambda: 0, key)

    def take(mine: list[int]) -> None:
        nonces = Nonces(lambda: 0, key)
        mine.extend(nonces.take() for _ in range(3_000))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=take, args=(mine,)) for mine in taken]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    everything = [nonce for mine in taken for nonce in mine]
    assert len(set(everything)) == 12_000
    assert all(mine == sorted(mine) for mine in taken)
    assert handed_over.take() > max(everything)


class Interrupting(dict[int, object]):
    """Claims that let another source act at the one moment a number is chosen but not yet claimed."""

    def __init__(self, rival: Nonces | None = None, times: int = 1) -> None:
        super().__init__()
        self.times = times

    def setdefault(self, nonce: int, token: object = None) -> object:
        if self.times:
            self.times -= 1
            for larger in range(nonce, nonce + 3):
                rival = Nonces(lambda at=larger: at)  # type: ignore[misc]
                rival._claims = self
                assert rival.take() >= larger
        return super().setdefault(nonce, token)


def test_a_number_that_was_used_and_removed_while_a_thread_slept_is_not_used_again() -> None:
    nonces = Nonces(lambda: 10)
    nonces._claims = Interrupting()
    assert nonces.take() == 13
    assert list(nonces._claims) == [13]


class Overtaken(dict[int, object]):
    """Claims in which somebody holds the number that is about to be claimed."""

    def setdefault(self, nonce: int, token: object = None) -> object:
        if not self:
            self[nonce] = object()
        return super().setdefault(nonce, token)


def test_a_number_somebody_else_holds_is_left_to_them() -> None:
    nonces = Nonces(lambda: 10)
    nonces._claims = Overtaken()
    assert nonces.take() == 11
