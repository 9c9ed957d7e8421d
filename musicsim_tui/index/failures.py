"""What the embedded engine's failures mean to a person, in one place."""

from __future__ import annotations

import sys

from musicsim_tui.errors import IndexFailure, IndexLocked

REBUILD_HINT = "Make it again from the catalog: musicsim-tui index rebuild"

_MEANINGS = {
    "Permission denied": (
        "The index folder cannot be written.",
        "Give yourself access to it, or move the library with --data-dir.",
    ),
    "Read-only file system": (
        "The index lies on a disk that is read-only.",
        "Move the library with --data-dir.",
    ),
    "Too many open files": ("Too many files are open for the index.", "Raise the limit: ulimit -n 4096"),
    "Cannot allocate memory": (
        "There is not enough memory for the index.",
        "Close other programs and try again.",
    ),
    "MemoryError": ("There is not enough memory for the index.", "Close other programs and try again."),
    "TypeError": (
        "The engine does not take what was to be written to the index.",
        "Hear the track again; if it stays so, report it with the log.",
    ),
}


class Damaged(Exception):
    """The files of a collection do not hold what they must."""


def explain(error: BaseException, collection: str, free: int) -> IndexFailure:
    """Name what the engine means: it raises bare Exceptions, told apart by their text, and panics.

    `free` is the space left on the disk, in bytes. The engine's own words become a note of the failure.
    """
    text = f"{type(error).__name__}: {error}"
    log(f"{collection}: {text}")
    failure = _meaning(text, collection, free)
    failure.add_note(text)
    return failure


def _meaning(text: str, collection: str, free: int) -> IndexFailure:
    if "No space left" in text:
        return disk_full(free)
    if "WouldBlock" in text:
        return locked()
    for words, (title, hint) in _MEANINGS.items():
        if words in text:
            return IndexFailure(title, hint)
    return damaged(collection)


def damaged(collection: str) -> IndexFailure:
    return IndexFailure(f"The index is damaged: {collection} cannot be used.", REBUILD_HINT)


def disk_full(free: int) -> IndexFailure:
    return IndexFailure(
        f"The disk that holds the index is full ({free // 2**20} MB left).",
        "Free some space, or move the library with --data-dir.",
    )


def locked(holder: str = "") -> IndexLocked:
    """`holder` is the id of the process that has the lock, where it is known."""
    who = f" (process {holder})" if holder.isdigit() else ""
    return IndexLocked(
        f"Another musicsim-tui{who} holds the index of this library.",
        "Close it, or try again when it is done.",
    )


def closed() -> IndexFailure:
    return IndexFailure("The index is closed.", "Start musicsim-tui again.")


def log(line: str) -> None:
    """For the worker process, whose standard error is its log file or nothing, never the terminal."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
