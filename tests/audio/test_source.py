from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from musicsim_tui.audio.decode import decode_mono
from musicsim_tui.audio.identity import AudioFile, examine
from musicsim_tui.audio.reader import describe_os_error
from musicsim_tui.errors import AudioError, MusicSimError, StorageError
from tests.harness import audio_files
from tests.harness.audio_files import tone, write_tone

if TYPE_CHECKING:
    from collections.abc import Callable


def listen(path: Path) -> float:
    blocks = decode_mono(path, 16000)
    for _ in blocks:
        pass
    return blocks.seconds


both_ways_in = pytest.mark.parametrize("opened_by", [listen, examine])


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tone(tmp_path_factory.mktemp("song") / "song.mp3")


def refused(opened_by: Callable[[Path], object], path: Path) -> MusicSimError:
    with pytest.raises(MusicSimError) as caught:
        opened_by(path)
    error = caught.value
    assert error.title.endswith(".")
    assert error.hint.endswith(".")
    assert "Errno" not in error.title
    return error


@both_ways_in
@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("empty.mp3", b"", "empty"),
        ("text.mp3", b"the quick brown fox " * 5000, "not audio"),
        ("page.m4a", b"<!DOCTYPE html><html><body>404 Not Found</body></html>" * 20, "not audio"),
        ("picture.mp3", audio_files.png_picture(), "not audio"),
        ("zeros.flac", bytes(50_000), "zeros"),
        ("noise.mp3", bytes(range(256)) * 400, "not audio"),
        ("cut.m4a", b"\0\0\0\x1cftypM4A \0\0\2\0M4A isomiso2", "cut off"),
        ("cut.flac", b"fLaC\0\0\0\x22", "cut off"),
        ("cut.wav", b"RIFF\x24\0\0\0WAVEfmt ", "cut off"),
    ],
)
def test_what_is_no_audio_is_named(
    tmp_path: Path, opened_by: Callable[[Path], object], name: str, data: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)

    error = refused(opened_by, path)

    assert isinstance(error, AudioError)
    assert words in error.title


@both_ways_in
def test_a_film_without_sound(tmp_path: Path, opened_by: Callable[[Path], object]) -> None:
    assert "no sound" in refused(opened_by, audio_files.write_silent_film(tmp_path / "film.mp4")).title


@both_ways_in
@pytest.mark.parametrize("description", [b"drms", b"enca", b"aavd"])
def test_copy_protection_is_named(
    tmp_path: Path, opened_by: Callable[[Path], object], description: bytes
) -> None:
    path = write_tone(tmp_path / "protected.m4a")
    path.write_bytes(path.read_bytes().replace(b"mp4a", description))

    assert "copy protection" in refused(opened_by, path).title


@both_ways_in
def test_a_codec_without_a_decoder_is_named(tmp_path: Path, opened_by: Callable[[Path], object]) -> None:
    path = tmp_path / "exotic.wav"
    samples = bytes(10_000)
    path.write_bytes(audio_files.wav_header(44100, 1, len(samples), encoding=0x4444) + samples)

    assert "cannot be decoded" in refused(opened_by, path).title


@both_ways_in
def test_what_is_not_there(tmp_path: Path, opened_by: Callable[[Path], object]) -> None:
    error = refused(opened_by, tmp_path / "missing.mp3")

    assert isinstance(error, AudioError)
    assert "is not there any more" in error.title


@both_ways_in
def test_an_unreachable_folder_is_no_fault_of_the_file(
    tmp_path: Path, opened_by: Callable[[Path], object]
) -> None:
    error = refused(opened_by, tmp_path / "unplugged" / "song.mp3")

    assert isinstance(error, StorageError)
    assert "cannot be reached" in error.title


@both_ways_in
@pytest.mark.parametrize("name", ["nul\0.mp3", "\ud800.mp3", "x" * 300 + ".mp3"])
def test_names_that_no_file_can_have(tmp_path: Path, opened_by: Callable[[Path], object], name: str) -> None:
    assert isinstance(refused(opened_by, tmp_path / name), AudioError)


@both_ways_in
def test_a_file_in_place_of_a_folder(song: Path, opened_by: Callable[[Path], object]) -> None:
    assert isinstance(refused(opened_by, song / "song.mp3"), AudioError)


@both_ways_in
def test_a_folder(tmp_path: Path, opened_by: Callable[[Path], object]) -> None:
    assert "folder" in refused(opened_by, tmp_path).title


@both_ways_in
def test_a_link_in_a_circle(tmp_path: Path, opened_by: Callable[[Path], object]) -> None:
    (tmp_path / "loop.mp3").symlink_to("loop.mp3")

    assert "circle" in refused(opened_by, tmp_path / "loop.mp3").title


@both_ways_in
def test_pipes_devices_and_sockets_are_not_waited_for(
    tmp_path: Path, opened_by: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "fifo.mp3")
    monkeypatch.chdir(tmp_path)  # the names of sockets have to be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.mp3")
        for path in (tmp_path / "fifo.mp3", Path("/dev/zero"), tmp_path / "socket.mp3"):
            error: list[MusicSimError] = []
            thread = threading.Thread(target=lambda: error.append(refused(opened_by, path)), daemon=True)  # noqa: B023
            thread.start()
            thread.join(30)
            assert not thread.is_alive()
            assert "pipe or a device" in error[0].title


@both_ways_in
@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path, opened_by: Callable[[Path], object]) -> None:
    path = write_tone(tmp_path / "private.mp3")
    path.chmod(0)

    assert "may not be read" in refused(opened_by, path).title


@both_ways_in
def test_a_refusal_of_the_system_to_open_is_put_into_words(
    song: Path, opened_by: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", refuse)

    error = refused(opened_by, song)

    assert isinstance(error, AudioError)
    assert "may not be read" in error.title


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.EACCES, AudioError, "may not be read"),
        (errno.EPERM, AudioError, "may not be read"),
        (errno.ENOENT, AudioError, "is not there any more"),
        (errno.EIO, StorageError, "failed"),
        (errno.ESTALE, StorageError, "failed"),
        (errno.ENOTCONN, StorageError, "failed"),
        (errno.EHOSTDOWN, StorageError, "failed"),
        (errno.ENXIO, StorageError, "failed"),
        (errno.ETIMEDOUT, StorageError, "failed"),
        (errno.ENOSPC, StorageError, "full"),
        (errno.EROFS, StorageError, "only be read"),
        (errno.EMFILE, StorageError, "Too many files"),
        (None, StorageError, "failed"),
    ],
)
def test_failures_of_the_system_in_words(
    tmp_path: Path, number: int | None, kind: type[MusicSimError], words: str
) -> None:
    failure = OSError("odd") if number is None else OSError(number, os.strerror(number))
    error = describe_os_error(failure, tmp_path / "song.mp3")

    assert type(error) is kind
    assert words in error.title


@both_ways_in
@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENOTCONN])
@pytest.mark.parametrize("good_reads", [0, 1, 3])
def test_a_disk_that_fails_in_the_middle_is_never_a_short_track(
    tmp_path: Path,
    opened_by: Callable[[Path], object],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    good_reads: int,
) -> None:
    path = write_tone(tmp_path / "tone.wav", seconds=10.0)
    reads = 0
    really_read = os.read

    def failing_read(fd: int, size: int) -> bytes:
        nonlocal reads
        reads += 1
        if reads > good_reads:
            raise OSError(number, os.strerror(number))
        return really_read(fd, size)

    monkeypatch.setattr(os, "read", failing_read)

    error = refused(opened_by, path)

    assert isinstance(error, StorageError)
    assert os.strerror(number) in error.title
    assert isinstance(error.__cause__, OSError)


@both_ways_in
@pytest.mark.parametrize(
    "name",
    [
        "http:song.mp3",
        "concat:song.mp3|song.mp3",
        "pipe:0",
        "-i.mp3",
        "song%03d.mp3",
        "data:audio",
        "new\nline.mp3",
        os.fsdecode(b"caf\xe9.mp3"),
        "🎵.mp3",
    ],
)
def test_every_name_is_the_name_of_a_file(
    tmp_path: Path,
    song: Path,
    opened_by: Callable[[Path], object],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    (tmp_path / name).write_bytes(song.read_bytes())
    monkeypatch.chdir(tmp_path)

    assert opened_by(Path(name)) == opened_by(song)


@given(name=st.binary(min_size=1, max_size=100).filter(lambda name: not {0, ord("/")} & set(name)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_a_name_of_any_bytes_can_be_opened(tmp_path: Path, song: Path, name: bytes) -> None:
    if name in (b".", b".."):
        return
    path = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name)))
    path.write_bytes(song.read_bytes())
    try:
        assert examine(path) == examine(song)
    finally:
        path.unlink()


@pytest.fixture
def playlist_files(tmp_path: Path) -> Path:
    """A folder with a song that a playlist could open."""
    write_tone(tmp_path / "secret.mp3")
    write_tone(tmp_path / "secret.m4a")
    return tmp_path


@both_ways_in
@pytest.mark.parametrize(
    "text",
    [
        "ffconcat version 1.0\nfile secret.mp3\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nsecret.m4a\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n",
        "v=0\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    ],
)
def test_a_playlist_in_disguise_opens_nothing(
    playlist_files: Path, opened_by: Callable[[Path], object], text: str
) -> None:
    disguised = playlist_files / "song.mp3"
    disguised.write_text(text)

    assert "not audio" in refused(opened_by, disguised).title


def test_without_confinement_a_playlist_would_open_its_neighbour(playlist_files: Path) -> None:
    """What the test above protects from does exist."""
    import av

    disguised = playlist_files / "song.mp3"
    disguised.write_text("ffconcat version 1.0\nfile secret.mp3\n")
    with av.open(str(disguised)) as container:
        assert sum(packet.size for packet in container.demux(audio=0)) > 1000


@both_ways_in
@pytest.mark.parametrize("rate", [0, 1, 2_000_000, 0xFFFFFFFF])
def test_absurd_sample_rates_are_refused_or_harmless(
    tmp_path: Path, opened_by: Callable[[Path], object], rate: int
) -> None:
    path = tmp_path / "odd.wav"
    header = bytearray(audio_files.wav_header(44100, 1, 20_000))
    header[24:28] = rate.to_bytes(4, "little")
    path.write_bytes(bytes(header) + bytes(20_000))

    try:
        result = opened_by(path)
    except AudioError:
        return
    assert isinstance(result, AudioFile)


@both_ways_in
@pytest.mark.parametrize("channels", [0, 65, 255, 65535])
def test_absurd_numbers_of_channels_are_refused_or_harmless(
    tmp_path: Path, opened_by: Callable[[Path], object], channels: int
) -> None:
    path = tmp_path / "odd.wav"
    header = bytearray(audio_files.wav_header(44100, 1, 20_000))
    header[22:24] = channels.to_bytes(2, "little")
    path.write_bytes(bytes(header) + bytes(20_000))

    try:
        result = opened_by(path)
    except AudioError:
        return
    assert isinstance(result, AudioFile)


@both_ways_in
def test_too_many_channels_in_an_order_of_their_own(
    tmp_path: Path, opened_by: Callable[[Path], object]
) -> None:
    silence = np.zeros((65, 100), dtype=np.float32)
    path = audio_files.write_ordered(tmp_path / "many.aiff", silence, range(65, 0, -1))

    for _ in range(50):  # what is freed twice is not always found out at once
        assert "damaged" in refused(opened_by, path).title


@both_ways_in
def test_a_codec_may_have_a_number_for_a_name(tmp_path: Path, opened_by: Callable[[Path], object]) -> None:
    """Format 0x028F of WAV is G.722, and no ASCII."""
    path = audio_files.write_channels(tmp_path / "call.wav", tone()[np.newaxis], "mono", "g722")

    assert opened_by(path)


@both_ways_in
def test_a_stream_that_begins_late_is_left_out(tmp_path: Path, opened_by: Callable[[Path], object]) -> None:
    """In FLV, a change of the codec (from 8-bit PCM to A-law) begins one."""
    data, milliseconds = b"FLV\1\4\0\0\0\x09\0\0\0\0", 0
    for codec in (b"\x00", b"\x70"):
        for _ in range(300):
            sound = codec + bytes([128, 140]) * 275
            tag = b"\x08" + len(sound).to_bytes(3, "big") + milliseconds.to_bytes(3, "big") + bytes(4) + sound
            data += tag + len(tag).to_bytes(4, "big")
            milliseconds += 100
    path = tmp_path / "two.flv"
    path.write_bytes(data)

    found = opened_by(path)

    seconds = found.packet_duration if isinstance(found, AudioFile) else found
    assert seconds == pytest.approx(30.0, abs=0.5)


def test_no_descriptor_is_left_open(tmp_path: Path, song: Path) -> None:
    (tmp_path / "text.mp3").write_text("no audio " * 1000)
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    if before is None:
        pytest.skip("no /proc/self/fd on this system")
    for _ in range(20):
        examine(song)
        listen(song)
        next(decode_mono(song, 16000))
        refused(examine, tmp_path / "text.mp3")

    assert len(os.listdir("/proc/self/fd")) == before


@given(
    st.lists(st.tuples(st.integers(0, 30_000), st.binary(min_size=1, max_size=400)), min_size=1, max_size=8),
    st.sampled_from([".mp3", ".m4a", ".ogg", ".flac", ".mka", ".wav", ".wma", ".aac"]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_anywhere_gives_audio_or_an_error_in_words(
    tmp_path: Path, wounds: list[tuple[int, bytes]], suffix: str
) -> None:
    good = tmp_path / f"good{suffix}"
    if not good.exists():
        audio_files.write_music(good, 1, 2.0)
    data = bytearray(good.read_bytes())
    for offset, noise in wounds:
        place = offset % len(data)
        data[place : place + len(noise)] = noise
    path = tmp_path / f"wounded{suffix}"
    path.write_bytes(data)
    for opened_by in (listen, examine):
        with contextlib.suppress(AudioError):
            opened_by(path)
