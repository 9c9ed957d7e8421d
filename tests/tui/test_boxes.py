"""Boxes that are closed, covered or clicked beside while something works for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, ParamSpec, TypeVar

import pytest
from textual.widgets import Input

from musicsim_tui.embedding.registry import ModelInfo
from musicsim_tui.ingest.survey import Survey
from musicsim_tui.tui.screens import details, export
from musicsim_tui.tui.screens.boxes import Box
from musicsim_tui.tui.screens.export import ExportBox
from tests.harness.audio_files import write_music
from tests.tui.harness import Driver, drive, hold_listening

_WAIT_SECONDS = 20.0

Given = ParamSpec("Given")
Returned = TypeVar("Returned")


class Held(Generic[Given, Returned]):
    """A call that has to wait until it is let go."""

    def __init__(self, call: Callable[Given, Returned]) -> None:
        self._call = call
        self._let_go = threading.Event()
        self._begun = threading.Event()
        self.calls = 0

    def __call__(self, *args: Given.args, **named: Given.kwargs) -> Returned:
        self.calls += 1
        self._begun.set()
        assert self._let_go.wait(_WAIT_SECONDS)
        return self._call(*args, **named)

    def let_go(self) -> None:
        self._let_go.set()

    def hold(self) -> None:
        """Let later calls wait again."""
        self._let_go.clear()

    @property
    def begun(self) -> bool:
        return self._begun.is_set()


async def only_the_view(driver: Driver) -> None:
    """Wait until no box lies over the view."""
    await driver.until(lambda: driver.app.screen is driver.app.main, "the box is closed")


def test_an_answer_that_comes_after_its_box_is_closed_is_dropped(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = Held(details.gather)
    monkeypatch.setattr(details, "gather", facts)

    async def scenario(driver: Driver) -> None:
        models = driver.app.bridge.services.models
        known = Held(models.all)
        monkeypatch.setattr(models, "all", known)
        for key, held, shown in (("i", facts, "Loudness"), ("M", known, "in use")):
            await driver.press(key)
            await driver.until(lambda held=held: held.begun, "it is looked up")  # type: ignore[misc]
            await driver.press("escape", "escape", "escape")
            await only_the_view(driver)
            held.let_go()
            await driver.press(key)
            await driver.shows(shown)
            await driver.press("escape")
            await only_the_view(driver)

    drive(small, scenario)


def test_a_click_beside_a_box_closes_it_as_escape_does(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Held(export._write)
    monkeypatch.setattr(export, "_write", write)

    async def scenario(driver: Driver) -> None:
        app = driver.app
        services = app.bridge.services
        survey = Held(lambda *_: Survey(files=3, known=0, failed=0, audio_seconds=60.0, bytes=1))
        monkeypatch.setattr(services, "survey", survey)
        await driver.press("o")
        app.screen.query_one(Input).value = str(tmp_path)
        await driver.press("enter")
        await driver.until(lambda: survey.begun, "it is looked through")
        await driver.pilot.click(offset=(1, 1))
        await only_the_view(driver)
        survey.let_go()
        await driver.press("e")
        await driver.until(lambda: bool(app.screen.query_one(Input).value), "a name is proposed")
        await driver.press("enter")
        await driver.until(lambda: write.begun, "it is written")
        await driver.pilot.click(offset=(1, 1))
        await only_the_view(driver)
        write.let_go()
        await driver.press("M")
        await driver.shows("in use")
        mn04 = services.models.find("mn04")

        def listen_with_mn04(_name: str) -> ModelInfo:
            monkeypatch.setattr(services.models, "listening", lambda: mn04)
            return mn04

        use = Held(listen_with_mn04)
        monkeypatch.setattr(services.models, "use", use)
        await driver.press("enter")
        await driver.until(lambda: use.begun, "the model is made ready")
        await driver.pilot.click(offset=(1, 1))
        await driver.shows("Stopping ...")
        use.let_go()
        await only_the_view(driver)
        await driver.until(lambda: app.model_name == "mn04", "the header tells what could not be stopped")
        await driver.press("j")
        assert app.main in app.screen_stack

    drive(small, scenario, music_dir=tmp_path)


def test_a_box_that_is_covered_ends_alone_and_leaving_asks_over_it(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "music").mkdir()
    write_music(tmp_path / "music" / "a.flac", 0, 1.0)
    let_go = hold_listening(monkeypatch)
    write = Held(export._write)
    monkeypatch.setattr(export, "_write", write)

    async def scenario(driver: Driver) -> None:
        app = driver.app
        app.hear([tmp_path / "music"])
        await driver.until(lambda: app.hearing.running, "it is heard")
        await driver.press("e")
        await driver.until(lambda: bool(app.screen.query_one(Input).value), "a name is proposed")
        await driver.press("enter")
        await driver.until(lambda: write.begun, "it is written")
        await driver.press("ctrl+p")
        assert isinstance(app.screen, ExportBox)
        await driver.press("ctrl+q", "ctrl+q")
        await driver.shows("Quit while music is heard?")
        write.let_go()
        box = app.screen_stack[-2]
        assert isinstance(box, Box)
        await driver.until(lambda: box.has_ended, "the list is written")
        assert "Quit while music is heard?" in driver.text
        await driver.press("n")
        await only_the_view(driver)
        await driver.press("ctrl+p", "escape", "escape")
        await driver.press("F", "escape", "escape")
        await only_the_view(driver)
        let_go.set()

    drive(small, scenario, music_dir=tmp_path)
    assert (tmp_path / "Library.m3u8").exists()


async def look_held(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, folder: Path, files: int = 3
) -> Held[..., Survey]:
    """Open the box on a folder, press enter twice, and hold the look."""
    survey = Held(lambda *_: Survey(files=files, known=0, failed=0, audio_seconds=60.0, bytes=1))
    monkeypatch.setattr(driver.app.bridge.services, "survey", survey)
    await driver.press("o")
    driver.app.screen.query_one(Input).value = str(folder)
    await driver.press("enter")
    await driver.until(lambda: survey.begun, "it is looked through")
    await driver.press("enter")
    await driver.shows("Looking through it; it starts as soon as that is done ...")
    return survey


def test_a_second_enter_while_it_looks_starts_once_it_has_looked(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(driver: Driver) -> None:
        survey = await look_held(driver, monkeypatch, tmp_path)
        await driver.press("enter")
        assert driver.app.view_name == "library"
        survey.let_go()
        await only_the_view(driver)
        assert driver.app.view_name == "ingest"
        await driver.shows("Done.")
        assert survey.calls == 1

    drive(small, scenario)


@pytest.mark.parametrize("forgets", [("x", "backspace"), ("escape", "o")])
def test_editing_and_closing_forget_the_second_enter(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forgets: tuple[str, str]
) -> None:
    async def scenario(driver: Driver) -> None:
        survey = await look_held(driver, monkeypatch, tmp_path)
        await driver.press("end", *forgets)
        await driver.hides("Looking through it")
        survey.let_go()
        driver.app.screen.query_one(Input).value = str(tmp_path)
        await driver.press("enter")
        await driver.shows("3 files to hear, about 1 min of music")
        await driver.press("enter")
        await only_the_view(driver)
        assert driver.app.view_name == "ingest"

    drive(small, scenario)


def test_a_second_enter_starts_nothing_where_there_is_no_music(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(driver: Driver) -> None:
        survey = await look_held(driver, monkeypatch, tmp_path, files=0)
        survey.let_go()
        await driver.shows("There is no music in this folder.")
        survey.hold()
        await driver.press("enter")
        await driver.shows("Looking through it ...")
        survey.let_go()
        await driver.shows("There is no music in this folder.")
        assert driver.app.view_name == "library"

    drive(small, scenario)
