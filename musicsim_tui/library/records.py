"""What goes into the catalog and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    from musicsim_tui.track import Embedding, ModelVersion, Sound, Tags, Track, TrackId, Vectors

PayloadValue: TypeAlias = "str | int | float | list[str] | None"


class FileState(StrEnum):
    """Whether a file was there when its folder was last scanned."""

    PRESENT = "present"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class FileStamp:
    """Size in bytes and time of change: a file whose stamp is unchanged need not be read again."""

    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What the catalog knows of a path without opening it."""

    stamp: FileStamp
    state: FileState
    track_id: TrackId


@dataclass(frozen=True, slots=True)
class Root:
    """A remembered folder or file. Times in Unix seconds; `scanned` is None before the first scan."""

    path: Path
    excludes: tuple[str, ...]
    added: float
    scanned: float | None


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file that holds a known track."""

    path: Path
    stamp: FileStamp
    tags: Tags
    track_id: TrackId


CUT_OFF = "cut off"
"""The stage of a failure whose file was heard as far as it goes."""
CHANGING = "changing"
"""The stage of a failure whose file was heard whole, although its format changes in the middle."""
HEARD_STAGES = (CUT_OFF, CHANGING)


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a recording that was heard all the same: one of `HEARD_STAGES`, why, what to do."""

    stage: str
    reason: str
    hint: str


@dataclass(frozen=True, slots=True)
class HeardTrack:
    """Everything one hearing of a file yields. `duration` in seconds, `loudness` as RMS in dBFS."""

    file: FileRecord
    duration: float
    loudness: float
    waveform: bytes
    embedding: Embedding
    sounds: tuple[Sound, ...]
    flaw: Flaw | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be heard, or is flawed: at which stage, why, what to do, when (Unix seconds), how
    often."""

    path: Path
    stamp: FileStamp | None
    stage: str
    reason: str
    hint: str
    at: float
    attempts: int

    @property
    def heard(self) -> bool:
        """Whether the file was heard all the same."""
        return self.stage in HEARD_STAGES


@dataclass(frozen=True, slots=True)
class TrackRow:
    """A track as lists show it: its sounds, strongest first, and the names of the models that heard it."""

    track: Track
    sounds: tuple[Sound, ...]
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrackPage:
    """Some rows of a listing, and how many there are in all."""

    total: int
    rows: tuple[TrackRow, ...]


@dataclass(frozen=True, slots=True, eq=False)
class IndexEntry:
    """A track that an index does not have yet: vector of shape (dimensions,), float32, and its metadata."""

    track_id: TrackId
    vector: Vectors
    payload: dict[str, PayloadValue]


@dataclass(frozen=True, slots=True)
class ModelUse:
    """How much a model has heard."""

    model: ModelVersion
    tracks: int
    windows: int
