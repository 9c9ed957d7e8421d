"""Files, pages and feeds of the open web, fetched through the front door."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from mutagen.id3 import ID3

from musicsim_tui.download.failures import DownloadError, FailureKind
from musicsim_tui.download.fetch import FetchRequest, fetch
from musicsim_tui.download.playlist import Entry, SourceId, read_listing
from musicsim_tui.download.session import SiteOptions
from musicsim_tui.jobs import CancelToken

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.loop_server import LoopServer


@pytest.fixture
def request_(tmp_path: Path) -> FetchRequest:
    return FetchRequest(tmp_path / "music", tmp_path / "work")


def of_web(server: LoopServer, path: str) -> Entry:
    source = SourceId("generic", "0123456789abcdef")
    return Entry(source, server.url + path, "Band - Söng", "", None, None, 1)


def test_links_in_tags_are_ascii_and_hold_no_password(
    server: LoopServer, request_: FetchRequest, media: Path
) -> None:
    (media / "Söng 黒.mp3").write_bytes((media / "a.mp3").read_bytes())
    with_password = of_web(server, "/media/Söng 黒.mp3?a=b")
    with_password = replace(with_password, url=with_password.url.replace("http://", "http://me:secret@"))
    fetched = fetch(with_password, request_, CancelToken())
    assert ID3(fetched.path)["WOAS"].url == f"{server.url}/media/S%C3%B6ng%20%E9%BB%92.mp3?a=b"
    assert fetched.link == ID3(fetched.path)["WOAS"].url


def test_an_episode_of_a_feed(server: LoopServer, request_: FetchRequest) -> None:
    [entry, *_] = read_listing(f"{server.url}/feed.rss", SiteOptions(), CancelToken()).entries
    fetched = fetch(entry, request_, CancelToken())
    assert (fetched.labels.artist, fetched.labels.title) == ("Band", "Söng a.mp3 🎧 <x>")
    assert fetched.link == f"{server.url}/media/a.mp3"
    assert fetched.source == entry.source


def test_a_page_with_one_player_is_what_it_plays(server: LoopServer, request_: FetchRequest) -> None:
    server.items = server.items[:1]
    fetched = fetch(of_web(server, "/page.html"), request_, CancelToken())
    assert fetched.seconds == pytest.approx(3.0, abs=0.1)


def test_a_list_is_no_entry(server: LoopServer, request_: FetchRequest) -> None:
    with pytest.raises(DownloadError) as caught:
        fetch(of_web(server, "/feed.rss"), request_, CancelToken())
    assert caught.value.kind is FailureKind.BAD_LINK
