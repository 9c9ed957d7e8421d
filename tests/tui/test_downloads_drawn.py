"""The downloads as they are drawn: every state, every size, titles that bend what shows them carelessly."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input

from musicsim_tui.errors import CatalogError
from musicsim_tui.library.catalog import Catalog
from musicsim_tui.library.playlist_records import PlaylistRecord, SourceRecord
from musicsim_tui.library.playlists import ListedEntry
from musicsim_tui.tui.preferences import Preferences
from musicsim_tui.tui.screens import download_lists
from tests.library.samples import track_id
from tests.tui.conftest import compare
from tests.tui.harness import HOSTILE, NOON, Driver, drive

FREE = 73_200_000_000


@pytest.fixture(autouse=True)
def _same_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk with as much room everywhere."""
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=FREE))


def listed(titles: Sequence[str], channel: str = "Channel", first: int = 0) -> list[ListedEntry]:
    """Entries of these titles, as a listing gives them."""
    return [
        ListedEntry(
            place,
            0,
            SourceRecord(
                "youtube",
                f"id{first + place}",
                f"https://youtu.be/id{first + place}",
                title,
                channel,
                60.0 * place,
            ),
        )
        for place, title in enumerate(titles, start=1)
    ]


def remember(catalog: Catalog, title: str, entries: Sequence[ListedEntry], *, announced: int = 0) -> int:
    """A playlist that was listed to its end."""
    link = f"https://example.org/list?name={len(title)}"
    playlist, _ = catalog.playlists.begin(
        PlaylistRecord("tab", title, link, link, title, "Channel", False, False, announced or len(entries)),
        Path("/music/List"),
    )
    gap = max(0, announced - len(entries))
    catalog.playlists.finish(playlist, entries, gap=gap, complete=not gap)
    return playlist


TITLES = ("Ready", "Same sound", "Failed", "Gone", "Waiting", "Private", "Cancelled", "Not chosen")


def fill(data_dir: Path) -> None:
    """Two playlists, one of which has an entry in every state that stays; the queue is paused."""
    with Catalog.open(data_dir / "library.db", clock=lambda: NOON) as catalog:
        playlists = catalog.playlists
        remember(catalog, "Older [/] list", listed(["Single"], first=100))
        entries = listed(TITLES)
        private = replace(entries[5].source, kind="private", reason="The video is private.", hint="Ask.")
        entries[5] = replace(entries[5], source=private)
        found = playlists.entries(remember(catalog, "Night drive", entries, announced=10))
        playlists.enqueue([entry.id for entry in found if entry.title not in ("Private", "Not chosen")])
        paths = (Path("/music/0001.mp3"), Path("/music/elsewhere.mp3"), None, Path("/music/0003.mp3"))
        for track, path in enumerate(paths, start=1):
            item = playlists.next_item()
            assert item is not None
            if path is None:
                playlists.failed(item.source, "region", "It is not available in your country.", "Look.")
                continue
            playlists.fetched(item.source, path, to_hear=True)
            playlists.heard([(item.source, track_id(track))])
            if item.entry.title == "Gone":
                playlists.lost([item.source])
        playlists.cancel([entry.id for entry in found if entry.title == "Cancelled"])
    (data_dir / "app.json").write_text(
        json.dumps({"view": "downloads", "downloads_paused": True, "entry_marks": ["2"]})
    )


@pytest.mark.parametrize(("size", "name"), [((80, 24), "downloads-80x24"), ((120, 40), "downloads-120x40")])
def test_every_state_as_it_is_drawn(small: Path, size: tuple[int, int], name: str) -> None:
    fill(small)

    async def scenario(driver: Driver) -> None:
        await driver.shows("Paused, 1 waiting. P goes on.")
        await driver.shows("Night drive")
        await driver.press("j", "j")
        await driver.shows("It is not available in your country. Look.")
        await driver.settled()
        compare(driver, name)

    drive(small, scenario, size=size)


def test_every_key_of_both_lists_works_with_hostile_titles(small: Path, tmp_path: Path) -> None:
    with Catalog.open(small / "library.db") as catalog:
        for number, title in enumerate(HOSTILE):
            remember(catalog, title, listed([title], channel=title, first=10 * number))
        remember(catalog, "All", listed(HOSTILE, channel="[/] \x1b[31m", first=1000))
    (small / "app.json").write_text(json.dumps({"view": "downloads", "downloads_paused": True}))

    async def scenario(driver: Driver) -> None:
        await driver.shows("14 entries")
        await driver.press("asterisk")
        for _ in HOSTILE[::4]:
            await driver.press("i")
            await driver.shows("Site")
            await driver.press("escape", "j", "j", "j", "j")
        await driver.press("y", "tab", "G", "k", "k", "y")
        for _ in range(3):  # what is longest, and what closes tags that nobody opened
            await driver.press("i")
            await driver.shows("Opened")
            await driver.press("escape", "D")
            await driver.shows("files stay where they are")
            await driver.press("escape", "k")
        assert "\x1b" not in driver.text
        assert "\u202e" not in driver.text
        await driver.press("G", "D", "f")
        await driver.shows("is forgotten")

    drive(small, scenario)


def test_an_ascii_screen_of_downloads_is_ascii(small: Path) -> None:
    fill(small)

    async def scenario(driver: Driver) -> None:
        await driver.shows("Paused, 1 waiting. P goes on.")
        for keys in (["i"], ["escape", "tab", "D"], ["escape", "b"], ["escape", "tab", "j", "j", "j", "i"]):
            await driver.press(*keys)
            await driver.settled()
            assert driver.text.isascii(), [char for char in driver.text if not char.isascii()]

    drive(small, scenario, preferences=Preferences(ascii=True))


def test_panes_rows_and_the_footer_answer_to_the_mouse(small: Path) -> None:
    fill(small)

    async def scenario(driver: Driver) -> None:
        await driver.shows("Not chosen")
        await driver.pilot.click("#playlists", offset=(8, 2))
        await driver.shows("Single")
        await driver.until(lambda: driver.app.downloads.in_playlists, "the keys go to the playlists")
        await driver.press("enter", "k")
        await driver.until(lambda: not driver.app.downloads.in_playlists, "the keys go to the entries")
        await driver.press("shift+tab", "k")
        await driver.shows("Not chosen")
        await driver.pilot.click("#entries", offset=(8, 2), times=2)
        await driver.shows("like  Chibi Ninja")
        await driver.press("2")
        await driver.pilot.click("#keys", offset=(driver.lines[-1].index("Open"), 0))
        await driver.shows("or a link")

    drive(small, scenario)


def test_a_catalog_that_cannot_be_read_is_told(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise CatalogError("The disk is [/gone].", "Connect it.")

    monkeypatch.setattr(download_lists, "read_downloads", broken)

    async def scenario(driver: Driver) -> None:
        await driver.press("2")
        await driver.shows("The disk is [/gone].")
        assert "Connect it." in driver.text
        for key in (
            "d",
            "u",
            "U",
            "p",
            "P",
            "D",
            "r",
            "x",
            "asterisk",
            "slash",
            "i",
            "y",
            "e",
            "tab",
            "space",
            "a",
        ):
            await driver.press(key)
        assert driver.app.view_name == "downloads"

    drive(small, scenario)


def test_an_empty_screen_says_what_to_press_and_keys_find_nothing(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("2")
        await driver.shows("Nothing has been fetched from the web yet.")
        await driver.settled()
        compare(driver, "downloads-empty-80x24")
        for key in ("u", "U", "D", "x", "asterisk", "slash", "i", "y", "tab", "space", "enter"):
            await driver.press(key)
        await driver.press("d")
        await driver.shows("There is nothing to fetch yet; o takes a link.")
        await driver.press("u")
        await driver.shows("There is no playlist yet; o takes a link.")
        for key in ("p", "P"):
            await driver.press(key)
            await driver.shows("Nothing waits to be fetched.")
            driver.app.say("")
            await driver.hides("Nothing waits")
        await driver.press("r")
        await driver.shows("There is nothing here to fetch.")
        await driver.press("e")
        await driver.shows("There is nothing here to export yet.")
        await driver.press("a")
        await driver.shows("There is no track here to put into the crate.")

    drive(small, scenario)


def test_the_list_of_what_came_is_exported(small: Path) -> None:
    fill(small)

    async def scenario(driver: Driver) -> None:
        await driver.shows("Not chosen")
        await driver.press("e")
        await driver.shows("Night drive.m3u8")
        await driver.press("escape", "slash", *"failed", "enter")
        await driver.shows("1 of 8")
        await driver.press("escape")
        await driver.hides("1 of 8")
        await driver.press("enter")
        await driver.shows("like  A Night")
        await driver.press("2", "j", "j", "enter")
        await driver.shows("in your country. Look.")
        await driver.press("G", "enter")
        await driver.shows("It is not here yet; d fetches it.")

    drive(small, scenario)


def test_a_pasted_text_goes_to_the_open_box(small: Path) -> None:
    from textual.events import Paste

    async def scenario(driver: Driver) -> None:
        driver.app.post_message(Paste("youtu.be/abc\nmore"))
        await driver.until(lambda: bool(driver.app.screen.query("#path")), "the open box is there")
        assert driver.app.screen.query_one("#path", Input).value == "youtu.be/abc"

    drive(small, scenario)
