from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.download.diagnosis import RETRY_AFTER_SECONDS, SESSION_LIMIT_SECONDS, describe
from musicsim_tui.download.failures import DownloadError, FailureKind, advice, failure
from musicsim_tui.download.session import JobLog, SiteOptions, open_session
from musicsim_tui.errors import MusicSimError
from musicsim_tui.jobs import CancelToken

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.loop_server import LoopServer
    from tests.harness.youtube import YouTube

SCENARIO = {
    "private": FailureKind.PRIVATE,
    "deleted": FailureKind.DELETED,
    "terminated": FailureKind.DELETED,
    "unknown": FailureKind.DELETED,
    "copyright": FailureKind.COPYRIGHT,
    "region": FailureKind.REGION,
    "age": FailureKind.AGE,
    "members": FailureKind.MEMBERS,
    "premium": FailureKind.MEMBERS,
    "rental": FailureKind.PAID,
    "bot": FailureKind.BOT_CHECK,
    "rate_limit": FailureKind.RATE_LIMIT,
    "upcoming": FailureKind.UPCOMING,
    "media_403": FailureKind.FORBIDDEN,
    "api_429": FailureKind.RATE_LIMIT,
    "api_403": FailureKind.FORBIDDEN,
    "api_500": FailureKind.SERVER,
}


def refused(url: str, tmp_path: Path, **parameters: object) -> DownloadError:
    """The failure of downloading a link with yt-dlp itself."""
    places = {"outtmpl": {"default": "%(id)s"}, "paths": {"home": str(tmp_path)}, "format": "bestaudio/best"}
    options = SiteOptions(extra={"retries": 1, "socket_timeout": 2})
    with (
        pytest.raises(DownloadError) as caught,
        open_session(options, CancelToken(), JobLog(), places | parameters) as session,
    ):
        session.extract_info(url)
    return caught.value


@pytest.mark.parametrize(("name", "kind"), SCENARIO.items())
def test_what_youtube_refuses_has_words(
    name: str, kind: FailureKind, youtube: YouTube, tmp_path: Path
) -> None:
    error = refused(youtube.watch(name), tmp_path)

    assert error.kind is kind
    assert error.title == kind.title
    assert error.hint
    assert "http" not in error.detail
    assert "ERROR" not in error.detail
    assert (error.until is not None) == (kind is FailureKind.RATE_LIMIT)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/fault/404/a.mp3", FailureKind.DELETED),
        ("/fault/410/a.mp3", FailureKind.DELETED),
        ("/fault/401/a.mp3", FailureKind.LOGIN),
        ("/fault/403/a.mp3", FailureKind.FORBIDDEN),
        ("/fault/451/a.mp3", FailureKind.REGION),
        ("/fault/429/a.mp3", FailureKind.RATE_LIMIT),
        ("/fault/503/a.mp3", FailureKind.SERVER),
        ("/fault/refuse-media/a.mp3", FailureKind.FORBIDDEN),
        ("/fault/html/a.mp3", FailureKind.BAD_LINK),
        ("/fault/empty/a.mp3", FailureKind.NOT_AUDIO),
        ("/fault/redirect-loop/a.mp3", FailureKind.NETWORK),
        ("/fault/short/a.mp3", FailureKind.NETWORK),
        ("/fault/cut/a.mp3?at=9000", FailureKind.NETWORK),
    ],
)
def test_what_a_server_does_has_words(
    path: str, kind: FailureKind, server: LoopServer, tmp_path: Path
) -> None:
    assert refused(server.url + path, tmp_path).kind is kind


def test_a_server_that_says_nothing_is_the_network(server: LoopServer, tmp_path: Path) -> None:
    assert refused(f"{server.url}/fault/hang/a.mp3", tmp_path, socket_timeout=0.3).kind is FailureKind.NETWORK


def test_nobody_listening_is_the_network(server: LoopServer, tmp_path: Path) -> None:
    assert refused("http://127.0.0.1:1/a.mp3", tmp_path).kind is FailureKind.NETWORK


@pytest.mark.parametrize(
    "link", ["foo://x", "no link at all", "http://", "https://[bad", "file:///etc/passwd"]
)
def test_what_is_no_link_has_words(link: str, server: LoopServer, tmp_path: Path) -> None:
    assert refused(link, tmp_path).kind is FailureKind.BAD_LINK


def test_a_site_says_how_long_to_wait(server: LoopServer, tmp_path: Path) -> None:
    from yt_dlp.utils import DownloadError as YtDlpError

    error = refused(f"{server.url}/fault/429/a.mp3", tmp_path)
    cause = error.__cause__
    assert cause is not None
    assert describe(cause, now=1000.0).until == 1000.0 + 120
    assert re.fullmatch(r"Wait until \d\d:\d\d, then go on\.", error.hint)

    session = YtDlpError(
        "ERROR: This content isn't available, try again later. The session has been rate-limited"
    )
    assert describe(session, now=1000.0).until == 1000.0 + SESSION_LIMIT_SECONDS
    assert describe(YtDlpError("Too many requests"), now=1000.0).until == 1000.0 + RETRY_AFTER_SECONDS


def test_cookies_of_a_browser_that_is_not_there(
    server: LoopServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with (
        pytest.raises(DownloadError) as caught,
        open_session(SiteOptions("firefox"), CancelToken(), JobLog(), {}) as session,
    ):
        session.extract_info(f"{server.url}/media/a.mp3", download=False)
    assert caught.value.kind is FailureKind.COOKIES


def test_a_full_disk_is_told_by_its_number() -> None:
    assert describe(OSError(errno.ENOSPC, "voll")).kind is FailureKind.DISK_FULL


def test_drm_and_offline_are_told_by_their_words() -> None:
    assert describe(Exception("The video is DRM protected")).kind is FailureKind.DRM
    assert describe(Exception("Failed to resolve 'x' ([Errno -2])")).kind is FailureKind.OFFLINE


def test_ids_are_not_taken_for_words() -> None:
    error = Exception("ERROR: [youtube] x-drm-rent: Private video. Sign in if you've been granted access")
    assert describe(error).kind is FailureKind.PRIVATE
    assert describe(Exception("[youtube] captcha-drm: Nothing to say")).kind is FailureKind.UNKNOWN


def test_an_extractor_that_trips_is_outdated() -> None:
    assert describe(Exception("x: An extractor error has occurred. (caused by KeyError('a'))")).kind is (
        FailureKind.OUTDATED
    )
    assert describe(Exception("Something else")).kind is FailureKind.UNKNOWN


def test_no_formats_without_a_runtime_is_the_runtime() -> None:
    warning = "[youtube] No supported JavaScript runtime could be found. Only deno is enabled"
    error = Exception("ERROR: [youtube] x: Requested format is not available")
    assert describe(error).kind is FailureKind.NO_FORMATS
    assert describe(error, [warning]).kind is FailureKind.NO_RUNTIME


def test_a_missing_runtime_is_advice_while_things_work(youtube: YouTube) -> None:
    log = JobLog()
    with open_session(SiteOptions(), CancelToken(), log, {"js_runtimes": {}}) as session:
        session.extract_info(youtube.watch("ok_m4a"), download=False)
    assert any("pip install deno" in sentence for sentence in advice(list(log.warnings)))
    assert advice(["Your yt-dlp version (2020.01.01) is older than 90 days!"]) == (
        "yt-dlp is older than 90 days: pip install -U yt-dlp.",
    )
    assert advice(["something else"]) == ()


def test_what_stops_the_queue() -> None:
    stopping = {kind for kind in FailureKind if kind.stops_queue}
    assert stopping == {
        FailureKind.BOT_CHECK,
        FailureKind.RATE_LIMIT,
        FailureKind.NO_RUNTIME,
        FailureKind.OFFLINE,
        FailureKind.DISK_FULL,
        FailureKind.COOKIES,
    }
    assert failure(FailureKind.BOT_CHECK).stops_queue
    assert not failure(FailureKind.PRIVATE).stops_queue
    assert not FailureKind.PRIVATE.retryable


def test_every_kind_has_two_sentences() -> None:
    for kind in FailureKind:
        error = failure(kind)
        assert isinstance(error, MusicSimError)
        assert error.title.endswith(".")
        assert error.hint.endswith(".")


def test_details_hold_no_links_and_no_pleas() -> None:
    error = Exception(
        "ERROR: [x] a: Broken https://host/path?key=secret; please report this issue on  https://github.com/x"
    )
    assert describe(error).detail == "[x] a: Broken (link)"


@given(st.text(max_size=400), st.lists(st.text(max_size=80), max_size=4))
def test_any_words_give_a_failure(text: str, warnings: list[str]) -> None:
    error = describe(Exception(text), warnings)
    assert isinstance(error.kind, FailureKind)
    assert "\n" not in error.detail
    assert len(error.detail) <= 300
