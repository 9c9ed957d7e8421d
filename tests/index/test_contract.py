"""What every index must do, on the embedded engine, the in-memory client and the double of a server.

A real server takes part where QDB_ENDPOINT_TEST, and QDB_API_TOKEN_TEST if it asks for a key, name one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from musicsim_tui.errors import IndexFailure
from musicsim_tui.index.index import Index, IndexPoint, SearchParams
from musicsim_tui.track import ModelVersion, TrackId
from tests.index.engines import LIBRARY, MODEL, OTHER_MODEL, library_of, point_of, points_of

if TYPE_CHECKING:
    from musicsim_tui.index.index import PayloadValue
    from musicsim_tui.track import Vectors

FLOAT16_COSINE_ERROR = 2e-3


def _cosines(library: dict[TrackId, Vectors], query: Vectors) -> dict[TrackId, float]:
    direction = query / np.linalg.norm(query)
    return {id_: float(vector @ direction / np.linalg.norm(vector)) for id_, vector in library.items()}


def _best(cosines: dict[TrackId, float], limit: int) -> list[float]:
    return sorted(cosines.values(), reverse=True)[:limit]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10**6),
    limit=st.integers(0, 250),
    scale=st.sampled_from([1e-30, 1.0, 1e30]),
    exact=st.booleans(),
    ef=st.sampled_from([None, 16, 512]),
)
def test_search_ranks_by_exact_cosine(
    filled: Index, seed: int, limit: int, scale: float, exact: bool, ef: int | None
) -> None:
    query = (np.random.default_rng(seed).normal(size=MODEL.dimensions) * scale).astype(np.float32)
    cosines = _cosines(LIBRARY, query.astype(np.float64))

    hits = filled.search(MODEL, query, SearchParams(limit=limit, exact=exact, ef=ef))

    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert [hit.score for hit in hits] == pytest.approx(_best(cosines, limit), abs=FLOAT16_COSINE_ERROR)
    assert len({hit.id for hit in hits}) == min(limit, len(LIBRARY))
    for hit in hits:
        assert hit.score == pytest.approx(cosines[hit.id], abs=FLOAT16_COSINE_ERROR)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    include=st.none() | st.sets(st.integers(0, 220), max_size=220),
    exclude=st.sets(st.integers(0, 220), max_size=220),
    limit=st.integers(1, 300),
)
def test_filters_keep_the_best_of_what_they_leave(
    filled: Index, include: set[int] | None, exclude: set[int], limit: int
) -> None:
    known = [*LIBRARY, *(TrackId(UUID(int=number)) for number in range(21))]
    allowed = None if include is None else frozenset(known[number] for number in include)
    refused = frozenset(known[number] for number in exclude)
    query = LIBRARY[known[3]]
    left = {
        id_: cosine
        for id_, cosine in _cosines(LIBRARY, query).items()
        if id_ not in refused and (allowed is None or id_ in allowed)
    }

    hits = filled.search(MODEL, query, SearchParams(limit=limit, include=allowed, exclude=refused))

    assert {hit.id for hit in hits} <= left.keys()
    assert [hit.score for hit in hits] == pytest.approx(_best(left, limit), abs=FLOAT16_COSINE_ERROR)


def test_empty_include_allows_nothing(filled: Index) -> None:
    query = next(iter(LIBRARY.values()))
    assert filled.search(MODEL, query, SearchParams(include=frozenset())) == []


@pytest.mark.parametrize("limit", [-1, 0])
def test_no_limit_no_hits(filled: Index, limit: int) -> None:
    assert filled.search(MODEL, next(iter(LIBRARY.values())), SearchParams(limit=limit)) == []


def test_limit_beyond_all_measure_gives_everything(filled: Index) -> None:
    hits = filled.search(MODEL, next(iter(LIBRARY.values())), SearchParams(limit=10**12))
    assert {hit.id for hit in hits} == LIBRARY.keys()


def test_ten_thousand_ids_in_a_filter(filled: Index) -> None:
    wanted = list(LIBRARY)[:5]
    strangers = [TrackId(UUID(int=number)) for number in range(10_000 - len(wanted))]
    query = LIBRARY[wanted[0]]

    included = filled.search(MODEL, query, SearchParams(limit=10, include=frozenset([*wanted, *strangers])))
    excluded = filled.search(MODEL, query, SearchParams(limit=300, exclude=frozenset([*wanted, *strangers])))

    assert {hit.id for hit in included} == set(wanted)
    assert {hit.id for hit in excluded} == LIBRARY.keys() - set(wanted)


def test_upsert_replaces(index: Index) -> None:
    index.ensure(MODEL)
    first, second = list(library_of(2).items())
    index.upsert(MODEL, [point_of(*first), point_of(*second)])
    index.upsert(MODEL, [point_of(first[0], -first[1])])

    best = index.search(MODEL, first[1], SearchParams(limit=2))

    assert index.count(MODEL) == 2
    assert [hit.id for hit in best] == [second[0], first[0]]
    assert best[1].score == pytest.approx(-1, abs=FLOAT16_COSINE_ERROR)


def test_last_of_equal_ids_in_one_upsert_wins(index: Index) -> None:
    index.ensure(MODEL)
    (id_, vector), (_, other) = library_of(2).items()
    index.upsert(MODEL, [point_of(id_, vector), point_of(id_, other)])

    assert index.count(MODEL) == 1
    assert index.search(MODEL, other, SearchParams())[0].score == pytest.approx(1, abs=FLOAT16_COSINE_ERROR)


def test_delete_removes_and_ignores_unknown_ids(index: Index) -> None:
    index.ensure(MODEL)
    library = library_of(20)
    index.upsert(MODEL, points_of(library))
    gone, kept = list(library)[:15], set(list(library)[15:])

    index.delete(MODEL, [*gone, *gone, TrackId(uuid4())])
    index.delete(MODEL, [])

    assert index.count(MODEL) == len(kept)
    assert set(index.ids(MODEL)) == kept
    assert {hit.id for hit in index.search(MODEL, library[gone[0]], SearchParams(limit=99))} == kept


def test_ids_stream_over_pages(index: Index) -> None:
    index.ensure(MODEL)
    library = library_of(4500)
    index.upsert(MODEL, points_of(library))

    seen = list(index.ids(MODEL))

    assert index.count(MODEL) == len(library)
    assert len(seen) == len(library)
    assert set(seen) == library.keys()


def test_models_do_not_meet(index: Index) -> None:
    library, other = library_of(5), library_of(6, OTHER_MODEL, seed=8)
    shared = next(iter(library))
    other[shared] = next(iter(other.values()))
    for model in (MODEL, OTHER_MODEL):
        index.ensure(model)
    index.upsert(MODEL, points_of(library))
    index.upsert(OTHER_MODEL, points_of(other))
    index.delete(OTHER_MODEL, [shared])

    assert set(index.ids(MODEL)) == library.keys()
    assert set(index.ids(OTHER_MODEL)) == other.keys() - {shared}
    index.drop(OTHER_MODEL)
    assert index.count(OTHER_MODEL) == 0
    assert index.count(MODEL) == len(library)


def test_ensure_twice_keeps_thepoints_of(index: Index) -> None:
    index.ensure(MODEL)
    index.upsert(MODEL, points_of(library_of(3)))
    index.ensure(MODEL)
    assert index.count(MODEL) == 3


def test_ensure_refuses_other_dimensions(index: Index) -> None:
    index.ensure(MODEL)
    wider = ModelVersion(MODEL.name, MODEL.version, MODEL.dimensions + 1)
    with pytest.raises(IndexFailure, match=r"24.*25|25.*24") as caught:
        index.ensure(wider)
    assert "rebuild" in caught.value.hint or "QDB_COLLECTION" in caught.value.hint


def test_drop_then_start_anew(index: Index) -> None:
    index.drop(MODEL)
    index.ensure(MODEL)
    index.upsert(MODEL, points_of(library_of(3)))
    index.drop(MODEL)
    assert index.count(MODEL) == 0
    wider = ModelVersion(MODEL.name, MODEL.version, MODEL.dimensions + 1)
    index.ensure(wider)
    assert index.count(wider) == 0


def test_missing_collection_is_empty_but_not_writable(index: Index) -> None:
    (id_, vector), *_ = library_of(1).items()
    assert index.count(MODEL) == 0
    assert list(index.ids(MODEL)) == []
    assert index.search(MODEL, vector, SearchParams()) == []
    index.delete(MODEL, [id_])
    with pytest.raises(IndexFailure, match="collection"):
        index.upsert(MODEL, [point_of(id_, vector)])


def _with_nan() -> Vectors:
    vector = np.ones(MODEL.dimensions, dtype=np.float32)
    vector[3] = np.nan
    return vector


@pytest.mark.parametrize(
    "vector",
    [
        np.zeros(MODEL.dimensions, dtype=np.float32),
        _with_nan(),
        np.full(MODEL.dimensions, np.inf, dtype=np.float32),
        np.ones(MODEL.dimensions - 1, dtype=np.float32),
        np.ones((1, MODEL.dimensions), dtype=np.float32),
    ],
    ids=["zero", "nan", "infinite", "short", "two-dimensional"],
)
def test_unusable_vectors_are_refused_before_anything_is_written(index: Index, vector: Vectors) -> None:
    index.ensure(MODEL)
    (good, usable), (bad, _) = library_of(2).items()

    with pytest.raises(IndexFailure, match=str(bad)):
        index.upsert(MODEL, [point_of(good, usable), point_of(bad, vector)])
    with pytest.raises(IndexFailure, match="query"):
        index.search(MODEL, vector, SearchParams())

    assert index.count(MODEL) == 0


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(), max_size=40),
    number=st.integers() | st.floats() | st.booleans(),
    words=st.lists(st.text(st.characters(), max_size=10), max_size=3),
)
def test_any_payload_is_stored(filled: Index, text: str, number: float, words: list[str]) -> None:
    id_, vector = next(iter(LIBRARY.items()))
    payload: dict[str, PayloadValue] = {"title": text, text: text, "duration": number, "sounds": words}
    payload["album"] = "bad\udcff"
    filled.upsert(MODEL, [IndexPoint(id=id_, vector=vector, payload=payload)])
    assert filled.search(MODEL, vector, SearchParams(limit=1))[0].id == id_


def test_many_threads(index: Index) -> None:
    index.ensure(MODEL)
    library = library_of(400)
    ids = list(library)
    failures: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except BaseException as error:
                failures.append(error)

        return run

    def write(part: Sequence[TrackId]) -> None:
        for start in range(0, len(part), 20):
            index.upsert(MODEL, [point_of(id_, library[id_]) for id_ in part[start : start + 20]])
            assert index.search(MODEL, library[part[start]], SearchParams(limit=1))[0].id == part[start]

    def read() -> None:
        for id_ in ids[:40]:
            hits = index.search(MODEL, library[id_], SearchParams(limit=5))
            assert {hit.id for hit in hits} <= library.keys()
            assert set(index.ids(MODEL)) <= library.keys()

    threads = [threading.Thread(target=guarded(partial(write, ids[n::4]))) for n in range(4)]
    threads += [threading.Thread(target=guarded(read)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert failures == []
    assert set(index.ids(MODEL)) == library.keys()


CALLS: dict[str, Callable[[Index], object]] = {
    "ensure": lambda index: index.ensure(MODEL),
    "upsert": lambda index: index.upsert(MODEL, points_of(library_of(1))),
    "upsert nothing": lambda index: index.upsert(MODEL, []),
    "delete": lambda index: index.delete(MODEL, list(LIBRARY)),
    "delete nothing": lambda index: index.delete(MODEL, []),
    "search": lambda index: index.search(MODEL, next(iter(LIBRARY.values())), SearchParams()),
    "count": lambda index: index.count(MODEL),
    "ids": lambda index: index.ids(MODEL),
    "drop": lambda index: index.drop(MODEL),
}


def test_nothing_works_after_close(index: Index) -> None:
    index.ensure(MODEL)
    index.upsert(MODEL, points_of(library_of(3)))
    begun = index.ids(MODEL)
    index.close()
    index.close()

    for call in CALLS.values():
        with pytest.raises(IndexFailure, match="closed"):
            call(index)
    with pytest.raises(IndexFailure, match="closed"):
        next(begun)


def test_target_is_stable_and_names_the_prefix(index: Index) -> None:
    assert index.target == index.target
    assert "musicsim" in index.target
