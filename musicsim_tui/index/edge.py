"""The embedded index: Qdrant Edge in a process of its own."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from musicsim_tui.errors import IndexFailure
from musicsim_tui.index.failures import closed
from musicsim_tui.index.framing import ID_BYTES
from musicsim_tui.index.points import (
    batches_of,
    checked_points,
    checked_prefix,
    clean_payload,
    collection_name,
    unit_vector,
)
from musicsim_tui.index.process import STOP_SECONDS, WorkerLost, WorkerProcess, explain_loss
from musicsim_tui.track import Hit, TrackId

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from musicsim_tui.index.framing import Frame
    from musicsim_tui.index.index import IndexPoint, SearchParams
    from musicsim_tui.track import ModelVersion, Vectors

RESERVE_BYTES = 128 * 2**20
"""Free space that writing leaves on the disk: a full one kills the engine."""
IDS_PER_PAGE = 4096

_log = logging.getLogger(__name__)


class EdgeIndex:
    """Implements Index. Search compares with every vector, so `exact` and `ef` change nothing.

    The engine runs in one worker process that holds the folder's lock. When it dies the call under way raises
    IndexFailure and the next call starts it again.
    """

    def __init__(
        self,
        folder: Path,
        *,
        prefix: str,
        wait_for_lock: float,
        reserve: int,
        log: Path | None,
        worker: WorkerProcess,
    ) -> None:
        self._folder = folder
        self._prefix = prefix
        self._wait_for_lock = wait_for_lock
        self._reserve = reserve
        self._log = log
        self._worker: WorkerProcess | None = worker
        self._lock = threading.Lock()
        self._closed = False

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        wait_for_lock: float = 5.0,
        prefix: str = "musicsim",
        reserve: int = RESERVE_BYTES,
        log: Path | None = None,
    ) -> EdgeIndex:
        """Lock an index folder, made when it is not there; collections are opened when first used.

        `wait_for_lock` in seconds: a process that was killed lets go after a moment. `reserve` is the free
        space in bytes that writing leaves. `log` receives the engine's own messages. Raises IndexLocked,
        SettingsError for a prefix that cannot name a collection, and IndexFailure.
        """
        checked_prefix(prefix)
        worker = WorkerProcess.start(folder, wait_for_lock=wait_for_lock, reserve=reserve, log=log)
        return cls(
            folder, prefix=prefix, wait_for_lock=wait_for_lock, reserve=reserve, log=log, worker=worker
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def target(self) -> str:
        return f"edge|{self._prefix}"

    @property
    def worker_pid(self) -> int | None:
        """The process that runs the engine; None while there is none."""
        worker = self._worker
        return worker.pid if worker is not None and worker.running else None

    def ensure(self, model: ModelVersion) -> None:
        self._call("ensure", model)

    def upsert(self, model: ModelVersion, points: Sequence[IndexPoint]) -> None:
        self._require_open()
        for batch in batches_of(checked_points(model, points)):
            ids = b"".join(point.id.bytes for point in batch)
            vectors = np.stack([unit_vector(model, point.vector, f"track {point.id}") for point in batch])
            payloads = [clean_payload(point.payload) for point in batch]
            self._call("upsert", model, ids, vectors.tobytes(), payloads=payloads)

    def delete(self, model: ModelVersion, ids: Sequence[TrackId]) -> None:
        self._require_open()
        if ids:
            self._call("delete", model, b"".join(id_.bytes for id_ in set(ids)))

    def search(self, model: ModelVersion, vector: Vectors, params: SearchParams) -> list[Hit]:
        self._require_open()
        query = unit_vector(model, vector, "the query").tobytes()
        if params.limit <= 0 or (params.include is not None and not params.include):
            return []
        include, exclude = _joined(params.include or ()), _joined(params.exclude)
        parts = (query, include, exclude)
        _, body = self._call(
            "search", model, *parts, limit=params.limit, vector=len(query), include=len(include)
        )
        count = len(body) // (ID_BYTES + 4)
        scores = np.frombuffer(body, dtype=np.float32, offset=count * ID_BYTES)
        found = _ids_in(body[: count * ID_BYTES])
        return [Hit(id_, float(score)) for id_, score in zip(found, scores, strict=True)]

    def count(self, model: ModelVersion) -> int:
        header, _ = self._call("count", model)
        return int(header["count"])

    def ids(self, model: ModelVersion) -> Iterator[TrackId]:
        self._require_open()
        return self._pages_of_ids(model)

    def _pages_of_ids(self, model: ModelVersion) -> Iterator[TrackId]:
        offset: str | None = None
        while True:
            header, body = self._call("ids", model, offset=offset, limit=IDS_PER_PAGE)
            yield from _ids_in(body)
            offset = header["next"]
            if offset is None:
                return

    def drop(self, model: ModelVersion) -> None:
        self._call("drop", model)

    def close(self) -> None:
        """Flush and end the worker, within seconds even when a call is stuck in it; idempotent."""
        self._closed = True
        idle = self._lock.acquire(timeout=STOP_SECONDS)
        worker = self._worker
        try:
            if worker is not None and idle:
                self._worker = None
                worker.stop()
            elif worker is not None:
                worker.abort()
        except IndexFailure as failure:
            _log.warning("closing the index: %s", failure.title)
        finally:
            if idle:
                self._lock.release()

    def _require_open(self) -> None:
        if self._closed:
            raise closed()

    def _call(self, operation: str, model: ModelVersion, *parts: bytes, **fields: object) -> Frame:
        collection = collection_name(self._prefix, model)
        header = {"op": operation, "collection": collection, "dimensions": model.dimensions, **fields}
        with self._lock:
            self._require_open()
            worker = self._running_worker()
            try:
                return worker.request(header, *parts)
            except WorkerLost as lost:
                self._require_open()
                raise explain_loss(lost, self._folder, collection, self._reserve) from lost

    def _running_worker(self) -> WorkerProcess:
        if self._worker is not None and self._worker.running:
            return self._worker
        if self._worker is not None:
            self._worker.kill()
            self._worker = None
        self._worker = WorkerProcess.start(
            self._folder, wait_for_lock=self._wait_for_lock, reserve=self._reserve, log=self._log
        )
        if self._closed:
            self._worker.kill()
            raise closed()
        return self._worker


def _joined(ids: Collection[TrackId]) -> bytes:
    return b"".join(id_.bytes for id_ in ids)


def _ids_in(body: memoryview) -> Iterator[TrackId]:
    for start in range(0, len(body), ID_BYTES):
        yield TrackId(UUID(bytes=bytes(body[start : start + ID_BYTES])))
