"""Writing lists as playlists from the app."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.widgets import Input

from musicsim_tui.library.catalog import Catalog
from musicsim_tui.tui.screens.export import playlist_path, proposed_path
from tests.library.samples import track_id
from tests.tui.conftest import compare
from tests.tui.harness import HOSTILE, Driver, Sample, drive, fill


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A music folder to write into, which is also the home folder."""
    made = tmp_path / "music"
    made.mkdir()
    monkeypatch.setenv("HOME", str(made))
    return made


def paths(playlist: Path) -> list[str]:
    """The names of the files in a playlist."""
    lines = playlist.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "#EXTM3U"
    return [Path(line).name for line in lines if not line.startswith("#")]


def field(driver: Driver) -> Input:
    return driver.app.screen.query_one("#export-path", Input)


def test_lists_are_written_where_one_says(small: Path, folder: Path) -> None:
    with Catalog.open(small / "library.db") as catalog:
        catalog.crates.add("night [drive]", [track_id(number) for number in (5, 1, 2)])
        catalog.mark_missing([Path("/music/0002.mp3")])

    async def scenario(driver: Driver) -> None:
        await driver.press("e")
        await driver.shows("~/Library.m3u8")
        await driver.settled()
        compare(driver, "export-80x24")
        await driver.press("enter")
        await driver.shows("Wrote 5 tracks to ~/Library.m3u8")
        await driver.press("slash")
        await driver.type("weiss")
        await driver.press("enter", "e")
        await driver.until(lambda: field(driver).value == "~/weiss.m3u8", "a name is proposed")
        field(driver).value = str(folder / "other")
        await driver.press("enter")
        await driver.shows("Wrote 2 tracks to ~/other.m3u8")
        await driver.press("5")
        await driver.shows("crate  night [drive]")
        await driver.shows("file missing")
        await driver.press("e", "enter")
        await driver.shows("Wrote 2 tracks to ~/night [drive].m3u8; 1 left out: the files are gone")
        await driver.press("j", "x", "e")
        await driver.shows("Writes the marked tracks of this list")
        field(driver).value = str(folder / "other.m3u8")
        await driver.press("enter")
        await driver.shows("~/other.m3u8 is there already. enter again replaces it.")
        await driver.press("enter")
        await driver.shows("Wrote 1 track to ~/other.m3u8")
        await driver.press("g", "enter")
        await driver.shows("Moment")
        await driver.press("X", "e", "enter")
        await driver.shows("Wrote 4 tracks to ~/like Rain on the Roof.m3u8")

    drive(small, scenario, music_dir=folder)
    assert paths(folder / "Library.m3u8") == ["0004.mp3", "0005.mp3", "0001.mp3", "0003.mp3", "0006.mp3"]
    assert paths(folder / "night [drive].m3u8") == ["0005.mp3", "0001.mp3"]
    assert paths(folder / "other.m3u8") == ["0001.mp3"]
    assert list(folder.glob("*.part")) == []


def test_what_cannot_be_written_is_told_in_words(small: Path, folder: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("x", "slash")
        await driver.type("skiff")
        await driver.press("enter", "e", "enter")
        await driver.shows("None of the marked tracks is in this list.")
        await driver.press("escape", "X", "e")
        await driver.shows("~/skiff.m3u8")
        for text, words in (
            ("", "Nothing was typed."),
            ("https://example.org/list", "not to a link"),
            (str(folder / "gone" / "list"), "cannot be written"),
            ("~nobodyhere/list", "There is no home folder ~nobodyhere."),
            ("x" * 400, "File name too long."),
        ):
            field(driver).value = text
            await driver.press("enter")
            await driver.shows(words)
        await driver.press("escape", "o")
        driver.app.screen.query_one(Input).value = "~nobodyhere/x"
        await driver.press("enter")
        await driver.shows("There is no home folder ~nobodyhere.")
        await driver.press("escape", "e")
        await driver.shows("~/skiff.m3u8")
        field(driver).value = str(folder)
        await driver.press("enter")
        await driver.shows("Wrote 3 tracks to ~/skiff.m3u8")

    drive(small, scenario, music_dir=folder)
    assert os.listdir(folder) == ["skiff.m3u8"]


def test_names_that_are_no_file_names_are_proposed_as_such(tmp_path: Path, folder: Path) -> None:
    fill(tmp_path / "data", [Sample(title) for title in HOSTILE])

    async def scenario(driver: Driver) -> None:
        await driver.until(lambda: driver.app.tracks == len(HOSTILE), "all are listed")
        for row in range(4):
            await driver.press("1", "g", *["j"] * row, "enter")
            await driver.until(lambda: driver.app.main.search.table.rows.total > 0, "results are shown")
            await driver.press("4", "e", "enter")
            await driver.until(lambda row=row: len(os.listdir(folder)) == row + 1, "it is written")  # type: ignore[misc]

    drive(tmp_path / "data", scenario, music_dir=folder)
    assert all(path.suffix == ".m3u8" for path in folder.iterdir())


@given(st.text())
def test_a_proposed_name_is_one_that_files_can_have(name: str) -> None:
    folder = Path("/nowhere")
    path = proposed_path(folder, name)
    assert path.parent == folder
    assert path.suffix == ".m3u8"
    assert path.stem
    assert len(os.fsencode(path.name)) <= 255
    assert not set(path.name) & set('/\\:*?"<>|\0\n')


def test_what_is_there_is_not_proposed(tmp_path: Path) -> None:
    (tmp_path / "Crate.m3u8").touch()
    (tmp_path / "Crate 2.m3u8").touch()
    proposed = proposed_path(tmp_path, "Crate")
    assert proposed.name == "Crate 3.m3u8"
    assert playlist_path(str(tmp_path), proposed) == proposed
    assert playlist_path(str(tmp_path / "list.M3U"), proposed).name == "list.M3U"
