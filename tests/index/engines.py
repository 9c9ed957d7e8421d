"""The engines that the index contract is tested on, and a library of random vectors for them."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID, uuid4

import numpy as np
from qdrant_client import QdrantClient

from musicsim_tui.index.edge import EdgeIndex
from musicsim_tui.index.index import Index, IndexPoint
from musicsim_tui.index.server import ServerIndex
from musicsim_tui.track import ModelVersion, TrackId
from tests.harness.qdrant_server import QdrantServer

if TYPE_CHECKING:
    from musicsim_tui.track import Vectors

MODEL = ModelVersion("mn04", 1, 24)
OTHER_MODEL = ModelVersion("cnn14", 2, 40)
KEY = "key-of-the-double"
SERVER = os.environ.get("QDB_ENDPOINT_TEST")
ENGINES = ["edge", "memory", "double", *(["server"] if SERVER else [])]


def library_of(count: int, model: ModelVersion = MODEL, seed: int = 7) -> dict[TrackId, Vectors]:
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(count, model.dimensions)).astype(np.float32) * 30
    return {TrackId(UUID(bytes=generator.bytes(16), version=4)): vector for vector in vectors}


LIBRARY = library_of(200)


def points_of(library: dict[TrackId, Vectors]) -> list[IndexPoint]:
    return [point_of(id_, vector) for id_, vector in library.items()]


def point_of(id_: TrackId, vector: Vectors) -> IndexPoint:
    payload = {"title": f"Piece {id_}", "artist": "", "year": None, "duration": 61.5, "sounds": ["Piano"]}
    return IndexPoint(id=id_, vector=vector, payload=payload)


class OneCallAtATime:
    """The in-memory engine, which is not made for threads, behind a lock."""

    def __init__(self, client: QdrantClient) -> None:
        self._client = client
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        attribute = getattr(self._client, name)
        if not callable(attribute):
            return attribute

        def locked(*args: object, **kwargs: object) -> object:
            with self._lock, warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # it tells what a real server does better
                return attribute(*args, **kwargs)

        return locked


def _memory_index() -> ServerIndex:
    client = cast(QdrantClient, OneCallAtATime(QdrantClient(":memory:")))
    return ServerIndex.open("http://localhost:6333", None, client=client)


@contextmanager
def opened_index(engine: str, folder: Path) -> Iterator[Index]:
    with ExitStack() as stack:
        if engine == "edge":
            yield stack.enter_context(EdgeIndex.open(folder))
        elif engine == "memory":
            yield stack.enter_context(_memory_index())
        elif engine == "double":
            server = stack.enter_context(QdrantServer(api_key=KEY))
            yield stack.enter_context(ServerIndex.open(server.url, KEY))
        else:
            address, key = SERVER or "", os.environ.get("QDB_API_TOKEN_TEST")
            prefix = f"musicsim-test-{uuid4().hex}"
            cleaner = stack.enter_context(ServerIndex.open(address, key, prefix=prefix))
            stack.callback(cleaner.drop, MODEL)
            stack.callback(cleaner.drop, OTHER_MODEL)
            yield stack.enter_context(ServerIndex.open(address, key, prefix=prefix))
