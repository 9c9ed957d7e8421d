from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from musicsim_tui.library.catalog import Catalog
from musicsim_tui.track import Sound, Tags
from tests.library.samples import OTHER, SMALL, embedding, heard, record, track_id


def lacking(catalog: Catalog, target: str = "edge") -> list[int]:
    """Numbers of the tracks that the target lacks."""
    found = [entry.track_id for entry in catalog.unindexed(target, SMALL)]
    assert catalog.unindexed_count(target, SMALL) == len(found)
    assert catalog.indexed_count(target, SMALL) == catalog.embedded_count(SMALL) - len(found)
    numbers = {track_id(number): number for number in range(1, 50)}
    everything = {track for ids, _ in catalog.means(SMALL) for track in ids}
    assert catalog.indexed_ids(target, SMALL) == everything - set(found)
    return [numbers[track] for track in found]


@pytest.fixture
def three(catalog: Catalog) -> Catalog:
    """Three tracks, all indexed in `edge`."""
    catalog.store([heard(1), heard(2), heard(3)])
    assert lacking(catalog) == [1, 2, 3]
    catalog.mark_indexed("edge", SMALL, [track_id(number) for number in (1, 2, 3)])
    assert lacking(catalog) == []
    return catalog


def test_an_entry_carries_vector_and_metadata(catalog: Catalog) -> None:
    sounds = (Sound("Organ", 0.25, 0.0), Sound("Piano", 0.5, 10.0))
    catalog.store([heard(1, b"/music/\xff.mp3", Tags("", "Artist", "Album", 1999), sounds=sounds)])
    catalog.link_files([record(1, "/copy.mp3")])
    (entry,) = catalog.unindexed("edge", SMALL)
    row = catalog.track(track_id(1))
    assert row is not None
    assert entry.track_id == track_id(1)
    assert entry.vector.dtype == np.float32
    np.testing.assert_allclose(entry.vector, embedding(1).mean, rtol=1e-3)
    assert entry.payload == {
        "title": "\N{REPLACEMENT CHARACTER}",
        "artist": "Artist",
        "album": "Album",
        "year": 1999,
        "duration": 120.0,
        "sounds": ["Piano", "Organ"],
        "paths": ["/music/\N{REPLACEMENT CHARACTER}.mp3", "/copy.mp3"],
        "added": row.track.added,
    }


def test_targets_and_models_are_kept_apart(three: Catalog) -> None:
    assert lacking(three, "server") == [1, 2, 3]
    three.store([heard(1, heard_as=embedding(1, OTHER))])
    assert lacking(three) == []
    assert three.unindexed_count("edge", OTHER) == 1


def test_a_new_track_has_to_be_indexed(three: Catalog) -> None:
    three.store([heard(4)])
    assert lacking(three) == [4]


def test_marking_needs_no_asking_first(catalog: Catalog) -> None:
    catalog.store([heard(1), heard(2)])
    catalog.mark_indexed("edge", SMALL, [track_id(1), track_id(9)])
    assert lacking(catalog) == [2]


def test_an_index_of_an_unknown_model(catalog: Catalog) -> None:
    assert catalog.unindexed("edge", SMALL) == []
    assert catalog.unindexed_count("edge", SMALL) == catalog.indexed_count("edge", SMALL) == 0
    assert catalog.indexed_ids("edge", SMALL) == set()
    assert catalog.tombstones("edge", SMALL) == []
    catalog.mark_indexed("edge", SMALL, [track_id(1)])
    catalog.forget_indexed("edge", SMALL)
    catalog.clear_tombstones("edge", SMALL, [track_id(1)])


def test_the_oldest_come_first_up_to_the_limit(catalog: Catalog) -> None:
    catalog.store([heard(number) for number in range(1, 11)])
    first = [entry.track_id for entry in catalog.unindexed("edge", SMALL, limit=4)]
    assert first == [track_id(number) for number in (1, 2, 3, 4)]
    catalog.mark_indexed("edge", SMALL, first)
    assert lacking(catalog) == [5, 6, 7, 8, 9, 10]


def test_a_track_heard_anew_has_to_be_indexed_again(three: Catalog) -> None:
    three.store([heard(2, heard_as=embedding(9))])
    assert lacking(three) == [2]
    assert three.tombstones("edge", SMALL) == []


def test_a_lesser_hearing_changes_nothing(three: Catalog) -> None:
    three.store([heard(2, heard_as=embedding(9, coverage=4))])
    assert lacking(three) == []


def test_what_the_metadata_say_is_indexed_again(three: Catalog) -> None:
    three.link_files([record(1, tags=Tags("Other", "Artist 1", "Album 1", 2000))])
    assert lacking(three) == [1]
    three.link_files([record(2, "/copy.mp3")])
    assert lacking(three) == [1, 2]


def test_a_file_that_only_looks_newer_is_not_indexed_again(three: Catalog) -> None:
    file = record(1)
    three.link_files([type(file)(file.path, type(file.stamp)(9, 9), file.tags, file.track_id)])
    assert lacking(three) == []


def test_a_path_that_is_gone_is_no_longer_shown_by_the_index(three: Catalog) -> None:
    three.link_files([record(2, "/copy.mp3")])
    three.mark_indexed("edge", SMALL, [track_id(2)])
    three.mark_missing([Path("/copy.mp3")])
    (entry,) = three.unindexed("edge", SMALL)
    assert entry.payload["paths"] == ["/music/0002.mp3"]


def test_what_changes_while_it_is_indexed_is_indexed_again(three: Catalog) -> None:
    three.store([heard(4), heard(5)])
    handed = [entry.track_id for entry in three.unindexed("edge", SMALL)]
    three.link_files([record(4, tags=Tags("Changed meanwhile"))])
    three.mark_indexed("edge", SMALL, handed)
    assert lacking(three) == [4]
    three.mark_indexed("edge", SMALL, [track_id(4)])
    assert lacking(three) == []


def test_forgetting_some_or_all(three: Catalog) -> None:
    three.forget_indexed("edge", SMALL, [track_id(2), track_id(9)])
    assert lacking(three) == [2]
    three.forget_indexed("edge", SMALL)
    assert lacking(three) == [1, 2, 3]


def test_a_deleted_track_leaves_a_tombstone_where_it_may_be(three: Catalog) -> None:
    three.delete_tracks([track_id(2)])
    assert three.tombstones("edge", SMALL) == [track_id(2)]
    assert three.tombstones("server", SMALL) == []
    assert three.tombstones("edge", OTHER) == []
    assert lacking(three) == []
    three.clear_tombstones("edge", SMALL, [track_id(2), track_id(9)])
    assert three.tombstones("edge", SMALL) == []


def test_a_track_deleted_between_indexing_and_marking_leaves_a_tombstone(catalog: Catalog) -> None:
    catalog.store([heard(1)])
    handed = [entry.track_id for entry in catalog.unindexed("edge", SMALL)]
    catalog.delete_tracks(handed)
    catalog.mark_indexed("edge", SMALL, handed)
    assert catalog.tombstones("edge", SMALL) == handed


def test_a_track_that_is_back_has_no_tombstone(three: Catalog) -> None:
    three.delete_tracks([track_id(2)])
    three.store([heard(2)])
    assert three.tombstones("edge", SMALL) == []
    assert lacking(three) == [2]


def test_a_dropped_model_takes_its_bookkeeping_along(three: Catalog) -> None:
    three.delete_tracks([track_id(1)])
    three.drop_model(SMALL)
    assert three.tombstones("edge", SMALL) == []
    three.store([heard(2)])
    assert lacking(three) == [2]


def test_what_an_index_refuses_is_set_aside_until_it_changes(three: Catalog) -> None:
    three.store([heard(4), heard(5)])
    assert lacking(three) == [4, 5]
    three.set_aside("edge", SMALL, [track_id(4)])
    assert [entry.track_id for entry in three.unindexed("edge", SMALL)] == [track_id(5)]
    assert three.unindexed_count("edge", SMALL) == 1
    assert three.indexed_count("edge", SMALL) == 3
    assert track_id(4) not in three.indexed_ids("edge", SMALL)
    three.mark_indexed("edge", SMALL, [track_id(5)])
    assert three.models_behind("edge") == []
    three.store([heard(4, heard_as=embedding(44))])
    assert lacking(three) == [4]


def test_what_changed_meanwhile_is_not_set_aside(three: Catalog) -> None:
    three.store([heard(4)])
    three.unindexed("edge", SMALL)
    three.store([heard(4, heard_as=embedding(44))])
    three.set_aside("edge", SMALL, [track_id(4)])
    assert lacking(three) == [4]


def test_a_target_is_behind_in_what_it_lacks_and_in_what_was_deleted(three: Catalog) -> None:
    assert three.models_behind("edge") == []
    assert three.models_behind("server") == [SMALL]
    three.store([heard(1, heard_as=embedding(1, OTHER))])
    assert three.models_behind("edge") == [OTHER]
    three.delete_tracks([track_id(1)])
    assert three.models_behind("edge") == [SMALL]
    three.clear_tombstones("edge", SMALL, [track_id(1)])
    assert three.models_behind("edge") == []


def test_which_of_some_tracks_are_indexed(three: Catalog) -> None:
    three.store([heard(4)])
    asked = [track_id(number) for number in (2, 4, 9)]
    assert three.which_indexed("edge", SMALL, asked) == [track_id(2)]
    assert three.which_indexed("server", SMALL, asked) == []


def test_vectors_an_index_lacks_are_handed_out_up_to_a_number(three: Catalog) -> None:
    three.store([heard(4), heard(5)])
    assert three.pending_means("edge", SMALL, 1) is None
    lacked = three.pending_means("edge", SMALL, 2)
    assert lacked is not None
    ids, means = lacked
    assert ids == [track_id(4), track_id(5)]
    np.testing.assert_allclose(means, [embedding(4).mean, embedding(5).mean], rtol=1e-2, atol=1e-3)
    unknown = three.pending_means("server", SMALL, 5)
    assert unknown is not None
    assert len(unknown[0]) == 5
    nothing = three.pending_means("edge", OTHER, 5)
    assert nothing is not None
    assert nothing[1].shape == (0, OTHER.dimensions)
