"""The demo's music: ten invented ensembles, four pieces each, rendered from rules and seeds.

The pieces of one ensemble share their instruments, their way of playing and their kind of harmony, and
differ in key, tempo, tune and recording: what a search for similar music should find.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.upkeep.composition import Harmony, Note, harmonise
from musicsim_tui.upkeep.ideas import IDEAS
from musicsim_tui.upkeep.instruments import INSTRUMENTS
from musicsim_tui.upkeep.synth import Tone, finish, reverberation

if TYPE_CHECKING:
    from musicsim_tui.track import Samples
    from musicsim_tui.upkeep.ideas import Idea

_KEYS = (0, 3, -2, 5, -4, 2, -1)
"""Semitones by which the variations of an idea are shifted, in turn."""
_TEMPI = (1.0, 0.955, 1.045, 0.98)
"""Factors on the idea's tempo, in turn."""
_MUSIC_SECONDS = 21.5
"""A piece has as many whole bars as fit in this time."""
_RING_OUT_SECONDS = 2.0
_SHORTEST_SECONDS = 20.5
"""Two whole windows of ten seconds."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A short piece of music and what its file should say about it.

    `transpose` in semitones, `tempo` in beats a minute, `brightness` a factor on every filter, `wet` a
    factor on the room, `tilt` in dB an octave, `level` in dB.
    """

    title: str
    artist: str
    album: str
    year: int
    seed: int
    idea: Idea
    transpose: int
    tempo: float
    brightness: float
    wet: float
    tilt: float
    level: float

    def render(self, rate: int = 32000) -> Samples:
        """The piece in stereo, shape (2, samples), float32, 20 to 25 s, no sample beyond `synth.PEAK`.

        The same bits for the same piece and rate on the same machine. `rate` from 16000 Hz.
        """
        harmony = self._harmony()
        beat = 60 / self.tempo
        seconds = max(_SHORTEST_SECONDS, len(harmony.chords) * harmony.beats * beat + _RING_OUT_SECONDS)
        dry = np.zeros((2, int(seconds * rate)), dtype=np.float32)
        for number, part in enumerate(self.idea.parts):
            sound = self._play(number, harmony, dry.shape[1], rate)
            angle = (part.pan + 1) * np.pi / 4
            dry[0] += np.float32(np.cos(angle)) * sound
            dry[1] += np.float32(np.sin(angle)) * sound
        room = reverberation(self.idea.room, rate, np.random.default_rng([self.seed, len(self.idea.parts)]))
        return finish(dry, rate, room, wet=self.idea.wet * self.wet, tilt=self.tilt, level=self.level)

    def _harmony(self) -> Harmony:
        idea = self.idea
        progression = idea.progressions[self.seed % len(idea.progressions)]
        bars = int(_MUSIC_SECONDS * self.tempo / 60 / idea.beats)
        return harmonise((idea.tonic + self.transpose) % 12, idea.scale, progression, idea.beats, bars)

    def _play(self, number: int, harmony: Harmony, count: int, rate: int) -> Samples:
        """One part alone, shape (count,), at its level in the mix.

        The notes and the hands have a source of chance of their own, so that they do not depend on the rate.
        """
        part = self.idea.parts[number]
        hands = np.random.default_rng([self.seed, number, 0])
        chance = np.random.default_rng([self.seed, number, 1])
        sound = np.zeros(count, dtype=np.float32)
        instrument = INSTRUMENTS[part.instrument]
        beat = 60 / self.tempo
        takes = 3 if self.idea.loose else 1
        tones: dict[tuple[float, float, int], Samples] = {}
        for order, note in enumerate(part.line.write(harmony, part.register, hands)):
            start, length = self._timing(note, beat, hands)
            if note.start < part.enters * harmony.beats:
                continue
            key = (note.pitch, round(length, 3), order % takes)
            if key not in tones:
                frequency = 440 * 2 ** ((note.pitch - 69) / 12)
                tones[key] = instrument(Tone(frequency, length, self.brightness, rate, chance))
            first = int(start * rate)
            heard = sound[first : first + len(tones[key])]
            heard += np.float32(note.loudness) * tones[key][: len(heard)]
        sounding = sound[np.abs(sound) > 1e-3]
        power = float(np.sqrt(np.mean(sounding**2))) if len(sounding) else 1.0
        return sound * np.float32(10 ** (part.level / 20) / power)

    def _timing(self, note: Note, beat: float, hands: np.random.Generator) -> tuple[float, float]:
        """Start and length in seconds: swung off-beats, and the small unevenness of hands."""
        whole, within = divmod(note.start, 1)
        swing = self.idea.swing
        swung = within * swing * 2 if within < 0.5 else swing + (within - 0.5) * (1 - swing) * 2
        uneven = self.idea.loose * float(hands.standard_normal())
        return max(0.0, (whole + swung) * beat + min(0.03, max(-0.03, uneven))), note.length * beat


def variation(idea: Idea, number: int) -> Piece:
    """The piece of an idea with a number from 0: another key, tempo, tune and recording for each."""
    seed = zlib.crc32(f"{idea.album} {number}".encode())
    rng = np.random.default_rng(seed)
    title = idea.titles[number % len(idea.titles)]
    again = number // len(idea.titles)
    return Piece(
        title=f"{title} (Take {again + 1})" if again else title,
        artist=idea.artist,
        album=idea.album,
        year=idea.year,
        seed=seed,
        idea=idea,
        transpose=_KEYS[number % len(_KEYS)],
        tempo=idea.tempo * _TEMPI[number % len(_TEMPI)] * float(rng.uniform(0.99, 1.01)),
        brightness=float(rng.uniform(0.88, 1.14)),
        wet=float(rng.uniform(0.8, 1.25)),
        tilt=float(rng.uniform(-0.4, 0.4)),
        level=float(rng.uniform(-1.5, 1.5)),
    )


def pieces() -> tuple[Piece, ...]:
    """The forty pieces of the demo: every idea with four variations, each with a title of its own."""
    return tuple(variation(idea, number) for idea in IDEAS for number in range(len(idea.titles)))
