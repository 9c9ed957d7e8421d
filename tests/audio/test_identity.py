from __future__ import annotations

import wave
from typing import TYPE_CHECKING
from uuid import RFC_4122, UUID

import numpy as np
import pytest

from musicsim_tui.audio.decode import decode_mono
from musicsim_tui.audio.identity import examine
from musicsim_tui.errors import AudioError
from musicsim_tui.jobs import Cancelled, CancelToken
from musicsim_tui.track import Tags
from tests.harness import audio_files
from tests.harness.audio_files import EVERY_SUFFIX, write_music, write_tone
from tests.harness.material import material

if TYPE_CHECKING:
    from pathlib import Path

TAGS = Tags("Fjörður 🌊", "Ólöf", "Hljóð", 2011)
CODECS = {
    ".mp3": "mp3",
    ".m4a": "aac",
    ".mp4": "aac",
    ".aac": "aac",
    ".opus": "opus",
    ".webm": "opus",
    ".ogg": "vorbis",
    ".flac": "flac",
    ".mka": "flac",
    ".wav": "pcm_s16le",
    ".aiff": "pcm_s16be",
    ".wma": "wmav2",
}
# What a remux keeps: everything but the framing of ADTS, and PCM between byte orders.
REMUXES = [
    (".mp3", ".mka"),
    (".mp3", ".mp4"),
    (".m4a", ".mka"),
    (".m4a", ".mp4"),
    (".opus", ".webm"),
    (".opus", ".mka"),
    (".webm", ".opus"),
    (".ogg", ".mka"),
    (".flac", ".mka"),
    (".flac", ".mp4"),
    (".mka", ".flac"),
    (".wav", ".mka"),
    (".wma", ".mka"),
]


@pytest.mark.parametrize("suffix", EVERY_SUFFIX)
def test_every_format_tells_its_tags_length_and_kind(tmp_path: Path, suffix: str) -> None:
    file = examine(write_tone(tmp_path / f"tone{suffix}", seconds=3.0, channels=2, tags=TAGS))

    assert file.tags == TAGS
    assert file.codec == CODECS[suffix]
    assert file.sample_rate == (48000 if file.codec == "opus" else 44100)
    assert file.channels == 2
    assert file.header_duration == pytest.approx(3.0, abs=0.1)
    assert file.packet_duration == pytest.approx(3.0, abs=0.1)
    assert file.expected_seconds == pytest.approx(3.0, abs=0.1)


def test_identity_is_a_version_8_uuid(tmp_path: Path) -> None:
    identity = UUID(str(examine(write_tone(tmp_path / "tone.mp3")).track_id))

    assert identity.version == 8
    assert identity.variant == RFC_4122


def test_identity_survives_moving_and_renaming(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "tone.mp3")
    before = examine(path).track_id
    (tmp_path / "elsewhere").mkdir()
    moved = path.rename(tmp_path / "elsewhere" / "01 - Untitled.m4a")

    assert examine(moved).track_id == before


def test_different_recordings_have_different_identities(tmp_path: Path) -> None:
    paths = [
        write_music(tmp_path / f"{seed}{suffix}", seed) for seed in (1, 2) for suffix in (".mp3", ".flac")
    ]

    assert len({examine(path).track_id for path in paths}) == len(paths)


def test_the_same_numbers_at_another_rate_are_another_recording(tmp_path: Path) -> None:
    samples = np.zeros(20_000, np.int16)
    for name, rate, channels in (("high", 44_100, 1), ("low", 22_050, 1), ("both", 44_100, 2)):
        with wave.open(str(tmp_path / f"{name}.wav"), "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(samples.tobytes())
    assert len({examine(path).track_id for path in tmp_path.iterdir()}) == 3


@pytest.mark.parametrize(("before", "after"), REMUXES)
def test_identity_survives_remuxing_with_other_tags(tmp_path: Path, before: str, after: str) -> None:
    original = write_music(tmp_path / f"original{before}", 7, tags=TAGS)
    copy = audio_files.remux(original, tmp_path / f"copy{after}", {"title": "Another", "artist": "Someone"})

    assert copy.read_bytes() != original.read_bytes()
    assert examine(copy).tags.title == "Another"
    assert examine(copy).track_id == examine(original).track_id


def test_identity_survives_what_taggers_do_to_an_mp3(tmp_path: Path) -> None:
    original = write_music(tmp_path / "original.mp3", 3, tags=TAGS)
    bare = audio_files.without_id3v2(original.read_bytes())
    noise = np.random.default_rng(0).integers(0, 256, 80_000, dtype=np.uint8).tobytes()  # holds frame headers
    items = {b"REPLAYGAIN_TRACK_GAIN": b"-7.03 dB", b"Cover Art (Front)": b"cover.jpg\0" + noise}
    variants = {
        "no tags": bare,
        "another title": audio_files.id3v2("Retagged") + bare,
        "a cover": audio_files.id3v2("Retagged", picture=audio_files.png_picture() * 200) + bare,
        "ID3v1": bare + audio_files.id3v1(b"Retagged"),
        "APEv2": bare + audio_files.apev2(items),
        "APEv2 without a header": bare + audio_files.apev2(items, header=False),
        "APEv2 and ID3v1": bare + audio_files.apev2(items) + audio_files.id3v1(b"Retagged"),
        "Lyrics3": bare + audio_files.lyrics3(b"la " * 99) + audio_files.id3v1(b"Retagged"),
        "both ends": audio_files.id3v2("Retagged") + bare + audio_files.id3v1(b"Retagged"),
    }
    identities = {}
    for name, data in variants.items():
        path = tmp_path / f"{name}.mp3"
        path.write_bytes(data)
        identities[name] = examine(path).track_id

    assert identities == dict.fromkeys(variants, examine(original).track_id)


def test_identity_survives_a_rewritten_info_frame(tmp_path: Path) -> None:
    path = write_music(tmp_path / "original.mp3", 3)
    before = examine(path).track_id
    data = path.read_bytes()
    frame = data.index(b"Xing" if b"Xing" in data else b"Info")
    path.write_bytes(data[: frame + 8] + b"\0\0\x01\x23" + data[frame + 12 :])

    assert examine(path).track_id == before


def test_a_cover_is_not_the_audio_stream(tmp_path: Path) -> None:
    bare = audio_files.without_id3v2(write_music(tmp_path / "song.mp3", 3).read_bytes())
    path = tmp_path / "covered.mp3"
    path.write_bytes(audio_files.id3v2("Covered", picture=audio_files.png_picture()) + bare)

    file = examine(path)

    assert file.codec == "mp3"
    assert file.tags.title == "Covered"


def test_tags_without_an_encoding_are_read_as_western_text(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "old.mp3")
    bare = audio_files.without_id3v2(path.read_bytes())
    path.write_bytes(bare + audio_files.id3v1("Café".encode("latin-1"), "Björk".encode("latin-1"), b"1993"))

    assert examine(path).tags == Tags("Café", "Björk", "", 1993)


def test_a_file_that_was_cut_off_is_known_by_its_packets(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "tone.mp3", seconds=12.0)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 3])

    file = examine(path)

    assert file.header_duration == pytest.approx(12.0, abs=0.1)
    assert file.packet_duration == pytest.approx(4.0, abs=0.3)
    assert file.expected_seconds == file.packet_duration


def test_small_differences_are_settled_for_the_header(tmp_path: Path) -> None:
    file = examine(write_tone(tmp_path / "tone.m4a", seconds=10.0))

    assert file.packet_duration is not None
    assert file.packet_duration > 10.01  # encoder delay and padding included
    assert file.expected_seconds == 10.0


def test_chained_ogg_files_count_in_full(tmp_path: Path) -> None:
    first = write_tone(tmp_path / "first.ogg", rate=44100)
    second = write_tone(tmp_path / "second.ogg", 880, rate=22050)
    chain = tmp_path / "chain.ogg"
    chain.write_bytes(first.read_bytes() + second.read_bytes())

    file = examine(chain)

    assert file.packet_duration == pytest.approx(6.0, abs=0.2)
    assert file.sample_rate == 44100
    assert file.track_id not in {examine(first).track_id, examine(second).track_id}


def test_a_file_without_packets_has_no_identity(tmp_path: Path) -> None:
    path = tmp_path / "header only.wav"
    path.write_bytes(audio_files.wav_header(44100, 1, 0))

    with pytest.raises(AudioError, match="no audio data"):
        examine(path)


def test_cancelling_ends_the_examination(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "tone.mp3")
    token = CancelToken()
    token.cancel()

    with pytest.raises(Cancelled):
        examine(path, cancel=token)


def test_a_clock_that_wraps_around_does_not_make_a_short_file_long() -> None:
    clip = material("music/clips/t095b-viktor-kraus-options.ogg")
    file = examine(clip)
    decoded = sum(len(block) for block in decode_mono(clip, 8000)) / 8000
    assert file.expected_seconds == pytest.approx(decoded, abs=2.0)


def test_a_header_where_the_first_frame_belongs_is_no_audio(tmp_path: Path) -> None:
    whole = tmp_path / "whole.flac"
    write_music(whole, 1, 2.0)
    content = whole.read_bytes()
    stream_info, frames = content[8:42], content[content.index(b"\xff\xf8") :]
    damaged = tmp_path / "damaged.flac"
    damaged.write_bytes(
        b"fLaC\x80\0\0\x22" + stream_info + b"fLaC\x00\0\0\x22" + stream_info + b"\x7f\xff\xff\xff" + frames
    )
    with pytest.raises(AudioError):
        examine(damaged)
