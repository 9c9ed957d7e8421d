"""The command palette: every action, and any track, by name."""

from __future__ import annotations

from pathlib import Path

from textual.command import CommandList

from musicsim_tui.tui.preferences import Preferences
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


def test_pickers_and_the_palette_are_ascii_where_the_screen_is_to_be(small: Path, tmp_path: Path) -> None:
    music = tmp_path / "music"
    (music / "folder").mkdir(parents=True)
    (music / "piece.wav").touch()
    (music / "link.wav").symlink_to(music / "piece.wav")

    def strange(driver: Driver) -> set[str]:
        return {char for char in driver.text if not char.isascii()}

    async def plain(driver: Driver) -> None:
        await driver.press("f")
        await driver.shows("piece.wav")
        assert "link.wav @" in driver.text
        assert strange(driver) == set()
        for _ in range(6):
            await driver.press("tab")
            assert strange(driver) == set()
        await driver.press("escape")
        driver.app.browse_folder()
        await driver.shows("Hear this folder")
        await driver.shows("folder ")
        assert strange(driver) == set()
        await driver.press("escape", "ctrl+p")
        await driver.until(lambda: len(hits(driver)) > 10, "every action is offered")
        await driver.settled()
        assert strange(driver) == set()
        await driver.type("sort")
        await driver.settled()
        assert strange(driver) == set()

    async def rich(driver: Driver) -> None:
        await driver.press("f")
        await driver.shows("piece.wav")
        assert "link.wav @" not in driver.text
        assert {"\N{FILE FOLDER}", "\N{PAGE FACING UP}"} <= strange(driver)

    drive(small, plain, preferences=Preferences(ascii=True), music_dir=music, size=(100, 30))
    drive(small, rich, music_dir=music, size=(100, 30))


def test_a_track_comes_before_actions_that_only_share_letters(tmp_path: Path) -> None:
    fill(tmp_path, [Sample("Fine one")])

    async def scenario(driver: Driver) -> None:
        await driver.press("ctrl+p")
        await driver.type("fine")
        await driver.until(lambda: hits(driver)[:1] == ["Fine one - Ensemble"], "the track stands first")
        for _ in "fine":
            await driver.press("backspace")
        await driver.type("louder")
        await driver.until(lambda: hits(driver)[:1] == ["Louder  (+ =)"], "an action of that name does, too")

    drive(tmp_path, scenario)
