"""The search index of this process: opened when needed, kept in step with the catalog."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from musicsim_tui.errors import IndexFailure, IndexLocked, MusicSimError
from musicsim_tui.jobs import Cancelled, CancelToken

if TYPE_CHECKING:
    from collections.abc import Callable

    from musicsim_tui.index.index import Index
    from musicsim_tui.jobs import Progress
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.settings import Settings
    from musicsim_tui.track import ModelVersion

_LOCK_WAIT_SECONDS = 5.0
_RETRY_SECONDS = 10.0
_SLICE_SECONDS = 1.0
_GRACE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """Tracks heard with a model, and points in the index; None while another process holds it."""

    model: ModelVersion
    heard: int
    indexed: int | None


class Engine:
    """The index of one library: embedded, or a server when `QDB_ENDPOINT` is set."""

    def __init__(
        self, settings: Settings, catalog: Callable[[], Catalog], notice: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._notice = notice
        self._index: Index | None = None
        self._retry_at = 0.0
        self._sync: threading.Thread | None = None
        self._token = CancelToken()

    @property
    def on_server(self) -> bool:
        return self._settings.qdb_endpoint is not None

    @property
    def name(self) -> str:
        """The engine as a person knows it; holds no secret."""
        if self._settings.qdb_endpoint is None:
            return f"embedded Qdrant in {self._settings.index_dir}"
        from musicsim_tui.index.endpoint import parse_endpoint

        return f"Qdrant server {parse_endpoint(self._settings.qdb_endpoint)}"

    def open(self, *, wait: float = 0.0) -> Index | None:
        """The index; None while another process holds the embedded one. Raises IndexFailure."""
        if self._index is None:
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            try:
                self._index = self._open(wait)
            except IndexLocked:
                return None
        return self._index

    def open_patiently(self) -> Index | None:
        """Like `open`, waiting some seconds for a process that has just ended to let go."""
        return self.open(wait=_LOCK_WAIT_SECONDS)

    def _open(self, wait: float) -> Index:
        settings = self._settings
        if settings.qdb_endpoint is not None:
            from musicsim_tui.index.server import ServerIndex

            return ServerIndex.open(
                settings.qdb_endpoint, settings.qdb_api_token, prefix=settings.qdb_collection
            )
        from musicsim_tui.index.edge import EdgeIndex

        return EdgeIndex.open(settings.index_dir, prefix=settings.qdb_collection, wait_for_lock=wait)

    def status(self) -> list[IndexStatus]:
        """What each model has heard and what the index holds of it. Raises IndexFailure."""
        index = self.open()
        return [
            IndexStatus(use.model, use.tracks, None if index is None else index.count(use.model))
            for use in self._catalog().models()
        ]

    def for_search(self, model: ModelVersion, cancel: CancelToken) -> Index | None:
        """The index to search, None where the catalog must answer; what it lacks comes in the background.

        An engine that fails is a notice, not an end: the catalog has every vector.
        """
        from musicsim_tui.upkeep.sync import reconcile

        try:
            index = self.open()
            if index is None:
                return None
            reconcile(self._catalog(), index, model, cancel)
        except IndexFailure as error:
            self._notice(f"{error.title} The catalog answers instead. {error.hint}")
            return None
        if self._sync is None and self._lags(index, model):
            self._sync = threading.Thread(target=self._run_sync, args=(index, model), daemon=True)
            self._sync.start()
        return index

    def _lags(self, index: Index, model: ModelVersion) -> bool:
        catalog = self._catalog()
        return bool(catalog.unindexed_count(index.target, model) or catalog.tombstones(index.target, model))

    def _run_sync(self, index: Index, model: ModelVersion) -> None:
        from musicsim_tui.upkeep.sync import push

        try:
            push(self._catalog(), index, model, self._token)
        except Cancelled:
            pass
        except MusicSimError as error:
            self._notice(f"{error.title} The catalog answers instead. {error.hint}")

    def begin_ingest(self, model: ModelVersion, cancel: CancelToken) -> None:
        """Open the index and find out what it lost; an engine that fails is a notice, not an end."""
        from musicsim_tui.upkeep.sync import reconcile

        try:
            index = self.open_patiently()
            if index is not None:
                reconcile(self._catalog(), index, model, cancel)
        except IndexFailure as error:
            self._retry_at = float("inf")
            self._index_later(error)

    def push_new(self, model: ModelVersion) -> None:
        """Bring a slice of what was just heard to the index, if this process may write it.

        Raises IndexFailure.
        """
        from musicsim_tui.upkeep.sync import push

        if self._index is None and time.monotonic() < self._retry_at:
            return
        index = self.open()
        if index is not None:
            push(self._catalog(), index, model, self._token, seconds=_SLICE_SECONDS)

    def finish_ingest(self, publish: Callable[[Progress], None], cancel: CancelToken) -> None:
        """Index the rest of what was heard, and what changed in the vectors of other models."""
        from musicsim_tui.upkeep.sync import push

        if self._retry_at == float("inf"):
            return
        try:
            index = self.open()
            if index is not None:
                for use in self._catalog().models():
                    push(self._catalog(), index, use.model, cancel, publish=publish)
        except IndexFailure as error:
            self._index_later(error)

    def prune(self, cancel: CancelToken) -> None:
        """Remove from the index what was deleted from the catalog; later, if it cannot be reached now."""
        from musicsim_tui.upkeep.sync import push

        try:
            index = self.open_patiently()
            if index is not None:
                for use in self._catalog().models():
                    push(self._catalog(), index, use.model, cancel)
        except IndexFailure as error:
            self._index_later(error)

    def rebuild(self, publish: Callable[[Progress], None], cancel: CancelToken) -> dict[str, int]:
        """Write the index again from the catalog; returns the points of each model heard.

        Raises IndexLocked when another process holds the index, IndexFailure, Cancelled.
        """
        from musicsim_tui.upkeep.sync import rebuild

        index = self.open_patiently()
        if index is None:
            raise IndexLocked(
                "Another musicsim-tui has this library's index open.",
                "Quit it, or wait until it is done, and run this again.",
            )
        catalog = self._catalog()
        return {
            use.model.name: rebuild(
                catalog, index, use.model, cancel, drop=not self.on_server, publish=publish
            )
            for use in catalog.models()
            if use.tracks
        }

    def _index_later(self, error: IndexFailure) -> None:
        self._notice(f"{error.title} The library is safe and will be indexed later. {error.hint}")

    def close(self) -> None:
        """Give the background sync a moment, then release the index; idempotent."""
        if self._sync is not None:
            self._sync.join(_GRACE_SECONDS)
            self._token.cancel()
            self._sync.join(_GRACE_SECONDS)
            self._sync = None
        if self._index is not None:
            self._index.close()
            self._index = None
