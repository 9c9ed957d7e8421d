"""The trouble screen: failures and their retries, the log, the doctor, the report."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from musicsim_tui.errors import CatalogError
from musicsim_tui.library.catalog import Catalog
from musicsim_tui.library.playlist_records import PlaylistRecord, SourceRecord
from musicsim_tui.library.playlists import ListedEntry
from musicsim_tui.library.records import CHANGING, Failure, FileStamp
from musicsim_tui.services import Services
from musicsim_tui.track import Tags
from musicsim_tui.tui.preferences import Preferences
from musicsim_tui.tui.screens import trouble as trouble_module
from musicsim_tui.upkeep.doctor import Check
from tests.harness.audio_files import write_music
from tests.harness.library import ingest_into, library
from tests.tui.conftest import compare
from tests.tui.harness import HOSTILE, NOON, Driver, drive

REASON = "The file holds no audio that can be decoded."
HINT = "Convert it with another program, then retry."


def record(data_dir: Path, *names: str) -> None:
    """Note files that could not be heard, the first one last."""
    with Catalog.open(data_dir / "library.db", clock=lambda: NOON) as catalog:
        catalog.record_failures(
            [
                Failure(
                    Path("/music") / name,
                    FileStamp(1, 1),
                    "decode",
                    REASON,
                    HINT,
                    NOON - 60 * place,
                    1,
                )
                for place, name in enumerate(names)
            ]
        )


def record_download(data_dir: Path, title: str, link: str) -> None:
    """Note a video that could not be fetched."""
    source = SourceRecord("youtube", "abc", link, title, "Channel", 60.0)
    with Catalog.open(data_dir / "library.db", clock=lambda: NOON + 60) as catalog:
        playlist, _ = catalog.playlists.begin(
            PlaylistRecord("youtube:tab", "PL1", link, link, "List", "Channel", False, False, 1),
            data_dir / "List",
        )
        listed = [ListedEntry(1, 0, source)]
        catalog.playlists.add(playlist, listed)
        catalog.playlists.finish(playlist, listed, gap=0, complete=True)
        (entry,) = catalog.playlists.entries(playlist)
        catalog.playlists.enqueue([entry.id])
        item = catalog.playlists.next_item()
        assert item is not None
        catalog.playlists.failed(item.source, "private", "The video is [/private].", "Ask its owner.")


@pytest.fixture
def _universal_time(_own_surroundings: None) -> None:
    time.tzset()


@pytest.mark.usefixtures("_universal_time")
@pytest.mark.parametrize(("size", "name"), [((80, 24), "trouble-80x24"), ((120, 40), "trouble-120x40")])
def test_failures_as_they_are_drawn(small: Path, size: tuple[int, int], name: str) -> None:
    record(small, "broken.mp3", "empty.flac", "[/odd] name.wav")

    async def scenario(driver: Driver) -> None:
        await driver.press("exclamation_mark")
        await driver.shows("Failures 3")
        await driver.shows("tried once; r tries again")
        await driver.settled()
        compare(driver, name)
        await driver.press("j", "j")
        await driver.shows("/music/[/odd] name.wav")
        await driver.press("y")
        await driver.shows("Copied /music/[/odd] name.wav")
        assert driver.app.clipboard == "/music/[/odd] name.wav"
        await driver.press("escape")
        assert driver.app.view_name == "library"
        await driver.press("4", "exclamation_mark", "exclamation_mark")
        assert driver.app.view_name == "search"

    drive(small, scenario, size=size)


def test_one_failure_is_tried_again_and_then_all(empty: Path, tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    write_music(music / "good.wav", 1, 3.0, tags=Tags("Good", "", "", None))
    for number in range(3):
        (music / f"broken-{number}.wav").write_bytes(b"nothing to hear" * 50)
    with library(empty) as services:
        assert ingest_into(services, music).failed == 3

    async def scenario(driver: Driver) -> None:
        await driver.press("exclamation_mark")
        await driver.shows("Failures 3")
        chosen = driver.app.main.view.table.row_at_cursor  # type: ignore[attr-defined]
        for number in range(3):
            write_music(music / f"broken-{number}.wav", 5 + number, 3.0)
        await driver.press("r")
        await driver.shows("Failures 2")
        await driver.until(lambda: not driver.app.hearing.running, "the file is heard")
        await driver.until(lambda: driver.app.tracks == 2, "it is in the library")
        assert chosen.name not in driver.text
        await driver.press("R")
        await driver.shows("Nothing has failed.")
        await driver.until(lambda: driver.app.tracks == 4, "all are heard")
        await driver.press("r", "R", "y", "enter", "space")

    drive(empty, scenario)
    with Catalog.open(empty / "library.db") as catalog:
        assert [root.path for root in catalog.roots()] == [music]


def test_a_flawed_file_is_not_said_to_be_unheard(small: Path) -> None:
    flaw = "The sample rate changes in the middle; the file is heard whole."
    with Catalog.open(small / "library.db", clock=lambda: NOON) as catalog:
        catalog.record_failures(
            [Failure(Path("/music/song.mp3"), FileStamp(1, 1), CHANGING, flaw, HINT, NOON, 1)]
        )

    async def scenario(driver: Driver) -> None:
        await driver.press("3")
        await driver.shows("1 file heard with a flaw")
        await driver.hides("could not be heard")
        await driver.press("exclamation_mark")
        await driver.shows("heard as it is; r hears it again if it has changed")
        await driver.shows(flaw)
        record(small, "broken.mp3")
        await driver.press("escape", "3")
        await driver.shows("1 file could not be heard, 1 file heard with a flaw")

    drive(small, scenario)


def test_what_could_not_be_fetched_is_shown_and_queued_again(small: Path) -> None:
    link = "https://example.org/watch?v=abc"
    record(small, "broken.mp3")
    record_download(small, "Song [Official Video]", link)
    (small / "app.json").write_text('{"downloads_paused": true}')  # nothing is asked of the site

    async def scenario(driver: Driver) -> None:
        await driver.press("exclamation_mark")
        await driver.shows("Failures 2")
        await driver.shows("Song [Official Video]")
        assert "The video is [/private]." in driver.text
        await driver.press("y")
        await driver.shows("Copied https://example.org")
        assert driver.app.clipboard == link
        await driver.press("r")
        await driver.shows("Failures 1")

    drive(small, scenario)
    with Catalog.open(small / "library.db") as catalog:
        assert catalog.playlists.next_item() is not None


def test_the_log_is_shown_as_it_grows(small: Path) -> None:
    log = small / "musicsim.log"
    log.write_text("".join(f"line {number} [/odd] \x1b[31m\n" for number in range(2_000)))

    async def scenario(driver: Driver) -> None:
        await driver.press("exclamation_mark", "tab")
        await driver.shows("line 1999 [/odd] ")
        assert "\x1b" not in driver.text
        with log.open("a") as file:
            file.write("the newest line\n")
        await driver.shows("the newest line")
        await driver.press("g")
        await driver.shows("line 1501 ")
        await driver.press("j", "ctrl+d", "pagedown", "k", "ctrl+u", "pageup", "G")
        await driver.shows("the newest line")
        await driver.press("shift+tab")
        await driver.shows("Nothing has failed.")

    drive(small, scenario)


def test_what_takes_a_while_says_so(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    going_on = threading.Event()

    def diagnose(_services: Services) -> list[Check]:
        going_on.wait(60)
        return [Check("disk", "ok", "all is well")]

    monkeypatch.setattr(Services, "diagnose", diagnose)

    async def scenario(driver: Driver) -> None:
        await driver.press("exclamation_mark", "right")
        await driver.shows("yet.")
        await driver.press("left", "left")
        await driver.shows("Checking every part")
        await driver.press("y")
        await driver.shows("The report is not ready yet.")
        going_on.set()
        await driver.shows("all is well")

    drive(small, scenario)


def test_the_doctor_checks_and_the_report_is_copied_and_kept(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(small.parent))
    asked = 0

    def diagnose(_services: Services) -> list[Check]:
        nonlocal asked
        asked += 1
        return [
            Check("disk", "ok", f"{small}, 3.0 GB free"),
            Check("sound", "warn", "There is no [/sound].", "Install it."),
            Check("index", "fail", f"broken {asked}"),
        ]

    monkeypatch.setattr(Services, "diagnose", diagnose)

    async def scenario(driver: Driver) -> None:
        await driver.press("exclamation_mark")
        await driver.pilot.click("#trouble-parts", offset=(driver.lines[1].index("Doctor"), 0))
        await driver.shows("warn  sound: There is no [/sound].")
        assert "FAIL  index: broken 1" in driver.text
        assert "Install it." in driver.text
        await driver.press("r")
        await driver.shows("broken 2")
        await driver.press("tab")
        await driver.shows("copies this report")
        await driver.press("y")
        await driver.shows("Copied, and kept in")
        assert str(small.parent) not in driver.app.clipboard
        assert "~/data, 3.0 GB free" in driver.app.clipboard

    app = drive(small, scenario, size=(120, 40))
    assert (small / "report.txt").read_text() == app.clipboard


def test_a_real_diagnosis_names_every_part(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("exclamation_mark", "tab", "tab")
        for part in ("packages", "disk", "processor", "sound", "models", "library", "index"):
            await driver.shows(f"{part}: ")

    drive(small, scenario, size=(120, 40))


def test_a_catalog_that_cannot_be_read_is_told(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_catalog: object) -> None:
        raise CatalogError("The disk is [/gone].", "Connect it.")

    monkeypatch.setattr(trouble_module, "gather_troubles", broken)

    async def scenario(driver: Driver) -> None:
        await driver.press("exclamation_mark")
        await driver.shows("The disk is [/gone].")
        assert "Connect it." in driver.text

    drive(small, scenario)


@pytest.mark.parametrize("plain", [False, True])
def test_hostile_names_are_shown_as_they_are(small: Path, plain: bool) -> None:
    record(small, *[(name.replace("/", "|") or "empty")[:120] for name in HOSTILE])

    async def scenario(driver: Driver) -> None:
        await driver.press("exclamation_mark")
        await driver.shows(f"Failures {len(HOSTILE)}")
        for _ in HOSTILE:
            await driver.press("y", "j")
        assert "\x1b" not in driver.text
        assert "\u202e" not in driver.text

    drive(small, scenario, preferences=Preferences(ascii=plain, keys={"trouble.copy": "f3"}))
