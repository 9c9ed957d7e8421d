"""The emulation is only worth something if yt-dlp's own extractors read it, and nothing else is asked."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
import yt_dlp

from tests.harness.loop_server import LoopServer
from tests.harness.loopback import only_loopback
from tests.harness.youtube import CHANNEL, PLAYLIST

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.youtube import YouTube


def extract(url: str, **parameters: object) -> dict[str, object]:
    quiet = {"quiet": True, "no_warnings": True, "cachedir": False, "extract_flat": True, **parameters}
    with yt_dlp.YoutubeDL(quiet) as session:
        info = session.extract_info(url, download=False)
    assert isinstance(info, dict)
    return info


def test_the_real_extractors_list_the_whole_scenario(youtube: YouTube) -> None:
    info = extract(PLAYLIST)
    entries = info["entries"]
    assert isinstance(entries, list)
    assert info["extractor"] == "youtube:tab"
    assert info["playlist_count"] == 21
    assert [entry["id"] for entry in entries] == list(youtube.ids.values())
    assert len(youtube.server.sent("/browse")) >= 7


def test_the_real_extractors_read_videos_channels_and_mixes(youtube: YouTube) -> None:
    video = extract(youtube.watch("ok_opus"))
    assert (video["track"], video["artists"], video["album"]) == ("Night Run", ["Tanaka"], "City Lights")
    channel = extract(CHANNEL)["entries"]
    assert isinstance(channel, list)
    assert [entry["id"] for entry in channel] == [youtube.ids["ok_m4a"], youtube.ids["ok_opus"]]
    mix = extract("https://www.youtube.com/watch?v=mix00000000&list=RDmix00000000", playlist_items="1-12")
    assert [entry["id"] for entry in mix["entries"]] == [f"mix{n:08}" for n in range(12)]  # type: ignore[attr-defined]


def test_asking_any_other_host_fails(tmp_path: Path) -> None:
    with LoopServer(tmp_path) as server:
        with pytest.raises(AssertionError, match=r"example\.org"), only_loopback(server.url):
            extract("https://example.org/x.mp3")
        with (
            pytest.raises(AssertionError, match=r"192\.0\.2\.1"),
            only_loopback(server.url),
            socket.socket() as client,
        ):
            client.connect(("192.0.2.1", 80))


def test_swallowing_the_refusal_does_not_help(tmp_path: Path) -> None:
    def swallow() -> None:
        with pytest.raises(AssertionError):
            socket.getaddrinfo("example.org", 80)

    with (
        LoopServer(tmp_path) as server,
        pytest.raises(AssertionError, match="example"),
        only_loopback(server.url),
    ):
        swallow()
