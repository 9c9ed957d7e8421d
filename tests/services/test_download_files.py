"""What becomes of the files: those that were fetched, and those that are somebody's own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from musicsim_tui.ingest.ingest import IngestHooks, IngestRequest
from musicsim_tui.jobs import CancelToken
from musicsim_tui.library.playlist_records import EntryState
from tests.harness.downloads import downloading, list_only, opened, states
from tests.harness.youtube_videos import Video

if TYPE_CHECKING:
    from collections.abc import Iterator

    from musicsim_tui.download.report import RunSummary
    from musicsim_tui.services import Services
    from tests.harness.youtube import YouTube


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
