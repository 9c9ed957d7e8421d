from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.audio.trailers import end_of_audio
from tests.harness.audio_files import apev2, id3v1, lyrics3

AUDIO = bytes(range(256)) * 4


def end_of(data: bytes) -> int:
    return end_of_audio(lambda offset, size: data[offset : offset + size], len(data))


@pytest.mark.parametrize(
    "tags",
    [
        b"",
        id3v1(b"Title"),
        apev2({b"Title": b"Song"}),
        apev2({b"Title": b"Song"}, header=False),
        apev2({b"Title": b"Song"}) + id3v1(b"Title"),
        lyrics3(b"la la") + id3v1(b"Title"),
        apev2({b"Title": b"Song"}) + lyrics3(b"la la") + id3v1(b"Title"),
        id3v1(b"Title") + id3v1(b"Title"),
    ],
)
def test_appended_tags_are_told_from_audio(tags: bytes) -> None:
    assert end_of(AUDIO + tags) == len(AUDIO)


@given(st.binary(max_size=300))
def test_the_end_is_inside_the_file(data: bytes) -> None:
    assert 0 <= end_of(data) <= len(data)


@given(
    st.binary(max_size=64),
    st.sampled_from([b"LYRICS200", b"999999LYRICS200", b"000000LYRICS200", b"APETAGEX" + b"\xff" * 24]),
)
def test_a_tag_that_lies_about_its_length_is_left_alone_or_cut(start: bytes, lie: bytes) -> None:
    assert 0 <= end_of(start + lie) <= len(start + lie)
