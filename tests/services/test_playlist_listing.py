"""Lists that are asked for politely, or just looked at."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from musicsim_tui.download import diagnosis
from musicsim_tui.download.failures import DownloadError, FailureKind
from musicsim_tui.download.rest import rest, rest_until
from musicsim_tui.jobs import Cancelled, CancelToken
from musicsim_tui.library.playlist_records import EntryState
from tests.harness.downloads import downloading, list_only, opened
from tests.harness.youtube import PLAYLIST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from musicsim_tui.services import Services
    from tests.harness.youtube import YouTube


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with downloading(tmp_path) as services:
        yield services


def everything_remembered(services: Services) -> list[str]:
    """All that the catalog holds."""
    with closing(sqlite3.connect(services.catalog.path)) as db:
        return list(db.iterdump())


def test_a_look_shows_what_a_check_would_find_and_changes_nothing(
    services: Services, youtube: YouTube
) -> None:
    link = list_only(youtube, "ok_m4a", "ok_opus", "slow")
    playlist = opened(services, link).playlist
    services.downloads.enqueue_playlist(playlist, everything=True)
    files = services.downloads.run(CancelToken(), ingest=False).files
    files[0].unlink()
    list_only(youtube, "private", "ok_m4a", "slow", "region")
    before = everything_remembered(services)

    few = services.downloads.look(link, CancelToken(), limit=1)
    assert few.opened.limited
    seen = services.downloads.look(link, CancelToken())
    assert everything_remembered(services) == before
    assert services.downloads.look_again(playlist, CancelToken()) == seen

    checked = services.downloads.check(playlist, CancelToken())
    assert (seen.opened, seen.playlist.id) == (checked, playlist)
    after = services.catalog.playlists.entries(playlist)
    shown = [(entry.key, entry.state, entry.removed, entry.fresh, entry.reason) for entry in seen.entries]
    assert shown == [(entry.key, entry.state, entry.removed, entry.fresh, entry.reason) for entry in after]
    assert [entry.state for entry in after] == [
        *(EntryState.UNAVAILABLE, EntryState.GONE, EntryState.READY, EntryState.LISTED, EntryState.READY)
    ]


def test_a_look_at_a_single_video_asks_nobody(services: Services, youtube: YouTube) -> None:
    playlist = opened(services, youtube.watch("ok_m4a")).playlist
    asked = len(youtube.server.requests)
    seen = services.downloads.look_again(playlist, CancelToken())
    assert [entry.state for entry in seen.entries] == [EntryState.LISTED]
    assert len(youtube.server.requests) == asked


def test_a_look_that_is_stopped_leaves_nothing(services: Services, youtube: YouTube) -> None:
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        services.downloads.look(PLAYLIST, cancel, publish=lambda _: cancel.cancel())
    assert services.catalog.playlists.all() == []
    assert youtube.server.requests


def test_a_list_that_is_refused_is_asked_for_again_after_the_rest(
    services: Services, youtube: YouTube, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "RETRY_AFTER_SECONDS", 0.3)
    link = list_only(youtube, "ok_m4a")
    youtube.refusing = True
    told: list[DownloadError] = []

    def on_rest(error: DownloadError) -> None:
        told.append(error)
        youtube.refusing = False

    listed = services.downloads.open(link, CancelToken(), on_rest=on_rest)
    assert (listed.created, listed.received) == (True, 1)
    assert [error.kind for error in told] == [FailureKind.RATE_LIMIT]

    monkeypatch.setattr(diagnosis, "RETRY_AFTER_SECONDS", 900.0)
    youtube.refusing = True
    with pytest.raises(DownloadError):
        services.downloads.check(listed.playlist, CancelToken())
    assert rest_until(services.catalog) > time.time() + 800


def test_nobody_is_asked_while_a_rest_holds(services: Services, youtube: YouTube) -> None:
    playlist = opened(services, PLAYLIST).playlist
    asked = len(youtube.server.requests)
    rest(services.catalog, time.time() + 900)
    for ask in (
        lambda: services.downloads.open(PLAYLIST, CancelToken()),
        lambda: services.downloads.look(PLAYLIST, CancelToken()),
        lambda: services.downloads.check(playlist, CancelToken()),
    ):
        with pytest.raises(DownloadError, match="too often"):
            ask()
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        services.downloads.check(playlist, cancel, on_rest=lambda _: cancel.cancel())
    assert len(youtube.server.requests) == asked
    services.downloads.resume()
    assert opened(services, PLAYLIST).playlist == playlist
