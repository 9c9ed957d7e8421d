from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from musicsim_tui.audio.decode import decode_mono
from musicsim_tui.audio.encode import WRITABLE_SUFFIXES, write_audio
from musicsim_tui.audio.identity import examine
from musicsim_tui.audio.tags import read_tags
from musicsim_tui.errors import AudioError, StorageError
from musicsim_tui.jobs import Cancelled, CancelToken
from musicsim_tui.track import Tags
from tests.harness.audio_files import RATE, music, tone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from musicsim_tui.track import Samples


def decoded(path: Path, rate: int = RATE) -> Samples:
    return np.concatenate(list(decode_mono(path, rate)))


def level(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


@pytest.mark.parametrize("suffix", WRITABLE_SUFFIXES)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_every_format_takes_mono_and_stereo_at_any_rate(
    tmp_path: Path, suffix: str, channels: int, rate: int
) -> None:
    path = tmp_path / f"tone{suffix}"
    write_audio(path, np.stack([tone(rate=rate)] * channels), rate)
    samples = decoded(path, rate)

    assert len(samples) / rate == pytest.approx(3.0, abs=0.25)
    assert level(samples[rate : 2 * rate]) == pytest.approx(level(tone()), rel=0.02)
    assert examine(path).channels == (2 if suffix == ".ogg" else channels)
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".aiff", ".mka"])
def test_lossless_formats_lose_nothing(tmp_path: Path, suffix: str) -> None:
    samples = np.round(music(1) * 32768) / np.float32(32768)
    path = tmp_path / f"music{suffix}"
    write_audio(path, samples, RATE)

    np.testing.assert_allclose(decoded(path), samples, atol=1e-6)


def test_both_channels_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    write_audio(path, np.stack([tone(440), np.zeros_like(tone(440))]), RATE)

    assert level(decoded(path)) == pytest.approx(level(tone(440)) / 2, rel=0.001)


def test_blocks_are_streamed(tmp_path: Path) -> None:
    path = tmp_path / "streamed.flac"
    sizes_on_disk = []

    def blocks() -> Iterator[Samples]:
        for second in range(30):
            part = path.with_name("streamed.flac.part")
            sizes_on_disk.append(part.stat().st_size)
            yield music(second, 1.0)

    write_audio(path, blocks(), RATE)

    assert sizes_on_disk[0] == 0
    assert len(set(sizes_on_disk)) > 5
    assert examine(path).header_duration == pytest.approx(30.0)


def test_one_array_and_its_blocks_are_the_same(tmp_path: Path) -> None:
    samples = music(1, 3.0)
    write_audio(tmp_path / "whole.wav", samples, RATE)
    write_audio(tmp_path / "blocks.wav", iter(np.array_split(samples, 7)), RATE)

    assert (tmp_path / "whole.wav").read_bytes() == (tmp_path / "blocks.wav").read_bytes()


def test_mp3_quality_sets_the_size(tmp_path: Path) -> None:
    sizes = []
    for quality in (0, 2, 5, 9):
        path = tmp_path / f"{quality}.mp3"
        write_audio(path, music(1, 5.0), RATE, mp3_quality=quality)
        sizes.append(path.stat().st_size)

    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 1.5 * sizes[-1]


@given(
    title=st.text(min_size=1, max_size=40),
    artist=st.text(max_size=40),
    year=st.none() | st.integers(1000, 2999),
    suffix=st.sampled_from([".mp3", ".m4a", ".opus", ".ogg", ".flac", ".mka"]),
)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_tags_come_back(tmp_path: Path, title: str, artist: str, year: int | None, suffix: str) -> None:
    path = tmp_path / f"tagged{suffix}"
    clean = read_tags({"title": title.partition("\0")[0], "artist": artist.partition("\0")[0]})
    tags = Tags(clean.title, clean.artist, "Album", year)
    write_audio(path, tone(seconds=0.2), RATE, tags)

    assert examine(path).tags == tags


def test_what_is_there_is_replaced_only_by_what_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    write_audio(path, music(1), RATE)
    before = path.read_bytes()

    def failing() -> Iterator[Samples]:
        yield music(2, 1.0)
        raise KeyError("source")

    with pytest.raises(KeyError):
        write_audio(path, failing(), RATE)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["song.mp3"]

    write_audio(path, music(2), RATE)
    assert path.read_bytes() != before


def test_cancelling_leaves_nothing(tmp_path: Path) -> None:
    token = CancelToken()

    def blocks() -> Iterator[Samples]:
        yield music(1, 1.0)
        token.cancel()
        yield music(2, 1.0)

    with pytest.raises(Cancelled):
        write_audio(tmp_path / "song.mp3", blocks(), RATE, cancel=token)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix", [".xyz", "", ".txt"])
def test_an_unknown_suffix_is_refused(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(AudioError, match="cannot be written") as caught:
        write_audio(tmp_path / f"song{suffix}", tone(), RATE)
    assert ".mp3" in caught.value.hint


@pytest.mark.parametrize("nothing", [[], [np.empty(0, dtype=np.float32)], np.empty(0, dtype=np.float32)])
def test_nothing_to_write_is_refused(tmp_path: Path, nothing: list[Samples] | Samples) -> None:
    with pytest.raises(AudioError, match="no audio to write"):
        write_audio(tmp_path / "song.mp3", nothing, RATE)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("shape", [(3, 100), (2, 2, 100)])
def test_more_than_stereo_is_a_mistake(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="channels"):
        write_audio(tmp_path / "song.mp3", np.zeros(shape, dtype=np.float32), RATE)


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be reached"):
        write_audio(tmp_path / "unplugged" / "song.mp3", tone(), RATE)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StorageError, match="may not be written"):
            write_audio(tmp_path / "song.mp3", tone(), RATE)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".wav"])
def test_a_full_disk(tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / f"song{suffix}"
    (tmp_path / f"song{suffix}.part").symlink_to("/dev/full")

    with pytest.raises(StorageError, match="full") as caught:
        write_audio(path, music(1), RATE)

    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC
    assert os.listdir(tmp_path) == []
    assert capfd.readouterr() == ("", "")
