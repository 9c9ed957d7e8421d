from __future__ import annotations

import subprocess
import sys
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest

from musicsim_tui.audio.decode import decode_mono
from musicsim_tui.errors import AudioError
from musicsim_tui.jobs import Cancelled, CancelToken
from tests.harness import audio_files
from tests.harness.audio_files import EVERY_SUFFIX, RATE, tone, write_channels, write_tone
from tests.harness.material import material

if TYPE_CHECKING:
    from pathlib import Path

    from musicsim_tui.track import Samples

LOW_FREQUENCY_CHANNEL = 3
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


def decoded(path: Path, rate: int = 32000) -> Samples:
    return np.concatenate(list(decode_mono(path, rate)))


def loudest_frequency(samples: Samples, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate / len(samples))


def level(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def by_librosa(path: Path, rate: int | None = None) -> Samples:
    """Decoded to the mean of the channels by the reference, at the file's own rate unless told another."""
    import librosa

    samples: Samples = librosa.load(path, sr=rate, mono=True)[0]
    return samples


def similarity(first: Samples, second: Samples) -> tuple[float, float]:
    """Cosine of the two, and how much louder the first is, after the best alignment within 0.1 s."""
    shift = _best_shift(first, second)
    first, second = first[max(0, shift) :], second[max(0, -shift) :]
    length = min(len(first), len(second))
    first, second = first[:length].astype(np.float64), second[:length].astype(np.float64)
    cosine = first @ second / (np.linalg.norm(first) * np.linalg.norm(second))
    return float(cosine), float(np.linalg.norm(first) / np.linalg.norm(second))


def _best_shift(first: Samples, second: Samples, reach: int = 4096) -> int:
    length = min(len(first), len(second)) - 2 * reach
    middle = second[reach : reach + length]
    # A length with a large prime factor would take ten times as long to transform.
    fast = 1 << (length + 2 * reach).bit_length()
    spectrum = np.fft.rfft(first[: length + 2 * reach], fast) * np.conj(np.fft.rfft(middle, fast))
    correlation = np.fft.irfft(spectrum, fast)[: 2 * reach]
    return int(np.argmax(correlation)) - reach


@pytest.mark.parametrize("suffix", EVERY_SUFFIX)
def test_every_format_sounds_right(tmp_path: Path, suffix: str) -> None:
    path = write_tone(tmp_path / f"tone{suffix}", 523.25, 4.0, channels=2)
    blocks = decode_mono(path, 32000)
    pieces = list(blocks)
    samples = np.concatenate(pieces)

    assert all(piece.ndim == 1 and piece.dtype == np.float32 for piece in pieces)
    assert max(map(len, pieces)) <= 1.5 * 32000
    assert blocks.seconds == len(samples) / 32000 == pytest.approx(4.0, abs=0.1)
    assert blocks.damaged_packets == 0
    assert loudest_frequency(samples, 32000) == pytest.approx(523.25, abs=0.5)
    assert level(samples) == pytest.approx(level(tone()), rel=0.02)


@pytest.mark.parametrize("suffix", [".mp3", ".opus", ".flac", ".wav"])
def test_encoder_delay_and_padding_are_removed(tmp_path: Path, suffix: str) -> None:
    path = write_tone(tmp_path / f"tone{suffix}", seconds=2.5)

    assert abs(len(decoded(path, 48000)) - 2.5 * 48000) <= 1


@pytest.mark.parametrize("suffix", [".m4a", ".mp3"])
def test_the_suffix_may_lie(tmp_path: Path, suffix: str) -> None:
    path = write_tone(tmp_path / f"tone{suffix}").rename(tmp_path / "tone.flac")

    assert loudest_frequency(decoded(path), 32000) == pytest.approx(440, abs=0.5)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 32000, 44100, 48000])
def test_any_rate_can_be_asked_for(tmp_path: Path, rate: int) -> None:
    samples = decoded(write_tone(tmp_path / "tone.flac"), rate)

    assert len(samples) == pytest.approx(3.0 * rate, abs=2)
    assert loudest_frequency(samples, rate) == pytest.approx(440, abs=0.5)


@pytest.mark.parametrize(
    ("codec", "suffix", "rate", "channels"),
    [
        ("libmp3lame", ".mp3", 44100, 1),
        ("libmp3lame", ".mp3", 44100, 2),
        ("flac", ".flac", 44100, 1),
        ("flac", ".flac", 44100, 2),
        ("flac", ".flac", 44100, 6),
        ("libopus", ".opus", 48000, 1),
        ("libopus", ".opus", 48000, 2),
        ("libopus", ".opus", 48000, 6),
        ("pcm_s16le", ".wav", 44100, 6),
    ],
)
def test_mono_is_the_mean_of_the_channels_as_in_librosa(
    tmp_path: Path, codec: str, suffix: str, rate: int, channels: int
) -> None:
    planes = np.stack([audio_files.music(seed, 3.0, rate=rate) for seed in range(channels)])
    path = write_channels(tmp_path / f"music{suffix}", planes, LAYOUTS[channels], codec, rate=rate)

    cosine, gain = similarity(decoded(path, rate), by_librosa(path))

    assert cosine > 0.9999
    assert gain == pytest.approx(1.0, abs=0.001)


@pytest.mark.parametrize("channels", [3, 5, 7, 8, 12, 24])
def test_layouts_without_a_name_are_mixed_too(tmp_path: Path, channels: int) -> None:
    levels = np.arange(1, channels + 1) / channels
    data = np.tile(np.round(levels * 16384), (44100, 1)).astype("<i2").tobytes()
    path = tmp_path / "many.wav"
    path.write_bytes(audio_files.wav_header(44100, channels, len(data)) + data)

    middle = decoded(path)[8000:-8000]

    assert middle == pytest.approx(levels.mean() / 2, abs=1e-4)


@pytest.mark.parametrize(
    ("codec", "sample_format", "suffix"),
    [
        ("wavpack", "fltp", ".wv"),
        ("wavpack", "s32p", ".wv"),
        ("wavpack", "u8p", ".wv"),
        ("pcm_s64le", "s64", ".wav"),
    ],
)
@pytest.mark.parametrize("layout", ["stereo", "7.1", "hexadecagonal", "22.2"])
def test_every_sample_format_is_mixed_however_many_channels(
    tmp_path: Path, codec: str, sample_format: str, suffix: str, layout: str
) -> None:
    from av import AudioLayout

    channels = AudioLayout(layout).nb_channels
    levels: Samples = np.arange(1, channels + 1, dtype=np.float32) / np.float32(2 * channels)
    planes = np.tile(levels[:, None], (1, 2 * RATE))
    path = write_channels(tmp_path / f"levels{suffix}", planes, layout, codec, sample_format=sample_format)

    middle = decoded(path)[8000:-8000]

    assert middle == pytest.approx(levels.mean(), abs=0.01 if sample_format == "u8p" else 1e-3)


@pytest.mark.parametrize(
    ("codec", "layout", "suffix"),
    [
        ("aac", "7.1", ".m4a"),
        ("aac", "5.1", ".m4a"),
        ("alac", "7.1(wide)", ".m4a"),
        ("pcm_s16be", "7.1", ".aiff"),  # in an order that is the file's own, as in the next one
        ("pcm_s16be", "7.1", ".caf"),
    ],
)
def test_surround_sound_of_everyday_formats_is_mixed(
    tmp_path: Path, codec: str, layout: str, suffix: str
) -> None:
    from av import AudioLayout

    channels = AudioLayout(layout).nb_channels
    planes = np.stack([tone(300.0 + 40 * channel, 2.0, amplitude=0.3) for channel in range(channels)])
    planes[LOW_FREQUENCY_CHANNEL] = 0.0  # of which AAC keeps no tone as high as these
    path = write_channels(tmp_path / f"surround{suffix}", planes, layout, codec)

    cosine, gain = similarity(decoded(path, RATE), planes.mean(axis=0))

    assert cosine > 0.98
    assert gain == pytest.approx(1.0, abs=0.05)


def test_nothing_aliases(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "high.flac", 15000.0, 2.0)
    middle = decoded(path, 16000)[1600:-1600]

    assert 20 * np.log10(level(middle) / level(tone(15000.0))) < -60


def test_the_edge_of_what_fits_is_sharp(tmp_path: Path) -> None:
    """libsoxr, which librosa resamples with, is flat to 0.93 of the Nyquist frequency; so is this."""
    below, above = (
        20 * np.log10(level(decoded(path, 16000)[1600:-1600]) / level(tone(1000.0)))
        for path in (
            write_tone(tmp_path / "below.flac", 0.93 * 8000, 2.0),
            write_tone(tmp_path / "above.flac", 1.05 * 8000, 2.0),
        )
    )

    assert below == pytest.approx(0.0, abs=0.1)
    assert above < -80


@pytest.mark.parametrize("frequency", [100.0, 1000.0, 4000.0, 6000.0, 7200.0])
def test_what_fits_passes_unchanged(tmp_path: Path, frequency: float) -> None:
    path = write_tone(tmp_path / "tone.flac", frequency, 2.0)
    middle = decoded(path, 16000)[1600:-1600]

    assert 20 * np.log10(level(middle) / level(tone(frequency))) == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("rate", [32000, 16000])
@pytest.mark.parametrize(
    "name",
    ["sorohanro_-_solo-trumpet-06.ogg", "Kevin_MacLeod_-_Vibe_Ace.ogg", "198-209-0000.ogg"],
)
def test_recordings_sound_as_librosa_has_them(name: str, rate: int) -> None:
    path = material(f"recordings/{name}")
    ours, reference = decoded(path, rate), by_librosa(path, rate)

    assert abs(len(ours) - len(reference)) <= rate // 100
    cosine, gain = similarity(ours, reference)
    assert cosine > 0.9995
    assert gain == pytest.approx(1.0, abs=0.002)


@pytest.mark.parametrize(
    ("suffix", "lost"), [(".mp3", 0.5), (".m4a", 0.5), (".flac", 0.5), (".aac", 0.5), (".ogg", 1.5)]
)
def test_a_damaged_place_is_passed_over(tmp_path: Path, suffix: str, lost: float) -> None:
    path = tmp_path / f"damaged{suffix}"
    audio_files.write_music(path, 5, 10.0)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = np.random.default_rng(0).integers(0, 256, 2000, dtype=np.uint8).tobytes()
    path.write_bytes(data)

    samples = decoded(path)

    assert 10.0 - lost < len(samples) / 32000 < 10.2
    assert np.isfinite(samples).all()


def test_damaged_packets_are_counted(tmp_path: Path) -> None:
    path = audio_files.write_music(tmp_path / "damaged.m4a", 5, 10.0)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = bytes(2000)
    path.write_bytes(data)

    blocks = decode_mono(path, 32000)
    list(blocks)

    assert blocks.damaged_packets > 0


@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".ogg", ".opus", ".wav", ".wma", ".webm", ".aac"])
def test_a_file_that_was_cut_off_is_heard_as_far_as_it_goes(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut{suffix}"
    audio_files.write_music(path, 5, 10.0)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])

    assert 3.5 < len(decoded(path)) / 32000 < 6.5


@pytest.mark.parametrize("suffix", [".mp3", ".ogg", ".opus", ".aac"])
def test_rate_and_layout_may_change_in_the_middle(tmp_path: Path, suffix: str) -> None:
    first = write_tone(tmp_path / f"first{suffix}", 440, rate=44100, channels=2)
    second = write_tone(tmp_path / f"second{suffix}", 880, rate=22050, channels=1)
    path = tmp_path / f"both{suffix}"
    path.write_bytes(first.read_bytes() + second.read_bytes())

    samples = decoded(path)

    assert len(samples) / 32000 == pytest.approx(6.0, abs=0.15)
    assert loudest_frequency(samples[: 2 * 32000], 32000) == pytest.approx(440, abs=0.5)
    assert loudest_frequency(samples[-2 * 32000 :], 32000) == pytest.approx(880, abs=0.5)
    assert level(samples[-2 * 32000 :]) == pytest.approx(level(samples[: 2 * 32000]), rel=0.02)


def test_appended_tags_are_not_heard(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "tone.mp3")
    noise = np.random.default_rng(0).integers(0, 256, 80_000, dtype=np.uint8).tobytes()
    path.write_bytes(path.read_bytes() + audio_files.apev2({b"Cover Art (Front)": noise}))

    blocks = decode_mono(path, 32000)

    assert sum(map(len, blocks)) / 32000 == pytest.approx(3.0, abs=0.05)
    assert blocks.damaged_packets == 0


def test_samples_are_finite_whatever_a_float_file_holds(tmp_path: Path) -> None:
    values = np.full(44100, 0.25, dtype="<f4")
    values[[100, 20_000, 30_000, 40_000]] = [np.nan, np.inf, -np.inf, 1e30]
    path = tmp_path / "odd.wav"
    path.write_bytes(audio_files.wav_header(44100, 1, values.nbytes, bits=32, encoding=3) + values.tobytes())

    samples = decoded(path)

    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 16.0
    assert np.median(samples) == pytest.approx(0.25, abs=1e-3)


def test_half_an_hour_needs_little_memory(tmp_path: Path) -> None:
    path = audio_files.write_long_wav(tmp_path / "long.wav", 30 * 60, rate=8000)
    decoded(audio_files.write_long_wav(tmp_path / "short.wav", 2, rate=8000))  # imports are paid for here
    tracemalloc.start()
    try:
        blocks = decode_mono(path, 16000)
        for block in blocks:
            assert len(block) < 32000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert blocks.seconds == pytest.approx(1800.0, abs=0.01)
    assert peak < 2_000_000


def test_cancelling_ends_the_decoding(tmp_path: Path) -> None:
    path = audio_files.write_long_wav(tmp_path / "long.wav", 600)
    token = CancelToken()
    blocks = decode_mono(path, 16000, cancel=token)
    next(blocks)
    token.cancel()

    with pytest.raises(Cancelled):
        list(blocks)
    assert blocks.seconds < 60


def test_closing_early_closes_the_file(tmp_path: Path) -> None:
    path = audio_files.write_long_wav(tmp_path / "long.wav", 60)
    blocks = decode_mono(path, 16000)
    next(blocks)
    blocks.close()

    assert list(blocks) == []


def test_nothing_is_opened_before_it_is_needed(tmp_path: Path) -> None:
    blocks = decode_mono(tmp_path / "missing.mp3", 16000)

    with pytest.raises(AudioError, match="not there"):
        next(blocks)


def test_two_threads_may_load_the_decoder_at_once(tmp_path: Path) -> None:
    """The one has the package half made when the other comes: a thread of the import system waits for it."""
    write_tone(tmp_path / "tone.wav", 440.0, 1.0)
    subprocess.run([sys.executable, "-c", _RACE, str(tmp_path / "tone.wav")], check=True, timeout=60)


_RACE = """
import importlib.abc, sys, threading
from pathlib import Path
from musicsim_tui.audio.decode import decode_mono

half_made, other_waits = threading.Event(), threading.Event()

class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.startswith("av.") and threading.current_thread() is first and not half_made.is_set():
            half_made.set()
            other_waits.wait(0.5)  # the other thread cannot tell that it waits for a lock
        return None

def load():
    import av

def decode():
    half_made.wait(30)
    try:
        seconds.append(sum(map(len, decode_mono(Path(sys.argv[1]), 22050))))
    finally:
        other_waits.set()

seconds = []
sys.meta_path.insert(0, Slow())
first, second = threading.Thread(target=load), threading.Thread(target=decode)
for thread in (first, second):
    thread.start()
for thread in (first, second):
    thread.join()
assert "av" in sys.modules and seconds, seconds
"""


@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".m4a", ".ogg", ".wav"])
def test_what_is_cut_off_too_early_cannot_be_decoded(tmp_path: Path, suffix: str) -> None:
    path = write_tone(tmp_path / f"stub{suffix}")
    path.write_bytes(path.read_bytes()[:60])

    with pytest.raises(AudioError, match=r"damaged|decoded"):
        decoded(path)


def test_a_file_that_is_mostly_damaged_is_refused(tmp_path: Path) -> None:
    path = audio_files.write_music(tmp_path / "damaged.m4a", 5, 10.0)
    data = bytearray(path.read_bytes())
    audio = slice(data.index(b"mdat") + 4 + 8000, data.index(b"moov") - 4)
    data[audio] = (
        np.random.default_rng(0).integers(0, 256, audio.stop - audio.start, dtype=np.uint8).tobytes()
    )
    path.write_bytes(data)

    with pytest.raises(AudioError, match="Most of the file is damaged"):
        decoded(path)


def test_an_impossible_rate_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="rate"):
        decode_mono(tmp_path / "any.mp3", 0)
