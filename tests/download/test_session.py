from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from musicsim_tui.download.session import JobLog, SiteOptions, open_session
from musicsim_tui.download.site_settings import ALLOWED_OPTIONS
from musicsim_tui.errors import SettingsError, UsageError
from musicsim_tui.jobs import Cancelled, CancelToken

if TYPE_CHECKING:
    from tests.harness.loop_server import LoopServer
    from tests.harness.youtube import YouTube


@pytest.mark.parametrize(
    "extra",
    [
        {"exec_cmd": "rm"},
        {"postprocessors": []},
        {"external_downloader": "curl"},
        {"cookiefile": "x"},
        {"outtmpl": "/etc/x"},
        {"ffmpeg_location": "x"},
        {"enable_file_urls": True},
        {"js_runtimes": {"node": {"path": "/x"}}},
        {"proxy": 5},
        {"retries": True},
        {"ratelimit": "fast"},
    ],
)
def test_options_that_run_programs_or_choose_places_are_refused(extra: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as caught:
        SiteOptions(extra=extra)
    assert caught.value.hint


def test_allowed_options_reach_yt_dlp(server: LoopServer) -> None:
    extra = {"proxy": "", "ratelimit": 1000, "extractor_args": {"youtube": {"lang": ["de"]}}, "retries": 3}
    assert set(extra) <= set(ALLOWED_OPTIONS)
    with open_session(SiteOptions(extra=extra), CancelToken(), JobLog(), {}) as session:
        assert {name: session.params[name] for name in extra} == extra


def test_options_do_not_show_what_may_be_secret() -> None:
    assert "secret" not in repr(SiteOptions(extra={"proxy": "http://me:secret@host"}))


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("firefox", ("firefox", None, None, None)),
        ("Chrome:Profile 1", ("chrome", "Profile 1", None, None)),
        ("chromium+gnomekeyring:Default", ("chromium", "Default", "GNOMEKEYRING", None)),
        ("firefox::Music", ("firefox", None, None, "Music")),
        ("firefox:work::Music", ("firefox", "work", None, "Music")),
    ],
)
def test_browsers(text: str, parsed: tuple[str | None, ...], server: LoopServer) -> None:
    from musicsim_tui.download.session import _browser

    assert _browser(text) == parsed


@pytest.mark.parametrize("text", ["", ":", "+x"])
def test_no_browser(text: str) -> None:
    with pytest.raises(UsageError):
        SiteOptions(cookies_from_browser=text)


def test_cancelling_ends_a_session_at_its_next_request(youtube: YouTube) -> None:
    def ask() -> None:
        with open_session(SiteOptions(), cancel, JobLog(), {}) as session:
            cancel.cancel()
            session.extract_info(youtube.watch("ok_m4a"), download=False)

    cancel = CancelToken()
    with pytest.raises(Cancelled):
        ask()
    assert youtube.server.requests == []


def test_errors_of_the_project_pass(server: LoopServer) -> None:
    with (
        pytest.raises(UsageError, match="mine"),
        open_session(SiteOptions(), CancelToken(), JobLog(), {}),
    ):
        raise UsageError("mine", "hint")


def test_nothing_reaches_the_terminal(youtube: YouTube, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("ok_m4a", "age", "api_500"):
        with open_session(SiteOptions(), CancelToken(), JobLog(), {"ignoreerrors": True}) as session:
            session.extract_info(youtube.watch(name), download=False)
    assert capfd.readouterr() == ("", "")
