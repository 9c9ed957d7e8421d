from __future__ import annotations

from pathlib import Path

from musicsim_tui.library.catalog import Catalog
from musicsim_tui.library.records import TrackRow
from musicsim_tui.track import Tags
from tests.library.samples import heard, record, track_id

OLD = Tags("Old", "Eric Skiff", "Resistor", 2010)
NEW = Tags("New", "E. Skiff", "Anthems", 2011)


def shown(catalog: Catalog, number: int = 1) -> TrackRow:
    row = catalog.track(track_id(number))
    assert row is not None
    return row


def test_a_track_shows_the_tags_of_its_oldest_file(catalog: Catalog) -> None:
    catalog.store([heard(1, "/z.mp3", OLD)])
    catalog.link_files([record(1, "/a.mp3", NEW)])
    assert shown(catalog).track.tags == OLD
    assert shown(catalog).track.paths == (Path("/z.mp3"), Path("/a.mp3"))


def test_when_the_oldest_file_goes_the_next_one_speaks(catalog: Catalog) -> None:
    catalog.store([heard(1, "/z.mp3", OLD)])
    catalog.link_files([record(1, "/a.mp3", NEW)])
    catalog.mark_missing([Path("/z.mp3")])
    assert shown(catalog).track.tags == NEW
    assert shown(catalog).track.paths == (Path("/a.mp3"),)
    assert not shown(catalog).track.missing
    assert [row.track.tags.title for row in catalog.tracks().rows] == ["New"]


def test_a_track_without_present_files_keeps_its_tags_and_last_paths(catalog: Catalog) -> None:
    catalog.store([heard(1, "/z.mp3", OLD)])
    catalog.mark_missing([Path("/z.mp3")])
    assert shown(catalog).track.missing
    assert shown(catalog).track.tags == OLD
    assert shown(catalog).track.paths == (Path("/z.mp3"),)


def test_a_track_whose_only_file_now_holds_other_content_keeps_its_name(catalog: Catalog) -> None:
    catalog.store([heard(1, "/music/Chibi Ninja.mp3", Tags())])
    assert shown(catalog).track.title == "Chibi Ninja"
    catalog.store([heard(2, "/music/Chibi Ninja.mp3", Tags())])
    assert shown(catalog).track.missing
    assert shown(catalog).track.paths == ()
    assert shown(catalog).track.title == "Chibi Ninja"


def test_a_retag_changes_the_track_and_its_place_in_every_order(catalog: Catalog) -> None:
    catalog.store([heard(1, "/1.mp3", OLD), heard(2, "/2.mp3", Tags("M", "M", "M", 2015))])
    catalog.link_files([record(1, "/1.mp3", Tags("Z", "Z", "Z", 2020))])
    for sort in ("artist", "title", "album", "year"):
        assert [row.track.tags.title for row in catalog.tracks(sort=sort).rows] == ["M", "Z"]


def test_the_day_a_track_was_added_stays(catalog: Catalog) -> None:
    catalog.store([heard(1)])
    added = shown(catalog).track.added
    catalog.store([heard(1, "/copy.mp3")])
    assert shown(catalog).track.added == added
