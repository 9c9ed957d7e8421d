"""What tests of the server index ask for and expect."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
import pytest

from musicsim_tui.errors import IndexFailure
from musicsim_tui.index.index import IndexPoint
from musicsim_tui.track import ModelVersion, TrackId

if TYPE_CHECKING:
    from musicsim_tui.index.index import PayloadValue
    from musicsim_tui.track import Vectors

MODEL = ModelVersion("mn04", 1, 8)
WIDE = ModelVersion("cnn14", 1, 2048)
COLLECTION = "musicsim_mn04_v1"
KEY = "a-very-secret-key"
UPSERT = f"PUT /collections/{COLLECTION}/points"
SEARCH = f"POST /collections/{COLLECTION}/points/query"


def vector_for(number: int, model: ModelVersion = MODEL) -> Vectors:
    return np.random.default_rng(number).normal(size=model.dimensions).astype(np.float32)


def point_with(number: int, model: ModelVersion = MODEL, **payload: PayloadValue) -> IndexPoint:
    return IndexPoint(id=TrackId(UUID(int=number)), vector=vector_for(number, model), payload=payload)


def failure_of(call: Callable[[], object]) -> IndexFailure:
    with pytest.raises(IndexFailure) as caught:
        call()
    failure = caught.value
    assert failure.title.endswith(".")
    assert failure.hint
    return failure
