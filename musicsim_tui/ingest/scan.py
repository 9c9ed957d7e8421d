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
    `unreadable` are folders, each with a reason, whose content is unknown, and `away` those whose disk is:
    nothing under them is missing either. `broken_links` are links with the name of a track that lead to no
    file, each with what the system says of it. `device` tells the file system of the root, `disks` that of
    each folder below it where another one begins, `empty` that there is nothing at all in the root, as where
    no disk is mounted.
    """

    root: Path
    files: list[FoundFile] = field(default_factory=list)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)
    broken_links: list[tuple[Path, OSError]] = field(default_factory=list)
    offline: str | None = None
    device: int | None = None
    disks: dict[Path, int] = field(default_factory=dict)
    away: list[Path] = field(default_factory=list)
    empty: bool = False

    def knows_absence_of(self, path: Path) -> bool:
        """Whether this walk proves that a file it did not see is gone."""
        unknown = [*self.away, *(folder for folder, _ in self.unreadable)]
        return self.offline is None and not any(map(path.is_relative_to, unknown))


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
    pending = [(root, status.st_dev)]
    while pending:
        cancel.check()
        folder, device = pending.pop()
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
            _take(entry, device, scan, pending, seen)
    return scan


def is_left_out(path: Path, root: Path, excludes: Sequence[str]) -> bool:
    """Whether a walk over the root passes over a path below it, or over a folder that holds it."""
    parts = path.relative_to(root).parts
    return any(
        _is_passed_over(name, os.path.join(*parts[: depth + 1]), excludes) for depth, name in enumerate(parts)
    )


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
        if not _is_passed_over(entry.name, os.path.relpath(entry.path, root), excludes):
            yield entry


def _is_passed_over(name: str, below: str, excludes: Sequence[str]) -> bool:
    """By its name, or by its path below the root."""
    return name.startswith(".") or any(
        fnmatch.fnmatch(name, glob) or fnmatch.fnmatch(below, glob) for glob in excludes
    )


def _take(
    entry: os.DirEntry[str],
    device: int,
    scan: Scan,
    pending: list[tuple[Path, int]],
    seen: set[tuple[int, int]],
) -> None:
    """Take in an entry of a folder that lies on a device."""
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
            pending.append((Path(entry.path), status.st_dev))
            if status.st_dev != device:
                scan.disks[Path(entry.path)] = status.st_dev
    elif _is_named_like_music(entry.name):
        scan.files.append(FoundFile(Path(entry.path), _stamp(status)))


def _is_named_like_music(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES


def _stamp(status: os.stat_result) -> FileStamp:
    return FileStamp(size=status.st_size, mtime_ns=status.st_mtime_ns)
