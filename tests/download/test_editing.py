"""Artist and title, edited in files of every format."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutagen.id3 import APIC, ID3, TALB, TIT2, WOAS

from musicsim_tui.audio.encode import write_audio
from musicsim_tui.audio.identity import examine
from musicsim_tui.download.editing import edit_names
from musicsim_tui.download.tagging import cover_of, tag_mp3
from musicsim_tui.download.titles import Labels, clean_text
from musicsim_tui.errors import AudioError, StorageError, UnmetRequest
from musicsim_tui.jobs import Cancelled, CancelToken
from musicsim_tui.track import Tags
from tests.harness.audio_files import RATE, music, write_music

COVER = b"\xff\xd8\xff\xe0 picture"


def edit(path: Path, *, title: str | None = None, artist: str | None = None) -> Tags:
    return edit_names(path, title=title, artist=artist, cancel=CancelToken())


@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".flac", ".ogg", ".opus", ".wav", ".aiff"])
def test_every_format_keeps_its_sound(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_audio(path, music(1), RATE, Tags("Before", "Nobody", "Album", 1999))
    track = examine(path).track_id
    tags = edit(path, title="Söng 🎵 <x>", artist="Bänd; and, others")
    assert (tags.title, tags.artist) == ("Söng 🎵 <x>", "Bänd; and, others")
    after = examine(path)
    assert after.track_id == track
    assert after.tags == tags
    assert [left.name for left in tmp_path.iterdir()] == [path.name]


def test_what_is_not_asked_for_stays(tmp_path: Path) -> None:
    path = write_music(tmp_path / "a.mp3", 1, 3.0)
    labels = Labels("Artist", "Title", "Album", "2019-03-08")
    tag_mp3(path, labels, "https://site/v", cover_of(COVER))
    tags = edit(path, artist="Another")
    assert (tags.title, tags.artist, tags.album, tags.year) == ("Title", "Another", "Album", 2019)
    kept = ID3(path)
    assert kept.version == (2, 3, 0)
    assert (kept["APIC:"].data, kept["WOAS"].url) == (COVER, "https://site/v")
    assert str(kept["TDRC"]) == "2019-03-08"
    assert edit(path, artist="").artist == ""
    assert edit(path, title="").title == ""


def test_newer_tags_stay_as_new_as_they_are(tmp_path: Path) -> None:
    path = write_music(tmp_path / "a.mp3", 1, 3.0)
    tags = ID3()
    for frame in (TIT2(text=["Title"]), TALB(text=["Album"]), WOAS(url="x"), APIC(data=COVER)):
        tags.add(frame)
    tags.save(path, v2_version=4)
    edit(path, title="New")
    assert ID3(path).version == (2, 4, 0)
    assert str(ID3(path)["TALB"]) == "Album"


@pytest.mark.parametrize("suffix", [".webm", ".mka"])
def test_containers_without_a_place_for_names_are_left_alone(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_audio(path.with_suffix(".webm"), music(1), RATE)
    path.with_suffix(".webm").rename(path)
    before = path.read_bytes()
    with pytest.raises(UnmetRequest, match="no place"):
        edit(path, title="New")
    assert path.read_bytes() == before
    assert [left.name for left in tmp_path.iterdir()] == [path.name]


def test_what_is_no_audio_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(b"words")
    with pytest.raises(AudioError):
        edit(path, title="New")
    assert path.read_bytes() == b"words"


def test_a_link_stays_a_link_and_permissions_stay(tmp_path: Path) -> None:
    real = write_music(tmp_path / "real.mp3", 1, 3.0)
    real.chmod(0o640)
    link = tmp_path / "link.mp3"
    link.symlink_to(real)
    assert edit(link, title="New").title == "New"
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert examine(real).tags.title == "New"


def test_a_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_music(tmp_path / "a.mp3", 1, 3.0)
    before = path.read_bytes()

    def full(source: Path, target: Path) -> None:
        shutil.copyfile(source, target)
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(shutil, "copy2", full)
    with pytest.raises(StorageError):
        edit(path, title="New")
    assert path.read_bytes() == before
    assert [left.name for left in tmp_path.iterdir()] == ["a.mp3"]


def test_what_another_program_writes_meanwhile_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_music(tmp_path / "a.mp3", 1, 3.0)
    another = write_music(tmp_path / "b.mp3", 2, 3.0)

    def copy(source: Path, target: Path) -> None:
        shutil.copyfile(source, target)
        os.replace(another, source)

    monkeypatch.setattr(shutil, "copy2", copy)
    theirs = another.read_bytes()
    with pytest.raises(StorageError, match="Another program"):
        edit(path, title="New")
    assert path.read_bytes() == theirs
    assert [left.name for left in tmp_path.iterdir()] == ["a.mp3"]


def test_cancelled_it_changes_nothing(tmp_path: Path) -> None:
    path = write_music(tmp_path / "a.mp3", 1, 3.0)
    before = path.read_bytes()
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        edit_names(path, title="New", artist=None, cancel=cancel)
    assert path.read_bytes() == before


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=st.text(max_size=60), artist=st.text(max_size=60))
def test_any_text_can_be_written(tmp_path: Path, title: str, artist: str) -> None:
    path = tmp_path / "a.mp3"
    if not path.exists():
        write_music(path, 1, 1.0)
    tags = edit(path, title=title, artist=artist)
    assert (tags.title, tags.artist) == (clean_text(title), clean_text(artist))
