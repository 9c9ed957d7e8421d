"""A search as the app asks for it: the query that the trail keeps, and everything that its answer shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from musicsim_tui.track import TrackId

if TYPE_CHECKING:
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.search.similar import Match
    from musicsim_tui.services import Services
    from musicsim_tui.track import Track

RESULTS = 50
_SHARED_SHOWN = 3


@dataclass(frozen=True, slots=True)
class SearchFor:
    """A query as the trail keeps it: a track of the library, or a file."""

    title: str
    artist: str = ""
    track: TrackId | None = None
    path: Path | None = None

    def as_text(self) -> str:
        """For the state file; `read_query` reads it."""
        return f"track:{self.track}" if self.track is not None else f"file:{self.path}"


@dataclass(frozen=True, slots=True)
class Result:
    """A match with its outline over its whole length."""

    match: Match
    peaks: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that a search brought. `peaks` outline the query, `duration` seconds of it; they are empty
    where the library does not know it."""

    query: SearchFor
    model: str
    results: tuple[Result, ...]
    shared: tuple[str, ...]
    peaks: bytes
    duration: float


def query_of(track: Track) -> SearchFor:
    return SearchFor(track.title, track.tags.artist, track=track.id)


def read_query(text: str) -> SearchFor | None:
    """A query from the state file; its title comes with the answer."""
    kind, _, rest = text.partition(":")
    if kind == "file" and rest:
        return SearchFor(Path(rest).stem, path=Path(rest))
    try:
        return SearchFor("", track=TrackId(UUID(rest))) if kind == "track" else None
    except ValueError:
        return None


def run_search(services: Services, query: SearchFor, cancel: CancelToken) -> Answer:
    """Search the library. Raises MusicSimError of many kinds, Cancelled."""
    from musicsim_tui.search.apart import shared_by_most
    from musicsim_tui.search.similar import SearchRequest

    model = services.models.searching()
    cancel.check()
    text = str(query.track) if query.track is not None else str(query.path)
    seed = services.seed(text, model, cancel)
    matches = services.search(seed, SearchRequest(limit=RESULTS), cancel)
    results = tuple(Result(match, services.catalog.waveform(match.track.id) or b"") for match in matches)
    shared = shared_by_most(
        ((reason.label for reason in match.reasons) for match in matches[:10]), _SHARED_SHOWN
    )
    known = services.catalog.track(seed.track_id)
    if known is not None and not query.title:
        query = query_of(known.track)
    elif seed.tags is not None and seed.tags.title:
        query = SearchFor(seed.tags.title, seed.tags.artist, query.track, query.path)
    peaks = seed.peaks or services.catalog.waveform(seed.track_id) or b""
    return Answer(query, model.name, results, tuple(shared), peaks, seed.duration)


def brought_up_to_date(catalog: Catalog, answer: Answer) -> Answer:
    """The answer with its tracks as the library has them now. Raises CatalogError."""
    rows = catalog.tracks_by_id([result.match.track.id for result in answer.results])
    results = tuple(
        replace(result, match=replace(result.match, track=rows[result.match.track.id].track))
        for result in answer.results
        if result.match.track.id in rows
    )
    return replace(answer, results=results)
