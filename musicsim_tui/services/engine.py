"""The search index of this process: opened when needed, kept in step with the catalog."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from musicsim_tui.errors import IndexFailure, IndexLocked
from musicsim_tui.index.failures import closed
from musicsim_tui.index.lock import WriterLock
from musicsim_tui.jobs import Cancelled, CancelToken
from musicsim_tui.services.sync_loop import SyncLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from musicsim_tui.index.index import Index
    from musicsim_tui.jobs import Progress
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.settings import Settings
    from musicsim_tui.track import ModelVersion

_LOCK_WAIT_SECONDS = 5.0
_ASK_AGAIN_SECONDS = 0.05
_REOPEN_SECONDS = 10.0
_RETRY_SECONDS = 30.0
_SLICE_SECONDS = 1.0
_POLL_SECONDS = 1.5
_COMPARE_SECONDS = 60.0
_CATCH_UP_SECONDS = 2.0
_OPENING_SECONDS = 0.5

_CATALOG_ANSWERS = "The catalog answers instead."
_INDEXED_LATER = "The library is safe and will be indexed later."

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """Tracks heard with a model, and points in the index; None while another process holds it."""

    model: ModelVersion
    heard: int
    indexed: int | None


class Engine:
    """The index of one library: embedded, or a server when `QDB_ENDPOINT` is set.

    An engine that fails is told of once, and asked again after half a minute; the catalog has every vector.
    """

    def __init__(
        self, settings: Settings, catalog: Callable[[], Catalog], notice: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._notice = notice
        self._index: Index | None = None
        self._opening = threading.Lock()
        self._writer = WriterLock(settings.data_dir / "server-index.lock" if self.on_server else None)
        self._closed = CancelToken()
        self._waiting = threading.local()
        self._searching, self._ingesting = CancelToken(), CancelToken()
        self._beginning: ModelVersion | None = None
        self._search_at = self._write_at = 0.0
        self._failing = False
        self._told = ""
        self._compared: dict[ModelVersion, float] = {}
        self._loop: SyncLoop | None = None

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
        with self._opening:
            if self._index is None and not self._closed.cancelled:
                try:
                    self._index = self._open(wait)
                except IndexLocked:
                    self._search_at = time.monotonic() + _REOPEN_SECONDS
            if self._closed.cancelled:  # perhaps meanwhile
                self._release()
                raise closed()
            return self._index

    def open_patiently(self) -> Index | None:
        """Like `open`, waiting some seconds for a process that has just ended to let go."""
        return self.open(wait=_LOCK_WAIT_SECONDS)

    def _open(self, wait: float) -> Index:
        settings = self._settings
        if settings.qdb_endpoint is not None:
            from musicsim_tui.index.server import ServerIndex

            return ServerIndex.open(
                settings.qdb_endpoint,
                settings.qdb_api_token,
                prefix=settings.qdb_collection,
                pause=self._pause,
            )
        from musicsim_tui.index.edge import EdgeIndex

        return EdgeIndex.open(
            settings.index_dir,
            prefix=settings.qdb_collection,
            wait_for_lock=wait,
            log=settings.data_dir / "index.log",
        )

    def _pause(self, seconds: float) -> None:
        """Wait between attempts on a server, for as long as whoever asked in this thread wants to."""
        token: CancelToken = getattr(self._waiting, "token", self._closed)
        token.wait(seconds)

    def _usable(self, *, writing: bool = False) -> Index | None:
        """The index, unless it failed or was held by another process a moment ago. Raises IndexFailure."""
        again_at = max(self._search_at, self._write_at) if writing else self._search_at
        return None if time.monotonic() < again_at else self.open()

    def status(self) -> list[IndexStatus]:
        """What each model has heard and what the index holds of it. Raises IndexFailure."""
        index, catalog = self.open(), self._catalog()
        return [
            IndexStatus(
                use.model,
                use.tracks,
                # Others may share a server's collection: only what is ours counts.
                None
                if index is None
                else min(index.count(use.model), catalog.indexed_count(index.target, use.model)),
            )
            for use in catalog.models()
        ]

    # Searching

    def for_search(self, model: ModelVersion, cancel: CancelToken) -> Index | None:
        """The index to search, None where the catalog must answer; what it lacks comes in the background.

        Raises Cancelled; an index that fails is a notice.
        """
        self._searching = self._waiting.token = cancel
        try:
            index = self._usable()
            if index is None:
                return None
            if model not in self._compared:
                self._compare(index, model, cancel)
            if self._catalog().models_behind(index.target):
                self.start_sync()
        except IndexFailure as error:
            self._fail(error, _CATALOG_ANSWERS)
            return None
        return index

    def search_ended(self, failure: IndexFailure | None) -> None:
        """Hear how a search of the index went: after a failure the catalog answers for a while."""
        if failure is None:
            self._search_at = 0.0
            self._told = "" if self._told == _CATALOG_ANSWERS else self._told
        else:
            self._fail(failure, _CATALOG_ANSWERS)

    def start_sync(self) -> None:
        """Keep the index in step from now on, also with what other processes hear; idempotent."""
        with self._opening:
            if self._loop is None and not self._closed.cancelled:
                self._loop = SyncLoop(self._catch_up)

    def _catch_up(self, cancel: CancelToken) -> float:
        """Bring what the index lacks of every model; the seconds after which to look again."""
        try:
            index = self._usable(writing=True)
            if index is None:
                return _POLL_SECONDS
            catalog = self._catalog()
            self._waiting.token = cancel
            for model, compared in list(self._compared.items()):
                if self.on_server and time.monotonic() > compared + _COMPARE_SECONDS:
                    self._compare(index, model, cancel)
            for model in catalog.models_behind(index.target):
                self._push(index, model, cancel)
        except Cancelled:
            raise
        except IndexFailure as error:
            if not cancel.cancelled:
                self._fail(error, _INDEXED_LATER)
        except Exception:
            if not cancel.cancelled:
                _log.exception("bringing the index in step")
            return _RETRY_SECONDS
        return _POLL_SECONDS

    # Writing

    def begin_ingest(self, model: ModelVersion, cancel: CancelToken) -> None:
        """Let the first push of an ingest find out what the index lost: hearing need not wait for that.

        Raises SettingsError when there can be no such index.
        """
        from musicsim_tui.index.endpoint import parse_endpoint
        from musicsim_tui.index.points import checked_prefix

        checked_prefix(self._settings.qdb_collection)
        if self._settings.qdb_endpoint is not None:
            parse_endpoint(self._settings.qdb_endpoint)
        self._ingesting, self._beginning = cancel, model

    def _opened_for_ingest(self, cancel: CancelToken) -> Index | None:
        """The index, compared with the catalog where an ingest has just begun.

        Raises IndexFailure, Cancelled.
        """
        model, self._beginning = self._beginning, None
        if model is None:
            return self.open()
        self._waiting.token = cancel
        index = self.open_patiently()
        if index is not None:
            self._compare(index, model, cancel)
        return index

    def push_new(self, model: ModelVersion, cancel: CancelToken | None = None) -> None:
        """Bring a slice of what was just heard to the index, if this process may write it.

        Returns early when `cancel`, by default the token of the ingest, is cancelled. An index that fails is
        a notice, and is tried again half a minute later.
        """
        cancel = cancel or self._ingesting
        try:
            index = self._opened_for_ingest(cancel) if self._beginning else self._usable(writing=True)
            if index is not None:
                self._push(index, model, cancel, seconds=_SLICE_SECONDS)
        except Cancelled:
            return
        except IndexFailure as error:
            self._fail(error, _INDEXED_LATER)

    def finish_ingest(self, publish: Callable[[Progress], None], cancel: CancelToken) -> None:
        """Index the rest of what was heard, and what changed for other models. Raises Cancelled."""
        self._push_all(partial(self._opened_for_ingest, cancel), cancel, publish)

    def prune(self, cancel: CancelToken) -> None:
        """Remove from the index what was deleted from the catalog; later, if it cannot be reached now."""
        self._push_all(self.open_patiently, cancel, lambda _: None)

    def _push_all(
        self,
        opened: Callable[[], Index | None],
        cancel: CancelToken,
        publish: Callable[[Progress], None],
    ) -> None:
        try:
            index = opened()
            if index is not None:
                for model in self._catalog().models_behind(index.target):
                    self._push(index, model, cancel, wait=_LOCK_WAIT_SECONDS, publish=publish)
        except IndexFailure as error:
            self._fail(error, _INDEXED_LATER)

    def _push(
        self,
        index: Index,
        model: ModelVersion,
        cancel: CancelToken,
        *,
        wait: float = 0.0,
        seconds: float | None = None,
        publish: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        """Push, unless somebody else writes: whoever that is brings our tracks too."""
        from musicsim_tui.upkeep.sync import push

        self._waiting.token = cancel
        with self._alone(wait, cancel) as alone:
            if not alone:
                return
            if self._failing:
                index.count(model)  # fails sooner than a write does
            push(self._catalog(), index, model, cancel, seconds=seconds, publish=publish)
            self._works()

    @contextmanager
    def _alone(self, wait: float, cancel: CancelToken) -> Iterator[bool]:
        """Whether this thread alone may write; asks for up to `wait` seconds. Raises Cancelled."""
        deadline = time.monotonic() + wait
        with ExitStack() as held:
            while not self._writer.acquire():
                if time.monotonic() >= deadline:
                    yield False
                    return
                cancel.wait(_ASK_AGAIN_SECONDS)
            held.callback(self._writer.release)
            yield True

    def rebuild(self, publish: Callable[[Progress], None], cancel: CancelToken) -> dict[str, int]:
        """Write the index again from the catalog; returns the points of each model heard.

        Raises IndexLocked while another process writes the index, IndexFailure, Cancelled.
        """
        from musicsim_tui.upkeep.sync import rebuild

        catalog = self._catalog()
        with self._exclusively(cancel) as index:
            points = {
                use.model.name: rebuild(
                    catalog, index, use.model, cancel, drop=not self.on_server, publish=publish
                )
                for use in catalog.models()
                if use.tracks
            }
        self._works()
        return points

    def forget(self, models: Sequence[ModelVersion], cancel: CancelToken, drop: Callable[[], None]) -> None:
        """Call `drop`, which takes models out of the catalog, then remove them from the embedded index.

        A server keeps its points: other libraries may share them. Raises as `rebuild` does.
        """
        if self.on_server:
            drop()
            return
        with self._exclusively(cancel) as index:
            drop()
            for model in models:
                index.drop(model)

    @contextmanager
    def _exclusively(self, cancel: CancelToken) -> Iterator[Index]:
        self._waiting.token = cancel
        index = self.open_patiently()
        with self._alone(_LOCK_WAIT_SECONDS, cancel) as alone:
            if index is None or not alone:
                raise IndexLocked(
                    "Another musicsim-tui is writing this library's index.",
                    "Quit it, or wait until it is done, and run this again.",
                )
            yield index

    # What works and what does not

    def _compare(self, index: Index, model: ModelVersion, cancel: CancelToken) -> None:
        from musicsim_tui.upkeep.sync import reconcile

        if self._closed.cancelled:  # and the catalog with it
            raise closed()
        reconcile(self._catalog(), index, model, cancel, own=not self.on_server)
        self._compared[model] = time.monotonic()

    def _fail(self, error: IndexFailure, consequence: str) -> None:
        """Leave the index alone for a while, and say so unless nothing has worked since it was said last."""
        self._write_at = time.monotonic() + _RETRY_SECONDS
        if consequence == _CATALOG_ANSWERS:
            self._search_at = self._write_at
            self._compared.clear()
        self._failing = True
        if not self._told and not self._closed.cancelled:
            self._told = consequence
            self._notice(f"{error.title} {consequence} {error.hint}")

    def _works(self) -> None:
        self._failing, self._told = False, ""
        self._search_at = self._write_at = 0.0

    def close(self) -> None:
        """Give the sync a moment, unless the last search was stopped, then release the index; idempotent.
        Who is just opening it releases it."""
        if self._loop is not None:
            self._loop.stop(0.0 if self._searching.cancelled else _CATCH_UP_SECONDS)
            self._loop = None
        self._closed.cancel()
        if self._opening.acquire(timeout=_OPENING_SECONDS):  # else whoever is opening it lets go
            try:
                self._release()
            finally:
                self._opening.release()

    def _release(self) -> None:
        index, self._index = self._index, None
        if index is not None:
            index.close()
