from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from musicsim_tui.jobs import Cancelled, CancelToken
from musicsim_tui.library.catalog import Catalog
from musicsim_tui.library.query import parse_query
from musicsim_tui.library.records import Failure, HeardTrack, ModelUse
from musicsim_tui.track import Embedding, ModelVersion, Sound
from tests.library.samples import OTHER, SMALL, embedding, heard, record, track_id

PIANO = Sound("Piano", 0.5, 10.0)
ORGAN = Sound("Organ", 0.25, 0.0)


def stored(catalog: Catalog, number: int = 1, model: ModelVersion = SMALL) -> Embedding:
    found = catalog.embedding(track_id(number), model)
    assert found is not None
    return found


def assert_same(one: Embedding, other: Embedding) -> None:
    assert (one.model, one.coverage) == (other.model, other.coverage)
    np.testing.assert_array_equal(one.mean, other.mean.astype(np.float16).astype(np.float32))
    np.testing.assert_array_equal(one.windows, other.windows)
    np.testing.assert_array_equal(one.starts, other.starts)
    assert [a.dtype for a in (one.mean, one.windows, one.starts)] == [np.float32, np.float16, np.float32]


@pytest.mark.parametrize("windows", [0, 1, 2, 30])
@pytest.mark.parametrize("coverage", [None, 8])
def test_an_embedding_comes_back_as_it_was(catalog: Catalog, windows: int, coverage: int | None) -> None:
    told = embedding(1, coverage=coverage, windows=windows)
    catalog.store([heard(1, heard_as=told)])
    assert_same(stored(catalog), told)


def test_models_and_versions_are_kept_apart(catalog: Catalog) -> None:
    newer = replace(SMALL, version=2)
    wider = replace(SMALL, dimensions=5)
    for seed, model in enumerate([SMALL, newer, wider, OTHER]):
        catalog.store([heard(1, heard_as=embedding(seed, model, windows=seed + 1))])
    assert catalog.models() == [
        ModelUse(OTHER, 1, 4),
        ModelUse(SMALL, 1, 1),
        ModelUse(wider, 1, 3),
        ModelUse(newer, 1, 2),
    ]
    assert_same(stored(catalog, model=newer), embedding(1, newer, windows=2))
    assert catalog.embedding(track_id(1), replace(OTHER, version=9)) is None


@pytest.mark.parametrize(
    ("have", "offered", "replaced"),
    [(None, 8, False), (8, 4, False), (8, None, True), (4, 8, True), (8, 8, True), (None, None, True)],
)
def test_a_lesser_coverage_never_replaces_a_greater_one(
    catalog: Catalog, have: int | None, offered: int | None, replaced: bool
) -> None:
    old, new = embedding(1, coverage=have), embedding(2, coverage=offered)
    catalog.store([heard(1, sounds=(PIANO,), heard_as=old)])
    catalog.store([heard(1, "/copy.mp3", sounds=(ORGAN,), heard_as=new)])
    assert_same(stored(catalog), new if replaced else old)
    row = catalog.track(track_id(1))
    assert row is not None
    assert row.sounds == ((ORGAN,) if replaced else (PIANO,))
    assert len(row.track.paths) == 2


@pytest.mark.parametrize(
    ("have", "asked", "enough"),
    [(None, None, True), (None, 8, True), (8, 8, True), (8, 4, True), (4, 8, False), (8, None, False)],
)
def test_what_was_heard_is_told_by_how_much_of_it(
    catalog: Catalog, have: int | None, asked: int | None, enough: bool
) -> None:
    catalog.store([heard(1, heard_as=embedding(1, coverage=have))])
    assert catalog.embedded_ids(SMALL, asked) == ({track_id(1)} if enough else set())
    assert catalog.embedded_ids(OTHER, asked) == set()


def test_the_same_content_twice_is_one_track_with_two_files(catalog: Catalog) -> None:
    catalog.store([heard(1, "/a.mp3"), heard(1, "/b.mp3")])
    assert catalog.count() == catalog.embedded_count(SMALL) == 1
    assert set(catalog.known_files(Path("/"))) == {b"/a.mp3", b"/b.mp3"}


@pytest.mark.parametrize(
    "broken",
    [
        replace(embedding(), mean=np.zeros(3, np.float32)),
        replace(embedding(), starts=np.zeros(5, np.float32)),
        replace(embedding(), windows=np.full((2, 4), np.nan, np.float16)),
        replace(embedding(), mean=np.full(4, np.inf, np.float32)),
    ],
)
def test_an_embedding_that_cannot_be_right_stores_nothing(catalog: Catalog, broken: Embedding) -> None:
    with pytest.raises(ValueError, match="embedding of small v1"):
        catalog.store([heard(1), heard(2, heard_as=broken)])
    assert catalog.count() == 0


@pytest.mark.parametrize(
    "broken",
    [
        replace(heard(2), duration=math.nan),
        replace(heard(2), sounds=(Sound("Piano", math.inf, 0.0),)),
        replace(heard(2), sounds=(Sound("Piano", 0.5, math.nan),)),
    ],
)
def test_numbers_that_are_none_store_nothing(catalog: Catalog, broken: HeardTrack) -> None:
    with pytest.raises(ValueError, match="finite"):
        catalog.store([heard(1), broken])
    assert catalog.count() == 0


def test_loudness_that_could_not_be_measured_is_unknown(catalog: Catalog) -> None:
    catalog.store([replace(heard(1), loudness=math.nan), replace(heard(2), loudness=-math.inf)])
    assert catalog.loudness(track_id(1)) is None
    assert catalog.loudness(track_id(2)) == -math.inf


def test_a_mean_beyond_float16_is_clipped_not_infinite(catalog: Catalog) -> None:
    catalog.store([heard(1, heard_as=replace(embedding(), mean=np.full(4, 1e6, np.float32)))])
    assert np.isfinite(stored(catalog).mean).all()


def test_arrays_of_any_layout_are_stored_as_their_values(catalog: Catalog) -> None:
    told = embedding(3, windows=4)
    strided = replace(
        told,
        mean=np.repeat(told.mean, 2)[::2],
        windows=np.asfortranarray(told.windows),
        starts=told.starts.astype(">f4"),
    )
    catalog.store([heard(1, heard_as=strided)])
    assert_same(stored(catalog), told)


def test_windows_of_many_tracks(catalog: Catalog) -> None:
    catalog.store([heard(number) for number in range(1, 601)])
    ids = [track_id(number) for number in range(1, 700)]
    found = catalog.windows(ids, SMALL)
    assert len(found) == 600
    vectors, starts = found[track_id(600)]
    np.testing.assert_array_equal(vectors, embedding(600).windows)
    np.testing.assert_array_equal(starts, embedding(600).starts)
    assert catalog.windows(ids, OTHER) == {}


@pytest.mark.parametrize("batch", [1, 3, 7, 1024])
def test_means_are_streamed_whole(catalog: Catalog, batch: int) -> None:
    catalog.store([heard(number) for number in range(1, 8)])
    catalog.store([heard(1, heard_as=embedding(1, OTHER))])
    batches = list(catalog.means(SMALL, batch=batch))
    assert all(len(ids) == len(vectors) <= batch for ids, vectors in batches)
    assert [track for ids, _ in batches for track in ids] == [track_id(number) for number in range(1, 8)]
    np.testing.assert_array_equal(
        np.concatenate([vectors for _, vectors in batches]),
        np.stack([embedding(number).mean for number in range(1, 8)]).astype(np.float16),
    )
    assert list(catalog.means(ModelVersion("none", 1, 4))) == []


def test_means_of_chosen_tracks_are_those_of_the_model(catalog: Catalog) -> None:
    numbers = range(1, 1_202)  # more than one statement asks for
    catalog.store([heard(number) for number in numbers])
    catalog.store([heard(2, heard_as=embedding(9, OTHER)), heard(9_000, heard_as=embedding(8, OTHER))])
    asked = [track_id(number) for number in (*numbers, 9_000, 9_001)]
    found = catalog.means_by_id(asked, SMALL)
    assert found.keys() == {track_id(number) for number in numbers}
    for number in (1, 2, 1_201):
        np.testing.assert_array_equal(found[track_id(number)], embedding(number).mean.astype(np.float16))
    assert catalog.means_by_id(asked, OTHER).keys() == {track_id(2), track_id(9_000)}
    assert catalog.means_by_id([], SMALL) == {}
    assert catalog.means_by_id(asked, ModelVersion("none", 1, 4)) == {}


def test_a_stream_of_means_lets_others_write_and_gives_each_track_once(catalog: Catalog) -> None:
    catalog.store([heard(number) for number in range(1, 7)])
    stream = catalog.means(SMALL, batch=2)
    first, _ = next(stream)
    catalog.store([heard(1), heard(6), heard(7)])
    catalog.delete_tracks([track_id(3)])
    rest = [track for ids, _ in stream for track in ids]
    assert first + rest == [track_id(number) for number in (1, 2, 4, 5, 6, 7)]


def test_samples_are_the_same_for_the_same_seed(catalog: Catalog) -> None:
    catalog.store([heard(number) for number in range(1, 51)])
    sample = catalog.sample_ids(SMALL, 10, seed=3)
    assert len(set(sample)) == 10
    assert sample == catalog.sample_ids(SMALL, 10, seed=3)
    assert sample != catalog.sample_ids(SMALL, 10, seed=4)
    assert set(catalog.sample_ids(SMALL, 99)) == {track_id(number) for number in range(1, 51)}
    assert catalog.sample_ids(OTHER, 10) == []


def test_sounds_by_model_strongest_first(catalog: Catalog) -> None:
    catalog.store([heard(1, sounds=(ORGAN, PIANO, replace(PIANO, score=0.1))), heard(2)])
    asked = [track_id(number) for number in (1, 2, 3)]
    assert catalog.sounds(asked, SMALL) == {track_id(1): (PIANO, ORGAN), track_id(2): ()}
    assert catalog.sounds(asked, OTHER) == {}


def test_a_dropped_model_leaves_tracks_and_other_models_and_gives_back_its_space(catalog: Catalog) -> None:
    wide = ModelVersion("wide", 1, 2048)
    catalog.store([heard(n, sounds=(PIANO,), heard_as=embedding(n, wide, windows=24)) for n in range(1, 251)])
    catalog.store([heard(n, heard_as=embedding(n)) for n in range(1, 251)])
    catalog.unindexed("edge", wide)
    full = _size(catalog)
    assert catalog.drop_model(wide) == 250
    assert [use.model for use in catalog.models()] == [SMALL]
    assert catalog.count() == catalog.embedded_count(SMALL) == 250
    assert catalog.count(parse_query("sound:piano")) == 0
    assert catalog.unindexed("edge", wide) == []
    assert catalog.check() == []
    catalog.close()
    assert os.path.getsize(catalog.path) < full / 10


def test_a_cancelled_drop_can_be_finished(catalog: Catalog) -> None:
    catalog.store([heard(1)])
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        catalog.drop_model(SMALL, token)
    assert catalog.drop_model(SMALL) == 1
    assert catalog.drop_model(SMALL) == 0


def test_a_model_waits_for_what_is_there_and_did_not_fail(catalog: Catalog) -> None:
    catalog.store([heard(number) for number in range(1, 6)])
    catalog.store([heard(1, heard_as=embedding(1, OTHER))])
    assert catalog.waiting_count(OTHER) == 4
    catalog.mark_missing([record(2).path])
    assert catalog.waiting_count(OTHER) == 3
    catalog.record_failures([Failure(record(3).path, None, "decode", "damaged", "", 0.0, 1)])
    assert catalog.waiting_count(OTHER) == 2
    catalog.link_files([record(3, "/copy.mp3")])
    assert catalog.waiting_count(OTHER) == 3
    assert catalog.waiting_count(SMALL) == 0
    assert catalog.present_counts() == {OTHER: 1, SMALL: 4}


def test_a_dropped_model_can_be_heard_again(catalog: Catalog) -> None:
    catalog.store([heard(1)])
    catalog.drop_model(SMALL)
    catalog.store([heard(1)])
    assert catalog.embedded_count(SMALL) == 1


def _size(catalog: Catalog) -> int:
    return sum(os.path.getsize(f"{catalog.path}{end}") for end in ("", "-wal"))
