from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from musicsim_tui.errors import UnmetRequest
from musicsim_tui.library.catalog import Catalog
from musicsim_tui.library.playlist_records import EntryState, LeftFile, PlaylistRecord, SourceRecord
from musicsim_tui.library.playlists import ListedEntry
from musicsim_tui.library.schema import MIGRATIONS, migrate
from tests.library.samples import Clock


def record(name: str = "PL", title: str = "Mix", announced: int | None = 3) -> PlaylistRecord:
    link = f"https://site/{name}"
    return PlaylistRecord(
        "site", name, link, f"{link}?x", title, "Channel", single=False, endless=False, announced=announced
    )


def source(name: str, **more: str) -> SourceRecord:
    return SourceRecord("site", name, f"https://site/v/{name}", f"Title {name}", "Channel", 60.0, **more)


def listed(*names: str) -> list[ListedEntry]:
    return [
        ListedEntry(place + 1, names[:place].count(name), source(name)) for place, name in enumerate(names)
    ]


def playlist_of(catalog: Catalog, *names: str, name: str = "PL", title: str = "Mix") -> int:
    """A playlist that was listed to its end."""
    key, _ = catalog.playlists.begin(record(name, title), Path("/music") / name)
    catalog.playlists.add(key, listed(*names))
    catalog.playlists.finish(key, listed(*names), gap=0, complete=True)
    return key


def ids(catalog: Catalog, playlist: int) -> list[int]:
    return [entry.id for entry in catalog.playlists.entries(playlist)]


def names(catalog: Catalog, playlist: int) -> list[str]:
    return [entry.source.source_id for entry in catalog.playlists.entries(playlist)]


def test_a_playlist_is_remembered(catalog: Catalog, clock: Clock) -> None:
    key, created = catalog.playlists.begin(record(), Path("/music/Mix"))
    assert created
    assert catalog.playlists.begin(record(title="Renamed"), Path("/elsewhere")) == (key, False)
    playlist = catalog.playlists.get(key)
    assert playlist is not None
    assert (playlist.title, playlist.folder, playlist.checked) == ("Renamed", Path("/music/Mix"), None)
    assert playlist.record == record(title="Renamed")
    assert catalog.playlists.get(key + 1) is None


def test_a_folder_need_not_be_text(catalog: Catalog) -> None:
    folder = Path("/music/\udcff")
    key, _ = catalog.playlists.begin(record(), folder)
    playlist = catalog.playlists.get(key)
    assert playlist is not None
    assert playlist.folder == folder


def test_an_older_catalog_gets_its_playlists(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        migrate(db, MIGRATIONS[:3])
        db.execute("INSERT INTO meta VALUES ('model', 'mn04')")
    with Catalog.open(path) as catalog:
        assert catalog.get_meta("model") == "mn04"
        assert names(catalog, playlist_of(catalog, "a", "b")) == ["a", "b"]


def test_what_an_older_catalog_fetched_is_not_known_to_be_written_by_it(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        migrate(db, MIGRATIONS[:4])
        db.execute(
            "INSERT INTO sources (extractor, source, url, title, channel, state, kind, reason, hint, path)"
            " VALUES ('site', 'a', '', '', '', 'ready', '', '', '', ?)",
            (b"/music/a.mp3",),
        )
    with Catalog.open(path) as catalog:
        playlist = playlist_of(catalog, "a")
        assert catalog.playlists.forget(playlist) == [LeftFile("a", Path("/music/a.mp3"), None)]


def test_counts_and_seconds(catalog: Catalog) -> None:
    key = playlist_of(catalog, "a", "b")
    hidden = ListedEntry(3, 0, source("c", kind="private", reason="Private.", hint="Ask."))
    catalog.playlists.add(key, [hidden])
    playlist = catalog.playlists.get(key)
    assert playlist is not None
    assert playlist.counts == {EntryState.LISTED: 2, EntryState.UNAVAILABLE: 1}
    assert (playlist.entries, playlist.seconds) == (3, 120.0)
    assert playlist.count(EntryState.LISTED, EntryState.READY) == 2


def test_playlists_are_found_by_what_people_call_them(catalog: Catalog) -> None:
    one = playlist_of(catalog, "a", name="PLone", title="Night Drive")
    two = playlist_of(catalog, "a", name="PLtwo", title="Ümlaut")
    for text in ("https://site/PLone", "https://site/PLone?x", "PLone", "night  drive", str(one)):
        assert catalog.playlists.find(text).id == one
    assert catalog.playlists.find("umlaut").id == two
    for text in ("", "nothing", "0", "Night"):
        with pytest.raises(UnmetRequest):
            catalog.playlists.find(text)
    playlist_of(catalog, "a", name="PLthree", title="Night Drive")
    with pytest.raises(UnmetRequest, match="Several") as several:
        catalog.playlists.find("night drive")
    assert str(one) in several.value.hint


def test_the_queue_keeps_its_order_and_takes_each_source_once(catalog: Catalog) -> None:
    one = playlist_of(catalog, "a", "b", "a", name="PLone")
    two = playlist_of(catalog, "c", "b", name="PLtwo")
    a, b, _ = ids(catalog, one)
    c, b_again = ids(catalog, two)
    added = catalog.playlists.enqueue([c, b, a, b_again, 999])
    assert [entry.id for entry in added] == [c, b, a]
    assert [entry.source.source_id for entry in catalog.playlists.queue()] == ["c", "b", "a"]
    assert catalog.playlists.waiting() == (3, 180.0, 3)
    assert catalog.playlists.waiting([one]) == (2, 120.0, 2)
    item = catalog.playlists.next_item([two])
    assert item is not None
    assert (item.entry.source.source_id, item.folder) == ("c", Path("/music/PLtwo"))
    followed = [playlist.followed for playlist in catalog.playlists.all()]
    assert followed == [True, True]


def test_what_became_of_an_entry(catalog: Catalog, clock: Clock) -> None:
    playlist = playlist_of(catalog, "a", "b")
    catalog.playlists.enqueue(ids(catalog, playlist))
    item = catalog.playlists.next_item()
    assert item is not None
    catalog.playlists.deferred(item.source, "rate limit", "Asked too often.", "Wait.", 99.0)
    [first, _] = catalog.playlists.queue()
    assert (first.state, first.kind, first.retry_at, first.attempts) == (
        EntryState.WAITING,
        "rate limit",
        99.0,
        0,
    )
    entry, new = catalog.playlists.failed(item.source, "server", "In trouble.", "Later.")
    assert entry is not None
    assert (entry.state, entry.reason, entry.hint, entry.attempts, new) == (
        EntryState.FAILED,
        "In trouble.",
        "Later.",
        1,
        True,
    )
    assert entry.tried == clock()
    assert catalog.playlists.failures() == [entry]
    catalog.playlists.enqueue([entry.id])
    assert catalog.playlists.failures() == []
    assert not catalog.playlists.failed(item.source, "server", "In trouble.", "Later.")[1]
    catalog.playlists.enqueue([entry.id])
    catalog.playlists.fetched(item.source, Path("/music/a.mp3"), to_hear=True)
    assert catalog.playlists.unheard() == [(item.source, Path("/music/a.mp3"))]
    ready = catalog.playlists.entry(entry.id)
    assert ready is not None
    assert (ready.state, ready.path, ready.reason) == (EntryState.INGESTING, Path("/music/a.mp3"), "")
    assert [waiting.source.source_id for waiting in catalog.playlists.queue()] == ["b"]
    catalog.playlists.lost([item.source])
    assert catalog.playlists.files(playlist) == []
    assert catalog.playlists.failed(12345, "x", "y", "z") == (None, False)


def test_cancelled_and_held(catalog: Catalog) -> None:
    playlist = playlist_of(catalog, "a", "b", "c")
    a, b, c = ids(catalog, playlist)
    catalog.playlists.enqueue([a, b, c])
    assert [entry.id for entry in catalog.playlists.hold([a, a], paused=True)] == [a]
    assert catalog.playlists.hold([a], paused=True) == []
    assert (catalog.playlists.held(), catalog.playlists.held([])) == (1, 0)
    item = catalog.playlists.next_item()
    assert item is not None
    assert item.entry.id == b
    assert catalog.playlists.waiting()[0] == 2
    assert [entry.id for entry in catalog.playlists.cancel([a, b])] == [a, b]
    assert [entry.id for entry in catalog.playlists.cancel()] == [c]
    assert catalog.playlists.cancel() == []
    assert {entry.state for entry in catalog.playlists.entries(playlist)} == {EntryState.CANCELLED}
    assert catalog.playlists.next_item() is None


def test_forgetting_says_which_files_belong_to_nobody(catalog: Catalog) -> None:
    one = playlist_of(catalog, "a", "b", name="PLone")
    two = playlist_of(catalog, "b", "c", name="PLtwo")
    for entry, path in zip(ids(catalog, one), ("/music/a.mp3", "/music/b.mp3"), strict=True):
        catalog.playlists.enqueue([entry])
        item = catalog.playlists.next_item()
        assert item is not None
        catalog.playlists.fetched(item.source, Path(path), to_hear=False)
    assert catalog.playlists.forget(one) == [LeftFile("a", Path("/music/a.mp3"), None)]
    assert [playlist.id for playlist in catalog.playlists.all()] == [two]
    again = playlist_of(catalog, "a", "b", name="PLone")
    assert {entry.state for entry in catalog.playlists.entries(again)} == {EntryState.READY}
    assert catalog.playlists.forget(again, files_too=True) == [LeftFile("a", Path("/music/a.mp3"), None)]
    last = playlist_of(catalog, "a", "b", name="PLone")
    assert [entry.state for entry in catalog.playlists.entries(last)] == [
        EntryState.LISTED,
        EntryState.READY,
    ]
    assert catalog.playlists.forget(12345) == []


def test_entries_that_are_fetched_do_not_change_with_what_a_list_says(catalog: Catalog) -> None:
    playlist = playlist_of(catalog, "a")
    catalog.playlists.enqueue(ids(catalog, playlist))
    hidden = ListedEntry(1, 0, source("a", kind="private", reason="Private.", hint="Ask."))
    catalog.playlists.finish(playlist, [hidden], gap=0, complete=True)
    [entry] = catalog.playlists.entries(playlist)
    assert (entry.state, entry.reason) == (EntryState.WAITING, "")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lists=st.lists(st.lists(st.sampled_from("abcdef"), max_size=8), min_size=1, max_size=4))
def test_the_order_is_that_of_the_latest_list(catalog: Catalog, lists: list[list[str]]) -> None:
    for wanted in lists:
        playlist = playlist_of(catalog, *wanted)
        entries = catalog.playlists.entries(playlist)
        present = [entry.source.source_id for entry in entries if not entry.removed]
        assert present == wanted
        assert [entry.position for entry in entries if not entry.removed] == list(range(1, len(wanted) + 1))
        assert all(entry.removed for entry in entries[len(wanted) :])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=40), link=st.text(max_size=40))
def test_any_text_is_kept(catalog: Catalog, text: str, link: str) -> None:
    hostile = SourceRecord("site", "x", link + "\udc80", text + "\udc80", text, None)
    key, _ = catalog.playlists.begin(record(title=text + "\ud800"), Path("/music"))
    catalog.playlists.add(key, [ListedEntry(1, 0, hostile)])
    [entry, *_] = catalog.playlists.entries(key)
    assert entry.source.duration is None
    entry.title.encode()
