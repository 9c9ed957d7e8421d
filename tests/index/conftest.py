"""Fixtures: an index on each engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from musicsim_tui.index.index import Index
from musicsim_tui.index.server import ServerIndex
from tests.harness.qdrant_server import QdrantServer
from tests.index import served as serving
from tests.index.engines import ENGINES, LIBRARY, MODEL, opened_index, points_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where an embedded index can be made."""
    return tmp_path / "index"


@pytest.fixture(params=ENGINES)
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Index]:
    with opened_index(request.param, tmp_path / "index") as opened:
        yield opened


@pytest.fixture(scope="module", params=ENGINES)
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """An index of 200 points that tests leave as they are."""
    with opened_index(request.param, tmp_path_factory.mktemp("filled")) as opened:
        opened.ensure(MODEL)
        opened.upsert(MODEL, points_of(LIBRARY))
        yield opened


@pytest.fixture
def double() -> Iterator[QdrantServer]:
    """A server on loopback that asks for a key."""
    with QdrantServer(api_key=serving.KEY) as server:
        yield server


@pytest.fixture
def pauses() -> list[float]:
    """Seconds that `served` would have waited between attempts."""
    return []


@pytest.fixture
def served(double: QdrantServer, pauses: list[float]) -> Iterator[ServerIndex]:
    """An index on the double, with an empty collection."""
    with ServerIndex.open(double.url, serving.KEY, timeout=30, pause=pauses.append) as opened:
        opened.ensure(serving.MODEL)
        yield opened
