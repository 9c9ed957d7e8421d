"""The embedded index and what befalls it: killed processes, full disks, damaged files, missing streams."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import pytest

from musicsim_tui.errors import IndexFailure, IndexLocked
from musicsim_tui.index.edge import EdgeIndex
from musicsim_tui.index.index import IndexPoint, SearchParams
from musicsim_tui.index.process import WorkerLost, explain_loss
from musicsim_tui.index.worker import Engine
from musicsim_tui.track import ModelVersion, TrackId

if TYPE_CHECKING:
    from musicsim_tui.index.index import PayloadValue

MODEL = ModelVersion("mn04", 1, 16)
COLLECTION = "musicsim_mn04_v1"
PATIENCE = 20.0
REPOSITORY = Path(__file__).parents[2]

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


def _vector(number: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(number).normal(size=MODEL.dimensions).astype(np.float32)


def _points(numbers: range) -> list[IndexPoint]:
    return [
        IndexPoint(id=TrackId(UUID(int=number)), vector=_vector(number), payload={"title": str(number)})
        for number in numbers
    ]


def _fill(folder: Path, count: int = 300) -> None:
    with EdgeIndex.open(folder) as index:
        index.ensure(MODEL)
        index.upsert(MODEL, _points(range(count)))


def _assert_holds(index: EdgeIndex, count: int) -> None:
    """Every point up to `count` is there and found by its own vector."""
    assert set(index.ids(MODEL)) >= {UUID(int=number) for number in range(count)}
    for number in range(0, count, max(1, count // 20)):
        best = index.search(MODEL, _vector(number), SearchParams(limit=1))[0]
        assert best.id == UUID(int=number)
        assert best.score == pytest.approx(1, abs=2e-3)


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
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


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
    _fill(folder, 700)
    with EdgeIndex.open(folder) as index:
        assert index.count(MODEL) == 700
        _assert_holds(index, 700)


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
        index.upsert(MODEL, [IndexPoint(id=TrackId(UUID(int=1)), vector=_vector(1), payload=payload)])
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
            index.upsert(MODEL, _points(range(50 * batch, 50 * batch + 50)))
        index.delete(MODEL, [TrackId(UUID(int=49))])
        worker = index.worker_pid
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        _wait_for_end(worker)

        assert index.count(MODEL) == 50 * batches - 1
        _assert_holds(index, 49)


def test_worker_that_dies_inside_a_call_fails_that_call_only(folder: Path) -> None:
    with EdgeIndex.open(folder) as index:
        index.ensure(MODEL)
        index.upsert(MODEL, _points(range(10)))
        worker = index.worker_pid
        assert worker is not None
        os.kill(worker, signal.SIGSTOP)
        failures: list[IndexFailure] = []
        started = threading.Event()

        def search() -> None:
            started.set()
            try:
                index.search(MODEL, _vector(3), SearchParams())
            except IndexFailure as failure:
                failures.append(failure)

        caller = threading.Thread(target=search)
        caller.start()
        started.wait(PATIENCE)
        _wait_until_reading(caller)
        os.kill(worker, signal.SIGKILL)
        caller.join(PATIENCE)

        (failure,) = failures
        assert failure.title == "The search engine stopped unexpectedly (signal 9)."
        assert index.search(MODEL, _vector(3), SearchParams(limit=1))[0].id == UUID(int=3)


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
        _assert_holds(index, acknowledged)
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
        index.upsert(MODEL, _points(range(5)))
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
        assert index.search(MODEL, _vector(2), SearchParams(limit=1))[0].id == UUID(int=2)


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


Damage = Callable[[Path], None]


def _garble(file: Path) -> None:
    size = file.stat().st_size
    with file.open("r+b") as stream:
        stream.write(np.random.default_rng(3).bytes(min(size, 4096)))


def _halve(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _empty(file: Path) -> None:
    os.truncate(file, 0)


DAMAGES: dict[str, tuple[str, Damage]] = {
    "no ids": ("**/mutable_id_tracker.mappings", Path.unlink),
    "half the ids": (
        "**/mutable_id_tracker.mappings",
        _halve,
    ),
    "no version": ("**/version.info", Path.unlink),
    "no vectors": ("**/vectors/chunk_0.mmap", Path.unlink),
    "vectors cut off": ("**/vectors/chunk_0.mmap", _empty),
    "vectors garbled": ("**/vectors/chunk_0.mmap", _garble),
    "no vector status": ("**/vectors/status.dat", Path.unlink),
    "panicking": ("**/deleted/status.dat", _empty),
    "segment garbled": ("**/segment.json", _garble),
    "payload lost": ("**/payload_storage/page_0.dat", Path.unlink),
    "log garbled": ("**/wal/first-index", _empty),
    "no record": ("collection.json", Path.unlink),
    "record garbled": ("collection.json", _garble),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_is_noticed_and_can_be_rebuilt(folder: Path, kind: str) -> None:
    _fill(folder)
    pattern, damage = DAMAGES[kind]
    (file,) = (folder / COLLECTION).glob(pattern)
    damage(file)

    with EdgeIndex.open(folder) as index:
        for _ in range(2):
            with pytest.raises(IndexFailure, match="damaged") as caught:
                index.count(MODEL)
            assert "musicsim-tui index rebuild" in caught.value.hint
        index.drop(MODEL)
        index.ensure(MODEL)
        index.upsert(MODEL, _points(range(30)))
        _assert_holds(index, 30)
        assert index.count(MODEL) == 30


def test_damage_of_one_model_leaves_the_others(folder: Path) -> None:
    other = ModelVersion("builtin", 3, 16)
    _fill(folder)
    with EdgeIndex.open(folder) as index:
        index.ensure(other)
    (folder / "musicsim_builtin_v3" / "collection.json").unlink()
    with EdgeIndex.open(folder) as index:
        with pytest.raises(IndexFailure, match="damaged"):
            index.ensure(other)
        _assert_holds(index, 300)


def test_leftovers_of_cut_short_work_are_removed(folder: Path) -> None:
    _fill(folder)
    leftovers = [folder / f".{COLLECTION}.new", folder / f".{COLLECTION}.dropped"]
    leftovers.append(folder / COLLECTION / "shard" / "temp_segments")
    for leftover in leftovers:
        (leftover / "deep").mkdir(parents=True)
    with EdgeIndex.open(folder) as index:
        _assert_holds(index, 300)
        assert not any(leftover.exists() for leftover in leftovers)


def test_writing_leaves_space_on_the_disk(folder: Path) -> None:
    _fill(folder)
    with EdgeIndex.open(folder, reserve=2**62) as index:
        for call in (lambda: index.upsert(MODEL, _points(range(1))), lambda: index.count(MODEL)):
            with pytest.raises(IndexFailure, match="full") as caught:
                call()
            assert "Free some space" in caught.value.hint
        index.drop(MODEL)


def test_disk_that_fills_between_batches(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    monkeypatch.chdir(folder)
    free = 10**9
    engine = Engine(reserve=10**6, free_space=lambda: free)
    ensure = {"op": "ensure", "collection": COLLECTION, "dimensions": 16}
    upsert = {"op": "upsert", "collection": COLLECTION, "dimensions": 16, "payloads": [{}]}
    body = memoryview(UUID(int=1).bytes + _vector(1).tobytes())
    try:
        engine.answer(ensure, memoryview(b""))
        engine.answer(upsert, body)
        free = 10**6
        with pytest.raises(IndexFailure, match=r"full \(0 MB left\)"):
            engine.answer(upsert, body)
        free = 10**9
        engine.answer(upsert, body)
        assert engine.answer({"op": "count", "collection": COLLECTION}, memoryview(b""))[0] == {"count": 1}
    finally:
        engine.close()


@pytest.mark.parametrize(
    ("reserve", "said"), [(0, "damaged"), (2**62, "full")], ids=["space left", "no space left"]
)
def test_bus_error_means_a_full_disk_or_shortened_files(tmp_path: Path, reserve: int, said: str) -> None:
    failure = explain_loss(WorkerLost(-signal.SIGBUS), tmp_path, COLLECTION, reserve)
    assert said in failure.title


def test_folder_that_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    with pytest.raises(IndexFailure, match="cannot be used"):
        EdgeIndex.open(file)


@pytest.mark.parametrize("name", ["with space", "Übung 音", "line\nbreak", "bad\udcff"])
def test_folder_of_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("the file system refuses such names")
    _fill(folder)
    with EdgeIndex.open(folder) as index:
        _assert_holds(index, 300)


def test_nothing_is_printed(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _fill(folder)
    (folder / COLLECTION / "collection.json").write_text("{")
    with EdgeIndex.open(folder) as index, pytest.raises(IndexFailure):
        index.count(MODEL)
    assert capfd.readouterr() == ("", "")


def test_engine_messages_go_to_the_log(folder: Path, tmp_path: Path) -> None:
    _fill(folder)
    (folder / COLLECTION / "collection.json").write_text("{")
    log = tmp_path / "engine.log"
    with EdgeIndex.open(folder, log=log) as index, pytest.raises(IndexFailure):
        index.count(MODEL)
    assert "Damaged" in log.read_text()


WITHOUT_STREAMS = """
import os, sys
for descriptor in (0, 1, 2):
    os.close(descriptor)
from pathlib import Path
from uuid import UUID
import numpy as np
from musicsim_tui.index.edge import EdgeIndex
from musicsim_tui.index.index import IndexPoint
from musicsim_tui.track import ModelVersion

model = ModelVersion("mn04", 1, 4)
with EdgeIndex.open(Path(sys.argv[1])) as index:
    index.ensure(model)
    index.upsert(model, [IndexPoint(id=UUID(int=1), vector=np.ones(4, dtype=np.float32), payload={})])
    counted = index.count(model)
Path(sys.argv[2]).write_text(str(counted))
"""


def test_works_without_standard_streams(folder: Path, tmp_path: Path) -> None:
    result = tmp_path / "result"
    subprocess.run(
        [sys.executable, "-c", WITHOUT_STREAMS, str(folder), str(result)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        timeout=60,
        check=True,
    )
    assert result.read_text() == "1"


def test_worker_imports_no_more_than_it_needs() -> None:
    code = (
        "import sys; import musicsim_tui.index.worker;"
        "print([name for name in ('numpy', 'qdrant_client', 'torch', 'textual') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
