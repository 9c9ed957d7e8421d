"""What is known of an embedded collection apart from the engine's own files.

The engine keeps no checksums and may open a damaged collection as an empty one. The record holds the number
of points that must at least be there: it is raised after a flush and lowered before a deletion, so a smaller
count at open means that something was lost. It also holds a digest of the files that map ids to places, as
far as they were written at the last flush. The engine only ever appends to them, and believes them: a flipped
bit gives a track to another id, or makes it set aside gigabytes for a place that is not there.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from musicsim_tui.index.failures import Damaged

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Seal: TypeAlias = tuple[int, str]
"""How many bytes a file begins with, and their digest."""
RECORD_NAME = "collection.json"
_MAPPINGS = "shard/segments/*/mutable_id_tracker.mappings"
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class CollectionRecord:
    """`dimensions` of the vectors, `at_least`, the number of points that a healthy collection holds, and
    `seals` of the files that map ids to places, by their paths in the collection's folder."""

    dimensions: int
    at_least: int
    seals: Mapping[str, Seal] = field(default_factory=dict)


def seals_of(folder: Path) -> dict[str, Seal]:
    """Seals of the files as they are now. Raises OSError."""
    contents = {str(path.relative_to(folder)): path.read_bytes() for path in folder.glob(_MAPPINGS)}
    return {name: (len(content), _digest(content)) for name, content in contents.items()}


def check_seals(folder: Path, record: CollectionRecord) -> None:
    """Raises Damaged when a file does not begin as it did."""
    for name, (length, digest) in record.seals.items():
        try:
            with (folder / name).open("rb") as file:
                content = file.read(length)
        except OSError as error:
            raise Damaged(f"{name} of {folder} cannot be read: {error!r}") from error
        if _digest(content) != digest:
            raise Damaged(f"{name} of {folder} is not as it was written")


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()


def read_record(folder: Path) -> CollectionRecord:
    """Raises Damaged when the folder holds no readable record."""
    try:
        content = json.loads((folder / RECORD_NAME).read_bytes())
        found = content.get("seals", {})
        seals = {name: (int(length), str(digest)) for name, (length, digest) in found.items()}
        return CollectionRecord(int(content["dimensions"]), int(content["at_least"]), seals)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise Damaged(f"no record in {folder}: {error}") from error


def write_record(folder: Path, record: CollectionRecord) -> None:
    """Replace the record as one step that survives a power cut. Raises OSError."""
    draft = folder / f"{RECORD_NAME}.new"
    with draft.open("w", encoding="ascii") as file:
        json.dump(asdict(record), file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / RECORD_NAME)
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
