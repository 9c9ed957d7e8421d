from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from musicsim_tui.errors import CatalogError
from musicsim_tui.library import connection
from musicsim_tui.library.catalog import Catalog
from musicsim_tui.library.connection import Connections, explain
from tests.library.samples import REPOSITORY, SMALL, heard, track_id

# Stores batches of four tracks, numbered from the second argument on, and says after each what is stored.
STORE = """
import sys
from pathlib import Path
from musicsim_tui.library.catalog import Catalog
from musicsim_tui.track import Sound
from tests.library.samples import embedding, heard
first, batches = int(sys.argv[2]), int(sys.argv[3])
with Catalog.open(Path(sys.argv[1])) as catalog:
    for batch in range(batches):
        numbers = range(first + 4 * batch, first + 4 * batch + 4)
        catalog.store([
            heard(n, sounds=(Sound("Piano", 0.5, 0.0),), heard_as=embedding(n, windows=500)) for n in numbers
        ])
        print(numbers[-1], flush=True)
"""


@contextlib.contextmanager
def storing(path: Path, first: int, batches: int) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(
        [sys.executable, "-c", STORE, str(path), str(first), str(batches)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def rows(path: Path, statement: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute(statement).fetchall()


def assert_sound(path: Path) -> None:
    """Nothing is damaged, and no part of a track is without the others."""
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "PRAGMA foreign_key_check") == []
    counts = {
        table: rows(path, f"SELECT count(*) FROM {table}")[0][0]
        for table in ("tracks", "files", "waveforms", "embeddings", "means", "windows", "sounds")
    }
    assert len(set(counts.values())) == 1, counts


def test_a_process_killed_while_it_stores_loses_nothing_it_had_stored(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    for first, kill_after in ((1, 1), (10_001, 4), (20_001, 9)):
        with storing(path, first, 2000) as process:
            assert process.stdout is not None
            stored = [int(process.stdout.readline()) for _ in range(kill_after)][-1]
            process.kill()
            said = process.stdout.read().split()
            assert process.wait() == -signal.SIGKILL
        stored = max([stored, *map(int, said)])
        with Catalog.open(path) as catalog:
            for number in range(first, stored + 1):
                assert catalog.embedding(track_id(number), SMALL) is not None
            assert catalog.count() % 4 == 0
            catalog.store([heard(90_000 + first), *(heard(90_000 + first + n) for n in (1, 2, 3))])
            catalog.delete_tracks([track_id(90_000 + first + n) for n in range(4)])
        assert_sound(path)


def test_processes_that_store_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    with storing(path, 1, 25) as one, storing(path, 1001, 25) as two, Catalog.open(path) as catalog:
        for number in range(5001, 5026):
            catalog.store([heard(number)])
        assert [one.wait(100), two.wait(100)] == [0, 0]
        assert catalog.count() == 225
    assert rows(path, "SELECT count(*) FROM embeddings") == [(225,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_threads_that_store_and_list_at_once_lose_nothing(catalog: Catalog) -> None:
    broken: list[BaseException] = []
    counts: list[int] = []

    def work(first: int) -> None:
        try:
            for number in range(first, first + 20):
                catalog.store([heard(number)])
                counts.append(catalog.tracks().total)
        except BaseException as error:
            broken.append(error)

    threads = [threading.Thread(target=work, args=(1 + 100 * n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert broken == []
    assert catalog.count() == 120
    assert max(counts) == 120


def test_a_write_that_fails_leaves_nothing_behind_and_the_next_one_works(tmp_path: Path) -> None:
    connections = Connections(tmp_path / "library.db")

    def fail_half_way() -> None:
        with connections.write() as db:
            db.execute("INSERT INTO meta VALUES ('a', 'b')")
            raise KeyError

    with pytest.raises(KeyError):
        fail_half_way()
    with connections.write() as db:
        assert db.execute("SELECT count(*) FROM meta").fetchone() == (0,)
    connections.close()


def test_readers_cannot_write(tmp_path: Path) -> None:
    connections = Connections(tmp_path / "library.db")
    with pytest.raises(CatalogError), connections.read() as db:
        db.execute("INSERT INTO meta VALUES ('a', 'b')")
    connections.close()


def test_others_writes_are_noticed_and_ones_own_are_not(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    with Catalog.open(path) as mine, Catalog.open(path) as other:
        before = mine.data_version()
        mine.store([heard(1)])
        assert mine.count() == 1
        assert mine.data_version() == before
        other.store([heard(2)])
        after = mine.data_version()
        assert after != before
        assert mine.data_version() == after
        assert mine.count() == 2


def test_data_version_never_waits_for_a_writer(tmp_path: Path) -> None:
    connections = Connections(tmp_path / "library.db")
    before = connections.data_version()
    with connections.write():
        assert connections.data_version() == before
    connections.close()


def test_closing_leaves_one_file_and_can_be_done_twice_from_any_thread(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folders" / "library.db"
    catalog = Catalog.open(path)
    catalog.store([heard(1)])
    for _ in range(2):
        closer = threading.Thread(target=catalog.close)
        closer.start()
        closer.join(30)
        assert not closer.is_alive()
    assert [entry.name for entry in path.parent.iterdir()] == ["library.db"]


def test_a_closed_catalog_says_so(tmp_path: Path) -> None:
    catalog = Catalog.open(tmp_path / "library.db")
    catalog.store([heard(1)])
    stream = catalog.means(SMALL)
    catalog.close()
    calls: list[Callable[[], object]] = [
        catalog.count,
        lambda: catalog.store([heard(2)]),
        catalog.data_version,
        lambda: next(stream),
    ]
    for call in calls:
        with pytest.raises(CatalogError, match="closed"):
            call()


def test_closing_ends_a_long_read_in_another_thread(tmp_path: Path) -> None:
    connections = Connections(tmp_path / "library.db")
    reading = threading.Event()
    ended: list[CatalogError] = []

    def count_without_end() -> None:
        try:
            with connections.read() as db:
                db.create_function("started", 0, reading.set)
                db.execute(
                    "WITH RECURSIVE n(i) AS (SELECT started() UNION ALL SELECT i FROM n)"
                    " SELECT count(i) FROM n"
                ).fetchall()
        except CatalogError as error:
            ended.append(error)

    reader = threading.Thread(target=count_without_end)
    reader.start()
    assert reading.wait(30)
    connections.close()
    reader.join(30)
    assert not reader.is_alive()
    assert "closed" in ended[0].title


def test_a_library_kept_busy_is_given_up_on_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "library.db"
    monkeypatch.setattr(connection, "_WAIT", 0.0)
    with Catalog.open(path) as catalog, contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(CatalogError, match="busy") as refused:
            catalog.store([heard(1)])
        assert "other musicsim-tui" in refused.value.hint
        assert catalog.count() == 0
        db.execute("ROLLBACK")
        catalog.store([heard(1)])


def test_a_writer_that_waits_gets_its_turn(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    with (
        Catalog.open(path) as catalog,
        contextlib.closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as db,
    ):
        db.execute("BEGIN IMMEDIATE")
        writer = threading.Thread(target=catalog.store, args=([heard(1)],))
        writer.start()
        assert catalog.count() == 0
        db.execute("COMMIT")
        writer.join(30)
        assert catalog.count() == 1


def test_a_library_that_another_process_writes_opens_and_is_read(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    with Catalog.open(path) as catalog:
        catalog.store([heard(1)])
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO meta VALUES ('unfinished', 'yes')")
        with Catalog.open(path) as catalog:
            assert catalog.count() == 1


def test_a_full_disk_is_told_in_words_and_keeps_what_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    connections = Connections(path)
    with connections.write() as db:
        db.execute("INSERT INTO meta VALUES ('finished', 'yes')")
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages + 2}").fetchall()
    with pytest.raises(CatalogError, match="disk is full") as refused, connections.write() as db:
        db.execute("INSERT INTO meta VALUES ('large', ?)", ("x" * 1_000_000,))
    assert "Free some space" in refused.value.hint
    connections.close()
    with Catalog.open(path) as catalog:
        assert catalog.get_meta("finished") == "yes"
        assert catalog.get_meta("large") is None


def test_what_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    path.write_bytes(b"This is no database. " * 500)
    before = path.read_bytes()
    with pytest.raises(CatalogError, match="not a library"):
        Catalog.open(path)
    assert path.read_bytes() == before


def test_a_damaged_file_is_told_in_words(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    with Catalog.open(path) as catalog:
        catalog.store([heard(number) for number in range(1, 200)])
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xa5" * (len(content) - 8192)
    path.write_bytes(content)

    def use() -> None:
        with Catalog.open(path) as catalog:
            catalog.known_files(Path("/"))

    with pytest.raises(CatalogError, match="damaged") as refused:
        use()
    assert "ingest" in refused.value.hint


def test_a_library_that_is_deleted_while_open_is_not_replaced_by_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    with Catalog.open(path) as catalog:
        path.unlink()
        with pytest.raises(CatalogError, match="cannot be opened"):
            catalog.count()
        assert not path.exists()


def test_a_relative_path_means_where_it_was_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Catalog.open(Path("library #1?.db")) as catalog:
        monkeypatch.chdir("/")
        assert catalog.count() == 0
        assert catalog.path == tmp_path / "library #1?.db"


def test_damage_is_found_by_the_check(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    with Catalog.open(path) as catalog:
        catalog.store([heard(number) for number in range(1, 200)])
        assert catalog.check() == []
    content = bytearray(path.read_bytes())
    content[-4096:] = b"\xa5" * 4096
    path.write_bytes(content)
    with Catalog.open(path) as catalog:
        assert catalog.check() != []


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot be opened"):
        Catalog.open(tmp_path)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CatalogError, match="cannot be made"):
        Catalog.open(tmp_path / "file" / "deeper" / "library.db")


def test_a_read_only_library_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "library.db"
    Catalog.open(path).close()
    # Who is root may write everywhere; so the answer of the system is given here.
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(CatalogError, match="read-only") as refused:
        Catalog.open(path)
    assert "writable" in refused.value.hint


def test_a_write_refused_by_the_file_is_told_as_read_only(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    Catalog.open(path).close()
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        with pytest.raises(sqlite3.OperationalError) as refused:
            db.execute("INSERT INTO meta VALUES ('a', 'b')")
        assert "read-only" in explain(refused.value, path).title


@pytest.mark.parametrize(
    ("code", "usual"), [(sqlite3.SQLITE_IOERR | 19 << 8, "reports an error"), (14, "cannot be opened")]
)
def test_a_full_disk_is_told_whatever_sqlite_calls_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, usual: str
) -> None:
    """Without room for its shared memory or its log SQLite speaks of the disk, not of its room."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    path = tmp_path / "library.db"
    assert usual in explain(error, path).title
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    assert "the disk is full" in explain(error, path).title
    assert "space" in explain(error, path).hint


def test_a_library_in_a_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff\xfe") / "library.db"
    with Catalog.open(path) as catalog:
        catalog.store([heard(1)])
        assert catalog.path == path
        assert catalog.count() == 1
    str(explain(sqlite3.OperationalError("odd"), path)).encode("utf-8")


def test_many_objects_open_a_new_library_at_once(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    start = threading.Barrier(6)
    opened: list[Catalog] = []

    def work() -> None:
        start.wait(30)
        opened.append(Catalog.open(path))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for number, catalog in enumerate(opened):
        catalog.store([heard(number)])
    assert [catalog.count() for catalog in opened] == [6] * 6
    for catalog in opened:
        catalog.close()
