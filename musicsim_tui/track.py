"""The words every room speaks: tracks, windows, embeddings, sounds, hits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NewType, TypeAlias
from uuid import UUID

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Samples: TypeAlias = NDArray[np.float32]
    """Mono audio, float32 in [-1, 1], shape (samples,) or, for a batch, (windows, samples)."""
    Vectors: TypeAlias = NDArray[np.float32]
    """Embeddings, shape (n, dimensions), or (dimensions,) for a single one."""
    HalfVectors: TypeAlias = NDArray[np.float16]

TrackId = NewType("TrackId", UUID)
"""Identity of a sound: a hash of its encoded packets, which no tag, file name or container changes."""


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """Which embedder made a vector; vectors of different models or versions never meet."""

    name: str
    version: int
    dimensions: int

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


@dataclass(frozen=True, slots=True)
class Tags:
    """What a file says of itself; an empty string or None where it says nothing."""

    title: str = ""
    artist: str = ""
    album: str = ""
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Track:
    """One recording and where its files are. `duration` in seconds as decoded, `added` in Unix seconds."""

    id: TrackId
    tags: Tags
    duration: float
    added: float
    paths: tuple[Path, ...]
    missing: bool = False

    @property
    def title(self) -> str:
        """The tagged title, else the name of the first file."""
        if self.tags.title or not self.paths:
            return self.tags.title
        return self.paths[0].stem


@dataclass(frozen=True, slots=True)
class Sound:
    """An AudioSet class heard in a track: mean probability over its windows, and where it is strongest."""

    label: str
    score: float
    start: float


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """A track as one model hears it.

    `mean` is the mean of the windows as they come from the network, shape (dimensions,), float32;
    `windows` holds every window that is not silent, shape (n, dimensions), float16;
    `starts` their start times in seconds, shape (n,), float32.
    `coverage` is the number of windows asked for, or None for all of them.
    """

    model: ModelVersion
    coverage: int | None
    mean: Vectors
    windows: HalfVectors
    starts: Samples


@dataclass(frozen=True, slots=True)
class Hit:
    """A track found by the index; `score` is the cosine of the two track vectors."""

    id: TrackId
    score: float


@dataclass(frozen=True, slots=True)
class Moment:
    """The pair of windows that match best: start times in seconds, and their cosine."""

    query_start: float
    match_start: float
    score: float


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing query and match have in common, with its strength in each (0 to 1)."""

    kind: str
    label: str
    query: float
    match: float
