"""The embedded index and what befalls it: killed processes, held locks, interrupts."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
import pytest

from musicsim_tui.errors import IndexFailure, IndexLocked
from musicsim_tui.index import process
from musicsim_tui.index.edge import EdgeIndex
from musicsim_tui.index.index import IndexPoint, SearchParams
from musicsim_tui.track import ModelVersion, TrackId
from tests.index.embedded import COLLECTION, MODEL, REPOSITORY, assert_holds, fill, points_in, vector_of

if TYPE_CHECKING:
    from musicsim_tui.index.index import PayloadValue

PATIENCE = 20.0

OWNER = """
import sys
from pathlib import Path
from uuid import UUID
import numpy as np
from musicsim_tui.index.edge import EdgeIndex
from musicsim_tui.index.index import IndexPoint
from musicsim_tui.track import ModelVersion

model = ModelVersion("mn04", 1, 16)
index = EdgeIndex.open(Path(sys.argv[1]))
index.ensure(model)
batch, number = 50, 0
while True:
    points = []
    for value in range(number, number + batch):
        vector = np.random.default_rng(value).normal(size=16).astype(np.float32)
        points.append(IndexPoint(id=UUID(int=value), vector=vector, payload={"title": str(value)}))
    index.upsert(model, points)
    number += batch
    print(number, index.worker_pid, flush=True)
"""


def _wait_for_end(pid: int) -> None:
    """Return when a process that is not our child has ended; fail after PATIENCE."""
    if not hasattr(os, "pidfd_open"):
        pytest.skip("only Linux can wait for a process that is not a child")
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], PATIENCE)[0], f"process {pid} still runs"
    finally:
        os.close(descriptor)


@pytest.fixture
def owner(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that opens the index and writes batches of 50 until it is killed."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield process
        process.kill()


def _acknowledged(owner: subprocess.Popen[str], batches: int) -> tuple[int, int]:
    """Points acknowledged after so many batches, and the worker's process id."""
    assert owner.stdout is not None
    line = ""
    for _ in range(batches):
        line = owner.stdout.readline()
    count, worker = line.split()
    return int(count), int(worker)


def test_everything_is_there_after_reopening(folder: Path) -> None:
    fill(folder, 700)
    with EdgeIndex.open(folder) as index:
        assert index.count(MODEL) == 700
        assert_holds(index, 700)


@pytest.mark.parametrize("exact", [False, True])
def test_search_compares_with_every_vector(folder: Path, exact: bool) -> None:
    """Whatever is asked for: of vectors that lie close together, none is missed that is nearer than a hit."""
    random = np.random.default_rng(0)
    model = ModelVersion("cnn14", 1, 256)
    vectors = (5 + 0.3 * random.standard_normal((4000, 256))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    points = [IndexPoint(TrackId(UUID(int=number)), vector, {}) for number, vector in enumerate(vectors)]
    stored = vectors.astype(np.float16).astype(np.float32)
    with EdgeIndex.open(folder) as index:
        index.ensure(model)
        index.upsert(model, points)
        for query in vectors[::200]:
            hits = index.search(model, query, SearchParams(limit=50, exact=exact))
            found = [hit.id.int for hit in hits]
            cosines = stored @ query
            assert len(set(found)) == 50
            assert cosines[found].min() > np.sort(cosines)[-50] - 2e-6


def test_payload_reaches_the_engine(folder: Path) -> None:
    import qdrant_edge

    payload: dict[str, PayloadValue] = {
        "title": "Für [b]Elise[/b]\udcff",
        "year": None,
        "duration": 61.5,
        "sounds": ["Piano"],
    }
    with EdgeIndex.open(folder) as index:
        index.ensure(MODEL)
        index.upsert(MODEL, [IndexPoint(id=TrackId(UUID(int=1)), vector=vector_of(1), payload=payload)])
    shard = qdrant_edge.EdgeShard.load(str(folder / COLLECTION / "shard"))
    try:
        (record,) = shard.retrieve([UUID(int=1)], True, False)
        assert record.payload == {**payload, "title": "Für [b]Elise[/b]\ufffd"}
    finally:
        shard.close()


@pytest.mark.parametrize("batches", [1, 7, 60])
def test_killed_worker_loses_no_acknowledged_point(folder: Path, batches: int) -> None:
    with EdgeIndex.open(folder) as index:
        index.ensure(MODEL)
        for batch in range(batches):
            index.upsert(MODEL, points_in(range(50 * batch, 50 * batch + 50)))
        index.delete(MODEL, [TrackId(UUID(int=49))])
        worker = index.worker_pid
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        _wait_for_end(worker)

        assert index.count(MODEL) == 50 * batches - 1
        assert_holds(index, 49)


def _failure_of_a_lost_worker(index: EdgeIndex) -> IndexFailure:
    """What a call raises in which the worker is killed."""
    worker = index.worker_pid
    assert worker is not None
    os.kill(worker, signal.SIGSTOP)
    failures: list[IndexFailure] = []

    def search() -> None:
        try:
            index.search(MODEL, vector_of(3), SearchParams())
        except IndexFailure as failure:
            failures.append(failure)

    caller = threading.Thread(target=search)
    caller.start()
    _wait_until_reading(caller)
    os.kill(worker, signal.SIGKILL)
    caller.join(PATIENCE)
    (failure,) = failures
    return failure


def test_worker_that_dies_inside_a_call_fails_that_call_only(folder: Path) -> None:
    with EdgeIndex.open(folder) as index:
        index.ensure(MODEL)
        index.upsert(MODEL, points_in(range(10)))
        failure = _failure_of_a_lost_worker(index)
        assert failure.title == "The search engine stopped unexpectedly (signal 9)."
        assert index.search(MODEL, vector_of(3), SearchParams(limit=1))[0].id == UUID(int=3)


def test_an_index_whose_worker_was_lost_closes(folder: Path) -> None:
    fill(folder)
    index = EdgeIndex.open(folder)
    _failure_of_a_lost_worker(index)
    index.close()
    with EdgeIndex.open(folder) as again:
        assert_holds(again, 300)


def _wait_until_reading(caller: threading.Thread) -> None:
    """Return when the thread's innermost frame waits for the worker's answer."""
    deadline = threading.Event()
    timer = threading.Timer(PATIENCE, deadline.set)
    timer.start()
    try:
        while not deadline.is_set():
            frame = sys._current_frames().get(caller.ident or 0)
            if frame is not None and frame.f_code.co_name == "receive_frame":
                return
        raise AssertionError("the call never reached the worker")
    finally:
        timer.cancel()


def test_killed_owner_frees_the_lock_and_loses_nothing(owner: subprocess.Popen[str], folder: Path) -> None:
    acknowledged, worker = _acknowledged(owner, 30)
    owner.kill()
    with EdgeIndex.open(folder, wait_for_lock=PATIENCE) as index:
        assert_holds(index, acknowledged)
    _wait_for_end(worker)


def test_worker_ends_with_its_owner(owner: subprocess.Popen[str]) -> None:
    _, worker = _acknowledged(owner, 1)
    owner.kill()
    _wait_for_end(worker)


def test_second_opener_is_told_who_holds_the_index(owner: subprocess.Popen[str], folder: Path) -> None:
    _acknowledged(owner, 1)
    with pytest.raises(IndexLocked, match=f"process {owner.pid}") as caught:
        EdgeIndex.open(folder, wait_for_lock=0.2)
    assert caught.value.hint


def test_lock_is_waited_for(folder: Path) -> None:
    first = EdgeIndex.open(folder)
    opened: list[EdgeIndex] = []
    waiting = threading.Thread(target=lambda: opened.append(EdgeIndex.open(folder, wait_for_lock=PATIENCE)))
    waiting.start()
    first.close()
    waiting.join(PATIENCE)
    assert len(opened) == 1
    opened[0].close()


def test_interrupt_leaves_the_worker_alone_and_the_index_usable(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EdgeIndex.open(folder) as index:
        index.ensure(MODEL)
        index.upsert(MODEL, points_in(range(5)))
        worker = index.worker_pid
        assert worker is not None
        os.kill(worker, signal.SIGINT)
        assert os.getsid(worker) == worker
        assert index.count(MODEL) == 5
        assert index.worker_pid == worker

        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr("musicsim_tui.index.process.receive_frame", interrupted)
            with pytest.raises(KeyboardInterrupt):
                index.count(MODEL)
        assert index.search(MODEL, vector_of(2), SearchParams(limit=1))[0].id == UUID(int=2)


def test_close_does_not_wait_for_a_stuck_call(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("musicsim_tui.index.edge.STOP_SECONDS", 0.2)
    index = EdgeIndex.open(folder)
    index.ensure(MODEL)
    worker = index.worker_pid
    assert worker is not None
    os.kill(worker, signal.SIGSTOP)
    failures: list[IndexFailure] = []

    def count() -> None:
        try:
            index.count(MODEL)
        except IndexFailure as failure:
            failures.append(failure)

    caller = threading.Thread(target=count)
    caller.start()
    _wait_until_reading(caller)
    index.close()
    caller.join(PATIENCE)
    assert [failure.title for failure in failures] == ["The index is closed."]


def test_nothing_is_printed(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fill(folder)
    (folder / COLLECTION / "collection.json").write_text("{")
    with EdgeIndex.open(folder) as index, pytest.raises(IndexFailure):
        index.count(MODEL)
    assert capfd.readouterr() == ("", "")


def test_engine_messages_go_to_the_log(folder: Path, tmp_path: Path) -> None:
    fill(folder)
    (folder / COLLECTION / "collection.json").write_text("{")
    log = tmp_path / "engine.log"
    with EdgeIndex.open(folder, log=log) as index, pytest.raises(IndexFailure):
        index.count(MODEL)
    assert "Damaged" in log.read_text()


def test_a_log_grown_long_is_begun_anew(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "new" / "engine.log"
    EdgeIndex.open(folder, log=log).close()
    log.write_text("old")
    EdgeIndex.open(folder, log=log).close()
    assert log.read_text() == "old"
    monkeypatch.setattr(process, "LONGEST_LOG_BYTES", 2)
    EdgeIndex.open(folder, log=log).close()
    assert log.read_text() == ""


def test_a_log_that_cannot_be_written_is_no_obstacle(folder: Path, tmp_path: Path) -> None:
    with EdgeIndex.open(folder, log=tmp_path) as index:
        assert index.count(MODEL) == 0
