"""`musicsim-tui download`: from links to searchable tracks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from musicsim_tui.cli import download_report as reports
from musicsim_tui.cli import output
from musicsim_tui.cli.commands.ingest import NEW_FAILURES
from musicsim_tui.cli.current import CURRENT
from musicsim_tui.cli.download_progress import time_of_day, watch_downloads
from musicsim_tui.cli.link_questions import settled
from musicsim_tui.cli.options import global_options
from musicsim_tui.cli.session import STOPPED_BY_CTRL_C, ExitWith, current_settings, open_services
from musicsim_tui.errors import MusicSimError, UnmetRequest, UsageError

if TYPE_CHECKING:
    from musicsim_tui.cli.interrupt import WatchedToken
    from musicsim_tui.cli.link_questions import SettledLink
    from musicsim_tui.download.failures import DownloadError
    from musicsim_tui.download.preview import Preview
    from musicsim_tui.download.report import ListingProgress, Opened, RunSummary
    from musicsim_tui.services import Services
    from musicsim_tui.settings import Settings

_FAILED = 1
_LISTING_PAUSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Order:
    """What was asked for on the command line."""

    links: tuple[SettledLink, ...]
    everything_remembered: bool
    retry: bool
    ingest: bool
    folder: Path | None


_Links = Annotated[
    list[str] | None,
    typer.Argument(metavar="[URL]...", help="Playlists, channels, albums, videos. None: go on."),
]
_Everything = Annotated[
    bool,
    typer.Option(
        "--all", help="Check all remembered playlists but endless mixes: new, deleted and failed tracks."
    ),
]
_ListOnly = Annotated[bool, typer.Option("--list-only", help="Show what is there; fetch nothing.")]
_NoIngest = Annotated[bool, typer.Option("--no-ingest", help="Do not hear the files.")]
_Dest = Annotated[
    str | None, typer.Option("--dest", metavar="DIR", help="Where the playlists' folders are made.")
]
_Retry = Annotated[bool, typer.Option("--retry", help="Try again what failed, whatever the reason.")]
_Video = Annotated[bool, typer.Option("--video", help="Of a video inside a playlist: only the video.")]
_Playlist = Annotated[bool, typer.Option("--playlist", help="Of a video inside a playlist: the playlist.")]
_Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="At most so many of a list.")]
_Mp3Quality = Annotated[
    str | None, typer.Option("--mp3-quality", metavar="0-9", help="0 is best, 2 unless set.")
]
_KeepOriginal = Annotated[
    bool, typer.Option("--keep-original", help="Keep the site's own audio instead of an MP3.")
]
_Pause = Annotated[
    str | None, typer.Option("--pause", metavar="S", help="Seconds between tracks, such as 10-20.")
]
_LeastFree = Annotated[
    str | None, typer.Option("--least-free", metavar="SIZE", help="Room to leave on the disk, such as 2GB.")
]
_Cookies = Annotated[
    str | None, typer.Option("--cookies-from-browser", metavar="NAME", help="A browser, such as firefox.")
]


@global_options
def download(
    links: _Links = None,
    everything: _Everything = False,
    list_only: _ListOnly = False,
    no_ingest: _NoIngest = False,
    dest: _Dest = None,
    retry: _Retry = False,
    video: _Video = False,
    playlist: _Playlist = False,
    limit: _Limit = None,
    mp3_quality: _Mp3Quality = None,
    keep_original: _KeepOriginal = False,
    pause: _Pause = None,
    least_free: _LeastFree = None,
    cookies_from_browser: _Cookies = None,
) -> None:
    """Fetch playlists as tagged MP3 files, and hear them as they arrive.

    Without a link, go on with what the last one left. Every site that yt-dlp knows works.
    """
    settings = current_settings(
        {
            "cookies_from_browser": cookies_from_browser,
            "download.folder": dest,
            "download.mp3_quality": mp3_quality,
            "download.keep_original": "true" if keep_original else None,
            "download.pause": pause,
            "download.least_free": least_free,
        }
    )
    if video and playlist:
        raise UsageError("--video and --playlist contradict each other.", "Leave one of them out.")
    if list_only and not links and not everything:
        raise UsageError("--list-only needs a link.", "Run musicsim-tui download URL --list-only.")
    if dest and not links and not everything:
        raise UsageError("--dest needs a link, or --all.", "What waits goes to the folder of its playlist.")
    asked = [settled(link, video=video, playlist=playlist, limit=limit) for link in links or ()]
    if list_only:
        _list_only(settings, asked, everything=everything)
    else:
        folder = settings.download.folder if dest else None
        _download(settings, _Order(tuple(asked), everything, retry, not no_ingest, folder))


def _list_only(settings: Settings, links: Sequence[SettledLink], *, everything: bool) -> None:
    with open_services(settings) as (services, cancel):
        with watch_downloads() as watcher:
            looks = _Listings(services, cancel, watcher.listing, looking=True)
            looks.open(links)
            if everything:
                looks.check_all()
        listed = [reports.Listed.of(preview, services) for preview in looks.previews]
    reports.print_lists(listed, looks.failed)
    _end_listing(looks)


def _download(settings: Settings, order: _Order) -> None:
    with open_services(settings) as (services, cancel):
        downloads = services.downloads
        with watch_downloads() as watcher:
            listings = _Listings(services, cancel, watcher.listing, folder=order.folder)
            listings.open(order.links)
            asked = {opened.playlist for opened in listings.opened}
            if order.everything_remembered:
                listings.check_all()
        before = reports.counts(services, listings.opened)
        _fill_queue(services, listings, asked, retry=order.retry)
        only = asked if order.links and not (order.everything_remembered or order.retry) else None
        reports.announce(services, only)
        with watch_downloads() as watcher:
            summary = downloads.run(cancel, watcher.queue, only=only, ingest=order.ingest)
        reports.print_summary(services, summary, listings.opened, listings.failed, before)
    _end(summary, listings)


def _fill_queue(services: Services, listings: _Listings, asked: set[int], *, retry: bool) -> None:
    downloads, playlists = services.downloads, services.catalog.playlists
    for opened in listings.opened:
        given = set(opened.sources) if opened.limited else None
        downloads.enqueue_playlist(opened.playlist, everything=opened.playlist in asked, among=given)
    if retry:
        among = {opened.playlist for opened in listings.opened}
        keys = {entry.key for playlist in among for entry in playlists.entries(playlist)}
        damaged = [playlists.entry(entry) for entry in downloads.damaged()]
        failed = [entry for entry in (*damaged, *playlists.failures()) if entry is not None]
        downloads.retry([entry.id for entry in failed if not among or entry.key in keys])


class _Listings:
    """The playlists that were listed, and the links that could not be: one does not stop the others.

    With `looking` nothing is remembered: `previews` are what was seen.
    """

    def __init__(
        self,
        services: Services,
        cancel: WatchedToken,
        publish: Callable[[ListingProgress], None],
        *,
        folder: Path | None = None,
        looking: bool = False,
    ) -> None:
        self.opened: list[Opened] = []
        self.previews: list[Preview] = []
        self.failed: list[tuple[str, MusicSimError]] = []
        self._services = services
        self._cancel = cancel
        self._publish = publish
        self._folder = folder
        self._looking = looking
        self._asked = 0

    def open(self, links: Sequence[SettledLink]) -> None:
        """List new links. Raises what went wrong when there is but one."""
        for link in links:
            self._take(link.link, partial(self._open, link), alone=len(links) == 1)

    def check_all(self) -> None:
        """List all followed playlists again but endless mixes, which have always something new."""
        done = {opened.playlist for opened in self.opened}
        for known in self._services.catalog.playlists.all():
            if not known.followed or known.id in done:
                continue
            if known.record.endless:
                reports.note_mix(known)
            else:
                self._take(known.title, partial(self._check, known.id), alone=False)

    def _open(self, link: SettledLink) -> Opened:
        downloads = self._services.downloads
        if self._looking:
            return self._seen(
                downloads.look(
                    link.link,
                    self._cancel,
                    choice=link.choice,
                    limit=link.limit,
                    publish=self._publish,
                    on_rest=_tell_rest,
                )
            )
        return downloads.open(
            link.link,
            self._cancel,
            choice=link.choice,
            limit=link.limit,
            folder=self._folder,
            publish=self._publish,
            on_rest=_tell_rest,
        )

    def _check(self, playlist: int) -> Opened:
        downloads = self._services.downloads
        if self._looking:
            return self._seen(downloads.look_again(playlist, self._cancel, self._publish, on_rest=_tell_rest))
        return downloads.check(playlist, self._cancel, self._publish, folder=self._folder, on_rest=_tell_rest)

    def _seen(self, preview: Preview) -> Opened:
        self.previews.append(preview)
        return preview.opened

    def _take(self, name: str, list_it: Callable[[], Opened], *, alone: bool) -> None:
        from musicsim_tui.download.failures import DownloadError

        if self._asked:
            self._cancel.wait(min(_LISTING_PAUSE_SECONDS, self._services.settings.download.pause[0]))
        self._asked += 1
        try:
            self.opened.append(list_it())
        except (DownloadError, UnmetRequest) as error:
            if alone or (isinstance(error, DownloadError) and error.stops_queue):
                raise
            self.failed.append((name, error))
            output.note(f"{name}: {error.title} {error.hint}")


def _tell_rest(error: DownloadError) -> None:
    until = "" if error.until is None else f" Asking again at {time_of_day(error.until)}."
    output.note(f"{error.title}{until} Ctrl-C stops.")


def _end_listing(listings: _Listings) -> None:
    if listings.failed or any(opened.problem for opened in listings.opened):
        raise ExitWith(NEW_FAILURES)


def _end(summary: RunSummary, listings: _Listings) -> None:
    """The exit code, by the worst of what happened."""
    if summary.cancelled:
        raise ExitWith(STOPPED_BY_CTRL_C)
    error = summary.stopped_by or summary.hearing_error
    if error is not None:
        if not CURRENT.json:
            output.report(error)
        raise ExitWith(_FAILED)
    if summary.new_failures:
        raise ExitWith(NEW_FAILURES)
    _end_listing(listings)
