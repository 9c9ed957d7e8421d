from __future__ import annotations

import threading
from pathlib import Path

import pytest

from musicsim_tui.index.lock import WriterLock


@pytest.mark.parametrize("file", [None, "folder/writer.lock"])
def test_one_thread_at_a_time_writes(tmp_path: Path, file: str | None) -> None:
    lock = WriterLock(None if file is None else tmp_path / file)
    assert lock.acquire()
    refused: list[bool] = []
    other = threading.Thread(target=lambda: refused.append(not lock.acquire()))
    other.start()
    other.join(10)
    assert refused == [True]
    lock.release()
    assert lock.acquire()
    lock.release()


def test_one_process_at_a_time_writes(tmp_path: Path) -> None:
    """The kernel tells two openings of a file apart, be they of one process or of two."""
    ours, theirs = WriterLock(tmp_path / "lock"), WriterLock(tmp_path / "lock")
    assert ours.acquire()
    assert not theirs.acquire()
    ours.release()
    assert theirs.acquire()
    theirs.release()


def test_a_disk_that_cannot_lock_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    lock = WriterLock(tmp_path / "lock")
    assert lock.acquire()
    lock.release()
