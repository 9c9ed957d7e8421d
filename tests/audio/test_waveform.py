from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from musicsim_tui.audio.waveform import CELL_SECONDS, MAX_COLUMNS, Waveform, WaveformBuilder
from musicsim_tui.audio.windows import SILENCE_DBFS, cut_windows
from tests.harness.audio_files import tone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from musicsim_tui.track import Samples

RATE = 8000


def outline(samples: Samples, rate: int = RATE, block: int | None = None) -> Waveform:
    builder = WaveformBuilder(rate)
    for start in range(0, len(samples), block or max(1, len(samples))):
        builder.push(samples[start : start + (block or len(samples))])
    return builder.finish()


def expected_peaks(samples: Samples, samples_per_column: float) -> list[int]:
    width = round(samples_per_column)
    return [
        round(float(np.abs(samples[start : start + width]).max()) * 255)
        for start in range(0, len(samples), width)
    ]


def test_a_full_scale_sine_has_minus_three_decibels() -> None:
    waveform = outline(tone(440, 5.0, rate=RATE, amplitude=1.0))

    assert waveform.loudness == pytest.approx(-3.01, abs=0.01)
    assert waveform.seconds == 5.0
    assert set(waveform.peaks) <= {254, 255}
    assert len(waveform.peaks) == 50
    assert waveform.column_seconds == pytest.approx(CELL_SECONDS)


def test_silence_between_notes_does_not_lower_the_loudness() -> None:
    note = tone(440, 2.0, rate=RATE)
    quiet = tone(440, 30.0, rate=RATE, amplitude=0.0005)

    assert outline(np.concatenate([note, quiet])).loudness == pytest.approx(outline(note).loudness, abs=0.01)


def test_silence_has_a_finite_loudness() -> None:
    waveform = outline(np.zeros(3 * RATE, dtype=np.float32))

    assert waveform.loudness == SILENCE_DBFS
    assert waveform.peaks == bytes(30)


def test_nothing_is_an_empty_waveform() -> None:
    assert WaveformBuilder(RATE).finish() == Waveform(b"", CELL_SECONDS, 0.0, SILENCE_DBFS)


def test_peaks_stand_where_the_sound_is() -> None:
    samples = np.zeros(10 * RATE, dtype=np.float32)
    samples[round(7.25 * RATE)] = -0.5

    waveform = outline(samples)

    assert [index for index, peak in enumerate(waveform.peaks) if peak] == [72]
    assert waveform.peaks[72] == 128


def test_peaks_above_full_scale_are_full_scale() -> None:
    assert set(outline(np.full(RATE, 3.0, dtype=np.float32)).peaks) == {255}


@given(
    length=st.integers(0, 9000),
    block=st.integers(1, 700),
    rate=st.integers(1, 30),
    seed=st.integers(0, 2**32 - 1),
)
@example(length=9000, block=1, rate=1, seed=1302)  # a peak of 253.5 of 255, but for float32
def test_any_blocks_give_the_same_waveform(length: int, block: int, rate: int, seed: int) -> None:
    samples = np.random.default_rng(seed).uniform(-1, 1, length).astype(np.float32)
    whole, pieces = outline(samples, rate), outline(samples, rate, block)

    assert pieces.peaks == whole.peaks
    assert pieces.seconds == whole.seconds == length / rate
    assert pieces.loudness == pytest.approx(whole.loudness, abs=1e-4)
    assert len(whole.peaks) <= MAX_COLUMNS
    assert list(whole.peaks) == expected_peaks(samples, whole.column_seconds * rate)
    if length:
        assert max(whole.peaks) == round(float(np.abs(samples).max()) * 255)
        assert (len(whole.peaks) - 1) * whole.column_seconds < whole.seconds
        assert len(whole.peaks) * whole.column_seconds >= whole.seconds - 1e-9


@pytest.mark.parametrize("minutes", [1, 2, 3, 10, 61])
def test_long_tracks_have_wider_columns_in_the_right_place(minutes: int) -> None:
    rate = 100
    samples = np.zeros(minutes * 60 * rate, dtype=np.float32)
    middle = len(samples) // 2 + 7
    samples[middle] = 1.0

    waveform = outline(samples, rate, block=997)

    assert len(waveform.peaks) <= MAX_COLUMNS
    assert minutes == 1 or len(waveform.peaks) > MAX_COLUMNS // 2
    assert [index for index, peak in enumerate(waveform.peaks) if peak] == [
        math.floor(middle / rate / waveform.column_seconds)
    ]


def test_one_pass_feeds_the_windows_and_the_waveform() -> None:
    builder = WaveformBuilder(RATE)

    def blocks() -> Iterator[Samples]:
        for _ in range(25):
            yield tone(440, 1.0, rate=RATE)

    windows = list(cut_windows(builder.watch(blocks()), RATE, coverage=1, expected_seconds=25.0))

    assert [window.start for window in windows] == [10.0]
    assert builder.finish().seconds == 25.0


def test_a_rate_of_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="rate"):
        WaveformBuilder(0)
