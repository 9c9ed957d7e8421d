from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from musicsim_tui.library.catalog import Catalog
from musicsim_tui.library.records import (
    CHANGING,
    CUT_OFF,
    Failure,
    FileStamp,
    FileState,
    Flaw,
    KnownFile,
)
from musicsim_tui.track import Tags
from tests.library.samples import SMALL, heard, record, track_id

names = st.binary(min_size=1, max_size=5).filter(
    lambda name: not set(name) & set(b"/\0") and name not in (b".", b"..")
)
paths = st.lists(names, min_size=1, max_size=3).map(lambda parts: b"/" + b"/".join(parts))


STAMP = FileStamp(5, 6)


def failure(path: str, stamp: FileStamp | None = STAMP) -> Failure:
    return Failure(Path(path), stamp, "decode", "It is no audio.", "Convert it.", 1_800_000_000.0, 1)


def test_known_files_at_and_below_a_folder(catalog: Catalog) -> None:
    for number, path in enumerate(["/a/b/1.mp3", "/a/b2/1.mp3", "/a/b", "/a/b.mp3", "/c/1.mp3"], 1):
        catalog.store([heard(number, path)])
    assert set(catalog.known_files(Path("/a/b"))) == {b"/a/b/1.mp3", b"/a/b"}
    assert set(catalog.known_files(Path("/a/b.mp3"))) == {b"/a/b.mp3"}
    assert len(catalog.known_files(Path("/"))) == 5
    assert catalog.known_files(Path("/nowhere")) == {}


def test_known_files_say_what_was_there(catalog: Catalog) -> None:
    catalog.store([heard(1)])
    catalog.mark_missing([Path("/music/0001.mp3"), Path("/music/unknown.mp3")])
    assert catalog.known_files(Path("/music")) == {
        b"/music/0001.mp3": KnownFile(FileStamp(1001, 10**18 + 1), FileState.MISSING, track_id(1))
    }


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(paths, min_size=1, max_size=6, unique=True), paths)
def test_any_bytes_make_a_path(catalog: Catalog, stored: list[bytes], under: bytes) -> None:
    catalog.delete_tracks([track_id(number) for number in range(1, 10)])
    catalog.store([heard(number, path) for number, path in enumerate(stored, 1)])
    assert set(catalog.known_files(Path("/"))) == set(stored)
    assert set(catalog.known_files(Path(os.fsdecode(under)))) == {
        path for path in stored if path == under or path.startswith(under + b"/")
    }
    found = catalog.tracks_at([Path(os.fsdecode(path)) for path in stored])
    assert found == {path: track_id(number) for number, path in enumerate(stored, 1)}
    assert {os.fsencode(row.track.paths[0]) for row in catalog.tracks(limit=10).rows} == set(stored)


@pytest.mark.parametrize("mtime_ns", [0, -1, 2**63 - 1, 2**63, 10**21, -(10**21)])
def test_any_time_of_change_comes_back_as_it_was(catalog: Catalog, mtime_ns: int) -> None:
    stamp = FileStamp(2**40, mtime_ns)
    catalog.store([heard(1)])
    catalog.link_files([record(1, stamp=stamp)])
    assert catalog.known_files(Path("/"))[b"/music/0001.mp3"].stamp == stamp
    catalog.record_failures([failure("/music/bad.mp3", stamp)])
    assert catalog.failed_files(Path("/")) == {b"/music/bad.mp3": stamp}


def test_a_copy_is_a_second_file_of_its_track(catalog: Catalog) -> None:
    catalog.store([heard(1)])
    catalog.link_files([record(1, "/backup/song.mp3")])
    row = catalog.track(track_id(1))
    assert row is not None
    assert row.track.paths == (Path("/music/0001.mp3"), Path("/backup/song.mp3"))
    assert catalog.count() == 1
    assert catalog.track_at(Path("/backup/song.mp3")) == track_id(1)


def test_a_file_that_is_back_is_present_again(catalog: Catalog) -> None:
    catalog.store([heard(1)])
    catalog.mark_missing([Path("/music/0001.mp3")])
    assert catalog.missing_ids() == [track_id(1)]
    catalog.link_files([record(1)])
    assert catalog.missing_ids() == []
    assert catalog.known_files(Path("/"))[b"/music/0001.mp3"].state is FileState.PRESENT


def test_other_content_under_an_old_name_moves_the_file(catalog: Catalog) -> None:
    catalog.store([heard(1, "/music/song.mp3"), heard(2, "/music/other.mp3")])
    catalog.link_files([record(2, "/music/song.mp3")])
    assert catalog.track_at(Path("/music/song.mp3")) == track_id(2)
    assert catalog.missing_ids() == [track_id(1)]
    row = catalog.track(track_id(2))
    assert row is not None
    assert row.track.paths == (Path("/music/other.mp3"), Path("/music/song.mp3"))


def test_a_file_of_a_deleted_track_is_left_out(catalog: Catalog) -> None:
    catalog.link_files([record(1)])
    assert catalog.known_files(Path("/")) == {}
    assert catalog.track(track_id(1)) is None


def test_tracks_at_answers_for_known_paths_as_they_were_given(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    catalog.store([heard(1, os.fsencode(Path.cwd() / "song.mp3"))])
    assert catalog.tracks_at([Path("song.mp3"), Path("unknown.mp3")]) == {b"song.mp3": track_id(1)}
    assert catalog.track_at(Path("unknown.mp3")) is None


def test_thousands_of_paths_at_once(catalog: Catalog) -> None:
    catalog.store([heard(number) for number in range(1, 1300)])
    everything = [Path(f"/music/{number:04}.mp3") for number in range(1, 1300)]
    assert len(catalog.tracks_at(everything)) == 1299
    catalog.mark_missing(everything)
    assert len(catalog.missing_ids()) == 1299


def test_odd_years_are_no_years(catalog: Catalog) -> None:
    for number, year in enumerate([0, -5, 10_000, 10**30, 1985], 1):
        catalog.store([heard(number, tags=Tags("T", "A", "B", year))])
    years = {row.track.id: row.track.tags.year for row in catalog.tracks().rows}
    assert years == {track_id(n): None for n in range(1, 5)} | {track_id(5): 1985}


def test_failures_count_their_attempts(catalog: Catalog) -> None:
    first = failure("/music/bad.mp3")
    catalog.record_failures([first, failure("/music/unreadable.mp3", None)])
    catalog.record_failures([replace(first, reason="Still no audio.", at=1_800_000_100.0)])
    assert catalog.failures() == [
        replace(first, reason="Still no audio.", at=1_800_000_100.0, attempts=2),
        failure("/music/unreadable.mp3", None),
    ]
    assert catalog.failed_files(Path("/music")) == {
        b"/music/bad.mp3": FileStamp(5, 6),
        b"/music/unreadable.mp3": None,
    }
    assert catalog.failed_files(Path("/mus")) == {}


CUT = Flaw(CUT_OFF, "The file is cut off.", "Fetch it again.")
CHANGES = Flaw(CHANGING, "The sample rate changes.", "Convert it again.")


def stages(catalog: Catalog) -> dict[str, str]:
    return {str(failure.path): failure.stage for failure in catalog.failures()}


def test_what_is_wrong_with_a_heard_file_is_listed_until_it_is_heard_without(catalog: Catalog) -> None:
    catalog.record_failures([failure("/music/0001.mp3")])
    catalog.store([replace(heard(1), flaw=CUT), heard(2)])
    (cut,) = catalog.failures()
    assert (cut.path, cut.reason, cut.hint) == (Path("/music/0001.mp3"), CUT.reason, CUT.hint)
    assert cut.stamp == heard(1).file.stamp
    assert cut.heard
    assert not failure("/music/bad.mp3").heard
    catalog.store([heard(1)])
    assert catalog.failures() == []


def test_a_flaw_goes_with_its_sound(catalog: Catalog) -> None:
    catalog.store([replace(heard(1), flaw=CHANGES), heard(2)])
    later = FileStamp(7, 8)
    catalog.link_files([record(1, stamp=later), record(1, "/music/copy.mp3")])
    assert stages(catalog) == {"/music/0001.mp3": CHANGING, "/music/copy.mp3": CHANGING}
    assert catalog.failed_files(Path("/music"))[b"/music/0001.mp3"] == later
    catalog.link_files([record(2, "/music/copy.mp3")])
    assert stages(catalog) == {"/music/0001.mp3": CHANGING}


def test_files_that_are_whole_can_be_left_out(catalog: Catalog) -> None:
    catalog.store([replace(heard(1), flaw=CHANGES), replace(heard(2), flaw=CUT)])
    catalog.record_failures([failure("/music/bad.mp3")])
    assert len(catalog.failed_files(Path("/music"))) == 3
    assert set(catalog.failed_files(Path("/music"), whole=False)) == {b"/music/0002.mp3", b"/music/bad.mp3"}


def test_failures_are_cleared_by_name_or_all(catalog: Catalog) -> None:
    catalog.record_failures([failure(f"/music/{name}") for name in "abc"])
    assert catalog.clear_failures([Path("/music/a"), Path("/music/z")]) == 1
    assert catalog.clear_failures() == 2
    assert catalog.failures() == []


def test_a_file_that_is_heard_or_linked_has_failed_no_more(catalog: Catalog) -> None:
    catalog.record_failures([failure("/music/0001.mp3"), failure("/music/copy.mp3")])
    catalog.store([heard(1)])
    assert [found.path for found in catalog.failures()] == [Path("/music/copy.mp3")]
    catalog.link_files([record(1, "/music/copy.mp3")])
    assert catalog.failures() == []


def test_hostile_tags_are_only_data(catalog: Catalog) -> None:
    tags = Tags("'; DROP TABLE tracks;--\x00\ud800", "[red]%_\x1b[2J", '"\\', 1999)
    catalog.store([heard(1, tags=tags)])
    row = catalog.track(track_id(1))
    assert row is not None
    assert row.track.tags.artist == "[red]%_ [2J"
    assert row.track.tags.album == '"\\'
    assert catalog.unindexed("edge", SMALL)[0].payload["artist"] == "[red]%_ [2J"
