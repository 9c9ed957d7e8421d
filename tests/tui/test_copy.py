"""`y` copies where a track is: its link when it was fetched from the web, else its path."""

from __future__ import annotations

import os
from pathlib import Path

from musicsim_tui.library.catalog import Catalog
from musicsim_tui.library.playlist_records import PlaylistRecord, SourceRecord
from musicsim_tui.library.playlists import ListedEntry
from musicsim_tui.library.records import Failure, FileStamp
from tests.library.samples import track_id
from tests.tui.harness import NOON, Driver, Sample, drive, heard

LINK = "https://example.org/watch?v=[/abc]"


def test_paths_and_links_are_copied_from_every_list(small: Path) -> None:
    with Catalog.open(small / "library.db") as catalog:
        catalog.crates.add("Crate", [track_id(3)])
        playlist, _ = catalog.playlists.begin(
            PlaylistRecord("tab", "PL1", LINK, LINK, "List", "Channel", False, False, 1), Path("/music/List")
        )
        listed = [ListedEntry(1, 0, SourceRecord("youtube", "abc", LINK, "Title", "Channel", 60.0))]
        catalog.playlists.finish(playlist, listed, gap=0, complete=True)
        (entry,) = catalog.playlists.entries(playlist)
        catalog.playlists.enqueue([entry.id])
        item = catalog.playlists.next_item()
        assert item is not None
        catalog.playlists.heard([(item.source, track_id(4))])

    async def scenario(driver: Driver) -> None:
        await driver.press("y")
        await driver.shows("Copied https://example.org/watch?v=[/abc]")
        assert driver.app.clipboard == LINK
        await driver.press("j", "y")
        await driver.shows("Copied /music/0005.mp3")
        assert driver.app.clipboard == "/music/0005.mp3"
        await driver.press("5", "y")
        await driver.shows("Copied /music/0003.mp3")
        await driver.press("enter")
        await driver.shows("Moment")
        row = driver.app.main.search.table.row_at_cursor
        assert row is not None
        await driver.press("y")
        await driver.until(lambda: driver.app.clipboard in (*map(str, row.match.track.paths), LINK), "copied")

    drive(small, scenario, size=(120, 30))


def test_a_name_that_is_no_text_is_copied_as_far_as_it_can_be(empty: Path) -> None:
    name = os.fsdecode(b"/music/caf\xe9.mp3")
    with Catalog.open(empty / "library.db") as catalog:
        catalog.store([heard(1, Sample("Title"), Path(name))])
        catalog.record_failures(
            [Failure(Path(f"{name}.part"), FileStamp(1, 1), "decode", "No audio.", "None.", NOON, 1)]
        )

    async def scenario(driver: Driver) -> None:
        await driver.press("y")
        await driver.shows("Copied /music/caf\ufffd.mp3 - not the exact name, which is not UTF-8.")
        assert driver.app.clipboard == "/music/caf\ufffd.mp3"
        await driver.press("exclamation_mark")
        await driver.shows("Failures 1")
        await driver.press("y")
        await driver.until(
            lambda: driver.app.clipboard == "/music/caf\ufffd.mp3.part", "the failure is copied"
        )
        driver.app.copy_to_clipboard(name)
        assert driver.app.clipboard == "/music/caf\ufffd.mp3"

    drive(empty, scenario)
