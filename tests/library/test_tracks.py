from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from musicsim_tui.errors import UnmetRequest, UsageError
from musicsim_tui.jobs import CancelToken
from musicsim_tui.library import embeddings, indexed, tracks
from musicsim_tui.library.catalog import Catalog
from musicsim_tui.library.query import parse_query
from musicsim_tui.library.tracks import SORTS
from musicsim_tui.track import ModelVersion, Sound, Tags, TrackId
from tests.library.samples import OTHER, SMALL, Clock, embedding, heard, record, track_id


def titles(catalog: Catalog, **options: object) -> list[str]:
    return [row.track.title for row in catalog.tracks(**options).rows]  # type: ignore[arg-type]


@pytest.fixture
def five(catalog: Catalog, clock: Clock) -> Catalog:
    songs = [
        ("Ångström", Tags("Ångström", "zoë", "Beta", 1990), 60.0),
        ("banana", Tags("banana", "Émile", "alpha", 2001), 300.0),
        ("Äpfel", Tags("Äpfel", "Emile", "Alpha", None), 10.0),
        ("Zebra", Tags("Zebra", "", "", 1985), 120.0),
        ("the end", Tags("the end", "abba", "Gamma", 1980), 90.0),
    ]
    for number, (_, tags, duration) in enumerate(songs, 1):
        clock.now += 1
        catalog.store([heard(number, tags=tags, duration=duration)])
    return catalog


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("artist", ["the end", "Äpfel", "banana", "Ångström", "Zebra"]),
        ("title", ["Ångström", "Äpfel", "banana", "the end", "Zebra"]),
        ("album", ["Äpfel", "banana", "Ångström", "the end", "Zebra"]),
        ("len", ["Äpfel", "Ångström", "the end", "Zebra", "banana"]),
        ("added", ["Ångström", "banana", "Äpfel", "Zebra", "the end"]),
        ("year", ["the end", "Zebra", "Ångström", "banana", "Äpfel"]),
    ],
)
def test_every_order_and_its_reverse(five: Catalog, sort: str, expected: list[str]) -> None:
    assert titles(five, sort=sort) == expected
    assert titles(five, sort=sort, descending=True) == expected[::-1]


def test_an_unknown_order_is_refused_with_the_nearest(five: Catalog) -> None:
    with pytest.raises(UsageError, match="titel") as refused:
        five.tracks(sort="titel")
    assert "title" in refused.value.hint
    with pytest.raises(UsageError):
        five.tracks(sort="artist_order; DROP TABLE tracks")


def test_pages_join_to_the_whole(five: Catalog) -> None:
    whole = titles(five)
    pages = [five.tracks(limit=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert [page.total for page in pages] == [5] * 4
    assert [row.track.title for page in pages for row in page.rows] == whole


def test_odd_limits(five: Catalog) -> None:
    assert titles(five, limit=0) == []
    assert titles(five, limit=-1) == []
    assert len(titles(five, limit=10**30, offset=-(10**30))) == 5
    assert five.tracks(parse_query("a"), limit=10**30, offset=10**30).rows == ()


@pytest.mark.parametrize("sort", sorted(SORTS))
def test_many_matches_come_in_the_same_order_as_few(catalog: Catalog, sort: str) -> None:
    """Above some number of matches another way of sorting takes over; both have to agree."""
    catalog.store(
        [
            heard(number, tags=Tags(f"Song {number % 97}", f"Artist {number % 13}", "", number % 50 or None))
            for number in range(1, 2400)
        ]
    )
    everything = titles(catalog, sort=sort, limit=5000)
    many = catalog.tracks(parse_query("song"), sort=sort, limit=5000)
    assert (many.total, [row.track.title for row in many.rows]) == (2399, everything)
    deep = catalog.tracks(parse_query("song"), sort=sort, descending=True, limit=10, offset=1000)
    assert [row.track.title for row in deep.rows] == everything[::-1][1000:1010]
    missing_too = catalog.tracks(parse_query("missing:any"), sort=sort, limit=5000)
    assert [row.track.title for row in missing_too.rows] == everything
    few = catalog.tracks(parse_query("title:96"), sort=sort, limit=5000)
    assert [row.track.id for row in few.rows] == [
        row.track.id for row in catalog.tracks(sort=sort, limit=5000).rows if "96" in row.track.title
    ]


def test_missing_tracks_are_left_out_unless_asked_for(five: Catalog) -> None:
    five.mark_missing([Path("/music/0001.mp3")])
    assert five.count() == 4
    assert "Ångström" not in titles(five)
    assert track_id(1) not in five.matching_ids(None)
    assert titles(five, where=parse_query("missing:yes")) == ["Ångström"]
    assert five.count(parse_query("missing:any")) == 5
    assert five.missing_ids() == [track_id(1)]
    assert set(five.tracks_by_id([track_id(1), track_id(2)])) == {track_id(1), track_id(2)}


def test_a_row_says_all(catalog: Catalog, clock: Clock) -> None:
    piano, organ = Sound("Piano", 0.25, 10.0), Sound("Organ", 0.5, 20.0)
    tags = Tags("Title", "Artist", "Album", 1999)
    catalog.store([heard(1, "/a.mp3", tags, duration=61.5, sounds=(piano, organ))])
    clock.now += 10
    catalog.store([heard(1, "/a.mp3", tags, duration=61.5, heard_as=embedding(1, OTHER))])
    row = catalog.track(track_id(1))
    assert row is not None
    assert row.track.id == track_id(1)
    assert row.track.tags == tags
    assert (row.track.duration, row.track.added) == (61.5, clock.now - 10)
    assert row.sounds == (organ, piano)
    assert row.models == ("other", "small")
    assert catalog.loudness(track_id(1)) == -14.0
    assert catalog.waveform(track_id(1)) == b"waveform"


def test_nothing_is_known_of_an_unknown_track(catalog: Catalog) -> None:
    assert catalog.track(track_id(9)) is None
    assert catalog.loudness(track_id(9)) is None
    assert catalog.waveform(track_id(9)) is None
    assert catalog.tracks_by_id([track_id(9)]) == {}
    assert catalog.track(track_id(9)) is None


def test_tracks_by_id_keep_the_order_asked_for(five: Catalog) -> None:
    asked = [track_id(number) for number in (4, 1, 9, 5, 4)]
    assert list(five.tracks_by_id(asked)) == [track_id(4), track_id(1), track_id(5)]


def test_an_id_or_its_beginning_finds_the_track(catalog: Catalog) -> None:
    catalog.store([heard(1)])
    one = TrackId(UUID("abcdef00-1111-4222-8333-444444444444"))
    other = TrackId(UUID("abcdef01-1111-4222-8333-444444444444"))
    for number, of in ((2, one), (3, other)):
        song = heard(number)
        catalog.store([song])
        catalog.delete_tracks([track_id(number)])
        file = record(number)
        renamed = type(file)(file.path, file.stamp, file.tags, of)
        catalog.store([type(song)(renamed, 60.0, -10.0, b"", embedding(number), ())])
    assert catalog.resolve(str(one)) == one
    assert catalog.resolve("ABCDEF01") == other
    assert catalog.resolve(" abcdef00-1111 ") == one
    with pytest.raises(UnmetRequest, match="Several") as several:
        catalog.resolve("abcdef0")
    assert str(one) in several.value.hint
    with pytest.raises(UnmetRequest, match="beef"):
        catalog.resolve("beef")
    for text in ("", "abc", "nonsense", "0" * 33, "--", "٣٣٣٣"):
        with pytest.raises(UsageError):
            catalog.resolve(text)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text())
def test_any_text_is_an_id_or_refused_in_words(catalog: Catalog, text: str) -> None:
    with pytest.raises((UsageError, UnmetRequest)):
        catalog.resolve(text)


def test_deleted_tracks_give_their_space_back_in_short_steps(catalog: Catalog) -> None:
    wide = ModelVersion("wide", 1, 2048)
    catalog.store([heard(n, heard_as=embedding(n, wide, windows=24)) for n in range(1, 451)])
    with Catalog.open(catalog.path) as other:
        full = os.path.getsize(catalog.path) + os.path.getsize(f"{catalog.path}-wal")
        steps: list[int] = []
        token = CancelToken()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(token, "check", lambda: steps.append(other.count()))
            assert catalog.delete_tracks([track_id(n) for n in range(1, 451)], token) == 450
    assert steps[:3] == [450, 250, 50]
    catalog.close()
    assert os.path.getsize(catalog.path) < full / 10


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "piano",
            "artist:artist",
            "-album:x",
            "len>1",
            "year:1990..2010",
            "sound:piano",
            "sound:pia>0.4",
        ),
        *("path:music", "missing:yes", "missing:any", "sound:organ or (path:copy -title:2)"),
        "path:copy missing:any",
    ],
)
def test_judging_a_few_tracks_agrees_with_finding_all(catalog: Catalog, text: str) -> None:
    piano, organ = Sound("Piano", 0.5, 0.0), Sound("Organ", 0.25, 10.0)
    catalog.store(
        [heard(1, sounds=(piano, organ)), heard(2, sounds=(organ,)), heard(3), heard(4, sounds=(piano,))]
    )
    catalog.link_files([record(2, "/copy/2.mp3"), record(4, "/copy/4.mp3")])
    catalog.mark_missing([record(4).path, Path("/copy/4.mp3"), Path("/copy/2.mp3"), record(3).path])
    everything = [track_id(number) for number in range(1, 6)]
    query = parse_query(text)
    assert catalog.which_match(everything, query) == set(catalog.matching_ids(query))
    assert catalog.which_match(everything[1:], query) == set(catalog.matching_ids(query)) - {track_id(1)}
    assert catalog.which_match([], query) == set()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with Catalog.open(tmp_path_factory.mktemp("large") / "library.db") as catalog:
        piano = (Sound("Piano", 0.5, 0.0),)
        catalog.store([heard(number, sounds=piano) for number in range(1, 2001)])
        yield catalog


@pytest.mark.parametrize("text", ["", "len>1", "sound:piano", "path:music", "year:2000 or missing:yes"])
def test_judging_a_few_tracks_looks_at_no_others(large: Catalog, text: str) -> None:
    few, query = [track_id(number) for number in (5, 700, 1900)], parse_query(text)
    assert large.which_match(few, query) == set(few)
    with large._read() as db:
        assert _hundreds_of_steps(db, lambda: tracks.which_match(db, few, query)) < 10


def test_reading_of_a_few_tracks_reads_no_others(large: Catalog) -> None:
    few = [track_id(number) for number in range(5, 2000, 100)]
    with large._read() as db:
        for read in (
            lambda: embeddings.windows(db, few, SMALL),
            lambda: embeddings.sounds(db, few, SMALL),
            lambda: indexed.which_indexed(db, 1, 1, few),
        ):
            assert _hundreds_of_steps(db, read) < 30


def _hundreds_of_steps(db: sqlite3.Connection, read: Callable[[], object]) -> int:
    """How often SQLite's machine carries out a hundred instructions, the same on every computer."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    db.set_progress_handler(count, 100)
    try:
        assert read()
    finally:
        db.set_progress_handler(None, 0)
    return steps


def test_deleting_a_track_deletes_all_that_hangs_on_it(catalog: Catalog) -> None:
    catalog.store([heard(1, sounds=(Sound("Piano", 0.5, 0.0),)), heard(2)])
    assert catalog.delete_tracks([track_id(1), track_id(1), track_id(9)]) == 1
    assert catalog.track(track_id(1)) is None
    assert catalog.embedding(track_id(1), SMALL) is None
    assert catalog.windows([track_id(1)], SMALL) == {}
    assert catalog.count(parse_query("sound:piano")) == 0
    assert catalog.known_files(Path("/music/0001.mp3")) == {}
    assert catalog.embedded_count(SMALL) == 1
    assert catalog.check() == []


@pytest.mark.parametrize(
    ("where", "way"),
    [
        ("title:x", "SCAN t"),
        ("title:x len>0:10", "SCAN t"),
        ("title:x missing:no", "SCAN t"),
        ("len>5:00", "tracks_by_duration"),
        ("year:1990", "tracks_by_year"),
        ("missing:yes", "(missing=?)"),
        ("word", "(missing=?)"),
    ],
)
def test_ids_in_no_order_come_by_the_quickest_way(
    five: Catalog, tmp_path: Path, where: str, way: str
) -> None:
    asked: list[str] = []
    with sqlite3.connect(tmp_path / "library.db") as db:
        db.set_trace_callback(asked.append)
        found = tracks.matching_ids(db, parse_query(where), 3)
        db.set_trace_callback(None)
        (plan,) = db.execute(f"EXPLAIN QUERY PLAN {asked[0]}").fetchall()
    db.close()
    assert way in plan[3]
    assert set(found) <= set(five.matching_ids(parse_query(where)))
