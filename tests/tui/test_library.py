"""The library on the screen: listing, filter, order, marks, details."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from musicsim_tui.library.catalog import Catalog
from musicsim_tui.tui import actions
from tests.library.samples import track_id
from tests.tui.conftest import compare
from tests.tui.harness import HOSTILE, Driver, Sample, drive, fill, heard


@pytest.mark.parametrize(("size", "name"), [((80, 24), "library-80x24"), ((120, 40), "library-120x40")])
def test_the_library_as_it_is_drawn(small: Path, size: tuple[int, int], name: str) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.shows("Underclocked")
        await driver.settled()
        compare(driver, name)

    drive(small, scenario, size=size)


def test_every_key_of_a_list_moves_the_cursor(tmp_path: Path) -> None:
    fill(tmp_path, [Sample(f"Title {number:03}", f"Artist {number:03}") for number in range(300)])
    at = 0

    async def scenario(driver: Driver) -> None:
        nonlocal at
        table = driver.app.main.library.table
        page = table.page_rows
        for key, expected in (
            ("j", 1),
            ("down", 2),
            ("k", 1),
            ("up", 0),
            ("up", 0),
            ("G", 299),
            ("down", 299),
            ("g", 0),
            ("end", 299),
            ("home", 0),
            ("pagedown", page),
            ("pageup", 0),
            ("ctrl+d", page // 2),
            ("ctrl+u", 0),
        ):
            await driver.press(key)
            assert table.cursor == expected, key
            await driver.shows(f" >  Title {expected:03}")

    drive(tmp_path, scenario)


def test_the_filter_answers_while_it_is_typed_and_says_what_it_cannot_read(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("slash")
        await driver.type("artist:clara")
        await driver.shows("2 of 6")
        assert "Chibi" not in driver.text
        await driver.type(" len>1:0")
        await driver.shows("2 of 6")
        await driver.type("0:00")
        await driver.shows("1 of 6")
        await driver.press("escape")
        assert driver.focused is driver.app.main.library.table
        assert "1 of 6" in driver.text
        await driver.press("escape")
        await driver.shows("6 tracks")
        await driver.shows("Chibi Ninja")

    drive(small, scenario)


def test_a_filter_that_makes_no_sense_keeps_the_list_and_gets_an_answer(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("slash")
        await driver.type("artits:clara ")
        await driver.shows("Did you mean artist")
        assert "Chibi Ninja" in driver.text

    drive(small, scenario)


def test_a_filter_without_matches_says_how_to_go_on(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("slash")
        await driver.type("nothing like it")
        await driver.shows("No track matches. escape clears the filter.")

    drive(small, scenario)


def test_orders_are_chosen_by_key_and_turned_round(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("s")
        await driver.shows("Sort by")
        await driver.press("l")
        await driver.until(lambda: "Untitled" in driver.cursor_line, "the shortest comes first")
        await driver.press("s", "l")
        await driver.until(lambda: "Rain on the Roof" in driver.cursor_line, "the longest comes first")
        await driver.press("s", "escape")
        assert "Rain on the Roof" in driver.cursor_line

    drive(small, scenario)


def test_marks_are_drawn_counted_undone_and_kept(small: Path) -> None:
    async def mark(driver: Driver) -> None:
        await driver.press("x", "j", "x")
        await driver.shows("2 marked")
        assert sum("●" in line for line in driver.lines) == 2
        await driver.press("asterisk")
        await driver.shows("6 marked")
        await driver.press("z")
        await driver.shows("2 marked")
        await driver.press("X")
        await driver.hides("marked")
        await driver.press("z")
        await driver.shows("2 marked")
        await driver.press("Z")
        await driver.hides("marked")
        await driver.press("z")

    async def look(driver: Driver) -> None:
        await driver.shows("2 marked")

    drive(small, mark)
    drive(small, look)


def test_details_tell_everything(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("j", "i")
        await driver.shows("/music/0005.mp3")
        for text in ("Clara Weiss · Evenings · 1987", "1:02:05", "Rain", "-14.0 dB", "builtin", "█"):
            assert text in driver.text
        await driver.press("escape")
        await driver.hides("/music/0005.mp3")

    drive(small, scenario, size=(100, 40))


def test_missing_tracks_are_told_in_words(small: Path) -> None:
    with Catalog.open(small / "library.db") as catalog:
        catalog.mark_missing([Path("/music/0002.mp3")])

    async def scenario(driver: Driver) -> None:
        await driver.shows("5 tracks")
        await driver.press("slash")
        await driver.type("missing:yes")
        await driver.shows("file missing")
        assert "Chibi Ninja" in driver.text
        await driver.shows("  1 track")
        await driver.press("escape", "escape", "slash")
        await driver.type("missing:any")
        await driver.until(lambda: driver.lines[1].endswith("  6 tracks"), "all are counted")
        assert "builtin · 5 tracks" in driver.text

    drive(small, scenario)


def test_tracks_of_a_disk_that_is_away_are_told_in_words(small: Path) -> None:
    with Catalog.open(small / "library.db") as catalog:
        catalog.add_root(Path("/music/of/a/disk/that/is/not/here"))
        catalog.add_root(Path("/music"))
    assert not Path("/music").exists()

    async def scenario(driver: Driver) -> None:
        await driver.shows("disk offline")

    drive(small, scenario)


def test_a_disk_that_goes_and_comes_back_is_seen_without_being_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(actions, "LOOK_AGAIN_SECONDS", 0.05)
    disk = tmp_path / "disk"
    disk.mkdir()
    with Catalog.open(tmp_path / "data" / "library.db") as catalog:
        catalog.add_root(disk)
        catalog.store([heard(1, Sample("Chibi Ninja"), disk / "ninja.mp3")])

    async def scenario(driver: Driver) -> None:
        await driver.shows("Chibi Ninja")
        await driver.hides("disk offline")
        disk.rmdir()
        await driver.shows("disk offline")
        disk.mkdir()
        await driver.hides("disk offline")
        await driver.press("3")
        await driver.shows("not looked through yet")

    drive(tmp_path / "data", scenario)


def test_what_another_process_writes_appears(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        with Catalog.open(small / "library.db") as catalog:
            catalog.delete_tracks([track_id(2)])
        await driver.hides("Chibi Ninja")
        await driver.shows("5 tracks")

    drive(small, scenario)


def test_the_cursor_stays_on_its_track_when_others_come_and_go(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("j", "j", "j")
        before = driver.cursor_line
        assert "Chibi Ninja" in before
        with Catalog.open(small / "library.db") as catalog:
            catalog.delete_tracks([track_id(1), track_id(4)])
        await driver.shows("4 tracks")
        assert driver.cursor_line == before

    drive(small, scenario)


def test_where_one_was_is_restored(small: Path) -> None:
    async def leave(driver: Driver) -> None:
        await driver.press("s", "t", "slash")
        await driver.type("piano")
        await driver.press("backspace", "backspace", "backspace", "backspace", "backspace")
        await driver.type("a")
        await driver.shows("of 6")

    async def again(driver: Driver) -> None:
        await driver.shows("of 6")
        assert driver.app.main.query_one("#filter", Input).value == "a"
        assert "Title ↑" in driver.text

    drive(small, leave)
    drive(small, again)


def test_a_click_moves_the_cursor_and_a_double_click_searches(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.pilot.click("#tracks", offset=(10, 3))
        assert driver.app.main.library.table.cursor == 2
        await driver.pilot.click("#tracks", offset=(10, 2), times=2)
        await driver.until(lambda: driver.app.view_name == "search", "the search is shown")

    drive(small, scenario)


def test_tabs_and_keys_can_be_clicked(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.pilot.click("#tabs", offset=(driver.lines[0].index("Ingest"), 0))
        assert driver.app.view_name == "ingest"
        await driver.pilot.click("#keys", offset=(driver.lines[-1].index("Help"), 0))
        await driver.shows("Everywhere")

    drive(small, scenario)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50), (40, 10)])
def test_hostile_titles_are_shown_as_they_are(tmp_path: Path, size: tuple[int, int]) -> None:
    fill(tmp_path, [Sample(title, title, title, None, 60, (title or "Piano",)) for title in HOSTILE])

    async def scenario(driver: Driver) -> None:
        await driver.until(lambda: driver.app.tracks == len(HOSTILE), "all are listed")
        for _ in HOSTILE:
            await driver.press("i")
            await driver.shows("─ Details ─")
            await driver.until(lambda: "Looking it up" not in driver.text, "it was looked up")
            await driver.press("escape", "x", "j")
        await driver.press("asterisk", "enter")
        await driver.until(lambda: driver.app.main.search.table.rows.total > 0, "results are shown")
        await driver.press("i", "escape", "enter", "4")
        await driver.press("y")
        assert "\x1b" not in driver.text
        assert "\u202e" not in driver.text

    drive(tmp_path, scenario, size=size)


def test_brackets_in_a_title_are_not_lost(tmp_path: Path) -> None:
    fill(tmp_path, [Sample("Song [Official Video]", "[lofi] beats")])

    async def scenario(driver: Driver) -> None:
        await driver.shows("Song [Official Video]")
        assert "[lofi] beats" in driver.text
        await driver.press("enter")
        await driver.shows("like  Song [Official Video] — [lofi] beats")

    drive(tmp_path, scenario)


def test_all_that_is_shown_goes_into_the_crate_in_the_order_shown(small: Path) -> None:
    (small / "app.json").write_text('{"sort": "len", "descending": true}', encoding="utf-8")

    async def scenario(driver: Driver) -> None:
        await driver.press("asterisk")
        await driver.shows("6 marked")
        await driver.press("a")
        await driver.shows("6 tracks put into the crate")

    drive(small, scenario)
    with Catalog.open(small / "library.db") as catalog:
        (crate,) = catalog.crates.all()
        longest_first = [track_id(number) for number in (5, 4, 3, 2, 1, 6)]
        assert list(catalog.crates.track_ids(crate.name)) == longest_first
