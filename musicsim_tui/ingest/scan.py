"""Finds the audio files of remembered folders and tells which of them want hearing."""

from __future__ import annotations

import fnmatch
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from musicsim_tui.library.records import FileStamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from musicsim_tui.jobs import CancelToken

# fmt: off
AUDIO_SUFFIXES = frozenset({
    ".mp3", ".m4a", ".m4b", ".mp4", ".aac", ".adts", ".opus", ".ogg", ".oga",
    ".webm", ".flac", ".wav", ".wave", ".aiff", ".aif", ".aifc", ".wma", ".asf",
    ".mka", ".alac", ".ape", ".wv", ".tta", ".tak", ".mpc", ".mp+", ".ac3",
    ".dts", ".caf", ".au", ".amr", ".dsf", ".dff", ".3gp", ".spx",
})
# fmt: on


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file under a root, with the size and time that tell whether it changed."""

    path: Path
    stamp: FileStamp


@dataclass(slots=True)
class Scan:
    """What a walk over one root saw.

    `offline` is the reason when the root itself cannot be reached: then nothing under it is missing.
    `unreadable` are folders, each with a reason, whose content is unknown: nothing under them is missing
    either. `broken_links` are links with the name of a track that lead to no file, each with what the system
    says of it. `device` tells the file system of the root, `empty` that there is nothing at all in it, as
    where no disk is mounted.
    """

    root: Path
    files: list[FoundFile] = field(default_factory=list)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)
    broken_links: list[tuple[Path, OSError]] = field(default_factory=list)
    offline: str | None = None
    device: int | None = None
    empty: bool = False

    def knows_absence_of(self, path: Path) -> bool:
        """Whether this walk proves that a file it did not see is gone."""
        return self.offline is None and not any(path.is_relative_to(folder) for folder, _ in self.unreadable)


def scan_root(root: Path, excludes: Sequence[str], cancel: CancelToken) -> Scan:
    """Walk a folder, or look at a single file, and list what could be music.

    Names that start with a dot are left out, as are paths that match one of the `excludes` globs (tried
    against the name and against the path below the root). A file named as a root is taken whatever its
    name. Links to folders are followed, each folder once.
    """
    scan = Scan(root)
    try:
        status = root.stat()
        scan.device = status.st_dev
    except OSError as error:
        if not _is_plainly_gone(root, error):
            scan.offline = error.strerror or str(error)
        return scan
    if not stat.S_ISDIR(status.st_mode):
        scan.files.append(FoundFile(root, _stamp(status)))
        return scan
    seen = {(status.st_dev, status.st_ino)}
    pending = [root]
    while pending:
        cancel.check()
        folder = pending.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            if folder == root:
                scan.offline = error.strerror or str(error)
                return scan
            scan.unreadable.append((folder, error.strerror or str(error)))
            continue
        if folder == root:
            scan.empty = not entries
        for entry in _admitted(entries, root, excludes):
            _take(entry, scan, pending, seen)
    return scan


def silence_of(root: Path) -> str | None:
    """Why a folder does not answer, or holds nothing any more; None when all is well."""
    try:
        with os.scandir(root) as entries:
            if next(entries, None) is None:
                return "it is empty"
    except OSError as error:
        return error.strerror or str(error)
    return None


def _is_plainly_gone(path: Path, error: OSError) -> bool:
    """A single file is gone, rather than unreachable, when the folder that held it still lists."""
    if not isinstance(error, FileNotFoundError) or path.suffix.lower() not in AUDIO_SUFFIXES:
        return False
    try:
        with os.scandir(path.parent):
            return True
    except OSError:
        return False


def _admitted(
    entries: list[os.DirEntry[str]], root: Path, excludes: Sequence[str]
) -> Iterator[os.DirEntry[str]]:
    for entry in entries:
        if entry.name.startswith("."):
            continue
        below = os.path.relpath(entry.path, root)
        if any(fnmatch.fnmatch(entry.name, glob) or fnmatch.fnmatch(below, glob) for glob in excludes):
            continue
        yield entry


def _take(entry: os.DirEntry[str], scan: Scan, pending: list[Path], seen: set[tuple[int, int]]) -> None:
    try:
        status = entry.stat()
    except OSError as error:
        # Removed since the folder was listed, a link into a disk that is not there, a disk that fails, or a
        # folder that may be listed but not entered.
        path, reason = Path(entry.path), error.strerror or str(error)
        if isinstance(error, PermissionError) and not os.access(path.parent, os.X_OK):
            path = path.parent
        if (path, reason) not in scan.unreadable[-1:]:
            scan.unreadable.append((path, reason))
        if entry.is_symlink() and _is_named_like_music(entry.name):
            scan.broken_links.append((Path(entry.path), error))
        return
    if stat.S_ISDIR(status.st_mode):
        if (status.st_dev, status.st_ino) not in seen:
            seen.add((status.st_dev, status.st_ino))
            pending.append(Path(entry.path))
    elif _is_named_like_music(entry.name):
        scan.files.append(FoundFile(Path(entry.path), _stamp(status)))


def _is_named_like_music(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES


def _stamp(status: os.stat_result) -> FileStamp:
    return FileStamp(size=status.st_size, mtime_ns=status.st_mtime_ns)
