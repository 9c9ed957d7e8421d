from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.paths import tidy_absolute, tidy_path


@pytest.mark.parametrize(
    ("written", "tidy"),
    [
        ("/tmp/x/work/../d1", "/tmp/x/d1"),
        ("a//./b/", "a/b"),
        ("../d1/x.mp3", "../d1/x.mp3"),
        ("a/../b.mp3", "b.mp3"),
        ("...", "..."),
    ],
)
def test_detours_are_left_out(written: str, tidy: str) -> None:
    assert str(tidy_path(written)) == tidy


def test_links_stay_unless_a_way_up_starts_behind_one(tmp_path: Path) -> None:
    (tmp_path / "far" / "folder").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "far" / "folder")
    assert tidy_path(tmp_path / "far" / ".." / "link" / "x") == tmp_path / "link" / "x"
    assert tidy_path(tmp_path / "link" / ".." / "x") == tmp_path.resolve() / "far" / "x"


def test_absolute_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert tidy_absolute("../d1") == tmp_path / "d1"


@given(st.lists(st.sampled_from(["a", "link", "b", "..", ".", ""]), min_size=1).map("/".join))
def test_any_path_leads_where_it_led(tmp_path_factory: pytest.TempPathFactory, below: str) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    (folder / "a" / "b").mkdir(parents=True, exist_ok=True)
    if not (folder / "link").is_symlink():
        (folder / "link").symlink_to(folder / "a" / "b")
    written = f"{folder}/{below}"
    tidy = tidy_path(written)
    assert os.path.realpath(tidy) == os.path.realpath(written)
    assert ".." not in tidy.parts
