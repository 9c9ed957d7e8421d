"""What becomes of the files: those that were fetched, and those that are somebody's own."""

from __future__ import annotations

import os
import shutil
import threading
import unicodedata
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from musicsim_tui.audio.encode import write_audio
from musicsim_tui.audio.identity import examine
from musicsim_tui.download import forecast
from musicsim_tui.download.editing import edit_names
from musicsim_tui.download.fetch import FetchRequest, fetch
from musicsim_tui.download.listing import SINGLES
from musicsim_tui.download.playlist import read_listing
from musicsim_tui.download.queue import WORK_FOLDER
from musicsim_tui.download.session import SiteOptions
from musicsim_tui.errors import StorageError
from musicsim_tui.ingest.ingest import IngestHooks, IngestRequest
from musicsim_tui.jobs import CancelToken
from musicsim_tui.library.playlist_records import EntryState, PlaylistRecord, SourceRecord
from musicsim_tui.library.playlists import ListedEntry
from musicsim_tui.library.records import CHANGING
from tests.harness.audio_files import RATE, music, write_tone
from tests.harness.downloads import downloading, list_only, opened, states
from tests.harness.youtube_videos import Video

if TYPE_CHECKING:
    from collections.abc import Iterator

    from musicsim_tui.download.report import RunSummary
    from musicsim_tui.services import Services
    from tests.harness.youtube import YouTube

OPTIONS = SiteOptions(extra={"retries": 1, "socket_timeout": 2})


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with downloading(tmp_path) as services:
        yield services


def fetched(services: Services, link: str, *, ingest: bool = True) -> tuple[int, RunSummary]:
    """Open a link and fetch what is behind it; the playlist and what came of it."""
    playlist = opened(services, link).playlist
    services.downloads.enqueue_playlist(playlist, everything=True)
    return playlist, services.downloads.run(CancelToken(), ingest=ingest)


def checked(services: Services, playlist: int) -> int:
    """Look at a playlist again, and fetch what is new or deleted; how many files came."""
    services.downloads.check(playlist, CancelToken())
    services.downloads.enqueue_playlist(playlist, everything=False)
    return services.downloads.run(CancelToken()).ready


def test_a_copy_of_ones_own_is_never_deleted(services: Services, youtube: YouTube, tmp_path: Path) -> None:
    playlist, summary = fetched(services, list_only(youtube, "ok_m4a", "ok_opus"))
    first, second = summary.files
    own = tmp_path / "own"
    own.mkdir()
    copy = own / first.name
    shutil.copy(first, copy)
    stranger = first.parent / "notes.mp3"
    stranger.write_bytes(b"mine")
    services.ingest(IngestRequest((own,)), IngestHooks(), CancelToken())
    first.unlink()
    assert checked(services, playlist) == 0  # the sound is there
    assert states(services, playlist) == [EntryState.READY, EntryState.READY]

    forgotten = services.downloads.forget(playlist, delete_files=True)
    assert (forgotten.files_deleted, forgotten.files_kept) == (1, 1)
    assert copy.exists()
    assert stranger.exists()
    assert not second.exists()


def test_a_file_that_was_there_before_is_taken_for_the_track_and_never_deleted(
    services: Services, youtube: YouTube
) -> None:
    mine = services.downloads.folder / "Mix" / f"My rip [{youtube.ids['ok_m4a']}].m4a"
    mine.parent.mkdir(parents=True)
    write_audio(mine, np.stack([music(3), music(4)]), RATE)
    before = mine.read_bytes()
    playlist, summary = fetched(services, list_only(youtube, "ok_m4a", "ok_opus"))
    assert (summary.ready, summary.adopted, summary.files[0]) == (2, 1, mine)
    assert states(services, playlist) == [EntryState.READY, EntryState.READY]

    forgotten = services.downloads.forget(playlist, delete_files=True)
    assert (forgotten.files_deleted, forgotten.files_kept, forgotten.files_own) == (1, 1, 1)
    assert os.listdir(mine.parent) == [mine.name]
    assert mine.read_bytes() == before


def test_a_damaged_file_that_was_there_before_is_not_replaced(services: Services, youtube: YouTube) -> None:
    link = list_only(youtube, "ok_m4a")
    playlist, summary = fetched(services, link, ingest=False)
    [mine] = summary.files
    services.catalog.playlists.forget(playlist, files_too=True)
    playlist, summary = fetched(services, link, ingest=False)
    assert (summary.adopted, summary.files) == (1, (mine,))
    mine.write_bytes(b"")
    assert services.downloads.retry(services.downloads.damaged()) == 1
    [again] = services.downloads.run(CancelToken(), ingest=False).files
    assert again != mine
    assert mine.read_bytes() == b""
    services.downloads.forget(playlist, delete_files=True)
    assert os.listdir(mine.parent) == [mine.name]


def test_another_sound_under_the_name_of_a_fetched_one_stays(services: Services, youtube: YouTube) -> None:
    playlist, summary = fetched(services, list_only(youtube, "ok_m4a", "ok_opus"), ingest=False)
    mine, edited = summary.files
    write_audio(mine, np.stack([music(3), music(4)]), RATE)
    edit_names(edited, title="Another", artist=None, cancel=CancelToken())
    forgotten = services.downloads.forget(playlist, delete_files=True)
    assert (forgotten.files_deleted, forgotten.files_own) == (1, 1)
    assert os.listdir(mine.parent) == [mine.name]


def test_a_file_that_stands_in_for_another_playlists_stays(services: Services, youtube: YouTube) -> None:
    youtube.add("twin", Video("Twin - Song", 3, "b.m4a"))
    one, first = fetched(services, list_only(youtube, "ok_m4a", playlist="PLone", title="One"))
    two, second = fetched(services, list_only(youtube, "twin", playlist="PLtwo", title="Two"))
    second.files[0].unlink()
    assert checked(services, two) == 0
    assert services.catalog.playlists.entries(two)[0].path == first.files[0]
    forgotten = services.downloads.forget(one, delete_files=True)
    assert (forgotten.files_deleted, forgotten.files_kept) == (0, 0)
    assert first.files[0].exists()
    assert states(services, two) == [EntryState.READY]


def test_new_files_of_a_known_playlist_go_where_they_are_asked_to(
    services: Services, youtube: YouTube, tmp_path: Path
) -> None:
    link = list_only(youtube, "ok_m4a")
    playlist, summary = fetched(services, link, ingest=False)
    link = list_only(youtube, "ok_m4a", "ok_opus")
    elsewhere = tmp_path / "elsewhere"
    again = services.downloads.open(link, CancelToken(), folder=elsewhere)
    assert (again.playlist, again.deleted) == (playlist, 0)
    services.downloads.enqueue_playlist(playlist, everything=True)
    [new] = services.downloads.run(CancelToken(), ingest=False).files
    assert new.parent == elsewhere / "Mix"
    assert summary.files[0].exists()
    assert states(services, playlist) == [EntryState.READY, EntryState.READY]
    opened(services, link)  # without a word about folders it stays where it is now
    known = services.catalog.playlists.get(playlist)
    assert known is not None
    assert known.folder == elsewhere / "Mix"


def test_one_folder_that_cannot_be_used_does_not_keep_the_others(
    services: Services, youtube: YouTube, tmp_path: Path
) -> None:
    blocked = tmp_path / "blocked"
    link = list_only(youtube, "ok_m4a", playlist="PLone", title="One")
    one = services.downloads.open(link, CancelToken(), folder=blocked).playlist
    services.downloads.enqueue_playlist(one, everything=True)
    blocked.rmdir()
    blocked.write_bytes(b"a file")
    two, summary = fetched(services, list_only(youtube, "ok_opus", playlist="PLtwo", title="Two"))
    assert states(services, two) == [EntryState.READY]
    assert (summary.ready, summary.waiting) == (1, 1)
    assert summary.stopped_by is not None
    assert str(blocked) in summary.stopped_by.title
    with pytest.raises(StorageError, match="blocked is no folder"):
        services.downloads.open(link, CancelToken(), folder=blocked)

    services.downloads.open(link, CancelToken(), folder=tmp_path / "good")
    services.downloads.resume()
    assert services.downloads.run(CancelToken(), ingest=False).ready == 1
    assert states(services, one) == [EntryState.READY]


def test_the_room_is_that_of_the_disk_in_use(
    services: Services, youtube: YouTube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = {tmp_path / "elsewhere" / "Mix": 7}
    monkeypatch.setattr(forecast, "free_bytes", lambda folder: free.get(folder, 900))
    link = list_only(youtube, "ok_m4a")
    playlist = services.downloads.open(link, CancelToken(), folder=tmp_path / "elsewhere").playlist
    assert services.downloads.forecast(services.catalog.playlists.entries(playlist)).free == 7
    assert services.downloads.forecast([]).free == 900


def single_of(services: Services, site: str, key: str, link: str, seconds: float) -> int:
    """Remember a video of another site, which is in truth one of the made-up YouTube; its playlist."""
    playlists = services.catalog.playlists
    record = PlaylistRecord(site, key, link, link, "Song", "", single=True, endless=False, announced=1)
    playlist, _ = playlists.begin(record, services.downloads.folder / SINGLES)
    playlists.add(playlist, [ListedEntry(1, 0, SourceRecord(site, key, link, "Song", "", seconds))])
    services.downloads.enqueue_playlist(playlist, everything=True)
    return playlist


def test_the_same_id_at_another_site_is_another_track(services: Services, youtube: YouTube) -> None:
    youtube.add("long", Video("Long - Song", 6, "long.m4a"))
    left = np.tile(music(4), 2)
    write_audio(youtube.server.media / "long.m4a", np.stack([left, left]), RATE)
    _, summary = fetched(services, youtube.watch("ok_m4a"), ingest=False)
    playlists = services.catalog.playlists
    for seconds, site in ((6.0, "vimeo"), (3.0, "dailymotion")):
        playlist = single_of(services, site, youtube.ids["ok_m4a"], youtube.watch("long"), seconds)
        before = len(youtube.server.sent("videoplayback"))
        assert services.downloads.run(CancelToken(), ingest=False).ready == 1
        assert len(youtube.server.sent("videoplayback")) == before + 1
        assert playlists.entries(playlist)[0].path != summary.files[0]
        assert "Long - Song" in str(playlists.entries(playlist)[0].path)


def test_two_sites_with_one_id_artist_and_title_share_no_file(
    services: Services, youtube: YouTube, tmp_path: Path
) -> None:
    known = youtube.videos[youtube.ids["ok_m4a"]]
    for number, name in enumerate(("second", "third")):
        write_audio(youtube.server.media / f"{name}.m4a", np.stack([music(7 + number), music(9)]), RATE)
        youtube.add(name, Video(known.title, 3, f"{name}.m4a"))
    first, summary = fetched(services, youtube.watch("ok_m4a"))
    key = youtube.ids["ok_m4a"]
    singles = [first]
    for site, name in (("vimeo", "second"), ("dailymotion", "third")):
        singles.append(single_of(services, site, key, youtube.watch(name), 3.0))
        assert services.downloads.run(CancelToken()).ready == 1

    entries = [services.catalog.playlists.entries(playlist)[0] for playlist in singles]
    paths = [entry.path for entry in entries if entry.path is not None]
    stem = summary.files[0].stem.removesuffix(f" [{key}]")
    assert [path.name for path in paths] == [f"{stem}{number} [{key}].mp3" for number in ("", " (2)", " (3)")]
    assert [examine(path).track_id for path in paths] == [entry.track for entry in entries]
    assert len({entry.track for entry in entries}) == 3

    paths[1].write_bytes(b"")  # what is damaged comes again to where it was
    assert checked(services, singles[1]) == 1
    assert [examine(path).track_id for path in paths] == [entry.track for entry in entries]
    assert services.downloads.forget(singles[1], delete_files=True).files_deleted == 1
    assert [path.exists() for path in paths] == [True, False, True]


@pytest.mark.parametrize("spell", [str, str.upper, partial(unicodedata.normalize, "NFD")])
def test_a_file_of_ones_own_with_that_name_is_left_alone(
    services: Services, youtube: YouTube, spell: Callable[[str], str]
) -> None:
    youtube.add("song", Video("Bänd - Söng", 3, "b.m4a"))
    mine = services.downloads.folder / "Mix" / spell(f"Bänd - Söng [{youtube.ids['song']}].mp3")
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"")
    playlist, summary = fetched(services, list_only(youtube, "song"))
    assert summary.files[0].name == f"Bänd - Söng (2) [{youtube.ids['song']}].mp3"
    assert mine.read_bytes() == b""
    services.downloads.forget(playlist, delete_files=True)
    assert os.listdir(mine.parent) == [mine.name]


def test_a_file_that_took_the_place_of_a_deleted_one_is_left_alone(
    services: Services, youtube: YouTube
) -> None:
    playlist, summary = fetched(services, list_only(youtube, "ok_m4a"), ingest=False)
    [path] = summary.files
    path.unlink()
    assert services.downloads.check(playlist, CancelToken()).deleted == 1
    services.downloads.enqueue_playlist(playlist, everything=False)
    path.write_bytes(b"mine")
    [again] = services.downloads.run(CancelToken(), ingest=False).files
    assert again != path
    assert path.read_bytes() == b"mine"


def test_a_damaged_file_is_as_good_as_deleted(services: Services, youtube: YouTube, tmp_path: Path) -> None:
    write_audio(youtube.server.media / "third.m4a", np.stack([music(7), music(8)]), RATE)
    youtube.add("third", Video("Third - Song", 3, "third.m4a"))
    playlist, summary = fetched(services, list_only(youtube, "ok_m4a", "ok_opus", "third"))
    empty, dangling, noise = summary.files
    empty.write_bytes(b"")
    dangling.unlink()
    dangling.symlink_to(tmp_path / "nowhere")
    noise.write_bytes(b"noise" * 999)
    services.ingest(IngestRequest(), IngestHooks(), CancelToken())
    again = services.downloads.check(playlist, CancelToken())
    assert again.deleted == 3
    services.downloads.enqueue_playlist(playlist, everything=False)
    assert services.downloads.run(CancelToken()).heard == 3
    assert states(services, playlist) == [EntryState.READY] * 3
    assert not dangling.is_symlink()
    assert len(youtube.server.sent("videoplayback")) == 6

    noise.write_bytes(b"")
    [entry] = services.downloads.damaged()
    assert services.downloads.retry([entry]) == 1
    assert services.downloads.run(CancelToken()).ready == 1


def test_a_file_whose_format_changes_is_listed_and_not_fetched_again(
    youtube: YouTube, tmp_path: Path
) -> None:
    halves = [
        write_tone(tmp_path / f"{rate}.aac", seconds=3.0, rate=rate).read_bytes() for rate in (44100, 48000)
    ]
    (youtube.server.media / "changing.m4a").write_bytes(b"".join(halves))
    youtube.add("changing", Video("Changing - Song", 6, "changing.m4a"))
    with downloading(tmp_path, more="keep_original = true\n") as services:
        playlist, summary = fetched(services, list_only(youtube, "changing"))
        assert (summary.ready, summary.heard, summary.failed, summary.new_failures) == (1, 1, 0, 0)
        [failure] = services.catalog.failures()
        assert (failure.path, failure.stage) == (summary.files[0], CHANGING)
        assert services.downloads.damaged() == []
        assert checked(services, playlist) == 0
        assert states(services, playlist) == [EntryState.READY]
    assert len(youtube.server.sent("videoplayback")) == 1


def test_a_renamed_file_is_not_fetched_again(services: Services, youtube: YouTube) -> None:
    playlist, summary = fetched(services, list_only(youtube, "ok_m4a", "ok_opus"))
    first, second = summary.files
    new = first.parent / "my favourite" / "song.mp3"
    new.parent.mkdir()
    first.rename(new)
    second.rename(second.with_name(f"x {second.name}"))
    assert checked(services, playlist) == 0
    assert states(services, playlist) == [EntryState.READY, EntryState.READY]
    assert services.catalog.playlists.entries(playlist)[0].path == new
    assert len(youtube.server.sent("videoplayback")) == 2


def test_nothing_unfinished_is_left_of_what_nobody_wants(services: Services, youtube: YouTube) -> None:
    work = services.downloads.folder / WORK_FOLDER
    for name in ("cut_off", "cut_too"):
        youtube.add(name, Video(name, 3, "b.m4a", fault="cut", parameters="at=20000&n=99"))
    one, summary = fetched(services, list_only(youtube, "cut_off", "cut_too", playlist="PLone"))
    assert summary.failed == 2
    assert len(list(work.rglob("*.part"))) == 2
    first = services.catalog.playlists.entries(one)[0].id
    assert services.downloads.retry([first]) == 1
    assert services.downloads.cancel([first]) == 1
    assert len(list(work.rglob("*.part"))) == 1
    services.downloads.forget(one)
    assert not work.exists()


def test_what_is_cancelled_or_forgotten_meanwhile_leaves_nothing(
    services: Services, youtube: YouTube
) -> None:
    work = services.downloads.folder / WORK_FOLDER
    youtube.add("stuck", Video("Stuck - Song", 3, "b.m4a", fault="stall", parameters="at=30000&n=9"))
    playlist = opened(services, youtube.watch("stuck")).playlist
    [entry] = services.catalog.playlists.entries(playlist)
    for leave in (
        lambda: services.downloads.cancel([entry.id]),
        lambda: services.downloads.forget(playlist),
    ):
        services.downloads.enqueue([entry.id])
        youtube.server.stalled.clear()
        leaving = threading.Thread(target=lambda then=leave: youtube.server.stalled.wait(30) and then())
        leaving.start()
        assert services.downloads.run(CancelToken(), ingest=False).ready == 0
        leaving.join(10)
        assert not work.exists()


@pytest.mark.parametrize("keep_original", [True, False])
def test_a_file_is_on_the_disk_before_it_gets_its_name(
    tmp_path: Path, youtube: YouTube, monkeypatch: pytest.MonkeyPatch, keep_original: bool
) -> None:
    written: list[int] = []
    synced = os.fsync

    def fsync(descriptor: int) -> None:
        written.append(os.fstat(descriptor).st_ino)
        synced(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    fetched = fetch(
        read_listing(youtube.watch("ok_opus"), OPTIONS, CancelToken()).entries[0],
        FetchRequest(tmp_path / "Mix", tmp_path / "work", keep_original=keep_original, options=OPTIONS),
        CancelToken(),
    )
    assert written[-1] == fetched.path.stat().st_ino


def test_the_folder_of_what_was_fetched_was_looked_at(services: Services, youtube: YouTube) -> None:
    fetched(services, list_only(youtube, "ok_m4a"))
    assert [root.scanned is not None for root in services.catalog.roots()] == [True]
