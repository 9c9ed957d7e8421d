"""What every vector index can do, whichever Qdrant stands behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from musicsim_tui.track import Hit, ModelVersion, TrackId, Vectors

    PayloadValue = str | int | float | list[str] | None


@dataclass(frozen=True, slots=True, eq=False)
class IndexPoint:
    """A track in the index: its vector, shape (dimensions,), and the metadata other clients can read."""

    id: TrackId
    vector: Vectors
    payload: Mapping[str, PayloadValue]


@dataclass(frozen=True, slots=True)
class SearchParams:
    """How to search. `ef` is HNSW's search width; `exact` compares with every vector.

    `include` limits hits to these ids, None to all; `exclude` leaves these out.
    """

    limit: int = 10
    exact: bool = False
    ef: int | None = None
    include: frozenset[TrackId] | None = None
    exclude: frozenset[TrackId] = frozenset()


class Index(Protocol):
    """Track vectors of every model, one collection per model and version, cosine.

    Every call raises IndexFailure with a title and a hint when the engine fails. Thread-safe.
    """

    @property
    def target(self) -> str:
        """Names this index in the catalog's record of what is indexed; holds no secret."""
        ...

    def ensure(self, model: ModelVersion) -> None:
        """Create the model's collection when it is not there; fails when its dimensions differ."""
        ...

    def upsert(self, model: ModelVersion, points: Sequence[IndexPoint]) -> None:
        """Add or replace points; they are searchable and safe from a killed process on return."""
        ...

    def delete(self, model: ModelVersion, ids: Sequence[TrackId]) -> None:
        """Remove points; unknown ids are ignored."""
        ...

    def search(self, model: ModelVersion, vector: Vectors, params: SearchParams) -> list[Hit]:
        """The nearest points, best first."""
        ...

    def count(self, model: ModelVersion) -> int:
        """Number of points; 0 when the collection does not exist."""
        ...

    def ids(self, model: ModelVersion) -> Iterator[TrackId]:
        """Every id in the collection, streamed."""
        ...

    def drop(self, model: ModelVersion) -> None:
        """Remove the model's whole collection; no error when it is not there."""
        ...

    def close(self) -> None:
        """Flush and release the engine; idempotent."""
        ...
