"""The nonce file: rising across restarts, kills, broken content; never shared by two processes."""

from __future__ import annotations

import gc
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

import bulk_anyio
import bulk_sync
from bulk_proto.errors import NotSent, UsageError
from bulk_proto.signing import Nonces
from bulk_sync.nonce_file import NonceFile, open_nonce_file

LOG = logging.getLogger("bulk_proto")
ADDRESS = "ws://127.0.0.1:9"  # nobody connects here

# Takes nonces as fast as it can from a clock that stands still, so that the file alone keeps them apart.
TAKER = """
import logging, os, sys
from bulk_proto.signing import Nonces
from bulk_sync.nonce_file import open_nonce_file
nonces = Nonces(lambda: 0, memory=open_nonce_file(sys.argv[1], logging.getLogger()))
while True:
    os.write(1, b"%d\\n" % nonces.take())
"""


@contextmanager
def taker(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that uses the file."""
    command = [sys.executable, "-c", TAKER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "nonce"
    gc.collect()


def test_a_missing_file_is_an_empty_memory_and_a_written_one_is_read_again(path: Path) -> None:
    memory = open_nonce_file(path, LOG)
    assert memory.last() == -1
    memory.remember(17)
    assert path.read_bytes() == b"17\n"
    del memory
    gc.collect()
    assert open_nonce_file(path, LOG).last() == 17


def test_a_number_in_the_file_never_falls(path: Path) -> None:
    memory = open_nonce_file(path, LOG)
    memory.remember(17)
    memory.remember(16)
    assert path.read_bytes() == b"17\n"


def test_clients_of_one_process_share_the_file(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(path)
    first = open_nonce_file(str(path), LOG)
    assert open_nonce_file(tmp_path / "link", LOG) is first


@pytest.mark.parametrize(
    "content", [b"", b"17", b"-1\n", b"x\n", b"17\n18\n", b"9" * 20 + b"\n", b"\0" * 4096]
)
def test_broken_content_is_reported_and_replaced(
    path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(content)
    memory = open_nonce_file(path, LOG)
    assert memory.last() == -1
    assert "holds no number" in caplog.text
    assert Nonces(lambda: 5, memory=memory).take() == 5
    assert int(path.read_bytes()) > 5


def test_a_process_killed_at_any_moment_reuses_no_nonce(path: Path) -> None:
    taken: list[int] = []
    for lines in (1, 5, 300, 1_500, 2_800):
        with taker(path) as process:
            assert process.stdout is not None
            taken += [int(process.stdout.readline()) for _ in range(lines)]
            process.send_signal(signal.SIGKILL)
            taken += [int(line) for line in process.stdout.read().splitlines(True) if line.endswith(b"\n")]
    assert all(later > earlier for earlier, later in pairwise(taken))


def test_a_second_process_is_refused_until_the_first_has_ended(path: Path) -> None:
    with taker(path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(UsageError, match="in use by another process"):
            open_nonce_file(path, LOG)
    assert open_nonce_file(path, LOG).last() > 0


@pytest.mark.parametrize("client", [bulk_anyio.BulkWebSocketClient, bulk_sync.BulkWebSocketClient])
def test_a_client_holds_its_file_as_long_as_it_exists(
    client: type[bulk_anyio.BulkWebSocketClient] | type[bulk_sync.BulkWebSocketClient], path: Path
) -> None:
    path.write_bytes(b"17\n")
    one = client(ADDRESS, nonce_file=path)
    assert one.core.config.nonce_memory is open_nonce_file(path, LOG)
    with taker(path) as process:
        assert process.stderr is not None
        assert b"in use by another process" in process.stderr.read()
    del one
    gc.collect()
    with taker(path) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) == 18


@pytest.mark.parametrize("client", [bulk_anyio.BulkWebSocketClient, bulk_sync.BulkWebSocketClient])
def test_a_file_that_cannot_be_used_is_refused_by_the_constructor(
    client: type[bulk_anyio.BulkWebSocketClient] | type[bulk_sync.BulkWebSocketClient], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="No such file or directory"):
        client(ADDRESS, nonce_file=tmp_path / "none" / "nonce")
    with pytest.raises(UsageError, match="Is a directory"):
        client(ADDRESS, nonce_file=tmp_path)


def test_a_file_that_cannot_be_written_lets_no_nonce_out(path: Path) -> None:
    memory = open_nonce_file(path, LOG)
    nonces = Nonces(lambda: 5, memory=memory)
    (path.parent / "nonce.new").mkdir()
    with pytest.raises(NotSent, match="nothing was sent"):
        nonces.take()
    (path.parent / "nonce.new").rmdir()
    assert nonces.take() == 6


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_uses_neither_the_memory_nor_the_file(path: Path) -> None:
    memory = open_nonce_file(path, LOG)
    child = os.fork()
    if child == 0:
        os._exit(refusals(memory, path))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    memory.remember(17)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_that_lives_on_does_not_keep_the_file(path: Path) -> None:
    memory = open_nonce_file(path, LOG)
    memory.remember(17)
    end, release = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(release)
        os.read(end, 1)
        os._exit(0)
    del memory
    gc.collect()
    with taker(path) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) == 18
    os.close(release)
    os.waitpid(child, 0)
    os.close(end)


def refusals(memory: NonceFile, path: Path) -> int:
    count = 0
    try:
        memory.remember(17)
    except NotSent:
        count += 1
    try:
        open_nonce_file(path, LOG)
    except UsageError:
        count += 1
    return count
