"""The process that owns the embedded Qdrant: `python -m musicsim_tui.index.worker`.

The engine never releases the interpreter lock, dies by SIGBUS when the disk is full, and may panic on damaged
files; here none of that reaches the application.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID, uuid4

from musicsim_tui.errors import IndexFailure
from musicsim_tui.index.failures import REBUILD_HINT, Damaged, disk_full, explain, log
from musicsim_tui.index.framing import ID_BYTES, hex_ids
from musicsim_tui.index.record import CollectionRecord, check_seals, read_record, seals_of, write_record
from musicsim_tui.index.service import run

if TYPE_CHECKING:
    from collections.abc import Callable

    import qdrant_edge
    from qdrant_edge import ConditionType, HasIdCondition, Record

    Header: TypeAlias = dict[str, Any]
    Answer: TypeAlias = tuple[Header, list[bytes]]

FLUSH_POINTS = 2000
"""The write-ahead log keeps about 10 kB a point until a flush; replaying 2000 takes a quarter second."""
FLUSH_SECONDS = 3.0
NEVER_BUILD_HNSW_KB = 10**9
VERIFIED_POINTS = 32
"""Points whose vector must have length one, for the engine keeps no checksums."""
SMALL_LIMIT = 1000
"""Above it a limit is cut to the number of points: the engine sets aside memory for every hit asked for."""


class Collection:
    """An open shard together with its record."""

    def __init__(self, folder: Path, shard: qdrant_edge.EdgeShard, record: CollectionRecord) -> None:
        self.folder = folder
        self.shard = shard
        self.record = record
        self.unflushed = 0

    def count(self) -> int:
        from qdrant_edge import CountRequest

        return self.shard.count(CountRequest(exact=True))

    def flush(self) -> None:
        self.shard.flush()
        self.unflushed = 0
        self._keep(replace(self.record, at_least=self.count(), seals=seals_of(self.folder)))

    def expect(self, at_least: int) -> None:
        self._keep(replace(self.record, at_least=at_least))

    def _keep(self, record: CollectionRecord) -> None:
        if record != self.record:
            self.record = record
            write_record(self.folder, record)

    def verify(self) -> None:
        """Raise Damaged when points are missing or vectors are lost."""
        count = self.count()
        if count < self.record.at_least:
            raise Damaged(f"{count} points, at least {self.record.at_least} expected")
        self.unflushed = count - self.record.at_least
        for record in self.sample():
            vector: Any = record.vector
            if not isinstance(vector, list) or not math.isclose(math.hypot(*vector), 1.0, abs_tol=0.01):
                raise Damaged(f"the vector of {record.id} is lost")

    def sample(self) -> list[Record]:
        """Points from another place each time, so that lost vectors are met in the end, and the first."""
        from qdrant_edge import ScrollRequest

        return [
            record
            for offset in (uuid4(), None)
            for record in self.shard.scroll(
                ScrollRequest(limit=VERIFIED_POINTS // 2, offset=offset, with_vector=True)
            )[0]
        ]


class Engine:
    """Answers requests with the collections below the current folder, each opened when first needed.

    Paths are relative to the current folder because the engine takes only paths that are valid Unicode.
    """

    def __init__(self, *, reserve: int, free_space: Callable[[], int]) -> None:
        """Raises IndexFailure where the engine has no build for the machine."""
        try:
            import qdrant_edge  # noqa: F401
        except ImportError as error:
            log(repr(error))
            raise IndexFailure(
                "The embedded Qdrant does not run on this machine.",
                "Install qdrant-edge-py, or set QDB_ENDPOINT to a Qdrant server.",
            ) from error
        self._reserve = reserve
        self._free_space = free_space
        self._collections: dict[str, Collection] = {}
        self._flush_due: float | None = None
        self._operations: dict[str, Callable[[str, Header, memoryview], Answer]] = {
            "ensure": self._ensure,
            "upsert": self._upsert,
            "delete": self._delete,
            "search": self._search,
            "count": self._count,
            "ids": self._ids,
            "drop": self._drop,
        }

    @property
    def seconds_to_flush(self) -> float | None:
        return None if self._flush_due is None else max(0.0, self._flush_due - time.monotonic())

    def answer(self, header: Header, body: memoryview) -> Answer:
        """Carry out one request. Raises IndexFailure, whatever way the engine failed."""
        name: str = header["collection"]
        try:
            return self._operations[header["op"]](name, header, body)
        except (KeyboardInterrupt, SystemExit, IndexFailure):
            raise
        except BaseException as error:  # the engine's panics are not Exceptions
            self._let_go(name)
            raise explain(error, name, self._free_space()) from error

    def flush(self) -> None:
        """Write everything through to the disk; a collection that cannot be flushed is closed."""
        self._flush_due = None
        failure: IndexFailure | None = None
        for name, collection in list(self._collections.items()):
            if collection.unflushed:
                try:
                    collection.flush()
                except BaseException as error:
                    self._let_go(name)
                    failure = explain(error, name, self._free_space())
        if failure is not None:
            raise failure

    def close(self) -> None:
        try:
            self.flush()
        finally:
            for name in list(self._collections):
                self._let_go(name)

    def _let_go(self, name: str) -> None:
        collection = self._collections.pop(name, None)
        if collection is not None:
            try:
                collection.shard.close()
            except BaseException as error:
                log(f"closing {name}: {error!r}")

    def _need_space(self, size: int) -> None:
        free = self._free_space()
        if free < size:
            raise disk_full(free)

    def _opened(self, name: str) -> Collection | None:
        """The collection, opened and verified if need be, or None when there is none."""
        if name in self._collections:
            return self._collections[name]
        folder = Path(name)
        if not folder.is_dir():
            return None
        from qdrant_edge import EdgeShard

        record = read_record(folder)
        check_seals(folder, record)
        self._need_space(self._reserve // 4)
        shutil.rmtree(folder / "shard" / "temp_segments", ignore_errors=True)
        collection = Collection(folder, EdgeShard.load(f"{name}/shard"), record)
        self._collections[name] = collection
        collection.verify()
        return collection

    def _fitting(self, name: str, header: Header) -> Collection | None:
        """The collection, None when there is none; fails when its vectors have other dimensions."""
        collection = self._opened(name)
        if collection is not None and collection.record.dimensions != header["dimensions"]:
            raise IndexFailure(
                f"The index holds {collection.record.dimensions} dimensions in {name},"
                f" not {header['dimensions']}.",
                REBUILD_HINT,
            )
        return collection

    def _ensure(self, name: str, header: Header, body: memoryview) -> Answer:
        if self._fitting(name, header) is None:
            self._create(name, header["dimensions"])
        return {}, []

    def _create(self, name: str, dimensions: int) -> None:
        """Make the collection beside its place and move it there complete."""
        from qdrant_edge import (
            Distance,
            EdgeConfig,
            EdgeOptimizersConfig,
            EdgeShard,
            EdgeVectorParams,
            VectorStorageDatatype,
        )

        self._need_space(self._reserve)
        draft = Path(f".{name}.new")
        if draft.exists():
            shutil.rmtree(draft)
        draft.mkdir()
        write_record(draft, CollectionRecord(dimensions, 0))
        vectors = EdgeVectorParams(
            size=dimensions, distance=Distance.Cosine, datatype=VectorStorageDatatype.Float16
        )
        optimizers = EdgeOptimizersConfig(indexing_threshold=NEVER_BUILD_HNSW_KB)
        config = EdgeConfig(vectors=vectors, optimizers=optimizers, wal_enabled=True)
        EdgeShard.create(f"{draft}/shard", config).close()
        draft.rename(name)
        self._opened(name)

    def _upsert(self, name: str, header: Header, body: memoryview) -> Answer:
        from qdrant_edge import Point, UpdateOperation

        collection = self._fitting(name, header)
        if collection is None:
            raise IndexFailure(f"There is no collection {name} in the index.", REBUILD_HINT)
        self._need_space(self._reserve + 4 * body.nbytes)
        payloads: list[dict[str, object]] = header["payloads"]
        split = len(payloads) * ID_BYTES
        values: Any = body[split:].cast("f")
        size = collection.record.dimensions
        points = [
            Point(id_, values[index * size : (index + 1) * size], payload)
            for index, (id_, payload) in enumerate(zip(hex_ids(body[:split]), payloads, strict=True))
        ]
        collection.shard.update(UpdateOperation.upsert_points(points))
        self._changed(collection, len(points))
        return {}, []

    def _delete(self, name: str, header: Header, body: memoryview) -> Answer:
        from qdrant_edge import UpdateOperation

        collection = self._opened(name)
        if collection is not None:
            ids = hex_ids(body)
            self._need_space(self._reserve // 4)
            collection.expect(max(0, min(collection.record.at_least, collection.count() - len(ids))))
            collection.shard.update(UpdateOperation.delete_points(list(ids)))
            self._changed(collection, len(ids))
        return {}, []

    def _changed(self, collection: Collection, points: int) -> None:
        """Acknowledged changes are in the write-ahead log, so a killed process loses none of them."""
        collection.unflushed += points
        if collection.unflushed >= FLUSH_POINTS:
            collection.flush()
        elif self._flush_due is None:
            self._flush_due = time.monotonic() + FLUSH_SECONDS

    def _search(self, name: str, header: Header, body: memoryview) -> Answer:
        from qdrant_edge import Filter, Query, QueryRequest, SearchParams

        collection = self._fitting(name, header)
        if collection is None:
            return {}, []
        vector_end: int = header["vector"]
        include_end = vector_end + header["include"]
        include, exclude = body[vector_end:include_end], body[include_end:]
        must: list[ConditionType] = [one_of(bytes(include))] if include else []
        must_not: list[ConditionType] = [one_of(bytes(exclude))] if exclude else []
        vector: Any = body[:vector_end].cast("f")
        limit: int = header["limit"]
        request = QueryRequest(
            limit=limit if limit <= SMALL_LIMIT else min(limit, max(1, collection.count())),
            query=Query.Nearest(vector),
            filter=Filter(must=must, must_not=must_not) if must or must_not else None,
            params=SearchParams(exact=True),
        )
        hits = collection.shard.query(request)
        scores = memoryview(bytearray(4 * len(hits))).cast("f")
        for index, hit in enumerate(hits):
            scores[index] = hit.score
        return {}, [b"".join(id_bytes(hit.id) for hit in hits), bytes(scores)]

    def _count(self, name: str, header: Header, body: memoryview) -> Answer:
        collection = self._opened(name)
        return {"count": 0 if collection is None else collection.count()}, []

    def _ids(self, name: str, header: Header, body: memoryview) -> Answer:
        from qdrant_edge import ScrollRequest

        collection = self._opened(name)
        if collection is None:
            return {"next": None}, []
        request = ScrollRequest(limit=header["limit"], offset=header["offset"])
        records, following = collection.shard.scroll(request)
        return {"next": None if following is None else str(following)}, [
            b"".join(id_bytes(record.id) for record in records)
        ]

    def _drop(self, name: str, header: Header, body: memoryview) -> Answer:
        """Move the collection away in one step, then delete it; a damaged one need not open."""
        self._let_go(name)
        discarded = Path(f".{name}.dropped")
        shutil.rmtree(discarded, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            Path(name).rename(discarded)
            shutil.rmtree(discarded, ignore_errors=True)
        return {}, []


@functools.lru_cache(maxsize=4)
def one_of(ids: bytes) -> HasIdCondition:
    """A condition on the id. Making one of 10,000 ids takes as long as the search; a filter serves many."""
    from qdrant_edge import HasIdCondition

    return HasIdCondition(set(hex_ids(ids)))


def id_bytes(id_: int | str | UUID) -> bytes:
    """Only UUIDs are stored here; anything else means that the files are not ours."""
    if not isinstance(id_, UUID):
        raise Damaged(f"unknown id {id_!r}")
    return id_.bytes


def main(arguments: list[str]) -> int:
    """Arguments: the socket's descriptor, the folder, seconds to wait for the lock, bytes to leave free."""
    return run(
        arguments, lambda reserve: Engine(reserve=reserve, free_space=lambda: shutil.disk_usage(".").free)
    )


if __name__ == "__main__":
    # The collections are closed, and the application waits: no time to clean up the interpreter.
    os._exit(main(sys.argv[1:]))
