from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from musicsim_tui.library.catalog import Catalog
from musicsim_tui.library.query import parse_query
from musicsim_tui.track import Sound, Tags
from tests.library.samples import OTHER, Clock, embedding, heard, record, track_id

NOW = datetime(2026, 11, 15, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """1 and 2 are there, 3 has nothing but a name, 4 is missing; added 1, 10, 40 and 400 days ago."""
    clock = Clock()
    songs = [
        heard(
            1,
            "/music/chip/Dizzy.mp3",
            Tags("A Night of Dizzy Spells", "Eric Skiff", "Resistor Anthems", 2010),
            duration=114.5,
            sounds=(Sound("Synthesizer", 0.8, 0.0), Sound("Piano", 0.2, 0.0)),
        ),
        heard(
            2,
            "/music/ice/Jóga.flac",
            Tags("Jóga", "Björk", "Homogenic", 1997),
            duration=305.0,
            sounds=(Sound("Electric piano", 0.6, 0.0),),
        ),
        heard(3, "/music/untagged [50%].ogg", Tags(), duration=90.0),
        heard(4, "/gone/skiff.mp3", Tags("Gone", "Skiff", "", None), duration=60.0),
    ]
    with Catalog.open(tmp_path_factory.mktemp("conditions") / "library.db", clock=clock) as catalog:
        for song, days in zip(songs, (1, 10, 40, 400), strict=True):
            clock.now = (NOW - timedelta(days=days)).timestamp()
            catalog.store([song])
        catalog.link_files([record(2, "/backup/Joga.mp3", Tags("Joga", "Bjork", "", 1998))])
        catalog.mark_missing([Path("/gone/skiff.mp3"), Path("/backup/Joga.mp3")])
        catalog.store([heard(2, "/music/ice/Jóga.flac", songs[1].file.tags, heard_as=embedding(2, OTHER))])
        yield catalog


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", [1, 2, 3]),
        ("night", [1]),
        ("NIGHT skiff", [1]),
        ("night jóga", []),
        ("joga", [2]),
        ("JÓGA bjork homogenic", [2]),
        ('"dizzy spells"', [1]),
        ('"spells dizzy"', []),
        ('"skiff resistor"', []),
        ("untagged", [3]),
        ("50%", [3]),
        ("artist:skiff", [1]),
        ("artist:night", []),
        ("title:night", [1]),
        ("title:skiff", []),
        ("title:resistor", []),
        ("album:resistor", [1]),
        ("album:skiff", []),
        ('artist:""', [3]),
        ('-artist:""', [1, 2]),
        ("sound:piano", [1, 2]),
        ("sound:PIANO>0.3", [2]),
        ("sound:piano<0.3", [1]),
        ('sound:"electric piano"', [2]),
        ("-sound:piano", [3]),
        ("sound:drum", []),
        ("len>1:54", [1, 2]),
        ("len:1:54", [1]),
        ("len:1:30..1:54", [1, 3]),
        ("len<=90", [3]),
        ("len<90", []),
        ("year>=1997", [1, 2]),
        ("year>1997", [1]),
        ("-year>=1997", [3]),
        ("year:1990s", [2]),
        ("year<2000", [2]),
        ("year:9999..", []),
        ("added<7d", [1]),
        ("added>7d", [2, 3]),
        ("added:2026-11", [1, 2]),
        ("added>=2026-11-10", [1]),
        ("added:2026-10..2026-10", [3]),
        ("added:yesterday", [1]),
        ("missing:yes", [4]),
        ("missing:no", [1, 2, 3]),
        ("missing:any", [1, 2, 3, 4]),
        ("-missing:yes", [1, 2, 3]),
        ("missing:any skiff", [1, 4]),
        ("missing:yes or bjork", [2, 4]),
        ("path:chip", [1]),
        ("path:/MUSIC/ice", [2]),
        ("path:50%", [3]),
        ("path:backup", []),
        ("path:gone", []),
        ("path:gone missing:any", [4]),
        ("-path:music", []),
        ("night or joga", [1, 2]),
        ("-(night or joga)", [3]),
        ("(night or untagged) -sound:synth", [3]),
        ("sound:piano (len>5:00 or year:2010) -album:homogenic", [1]),
    ],
)
def test_which_tracks_a_query_finds(library: Catalog, text: str, numbers: list[int]) -> None:
    query = parse_query(text, now=NOW)
    assert set(library.matching_ids(query)) == {track_id(number) for number in numbers}
    assert library.count(query) == len(numbers)
    assert {row.track.id for row in library.tracks(query, sort="len").rows} == {
        track_id(number) for number in numbers
    }
