"""Lists to choose from: moved through with the keys of every list, from the first moment on."""

from __future__ import annotations

from pathlib import Path

from textual import events
from textual.widgets import OptionList

from musicsim_tui.tui.preferences import Preferences
from tests.tui.harness import Driver, drive


def burst(driver: Driver, *keys: str) -> None:
    """Keys that arrive at once, before anything is drawn."""
    for key in keys:
        driver.app.post_message(events.Key(key, None))


async def at(driver: Driver, place: int) -> None:
    """Wait until the cursor of the list in front stands at this place."""
    options = driver.app.screen.query_one(OptionList)
    await driver.until(lambda: options.highlighted == place, f"the cursor is at {place}")


async def go_through(driver: Driver, last: int) -> None:
    """Press every key of lists in the one in front, whose cursor is on its first row."""
    await at(driver, 0)
    for key, place in (("h", 1), ("k", 0), ("G", last), ("g", 0), ("end", last), ("home", 0)):
        await driver.press(key)
        await at(driver, place)
    await driver.press("pagedown")
    await at(driver, last)
    await driver.press("pageup")
    await at(driver, 0)
    await driver.press("ctrl+d")
    half = driver.app.screen.query_one(OptionList).highlighted
    assert half is not None
    assert 0 < half < last
    await driver.press("ctrl+u")
    await at(driver, 0)


def test_keys_at_once_act_on_the_row_they_have_led_to(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        rows = driver.app.bridge.services.catalog.tracks(sort="artist").rows
        ids = [row.track.id for row in rows]
        burst(driver, "j", "j", "j", "x", "k", "k", "x")
        await driver.until(lambda: set(driver.app.marks.tracks) == {ids[3], ids[1]}, "those two are marked")

    drive(small, scenario)


def test_boxes_have_the_keys_of_lists_from_the_first_moment_on(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        app = driver.app
        for opens, shown in (("s", "Sort by"), ("M", "in use")):
            for page in ("pageup", "pagedown"):
                burst(driver, opens, page)
                await driver.shows(shown)
                await driver.press("escape")
                await driver.until(lambda: app.screen is app.main, "the box is closed")
        for page in ("pageup", "pagedown"):
            burst(driver, "ctrl+p", "k", page)
            await driver.until(lambda: app.screen is not app.main, "the palette is open")
            await driver.press("escape")
            await driver.until(lambda: app.screen is app.main, "the palette is closed")
        await driver.press("M")
        await driver.shows("in use")
        await go_through(driver, last=2)
        await driver.press("escape", "s", "g")
        await go_through(driver, last=5)

    drive(small, scenario, preferences=Preferences(keys={"list.down": "h,down"}))


def test_the_first_screen_has_the_keys_of_lists(empty: Path, tmp_path: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.shows("Find music that sounds alike.")
        await go_through(driver, last=4)

    drive(empty, scenario, music_dir=tmp_path, preferences=Preferences(keys={"list.down": "h,down"}))
