"""An index folder filled with points that can be checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
import pytest

from musicsim_tui.index.edge import EdgeIndex
from musicsim_tui.index.index import IndexPoint, SearchParams
from musicsim_tui.track import ModelVersion, TrackId

if TYPE_CHECKING:
    from musicsim_tui.track import Vectors

MODEL = ModelVersion("mn04", 1, 16)
COLLECTION = "musicsim_mn04_v1"
REPOSITORY = Path(__file__).parents[2]


def vector_of(number: int) -> Vectors:
    return np.random.default_rng(number).normal(size=MODEL.dimensions).astype(np.float32)


def points_in(numbers: range) -> list[IndexPoint]:
    return [
        IndexPoint(id=TrackId(UUID(int=number)), vector=vector_of(number), payload={"title": str(number)})
        for number in numbers
    ]


def fill(folder: Path, count: int = 300) -> None:
    with EdgeIndex.open(folder) as index:
        index.ensure(MODEL)
        index.upsert(MODEL, points_in(range(count)))


def assert_holds(index: EdgeIndex, count: int) -> None:
    """Every point up to `count` is there and found by its own vector."""
    assert set(index.ids(MODEL)) >= {UUID(int=number) for number in range(count)}
    for number in range(0, count, max(1, count // 20)):
        best = index.search(MODEL, vector_of(number), SearchParams(limit=1))[0]
        assert best.id == UUID(int=number)
        assert best.score == pytest.approx(1, abs=2e-3)
