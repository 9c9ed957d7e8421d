"""Hearing music from the app: first start, the open box, live progress, stopping, going on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.widgets import Input

from musicsim_tui.errors import UsageError
from musicsim_tui.library.catalog import Catalog
from musicsim_tui.track import Tags
from musicsim_tui.tui.app import MusicApp
from musicsim_tui.tui.screens.open_box import read_path
from tests.harness.audio_files import write_music
from tests.tui.conftest import compare
from tests.tui.harness import Driver, drive, hold_listening


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A folder whose name is no markup, with three pieces and something that is none."""
    folder = tmp_path / "[/music] of mine"
    folder.mkdir(parents=True)
    for seed, title in enumerate(("First", "[/bold] Second", "Third")):
        write_music(folder / f"{seed}.flac", seed, 3.0, tags=Tags(title, "Ensemble", "Album", 1990))
    (folder / "broken.mp3").write_bytes(b"nothing to hear" * 50)
    return folder


async def open_path(driver: Driver, text: str) -> None:
    await driver.press("o")
    driver.app.screen.query_one("#path", Input).value = text
    await driver.press("enter")


@pytest.mark.parametrize(("size", "name"), [((80, 24), "welcome-80x24"), ((120, 40), "welcome-120x40")])
def test_the_first_start_as_it_is_drawn(
    empty: Path, tmp_path: Path, size: tuple[int, int], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.shows("Find music that sounds alike.")
        await driver.shows("F Folder")
        await driver.settled()
        compare(driver, name)

    drive(empty, scenario, size=size, music_dir=Path("/usr/there-is-no-such-folder"))


def test_a_folder_is_looked_through_then_heard_then_searched(empty: Path, music: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await open_path(driver, str(music))
        await driver.shows("4 files to hear, about 1 min of music")
        await driver.press("enter")
        assert driver.app.view_name == "ingest"
        await driver.shows("3 tracks added")
        await driver.shows("1 file could not be heard")
        await driver.shows("broken.mp3")
        await driver.press("1")
        await driver.shows("[/bold] Second")
        await driver.press("enter")
        await driver.shows("Moment")

    drive(empty, scenario)
    with Catalog.open(empty / "library.db") as catalog:
        assert catalog.count() == 3
        assert [root.path for root in catalog.roots()] == [music]


def test_what_is_remembered_is_refreshed_and_failures_are_tried_again(empty: Path, music: Path) -> None:
    async def first(driver: Driver) -> None:
        await open_path(driver, str(music))
        await driver.shows("4 files to hear")
        await driver.press("enter")
        await driver.shows("3 tracks added")

    async def again(driver: Driver) -> None:
        write_music(music / "new.flac", 9, 3.0)
        write_music(music / "broken.mp3", 8, 3.0)
        await driver.press("3", "u")
        await driver.shows("2 tracks added")
        await driver.hides("could not be heard")

    drive(empty, first)
    drive(empty, again)


def test_files_that_are_gone_are_told_and_can_be_seen(empty: Path, music: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await open_path(driver, str(music))
        await driver.shows("4 files to hear")
        await driver.press("enter")
        await driver.shows("3 tracks added")
        (music / "0.flac").unlink()
        await driver.press("1", "u")
        await driver.shows("0 tracks added; 1 file is gone from the disk; missing:any shows it")
        await driver.press("3")
        await driver.shows("1 file is gone from the disk; missing:any shows it in the Library.")
        await driver.press("1", "slash")
        await driver.type("missing:any")
        await driver.shows("file missing")

    drive(empty, scenario)


def test_a_folder_heard_for_the_first_time_is_named_while_it_is_heard(
    empty: Path, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = hold_listening(monkeypatch)

    async def scenario(driver: Driver) -> None:
        await open_path(driver, str(music))
        await driver.shows("4 files to hear")
        await driver.press("enter")
        await driver.shows("Reading now")
        await driver.shows("not looked through yet")
        assert "none yet" not in driver.text
        let_go.set()
        await driver.shows("3 tracks added")

    drive(empty, scenario)


@pytest.fixture
def six(tmp_path: Path) -> Path:
    """A folder of six pieces."""
    folder = tmp_path / "six"
    folder.mkdir()
    for seed in range(6):
        write_music(folder / f"{seed}.wav", seed, 3.0)
    return folder


async def leave_while_hearing(driver: Driver, six: Path) -> None:
    """Begin to hear the six pieces, and ask to quit."""
    await open_path(driver, str(six))
    await driver.shows("6 files to hear")
    await driver.press("enter")
    await driver.shows("Reading now")
    await driver.press("q")
    await driver.shows("Quit while music is heard?")


def test_a_stopped_job_keeps_what_is_finished_and_is_not_resumed(
    empty: Path, six: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold_listening(monkeypatch, free=2)

    async def scenario(driver: Driver) -> None:
        await open_path(driver, str(six))
        await driver.shows("6 files to hear")
        await driver.press("enter")
        await driver.shows("Reading now")
        await driver.until(lambda: driver.app.tracks == 2, "two tracks appear in the library")
        await driver.press("D")
        await driver.shows("Stopped.")

    drive(empty, scenario)
    state = json.loads((empty / "app.json").read_text())
    assert state["unfinished"] is None
    with Catalog.open(empty / "library.db") as catalog:
        assert catalog.count() == 2


def test_a_job_that_is_cut_by_quitting_goes_on_at_the_next_start(
    empty: Path, six: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = hold_listening(monkeypatch, free=1)

    async def cut(driver: Driver) -> None:
        await leave_while_hearing(driver, six)
        await driver.press("n")
        await driver.hides("Quit while music is heard?")
        await driver.press("q", "y")

    async def go_on(driver: Driver) -> None:
        await driver.press("3")
        await driver.until(lambda: driver.app.tracks == 6, "all tracks are heard", 60)
        await driver.shows("Done.")

    drive(empty, cut)
    assert json.loads((empty / "app.json").read_text())["unfinished"] == [str(six)]
    let_go.set()
    drive(empty, go_on)


def test_a_paused_job_finishes_what_is_begun_rests_over_a_restart_and_goes_on(
    empty: Path, six: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = hold_listening(monkeypatch, free=2)

    async def pause(driver: Driver) -> None:
        await open_path(driver, str(six))
        await driver.shows("6 files to hear")
        await driver.press("enter")
        await driver.until(lambda: driver.app.tracks == 2, "two tracks appear in the library")
        await driver.press("p")
        await driver.shows("Pausing. What is begun is finished first.")
        await driver.shows("paused 2/6")
        let_go.set()
        await driver.shows("Paused. What is finished is kept; p goes on.")
        await driver.until(lambda: driver.app.tracks == 4, "what was begun is there, too")
        await driver.shows("paused 4/6")
        await driver.press("q")
        await driver.shows("Quit while music is heard?")
        await driver.press("y")

    async def go_on(driver: Driver) -> None:
        await driver.shows("What was not finished is still paused: press 3.")
        await driver.press("3")
        await driver.shows("Paused. What is finished is kept; p goes on.")
        assert driver.app.tracks == 4
        await driver.press("p")
        await driver.shows("Done. 2 tracks added")
        await driver.press("p")
        await driver.shows("Nothing is being heard.")

    drive(empty, pause, threads=2)
    state = json.loads((empty / "app.json").read_text())
    assert (state["unfinished"], state["paused"]) == ([str(six)], True)
    drive(empty, go_on, threads=2)
    state = json.loads((empty / "app.json").read_text())
    assert (state["unfinished"], state["paused"]) == (None, False)


def test_the_open_box_answers_what_it_cannot_open(empty: Path, tmp_path: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await open_path(driver, str(tmp_path / "[/nowhere]"))
        await driver.shows("There is no")
        driver.app.screen.query_one("#path", Input).value = str(tmp_path / "config")
        (tmp_path / "config").mkdir(exist_ok=True)
        await driver.press("enter")
        await driver.shows("There is no music in this folder.")
        await driver.press("escape")
        await driver.hides("escape closes")

    drive(empty, scenario)


def test_folders_are_picked_from_the_disk_whatever_their_names(empty: Path, music: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("F")
        await driver.shows("Hear a folder of music")
        await driver.shows("[/music] of mine")
        await driver.press("escape")
        await driver.press("f")
        await driver.shows("Search with a file")

    drive(empty, scenario, music_dir=music)


def test_models_are_listed_with_what_they_cost(empty: Path, music: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.shows("for 4 files")
        await driver.press("M")
        await driver.shows("327 MB to download")
        await driver.shows("Times and sizes are for 4 tracks in")
        assert "in use" in driver.text
        assert sum("about " in line and "kB" in line for line in driver.lines) == 3
        await driver.press("escape")
        await driver.hides("327 MB")

    drive(empty, scenario, music_dir=music)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/music", "/music"),
        ("  /music/  ", "/music"),
        ("'/my music'", "/my music"),
        ('"/my music"', "/my music"),
        ("/my\\ music", "/my music"),
        ("file:///my%20music", "/my music"),
        ("/it's", "/it's"),
        ("/a b c", "/a b c"),
    ],
)
def test_paths_are_read_as_people_type_and_paste_them(text: str, path: str) -> None:
    assert read_path(text) == Path(path)


@pytest.mark.parametrize("text", ["", "  ", "a\0b", "https://example.org"])
def test_what_is_no_path_is_told(text: str) -> None:
    with pytest.raises(UsageError):
        read_path(text)


def test_the_home_folder_has_a_short_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_path("~/Music") == tmp_path / "Music"


def test_leaving_before_the_library_is_drawn_forgets_no_job(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = {"unfinished": ["/music"], "paused": True, "downloads_paused": True}
    empty.mkdir(exist_ok=True)
    (empty / "app.json").write_text(json.dumps(left))

    def never(_app: MusicApp, _model: str) -> None:
        pass

    async def scenario(driver: Driver) -> None:
        await driver.press("q")

    monkeypatch.setattr(MusicApp, "_opened", never)
    drive(empty, scenario, ready=False)
    state = json.loads((empty / "app.json").read_text())
    assert {name: state[name] for name in left} == left


def test_a_job_whose_disk_is_away_waits_for_it(
    empty: Path, six: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = hold_listening(monkeypatch, free=1)

    async def cut(driver: Driver) -> None:
        await leave_while_hearing(driver, six)
        await driver.press("y")

    async def in_vain(driver: Driver) -> None:
        hearing = driver.app.hearing
        await driver.until(
            lambda: hearing.summary is not None and bool(hearing.summary.offline), "it is away"
        )
        await driver.press("3")
        await driver.shows("offline")

    async def go_on(driver: Driver) -> None:
        app = driver.app
        await driver.until(lambda: app.tracks == 6 and not app.hearing.running, "all is heard", 60)

    drive(empty, cut)
    let_go.set()
    away = six.with_name("away")
    six.rename(away)
    drive(empty, in_vain)
    assert json.loads((empty / "app.json").read_text())["unfinished"] == [str(six)]
    away.rename(six)
    drive(empty, go_on)
    assert json.loads((empty / "app.json").read_text())["unfinished"] is None
