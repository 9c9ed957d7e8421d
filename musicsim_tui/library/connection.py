"""Connections to the catalog's file: one that writes, under a lock, and a pool of those that read."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from musicsim_tui.errors import CatalogError
from musicsim_tui.jobs import Cancelled, CancelToken
from musicsim_tui.library.schema import identify, migrate

_WAIT = 30.0
"""Seconds to wait for another process that writes."""
_POLL_MS = 500
"""Milliseconds SQLite waits at a time; in between, a close from another thread is noticed."""
_PAUSE = 0.005
"""Seconds between attempts: some locks are refused at once, without SQLite's own waiting."""
_READER_WAIT_MS = 10_000
_READER_CACHE_KIB = 16_384
_LARGEST_IDLE_WAL = 64 * 1024 * 1024
_IDLE_READERS = 4
_LEAST_ROOM = 64 * 1024
"""Bytes on the disk without which SQLite cannot begin: its shared memory alone takes half of that."""
_STEPS_BETWEEN_LOOKS = 50_000
"""Steps of SQLite's machine, some milliseconds of them, between two looks at the token of a reader."""


class Connections:
    """Several threads may use one object; it can be closed from any of them.

    Every transaction begins by hand: writers with BEGIN IMMEDIATE, so that a busy file is met at the start
    and never half way; readers see one snapshot, fetch and end at once, because an open one keeps the
    write-ahead log from shrinking.
    """

    def __init__(self, path: Path) -> None:
        # Readers are opened later, perhaps in another working directory.
        self.path = path.absolute()
        self._write_lock = threading.Lock()
        self._pool = threading.Condition()
        self._idle: list[sqlite3.Connection] = []
        self._borrowed: set[sqlite3.Connection] = set()
        self._closed = False
        self._seen_version = 0
        self._writer = _open_writer(self.path)

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction, committed when the block ends and rolled back when it raises. Not reentrant."""
        with self._write_lock, _in_words(self.path):
            self._check_open()
            _until_free(lambda: self._writer.execute("BEGIN IMMEDIATE"), self._check_open)
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def read(self, cancel: CancelToken | None = None) -> Iterator[sqlite3.Connection]:
        """A snapshot to read from; fetch everything inside the block, and never write inside it.

        Raises Cancelled, in the middle of a statement too, soon after the token was cancelled.
        """
        with _in_words(self.path):
            reader = self._borrow()
            try:
                if cancel is not None:
                    cancel.check()
                    reader.set_progress_handler(lambda: cancel.cancelled, _STEPS_BETWEEN_LOOKS)
                reader.execute("BEGIN")
                yield reader
            except sqlite3.OperationalError as error:
                if cancel is not None and cancel.cancelled and _code(error) == sqlite3.SQLITE_INTERRUPT:
                    raise Cancelled from error
                raise
            finally:
                if cancel is not None:
                    reader.set_progress_handler(None, 0)
                self._give_back(reader)

    def data_version(self) -> int:
        """A number that changes when another process, or another object, has written. Never waits."""
        if self._write_lock.acquire(blocking=False):
            try:
                with _in_words(self.path):
                    self._check_open()
                    (self._seen_version,) = self._writer.execute("PRAGMA data_version").fetchone()
            finally:
                self._write_lock.release()
        return self._seen_version

    def reclaim(self, pages: int) -> bool:
        """Give up to `pages` unused pages at the end of the file back to the disk; whether there are more."""
        with self._write_lock, _in_words(self.path):
            self._check_open()
            (before,) = self._writer.execute("PRAGMA freelist_count").fetchone()
            # A script, outside a transaction: a single statement would stop after its first page.
            script = f"PRAGMA incremental_vacuum({int(pages)});"
            _until_free(lambda: self._writer.executescript(script), self._check_open)
            (after,) = self._writer.execute("PRAGMA freelist_count").fetchone()
        # A file that was rebuilt by other means may be unable to shrink.
        return bool(0 < after < before)

    def check(self) -> list[str]:
        """What SQLite finds wrong with the file; it may stop at the first damage. Empty when all is well."""
        with self.read() as reader:
            try:
                found = [str(row[0]) for row in reader.execute("PRAGMA quick_check")]
            except sqlite3.DatabaseError as error:
                if _code(error) != sqlite3.SQLITE_CORRUPT:
                    raise
                found = [str(error)]
        return [] if found == ["ok"] else found

    def close(self) -> None:
        """End readers, wait for the write in progress, move the log into the file, close all. Idempotent."""
        with self._pool:
            self._closed = True
            for reader in self._borrowed:
                reader.interrupt()
            while self._idle:
                self._idle.pop().close()
            self._pool.wait_for(lambda: not self._borrowed, timeout=_WAIT)
        with self._write_lock, contextlib.closing(self._writer), contextlib.suppress(sqlite3.Error):
            # What another process keeps from being moved now, the last to close moves.
            self._writer.execute("PRAGMA busy_timeout = 0")
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _check_open(self) -> None:
        if self._closed:
            raise CatalogError("The library is closed.", "Open it again.")

    def _borrow(self) -> sqlite3.Connection:
        with self._pool:
            self._check_open()
            reader = self._idle.pop() if self._idle else _open_reader(self.path)
            self._borrowed.add(reader)
        return reader

    def _give_back(self, reader: sqlite3.Connection) -> None:
        with self._pool:
            try:
                if reader.in_transaction:
                    reader.execute("ROLLBACK")
            finally:
                self._borrowed.discard(reader)
                if self._closed or len(self._idle) >= _IDLE_READERS or reader.in_transaction:
                    reader.close()
                else:
                    self._idle.append(reader)
                self._pool.notify_all()


def _open_writer(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CatalogError(
            f"The library's folder {_shown(path.parent)} cannot be made: {error.strerror}.",
            "Choose a folder you may write to with --data-dir or MUSICSIM_DATA_DIR.",
        ) from error
    if not all(os.access(part, os.W_OK) for part in (path, path.parent) if os.path.exists(part)):
        raise _read_only(path)
    with _in_words(path):
        writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_POLL_MS / 1000)
        try:
            _until_free(lambda: identify(writer))
            _until_free(lambda: _let_shrink(writer))
            # A file system without shared memory keeps the rollback journal: slower, as safe.
            _until_free(lambda: writer.execute("PRAGMA journal_mode = WAL").fetchall())
            (mode,) = writer.execute("PRAGMA journal_mode").fetchone()
            writer.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'wal' else 'FULL'}")
            writer.execute("PRAGMA foreign_keys = ON")
            writer.execute(f"PRAGMA journal_size_limit = {_LARGEST_IDLE_WAL}").fetchall()
            _until_free(lambda: migrate(writer))
        except BaseException:
            writer.close()
            raise
    return writer


def _let_shrink(writer: sqlite3.Connection) -> None:
    """Let dropped models give back space: takes effect in a new file only, before its first table, and would
    wait for whoever writes to any other."""
    (version,) = writer.execute("PRAGMA user_version").fetchone()
    if not version:
        writer.execute("PRAGMA auto_vacuum = INCREMENTAL")


def _open_reader(path: Path) -> sqlite3.Connection:
    # A file that has gone in the meantime is an error, not a reason for an empty one.
    address = f"file:{quote(os.fsencode(path))}?mode=rw"
    reader = sqlite3.connect(
        address, uri=True, isolation_level=None, check_same_thread=False, timeout=_READER_WAIT_MS / 1000
    )
    try:
        reader.execute("PRAGMA query_only = ON")
        reader.execute(f"PRAGMA cache_size = -{_READER_CACHE_KIB}")
    except BaseException:
        reader.close()
        raise
    return reader


def _until_free(attempt: Callable[[], object], check: Callable[[], None] = lambda: None) -> None:
    """Repeat `attempt` while another process holds the file, for a bounded time."""
    deadline = time.monotonic() + _WAIT
    while True:
        check()
        try:
            attempt()
        except sqlite3.OperationalError as error:
            if (
                _code(error) not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
                or time.monotonic() > deadline
            ):
                raise
            time.sleep(_PAUSE)
        else:
            return


@contextlib.contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise explain(error, path) from error


def explain(error: sqlite3.Error, path: Path) -> CatalogError:
    """What an error of SQLite means to the person whose library it is."""
    code = _code(error)
    if code in _PERHAPS_FULL and _is_full(path.parent):
        code = sqlite3.SQLITE_FULL
    if code == sqlite3.SQLITE_READONLY:
        return _read_only(path)
    if code == sqlite3.SQLITE_INTERRUPT:
        return CatalogError("The library was closed while it was being read.", "Open it again.")
    title, hint = _MEANINGS.get(
        code, (f"could not be used: {error}", "Run musicsim-tui doctor; the file itself may be in order.")
    )
    return CatalogError(f"The library {_shown(path)} {title}.", hint)


_MEANINGS = {
    sqlite3.SQLITE_FULL: (
        "could not be written: the disk is full",
        "Free some space and start again; everything finished is kept.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "is damaged",
        "Restore a copy of it, or move it away and hear the music again with musicsim-tui ingest.",
    ),
    sqlite3.SQLITE_NOTADB: (
        "is not a library: something else has its name",
        "Move the file away, or point --data-dir at another folder.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened",
        "Check that it is a file, in a folder that exists and that you may read and write.",
    ),
    sqlite3.SQLITE_BUSY: (
        "is kept busy by another program",
        "Wait for the other musicsim-tui to finish, or stop it, and try again.",
    ),
    sqlite3.SQLITE_LOCKED: (
        "is kept busy by another program",
        "Wait for the other musicsim-tui to finish, or stop it, and try again.",
    ),
    sqlite3.SQLITE_IOERR: (
        "could not be read or written: the disk reports an error",
        "Check the disk and its free space; on a network share, keep the library on a local disk.",
    ),
    sqlite3.SQLITE_PROTOCOL: (
        "cannot be locked on this file system",
        "Keep the library on a local disk: point --data-dir or MUSICSIM_DATA_DIR there.",
    ),
}


_PERHAPS_FULL = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
"""What SQLite says when not even its shared memory or its log find room."""


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _LEAST_ROOM
    except OSError:
        return False


def _read_only(path: Path) -> CatalogError:
    return CatalogError(
        f"The library {_shown(path)} is read-only.",
        "Make the file and its folder writable, or point --data-dir at another folder.",
    )


def _shown(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "replace")


def _code(error: sqlite3.Error) -> int:
    """The primary result code; 0 for errors of the Python module itself."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
