"""The door to yt-dlp: one session for a job, quiet, cancellable, its failures in words."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from musicsim_tui.download.diagnosis import describe
from musicsim_tui.download.site_settings import check_option
from musicsim_tui.errors import MusicSimError, UsageError
from musicsim_tui.jobs import Cancelled

if TYPE_CHECKING:
    from pathlib import Path

    from musicsim_tui.jobs import CancelToken

_KEPT_MESSAGES = 100
_SOCKET_TIMEOUT_SECONDS = 10.0
_RETRIES = 5
_EXTRACTOR_RETRIES = 2
_MAX_REDIRECTIONS = 5


@dataclass(frozen=True, slots=True)
class SiteOptions:
    """How sites are asked. `cookies_from_browser` is BROWSER[+KEYRING][:PROFILE][::CONTAINER], as for yt-dlp;
    `cache_dir` keeps what yt-dlp learns of a player; `extra` holds options as `site_settings` allows them.

    Raises SettingsError for an option that is not allowed or makes no sense.
    """

    cookies_from_browser: str | None = None
    cache_dir: Path | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for name, value in self.extra.items():
            check_option(name, value)
        if self.cookies_from_browser is not None:
            _browser(self.cookies_from_browser)


class JobLog:
    """Takes everything that yt-dlp would print, and keeps its last warnings."""

    def __init__(self) -> None:
        self.warnings: deque[str] = deque(maxlen=_KEPT_MESSAGES)

    def debug(self, message: str) -> None:
        """Dropped: progress and chatter come this way too."""

    info = debug

    def warning(self, message: str) -> None:
        self.warnings.append(message)

    error = warning


@contextmanager
def open_session(
    options: SiteOptions,
    cancel: CancelToken,
    log: JobLog,
    parameters: Mapping[str, Any],
    before_wait: Callable[[], None] = lambda: None,
) -> Iterator[Any]:
    """A `yt_dlp.YoutubeDL` for one job in one thread. Nothing it does reaches the terminal.

    Cancelling ends it at its next request, or in the hooks given in `parameters`. `before_wait` is called in
    the same thread whenever it is about to ask the site, or to rest before it asks. Whatever goes wrong
    inside the block leaves it as DownloadError, or as Cancelled; the project's own errors pass.
    """
    from yt_dlp.utils import DownloadCancelled

    try:
        with _session_class()(_parameters(options, log) | dict(parameters), cancel, before_wait) as session:
            yield session
    except (Cancelled, MusicSimError):
        raise
    except DownloadCancelled as error:
        raise Cancelled from error
    except Exception as error:  # extractors fail in every way there is
        cancel.check()
        raise describe(error, list(log.warnings)) from error


def resolve(session: Any, link: str, extractor: str | None = None) -> dict[str, Any]:  # noqa: ANN401
    """What a link is in the end: a playlist or a video, redirections followed."""
    info: dict[str, Any] = session.extract_info(link, download=False, process=False, ie_key=extractor)
    for _ in range(_MAX_REDIRECTIONS):
        if info.get("_type") not in ("url", "url_transparent"):
            break
        info = session.extract_info(info["url"], download=False, process=False, ie_key=info.get("ie_key"))
    return info


def _session_class() -> Any:  # noqa: ANN401
    from yt_dlp import YoutubeDL
    from yt_dlp.networking.exceptions import HTTPError
    from yt_dlp.utils import DownloadCancelled

    class Session(YoutubeDL):  # type: ignore[misc]
        def __init__(
            self, parameters: dict[str, Any], cancel: CancelToken, before_wait: Callable[[], None]
        ) -> None:
            self._cancel_token = cancel
            self._before_wait = before_wait
            self._responses: WeakSet[Any] = WeakSet()
            super().__init__(parameters)

        def urlopen(self, request: Any) -> Any:  # noqa: ANN401
            self._before_wait()
            if self._cancel_token.cancelled:
                raise DownloadCancelled("cancelled")
            try:
                response = super().urlopen(request)
            except HTTPError as error:
                self._responses.add(error.response)
                raise
            self._responses.add(response)
            return response

        def to_screen(self, *message: Any, **options: Any) -> None:  # noqa: ANN401
            """It says so before it rests between two requests, as `sleep_interval_requests` wants it."""
            self._before_wait()
            super().to_screen(*message, **options)

        def close(self) -> None:
            """Extractors leave answers open that they do not want to read."""
            for response in list(self._responses):
                response.close()
            super().close()

    return Session


def _parameters(options: SiteOptions, log: JobLog) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "quiet": True,
        "noprogress": True,
        "consoletitle": False,
        "color": "never",
        "logger": log,
        "cachedir": str(options.cache_dir) if options.cache_dir else False,
        "socket_timeout": _SOCKET_TIMEOUT_SECONDS,
        "retries": _RETRIES,
        "fragment_retries": _RETRIES,
        "extractor_retries": _EXTRACTOR_RETRIES,
        "ignoreerrors": False,
        "fixup": "never",
        "allow_playlist_files": False,
        "warn_when_outdated": True,
        "js_runtimes": {"deno": {}},
        "default_search": "error",
    }
    if options.cookies_from_browser is not None:
        parameters["cookiesfrombrowser"] = _browser(options.cookies_from_browser)
    return parameters | dict(options.extra)


def _browser(text: str) -> tuple[str, str | None, str | None, str | None]:
    """Name, profile, keyring and container, in yt-dlp's order."""
    match = re.fullmatch(r"([^+:]+)(?:\s*\+\s*([^:]+))?(?:\s*:\s*(?!:)(.+?))?(?:\s*::\s*(.+))?", text.strip())
    if match is None:
        raise UsageError(f"{text!r} names no browser.", "Use a name such as firefox, or firefox:PROFILE.")
    name, keyring, profile, container = match.groups()
    return name.strip().lower(), profile, keyring.strip().upper() if keyring else None, container
