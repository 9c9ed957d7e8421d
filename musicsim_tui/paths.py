"""Paths as people write them, made fit for messages and for the catalog."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_TELL_ABSENCE = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ}
)
"""What the system says of a path that leads to nothing. Anything else it says of a folder that must not be
entered, or of a disk or a share that does not answer."""


def tidy_path(written: str | Path) -> Path:
    """The path without `.`, `x/..` and doubled slashes; it stays relative when it is, and links stay links.

    Only where a `..` goes up from behind a link, so that taking both away would lead to another file, is the
    real path given instead.
    """
    short = os.path.normpath(written)
    if os.pardir in Path(written).parts and os.path.realpath(short) != os.path.realpath(written):
        return Path(os.path.realpath(written))
    return Path(short)


def is_there(path: str | Path) -> bool:
    """Whether there is something of that name. In a folder that must not be entered, and on a disk that does
    not answer, there may be anything, but a bare name is then taken for no file's."""
    try:
        os.lstat(path)
    except OSError as error:
        return error.errno not in _TELL_ABSENCE and os.sep in str(path)
    except ValueError:  # a NUL, or a character that no file name can hold
        return False
    return True


def has_no_file(path: str | Path) -> bool:
    """Whether no file can be of that name: there is nothing, or a folder. Behind a link that leads nowhere,
    to a disk that is away perhaps, there may be one."""
    return os.path.isdir(path) or not (is_there(path) or is_behind_broken_link(path))


def is_behind_broken_link(path: str | Path) -> bool:
    """Whether the first folder above that is there is a link that leads nowhere."""
    nearest = next((part for part in Path(path).parents if os.path.lexists(part)), None)
    return nearest is not None and not os.path.exists(nearest)


def tidy_absolute(written: str | Path) -> Path:
    """The same, from the root on. Raises OSError when the current folder is gone."""
    return tidy_path(Path(written).absolute())
