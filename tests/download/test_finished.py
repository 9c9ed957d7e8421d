from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.download.file_names import safe_name
from musicsim_tui.download.finished import finished_before, is_named_after
from tests.harness.audio_files import write_music


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of music."""
    path = tmp_path_factory.mktemp("sound") / "sound.mp3"
    write_music(path, 1, 3.0)
    return path


@given(artist=st.text(max_size=30), title=st.text(max_size=30), source_id=st.text(min_size=1, max_size=30))
def test_a_finished_file_is_told_by_its_id(artist: str, title: str, source_id: str) -> None:
    path = Path(safe_name(artist, title, source_id))
    assert is_named_after(path, source_id)
    assert is_named_after(Path(safe_name(artist, title, source_id, number=12)), source_id)
    assert not is_named_after(path, source_id + "x")


def test_a_finished_file_is_found(sound: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / safe_name("Artist", "Title", "abc")
        assert finished_before(folder, "abc", 3.0) is None
        shutil.copy(sound, path)
        assert finished_before(folder, "abc", 3.0) == path
        assert finished_before(folder, "abc", None) == path
        assert finished_before(folder, "abcx", 3.0) is None


def test_what_only_looks_like_it_is_not_it(tmp_path: Path, sound: Path) -> None:
    shutil.copy(sound, tmp_path / ".A [abc].mp3.part")
    shutil.copy(sound, tmp_path / "A [abc] live.mp3")
    (tmp_path / "A [abc].mp3").mkdir()
    assert finished_before(tmp_path, "abc", 3.0) is None
    assert finished_before(tmp_path / "nowhere", "abc", 3.0) is None


def test_the_same_id_is_no_proof(tmp_path: Path, sound: Path) -> None:
    path = tmp_path / "A [abc].mp3"
    shutil.copy(sound, path)
    assert finished_before(tmp_path, "abc", 200.0) is None  # another site's track of that id
    assert finished_before(tmp_path, "abc", 3.0, lambda found: found == path) is None
    path.write_bytes(b"")
    assert finished_before(tmp_path, "abc", 3.0) is None
    path.write_bytes(b"<html>")
    assert finished_before(tmp_path, "abc", None) is None
