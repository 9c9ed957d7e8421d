"""Listings that come into the catalog: while they are read, cut, read again, and when things are gone."""

from __future__ import annotations

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from musicsim_tui.download.disks import disk_is_away, remember_disk
from musicsim_tui.download.failures import DownloadError, FailureKind
from musicsim_tui.download.finished import note_deleted
from musicsim_tui.download.links import Choice, UndecidedLink
from musicsim_tui.download.listing import SINGLES, list_into
from musicsim_tui.download.report import ListingProgress, Opened
from musicsim_tui.download.session import SiteOptions
from musicsim_tui.errors import CatalogError
from musicsim_tui.jobs import Cancelled, CancelToken
from musicsim_tui.library.catalog import Catalog
from musicsim_tui.library.playlist_records import EntryState
from tests.harness.downloads import list_only
from tests.harness.youtube import CHANNEL, PLAYLIST, PLAYLIST_ID
from tests.harness.youtube_videos import Video

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from musicsim_tui.library.playlists import ListedEntry
    from tests.harness.loop_server import Exchange, LoopServer
    from tests.harness.youtube import YouTube

OPTIONS = SiteOptions(extra={"retries": 1, "socket_timeout": 2})


class Lister:
    """Lists into a catalog and keeps what was told."""

    def __init__(self, catalog: Catalog, folder: Path) -> None:
        self.catalog = catalog
        self.folder = folder
        self.told: list[ListingProgress] = []
        self.cancel = CancelToken()

    def __call__(self, link: str, *, choice: Choice | None = None, limit: int | None = None) -> Opened:
        return list_into(
            self.catalog,
            link,
            self.folder,
            OPTIONS,
            self.cancel,
            choice=choice,
            limit=limit,
            publish=self.told.append,
        )

    def ids(self, playlist: int) -> list[str]:
        return [entry.source.source_id for entry in self.catalog.playlists.entries(playlist)]

    def fetched(self, playlist: int, number: int) -> Path:
        """Pretend that an entry was fetched."""
        known = self.catalog.playlists.get(playlist)
        assert known is not None
        entry = self.catalog.playlists.entries(playlist)[number]
        self.catalog.playlists.enqueue([entry.id])
        item = self.catalog.playlists.next_item()
        assert item is not None
        path = known.folder / f"{entry.source.source_id}.mp3"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"sound")
        self.catalog.playlists.fetched(item.source, path, to_hear=False)
        remember_disk(self.catalog, self.folder)
        return path


@pytest.fixture
def lister(tmp_path: Path) -> Iterator[Lister]:
    with Catalog.open(tmp_path / "library.db") as catalog:
        yield Lister(catalog, tmp_path / "Music")


def test_entries_come_one_after_the_other(lister: Lister, youtube: YouTube) -> None:
    came: list[tuple[int, int]] = []

    def look(progress: ListingProgress) -> None:
        came.append((progress.received, len(lister.catalog.playlists.entries(progress.playlist))))

    opened = list_into(lister.catalog, PLAYLIST, lister.folder, OPTIONS, CancelToken(), publish=look)
    assert came[:2] == [(0, 0), (1, 1)]
    assert came[-1] == (21, 21)
    assert (opened.created, opened.announced, opened.received, opened.gap) == (True, 21, 21, 0)
    playlist = lister.catalog.playlists.get(opened.playlist)
    assert playlist is not None
    assert playlist.folder == lister.folder / "Mix 🎧 - Ünï"
    assert playlist.count(EntryState.UNAVAILABLE) == 5
    assert not playlist.followed
    assert playlist.fresh == 0
    private = lister.catalog.playlists.entries(opened.playlist)[2]
    assert (private.kind, private.state) == ("private", EntryState.UNAVAILABLE)
    assert private.reason == FailureKind.PRIVATE.title


def test_a_page_is_there_before_the_next_is_asked_for(lister: Lister, youtube: YouTube) -> None:
    pages, asked = threading.Semaphore(0), threading.Semaphore(0)

    def answer(exchange: Exchange, rest: str) -> None:
        if b"continuation" in (exchange.body or b""):
            asked.release()
            pages.acquire(timeout=60)
        youtube._answer(exchange, rest)

    youtube.server.mount("yt", answer)
    with ThreadPoolExecutor(1) as elsewhere:
        listing = elsewhere.submit(lister, PLAYLIST)
        for came in range(3, 21, 3):
            assert asked.acquire(timeout=60)
            [playlist] = lister.catalog.playlists.all()
            assert (lister.told[-1].received, playlist.entries) == (came, came)
            pages.release()
        assert listing.result().received == 21


def test_entries_are_there_while_it_rests_before_the_next_page(
    lister: Lister, youtube: YouTube, monkeypatch: pytest.MonkeyPatch
) -> None:
    there: list[int] = []
    monkeypatch.setattr(time, "sleep", lambda _: there.append(lister.told[-1].received if lister.told else 0))
    options = replace(OPTIONS, extra={**OPTIONS.extra, "sleep_interval_requests": 1})
    list_into(lister.catalog, PLAYLIST, lister.folder, options, CancelToken(), publish=lister.told.append)
    assert set(range(3, 21, 3)) <= set(there)


def test_a_full_disk_ends_a_listing_whoever_is_asked_then(
    lister: Lister, youtube: YouTube, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, full = lister.catalog.playlists.add, CatalogError("The disk is full.", "Free some space.")

    def add_once(playlist: int, listed: Sequence[ListedEntry]) -> int:
        if lister.catalog.playlists.entries(playlist):
            raise full
        return add(playlist, listed)

    monkeypatch.setattr(lister.catalog.playlists, "add", add_once)
    with pytest.raises(CatalogError) as caught:
        lister(PLAYLIST)
    assert caught.value is full


def test_what_the_site_keeps_back_is_counted_and_asked_for_twice(lister: Lister, youtube: YouTube) -> None:
    youtube.playlists[PLAYLIST_ID].announced = 25
    opened = lister(PLAYLIST)
    assert (opened.announced, opened.received, opened.gap, opened.retried) == (25, 21, 4, True)
    playlist = lister.catalog.playlists.get(opened.playlist)
    assert playlist is not None
    assert (playlist.received, playlist.gap) == (21, 4)


def test_a_lost_page_is_read_again_and_stands_where_it_belongs(lister: Lister, youtube: YouTube) -> None:
    youtube.playlists[PLAYLIST_ID].lost = {2: 3}
    opened = lister(PLAYLIST)
    assert (opened.received, opened.gap, opened.retried) == (21, 0, True)
    assert lister.ids(opened.playlist) == list(youtube.ids.values())


def test_a_gap_takes_nothing_away(lister: Lister, youtube: YouTube) -> None:
    lister(PLAYLIST)
    youtube.playlists[PLAYLIST_ID].lost = {2: 99}
    opened = lister(PLAYLIST)
    assert opened.gap > 0
    assert opened.removed == 0
    assert lister.ids(opened.playlist) == list(youtube.ids.values())


def test_what_is_new_removed_or_available_again(lister: Lister, youtube: YouTube) -> None:
    link = list_only(youtube, "ok_m4a", "private", "ok_opus")
    first = lister(link)
    youtube.videos[youtube.ids["private"]] = Video("Free - Again", 3, "b.m4a")
    list_only(youtube, "slow", "ok_opus", "private")
    again = lister(link)
    assert (again.playlist, again.created) == (first.playlist, False)
    assert (again.fresh, again.removed) == (1, 1)
    entries = lister.catalog.playlists.entries(first.playlist)
    assert [entry.title for entry in entries] == [
        "Slow - Song",
        "Night Run",
        "Free - Again",
        youtube.videos[youtube.ids["ok_m4a"]].title,
    ]
    assert [entry.fresh for entry in entries] == [True, False, True, False]
    assert [entry.removed for entry in entries] == [False, False, False, True]
    assert lister(link).removed == 0


def test_a_hidden_entry_keeps_its_name(lister: Lister, youtube: YouTube) -> None:
    link = list_only(youtube, "ok_opus")
    first = lister(link)
    youtube.videos[youtube.ids["ok_opus"]].listed_title = "[Deleted video]"
    lister(link)
    [entry] = lister.catalog.playlists.entries(first.playlist)
    assert (entry.title, entry.source.channel) == ("Night Run", "Tanaka - Topic")
    assert (entry.state, entry.kind) == (EntryState.UNAVAILABLE, "deleted")


def test_one_video_twice_in_a_list(lister: Lister, youtube: YouTube) -> None:
    link = list_only(youtube, "ok_m4a", "ok_opus", "ok_m4a")
    opened = lister(link)
    entries = lister.catalog.playlists.entries(opened.playlist)
    assert len(entries) == 3
    added = lister.catalog.playlists.enqueue([entry.id for entry in entries])
    assert len(added) == 2
    assert lister(link).fresh == 0
    assert len(lister.catalog.playlists.entries(opened.playlist)) == 3


def test_stopped_in_the_middle_what_came_is_kept(lister: Lister, youtube: YouTube) -> None:
    def stop(progress: ListingProgress) -> None:
        if progress.received:
            lister.cancel.cancel()

    with pytest.raises(Cancelled):
        list_into(lister.catalog, PLAYLIST, lister.folder, OPTIONS, lister.cancel, publish=stop)
    [playlist] = lister.catalog.playlists.all()
    assert 0 < playlist.entries < 21
    assert playlist.checked is None
    lister.cancel = CancelToken()
    assert lister(PLAYLIST).fresh == 21 - playlist.entries
    whole = lister.catalog.playlists.get(playlist.id)
    assert whole is not None
    assert whole.fresh == 0  # nobody has seen the list whole before


def test_what_cannot_be_listed_leaves_nothing(lister: Lister, server: LoopServer, youtube: YouTube) -> None:
    with pytest.raises(DownloadError):
        lister(f"{server.url}/nothing")
    with pytest.raises(UndecidedLink):
        lister(f"{youtube.watch('ok_m4a')}&list={PLAYLIST_ID}")
    assert lister.catalog.playlists.all() == []


def test_folders_of_their_own(lister: Lister, youtube: YouTube) -> None:
    links = [
        list_only(youtube, "ok_m4a", playlist="PLone", title="Mix"),
        list_only(youtube, "ok_m4a", playlist="PLtwo", title="mix"),
        list_only(youtube, "ok_m4a", playlist="PLthree", title=SINGLES),
        list_only(youtube, "ok_m4a", playlist="PLfour", title="../../CON"),
        list_only(youtube, "ok_m4a", playlist="PLfive", title="mix [PLsix]"),
        list_only(youtube, "ok_m4a", playlist="PLsix", title="MIX"),
    ]
    folders = []
    for link in (*links, youtube.watch("ok_opus"), CHANNEL):
        playlist = lister.catalog.playlists.get(lister(link).playlist)
        assert playlist is not None
        folders.append(playlist.folder)
    assert all(folder.parent == lister.folder for folder in folders)
    assert len({str(folder).casefold() for folder in folders}) == len(folders)
    assert [folder.name for folder in folders[5:7]] == ["MIX (2) [PLsix]", SINGLES]


def test_lists_of_the_open_web(lister: Lister, server: LoopServer) -> None:
    for path, title in (("/feed.rss", "Föd / “feed” 🎧"), ("/page.html", "Page «audio»")):
        opened = lister(server.url + path)
        assert opened.title == title
        entries = lister.catalog.playlists.entries(opened.playlist)
        assert len({entry.key for entry in entries}) == len(entries) == 3
        assert lister(server.url + path).fresh == 0


def test_an_endless_mix_loses_nothing(lister: Lister, youtube: YouTube) -> None:
    link = "https://www.youtube.com/watch?v=mix00000000&list=RDmix00000000"
    opened = lister(link, choice=Choice.LIST, limit=6)
    assert (opened.received, opened.limited, opened.gap) == (6, True, 0)
    assert lister(link, choice=Choice.LIST, limit=3).removed == 0
    [playlist] = lister.catalog.playlists.all()
    assert (playlist.record.choice, playlist.record.limit, playlist.record.endless) == ("list", 3, True)


def test_deleted_files_are_noticed(lister: Lister, youtube: YouTube) -> None:
    opened = lister(list_only(youtube, "ok_m4a", "ok_opus"))
    path = lister.fetched(opened.playlist, 0)
    kept = lister.fetched(opened.playlist, 1)
    assert len(note_deleted(lister.catalog).deleted) == 0
    path.unlink()
    assert len(note_deleted(lister.catalog, opened.playlist).deleted) == 1
    states = [entry.state for entry in lister.catalog.playlists.entries(opened.playlist)]
    assert states == [EntryState.GONE, EntryState.READY]
    kept.unlink()
    kept.parent.rmdir()
    assert (
        len(note_deleted(lister.catalog).deleted) == 1
    )  # the folder of all playlists is still there, and empty


def test_a_disk_that_is_away_has_lost_nothing(lister: Lister, youtube: YouTube) -> None:
    opened = lister(list_only(youtube, "ok_m4a"))
    lister.fetched(opened.playlist, 0)
    lister.catalog.set_meta(f"downloads:disk:{str(lister.folder).encode().hex()}", "another disk")
    assert not disk_is_away(lister.catalog, lister.folder)  # whatever is in it proves that it is there
    shutil.rmtree(lister.folder)
    assert disk_is_away(lister.catalog, lister.folder)
    assert len(note_deleted(lister.catalog).deleted) == 0
    lister.folder.mkdir()
    assert disk_is_away(lister.catalog, lister.folder)
    assert len(note_deleted(lister.catalog).deleted) == 0
    remember_disk(lister.catalog, lister.folder)
    lister.folder.rmdir()
    assert not disk_is_away(lister.catalog, lister.folder)
    assert len(note_deleted(lister.catalog).deleted) == 1


def test_of_a_folder_never_used_nothing_is_known(lister: Lister) -> None:
    assert not disk_is_away(lister.catalog, lister.folder)
    assert disk_is_away(lister.catalog, lister.folder, unless_known=True)
