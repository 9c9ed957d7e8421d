"""What the worker makes of damaged files, full disks and work that was cut short."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest

from musicsim_tui.errors import IndexFailure
from musicsim_tui.index.edge import EdgeIndex
from musicsim_tui.index.index import IndexPoint
from musicsim_tui.index.record import read_record
from musicsim_tui.index.worker import FLUSH_POINTS, FLUSH_SECONDS, Engine
from musicsim_tui.track import ModelVersion, TrackId
from tests.index.embedded import COLLECTION, MODEL, assert_holds, fill, points_in, vector_of

Damage = Callable[[Path], None]


def _garble(file: Path) -> None:
    size = file.stat().st_size
    with file.open("r+b") as stream:
        stream.write(np.random.default_rng(3).bytes(min(size, 4096)))


def _halve(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _flip(place: int, bit: int) -> Damage:
    def flip(file: Path) -> None:
        content = bytearray(file.read_bytes())
        content[place] ^= 1 << bit
        file.write_bytes(content)

    return flip


def _written(text: str) -> Damage:
    def write(file: Path) -> None:
        file.write_text(text)

    return write


def _empty(file: Path) -> None:
    os.truncate(file, 0)


DAMAGES: dict[str, tuple[str, Damage]] = {
    "no ids": ("**/mutable_id_tracker.mappings", Path.unlink),
    "half the ids": (
        "**/mutable_id_tracker.mappings",
        _halve,
    ),
    "an id flipped": ("**/mutable_id_tracker.mappings", _flip(5, 0)),
    "a place flipped, far beyond the others": ("**/mutable_id_tracker.mappings", _flip(20, 2)),
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
    "record of other things": ("collection.json", _written('{"seals": {"x": 5}}')),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_is_noticed_and_can_be_rebuilt(folder: Path, kind: str) -> None:
    fill(folder)
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
        index.upsert(MODEL, points_in(range(30)))
        assert_holds(index, 30)
        assert index.count(MODEL) == 30


def test_damage_behind_the_first_points_is_met_in_the_end(folder: Path) -> None:
    ids = sorted(uuid4() for _ in range(1000))
    points = [IndexPoint(TrackId(id_), vector_of(number), {}) for number, id_ in enumerate(ids)]
    with EdgeIndex.open(folder) as index:
        index.ensure(MODEL)
        for some in (points[:200], points[200:]):
            index.upsert(MODEL, some)
    (stored,) = folder.glob("**/vectors/chunk_0.mmap")
    used = len(stored.read_bytes().rstrip(b"\0"))
    with stored.open("r+b") as stream:
        stream.seek(used // 5)
        stream.write(bytes(used - used // 5))
    assert any(_found_damaged(folder) for _ in range(50))


def _found_damaged(folder: Path) -> bool:
    with EdgeIndex.open(folder) as index:
        try:
            index.count(MODEL)
        except IndexFailure as failure:
            return "damaged" in failure.title
    return False


def test_damage_of_one_model_leaves_the_others(folder: Path) -> None:
    other = ModelVersion("builtin", 3, 16)
    fill(folder)
    with EdgeIndex.open(folder) as index:
        index.ensure(other)
    (folder / "musicsim_builtin_v3" / "collection.json").unlink()
    with EdgeIndex.open(folder) as index:
        with pytest.raises(IndexFailure, match="damaged"):
            index.ensure(other)
        assert_holds(index, 300)


def test_leftovers_of_cut_short_work_are_removed(folder: Path) -> None:
    fill(folder)
    leftovers = [folder / f".{COLLECTION}.new", folder / f".{COLLECTION}.dropped"]
    leftovers.append(folder / COLLECTION / "shard" / "temp_segments")
    for leftover in leftovers:
        (leftover / "deep").mkdir(parents=True)
    with EdgeIndex.open(folder) as index:
        assert_holds(index, 300)
        assert not any(leftover.exists() for leftover in leftovers)


def test_writing_leaves_space_on_the_disk(folder: Path) -> None:
    fill(folder)
    with EdgeIndex.open(folder, reserve=2**62) as index:
        for call in (lambda: index.upsert(MODEL, points_in(range(1))), lambda: index.count(MODEL)):
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
    body = memoryview(UUID(int=1).bytes + vector_of(1).tobytes())
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


NOTHING = memoryview(b"")


def _upserted(engine: Engine, count: int) -> None:
    ids = b"".join(UUID(int=number).bytes for number in range(count))
    vectors = b"".join(vector_of(number).tobytes() for number in range(count))
    header = {"op": "upsert", "collection": COLLECTION, "dimensions": 16, "payloads": [{}] * count}
    engine.answer(header, memoryview(ids + vectors))


@pytest.fixture
def engine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine in this process, with an empty collection."""
    folder.mkdir()
    monkeypatch.chdir(folder)
    opened = Engine(reserve=0, free_space=lambda: 2**40)
    opened.answer({"op": "ensure", "collection": COLLECTION, "dimensions": 16}, NOTHING)
    yield opened
    opened.close()


def test_many_points_are_flushed_at_once(engine: Engine) -> None:
    _upserted(engine, FLUSH_POINTS - 1)
    assert read_record(Path(COLLECTION)).at_least == 0
    _upserted(engine, FLUSH_POINTS)
    assert read_record(Path(COLLECTION)).at_least == FLUSH_POINTS


def test_few_points_are_flushed_soon(engine: Engine) -> None:
    _upserted(engine, 5)
    due = engine.seconds_to_flush
    assert due is not None
    assert due <= FLUSH_SECONDS
    engine.flush()
    assert engine.seconds_to_flush is None
    assert read_record(Path(COLLECTION)).at_least == 5


def test_deleted_points_are_not_missed(engine: Engine) -> None:
    _upserted(engine, 5)
    engine.flush()
    ids = memoryview(b"".join(UUID(int=number).bytes for number in (0, 1, 99)))
    engine.answer({"op": "delete", "collection": COLLECTION}, ids)
    assert read_record(Path(COLLECTION)).at_least <= 3
    engine.flush()
    assert read_record(Path(COLLECTION)).at_least == 3
