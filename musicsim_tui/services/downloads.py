"""Playlists and the queue of one library, wired to its settings, its catalog and its ears."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from musicsim_tui.errors import UsageError
from musicsim_tui.library.playlist_records import EntryState
from musicsim_tui.services.intake import Intake
from musicsim_tui.services.playlist_listing import PlaylistListing

if TYPE_CHECKING:
    from musicsim_tui.download.queue import QueueOptions
    from musicsim_tui.download.report import QueueSnapshot, RunSummary
    from musicsim_tui.ingest.report import IngestSummary
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.library.playlist_records import PlaylistEntry, QueueItem
    from musicsim_tui.settings import Settings

    Hear = Callable[[Sequence[Path], CancelToken], IngestSummary]

_PLAYABLE = frozenset({EntryState.LISTED, EntryState.FAILED, EntryState.GONE, EntryState.CANCELLED})
_TRIES_OF_WHAT_LASTS = 3
"""A private or blocked video is asked for that often before only a person's retry asks again."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A forgotten playlist, and what became of the files that no other playlist has. Only what was fetched
    into its folder is ever deleted; of those kept, `files_own` were to be, and are somebody's own: they were
    there before, or have been moved or changed since."""

    title: str
    files_deleted: int
    files_kept: int
    files_own: int = 0


class Downloads(PlaylistListing):
    """Lists links, works on the queue, and takes orders meanwhile.

    `open`, `look`, `check`, `damaged`, `run` and `forget` block and belong on threads of their own;
    everything else takes milliseconds and may be called from any thread. Settings that make no sense for
    yt-dlp raise SettingsError.
    """

    def __init__(self, settings: Settings, catalog: Callable[[], Catalog], hear: Hear) -> None:
        super().__init__(settings, catalog)
        self._hear = hear

    @property
    def snapshot(self) -> QueueSnapshot:
        """The queue as it was shown last; never blocks."""
        return self._controls.snapshot

    # The queue

    def enqueue(self, entries: Iterable[int]) -> int:
        """Put these entries at the end of the queue, unavailable ones too, and let paused ones have their
        turn again; how many were neither waiting nor ready."""
        playlists, chosen = self._catalog().playlists, list(entries)
        changed = playlists.hold(chosen, paused=False) + playlists.enqueue(chosen)
        self._controls.wake()
        return len(changed)

    def enqueue_playlist(
        self, playlist: int, *, everything: bool, among: Collection[tuple[str, str]] | None = None
    ) -> int:
        """Put what can be fetched of a playlist, or of it `among` these sources, in the queue; how many
        entries that were.

        Without `everything`: what is fresh, deleted or failed. What has failed three times for a reason that
        lasts is left to `retry`.
        """
        playlists = self._catalog().playlists
        chosen = [
            entry.id
            for entry in playlists.entries(playlist)
            if not entry.removed
            and (among is None or entry.key in among)
            and (entry.state in _PLAYABLE if everything else _is_due(entry))
        ]
        playlists.follow(playlist)
        return self.enqueue(chosen)

    def run(
        self,
        cancel: CancelToken,
        publish: Callable[[QueueSnapshot], None] = lambda _: None,
        *,
        stay: bool = False,
        only: Collection[int] | None = None,
        ingest: bool = True,
    ) -> RunSummary:
        """Work on the queue until nothing waits, or with `stay` until cancelled; hear files as they come.

        `only` works on what these playlists have in it. Raises CatalogError, StorageError and UnmetRequest;
        when cancelled, the summary says so.
        """
        from musicsim_tui.download.queue import QueueRun

        catalog = self._catalog()
        self._options()  # settings that make no sense are told before anything starts
        intake = Intake(catalog, self._hear) if ingest else None
        receiver = _Receiver(catalog, intake)
        queue = QueueRun(
            catalog,
            self._controls,
            self._options,
            self._settings.data_dir / "download.lock",
            publish=publish,
            on_ready=receiver,
            hearing=intake.counts if intake else lambda: (0, 0),
            to_hear=ingest,
            stay=stay,
            only=only,
        )
        if intake is None:
            return queue.run(cancel)
        try:
            for source, path in catalog.playlists.unheard():
                intake.submit(source, path)
            summary = queue.run(cancel)
        finally:
            intake.finish(cancel, lambda: publish(self._with_hearing(intake)))
        publish(self._with_hearing(intake))
        if not (intake.left or cancel.cancelled):
            receiver.looked_at()
        return replace(
            summary,
            heard=intake.heard,
            failed=summary.failed + len(intake.failures),
            failures=(*summary.failures, *intake.failures),
            new_failures=summary.new_failures + intake.new_failures,
            left_unheard=intake.left,
            hearing_error=intake.error,
            cancelled=summary.cancelled or cancel.cancelled,
        )

    def _with_hearing(self, intake: Intake) -> QueueSnapshot:
        hearing, heard = intake.counts()
        self._controls.snapshot = replace(self._controls.snapshot, hearing=hearing, heard=heard)
        return self._controls.snapshot

    def pause(self) -> None:
        """Stop asking at once; what came of the entry being fetched is kept."""
        self._controls.pause()

    def resume(self) -> None:
        """Go on now, whatever the queue waits for; paused entries stay paused."""
        from musicsim_tui.download.rest import end_rest

        end_rest(self._catalog())
        self._controls.resume()

    def hold(self, entries: Iterable[int]) -> int:
        """Pause these entries: the queue passes them over, and what came of them is kept; how many that were,
        of those that waited."""
        held = self._catalog().playlists.hold(entries, paused=True)
        self._controls.interrupt({entry.key for entry in held})
        self._controls.wake()
        return len(held)

    def release(self, entries: Iterable[int] | None = None) -> int:
        """Let these paused entries, or all, have their turn again, each where it was; how many that were."""
        playlists = self._catalog().playlists
        chosen = [entry.id for entry in playlists.queue()] if entries is None else entries
        released = playlists.hold(chosen, paused=False)
        self._controls.wake()
        return len(released)

    def cancel(self, entries: Iterable[int] | None = None) -> int:
        """Take these entries, or all, out of the queue, that being fetched included; how many. Files stay."""
        taken = self._catalog().playlists.cancel(entries)
        self._controls.interrupt({entry.key for entry in taken})
        self._controls.wake()
        self._clear_away(entry.key for entry in taken)
        return len(taken)

    def retry(self, entries: Iterable[int] | None = None) -> int:
        """Put these entries, or all that failed, in the queue again; how many."""
        playlists = self._catalog().playlists
        chosen = [entry.id for entry in playlists.failures()] if entries is None else entries
        self._controls.stopped, self._controls.unusable = None, {}
        return self.enqueue(chosen)

    def damaged(self) -> list[int]:
        """Entries whose files hold no sound: empty, or found damaged when they were heard. Blocks."""
        from musicsim_tui.download.finished import note_deleted

        catalog = self._catalog()
        found = (catalog.playlists.of_source(source) for source in note_deleted(catalog).damaged)
        return [entry.id for entry in found if entry is not None]

    def use_cookies(self, browser: str | None) -> None:
        """Ask with the cookies of a browser from now on, or without. Raises UsageError for what is no name of
        one."""
        before, self._cookies = self._cookies, browser
        try:
            self._site()
        except UsageError:
            self._cookies = before
            raise

    def forget(self, playlist: int, *, delete_files: bool = False) -> Forgotten:
        """Forget a playlist. Its files stay, unless they are to be deleted: those that no other playlist has.

        Deleted are only files below the playlist's folder that carry the id of what was fetched in their
        names, and hold the sound that was put there. Raises UnmetRequest when it is not remembered.
        """
        from musicsim_tui.download.finished import holds, is_named_after

        known = self._known(playlist)
        catalog = self._catalog()
        waiting = {entry.key for entry in catalog.playlists.entries(playlist)}
        bases = self._bases()
        files = catalog.playlists.forget(playlist, files_too=delete_files)
        still = {entry.key for entry in catalog.playlists.queue()}
        self._controls.interrupt(waiting - still)
        self._controls.wake()
        self._clear_away(waiting, bases)
        if not delete_files:
            return Forgotten(known.title, 0, len(files))
        ours = [
            file.path
            for file in files
            if file.path.is_relative_to(known.folder)
            and is_named_after(file.path, file.source_id)
            and holds(file.path, file.written)
        ]
        deleted = [path for path in ours if _deleted(path)]
        catalog.mark_missing(deleted)
        with contextlib.suppress(OSError):
            known.folder.rmdir()  # only when nothing else is in it
            catalog.forget_root(known.folder)
        return Forgotten(known.title, len(deleted), len(files) - len(deleted), len(files) - len(ours))

    def _bases(self) -> set[Path]:
        """The folders of playlists' folders: each has its unfinished files beside them."""
        return {self.folder, *(playlist.folder.parent for playlist in self._catalog().playlists.all())}

    def _clear_away(self, keys: Iterable[tuple[str, str]], bases: Collection[Path] | None = None) -> None:
        """Remove what came so far of sources that nobody waits for any more; the one that is being fetched
        is cleared away by the queue."""
        from musicsim_tui.download.fetch import forget_partial
        from musicsim_tui.download.playlist import SourceId
        from musicsim_tui.download.queue import WORK_FOLDER

        playlists = self._catalog().playlists
        works = [base / WORK_FOLDER for base in bases or self._bases()]
        works = [work for work in works if work.is_dir()]
        for key in keys:
            if works and not self._controls.is_live(key) and not playlists.is_wanted(*key):
                for work in works:
                    forget_partial(SourceId(*key), work)
                    forget_partial(SourceId(*key), work, only_if_empty=True)

    # Settings

    def _options(self) -> QueueOptions:
        from musicsim_tui.download.fetch import Pause
        from musicsim_tui.download.queue import QueueOptions

        download = self._settings.download
        return QueueOptions(
            site=self._site(),
            mp3_quality=download.mp3_quality,
            keep_original=download.keep_original,
            pause=Pause(*download.pause),
            least_free=download.least_free,
        )


class _Receiver:
    """Takes finished files: their folder is remembered, and they are handed on to be heard."""

    def __init__(self, catalog: Catalog, intake: Intake | None) -> None:
        self._catalog = catalog
        self._intake = intake
        self._remembered: set[Path] = set()

    def __call__(self, item: QueueItem, path: Path) -> None:
        from musicsim_tui.download.disks import remember_disk

        if item.folder not in self._remembered:
            self._remembered.add(item.folder)
            remember_disk(self._catalog, item.folder.parent)
            if self._intake is not None:
                self._catalog.add_root(item.folder)
        if self._intake is not None:
            self._intake.submit(item.source, path)

    def looked_at(self) -> None:
        """All that came into these folders was heard."""
        for folder in self._remembered:
            self._catalog.mark_scanned(folder, time.time())


def _is_due(entry: PlaylistEntry) -> bool:
    from musicsim_tui.download.failures import FailureKind

    if entry.state is EntryState.FAILED:
        lasting = not any(kind.value == entry.source.kind and kind.retryable for kind in FailureKind)
        return not (lasting and entry.attempts >= _TRIES_OF_WHAT_LASTS)
    return entry.state is EntryState.GONE or (entry.state is EntryState.LISTED and entry.fresh)


def _deleted(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
