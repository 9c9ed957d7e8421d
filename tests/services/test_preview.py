from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from musicsim_tui.audio.encode import write_audio
from musicsim_tui.errors import AudioError, StorageError, UnmetRequest
from musicsim_tui.services import Services
from musicsim_tui.services.preview import find_playable
from musicsim_tui.track import Tags
from tests.harness.audio_files import RATE, tone
from tests.harness.library import ingest_into, library


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "music" / "song.flac"
    path.parent.mkdir()
    write_audio(path, tone(440.0, 3.0, amplitude=0.1), RATE, Tags("Song", "Band"))
    return path


@pytest.fixture
def services(tmp_path: Path, song: Path) -> Iterator[Services]:
    with library(tmp_path / "data") as opened:
        ingest_into(opened, song)
        yield opened


def test_a_track_is_played_from_its_file(services: Services, song: Path) -> None:
    (track,) = services.catalog.matching_ids(None)
    playable = find_playable(services, str(track)[:8])
    assert (playable.path, playable.title, playable.artist) == (song, "Song", "Band")
    assert playable.track_id == track
    assert playable.duration == pytest.approx(3.0, abs=0.01)
    assert playable.matching_gain == pytest.approx(23.0 - 18.0, abs=0.1)


def test_a_track_whose_first_file_is_gone_is_played_from_another(services: Services, song: Path) -> None:
    copy = song.with_name("copy.flac")
    copy.write_bytes(song.read_bytes())
    ingest_into(services, copy)
    song.unlink()
    (track,) = services.catalog.matching_ids(None)
    assert find_playable(services, str(track)).path == copy
    copy.unlink()
    with pytest.raises(StorageError, match="Song"):
        find_playable(services, str(track))


def test_a_file_of_the_library_brings_what_is_known_of_it(services: Services, song: Path) -> None:
    playable = find_playable(services, str(song))
    assert playable.track_id is not None
    assert playable.matching_gain == pytest.approx(5.0, abs=0.1)


def test_a_file_from_elsewhere_needs_no_library(tmp_path: Path, song: Path) -> None:
    with library(tmp_path / "nothing") as services:
        playable = find_playable(services, str(song))
        assert (playable.title, playable.artist, playable.duration) == ("Song", "Band", None)
        assert not services.settings.library_path.exists()


def test_what_cannot_be_played_is_refused(services: Services, tmp_path: Path) -> None:
    words = tmp_path / "words.mp3"
    words.write_bytes(b"the quick brown fox " * 500)
    with pytest.raises(AudioError, match="not audio"):
        find_playable(services, str(words))
    with pytest.raises(UnmetRequest, match="no file"):
        find_playable(services, "nowhere.mp3")
    with pytest.raises(UnmetRequest):
        find_playable(services, "0000ffff")
