"""Searching on the screen: results in place, the trail, files, what goes wrong."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from textual.widgets import Input

from musicsim_tui.embedding.versions import MN04
from musicsim_tui.jobs import CancelToken
from musicsim_tui.library.catalog import Catalog
from musicsim_tui.services import Services
from musicsim_tui.tui.preferences import Preferences
from musicsim_tui.tui.screens import search as search_screen
from musicsim_tui.tui.searching import Answer, SearchFor, read_query, run_search
from tests.harness.audio_files import write_music
from tests.harness.changes import CHANGES, write_changes
from tests.harness.library import ingest_into, library
from tests.library.samples import track_id
from tests.tui.conftest import SMALL, compare
from tests.tui.harness import Driver, drive, heard


@pytest.mark.parametrize(("size", "name"), [((80, 24), "search-80x24"), ((120, 40), "search-120x40")])
def test_results_as_they_are_drawn(small: Path, size: tuple[int, int], name: str) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("enter")
        await driver.shows("Likeness")
        await driver.shows("like  Nocturne in E flat — Clara Weiss")
        await driver.settled()
        compare(driver, name)

    drive(small, scenario, size=size)


def test_a_result_becomes_the_next_query_and_the_trail_leads_back(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("enter")
        await driver.shows("like  Nocturne")
        await driver.shows("Moment")
        await driver.press("enter")
        await driver.shows("query 2 of 2")
        second = driver.lines[1]
        assert "Nocturne" not in second
        await driver.until(lambda: any("Nocturne" in row for row in driver.lines[3:]), "the second answer")
        await driver.press("backspace")
        await driver.shows("query 1 of 2")
        assert "like  Nocturne" in driver.text
        await driver.press("right_square_bracket")
        await driver.shows("query 2 of 2")
        assert driver.lines[1] == second
        await driver.press("left_square_bracket", "left_square_bracket")
        assert driver.app.view_name == "library"

    drive(small, scenario)


def test_the_trail_survives_a_restart(small: Path) -> None:
    async def search(driver: Driver) -> None:
        await driver.press("enter")
        await driver.shows("Moment")

    async def again(driver: Driver) -> None:
        assert driver.app.view_name == "search"
        await driver.shows("like  Nocturne in E flat — Clara Weiss")
        await driver.shows("Moment")

    drive(small, search)
    drive(small, again)


def test_before_the_first_search_the_screen_says_what_to_press(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("4")
        await driver.shows("Nothing has been searched yet.")
        assert "f picks any audio file" in driver.text

    drive(small, scenario)


def test_any_audio_file_is_a_query(small: Path, tmp_path: Path) -> None:
    path = write_music(tmp_path / "[odd] name.wav", 1)

    async def scenario(driver: Driver) -> None:
        await driver.press("o")
        driver.app.screen.query_one("#path", Input).value = f"'{path}'"
        await driver.press("enter")
        await driver.shows("like  [odd] name")
        await driver.shows("Moment")
        assert driver.app.view_name == "search"

    drive(small, scenario)


def test_a_file_that_cannot_be_heard_is_told_in_words(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "broken.mp3"
    path.write_bytes(b"no music at all" * 100)

    async def scenario(driver: Driver) -> None:
        driver.app.search_file(path)
        await driver.shows("enter tries again")
        assert "Traceback" not in driver.text

    drive(small, scenario)


def test_a_search_can_be_given_up(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = threading.Event()

    def slow(_services: object, _query: object, cancel: CancelToken) -> None:
        started.set()
        cancel.wait(60)

    monkeypatch.setattr(search_screen, "run_search", slow)

    async def scenario(driver: Driver) -> None:
        await driver.press("enter")
        await driver.shows("escape gives up")
        await driver.until(started.is_set, "the search has begun")
        await driver.press("escape")
        await driver.shows("Given up.")
        await driver.press("1", "j")
        await driver.shows("Chibi Ninja")

    drive(small, scenario)


def test_an_empty_library_says_so(empty: Path) -> None:
    async def scenario(driver: Driver) -> None:
        driver.app.main.show_view("search")
        driver.app.main.search.search(SearchFor("Nothing", path=Path("/nothing.mp3")))
        await driver.shows("The library is empty.")

    drive(empty, scenario)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_each_result_tells_what_sets_it_apart(tmp_path: Path, size: tuple[int, int]) -> None:
    original = write_changes(tmp_path / "music")
    with library(tmp_path / "data") as services:
        ingest_into(services, tmp_path / "music")

    expected = {**{title: word for title, (_, word) in CHANGES.items()}, "copy": ""}

    def told(driver: Driver) -> dict[str, str]:
        """The cells of the column, by title."""
        heading = next((line for line in driver.lines if "Likeness" in line), "")
        first, last = heading.find("Apart"), heading.find("Apart") + 11
        rows = [(title, line) for line in driver.lines for title in expected if f"  {title} " in line]
        return {title: line[first:last].strip() for title, line in rows}

    async def scenario(driver: Driver) -> None:
        driver.app.search_file(original)
        await driver.until(lambda: told(driver) == expected, "each result has its word")

    drive(tmp_path / "data", scenario, size=size)


@pytest.mark.parametrize("text", ["", "track:", "track:nothing", "file:", "else:here", "\0"])
def test_a_trail_that_makes_no_sense_is_forgotten(text: str) -> None:
    assert read_query(text) is None


def test_a_trail_reads_what_it_wrote() -> None:
    query = SearchFor("song", path=Path("/music/song.mp3"))
    assert read_query(query.as_text()) == query


def test_going_back_gives_up_the_search_that_runs(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hold = threading.Event()
    begun: list[str] = []

    def held(services: Services, query: SearchFor, cancel: CancelToken) -> Answer:
        begun.append(query.title)
        while hold.is_set():
            cancel.wait(0.01)
        return run_search(services, query, cancel)

    monkeypatch.setattr(search_screen, "run_search", held)

    async def scenario(driver: Driver) -> None:
        await driver.press("enter")
        await driver.shows("query 0:10")
        hold.set()
        await driver.press("enter")
        await driver.until(lambda: len(begun) == 2, "the second search runs")
        await driver.shows("query 2 of 2")
        await driver.press("backspace")
        await driver.shows("query 1 of 2")
        await driver.shows("query 0:10")
        await driver.press("right_square_bracket")
        await driver.until(lambda: len(begun) == 3, "the second search runs again")
        await driver.press("left_square_bracket", "left_square_bracket")
        assert driver.app.view_name == "library"
        hold.clear()
        await driver.press("4")
        await driver.shows("like  Nocturne")
        await driver.shows("query 0:10")

    drive(small, scenario)


def test_a_first_search_can_be_left_and_is_made_when_one_comes_back(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = threading.Event()
    hold.set()

    def held(services: Services, query: SearchFor, cancel: CancelToken) -> Answer:
        while hold.is_set():
            cancel.wait(0.01)
        return run_search(services, query, cancel)

    monkeypatch.setattr(search_screen, "run_search", held)

    async def scenario(driver: Driver) -> None:
        await driver.press("enter")
        await driver.shows("escape gives up")
        await driver.press("left_square_bracket")
        assert driver.app.view_name == "library"
        hold.clear()
        await driver.press("4")
        await driver.shows("query 0:10")

    drive(small, scenario)


def test_enter_tries_a_failed_search_again(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "later.wav"

    async def scenario(driver: Driver) -> None:
        driver.app.search_file(path)
        await driver.shows("enter tries again")
        write_music(path, 1)
        await driver.press("enter")
        await driver.shows("like  later")
        await driver.shows("Moment")
        await driver.shows("v flips between the two")

    drive(small, scenario)


@pytest.mark.parametrize(("size", "hint"), [((80, 24), True), ((64, 20), True), ((40, 20), False)])
def test_both_sides_of_a_moment_are_outlined_at_every_width(
    small: Path, size: tuple[int, int], hint: bool
) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("enter")
        await driver.shows("query 0:10")
        line = next(line for line in driver.lines if "query 0:10" in line)
        assert "match 0:10" in line
        assert ("v flips" in line) is hint
        first = driver.app.main.search.table.row_at_cursor
        await driver.press("j")
        await driver.until(
            lambda: driver.app.main.search.table.row_at_cursor is not first, "the cursor has moved"
        )
        await driver.shows("match 0:20")

    drive(small, scenario, size=size, preferences=Preferences(ascii=True))


def test_results_that_were_kept_lose_what_the_library_forgets(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("enter")
        await driver.shows("Moment")
        await driver.press("j", "enter")
        await driver.shows("query 2 of 2")
        await driver.until(lambda: any("Nocturne" in row for row in driver.lines[3:]), "the second answer")
        driver.app.bridge.services.catalog.delete_tracks([track_id(2), track_id(4)])
        await driver.press("left_square_bracket")
        await driver.shows("query 1 of 2")
        await driver.hides("Chibi Ninja")
        await driver.press("right_square_bracket")
        await driver.shows("query 2 of 2")
        await driver.until(
            lambda: not any("Nocturne" in row for row in driver.lines[2:]), "the forgotten have gone"
        )
        assert {track_id(2), track_id(4)}.isdisjoint(driver.app.main.search.shown_tracks())

    drive(small, scenario)


def hear_with_mn04(data_dir: Path) -> None:
    """Let another process hear the small library with mn04, which finds everything alike in another order."""
    random = np.random.default_rng(7)
    with Catalog.open(data_dir / "library.db") as catalog:
        tracks = []
        for number, sample in enumerate(SMALL, start=1):
            windows = random.standard_normal((3, MN04.dimensions)).astype(np.float16)
            before = heard(number, sample)
            assert before.embedding is not None
            embedding = replace(
                before.embedding,
                model=MN04,
                mean=windows.astype(np.float32).mean(axis=0),
                windows=windows,
            )
            tracks.append(replace(before, embedding=embedding))
        catalog.store(tracks)


def test_answers_follow_the_model_that_another_process_chooses(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        search = driver.app.main.search
        await driver.press("enter")
        await driver.shows("builtin hears no names of sounds")
        await driver.press("j", "enter")
        await driver.shows("query 2 of 2")
        await driver.until(lambda: not driver.app.bridge.busy("search"), "the second answer")
        hear_with_mn04(small)
        with Catalog.open(small / "library.db") as catalog:
            catalog.set_meta("model", "mn04")
        await driver.shows("mn04 · 6 tracks")
        await driver.until(
            lambda: search.answered_by == "mn04" and search.table.display, "the answer of the other model"
        )
        assert "query 2 of 2" in driver.text
        assert "builtin hears" not in driver.text
        await driver.press("left_square_bracket")
        await driver.shows("query 1 of 2")
        await driver.until(
            lambda: search.answered_by == "mn04" and search.table.display, "the other model again"
        )
        await driver.hides("builtin hears")

    drive(small, scenario)


def test_answers_out_of_sight_are_asked_again_when_the_model_is_changed_here(small: Path) -> None:
    hear_with_mn04(small)
    with Catalog.open(small / "library.db") as catalog:
        catalog.set_meta("model", "mn04")

    async def scenario(driver: Driver) -> None:
        await driver.press("enter")
        await driver.until(lambda: driver.app.main.search.answered_by == "mn04", "an answer")
        await driver.press("1", "M")
        await driver.shows("in use")
        await driver.press("home", "enter")
        await driver.shows("builtin · 6 tracks")
        await driver.until(lambda: driver.app.main.search.answered_by == "", "the old answer is dropped")
        await driver.press("4")
        await driver.shows("builtin hears no names of sounds")

    drive(small, scenario)
