"""The box with everything about a track, and changing its names there."""

from __future__ import annotations

from pathlib import Path

from textual.widgets import Input

from musicsim_tui.audio.tags import tags_of
from musicsim_tui.track import Tags
from musicsim_tui.tui.preferences import Preferences
from tests.harness.audio_files import write_music
from tests.harness.library import ingest_into, library
from tests.tui.harness import Driver, drive


def test_names_are_changed_in_the_file_and_shown_everywhere(tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    write_music(music / "a.mp3", 0, 3.0, tags=Tags("[/] Old", "Ensemble", "Album", 1990))
    with library(tmp_path / "data") as services:
        ingest_into(services, music)

    async def scenario(driver: Driver) -> None:
        await driver.press("i")
        await driver.shows("f2 changes artist and title")
        await driver.shows("Loudness")
        await driver.press("j", "k", "f2")
        await driver.shows("enter writes both")
        field = driver.app.screen.query_one("#edit-title", Input)
        assert field.value == "[/] Old"
        await driver.press("end", *"ejkiq", "escape")
        await driver.hides("enter writes both")
        await driver.press("f2")
        assert field.value == "[/] Old"
        await driver.press("enter")
        await driver.hides("enter writes both")
        await driver.press("f2", "tab")
        field.value = "[b]New[/b]"
        await driver.press("enter")
        await driver.shows("Written into the file.")
        await driver.shows("[b]New[/b]")
        await driver.press("escape")
        await driver.until(lambda: "[b]New[/b]" in driver.cursor_line, "the library shows it")

    drive(tmp_path / "data", scenario, preferences=Preferences(keys={"details.edit": "f2"}))
    tags = tags_of(music / "a.mp3")
    assert (tags.title, tags.artist, tags.album) == ("[b]New[/b]", "Ensemble", "Album")


def test_what_cannot_be_written_is_told_in_the_box(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("i")
        await driver.shows("Loudness")
        await driver.press("e")
        await driver.shows("enter writes both")
        driver.app.screen.query_one("#edit-title", Input).value = "[/] New"
        await driver.press("enter")
        await driver.shows("No file of this track is there to be edited.")
        await driver.press("escape", "escape")
        await driver.hides("changes artist and title")

    drive(small, scenario)
