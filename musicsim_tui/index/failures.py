"""What the embedded engine's failures mean to a person, in one place."""

from __future__ import annotations

import sys

from musicsim_tui.errors import IndexFailure, IndexLocked

REBUILD_HINT = "Make it again from the catalog: musicsim-tui index rebuild"


class Damaged(Exception):
    """The files of a collection do not hold what they must."""


def explain(error: BaseException, collection: str, free: int) -> IndexFailure:
    """Name what the engine means: it raises bare Exceptions, told apart by their text, and panics.

    `free` is the space left on the disk, in bytes. The engine's own words become a note of the failure.
    """
    text = str(error)
    log(f"{collection}: {type(error).__name__}: {text}")
    if "No space left" in text:
        failure = disk_full(free)
    elif "WouldBlock" in text:
        failure = locked()
    elif "Permission denied" in text or "Read-only file system" in text:
        failure = IndexFailure(
            "The index folder cannot be written.",
            "Give yourself access to it, or move the library with --data-dir.",
        )
    elif isinstance(error, MemoryError):
        failure = IndexFailure(
            "There is not enough memory for the index.", "Close other programs and try again."
        )
    elif isinstance(error, (TypeError, OverflowError)):
        failure = IndexFailure(f"The engine cannot store what was written to {collection}.", REBUILD_HINT)
    else:
        failure = damaged(collection)
    failure.add_note(f"{type(error).__name__}: {text}")
    return failure


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
