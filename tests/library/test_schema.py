from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from musicsim_tui.errors import CatalogError
from musicsim_tui.library.catalog import Catalog
from musicsim_tui.library.schema import APPLICATION_ID, MIGRATIONS, identify, migrate


@contextlib.contextmanager
def connected(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def version(path: Path) -> tuple[int, int]:
    with connected(path) as db:
        (user,) = db.execute("PRAGMA user_version").fetchone()
        (application,) = db.execute("PRAGMA application_id").fetchone()
    return user, application


def test_an_empty_file_becomes_a_catalog(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    path.touch()
    Catalog.open(path).close()
    assert version(path) == (len(MIGRATIONS), APPLICATION_ID)


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    with Catalog.open(path) as catalog:
        catalog.set_meta("model", "mn04")
    with Catalog.open(path) as catalog:
        assert catalog.get_meta("model") == "mn04"


def test_each_step_runs_once_and_keeps_what_is_there(tmp_path: Path) -> None:
    first = ["CREATE TABLE songs (name TEXT)"]
    second = ["ALTER TABLE songs ADD COLUMN artist TEXT", "UPDATE songs SET artist = 'unknown'"]
    with connected(tmp_path / "library.db") as db:
        migrate(db, [first])
        db.execute("INSERT INTO songs VALUES ('Arpanauts')")
        migrate(db, [first, second])
        migrate(db, [first, second])
        assert db.execute("SELECT * FROM songs").fetchall() == [("Arpanauts", "unknown")]
        assert db.execute("PRAGMA user_version").fetchone() == (2,)


def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    first = ["CREATE TABLE songs (name TEXT)"]
    with connected(tmp_path / "library.db") as db:
        migrate(db, [first])
        with pytest.raises(sqlite3.OperationalError):
            migrate(db, [first, ["DROP TABLE songs", "DROP TABLE no_such_table"]])
        assert not db.in_transaction
        assert db.execute("SELECT count(*) FROM songs").fetchone() == (0,)
        assert db.execute("PRAGMA user_version").fetchone() == (1,)


def test_a_newer_catalog_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    Catalog.open(path).close()
    with connected(path) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = path.read_bytes()
    with pytest.raises(CatalogError, match="newer musicsim-tui") as refused:
        Catalog.open(path)
    assert "Update" in refused.value.hint
    assert path.read_bytes() == before


def test_the_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "places.sqlite"
    with connected(path) as db:
        db.execute("CREATE TABLE bookmarks (url TEXT)")
    before = path.read_bytes()
    with pytest.raises(CatalogError, match="another program"):
        Catalog.open(path)
    assert path.read_bytes() == before


def test_identify_accepts_an_older_catalog(tmp_path: Path) -> None:
    with connected(tmp_path / "library.db") as db:
        migrate(db, [["CREATE TABLE songs (name TEXT)"]])
        identify(db, [["one"], ["two"]])
