"""Puts a file of weights in place: checked, complete and at once, or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

from musicsim_tui.embedding.transfer import OTHER_WAYS, Patience, Transfer, require_safe_address, write_all
from musicsim_tui.embedding.weights import (
    CHUNK_BYTES,
    WeightsFile,
    find_weights,
    verify_handle,
    verify_weights,
)
from musicsim_tui.errors import ModelError, StorageError
from musicsim_tui.jobs import CancelToken, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import FileIO

_FREE_BYTES_TO_LEAVE = 16 << 20


class Installation:
    """One run of installing `file` into `models_dir`.

    Everything is written to `<file name>.part`, whose lock keeps two processes apart; a finished part is
    renamed. A part left by an interrupted download is continued by the next; where that gives other weights,
    they are fetched once more from the beginning.
    """

    def __init__(
        self,
        file: WeightsFile,
        models_dir: Path,
        progress: Callable[[Progress], None] | None,
        notice: Callable[[str], None] | None,
        cancel: CancelToken | None,
        patience: Patience | None,
    ) -> None:
        self._file = file
        self._models_dir = models_dir
        self._final = models_dir / file.file_name
        self._part_path = models_dir / (file.file_name + ".part")
        self._progress = progress or (lambda _: None)
        self._notice = notice or (lambda _: None)
        self._cancel = cancel or CancelToken()
        self._patience = patience or Patience()

    def run(self, source: Path | None, mirror: str | None) -> Path:
        """Install from the file `source`, else from `mirror`, else from where the file is published."""
        url = self._address(mirror)
        if source is None and urlsplit(url).scheme == "file":
            source = Path(url2pathname(urlsplit(url).path))
        if source is not None:
            self._require_regular(source)
            verify_weights(self._file, source, self._progress, self._cancel)
        present = self._present()
        if present is not None:
            return present
        if source is None:
            require_safe_address(url)
        try:
            self._models_dir.mkdir(parents=True, exist_ok=True)
            with self._locked_part() as part:
                try:
                    return self._fill(part, source, url)
                finally:
                    self._drop_if_empty(part)
        except OSError as error:
            raise self._storage_error(error) from error

    def _require_regular(self, source: Path) -> None:
        """A pipe or a device would never end."""
        if not source.is_file():
            raise ModelError(
                f"{source} is not a file.", f"Give the file {self._file.file_name}, or leave --from out."
            )

    def _address(self, mirror: str | None) -> str:
        if not mirror:
            return self._file.url
        return f"{mirror.rstrip('/')}/{quote(self._file.file_name)}"

    def _present(self) -> Path | None:
        """Weights that are in place already and sound; damaged ones are as good as absent."""
        path = find_weights(self._file, self._models_dir)
        if path is None:
            return None
        try:
            verify_weights(self._file, path, self._progress, self._cancel)
        except ModelError:
            return None
        return path

    def _fill(self, part: FileIO, source: Path | None, url: str) -> Path:
        present = self._present()
        if present is not None:
            self._part_path.unlink()
            return present
        self._require_space(os.fstat(part.fileno()).st_size)
        resumed = source is None and os.fstat(part.fileno()).st_size > 0
        while not self._complete(part, source, url, forgiving=resumed):
            part.truncate(0)  # what lay there was of another file, or damaged: once more from the beginning
            resumed = False
        os.fsync(part.fileno())
        self._part_path.replace(self._final)
        self._sync_folder()
        return self._final

    def _complete(self, part: FileIO, source: Path | None, url: str, *, forgiving: bool) -> bool:
        """Put the weights into the part file. False, or a ModelError unless `forgiving`, when they are not
        what they should be."""
        if source is not None:
            self._copy(source, part)
        else:
            Transfer(self._file, url, part, self._progress, self._notice, self._cancel, self._patience).run()
        try:
            verify_handle(self._file, part, self._progress, self._cancel)
        except ModelError as error:
            if forgiving:
                return False
            self._part_path.unlink()
            origin = str(source) if source is not None else urlsplit(url).hostname
            raise ModelError(
                f"What came from {origin} is not the weights of {self._file.name}: "
                "its SHA-256 differs. It was deleted.",
                "Run it again to fetch it anew. " + OTHER_WAYS,
            ) from error
        return True

    def _copy(self, source: Path, part: FileIO) -> None:
        with source.open("rb") as original:
            if os.path.samestat(os.fstat(original.fileno()), os.fstat(part.fileno())):
                return
            part.truncate(0)
            done = 0
            while chunk := original.read(CHUNK_BYTES):
                self._cancel.check()
                write_all(part, chunk)
                done += len(chunk)
                self._progress(Progress(done, self._file.bytes, "bytes", f"copying {self._file.name}"))

    @contextmanager
    def _locked_part(self) -> Iterator[FileIO]:
        """The part file, open and locked; waits while another process installs the same weights."""
        while True:
            with open(self._part_path, "r+b", buffering=0, opener=_open_or_create) as part:
                self._lock(part)
                if self._is_still_the_part(part):
                    yield part
                    return

    def _lock(self, part: FileIO) -> None:
        while True:
            try:
                fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                self._progress(Progress(0, None, "bytes", "waiting for another installation"))
                self._cancel.wait(0.2)

    def _is_still_the_part(self, part: FileIO) -> bool:
        """False when the process that held the lock has renamed or deleted this file."""
        try:
            return os.path.samestat(os.fstat(part.fileno()), self._part_path.stat())
        except FileNotFoundError:
            return False

    def _drop_if_empty(self, part: FileIO) -> None:
        """An empty part is nothing to resume from."""
        if not os.fstat(part.fileno()).st_size and self._is_still_the_part(part):
            self._part_path.unlink()

    def _require_space(self, already: int) -> None:
        needed = self._file.bytes - already + _FREE_BYTES_TO_LEAVE
        free = shutil.disk_usage(self._models_dir).free
        if free < needed:
            raise StorageError(
                f"The weights of {self._file.name} need {-(-needed >> 20):,} MB on the disk of "
                f"{self._models_dir}; {free >> 20:,} MB are free.",
                "Make room, or choose another folder with --data-dir or MUSICSIM_DATA_DIR.",
            )

    def _sync_folder(self) -> None:
        folder = os.open(self._models_dir, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _storage_error(self, error: OSError) -> StorageError:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        return StorageError(
            f"The weights of {self._file.name} could not be written to {self._models_dir}: "
            f"{error.strerror or error}.",
            ("Make room and run it again; it goes on where it stopped. " if full else "")
            + "Another folder can be chosen with --data-dir or MUSICSIM_DATA_DIR.",
        )


def _open_or_create(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT, 0o666)
