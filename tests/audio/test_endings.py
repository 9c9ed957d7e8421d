"""Which files are told to lack their end: cut ones whose format tells, and no others."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from musicsim_tui.audio.decode import decode_mono
from musicsim_tui.audio.identity import examine
from musicsim_tui.errors import AudioError
from tests.harness import audio_files
from tests.harness.layouts import EVERY_LAYOUT, write_film, write_layout
from tests.harness.material import material

if TYPE_CHECKING:
    from musicsim_tui.audio.identity import AudioFile

Write = Callable[..., Path]
SECONDS = 16.0
CANNOT_TELL = {
    "usual.aac",
    "plain.ac3",
    "bare, constant rate.mp3",
    "bare, variable rate.mp3",
    "live.webm",
}
"""Streams of frames that just follow each other, without a word on how many."""
UNREADABLE = {"usual.m4a", "usual.mp4"}
"""What explains their sound stands at the end: cut, they cannot be heard at all."""
TELLS_NO_LENGTH = {"usual.opus", "usual.ogg", "flac.oga", "fragments.m4a", "fragments with an index.m4a"}
"""A page or a fragment is not all there; nothing tells how many should follow."""


def heard(path: Path) -> tuple[AudioFile, float]:
    """What a file is, and the seconds of it that can be decoded."""
    blocks = decode_mono(path, 8000, identify=True)
    for _ in blocks:
        pass
    return blocks.audio_file, blocks.seconds


def is_cut_off(path: Path) -> bool:
    file, seconds = heard(path)
    return file.is_cut_off(seconds)


@pytest.fixture(scope="module")
def write(tmp_path_factory: pytest.TempPathFactory) -> Write:
    """Writes a layout, or the beginning of one; each is made once."""
    folder = tmp_path_factory.mktemp("layouts")

    @cache
    def data_of(name: str) -> bytes:
        return write_layout(folder, name, SECONDS).read_bytes()

    def write(folder: Path, name: str, share: float = 1.0) -> Path:
        data = data_of(name)
        path = folder / name
        path.write_bytes(data[: round(len(data) * share)])
        return path

    return write


@pytest.mark.parametrize("name", EVERY_LAYOUT)
def test_a_whole_file_lacks_nothing(tmp_path: Path, write: Write, name: str) -> None:
    file, seconds = heard(write(tmp_path, name))

    assert not file.is_cut_off(seconds)
    assert file.exact_duration is None or file.exact_duration == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.parametrize("share", [0.5, 0.8])
@pytest.mark.parametrize("name", [name for name in EVERY_LAYOUT if name not in CANNOT_TELL | UNREADABLE])
def test_a_file_that_was_cut_off_is_told(tmp_path: Path, write: Write, name: str, share: float) -> None:
    file, seconds = heard(write(tmp_path, name, share))

    assert file.is_cut_off(seconds)
    assert file.falls_short(seconds) == (name not in TELLS_NO_LENGTH)
    if file.falls_short(seconds):
        assert file.exact_duration == pytest.approx(SECONDS, abs=0.2)


@pytest.mark.parametrize("name", sorted(CANNOT_TELL))
def test_what_a_format_cannot_tell_is_not_guessed(tmp_path: Path, write: Write, name: str) -> None:
    assert not is_cut_off(write(tmp_path, name, 0.8))


@pytest.mark.parametrize("share", [1.0, 0.8])
@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFF - 36])
def test_the_size_of_a_streamed_wav_file_proves_nothing(
    tmp_path: Path, write: Write, size: int, share: float
) -> None:
    path = write(tmp_path, "usual.wav", share)
    _replace_behind(path, b"data", struct.pack("<I", size))

    assert not is_cut_off(path)


@pytest.mark.parametrize(
    ("name", "mark", "size"),
    [
        ("usual.aiff", b"SSND", struct.pack(">I", 0x7F000008)),
        ("uncompressed.caf", b"data", b"\xff" * 8),
        ("plain.au", b".snd" + b"?" * 4, b"\xff" * 4),
        ("usual.wma", bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c"), bytes(8)),
        ("usual.wma", bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c"), struct.pack("<Q", 50)),
        ("usual.mka", b"\x18\x53\x80\x67", b"\x01" + b"\xff" * 7),
    ],
)
def test_the_size_of_a_stream_proves_nothing(
    tmp_path: Path, write: Write, name: str, mark: bytes, size: bytes
) -> None:
    path = write(tmp_path, name, 0.8)
    assert is_cut_off(path)
    _replace_behind(path, mark, size)

    assert not is_cut_off(path)


def _replace_behind(path: Path, mark: bytes, new: bytes) -> None:
    """Overwrite what follows the first occurrence of a mark, in which a question mark stands for any byte."""
    data = bytearray(path.read_bytes())
    place = data.index(mark.rstrip(b"?")) + len(mark)
    data[place : place + len(new)] = new
    path.write_bytes(data)


def test_a_stream_of_aiff_does_not_last_for_hours(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path, "usual.aiff")
    _replace_behind(path, b"SSND", struct.pack(">I", 0x7F000008))
    _replace_behind(path, b"COMM" + b"?" * 6, struct.pack(">I", 0x3F800000))

    assert not is_cut_off(path)


@pytest.mark.parametrize("name", ["usual.ogg", "usual.opus"])
def test_an_ogg_recording_that_ends_with_a_whole_page_is_whole(
    tmp_path: Path, write: Write, name: str
) -> None:
    path = write(tmp_path, name)
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"OggS\0")])  # the page that would tell of the end

    assert not is_cut_off(path)


@pytest.mark.parametrize("name", ["usual.ogg", "usual.webm", "usual.wav", "usual.m4a", "fragments.m4a"])
def test_tags_that_stand_behind_are_no_part_of_it(tmp_path: Path, write: Write, name: str) -> None:
    path = write(tmp_path, name)
    path.write_bytes(path.read_bytes() + audio_files.id3v1(b"Title" * 6))

    assert not is_cut_off(path)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_film_may_go_on_in_silence(tmp_path: Path, suffix: str) -> None:
    assert not is_cut_off(write_film(tmp_path / f"film{suffix}", 20, 10))


def test_a_film_that_breaks_off_is_told(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mkv", 20, 20)
    data = path.read_bytes()
    path.write_bytes(data[: round(0.6 * len(data))])
    file, seconds = heard(path)

    assert file.breaks_off
    assert not file.falls_short(seconds)


@pytest.mark.parametrize("name", ["usual.wav", "usual.mka", "usual.wma", "usual.ogg", "plain.au", "rf64.wav"])
@pytest.mark.parametrize("size", [4, 12, 20, 30, 44, 60, 100, 300])
def test_a_stub_raises_nothing_but_what_is_told(tmp_path: Path, write: Write, name: str, size: int) -> None:
    path = write(tmp_path, name)
    path.write_bytes(path.read_bytes()[:size])
    try:
        file = examine(path)
    except AudioError:
        return
    assert file.packet_duration is None or file.is_cut_off(file.packet_duration)


@pytest.mark.parametrize("folder", ["music/clips", "recordings"])
def test_real_recordings_lack_nothing(folder: str) -> None:
    files = sorted(material(folder).glob("*.ogg"))

    assert files
    assert [path.name for path in files if examine(path).breaks_off] == []
