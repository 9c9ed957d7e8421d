from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.library.m3u import m3u8
from musicsim_tui.track import Tags, Track
from tests.library.samples import track_id


def track(
    path: str | bytes | None, title: str = "Song", artist: str = "Band", duration: float = 61.6
) -> Track:
    paths = () if path is None else (Path(os.fsdecode(path)),)
    return Track(track_id(1), Tags(title, artist), duration, 0.0, paths)


def entries(playlist: bytes) -> list[tuple[str, bytes]]:
    """Information and path of every entry, the way a player reads them."""
    lines = playlist.split(b"\n")
    assert lines[0] == b"#EXTM3U"
    assert lines[-1] == b""
    found, information = [], ""
    for line in lines[1:-1]:
        if line.startswith(b"#EXTINF:"):
            information = line.removeprefix(b"#EXTINF:").decode()
        else:
            assert not line.startswith(b"#")
            path = unquote_to_bytes(line[7:]) if line.startswith(b"file://") else line
            found.append((information, path))
    return found


def test_an_entry_has_length_artist_title_and_path() -> None:
    assert m3u8([track("/music/a b.mp3")]) == b"#EXTM3U\n#EXTINF:62,Band - Song\n/music/a b.mp3\n"


def test_nothing_to_write_is_an_empty_playlist() -> None:
    assert m3u8([]) == m3u8([track(None)]) == b"#EXTM3U\n"


def test_what_is_not_known_is_left_out() -> None:
    assert entries(m3u8([track("/x.mp3", title="", artist="")])) == [("62,x", b"/x.mp3")]


def test_paths_relative_to_the_playlist(tmp_path: Path) -> None:
    (tmp_path / "music" / "lists").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "music" / "lists")
    song = track(str(tmp_path / "music" / "a.mp3"))
    below = track(str(tmp_path / "music" / "lists" / "#1.mp3"))
    for folder in (tmp_path / "music" / "lists", tmp_path / "link"):
        playlist = m3u8([song, below], beside=folder)
        assert [path for _, path in entries(playlist)] == [b"../a.mp3", b"./#1.mp3"]


@pytest.mark.parametrize(
    "name", [b"caf\xe9.mp3", b"a\nb.mp3", b"a\r.mp3", b" lead.mp3 ", b"x\xc2\x85y.mp3", b"http:/x/100%.mp3"]
)
@pytest.mark.parametrize("relative", [False, True])
def test_names_that_no_line_can_hold_are_found_all_the_same(name: bytes, relative: bool) -> None:
    path = b"/music/" + name
    playlist = m3u8([track(path)], beside=Path("/music") if relative else None)
    playlist.decode("utf-8")
    ((_, found),) = entries(playlist)
    assert os.path.join(b"/music", found) == path


@given(
    st.lists(
        st.tuples(
            st.binary(min_size=1, max_size=30).filter(lambda name: not set(name) & {0, 47}),
            st.text(max_size=40),
            st.text(max_size=40),
        ),
        max_size=5,
    )
)
def test_whatever_tags_and_names_hold_each_track_is_one_entry(songs: list[tuple[bytes, str, str]]) -> None:
    playlist = m3u8([track(b"/m/" + name, title, artist) for name, title, artist in songs])
    found = entries(playlist)
    assert [path for _, path in found] == [os.path.abspath(b"/m/" + name) for name, _, _ in songs]
    assert all(len(information.splitlines()) == 1 for information, _ in found)
