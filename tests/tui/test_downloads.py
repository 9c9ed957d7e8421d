"""Fetching from the app: the real yt-dlp, its YouTube on loopback, the real queue, real hearing."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from textual.widgets import Input

from musicsim_tui import jobs
from musicsim_tui.audio.tags import tags_of
from musicsim_tui.download.queue import WORK_FOLDER
from musicsim_tui.download.report import QueueState
from musicsim_tui.download.rest import end_rest, rest
from musicsim_tui.library.catalog import Catalog
from musicsim_tui.library.playlist_records import EntryState
from musicsim_tui.tui.state import FILE_NAME, load_state
from tests.harness import sound
from tests.harness.downloads import impatient, list_only
from tests.harness.youtube import PLAYLIST_ID
from tests.harness.youtube_videos import Video
from tests.tui.harness import Driver, drive, hold_listening

if TYPE_CHECKING:
    from collections.abc import Iterator

    from musicsim_tui.tui.app import MusicApp
    from tests.harness.loop_server import Exchange
    from tests.harness.youtube import YouTube

Scenario = Callable[[Driver], Awaitable[None]]
Run = Callable[..., "MusicApp"]


@pytest.fixture
def run(youtube: YouTube, tmp_path: Path) -> Run:
    """Opens a library that downloads from the made-up YouTube, and plays a scenario."""

    def play(scenario: Scenario, **settings: str) -> MusicApp:
        return drive(tmp_path / "data", scenario, settings=impatient(tmp_path, **settings))

    return play


@pytest.fixture
def held(youtube: YouTube) -> Iterator[threading.Event]:
    """Keeps every page of a list but the first until it is set."""
    let_go = threading.Event()

    def answer(exchange: Exchange, rest: str) -> None:
        if b"continuation" in (exchange.body or b""):
            let_go.wait(60)
        youtube._answer(exchange, rest)

    youtube.server.mount("yt", answer)
    yield let_go
    let_go.set()


def states(tmp_path: Path) -> list[EntryState]:
    """The states of the entries of the first playlist, as another process finds them."""
    with Catalog.open(tmp_path / "data" / "library.db") as catalog:
        playlists = catalog.playlists.all()
        return [entry.state for entry in catalog.playlists.entries(playlists[0].id)] if playlists else []


async def open_link(driver: Driver, link: str) -> None:
    """Type a link into the open box."""
    await driver.press("o")
    await driver.shows("or a link")
    driver.app.screen.query_one("#path", Input).value = link
    await driver.press("enter")


def row(driver: Driver, text: str) -> str:
    """The line of the screen with this text."""
    return next((line for line in driver.lines if text in line), "")


def test_from_a_link_to_similar_tracks(run: Run, youtube: YouTube, tmp_path: Path) -> None:
    link = list_only(youtube, "ok_m4a", "private", "ok_opus", "region", title="Mix [/] 🎧")
    youtube.playlists[PLAYLIST_ID].announced = 6

    async def scenario(driver: Driver) -> None:
        await driver.shows("Paste a link")
        await open_link(driver, link)
        await driver.shows("4 entries listed; d fetches")
        assert driver.app.view_name == "downloads"
        await driver.shows("6 announced, 2 not handed out")
        await driver.shows("3 to fetch")
        assert "at the polite pace" in driver.text
        assert "GB free" in driver.text
        assert "The video is private." in row(driver, "[Private video]")
        assert "0 of 4" in driver.lines[2]
        await driver.press("d")
        await driver.until(lambda: "ready" in row(driver, "Night Run"), "the second entry is ready")
        await driver.shows("failed: It is not available")
        await driver.until(lambda: "2 of 4" in driver.lines[2], "two are there")
        await driver.shows("2 tracks")
        await driver.press("i")
        await driver.shows("Loudness")
        await driver.press("e")
        await driver.shows("enter writes both")
        await driver.press("end", "X", "tab", "end", "e", "enter")
        await driver.shows("Written into the file.")
        await driver.press("escape")
        await driver.press("j", "j", "j", "i")
        await driver.shows("What helps")
        await driver.press("escape", "k", "enter")
        await driver.shows("like  Night Run")
        await driver.shows("Moment")

    run(scenario)
    [file] = (tmp_path / "Music").rglob("AC-DC*.mp3")
    tags = tags_of(file)
    assert (tags.artist, tags.title) == ("AC/DCX", 'Thunder ⚡ "live" <1>e')


def test_a_file_is_played_as_soon_as_it_is_there(
    run: Run, youtube: YouTube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = sound.make_sound_card(tmp_path / "card")
    for name, value in card.environment.items():
        monkeypatch.setenv(name, value)
    sound.restart_portaudio()
    heard = hold_listening(monkeypatch)
    link = list_only(youtube, "ok_opus")

    async def scenario(driver: Driver) -> None:
        preview = driver.app.preview
        await open_link(driver, link)
        await driver.shows("1 entry listed")
        await driver.press("space", "d")
        await driver.shows("ingesting")
        await driver.press("enter")
        await driver.shows("It is being heard")
        await driver.send("space")
        await driver.until(lambda: preview.playing is not None, "the file plays")
        assert preview.playing is not None
        assert preview.playing.playable.path.suffix == ".mp3"
        await driver.send("S")
        heard.set()
        await driver.until(lambda: "ready" in row(driver, "Night Run"), "it is heard")
        await driver.send("space")
        await driver.until(
            lambda: preview.playing is not None and preview.playing.playable.track_id is not None,
            "the track plays",
        )

    run(scenario)


def test_a_listing_comes_page_by_page_and_can_be_stopped(
    run: Run, youtube: YouTube, held: threading.Event
) -> None:
    youtube.playlists[PLAYLIST_ID].title = "Long"

    async def scenario(driver: Driver) -> None:
        await open_link(driver, f"https://www.youtube.com/playlist?list={PLAYLIST_ID}")
        await driver.shows("3 of 21 listed. escape stops.")
        await driver.shows("[Private video]")
        assert "AC/DC" in driver.text
        await driver.until(lambda: "3 of 21 listed" in driver.lines[-2], "every screen tells it")
        await driver.press("1", "2", "escape")
        await driver.shows("stops as soon as the site answers")
        held.set()
        await driver.shows("The listing is stopped; what came is kept.")
        await driver.hides("as soon as")
        assert "AC/DC" in driver.text
        await driver.press("u")
        await driver.shows("21 entries")
        await driver.hides("Listing")

    run(scenario, timeout="60")


def test_a_whole_page_is_told_although_reports_come_thick_and_fast(
    run: Run, youtube: YouTube, held: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a computer where a page is read faster than reports are passed on."""
    monkeypatch.setattr(jobs, "_REPORT_SECONDS", 3600.0)
    youtube.playlists[PLAYLIST_ID].title = "Long"

    async def scenario(driver: Driver) -> None:
        await open_link(driver, f"https://www.youtube.com/playlist?list={PLAYLIST_ID}")
        await driver.shows("3 of 21 listed. escape stops.")
        await driver.shows("[Private video]")
        held.set()
        await driver.shows("21 entries listed")

    run(scenario, timeout="60")


def test_what_a_link_leaves_open_is_asked(run: Run, youtube: YouTube) -> None:
    list_only(youtube, "ok_m4a", "ok_opus", title="Album")
    video = youtube.watch("ok_opus")

    async def scenario(driver: Driver) -> None:
        await open_link(driver, f"{video}&list={PLAYLIST_ID}")
        await driver.shows("This link is a video inside a playlist.")
        await driver.press("escape")
        await driver.hides("Which of them?")
        await open_link(driver, f"{video}&list={PLAYLIST_ID}")
        await driver.shows("Only the video")
        await driver.press("p")
        await driver.shows("2 entries listed")
        await open_link(driver, f"{video}&list=RD{youtube.ids['ok_opus']}")
        await driver.shows("The endless mix around it")
        await driver.press("p")
        await driver.shows("This mix has no end.")
        driver.app.screen.query_one("#how-many", Input).value = "none"
        await driver.press("enter")
        await driver.shows("Type a number such as 50.")
        driver.app.screen.query_one("#how-many", Input).value = "2"
        await driver.press("enter")
        await driver.until(lambda: driver.app.downloads.playlists.rows.total == 2, "two lists")
        await driver.until(lambda: not driver.app.downloading.listed_name, "both are listed")
        asked = len(youtube.server.sent("list=RD"))
        assert asked
        await driver.press("U")
        await driver.shows("Album: 0 new; endless mixes are left out, u on one asks")
        await driver.press("tab", "j", "D", "f")
        await driver.shows("Album is forgotten")
        await driver.press("U")
        await driver.shows("There are only endless mixes, which always have something new; u asks one.")
        assert len(youtube.server.sent("list=RD")) == asked
        await open_link(driver, "https://www.youtube.com/playlist?list=PLnone")
        await driver.shows("Not listed.")
        await driver.press("escape")
        await driver.hides("Not listed.")

    run(scenario)


def test_a_list_waits_while_the_site_wants_to_be_left_alone(
    run: Run, youtube: YouTube, tmp_path: Path
) -> None:
    async def scenario(driver: Driver) -> None:
        rest(driver.app.bridge.services.catalog, time.time() + 3600)
        await open_link(driver, list_only(youtube, "ok_opus"))
        await driver.shows("The list waits")
        assert youtube.server.requests == []
        end_rest(driver.app.bridge.services.catalog)
        await driver.shows("1 entry listed")

    run(scenario)


def test_the_queue_is_paused_cut_and_gone_on_with(run: Run, youtube: YouTube, tmp_path: Path) -> None:
    youtube.add("slower", Video("Slower - Song", 3, "b.m4a", fault="slow", parameters="rate=1000"))
    link = list_only(youtube, "slower", "ok_opus", "ok_m4a")

    async def scenario(driver: Driver) -> None:
        await open_link(driver, link)
        await driver.shows("3 entries listed")
        await driver.press("d")
        await driver.shows("downloading")
        await driver.shows("fetching 0/3")
        await driver.press("1", "q")
        await driver.shows("Quit while music is fetched?")
        await driver.press("n")
        await driver.hides("Quit while")
        await driver.press("2", "P")
        await driver.shows("Paused, 3 waiting. P goes on.")
        await driver.until(lambda: "waiting" in row(driver, "AC/DC"), "the last one waits")
        await driver.press("G", "D")
        await driver.shows("1 download taken out of the queue")
        await driver.shows("cancelled")
        await driver.press("z")
        await driver.hides("cancelled")
        await driver.press("D")
        await driver.shows("cancelled")
        await driver.press("q")

    async def again(driver: Driver) -> None:
        await driver.shows("Paused, 2 waiting. P goes on.")
        await driver.press("tab", "p", "tab")
        await driver.until(lambda: states(tmp_path)[:2] == [EntryState.READY] * 2, "two are ready")
        await driver.shows("2 of 3")
        await driver.press("G", "r")
        await driver.until(lambda: states(tmp_path) == [EntryState.READY] * 3, "all are ready")
        queue = driver.app.downloading
        await driver.until(lambda: queue.snapshot.state is QueueState.IDLE, "nothing is fetched")
        await driver.press("P")
        await driver.shows("Nothing waits to be fetched.")

    assert run(scenario).return_code == 0
    youtube.videos[youtube.ids["slower"]].fault = ""
    run(again)


def test_one_entry_is_paused_while_the_others_come(run: Run, youtube: YouTube, tmp_path: Path) -> None:
    youtube.add("slower", Video("Slower - Song", 3, "b.m4a", fault="slow", parameters="rate=4000"))
    link = list_only(youtube, "slower", "ok_opus", "ok_m4a")

    def kept() -> int:
        return sum(part.stat().st_size for part in (tmp_path / "Music" / WORK_FOLDER).rglob("*.part"))

    async def scenario(driver: Driver) -> None:
        await open_link(driver, link)
        await driver.shows("3 entries listed")
        await driver.press("d")
        await driver.shows("downloading")
        await driver.until(lambda: kept() > 0, "data flows")
        await driver.press("p")
        await driver.shows("1 download paused")
        await driver.until(lambda: "paused" in row(driver, "Slower - Song"), "its stage reads paused")
        await driver.until(lambda: states(tmp_path)[1:] == [EntryState.READY] * 2, "the others come")
        await driver.shows("1 paused · p lets one go on, P all")
        await driver.press("1")
        await driver.until(lambda: "1 download paused" in driver.lines[-2], "every screen tells it")
        await driver.press("2", "q")

    async def again(driver: Driver) -> None:
        await driver.shows("1 paused · p lets one go on, P all")
        assert "paused" in row(driver, "Slower - Song")
        assert len(youtube.server.sent("videoplayback")) == asked
        await driver.press("p")
        await driver.shows("1 download resumed")
        await driver.until(lambda: states(tmp_path) == [EntryState.READY] * 3, "all are ready")
        await driver.until(lambda: "ready" in row(driver, "Slower - Song"), "its stage reads ready")
        await driver.press("p")
        await driver.shows("It is not in the queue. P pauses all fetching")

    run(scenario)
    assert states(tmp_path)[0] is EntryState.PAUSED
    asked, size = len(youtube.server.sent("videoplayback")), kept()
    youtube.videos[youtube.ids["slower"]].fault = ""
    run(again)
    [last] = youtube.server.sent("videoplayback")[asked:]
    assert (last.byte_range or "").startswith(f"bytes={size}-")


def test_the_marked_ones_are_paused_and_all_go_on(run: Run, youtube: YouTube, tmp_path: Path) -> None:
    link = list_only(youtube, "ok_m4a", "ok_opus", "slow")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "app.json").write_text('{"downloads_paused": true}')

    async def scenario(driver: Driver) -> None:
        await open_link(driver, link)
        await driver.shows("3 entries listed")
        await driver.press("d")
        await driver.shows("3 downloads put in the queue; all is paused, P goes on")
        await driver.press("x", "j", "x", "p")
        await driver.shows("2 downloads paused")
        assert states(tmp_path) == [EntryState.PAUSED] * 2 + [EntryState.WAITING]
        await driver.press("P")
        await driver.until(lambda: states(tmp_path)[2] is EntryState.READY, "the third comes")
        await driver.shows("2 paused · p lets one go on, P all")
        await driver.press("X", "g", "p")
        await driver.shows("1 download resumed")
        await driver.until(lambda: states(tmp_path)[0] is EntryState.READY, "the first comes")
        assert states(tmp_path)[1] is EntryState.PAUSED
        await driver.shows("1 paused · p lets one go on, P all")
        await driver.press("P")
        await driver.until(lambda: states(tmp_path)[1] is EntryState.READY, "the second comes")

    run(scenario)


def test_a_robot_check_stops_the_queue_and_cookies_are_offered(
    run: Run, youtube: YouTube, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = list_only(youtube, "bot", "api_500")
    used: list[str | None] = []

    async def scenario(driver: Driver) -> None:
        downloads = driver.app.bridge.services.downloads
        monkeypatch.setattr(downloads, "use_cookies", used.append)
        await open_link(driver, link)
        await driver.shows("2 entries listed")
        await driver.press("d")
        await driver.shows("The site takes you for a robot")
        await driver.shows("P tries again, b takes a browser's cookies.")
        await driver.shows("downloads stopped")
        youtube.videos[youtube.ids["bot"]] = Video("Not - a Robot", 3, "c.webm")
        await driver.press("b")
        await driver.shows("Cookies of which browser?")
        await driver.press("1")
        await driver.shows("ready")
        await driver.shows("failed: The site is in trouble")
        youtube.videos[youtube.ids["api_500"]] = Video("Back - Again", 3, "b.m4a")
        await driver.press("exclamation_mark")
        await driver.shows("The site is in trouble itself.")
        await driver.press("R")
        await driver.shows("1 download put in the queue; 2 shows it")
        await driver.press("2")
        await driver.until(lambda: "2 of 2" in driver.text, "both are there")

    run(scenario)
    assert used == ["firefox"]


def test_what_is_new_is_fetched_and_what_is_forgotten_goes(
    run: Run, youtube: YouTube, tmp_path: Path
) -> None:
    link = list_only(youtube, "ok_m4a")

    async def scenario(driver: Driver) -> None:
        await open_link(driver, link)
        await driver.shows("1 entry listed")
        await driver.press("d")
        await driver.shows("1 of 1")
        youtube.playlists[PLAYLIST_ID].ids.append(youtube.ids["ok_opus"])
        await driver.press("u")
        await driver.shows("Mix: 1 new, 1 put in the queue")
        await driver.shows("2 of 2")
        await driver.press("U")
        await driver.shows("Mix: 0 new")
        await driver.press("tab", "i")
        await driver.shows("yes: checking it fetches what is new")
        await driver.press("escape", "D")
        await driver.shows("delete what was fetched for it alone")
        await driver.press("f")
        await driver.shows("Mix is forgotten: 2 files kept")
        await driver.shows("Nothing has been fetched from the web yet.")
        assert len(list((tmp_path / "Music").rglob("*.mp3"))) == 2
        await open_link(driver, link)
        await driver.shows("2 of 2")
        await driver.press("tab", "D", "d")
        await driver.shows("2 files deleted")
        await driver.shows("Nothing has been fetched from the web yet.")

    run(scenario)
    assert not list((tmp_path / "Music").rglob("*.mp3"))


def test_the_marked_ones_are_fetched_and_marks_survive(run: Run, youtube: YouTube, tmp_path: Path) -> None:
    link = list_only(youtube, "ok_m4a", "api_500", "ok_opus")

    async def scenario(driver: Driver) -> None:
        await open_link(driver, link)
        await driver.shows("3 entries listed")
        await driver.press("x", "z")
        await driver.hides("marked")
        await driver.press("asterisk")
        await driver.shows("3 marked")
        await driver.press("X", "G", "x")
        await driver.shows("1 marked")
        await driver.press("q")

    async def again(driver: Driver) -> None:
        await driver.shows("1 marked")
        await driver.press("d")
        await driver.until(lambda: EntryState.READY in states(tmp_path), "the marked one is ready")
        await driver.hides("marked")
        assert states(tmp_path) == [EntryState.LISTED, EntryState.LISTED, EntryState.READY]
        await driver.press("slash", *"thunder", "enter")
        await driver.shows("1 of 3")
        await driver.press("d")
        await driver.until(lambda: states(tmp_path)[0] is EntryState.READY, "the filtered one is ready")
        await driver.press("escape")
        await driver.hides("1 of 3")
        assert states(tmp_path)[1] is EntryState.LISTED
        await driver.press("g", "y")
        await driver.shows(f"Copied {youtube.watch('ok_m4a')}")
        await driver.press("a")
        await driver.shows("1 track put into the crate")

    run(scenario)
    run(again)


def test_what_is_forgotten_while_it_is_listed_is_listed_no_more(
    run: Run, youtube: YouTube, held: threading.Event, tmp_path: Path
) -> None:
    async def scenario(driver: Driver) -> None:
        await open_link(driver, f"https://www.youtube.com/playlist?list={PLAYLIST_ID}")
        await driver.shows("3 of 21 listed. escape stops.")
        await driver.shows("[Private video]")
        await driver.press("d", "tab", "D")
        await driver.shows("Forget it; files stay where they are")
        await driver.press("f")
        await driver.shows("is forgotten")
        await driver.hides("what came is kept")
        held.set()
        await driver.hides("Listing")
        await driver.shows("Nothing has been fetched from the web yet.")
        assert "is forgotten" in driver.text
        assert "Not listed" not in driver.text
        await open_link(driver, f"https://www.youtube.com/playlist?list={PLAYLIST_ID}")
        await driver.shows("21 entries listed")

    run(scenario, timeout="60")
    assert not {EntryState.WAITING, EntryState.FAILED}.intersection(states(tmp_path))


def test_what_was_wanted_of_a_listing_ends_with_it(
    run: Run, youtube: YouTube, held: threading.Event, tmp_path: Path
) -> None:
    link = f"https://www.youtube.com/playlist?list={PLAYLIST_ID}"

    async def scenario(driver: Driver) -> None:
        await open_link(driver, link)
        await driver.shows("3 of 21 listed. escape stops.")
        await driver.shows("[Private video]")
        await driver.press("d", "escape")
        held.set()
        await driver.shows("The listing is stopped; what came is kept.")
        await driver.until(lambda: states(tmp_path)[:2] == [EntryState.READY] * 2, "what came is ready")
        await open_link(driver, link)
        await driver.shows("21 entries listed")
        await driver.shows("21 entries")

    run(scenario, timeout="60")
    assert set(states(tmp_path)[2:]) <= {EntryState.LISTED, EntryState.UNAVAILABLE}


def test_the_pause_is_kept_at_once(run: Run, youtube: YouTube) -> None:
    youtube.add("slower", Video("Slower - Song", 3, "b.m4a", fault="slow", parameters="rate=1000"))
    link = list_only(youtube, "slower")

    async def scenario(driver: Driver) -> None:
        await open_link(driver, link)
        await driver.shows("1 entry listed")
        await driver.press("d")
        await driver.shows("downloading")
        await driver.press("P")
        kept = driver.app.bridge.services.settings.data_dir / FILE_NAME
        await driver.shows("Fetching is paused.")
        await driver.until(lambda: load_state(kept).downloads_paused, "that is kept")
        await driver.press("P")
        await driver.shows("Fetching goes on.")
        await driver.until(lambda: not load_state(kept).downloads_paused, "and that")

    run(scenario)


def test_whoever_has_chosen_another_playlist_stays_there(
    run: Run, youtube: YouTube, held: threading.Event
) -> None:
    long = f"https://www.youtube.com/playlist?list={PLAYLIST_ID}"
    short = list_only(youtube, "ok_m4a", playlist="PLshort", title="Short")

    async def scenario(driver: Driver) -> None:
        await open_link(driver, short)
        await driver.shows("1 entry listed")
        chosen = driver.app.downloads.wanted
        await open_link(driver, long)
        await driver.shows("3 of 21 listed. escape stops.")
        await driver.until(lambda: driver.app.downloads.wanted != chosen, "the new one is shown")
        await driver.shows("[Private video]")
        await driver.press("tab", "j")
        await driver.until(lambda: driver.app.downloads.wanted == chosen, "the first one is chosen")
        held.set()
        await driver.shows("21 entries listed")
        await driver.hides("Listing")
        assert driver.app.downloads.wanted == chosen
        assert "Short" in driver.cursor_line

    run(scenario, timeout="60")
