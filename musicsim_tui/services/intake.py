"""Hears files as they arrive, several at once when hearing is the slower part."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from musicsim_tui.errors import MusicSimError
from musicsim_tui.jobs import Cancelled, CancelToken

if TYPE_CHECKING:
    from musicsim_tui.ingest.report import IngestSummary
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.library.playlist_records import PlaylistEntry

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.1
_GRACE_SECONDS = 3.0
HEARING = "hearing"
"""The kind of a failure that is none of fetching."""


class Intake:
    """A thread that hears the files handed in and notes in the catalog what became of them.

    `hear` ingests files. `error` is why the last ones were not heard, `left` counts those; `failures` are
    those that cannot be heard, `new_failures` counts those that had not failed before.
    """

    def __init__(
        self, catalog: Catalog, hear: Callable[[Sequence[Path], CancelToken], IngestSummary]
    ) -> None:
        self.error: MusicSimError | None = None
        self.heard = 0
        self.left = 0
        self.failures: list[PlaylistEntry] = []
        self.new_failures = 0
        self._catalog = catalog
        self._hear = hear
        self._token = CancelToken()
        self._changed = threading.Condition()
        self._waiting: list[tuple[int, Path]] = []
        self._busy: list[tuple[int, Path]] = []
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self._thread.start()

    def submit(self, source: int, path: Path) -> None:
        """Hand a file in; returns at once."""
        with self._changed:
            self._waiting.append((source, path))
            self._changed.notify_all()

    def counts(self) -> tuple[int, int]:
        """How many files wait for being heard or are being heard, and how many were."""
        return len(self._waiting) + len(self._busy), self.heard

    def finish(self, cancel: CancelToken, on_wait: Callable[[], None] = lambda: None) -> None:
        """Wait until all is heard, telling `on_wait` now and then; when cancelled, until what is finished is
        committed. Takes no more files."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        try:
            while self._thread.is_alive():
                cancel.check()
                on_wait()
                self._thread.join(_POLL_SECONDS)
        except Cancelled:
            self._token.cancel()
            self._thread.join(_GRACE_SECONDS)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting) or self._closing)
                if not self._waiting or self._token.cancelled:
                    self.left += len(self._waiting)
                    return
                self._busy, self._waiting = self._waiting, []
            try:
                self._take(self._busy)
            except Cancelled:
                self.left += len(self._busy)
            except MusicSimError as error:
                self.error = error
                self.left += len(self._busy)
            except Exception as error:  # the edge of one batch: what comes later may be heard
                log.exception("intake")
                self.error = MusicSimError(
                    f"What was downloaded could not be heard ({type(error).__name__}: {error}).",
                    "It is heard the next time; the log has the details.",
                )
                self.left += len(self._busy)
            self._busy = []

    def _there(self, batch: Sequence[tuple[int, Path]]) -> list[tuple[int, Path]]:
        """Those of the files that are there; of the others, those whose disk is away are left for later."""
        there = [(source, path) for source, path in batch if path.exists()]
        deleted = [source for source, path in batch if not path.exists() and path.parent.exists()]
        self._catalog.playlists.lost(deleted)
        self.left += len(batch) - len(there) - len(deleted)
        return there

    def _take(self, batch: Sequence[tuple[int, Path]]) -> None:
        batch = self._there(batch)
        if not batch:
            return
        paths = [path for _, path in batch]
        summary = self._hear(paths, self._token)
        failures = {
            os.fsencode(failure.path): failure for failure in summary.failures if not failure.heard_whole
        }
        tracks = self._catalog.tracks_at(paths)
        heard = []
        for source, path in batch:
            key = os.fsencode(path)
            if key in failures:
                failure = failures[key]
                entry, new = self._catalog.playlists.failed(source, HEARING, failure.reason, failure.hint)
                self.new_failures += new
                if entry is not None:
                    self.failures.append(entry)
            elif key in tracks:
                heard.append((source, tracks[key]))
            else:
                self.left += 1
        self._catalog.playlists.heard(heard)
        self.heard += len(heard)
