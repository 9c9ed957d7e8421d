from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest

from musicsim_tui.index.edge import EdgeIndex
from musicsim_tui.index.index import Index, SearchParams
from musicsim_tui.jobs import CancelToken
from musicsim_tui.library.catalog import Catalog
from musicsim_tui.library.query import Query, parse_query
from musicsim_tui.library.records import HeardTrack
from musicsim_tui.search import ranking
from musicsim_tui.search.ranking import Wanted, rank_by_catalog, rank_by_index
from musicsim_tui.track import Hit, ModelVersion, Sound, TrackId
from musicsim_tui.upkeep.sync import push
from tests.library.samples import SMALL, embedding, heard, record, track_id

if TYPE_CHECKING:
    from musicsim_tui.track import Vectors

TRACKS = 400
RARE = range(40, 50)


@pytest.fixture(scope="module")
def index_and_catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Index, Catalog]]:
    """400 tracks, of which 380 are indexed, two of these heard anew since, and two whose files are gone."""
    folder = tmp_path_factory.mktemp("ranking")
    with Catalog.open(folder / "library.db") as catalog, EdgeIndex.open(folder / "index") as index:
        catalog.store([_track(number) for number in range(1, 381)])
        push(catalog, index, SMALL, CancelToken())
        catalog.store([_track(number) for number in range(381, TRACKS + 1)])
        catalog.store([heard(number, heard_as=embedding(5000 + number)) for number in (7, 8)])
        catalog.mark_missing([record(number).path for number in (9, 390)])
        yield index, catalog


def _track(number: int) -> HeardTrack:
    sounds = (Sound("Piano", 0.5, 0.0),) if number in RARE or number == 385 else (Sound("Organ", 0.5, 0.0),)
    return heard(number, duration=60.0 + number, sounds=sounds)


def wanted(where: str | None, limit: int, seed: int = 1) -> Wanted:
    query = None if where is None else parse_query(where)
    return Wanted(SMALL, embedding(seed).mean, track_id(seed), query, SearchParams(limit=limit))


FILTERS = [None, "sound:organ", "sound:piano", "len>1:30", "missing:any", "missing:yes", "path:nowhere"]


@pytest.mark.parametrize("where", FILTERS)
@pytest.mark.parametrize(("few", "most"), [(0, 0), (0, 10_000), (5, 10_000), (1000, 10_000)])
@pytest.mark.parametrize("limit", [1, 10, 300, 1000])
def test_index_and_pending_tracks_together_rank_as_the_catalog_does(
    index_and_catalog: tuple[Index, Catalog],
    monkeypatch: pytest.MonkeyPatch,
    where: str | None,
    few: int,
    most: int,
    limit: int,
) -> None:
    index, catalog = index_and_catalog
    monkeypatch.setattr(ranking, "FEW_IDS", few)
    monkeypatch.setattr(ranking, "MOST_FILTER_IDS", most)
    asked = wanted(where, limit)
    expected = rank_by_catalog(catalog, asked, CancelToken())
    found = rank_by_index(catalog, index, asked, CancelToken())
    assert found is not None
    assert {hit.id for hit in found} == {hit.id for hit in expected} or len(expected) == limit
    assert [hit.score for hit in found] == pytest.approx([hit.score for hit in expected], abs=2e-3)


def test_a_track_heard_anew_has_its_new_score(index_and_catalog: tuple[Index, Catalog]) -> None:
    index, catalog = index_and_catalog
    asked = Wanted(SMALL, embedding(5007).mean, track_id(1), None, SearchParams(limit=1))
    found = rank_by_index(catalog, index, asked, CancelToken())
    assert found is not None
    assert found[0].id == track_id(7)
    assert found[0].score == pytest.approx(1.0, abs=1e-3)


def test_the_catalog_answers_when_the_index_lacks_too_much(
    index_and_catalog: tuple[Index, Catalog], monkeypatch: pytest.MonkeyPatch
) -> None:
    index, catalog = index_and_catalog
    monkeypatch.setattr(ranking, "MOST_PENDING", 21)
    assert rank_by_index(catalog, index, wanted(None, 5), CancelToken()) is None
    monkeypatch.setattr(ranking, "MOST_PENDING", 22)
    assert rank_by_index(catalog, index, wanted(None, 5), CancelToken()) is not None


@pytest.mark.parametrize(("where", "listed"), [("len>1:00", [101]), ("sound:organ", [])])
def test_a_wide_filter_judges_only_the_nearest(
    index_and_catalog: tuple[Index, Catalog], monkeypatch: pytest.MonkeyPatch, where: str, listed: list[int]
) -> None:
    index, catalog = index_and_catalog
    judged: list[int] = []
    which_match = catalog.which_match

    def counting(ids: list[TrackId], where: object) -> set[TrackId]:
        judged.append(len(ids))
        return which_match(ids, where)  # type: ignore[arg-type]

    most_listed: list[int] = []
    matching_ids = catalog.matching_ids

    def noting(where: Query, most: int) -> list[TrackId]:
        most_listed.append(most)
        return matching_ids(where, most)

    monkeypatch.setattr(ranking, "FEW_IDS", 100)
    monkeypatch.setattr(catalog, "which_match", counting)
    monkeypatch.setattr(catalog, "matching_ids", noting)
    found = rank_by_index(catalog, index, wanted(where, 10), CancelToken())
    assert found is not None
    assert len(found) == 10
    assert max(judged) <= 64
    assert most_listed == listed


def test_a_filter_that_admits_few_is_answered_by_their_ids(
    index_and_catalog: tuple[Index, Catalog], monkeypatch: pytest.MonkeyPatch
) -> None:
    index, catalog = index_and_catalog
    asked: list[SearchParams] = []
    search = index.search

    def noting(model: ModelVersion, vector: Vectors, params: SearchParams) -> list[Hit]:
        asked.append(params)
        return search(model, vector, params)

    monkeypatch.setattr(index, "search", noting)
    assert rank_by_index(catalog, index, wanted("len>3:00 len<3:04", 3), CancelToken())
    assert [params.include for params in asked] == [frozenset(map(track_id, (121, 122, 123)))]


def test_scores_are_those_of_the_vectors(index_and_catalog: tuple[Index, Catalog]) -> None:
    index, catalog = index_and_catalog
    query = embedding(1).mean
    for hit in rank_by_index(catalog, index, wanted(None, 5), CancelToken()) or []:
        vector = catalog.embedding(hit.id, SMALL)
        assert vector is not None
        cosine = query @ vector.mean / np.linalg.norm(query) / np.linalg.norm(vector.mean)
        assert hit.score == pytest.approx(float(cosine), abs=2e-3)
