"""Nonces rise strictly: against a model, over steps of the clock, over sources and over threads."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.actions import CancelAll
from bulk_proto.errors import NonceError, NotSent, UsageError
from bulk_proto.signing import Nonces
from bulk_proto.signing.nonces import _SHARED

from .peer import KEY, opened

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


# Beyond the end of the process --------------------------------------------------------------------------

SECOND = 10**9


class Paper:
    """A memory that survives: what is written on it, and how often somebody wrote."""

    def __init__(self) -> None:
        self.noted = -1
        self.writes = 0
        self.torn = False

    def last(self) -> int:
        return self.noted

    def remember(self, last: int) -> None:
        if self.torn:
            raise NotSent("the paper is torn")
        self.noted = last
        self.writes += 1


@given(
    st.lists(
        st.tuples(st.integers(0, 5 * SECOND), st.integers(0, 3), st.none() | st.integers(0, 4 * SECOND)),
        max_size=20,
    )
)
def test_no_nonce_is_used_by_two_processes_whatever_the_clock_does(
    lives: list[tuple[int, int, int | None]],
) -> None:
    paper = Paper()
    used = [-1]
    for clock, count, noted in lives:  # each is a process of its own, killed without a warning
        nonces = Nonces(lambda now=clock: now, memory=paper)  # type: ignore[misc]
        if noted is not None:
            nonces.note(noted)
            used.append(max(used[-1], noted))
        for _ in range(count):
            used.append(nonces.take())
            assert used[-1] > used[-2]
        assert paper.noted >= used[-1]


def test_the_memory_is_written_before_a_nonce_is_used_and_once_a_second_at_most() -> None:
    paper = Paper()
    now = 0

    def clock() -> int:
        return now

    nonces = Nonces(clock, memory=paper)
    for now in range(0, 10 * SECOND, SECOND // 100):
        assert nonces.take() == now
        assert paper.noted >= now
    assert paper.writes <= 10


def test_a_clock_left_behind_is_not_left_further_behind_by_restarts() -> None:
    paper = Paper()
    for _ in range(100):
        assert Nonces(lambda: 0, memory=paper).take() <= SECOND + 100 * 1_001


def test_what_cannot_be_remembered_is_not_used() -> None:
    paper = Paper()
    nonces = Nonces(lambda: 5, memory=paper)
    paper.torn = True
    with pytest.raises(NotSent):
        nonces.take()
    with pytest.raises(NotSent):
        nonces.note(SECOND)
    paper.torn = False
    assert nonces.take() == SECOND + 1


def test_the_end_of_the_range_can_be_remembered() -> None:
    paper = Paper()
    assert Nonces(lambda: U64_MAX, memory=paper).take() == paper.noted == U64_MAX
    with pytest.raises(NonceError):
        Nonces(lambda: 0, memory=paper).take()


def test_a_client_goes_on_above_what_its_memory_holds() -> None:
    paper = Paper()
    paper.noted = 2 * 10**18
    _SHARED.pop(KEY, None)  # other tests' nonces
    core, peer = opened(nonce_memory=paper)
    core.place_orders([CancelAll()], 1.0)
    (request,) = peer.hear()
    assert int(request["request"]["payload"]["nonce"]) == 2 * 10**18 + 1 <= paper.noted
    paper.torn = True
    with pytest.raises(NotSent):
        core.place_orders([CancelAll()], 1.0, nonce=3 * 10**18)
    assert peer.hear() == []
    _SHARED.pop(KEY, None)
