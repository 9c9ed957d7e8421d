"""Music of real length for the speed and memory benchmarks, made by the demo's synthesiser.

Long forms are chains of short pieces: an ensemble's variations in turn, with a guest ensemble now and then,
each section fading into the next. Files that exist already under their name are not made again.
"""

from __future__ import annotations

from itertools import count as numbers_from
from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.audio.encode import write_audio
from musicsim_tui.track import Tags
from musicsim_tui.upkeep.ideas import IDEAS
from musicsim_tui.upkeep.pieces import variation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from musicsim_tui.track import Samples
    from musicsim_tui.upkeep.pieces import Piece

RATE = 44_100
_OVERLAP_SECONDS = 1.5
_FADE_SECONDS = 3.0
_SECTIONS_OF_A_TRACK = 1000
"""Variation numbers that a track keeps for itself, so that no two tracks share a section."""
_TRACKS_BEFORE_THE_MIX = 1_000_000


def make_long_tracks(folder: Path, count: int, seconds: float = 240) -> list[Path]:
    """`count` different stereo mp3 files of 44.1 kHz, each `seconds` long, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"track-{number:04}-{seconds:g}s.mp3" for number in range(count)]
    for number, path in enumerate(paths):
        if not path.exists():
            home = IDEAS[number % len(IDEAS)]
            tags = Tags(f"{home.titles[0]} (Long Form {number + 1})", home.artist, home.album, home.year)
            write_audio(path, _joined(_form(number), seconds), RATE, tags)
    return paths


def make_long_mix(path: Path, hours: float = 3) -> Path:
    """One stereo mp3 of 44.1 kHz that visits every ensemble; only seconds of it are in memory at a time."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        every = (
            variation(IDEAS[section % len(IDEAS)], _TRACKS_BEFORE_THE_MIX * _SECTIONS_OF_A_TRACK + section)
            for section in numbers_from()
        )
        write_audio(path, _joined(every, hours * 3600), RATE, Tags("Long Mix", "Various Ensembles"))
    return path


def _form(number: int) -> Iterator[Piece]:
    """The sections of a track without end: three of its own ensemble, then one of a guest."""
    for section in numbers_from():
        guest = section // 4 + 1 if section % 4 == 3 else 0
        idea = IDEAS[(number + guest) % len(IDEAS)]
        yield variation(idea, (number + 1) * _SECTIONS_OF_A_TRACK + section)


def _joined(sections: Iterator[Piece], seconds: float) -> Iterator[Samples]:
    """Blocks of shape (2, samples), `seconds` in all: each section overlaps the last, the end fades out."""
    left = round(seconds * RATE)
    overlap = int(_OVERLAP_SECONDS * RATE)
    tail = np.zeros((2, overlap), dtype=np.float32)
    for section in sections:
        sound = section.render(RATE)
        sound[:, :overlap] += tail
        tail = sound[:, -overlap:]
        block = sound[:, : min(left, sound.shape[1] - overlap)]
        until_end = left - np.arange(block.shape[1], dtype=np.float32)
        yield block * np.clip(until_end / np.float32(_FADE_SECONDS * RATE), 0, 1)
        left -= block.shape[1]
        if left <= 0:
            return
