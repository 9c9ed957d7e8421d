"""What is known of an embedded collection apart from the engine's own files.

The engine keeps no checksums and may open a damaged collection as an empty one. The record holds the number
of points that must at least be there: it is raised after a flush and lowered before a deletion, so a smaller
count at open means that something was lost.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from musicsim_tui.index.failures import Damaged

if TYPE_CHECKING:
    from pathlib import Path

RECORD_NAME = "collection.json"


@dataclass(frozen=True, slots=True)
class CollectionRecord:
    """`dimensions` of the vectors, and `at_least`, the number of points that a healthy collection holds."""

    dimensions: int
    at_least: int


def read_record(folder: Path) -> CollectionRecord:
    """Raises Damaged when the folder holds no readable record."""
    try:
        content = json.loads((folder / RECORD_NAME).read_bytes())
        return CollectionRecord(int(content["dimensions"]), int(content["at_least"]))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise Damaged(f"no record in {folder}: {error!r}") from error


def write_record(folder: Path, record: CollectionRecord) -> None:
    """Replace the record as one step that survives a power cut. Raises OSError."""
    draft = folder / f"{RECORD_NAME}.new"
    with draft.open("w", encoding="ascii") as file:
        json.dump({"dimensions": record.dimensions, "at_least": record.at_least}, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / RECORD_NAME)
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
