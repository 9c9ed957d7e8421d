"""Music for judging embedders: labelled real excerpts, generated pieces of known kinship, and the scores."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.audio.decode import decode_mono
from musicsim_tui.audio.windows import cut_windows

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from musicsim_tui.embedding.embedder import Embedder
    from musicsim_tui.track import Samples, Vectors

QUERY_ARTIST_TRACKS = 4
"""An artist is asked about when the set holds this many tracks by them."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A labelled clip of the real set."""

    path: Path
    track: str
    artist: str


@dataclass(frozen=True, slots=True)
class Scores:
    """Shares of nearest neighbours that are right; own track left out where the artist is asked for."""

    artist_at_1: float
    artist_at_5: float
    same_track_at_1: float


@dataclass(frozen=True, slots=True)
class Idea:
    """What the variations of one generated piece share: tempo, scale, chords, drums, timbres."""

    seed: int
    tempo: float
    root: int
    scale: tuple[int, ...]
    chords: tuple[int, ...]
    partials: tuple[float, ...]
    decay: float
    density: float
    kick: tuple[float, ...]
    snare: tuple[float, ...]
    hat: tuple[float, ...]
    drum_level: float
    noise_level: float
    bass_level: float


_SCALES = (
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 8, 10),
    (0, 2, 4, 7, 9),
    (0, 3, 5, 6, 7, 10),
    (0, 1, 4, 5, 7, 8, 11),
)
_STEPS = 16


def labelled_excerpts(music: Path) -> list[Excerpt]:
    """The clips of `labels.csv` (columns clip, track_id, artist) in a folder."""
    with (music / "labels.csv").open(newline="", encoding="utf-8") as table:
        return [Excerpt(music / row["clip"], row["track_id"], row["artist"]) for row in csv.DictReader(table)]


def decoded(path: Path, rate: int) -> Samples:
    """A file as mono float32 samples at `rate` Hz."""
    return np.concatenate(list(decode_mono(path, rate)))


def heard(embedder: Embedder, samples: Samples) -> Vectors:
    """The track vector of samples at the embedder's rate: the mean of its windows, shape (dimensions,)."""
    windows = np.stack([window.samples for window in cut_windows([samples], embedder.sample_rate)])
    vector: Vectors = embedder.embed(windows).vectors.mean(axis=0)
    return vector


def cosines(first: Vectors, second: Vectors) -> Vectors:
    """Of every row of one with every row of the other."""
    first = first / np.linalg.norm(first, axis=1, keepdims=True)
    second = second / np.linalg.norm(second, axis=1, keepdims=True)
    product: Vectors = first @ second.T
    return product


def score(similarity: Vectors, excerpts: list[Excerpt]) -> Scores:
    """How good nearest neighbours are by a similarity, one row a query, shape (excerpts, excerpts)."""
    track = np.asarray([excerpt.track for excerpt in excerpts])
    artist = np.asarray([excerpt.artist for excerpt in excerpts])
    own_track = track[:, None] == track[None, :]
    others = np.where(np.eye(len(track), dtype=bool), -np.inf, similarity)
    same_track = track[others.argmax(axis=1)] == track
    nearest = np.argsort(-np.where(own_track, -np.inf, others), axis=1, kind="stable")[:, :5]
    same_artist = artist[nearest] == artist[:, None]
    tracks_of: dict[str, set[str]] = defaultdict(set)
    for excerpt in excerpts:
        tracks_of[excerpt.artist].add(excerpt.track)
    prolific = np.asarray([len(tracks_of[excerpt.artist]) >= QUERY_ARTIST_TRACKS for excerpt in excerpts])
    has_sibling = own_track.sum(axis=1) > 1
    return Scores(
        artist_at_1=float(same_artist[prolific, 0].mean()),
        artist_at_5=float(same_artist[prolific].mean()),
        same_track_at_1=float(same_track[has_sibling].mean()),
    )


def ideas(count: int, seed: int = 0) -> list[Idea]:
    """Different generated pieces, always the same for a seed."""
    return [_idea(np.random.default_rng((seed, index)), index) for index in range(count)]


def compose(idea: Idea, variation: int, seconds: float, rate: int) -> Samples:
    """A variation on an idea: another melody over the same chords, drums and instruments; peak 0.9."""
    rng = np.random.default_rng((idea.seed, variation, 7))
    step = 60 / idea.tempo / 4
    samples = np.zeros(int(seconds * rate), np.float64)
    for index in range(int(seconds / step)):
        at = index * step
        place, bar = index % _STEPS, index // _STEPS
        chord = idea.chords[bar % len(idea.chords)]
        if rng.random() < idea.density:
            degree = chord + int(rng.integers(0, 2 * len(idea.scale)))
            _add(samples, at, rate, _note(_pitch(idea, degree), idea.partials, idea.decay, rate))
        if place % 8 == 0:
            for degree in (chord, chord + 2, chord + 4):
                _add(
                    samples, at, rate, 0.5 * _note(_pitch(idea, degree), idea.partials, 2 * idea.decay, rate)
                )
        if place % 4 == 0:
            low = _note(_pitch(idea, chord) - 24, idea.partials[:3], 0.3, rate)
            _add(samples, at, rate, idea.bass_level * low)
        for chances, drum in ((idea.kick, _kick), (idea.snare, _snare), (idea.hat, _hat)):
            if rng.random() < chances[place]:
                _add(samples, at, rate, idea.drum_level * drum(rng, rate))
    samples += idea.noise_level * rng.standard_normal(len(samples))
    samples *= 0.9 / np.max(np.abs(samples))
    return samples.astype(np.float32)


def _idea(rng: np.random.Generator, seed: int) -> Idea:
    brightness = rng.uniform(0.5, 2.5)
    evens = rng.uniform(0.1, 1.0)
    partials = tuple(float((evens if h % 2 == 0 else 1.0) * h**-brightness) for h in range(1, 11))
    return Idea(
        seed=seed,
        tempo=float(rng.uniform(60, 170)),
        root=int(rng.integers(50, 62)),
        scale=_SCALES[int(rng.integers(len(_SCALES)))],
        chords=tuple(int(degree) for degree in rng.integers(0, 6, 4)),
        partials=partials,
        decay=float(np.exp(rng.uniform(np.log(0.08), np.log(1.2)))),
        density=float(rng.uniform(0.15, 0.8)),
        kick=_pattern(rng, 0.3),
        snare=_pattern(rng, 0.25),
        hat=_pattern(rng, 0.6),
        drum_level=float(rng.choice([0.0, 0.3, 0.8])),
        noise_level=float(10 ** rng.uniform(-4, -2)),
        bass_level=float(rng.uniform(0.0, 1.0)),
    )


def _pattern(rng: np.random.Generator, share: float) -> tuple[float, ...]:
    """How likely a drum sounds at each sixteenth of a bar: mostly settled by the idea."""
    return tuple(0.95 if rng.random() < share else 0.03 for _ in range(_STEPS))


def _pitch(idea: Idea, degree: int) -> int:
    """MIDI note of a degree of the scale."""
    octave, place = divmod(degree, len(idea.scale))
    return idea.root + 12 * octave + idea.scale[place]


@lru_cache(maxsize=512)
def _note(pitch: int, partials: tuple[float, ...], decay: float, rate: int) -> NDArray[np.float64]:
    time = np.arange(int(min(4 * decay, 3.0) * rate)) / rate
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    audible = [(h, level) for h, level in enumerate(partials, 1) if h * frequency < 0.45 * rate]
    tone = np.sum([level * np.sin(2 * np.pi * h * frequency * time) for h, level in audible], axis=0)
    return np.asarray(0.3 * tone * np.exp(-time / decay) * np.minimum(time / 0.004, 1))


def _kick(_: np.random.Generator, rate: int) -> NDArray[np.float64]:
    time = np.arange(int(0.25 * rate)) / rate
    sweep: NDArray[np.float64] = np.sin(2 * np.pi * (50 * time + 8 * (1 - np.exp(-time / 0.03))))
    return sweep * np.exp(-time / 0.08)


def _snare(rng: np.random.Generator, rate: int) -> NDArray[np.float64]:
    time = np.arange(int(0.2 * rate)) / rate
    body = 0.5 * np.sin(2 * np.pi * 190 * time)
    return (body + 0.5 * rng.standard_normal(len(time))) * np.exp(-time / 0.06)


def _hat(rng: np.random.Generator, rate: int) -> NDArray[np.float64]:
    time = np.arange(int(0.06 * rate)) / rate
    return 0.3 * np.diff(rng.standard_normal(len(time) + 1)) * np.exp(-time / 0.015)


def _add(samples: NDArray[np.float64], at: float, rate: int, sound: NDArray[np.float64]) -> None:
    start = int(at * rate)
    end = min(len(samples), start + len(sound))
    samples[start:end] += sound[: end - start]
