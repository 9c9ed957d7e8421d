"""Finished files beside those that are there: whatever is called what, nothing is ever replaced."""

from __future__ import annotations

import errno
import os
import tempfile
import unicodedata
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.download.file_names import MAX_NAME_BYTES, safe_name, same_name
from musicsim_tui.download.finished import is_named_after
from musicsim_tui.download.placing import put_in_place

texts = st.sampled_from(["", "A", "a", "É", "e\u0301", "ß", "SS", "A (2)", "x" * 300, "한", "[id]"])
ids = st.sampled_from(["id", "ID", "-id", "x (2)", "https://site/v?1"])
spellings = st.sampled_from([str, str.upper, str.lower, partial(unicodedata.normalize, "NFD")])


def place(folder: Path, content: bytes, named: tuple[str, str, str], void: Path | None = None) -> Path:
    """Put a file with this content in place, as one that was fetched."""
    finished = folder.parent / "finished"
    finished.write_bytes(content)
    return put_in_place(finished, folder, partial(safe_name, *named, ".mp3"), ".part", lambda at: at == void)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@given(st.lists(st.tuples(texts, texts, ids, st.none() | spellings), max_size=12))
def test_nothing_is_ever_replaced(steps: list[tuple[str, str, str, object]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "Singles"
        folder.mkdir()
        for number, (artist, title, source_id, spelling) in enumerate(steps):
            before, content = contents(folder), str(number).encode()
            if callable(spelling):  # a file of the user's own, called as one that was fetched may be
                own = spelling(safe_name(artist, title, source_id))
                if len(own.encode()) <= MAX_NAME_BYTES:
                    (folder / own).write_bytes(content)
                continue
            path = place(folder, content, (artist, title, source_id))
            assert contents(folder) == {**before, path.name: content}
            assert path.name not in before
            assert same_name(path.name) not in {same_name(other) for other in before}
            assert is_named_after(path, source_id)
        assert os.listdir(name) in ([folder.name], [folder.name, "finished"])


def test_the_number_stands_before_the_id(tmp_path: Path) -> None:
    folder = tmp_path / "Singles"
    folder.mkdir()
    (folder / "Band - Song (2) [id].mp3").mkdir()
    names = [place(folder, b"", ("Band", "Song", "id")).name for _ in range(3)]
    assert names == ["Band - Song [id].mp3", "Band - Song (3) [id].mp3", "Band - Song (4) [id].mp3"]


def test_what_is_void_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "Singles"
    folder.mkdir()
    named = ("Band", "Song", "id")
    first, second = place(folder, b"1", named), place(folder, b"2", named)
    assert place(folder, b"3", named, void=second) == second
    assert contents(folder) == {first.name: b"1", second.name: b"3"}


@pytest.mark.parametrize("readable", [True, False])
def test_a_file_system_that_takes_two_names_for_one_has_the_last_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, readable: bool
) -> None:
    """The name is taken in a way that the list of names does not show: it came in between, or is hidden."""
    (tmp_path / "Singles").mkdir()
    taken = tmp_path / "Singles" / "Band - Song [id].mp3"
    taken.write_bytes(b"own")

    def unseen(_: Path) -> list[str]:
        if readable:
            return []
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    with monkeypatch.context() as patched:
        patched.setattr(os, "listdir", unseen)
        path = place(taken.parent, b"new", ("Band", "Song", "id"))
    assert path.name == "Band - Song (2) [id].mp3"
    assert (taken.read_bytes(), path.read_bytes()) == (b"own", b"new")


def test_a_name_is_given_back_when_the_file_cannot_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "Singles"
    folder.mkdir()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        place(folder, b"new", ("Band", "Song", "id"))
    assert contents(folder) == {}
    assert (tmp_path / "finished").read_bytes() == b"new"
