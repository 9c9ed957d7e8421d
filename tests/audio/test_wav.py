from __future__ import annotations

import io
import struct
import wave
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.audio.decode import decode_stereo
from musicsim_tui.audio.excerpt import excerpt
from musicsim_tui.audio.wav import wav_stream
from tests.harness.audio_files import RATE, tone


def with_real_lengths(stream: bytes) -> bytes:
    """The stream as a file: readers that are strict want to know how long it is."""
    assert stream[4:8] == stream[40:44] == b"\xff" * 4
    riff, data = struct.pack("<I", len(stream) - 8), struct.pack("<I", len(stream) - 44)
    return stream[:4] + riff + stream[8:40] + data + stream[44:]


def test_a_stream_is_what_its_header_says() -> None:
    left, right = tone(440.0, 0.5), tone(880.0, 0.5, amplitude=0.1)
    blocks = np.split(np.stack([left, right]), [1000, 1001, 9000], axis=1)
    with wave.open(io.BytesIO(with_real_lengths(b"".join(wav_stream(blocks, RATE))))) as read:
        assert (read.getnchannels(), read.getframerate(), read.getsampwidth()) == (2, RATE, 2)
        samples = np.frombuffer(read.readframes(read.getnframes()), dtype="<i2").reshape(-1, 2)
    np.testing.assert_allclose(samples / 32767, np.stack([left, right], axis=1), atol=2e-5)


def test_players_read_it_to_its_end_though_it_does_not_tell_where_that_is(tmp_path: Path) -> None:
    both = np.stack([tone(440.0, 1.5)] * 2)
    path = tmp_path / "stream.wav"
    path.write_bytes(b"".join(wav_stream([both], RATE)))
    samples = np.concatenate(list(decode_stereo(path, RATE)), axis=1)
    np.testing.assert_allclose(samples, both, atol=1e-4)


def test_what_is_too_loud_is_clipped_and_does_not_wrap() -> None:
    pieces = list(wav_stream([np.array([[2.0], [-7.5]], dtype=np.float32)], RATE))
    assert struct.unpack("<hh", pieces[1]) == (32767, -32767)


@given(
    lengths=st.lists(st.integers(0, 9), max_size=8),
    samples=st.none() | st.integers(0, 60),
    factor=st.sampled_from([1.0, 0.5]),
)
def test_an_excerpt_is_the_beginning(lengths: list[int], samples: int | None, factor: float) -> None:
    whole = np.arange(2 * sum(lengths), dtype=np.float32).reshape(2, -1)
    blocks = np.split(whole, np.cumsum(lengths)[:-1], axis=1) if lengths else []
    cut = list(excerpt(blocks, samples, factor))
    joined = np.concatenate([whole[:, :0], *cut], axis=1)
    np.testing.assert_array_equal(joined, whole[:, :samples] * np.float32(factor))


def test_an_excerpt_asks_for_no_more_than_it_gives() -> None:
    blocks = iter([np.zeros((2, 5), np.float32)] * 4)
    assert sum(block.shape[1] for block in excerpt(blocks, 10)) == 10
    assert len(list(blocks)) == 2
