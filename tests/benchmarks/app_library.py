"""A library that the app is measured on: titles of words, as people have them, and every one different."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from musicsim_tui.embedding.sounds import audioset_labels
from musicsim_tui.embedding.versions import BUILTIN
from musicsim_tui.library.catalog import Catalog
from musicsim_tui.library.records import FileRecord, FileStamp, HeardTrack
from musicsim_tui.track import Embedding, Sound, Tags, TrackId
from tests.benchmarks.report import tell

if TYPE_CHECKING:
    from collections.abc import Iterator

_STORED_AT_ONCE = 1_000
_SYLLABLES = tuple(f"{consonant}{vowel}" for consonant in "bcdfghjklmnprstvwxyz" for vowel in "aeiou")[::4]
_WORDS = 3_000
_ARTISTS = 5_000
_ALBUMS = 12_000
_FIRST_SOUND, _LAST_SOUND = 137, 280
"""Where the names of instruments and of kinds of music stand among AudioSet's."""


def make_library(folder: Path, tracks: int) -> Path:
    """A data folder with so many tracks, made once and kept."""
    data_dir = folder / f"app-{tracks}"
    made = data_dir / "made"
    if not made.exists():
        tell(f"making a library of {tracks} tracks")
        data_dir.mkdir(parents=True, exist_ok=True)
        with Catalog.open(data_dir / "library.db") as catalog:
            for batch in _batches(tracks):
                catalog.store(batch)
            catalog.set_meta("model", BUILTIN.name)
        made.touch()
    return data_dir


def _batches(tracks: int) -> Iterator[list[HeardTrack]]:
    random = np.random.default_rng(0)
    words = ["".join(random.choice(_SYLLABLES, random.integers(1, 4))) for _ in range(_WORDS)]
    artists = [" ".join(random.choice(words, 2)).title() for _ in range(_ARTISTS)]
    albums = [" ".join(random.choice(words, 2)).title() for _ in range(_ALBUMS)]
    labels = audioset_labels()[_FIRST_SOUND:_LAST_SOUND]
    for first in range(0, tracks, _STORED_AT_ONCE):
        many = min(_STORED_AT_ONCE, tracks - first)
        vectors = random.standard_normal((many, 1, BUILTIN.dimensions), np.float32).astype(np.float16)
        batch = []
        for place, windows in enumerate(vectors):
            number = first + place
            title = f"{' '.join(random.choice(words, random.integers(1, 4))).title()} {number}"
            chosen = random.choice(len(labels), 5, replace=False)
            tags = Tags(
                title,
                artists[random.integers(_ARTISTS)],
                albums[random.integers(_ALBUMS)],
                int(random.integers(1960, 2026)),
            )
            file = FileRecord(
                Path(f"/music/{number % 997}/{number}.mp3"),
                FileStamp(5_000_000 + number, 10**18),
                tags,
                TrackId(UUID(int=(number * 0x9E3779B97F4A7C15) % 2**64 << 64 | 0x2 << 62 | number)),
            )
            embedding = Embedding(
                BUILTIN, None, windows[0].astype(np.float32), windows, np.zeros(1, np.float32)
            )
            sounds = tuple(Sound(labels[at], 0.6 - 0.1 * rank, 0.0) for rank, at in enumerate(chosen))
            batch.append(
                HeardTrack(
                    file, float(random.integers(60, 400)), -14.0, bytes(range(256)) * 4, embedding, sounds
                )
            )
        yield batch
