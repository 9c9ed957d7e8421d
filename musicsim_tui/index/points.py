"""What both engines ask of names, vectors and payloads before anything is sent."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from musicsim_tui.errors import IndexFailure, SettingsError
from musicsim_tui.settings import COLLECTION_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from musicsim_tui.index.index import IndexPoint, PayloadValue
    from musicsim_tui.track import ModelVersion, Vectors

    SerialPoint: TypeAlias = tuple[str, list[float], dict[str, PayloadValue]]
    """Id, unit vector and payload of a point as JSON can hold them."""

POINTS_PER_BATCH = 256
REQUEST_BYTES = 8 * 2**20
"""Qdrant accepts 32 MB a request, proxies before it often less."""
_DECIMALS = 7
_NUMBER_BYTES = len("-0.1234567, ")
_POINT_BYTES = 128
_INT64 = range(-(2**63), 2**63)


def checked_prefix(prefix: str) -> str:
    """The prefix of collection names, or SettingsError when a folder or a server could not be named so."""
    if not COLLECTION_NAME.fullmatch(prefix):
        raise SettingsError(
            f"{prefix!r} cannot start the name of a collection.",
            "Set QDB_COLLECTION to at most 100 letters, digits, dots, dashes or underscores.",
        )
    return prefix


def collection_name(prefix: str, model: ModelVersion) -> str:
    """One collection per model and version, so that vectors of different models never meet."""
    if not COLLECTION_NAME.fullmatch(model.name):
        raise IndexFailure(
            f"{model.name!r} cannot be part of the name of a collection.",
            "Name the model with letters, digits, dots, dashes or underscores.",
        )
    return f"{prefix}_{model.name}_v{model.version}"


def unit_vector(model: ModelVersion, vector: Vectors, owner: str) -> Vectors:
    """The vector at length one, float32, shape (dimensions,).

    Both engines compare by cosine; scaling here in double precision keeps vectors too small or too large for
    their float32 arithmetic. Raises IndexFailure when the shape is wrong or there is no direction.
    """
    values = np.asarray(vector, dtype=np.float64)
    if values.shape != (model.dimensions,):
        raise IndexFailure(
            f"The vector of {owner} has shape {values.shape}, {model} makes {model.dimensions} dimensions.",
            "Use vectors and index of the same model and version.",
        )
    length = math.sqrt(float(values @ values))
    if not math.isfinite(length) or length == 0.0:
        raise IndexFailure(
            f"The vector of {owner} has no direction: it is zero or holds a value that is not a number.",
            "The sound may be silent or damaged; hear it again, or leave it out.",
        )
    unit: Vectors = (values / length).astype(np.float32)
    return unit


def has_direction(vector: Vectors) -> bool:
    """Whether an index can take a vector: cosine needs one that is finite and not zero."""
    values = np.asarray(vector, dtype=np.float64)
    length = float(values @ values)
    return math.isfinite(length) and length > 0.0


def checked_points(model: ModelVersion, points: Sequence[IndexPoint]) -> list[IndexPoint]:
    """The points to write, each id once and the last one winning; refuses all when one vector is unusable."""
    latest = {point.id: point for point in points}
    for point in latest.values():
        unit_vector(model, point.vector, f"track {point.id}")
    return list(latest.values())


def batches_of(points: Sequence[IndexPoint], size: int = POINTS_PER_BATCH) -> Iterator[Sequence[IndexPoint]]:
    for start in range(0, len(points), size):
        yield points[start : start + size]


def batches_by_bytes(model: ModelVersion, points: Sequence[IndexPoint]) -> Iterator[list[SerialPoint]]:
    """Batches whose JSON stays below REQUEST_BYTES, unless one point alone is larger."""
    batch: list[SerialPoint] = []
    size = 0
    for point in points:
        payload = clean_payload(point.payload)
        needed = _POINT_BYTES + _NUMBER_BYTES * model.dimensions + len(json.dumps(payload))
        if batch and (len(batch) == POINTS_PER_BATCH or size + needed > REQUEST_BYTES):
            yield batch
            batch, size = [], 0
        unit = unit_vector(model, point.vector, f"track {point.id}")
        batch.append((str(point.id), decimals(unit), payload))
        size += needed
    if batch:
        yield batch


def decimals(unit: Vectors) -> list[float]:
    """A unit vector in short decimals: finer than the server's float16, half the JSON of float32."""
    numbers: list[float] = np.round(unit.astype(np.float64), _DECIMALS).tolist()
    return numbers


def clean_payload(payload: Mapping[str, PayloadValue]) -> dict[str, PayloadValue]:
    """The payload as every engine can store it.

    Undecodable bytes of file names (lone surrogates) become U+FFFD, values that are not finite become None,
    integers beyond 64 bits become floats, and flags become 0 or 1, for the engines disagree on booleans.
    """
    return {_clean_text(key): _clean_value(value) for key, value in payload.items()}


def _clean_value(value: PayloadValue) -> PayloadValue:
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return int(value) if value in _INT64 else _clean_huge(value)
    if isinstance(value, list):
        return [_clean_text(item) for item in value]
    return None


def _clean_huge(value: int) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None


def _clean_text(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
