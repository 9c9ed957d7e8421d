"""Where a recording goes on in another format."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from musicsim_tui.audio.changes import FormatChange
from musicsim_tui.audio.decode import decode_mono
from tests.harness.audio_files import EVERY_SUFFIX, write_tone
from tests.harness.material import material

if TYPE_CHECKING:
    from pathlib import Path


def change_in(path: Path) -> FormatChange | None:
    blocks = decode_mono(path, 16000)
    for _ in blocks:
        pass
    return blocks.change


def joined(folder: Path, suffix: str, *parts: tuple[float, int, int]) -> Path:
    """Files of some seconds, sample rate and number of channels behind each other in one."""
    path = folder / f"joined{suffix}"
    pieces = [
        write_tone(folder / f"{number}{suffix}", seconds=seconds, rate=rate, channels=channels).read_bytes()
        for number, (seconds, rate, channels) in enumerate(parts)
    ]
    path.write_bytes(b"".join(pieces))
    return path


@pytest.mark.parametrize("suffix", [".mp3", ".ogg", ".aac"])
def test_another_sample_rate_in_the_middle(tmp_path: Path, suffix: str) -> None:
    change = change_in(joined(tmp_path, suffix, (6.0, 44100, 2), (4.0, 48000, 2)))

    assert change is not None
    assert change.seconds == pytest.approx(6.0, abs=0.1)
    assert (change.rate, change.new_rate) == (44100, 48000)
    assert (change.channels, change.new_channels) == (2, 2)


@pytest.mark.parametrize("suffix", [".mp3", ".opus", ".aac"])
def test_another_number_of_channels_in_the_middle(tmp_path: Path, suffix: str) -> None:
    change = change_in(joined(tmp_path, suffix, (3.0, 48000, 2), (4.0, 48000, 1)))

    assert change is not None
    assert change.seconds == pytest.approx(3.0, abs=0.1)
    assert (change.rate, change.new_rate) == (48000, 48000)
    assert (change.channels, change.new_channels) == (2, 1)


def test_the_first_of_several_is_told(tmp_path: Path) -> None:
    parts = (2.0, 44100, 1), (2.0, 48000, 1), (2.0, 32000, 1), (2.0, 44100, 1)
    change = change_in(joined(tmp_path, ".mp3", *parts))

    assert change is not None
    assert (change.rate, change.new_rate) == (44100, 48000)
    assert change.seconds == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("suffix", [".mp3", ".ogg", ".aac"])
def test_what_is_joined_of_one_kind_does_not_change(tmp_path: Path, suffix: str) -> None:
    assert change_in(joined(tmp_path, suffix, (3.0, 44100, 2), (4.0, 44100, 2))) is None


@pytest.mark.parametrize(
    "parts",
    [
        ((3.0, 44100, 2), (0.3, 22050, 1), (3.0, 44100, 2)),
        ((0.3, 22050, 1), (3.0, 44100, 2)),
        ((3.0, 44100, 2), (0.3, 22050, 1)),
    ],
)
def test_a_moment_of_another_kind_is_no_change(
    tmp_path: Path, parts: tuple[tuple[float, int, int], ...]
) -> None:
    assert change_in(joined(tmp_path, ".mp3", *parts)) is None


@pytest.mark.parametrize("suffix", EVERY_SUFFIX)
def test_a_piece_of_one_kind_does_not_change(tmp_path: Path, suffix: str) -> None:
    assert change_in(write_tone(tmp_path / f"tone{suffix}", channels=2)) is None


def test_real_recordings_do_not_change() -> None:
    files = sorted(material("recordings").glob("*.ogg"))

    assert files
    assert [path.name for path in files if change_in(path) is not None] == []
