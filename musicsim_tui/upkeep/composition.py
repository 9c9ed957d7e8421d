"""Notes from rules: scales, chords in Roman numerals, and the lines that players play over them.

Rhythms are strings, one a bar, cut into equal steps: a sign starts a note, "-" holds it, "." rests.
Time is counted in beats here; pitch is a MIDI note number (69 = 440 Hz).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "pentatonic": (0, 2, 4, 7, 9),
    "blues": (0, 3, 5, 6, 7, 10),
    "whole tone": (0, 2, 4, 6, 8, 10),
}
"""Semitones above the tonic."""

_ROOTS = {"I": 0, "II": 2, "III": 4, "IV": 5, "V": 7, "VI": 9, "VII": 11}
_QUALITIES: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "aug": (0, 4, 8),
    "5": (0, 7, 12),
    "6": (0, 4, 7, 9),
    "add9": (0, 4, 7, 14),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "m9": (0, 3, 10, 14),
}
_CHORD = re.compile(r"([b#]?)(I{1,3}|IV|VI{0,2})(|m|aug|5|6|add9|7|maj7|m7|m9)")
_ACCENTS = {"X": 1.0, "x": 0.72, "o": 0.4}


@dataclass(frozen=True, slots=True)
class Note:
    """One note: start and length in beats, pitch, loudness as a factor."""

    start: float
    length: float
    pitch: float
    loudness: float


@dataclass(frozen=True, slots=True)
class Harmony:
    """What a line plays over: `tonic` a pitch class, `chords` one a bar, in semitones above it."""

    tonic: int
    scale: tuple[int, ...]
    chords: tuple[tuple[int, ...], ...]
    beats: int

    @property
    def last(self) -> int:
        """The bar in which every line comes to rest."""
        return len(self.chords) - 1


class Line(Protocol):
    """A part's way of making notes out of a harmony."""

    def write(self, harmony: Harmony, register: float, rng: np.random.Generator) -> list[Note]:
        """Notes of the whole piece, close to the pitch `register`."""
        ...


@cache
def chord(symbol: str) -> tuple[int, ...]:
    """Semitones above the tonic of a chord such as "bVI" or "Im9". Raises ValueError for another symbol."""
    match = _CHORD.fullmatch(symbol)
    if match is None:
        raise ValueError(f"no such chord: {symbol!r}")
    shift, degree, quality = match.groups()
    root = _ROOTS[degree] + {"": 0, "b": -1, "#": 1}[shift]
    return tuple(root + interval for interval in _QUALITIES[quality])


def harmonise(tonic: int, scale: str, progression: str, beats: int, bars: int) -> Harmony:
    """Repeat a progression ("Im bVI bVII Im") over `bars` bars and end on its first chord."""
    symbols = progression.split()
    chords = [chord(symbols[bar % len(symbols)]) for bar in range(bars)]
    chords[-1] = chord(symbols[0])
    return Harmony(tonic, SCALES[scale], tuple(chords), beats)


def _near(pitch: float, register: float) -> float:
    """The octave of a pitch that lies within six semitones of a register."""
    return register + (pitch - register + 6) % 12 - 6


def _strokes(pattern: str) -> Iterator[tuple[str, int, int]]:
    """(sign, first step, steps held) of each note of a bar."""
    for match in re.finditer(r"[^-.]-*", pattern):
        yield match.group()[0], match.start(), len(match.group())


def _bars(patterns: Sequence[str], harmony: Harmony, rng: np.random.Generator) -> Iterator[tuple[int, str]]:
    """(bar, pattern) for all bars but the last: one pattern carries on, others turn every fourth bar."""
    carrying, *others = (patterns[index] for index in rng.permutation(len(patterns)))
    for bar in range(harmony.last):
        turning = others and bar % 4 == 3
        yield bar, others[(bar // 4) % len(others)] if turning else carrying


@dataclass(frozen=True, slots=True)
class Figure:
    """Broken chords and bass lines. Digits are the chord's tones: 0 the root, past the last an octave up."""

    patterns: tuple[str, ...]

    def write(self, harmony: Harmony, register: float, rng: np.random.Generator) -> list[Note]:
        notes = []
        for bar, pattern in _bars(self.patterns, harmony, rng):
            step = harmony.beats / len(pattern)
            for sign, first, held in _strokes(pattern):
                pitch = self._pitch(harmony, bar, int(sign), register)
                loudness = 0.9 if first == 0 else 0.68 + 0.1 * float(rng.random())
                notes.append(Note(bar * harmony.beats + first * step, held * step, pitch, loudness))
        end = harmony.last * harmony.beats
        notes.append(Note(end, harmony.beats, self._pitch(harmony, harmony.last, 0, register), 0.9))
        return notes

    @staticmethod
    def _pitch(harmony: Harmony, bar: int, number: int, register: float) -> float:
        tones = harmony.chords[bar]
        root = _near(harmony.tonic + tones[0], register)
        octave, index = divmod(number, len(tones))
        return root + tones[index] - tones[0] + 12 * octave


@dataclass(frozen=True, slots=True)
class Chords:
    """Whole chords, kept close to the register, so that voices move little. Signs: X, x, o by weight."""

    patterns: tuple[str, ...]
    strum: float = 0.0
    """Beats from one tone of the chord to the next."""

    def write(self, harmony: Harmony, register: float, rng: np.random.Generator) -> list[Note]:
        notes = []
        for bar, pattern in _bars(self.patterns, harmony, rng):
            step = harmony.beats / len(pattern)
            for sign, first, held in _strokes(pattern):
                start = bar * harmony.beats + first * step
                notes += self._together(harmony, bar, register, start, held * step, _ACCENTS[sign])
        end = harmony.last
        notes += self._together(harmony, end, register, end * harmony.beats, harmony.beats, 0.8)
        return notes

    def _together(
        self, harmony: Harmony, bar: int, register: float, start: float, length: float, loudness: float
    ) -> list[Note]:
        pitches = sorted({_near(harmony.tonic + tone, register) for tone in harmony.chords[bar]})
        return [
            Note(start + number * self.strum, length, pitch, loudness * 0.8)
            for number, pitch in enumerate(pitches)
        ]


@dataclass(frozen=True, slots=True)
class Drone:
    """Long tones of the tonic, `span` bars each, that overlap by half a beat."""

    intervals: tuple[int, ...]
    span: int = 2

    def write(self, harmony: Harmony, register: float, rng: np.random.Generator) -> list[Note]:
        root = _near(harmony.tonic, register)
        notes = []
        for bar in range(0, len(harmony.chords), self.span):
            length = min(self.span, len(harmony.chords) - bar) * harmony.beats
            for interval in self.intervals:
                loudness = 0.7 + 0.2 * float(rng.random())
                notes.append(Note(bar * harmony.beats, length + 0.5, root + interval, loudness))
        return notes


@dataclass(frozen=True, slots=True)
class Beat:
    """A drum's rhythm at one pitch: the register itself. Signs: X, x, o by weight."""

    patterns: tuple[str, ...]
    loose: float = 0.12
    """How unevenly the strokes fall, as a part of their weight."""

    def write(self, harmony: Harmony, register: float, rng: np.random.Generator) -> list[Note]:
        notes = []
        for bar, pattern in _bars(self.patterns, harmony, rng):
            step = harmony.beats / len(pattern)
            for sign, first, held in _strokes(pattern):
                weight = _ACCENTS[sign] * (1 - self.loose * float(rng.random()))
                notes.append(Note(bar * harmony.beats + first * step, held * step, register, weight))
        if any(pattern[0] in _ACCENTS for pattern in self.patterns):
            notes.append(Note(harmony.last * harmony.beats, 1.0, register, 0.9))
        return notes


@dataclass(frozen=True, slots=True)
class Melody:
    """A tune: short ideas of one bar, said, answered and said again, that lean on the chords' tones.

    `rhythms` are bars to choose from (signs X, x, o); `reach` is how far, in scale steps, the tune strays.
    """

    rhythms: tuple[str, ...]
    reach: int = 5
    leap: int = 2

    def write(self, harmony: Harmony, register: float, rng: np.random.Generator) -> list[Note]:
        bars = [self._bar(rng) for _ in range(3)]
        form = (0, 1, 0, 2, 0, 1, 2, 1)
        ladder = self._ladder(harmony, register)
        at = len(ladder) // 2
        notes = []
        for bar in range(harmony.last):
            pattern, moves = bars[form[bar % len(form)]]
            step = harmony.beats / len(pattern)
            for number, (sign, first, held) in enumerate(_strokes(pattern)):
                at = _reflect(at + moves[number], len(ladder))
                pitch = ladder[at]
                if 2 * first in (0, len(pattern)) or 2 * held >= len(pattern):
                    pitch = _closest(pitch, harmony, bar)
                start = bar * harmony.beats + first * step
                notes.append(Note(start, held * step, pitch, 0.75 * _ACCENTS[sign] + 0.2))
        home = _closest(_near(harmony.tonic, ladder[at]), harmony, harmony.last)
        notes.append(Note(harmony.last * harmony.beats, harmony.beats, home, 0.85))
        return notes

    def _bar(self, rng: np.random.Generator) -> tuple[str, list[int]]:
        pattern = self.rhythms[int(rng.integers(len(self.rhythms)))]
        drift = 1 if rng.random() < 0.5 else -1
        moves = [
            drift * int(rng.integers(1, self.leap + 1)) if rng.random() < 0.65 else int(rng.integers(-1, 2))
            for _ in _strokes(pattern)
        ]
        return pattern, moves

    def _ladder(self, harmony: Harmony, register: float) -> list[float]:
        """Pitches of the scale within reach of the register, upwards."""
        root = _near(harmony.tonic, register)
        rungs = [root + 12 * octave + degree for octave in (-2, -1, 0, 1) for degree in harmony.scale]
        middle = min(range(len(rungs)), key=lambda index: abs(rungs[index] - register))
        return rungs[max(0, middle - self.reach) : middle + self.reach + 1]


def _reflect(index: int, length: int) -> int:
    """Keep an index inside a list by bouncing off its ends."""
    if index < 0:
        index = -index
    if index >= length:
        index = 2 * (length - 1) - index
    return min(max(index, 0), length - 1)


def _closest(pitch: float, harmony: Harmony, bar: int) -> float:
    """The tone of the bar's chord, in any octave, that is nearest to a pitch."""
    return min(
        (_near(harmony.tonic + tone, pitch) for tone in harmony.chords[bar]),
        key=lambda tone: abs(tone - pitch),
    )
