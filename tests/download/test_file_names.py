from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from musicsim_tui.download.file_names import MAX_NAME_BYTES, safe_folder, safe_id, safe_name, same_name

DEVICES = ["CON", "PRN", "AUX", "NUL", "COM1", "LPT9", "com1", "CONIN$", "COM²"]
hostile = st.lists(
    st.one_of(
        st.text(max_size=20),
        st.sampled_from(
            [
                "/",
                "\\",
                "..",
                "../",
                ".",
                " ",
                ":",
                "CON",
                "con.",
                "NUL",
                "\u202e",
                "\x00",
                "\n",
                "[",
                "🎧",
                "é",
            ]
        ),
        st.sampled_from(
            ["👩\u200d🚀", "\ud800", "\ufffe", '*?<>|"', "-", "~", "e\u0301", "한", "x" * 300, "語" * 200]
        ),
    ),
    max_size=8,
).map("".join)


def assert_safe(name: str) -> None:
    assert name
    assert len(name.encode()) <= MAX_NAME_BYTES
    assert name not in (".", "..")
    assert os.path.basename(name) == PureWindowsPath(name).name == name
    assert not re.search(r'[<>:"/\\|?*\x00-\x1f\x7f]', name)
    assert name[0] not in " .-~"
    assert name[-1] not in " ."
    assert ".." not in name
    assert unicodedata.is_normalized("NFC", name)
    assert not any(unicodedata.bidirectional(char) in ("RLO", "LRO", "RLE", "LRE", "PDF") for char in name)
    assert name.split(".")[0].strip().upper() not in {device.upper() for device in DEVICES}


@given(hostile, hostile, hostile)
@example("", "", "")
@example("CON", "", "x")
@example("CON.", "x", "x")
@example("..", "../../etc/passwd", "..")
@example("a", "b" * 300, "c" * 300)
def test_any_name_is_safe_everywhere(artist: str, title: str, source_id: str) -> None:
    names = [safe_name(artist, title, source_id, number=number) for number in (1, 2, 3, 10, 999)]
    for name in names:
        assert_safe(name)
        assert name.endswith(f"[{safe_id(source_id)}].mp3")
    assert len({same_name(name) for name in names}) == len(names)


@given(hostile)
def test_spellings_of_one_name_are_one(name: str) -> None:
    for spelling in (name.upper(), name.lower(), name.casefold()):
        assert same_name(same_name(spelling)) == same_name(spelling)
    for form in ("NFC", "NFD"):
        assert same_name(unicodedata.normalize(form, name)) == same_name(name)


@given(hostile, hostile)
def test_any_folder_is_safe_everywhere(title: str, fallback: str) -> None:
    assert_safe(safe_folder(title, fallback or "x"))


@given(st.text(max_size=80), st.text(max_size=80))
def test_ids_stay_apart(one: str, other: str) -> None:
    assert (safe_id(one) == safe_id(other)) == (one == other)


@given(hostile, hostile)
def test_the_disk_takes_it(tmp_path_factory: pytest.TempPathFactory, artist: str, title: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = folder / safe_name(artist, title, "id")
    path.write_bytes(b"")
    assert path.name in os.listdir(folder)
    path.unlink()


@pytest.mark.parametrize(
    ("artist", "title", "name"),
    [
        ("Adele", "Hello", "Adele - Hello [dQw4w9WgXcQ].mp3"),
        ("", "Hello", "Hello [dQw4w9WgXcQ].mp3"),
        ("AC/DC", "T.N.T.", "AC-DC - T.N.T [dQw4w9WgXcQ].mp3"),
        ("夜に駆ける 🌃", "YOASOBI", "夜に駆ける 🌃 - YOASOBI [dQw4w9WgXcQ].mp3"),
        ("", "", "[dQw4w9WgXcQ].mp3"),
        ("..", "../../x", "x [dQw4w9WgXcQ].mp3"),
        ("CON", "", "CON [dQw4w9WgXcQ].mp3"),
        ("con.tact", "x", "_con.tact - x [dQw4w9WgXcQ].mp3"),
        ("a", 'b "live" <1>: why?', "a - b 'live' 1- why [dQw4w9WgXcQ].mp3"),
    ],
)
def test_names(artist: str, title: str, name: str) -> None:
    assert safe_name(artist, title, "dQw4w9WgXcQ") == name


def test_long_names_keep_both_halves_and_whole_characters() -> None:
    name = safe_name("語" * 200, "👩\u200d🚀" * 100, "dQw4w9WgXcQ")
    artist, title = name.removesuffix(" [dQw4w9WgXcQ].mp3").split(" - ")
    assert set(artist) == {"語"}
    assert title == "👩\u200d🚀" * (len(title) // 3)
    assert len(artist) > 30
    assert len(title) > 20


def test_ids_that_are_harmless_stay() -> None:
    assert [safe_id(text) for text in ("dQw4w9WgXcQ", "-abc_123-xy", "a.b")] == [
        "dQw4w9WgXcQ",
        "-abc_123-xy",
        "a.b",
    ]
    assert len(safe_id("https://x/y?z")) == 32


def test_a_folder_of_nothing_takes_the_id() -> None:
    assert safe_folder("///", "PL123") == "PL123"
    assert safe_folder("Mix 🎧 / Ünï", "PL1") == "Mix 🎧 - Ünï"
    assert safe_folder("NUL", "PL1") == "_NUL"
    assert Path(safe_folder("..", "..")).name == safe_id("..")
