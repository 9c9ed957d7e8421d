from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.upkeep.composition import (
    SCALES,
    Beat,
    Chords,
    Drone,
    Figure,
    Line,
    Melody,
    chord,
    harmonise,
)
from musicsim_tui.upkeep.ideas import IDEAS

LINES: tuple[Line, ...] = (
    Melody(("x-x-xx--", "..x-x-x-", "x-------")),
    Chords(("X-x-.xx-", "x---"), strum=0.05),
    Figure(("01230123", "0.2.")),
    Drone((0, 7, 12)),
    Beat(("X.x.o.x.",)),
)


@pytest.mark.parametrize(
    ("symbol", "semitones"),
    [
        ("I", (0, 4, 7)),
        ("bVI", (8, 12, 15)),
        ("IVmaj7", (5, 9, 12, 16)),
        ("VIm", (9, 12, 16)),
        ("V7", (7, 11, 14, 17)),
    ],
)
def test_chords_are_read_as_musicians_write_them(symbol: str, semitones: tuple[int, ...]) -> None:
    assert chord(symbol) == semitones


@given(st.text(alphabet="IVXbm#79ajdg5", max_size=6))
def test_an_unknown_chord_is_refused_by_name(symbol: str) -> None:
    known = re.fullmatch(r"[b#]?(I{1,3}|IV|VI{0,2})(|m|aug|5|6|add9|7|maj7|m7|m9)", symbol)
    if known is None:
        with pytest.raises(ValueError, match=re.escape(repr(symbol))):
            chord(symbol)
    else:
        assert -1 <= chord(symbol)[0] <= 12


@given(
    line=st.sampled_from(LINES),
    tonic=st.integers(0, 11),
    scale=st.sampled_from(sorted(SCALES)),
    bars=st.integers(2, 24),
    beats=st.sampled_from((3, 4)),
    seed=st.integers(0, 2**32),
)
def test_every_line_stays_inside_its_piece_and_near_its_register(
    line: Line, tonic: int, scale: str, bars: int, beats: int, seed: int
) -> None:
    harmony = harmonise(tonic, scale, "Im IVm bVII Im", beats, bars)
    notes = line.write(harmony, 60, np.random.default_rng(seed))
    assert notes
    for note in notes:
        assert 0 <= note.start < bars * beats
        assert 0 < note.length <= 2 * beats + 0.5
        assert 0 < note.loudness <= 1
        assert 36 <= note.pitch <= 84
    assert notes == line.write(harmony, 60, np.random.default_rng(seed))


@given(tonic=st.integers(0, 11), seed=st.integers(0, 2**32))
def test_melody_and_chords_come_to_rest_on_the_first_chord(tonic: int, seed: int) -> None:
    harmony = harmonise(tonic, "major", "I IV V", 4, 8)
    home = {(tonic + step) % 12 for step in (0, 4, 7)}
    for line in (Melody(("x-x-xx--", "x---x---")), Chords(("x---",)), Figure(("0123",))):
        last = [note for note in line.write(harmony, 64, np.random.default_rng(seed)) if note.start >= 28]
        assert last
        assert {int(note.pitch) % 12 for note in last} <= home


def test_patterns_of_every_ensemble_use_known_signs() -> None:
    for idea in IDEAS:
        for part in idea.parts:
            patterns: tuple[str, ...] = getattr(part.line, "patterns", getattr(part.line, "rhythms", ()))
            signs = set("".join(patterns)) - set("-.")
            assert signs <= (set("0123456789") if isinstance(part.line, Figure) else set("Xxo")), part
