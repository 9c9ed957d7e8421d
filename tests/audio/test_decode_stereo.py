from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from musicsim_tui.audio.decode import decode_mono, decode_stereo
from musicsim_tui.errors import AudioError
from musicsim_tui.jobs import Cancelled, CancelToken
from tests.harness import audio_files
from tests.harness.audio_files import EVERY_SUFFIX, RATE, tone, write_channels, write_tone

if TYPE_CHECKING:
    from pathlib import Path

    from musicsim_tui.track import Samples

LENGTH = 40.0
"""Seconds of the recording that is there in every format."""
COARSE_CLOCKS = {".webm": 48, ".mka": 48, ".wma": 96}
"""Containers that tell time in milliseconds, and how many samples that may cost."""


def decoded(path: Path, rate: int = RATE, start: float = 0.0) -> Samples:
    return np.concatenate(list(decode_stereo(path, rate, start=start)), axis=1)


def offset(part: Samples, whole: Samples, expected: int, reach: int = 4000) -> int:
    """How many samples behind `expected` the part really stands in the whole."""
    low = max(0, expected - reach)
    around = whole[low : expected + reach + len(part)]
    length = len(around) + len(part)
    spectrum = np.fft.rfft(around, length) * np.conj(np.fft.rfft(part, length))
    correlation = np.fft.irfft(spectrum, length)[: len(around) - len(part) + 1]
    return low + int(np.argmax(correlation)) - expected


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one recording in every format."""
    folder = tmp_path_factory.mktemp("recordings")
    for suffix in EVERY_SUFFIX:
        audio_files.write_music(folder / f"music{suffix}", 5, LENGTH)
    return folder


@pytest.mark.parametrize("suffix", EVERY_SUFFIX)
def test_decoding_begins_where_it_is_told(recordings: Path, suffix: str) -> None:
    path = recordings / f"music{suffix}"
    whole = decoded(path)
    for start in (0.7, 2.5, 10.3, 20.0, LENGTH - 2.75):
        part = decoded(path, start=start)
        assert abs(offset(part[0, :RATE], whole[0], round(start * RATE))) <= COARSE_CLOCKS.get(suffix, 0)
        assert part.shape[1] == pytest.approx(whole.shape[1] - start * RATE, abs=100)


def test_going_somewhere_does_not_decode_what_is_before(recordings: Path) -> None:
    blocks = decode_stereo(recordings / "music.flac", RATE, start=LENGTH - 2)
    assert sum(block.shape[1] for block in blocks) == 2 * RATE
    assert blocks.seconds == 2.0


@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".ogg", ".wav", ".webm"])
def test_behind_the_end_is_nothing(recordings: Path, suffix: str) -> None:
    assert list(decode_stereo(recordings / f"music{suffix}", RATE, start=LENGTH + 15)) == []


def test_before_the_beginning_is_the_beginning(recordings: Path) -> None:
    path = recordings / "music.flac"
    np.testing.assert_array_equal(
        next(decode_stereo(path, RATE, start=-3.0)), next(decode_stereo(path, RATE))
    )


@pytest.mark.parametrize("suffix", [".ogg", ".opus", ".mp3"])
def test_time_runs_on_through_files_that_were_joined(tmp_path: Path, suffix: str) -> None:
    parts = [write_tone(tmp_path / f"{pitch}{suffix}", pitch, 6.0, channels=2) for pitch in (440, 880, 1320)]
    path = tmp_path / f"joined{suffix}"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    whole = decoded(path)
    for start, pitch in ((3.0, 440), (7.5, 880), (14.0, 1320)):
        second = decoded(path, start=start)[0, :RATE]
        assert np.argmax(np.abs(np.fft.rfft(second))) == pytest.approx(pitch, abs=2)
        # The header frames in the middle of joined MP3 files count on the way there and make no sound.
        rest = decoded(path, start=start).shape[1]
        assert rest == pytest.approx(whole.shape[1] - start * RATE, abs=0.06 * RATE)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("ms.wav", "adpcm_ms"), ("ima.wav", "adpcm_ima_wav"), ("ima.aiff", "adpcm_ima_qt"), ("bare.ac3", "ac3")],
)
def test_a_clock_that_drifts_is_not_gone_by(tmp_path: Path, name: str, codec: str) -> None:
    planes = np.stack([audio_files.music(5, 60.0)] * 2)
    path = write_channels(tmp_path / name, planes, "stereo", codec)
    whole = decoded(path)
    for start in (10.3, 55.0):
        part = decoded(path, start=start)
        assert offset(part[0, :RATE], whole[0], round(start * RATE), reach=30_000) == 0
        assert part.shape[1] == whole.shape[1] - round(start * RATE)


@pytest.mark.parametrize(("rate", "channels", "seconds"), [(22050, 1, 12.0), (RATE, 2, 8.0), (RATE, 2, 12.0)])
def test_a_flac_file_may_follow_another(tmp_path: Path, rate: int, channels: int, seconds: float) -> None:
    first = write_tone(tmp_path / "first.flac", 440, 12.0, channels=2)
    second = write_tone(tmp_path / "second.flac", 880, seconds, rate=rate, channels=channels)
    path = tmp_path / "joined.flac"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    blocks = decode_stereo(path, RATE)
    whole = np.concatenate(list(blocks), axis=1)
    assert whole.shape[1] == pytest.approx((12.0 + seconds) * RATE, abs=2)
    assert (None if blocks.change is None else blocks.change.seconds) == (12.0 if rate != RATE else None)
    assert blocks.damaged_packets == 0
    for start in (5.0, 10.0, 14.0):
        np.testing.assert_allclose(decoded(path, start=start), whole[:, round(start * RATE) :], atol=1e-6)
        pitch = np.argmax(np.abs(np.fft.rfft(decoded(path, start=start)[0, :RATE])))
        assert pitch == (440 if start < 11 else 880)


def test_what_follows_a_flac_stream_and_is_none_is_no_sound(tmp_path: Path) -> None:
    data = write_tone(tmp_path / "first.flac", seconds=6.0).read_bytes()
    path = tmp_path / "junk.flac"
    path.write_bytes(data + data[:42] + bytes(5000))
    assert decoded(path).shape[1] == pytest.approx(6.0 * RATE, abs=2)


def test_left_and_right_stay_apart(tmp_path: Path) -> None:
    planes = np.stack([tone(440.0), tone(880.0, amplitude=0.1)])
    left, right = decoded(write_channels(tmp_path / "two.flac", planes, "stereo", "flac"))
    np.testing.assert_allclose(left, planes[0], atol=1e-4)
    np.testing.assert_allclose(right, planes[1], atol=1e-4)


def test_mono_is_on_both_sides_as_loud_as_it_is(tmp_path: Path) -> None:
    left, right = decoded(write_tone(tmp_path / "one.flac"))
    np.testing.assert_allclose(left, tone(), atol=1e-4)
    np.testing.assert_array_equal(left, right)


def test_surround_is_mixed_without_clipping(tmp_path: Path) -> None:
    pitches = {"FL": 200.0, "FR": 300.0, "FC": 400.0, "LFE": 50.0, "BL": 500.0, "BR": 600.0}
    planes = np.stack([tone(pitch, amplitude=0.99) for pitch in pitches.values()])
    path = write_channels(tmp_path / "surround.flac", planes, "5.1", "flac")
    both = decoded(path)
    assert np.abs(both).max() <= 1.0
    strengths = np.abs(np.fft.rfft(both)) / (both.shape[1] / 2)
    left, right = (
        {name: float(row[round(pitch * 3)]) / 0.99 for name, pitch in pitches.items()} for row in strengths
    )
    total = 1 + 2 * 0.5**0.5
    expected = {"FL": 1, "FR": 0, "FC": 0.5**0.5, "LFE": 0, "BL": 0.5**0.5, "BR": 0}
    assert left == pytest.approx({name: weight / total for name, weight in expected.items()}, abs=0.005)
    assert right["FR"] == pytest.approx(left["FL"], abs=0.005)
    assert right["BR"] == pytest.approx(left["BL"], abs=0.005)
    assert right["FL"] == pytest.approx(0, abs=0.005)


@pytest.mark.parametrize(
    ("labels", "left", "right"),
    [
        ((4, 2, 3, 1), [0, 0, 0.5**0.5, 1], [0, 1, 0.5**0.5, 0]),  # LFE R C L
        ((0xFFFFFFFF, 1, 2), [0.5**0.5, 1, 0], [0.5**0.5, 0, 1]),  # unknown L R
        ((2, 1), [0, 1], [1, 0]),  # R L
        ((1, 1), [1, 0], [0, 1]),  # L L
    ],
)
def test_a_file_may_have_an_order_of_channels_of_its_own(
    tmp_path: Path, labels: tuple[int, ...], left: list[float], right: list[float]
) -> None:
    pitches = range(200, 200 + 100 * len(labels), 100)
    path = tmp_path / "ordered.aiff"
    audio_files.write_ordered(path, np.stack([tone(pitch) for pitch in pitches]), labels)
    strengths = np.abs(np.fft.rfft(decoded(path)))[:, [3 * pitch for pitch in pitches]]
    for side, weights in zip(strengths, (left, right), strict=True):
        assert side / side.sum() == pytest.approx(np.array(weights) / sum(weights), abs=1e-3)


@pytest.mark.parametrize("channels", [3, 7, 24])
def test_channels_without_a_place_are_on_both_sides(tmp_path: Path, channels: int) -> None:
    levels = np.arange(1, channels + 1) / channels
    data = np.tile(np.round(levels * 16384), (RATE, 1)).astype("<i2").tobytes()
    path = tmp_path / "many.wav"
    path.write_bytes(audio_files.wav_header(RATE, channels, len(data)) + data)
    middle = decoded(path)[:, 8000:-8000]
    assert middle == pytest.approx(levels.mean() / 2, abs=1e-4)


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_any_rate_can_be_asked_for(tmp_path: Path, rate: int) -> None:
    path = write_tone(tmp_path / "tone.m4a", channels=2)
    samples = decoded(path, rate, start=1.0)
    assert samples.shape[1] == pytest.approx(2.0 * rate, abs=0.05 * rate)
    assert np.argmax(np.abs(np.fft.rfft(samples[0, :rate]))) == 440


def test_blocks_are_short_and_the_header_tells_the_length(recordings: Path) -> None:
    blocks = decode_stereo(recordings / "music.mp3", RATE)
    assert blocks.header_seconds is None
    first = next(blocks)
    assert first.dtype == np.float32
    assert first.shape[0] == 2
    assert first.shape[1] < 0.3 * RATE
    assert blocks.header_seconds == pytest.approx(LENGTH, abs=0.1)


def test_stereo_and_mono_are_one_recording(recordings: Path) -> None:
    path = recordings / "music.ogg"
    mono = np.concatenate(list(decode_mono(path, RATE)))
    np.testing.assert_allclose(decoded(path).mean(axis=0), mono, atol=1e-6)


def test_a_damaged_file_is_played_as_far_as_it_goes(recordings: Path, tmp_path: Path) -> None:
    data = bytearray((recordings / "music.flac").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = bytes(4000)
    path = tmp_path / "damaged.flac"
    path.write_bytes(data)
    assert decoded(path, start=LENGTH - 15).shape[1] == pytest.approx(15.0 * RATE, abs=0.3 * RATE)


def test_what_is_no_audio_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.mp3"
    path.write_bytes(b"the quick brown fox " * 500)
    with pytest.raises(AudioError, match="not audio"):
        next(decode_stereo(path, RATE, start=5.0))


def test_cancelling_ends_the_decoding(recordings: Path) -> None:
    token = CancelToken()
    blocks = decode_stereo(recordings / "music.mp3", RATE, start=20.0, cancel=token)
    next(blocks)
    token.cancel()
    with pytest.raises(Cancelled):
        list(blocks)
