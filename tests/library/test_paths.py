from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.library.paths import inside, path_bytes

names = st.binary(min_size=1, max_size=6).filter(lambda name: not set(name) & set(b"/\0"))
folders = st.lists(names, min_size=1, max_size=4).map(lambda parts: b"/" + b"/".join(parts))


@given(folders, folders)
def test_inside_means_whole_components(path: bytes, folder: bytes) -> None:
    by_components = path.split(b"/")[: len(folder.split(b"/"))] == folder.split(b"/") and path != folder
    assert inside(path, folder) == by_components


@given(folders)
def test_everything_is_inside_the_top(path: bytes) -> None:
    assert inside(path, b"/")


@given(folders)
def test_bytes_of_a_path_give_the_path_back(path: bytes) -> None:
    assert path_bytes(Path(os.fsdecode(path))) == os.fsencode(Path(os.fsdecode(path)))


def test_a_relative_path_is_taken_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert path_bytes(Path("song.mp3")) == os.fsencode(Path.cwd() / "song.mp3")
