"""Tracks to put into a catalog."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID

import numpy as np

from musicsim_tui.library.records import FileRecord, FileStamp, HeardTrack
from musicsim_tui.track import Embedding, ModelVersion, Sound, Tags, TrackId

REPOSITORY = Path(__file__).resolve().parents[2]

SMALL = ModelVersion("small", 1, 4)
OTHER = ModelVersion("other", 1, 3)


class Clock:
    """Unix seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def track_id(number: int) -> TrackId:
    return TrackId(UUID(int=number << 64 | number))


def record(
    number: int,
    path: str | bytes | None = None,
    tags: Tags | None = None,
    stamp: FileStamp | None = None,
) -> FileRecord:
    return FileRecord(
        Path(os.fsdecode(f"/music/{number:04}.mp3" if path is None else path)),
        stamp or FileStamp(1000 + number, 10**18 + number),
        Tags(f"Title {number}", f"Artist {number}", f"Album {number}", 2000) if tags is None else tags,
        track_id(number),
    )


def embedding(
    seed: int = 0, model: ModelVersion = SMALL, coverage: int | None = None, windows: int = 2
) -> Embedding:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((windows, model.dimensions)).astype(np.float16)
    mean = vectors.astype(np.float32).mean(axis=0) if windows else np.zeros(model.dimensions, np.float32)
    return Embedding(model, coverage, mean, vectors, np.arange(windows, dtype=np.float32) * 10)


def heard(
    number: int,
    path: str | bytes | None = None,
    tags: Tags | None = None,
    *,
    duration: float = 120.0,
    sounds: tuple[Sound, ...] = (),
    heard_as: Embedding | None = None,
) -> HeardTrack:
    return HeardTrack(
        record(number, path, tags), duration, -14.0, b"waveform", heard_as or embedding(number), sounds
    )
