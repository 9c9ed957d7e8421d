"""The start: what is pressed and what is left before all of the app is there."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from textual import events

from musicsim_tui.library.catalog import Catalog
from musicsim_tui.tui.state import FILE_NAME, AppState, load_state, save_state
from tests.library.samples import track_id
from tests.tui.harness import Driver, drive


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("2", "Nothing has been fetched from the web yet."),
        ("3", "Nothing is being heard."),
        ("4", "Nothing has been searched yet."),
        ("exclamation_mark", "Nothing has failed."),
    ],
)
def test_keys_pressed_before_the_first_rows_are_not_lost(small: Path, key: str, words: str) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.send(key)
        await driver.shows(words)

    drive(small, scenario, ready=False)


def test_what_is_typed_ahead_is_done_in_its_order(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        for key in ("j", "x", "5", "1", "G", "x", "slash", *"eric"):
            driver.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await driver.shows("2 marked   3 of 6")

    drive(small, scenario, ready=False)


def test_a_box_takes_what_is_typed_ahead(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        for key in ("c", "n", *"Morning", "ctrl+j"):  # return, while the terminal is not ours yet
            driver.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await driver.until(lambda: driver.app.crate.name == "Morning", "the crate is made")

    drive(small, scenario, ready=False)


def test_a_search_asked_for_with_the_first_rows_is_answered(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.until(lambda: "Untitled" in driver.text, "the first rows are there")
        await driver.send("j", "enter")
        await driver.shows("like  Rain on the Roof")

    drive(small, scenario, ready=False)


def test_leaving_before_all_is_there_forgets_nothing(small: Path) -> None:
    before = AppState(
        view="library",
        filter="eric",
        volume=35,
        trail=(f"track:{track_id(1)}", f"track:{track_id(2)}"),
        trail_at=1,
        unfinished=("/music",),
        paused=True,
        downloads_paused=True,
    )
    save_state(small / FILE_NAME, before)

    async def scenario(driver: Driver) -> None:
        await driver.until(lambda: driver.app.main.is_mounted, "there is a screen")
        driver.app.leave()

    drive(small, scenario, ready=False)
    kept = load_state(small / FILE_NAME)
    assert (kept.trail, kept.trail_at, kept.unfinished) == (before.trail, 1, ("/music",))
    assert (kept.filter, kept.volume, kept.paused, kept.downloads_paused) == ("eric", 35, True, True)


def test_a_library_that_opens_slowly_leaves_its_place_empty(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = threading.Event()
    opened = Catalog.open

    def slow(path: Path) -> Catalog:
        let_go.wait(30.0)
        return opened(path)

    monkeypatch.setattr(Catalog, "open", slow)

    async def scenario(driver: Driver) -> None:
        await driver.shows("1 Library")
        assert "Untitled" not in driver.text
        let_go.set()
        await driver.shows("Untitled")

    drive(small, scenario, ready=False)


_FIRST_ROWS = """
import sys
from musicsim_tui.cli.main import run
from musicsim_tui.tui.app import MusicApp

def loaded(app, tracks, *, first):
    heavy = {"torch", "librosa", "numpy", "scipy", "av", "qdrant_client", "qdrant_edge", "yt_dlp"}
    print(tracks, sorted(heavy & set(sys.modules)), file=sys.__stderr__, flush=True)
    app.leave()

MusicApp.library_loaded = loaded
run()
"""


def test_the_first_rows_need_nothing_heavy(small: Path, tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    app = subprocess.Popen(
        [sys.executable, "-c", _FIRST_ROWS, "--data-dir", str(small)],
        env={**os.environ, "HOME": str(tmp_path), "TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    drawn = b""
    with contextlib.suppress(OSError):  # how Linux tells that the app has closed the terminal
        while chunk := os.read(ours, 65536):
            drawn += chunk
    os.close(ours)
    assert app.wait(60) == 0
    assert b"6 []" in drawn
