"""The command palette: every action, and any track, by name."""

from __future__ import annotations

from pathlib import Path

from textual.command import CommandList

from tests.tui.harness import HOSTILE, Driver, Sample, drive, fill


def hits(driver: Driver) -> list[str]:
    """The first lines of what the palette offers."""
    offered = driver.app.screen.query_one(CommandList).options
    return [str(option.prompt).splitlines()[0] for option in offered]


def test_an_action_is_found_and_done(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("ctrl+p")
        await driver.type("choose the order")
        await driver.until(lambda: hits(driver) == ["Choose the order  (s)"], "nothing else is offered")
        await driver.press("enter")
        await driver.shows("Sort by")

    drive(small, scenario)


def test_a_track_is_found_by_its_words_whatever_its_title(tmp_path: Path) -> None:
    fill(tmp_path, [Sample(f"findme {title}") for title in HOSTILE])

    async def scenario(driver: Driver) -> None:
        await driver.press("ctrl+p")
        await driver.type("findme official")
        await driver.until(lambda: len(hits(driver)) == 1, "nothing else is offered")
        await driver.shows("findme Song [Official Video] - Ensemble")
        await driver.press("enter")
        await driver.shows("like  findme Song [Official Video] — Ensemble")
        await driver.press("ctrl+p")
        await driver.type("findme")
        await driver.shows("findme [/foo] bar - Ensemble")

    drive(tmp_path, scenario, size=(100, 40))
