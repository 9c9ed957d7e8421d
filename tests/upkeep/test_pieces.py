from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicsim_tui.upkeep.ideas import IDEAS
from musicsim_tui.upkeep.pieces import Piece, pieces, variation
from musicsim_tui.upkeep.synth import PEAK

if TYPE_CHECKING:
    from musicsim_tui.track import Samples
    from musicsim_tui.upkeep.ideas import Idea

RATE = 16000
SMOOTH = ("Vesper Stone", "Slow Aurora", "Cinder Waltz")
"""Ensembles without drums or square waves: there, a jump from one sample to the next is a click."""


@pytest.fixture(scope="module")
def rendered() -> list[tuple[Piece, Samples]]:
    """All pieces, at the lowest rate that they are made for."""
    return [(piece, piece.render(RATE)) for piece in pieces()]


def test_the_catalog_is_forty_pieces_with_titles_of_their_own() -> None:
    every = pieces()
    assert len(every) == 40
    assert len({piece.title for piece in every}) == 40
    assert len({piece.seed for piece in every}) == 40
    assert len({piece.artist for piece in every}) == len({piece.album for piece in every}) == len(IDEAS) == 10
    assert all(piece.title and piece.artist and 1950 < piece.year < 2030 for piece in every)


def test_titles_can_be_file_names_everywhere() -> None:
    for piece in pieces():
        assert not set(piece.title) & set('<>:"/\\|?*')
        assert piece.title == piece.title.strip(" .")


def test_variations_of_an_idea_differ_in_key_tempo_and_notes() -> None:
    every = pieces()
    for idea in IDEAS:
        takes = [piece for piece in every if piece.idea is idea]
        assert len(takes) == 4
        assert len({piece.transpose for piece in takes}) == 4
        tempi = sorted(piece.tempo for piece in takes)
        assert all(later / earlier > 1.004 for earlier, later in pairwise(tempi))
        assert all(abs(tempo / idea.tempo - 1) <= 0.06 for tempo in tempi)


def test_ensembles_cover_slow_and_fast_and_several_scales() -> None:
    assert min(idea.tempo for idea in IDEAS) <= 66
    assert max(idea.tempo for idea in IDEAS) >= 140
    assert len({idea.scale for idea in IDEAS}) >= 6
    assert {idea.beats for idea in IDEAS} == {3, 4}


def test_every_piece_is_finite_stereo_and_long_enough_for_two_windows(
    rendered: list[tuple[Piece, Samples]],
) -> None:
    for piece, sound in rendered:
        assert sound.dtype == np.float32, piece.title
        assert sound.shape[0] == 2, piece.title
        assert 20 * RATE <= sound.shape[1] <= 25 * RATE, piece.title
        assert np.isfinite(sound).all(), piece.title
        assert not np.array_equal(sound[0], sound[1]), piece.title


def test_no_piece_clips_or_is_faint(rendered: list[tuple[Piece, Samples]]) -> None:
    for piece, sound in rendered:
        assert 0.3 < np.abs(sound).max() <= PEAK, piece.title
        loudness = 20 * np.log10(np.sqrt(np.mean(sound**2)))
        assert -22 < loudness < -16, piece.title
        assert np.mean(np.abs(sound) > 0.75) < 1e-3, piece.title


def test_no_piece_carries_direct_current(rendered: list[tuple[Piece, Samples]]) -> None:
    for piece, sound in rendered:
        assert np.abs(sound.mean(axis=1)).max() < 1e-4, piece.title


def test_every_piece_starts_and_ends_in_silence(rendered: list[tuple[Piece, Samples]]) -> None:
    for piece, sound in rendered:
        assert np.abs(sound[:, 0]).max() < 1e-3, piece.title
        assert np.abs(sound[:, -1]).max() < 1e-3, piece.title
        assert np.abs(sound[:, -RATE // 50 :]).max() < 0.02, piece.title


def test_no_piece_falls_silent_on_the_way(rendered: list[tuple[Piece, Samples]]) -> None:
    for piece, sound in rendered:
        music = sound[:, : -3 * RATE]
        seconds = music[:, : music.shape[1] // RATE * RATE].reshape(2, -1, RATE)
        assert np.sqrt(np.mean(seconds**2, axis=(0, 2))).min() > 0.004, piece.title


def test_sustained_ensembles_have_no_clicks(rendered: list[tuple[Piece, Samples]]) -> None:
    for piece, sound in rendered:
        if piece.album in SMOOTH:
            # A click is a short burst of what the music does not have: energy far above its own slope.
            slope = np.abs(np.diff(sound, n=4, axis=1))
            assert slope.max() < 10 * np.sqrt(np.mean(slope**2)), piece.title


def test_the_same_piece_is_the_same_bits() -> None:
    for number in (0, 7, 18, 29, 39):
        piece = pieces()[number]
        assert np.array_equal(piece.render(RATE), pieces()[number].render(RATE)), piece.title


def test_another_seed_is_other_music() -> None:
    piece = pieces()[0]
    other = replace(piece, seed=piece.seed + len(piece.idea.progressions))
    first, second = piece.render(RATE), other.render(RATE)
    assert first.shape == second.shape
    likeness = np.corrcoef(first.mean(axis=0), second.mean(axis=0))[0, 1]
    assert abs(likeness) < 0.7


@pytest.mark.parametrize("rate", [22050, 32000, 48000])
def test_a_piece_is_the_same_music_at_every_rate(rate: int) -> None:
    piece = pieces()[16]
    low, high = piece.render(RATE), piece.render(rate)
    assert high.shape[1] / rate == pytest.approx(low.shape[1] / RATE, abs=1e-3)
    assert np.abs(high).max() <= PEAK
    assert np.corrcoef(_steps(low, RATE), _steps(high, rate))[0, 1] > 0.95


def test_the_nearest_piece_is_of_the_same_ensemble(rendered: list[tuple[Piece, Samples]]) -> None:
    described = np.stack([_spectrum(sound) for _, sound in rendered])
    described -= described.mean(axis=0)
    described /= np.linalg.norm(described, axis=1, keepdims=True)
    likeness = described @ described.T
    np.fill_diagonal(likeness, -1)
    albums = [piece.album for piece, _ in rendered]
    nearest = [albums[index] for index in likeness.argmax(axis=1)]
    assert sum(mine == theirs for mine, theirs in zip(albums, nearest, strict=True)) >= 36
    np.fill_diagonal(likeness, 0)
    assert likeness.max() < 0.9995, "two pieces are copies of each other"


@settings(max_examples=8, deadline=None)
@given(idea=st.sampled_from(IDEAS), number=st.integers(4, 5000))
def test_an_ensemble_never_runs_out_of_pieces(idea: Idea, number: int) -> None:
    piece = variation(idea, number)
    assert piece.title not in {known.title for known in pieces()}
    sound = piece.render(RATE)
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() <= PEAK
    assert 20 * RATE <= sound.shape[1] <= 25 * RATE


def _steps(sound: Samples, rate: int) -> Samples:
    """Loudness of each tenth of a second, which no change of rate should move."""
    hop = rate // 10
    mono = sound.mean(axis=0)
    frames = mono[: len(mono) // hop * hop].reshape(-1, hop)[:200]
    power: Samples = np.sqrt(np.mean(frames**2, axis=1))
    return power


def _spectrum(sound: Samples) -> Samples:
    """Mean and deviation over time of the log energy in 48 bands, shape (96,)."""
    mono = sound.mean(axis=0)
    frames = mono[: len(mono) // 1024 * 1024].reshape(-1, 1024) * np.hanning(1024).astype(np.float32)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    edges = np.unique(np.geomspace(3, 513, 49).astype(int))
    bands = np.log(np.add.reduceat(power, edges[:-1], axis=1) + 1e-4)
    described: Samples = np.concatenate([bands.mean(axis=0), bands.std(axis=0)]).astype(np.float32)
    return described
