"""Puts finished files in place: whole, and under names that nothing else has."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path

from musicsim_tui.download.file_names import same_name


def put_in_place(
    finished: Path, folder: Path, named: Callable[[int], str], part: str, is_void: Callable[[Path], bool]
) -> Path:
    """Move a file into a folder, on whatever disk that is, under the first name that is free: `named(1)`,
    else `named(2)` and so on.

    Nothing is ever replaced but a file that `is_void`. What differs in capitals or in the composition of its
    characters alone has the name as well: on another file system it would be the same. `part` is what an
    unfinished copy in the folder is called. Raises OSError.
    """
    try:
        return _move(finished, folder, named, is_void)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    copy = folder / part
    try:
        _copy(finished, copy)
        return _move(copy, folder, named, is_void)
    finally:
        copy.unlink(missing_ok=True)


def _move(finished: Path, folder: Path, named: Callable[[int], str], is_void: Callable[[Path], bool]) -> Path:
    taken: set[str] = set()
    with suppress(OSError):  # a folder may be writable without being readable
        taken = {same_name(name) for name in os.listdir(folder)}
    for number in count(1):
        path = folder / named(number)
        if same_name(path.name) in taken:
            if not is_void(path):
                continue
            os.replace(finished, path)
        elif not _claim(path):
            continue
        else:
            try:
                os.replace(finished, path)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        break
    return path


def _claim(path: Path) -> bool:
    """Take a name with an empty file, unless it is taken: the file system alone decides, without a gap."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except FileExistsError:
        return False
    return True


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reader, target.open("wb") as writer:
        shutil.copyfileobj(reader, writer)
        writer.flush()
        os.fsync(writer.fileno())
