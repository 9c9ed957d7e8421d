"""Links and remembered playlists, listed into the catalog or just looked at."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from musicsim_tui.errors import UnmetRequest

if TYPE_CHECKING:
    from musicsim_tui.download.controls import Controls
    from musicsim_tui.download.failures import DownloadError
    from musicsim_tui.download.forecast import DownloadForecast
    from musicsim_tui.download.links import Choice
    from musicsim_tui.download.preview import Preview
    from musicsim_tui.download.report import ListingProgress, Opened
    from musicsim_tui.download.session import SiteOptions
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.library.playlist_records import Playlist, PlaylistEntry
    from musicsim_tui.settings import Settings

    OnRest = Callable[[DownloadError], None]

_TICK_SECONDS = 0.5
_Answer = TypeVar("_Answer")


class PlaylistListing:
    """The part of `Downloads` that asks sites for lists. Every call blocks.

    While a site wants to be left alone none is asked: without `on_rest` a call raises DownloadError then;
    with it, it tells of the rest, waits, and asks again by itself.
    """

    def __init__(self, settings: Settings, catalog: Callable[[], Catalog]) -> None:
        from musicsim_tui.download.controls import Controls

        self._settings = settings
        self._catalog = catalog
        self._cookies = settings.cookies_from_browser
        self._controls: Controls = Controls()

    @property
    def folder(self) -> Path:
        """Where new playlists get their folders."""
        return self._settings.download.folder

    def open(
        self,
        link: str,
        cancel: CancelToken,
        *,
        choice: Choice | None = None,
        limit: int | None = None,
        folder: Path | None = None,
        publish: Callable[[ListingProgress], None] = lambda _: None,
        on_rest: OnRest | None = None,
    ) -> Opened:
        """List a link into the catalog while it is read; a new playlist gets its folder in the download
        folder, or in `folder`, into which the new files of a known one go from now on, too.

        Raises UndecidedLink (see `question_about`), DownloadError when nothing can be listed, StorageError
        when nothing can be put in `folder`, CatalogError, Cancelled; what came by then is kept.
        """
        from musicsim_tui.download.disks import require_folder
        from musicsim_tui.download.listing import list_into

        if folder is not None:
            require_folder(folder)

        def list_it() -> Opened:
            return list_into(
                self._catalog(),
                link,
                folder or self.folder,
                self._site(),
                cancel,
                choice=choice,
                limit=limit,
                resettle=folder is not None,
                publish=publish,
            )

        opened = first = self._politely(list_it, cancel, on_rest)
        while self._must_rest(opened.problem) and on_rest is not None:
            opened = self._politely(list_it, cancel, on_rest)
        return replace(opened, created=first.created)

    def look(
        self,
        link: str,
        cancel: CancelToken,
        *,
        choice: Choice | None = None,
        limit: int | None = None,
        publish: Callable[[ListingProgress], None] = lambda _: None,
        on_rest: OnRest | None = None,
    ) -> Preview:
        """What is behind a link; nothing of it is remembered. Raises as `open` does."""
        from musicsim_tui.download.preview import look_into

        def look() -> Preview:
            return look_into(
                self._catalog(),
                link,
                self.folder,
                self._site(),
                cancel,
                choice=choice,
                limit=limit,
                publish=publish,
            )

        return self._politely(look, cancel, on_rest)

    def look_again(
        self,
        playlist: int,
        cancel: CancelToken,
        publish: Callable[[ListingProgress], None] = lambda _: None,
        *,
        on_rest: OnRest | None = None,
    ) -> Preview:
        """What `check` would find; nothing of it is remembered. Raises as `check` does."""
        from musicsim_tui.download.links import Choice
        from musicsim_tui.download.preview import as_remembered

        known = self._known(playlist)
        record = known.record
        if record.single:
            return as_remembered(self._catalog(), known)
        choice = Choice(record.choice) if record.choice else None
        return self.look(
            record.link, cancel, choice=choice, limit=record.limit, publish=publish, on_rest=on_rest
        )

    def check(
        self,
        playlist: int,
        cancel: CancelToken,
        publish: Callable[[ListingProgress], None] = lambda _: None,
        *,
        folder: Path | None = None,
        on_rest: OnRest | None = None,
    ) -> Opened:
        """List a remembered playlist again: what is fresh, removed, or deleted from the disk since.

        A single video is not asked for: only its file is looked at. Raises as `open` does.
        """
        from musicsim_tui.download.finished import note_deleted
        from musicsim_tui.download.links import Choice
        from musicsim_tui.download.report import Opened

        known = self._known(playlist)
        record = known.record
        if record.single:
            return Opened(
                playlist=playlist,
                title=record.title,
                created=False,
                announced=record.announced,
                received=known.received,
                fresh=0,
                removed=0,
                deleted=len(note_deleted(self._catalog(), playlist).deleted),
                gap=known.gap,
                retried=False,
                limited=False,
            )
        return self.open(
            record.link,
            cancel,
            choice=Choice(record.choice) if record.choice else None,
            limit=record.limit,
            folder=folder,
            publish=publish,
            on_rest=on_rest,
        )

    def forecast(self, entries: Iterable[PlaylistEntry], folder: Path | None = None) -> DownloadForecast:
        """How long fetching those of these entries takes that are not there yet, and the room it needs on the
        disk of `folder`, or that their playlists are on; of several disks, on the one with the least room."""
        from musicsim_tui.download.forecast import make_forecast

        download = self._settings.download
        entries = list(entries)
        playlists = self._catalog().playlists
        found = (playlists.get(key) for key in dict.fromkeys(each.playlist for each in entries))
        folders = [playlist.folder for playlist in found if playlist is not None] or [self.folder]
        return make_forecast(
            entries,
            folders if folder is None else [folder],
            pause=download.pause,
            mp3_quality=download.mp3_quality,
            keep_original=download.keep_original,
            least_free=download.least_free,
        )

    def _known(self, playlist: int) -> Playlist:
        known = self._catalog().playlists.get(playlist)
        if known is None:
            raise UnmetRequest("This playlist is not remembered any more.", "Open its link again.")
        return known

    def _site(self) -> SiteOptions:
        from musicsim_tui.download.session import SiteOptions

        return SiteOptions(
            cookies_from_browser=self._cookies,
            cache_dir=self._settings.data_dir / "yt-dlp",
            extra=self._settings.download.yt_dlp,
        )

    def _politely(self, ask: Callable[[], _Answer], cancel: CancelToken, on_rest: OnRest | None) -> _Answer:
        """Ask when no rest holds, again after each that the site asks for."""
        from musicsim_tui.download.failures import DownloadError

        while True:
            self._rest(cancel, on_rest)
            try:
                return ask()
            except DownloadError as error:
                if not self._must_rest(error) or on_rest is None:
                    raise

    def _must_rest(self, error: DownloadError | None) -> bool:
        """Whether the site was asked too often; then the rest is remembered, for the queue as well."""
        from musicsim_tui.download.failures import FailureKind
        from musicsim_tui.download.rest import rest

        if error is None or error.kind is not FailureKind.RATE_LIMIT or error.until is None:
            return False
        rest(self._catalog(), error.until)
        self._controls.rest_until = error.until
        self._controls.wake()
        return True

    def _rest(self, cancel: CancelToken, on_rest: OnRest | None) -> None:
        from musicsim_tui.download.failures import FailureKind, failure
        from musicsim_tui.download.rest import rest_until

        until = rest_until(self._catalog())
        if until <= time.time():
            return
        error = failure(FailureKind.RATE_LIMIT, until=until)
        if on_rest is None:
            raise error
        on_rest(error)
        while (left := rest_until(self._catalog()) - time.time()) > 0:
            cancel.wait(min(left, _TICK_SECONDS))
