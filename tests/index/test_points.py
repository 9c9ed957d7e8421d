"""What is asked of names, vectors and payloads before anything is written."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicsim_tui.errors import IndexFailure, SettingsError
from musicsim_tui.index.edge import EdgeIndex
from musicsim_tui.index.index import IndexPoint
from musicsim_tui.index.points import (
    POINTS_PER_BATCH,
    REQUEST_BYTES,
    batches_by_bytes,
    clean_payload,
    collection_name,
    decimals,
    unit_vector,
)
from musicsim_tui.index.server import ServerIndex
from musicsim_tui.track import ModelVersion, TrackId

if TYPE_CHECKING:
    from musicsim_tui.index.index import PayloadValue

TEXTS = st.text(st.characters())
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.lists(TEXTS, max_size=3)


@pytest.mark.parametrize("prefix", ["", "../up", "a/b", "a b", ".hidden", "x" * 101, "a\n"])
def test_prefix_that_cannot_name_a_collection(prefix: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="collection"):
        EdgeIndex.open(tmp_path, prefix=prefix)
    with pytest.raises(SettingsError, match="collection"):
        ServerIndex.open("http://localhost:6333", None, prefix=prefix)


@pytest.mark.parametrize("name", ["", "../../escape", "a/b", "a\n"])
def test_model_that_cannot_name_a_collection(name: str) -> None:
    with pytest.raises(IndexFailure, match="name of a collection"):
        collection_name("musicsim", ModelVersion(name, 1, 4))


def test_collection_names_tell_versions_apart() -> None:
    assert collection_name("musicsim", ModelVersion("mn04", 2, 384)) == "musicsim_mn04_v2"


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_clean_payload_is_plain_json(payload: dict[str, PayloadValue]) -> None:
    cleaned = clean_payload(payload)
    assert json.loads(json.dumps(cleaned, allow_nan=False).encode("utf-8")) == cleaned
    for value in cleaned.values():
        assert not isinstance(value, bool)
        if isinstance(value, int):
            assert -(2**63) <= value < 2**63


def test_ordinary_payload_is_kept_as_it_is() -> None:
    payload: dict[str, PayloadValue] = {
        "title": "Für [b]Elise[/b] 🎹",
        "year": 1810,
        "duration": 61.5,
        "sounds": ["Piano"],
        "album": None,
    }
    assert clean_payload(payload) == payload


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=3, max_size=3))
def test_unit_vector_has_length_one_or_is_refused(values: list[float]) -> None:
    vector = np.array(values, dtype=np.float32)
    model = ModelVersion("x", 1, 3)
    if not vector.any():
        with pytest.raises(IndexFailure):
            unit_vector(model, vector, "it")
        return
    unit = unit_vector(model, vector, "it")
    assert unit.dtype == np.float32
    assert math.isclose(float(np.linalg.norm(unit)), 1.0, rel_tol=1e-5)


@given(
    sizes=st.lists(st.sampled_from([0, 10, REQUEST_BYTES // 3, REQUEST_BYTES]), max_size=6),
    dimensions=st.sampled_from([2, 384, 2048]),
)
@settings(max_examples=40)  # each is up to 48 MB of JSON
def test_batches_keep_order_and_size(sizes: list[int], dimensions: int) -> None:
    model = ModelVersion("x", 1, dimensions)
    vector = np.random.default_rng(dimensions).normal(size=dimensions).astype(np.float32)
    points = [
        IndexPoint(id=TrackId(UUID(int=number)), vector=vector, payload={"title": "x" * size})
        for number, size in enumerate(sizes)
    ]
    batches = list(batches_by_bytes(model, points))
    assert [id_ for batch in batches for id_, _, _ in batch] == [str(point.id) for point in points]
    for batch in batches:
        assert 1 <= len(batch) <= POINTS_PER_BATCH
        assert len(batch) == 1 or len(json.dumps(batch)) <= REQUEST_BYTES


def test_decimals_are_short_and_close() -> None:
    vector = np.random.default_rng(1).normal(size=2048).astype(np.float32)
    unit = unit_vector(ModelVersion("x", 1, 2048), vector, "it")
    numbers = decimals(unit)
    assert max(len(repr(number)) for number in numbers) <= len("-0.1234567")
    assert np.abs(np.array(numbers) - unit).max() < 1e-7
