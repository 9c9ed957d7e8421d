"""Artist and title of a track, edited: in its files, and in the library."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from musicsim_tui.audio.identity import examine
from musicsim_tui.errors import UnmetRequest
from musicsim_tui.jobs import CancelToken
from musicsim_tui.library.query import parse_query
from musicsim_tui.track import Tags
from tests.harness.audio_files import write_music
from tests.harness.library import ingest_into, library


def test_files_and_library_show_the_new_names(tmp_path: Path) -> None:
    music = tmp_path / "music"
    (music / "copy").mkdir(parents=True)
    first = write_music(music / "a.mp3", 1, 3.0, tags=Tags("Old", "Nobody", "Album", 1999))
    second = Path(shutil.copy(first, music / "copy" / "b.mp3"))
    with library(tmp_path / "data") as services:
        ingest_into(services, music)
        [track] = services.catalog.matching_ids(None)
        row = services.edit_tags(track, CancelToken(), artist="Bänd")
        assert (row.track.tags.title, row.track.tags.artist) == ("Old", "Bänd")
        row = services.edit_tags(track, CancelToken(), title="[b]New[/b]")
        assert row.track.tags == Tags("[b]New[/b]", "Bänd", "Album", 1999)
        for path in (first, second):
            assert examine(path).tags == row.track.tags
        assert services.catalog.matching_ids(parse_query("artist:band")) == [track]
        again = ingest_into(services)
        assert (again.added, again.relinked, again.skipped) == (0, 0, 2)


def test_a_track_without_files_cannot_be_edited(tmp_path: Path) -> None:
    path = write_music(tmp_path / "a.mp3", 1, 3.0)
    with library(tmp_path / "data") as services:
        ingest_into(services, path)
        [track] = services.catalog.matching_ids(None)
        path.unlink()
        with pytest.raises(UnmetRequest, match="No file"):
            services.edit_tags(track, CancelToken(), title="New")
