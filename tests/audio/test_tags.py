from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.audio.tags import MAX_LENGTH, read_tags
from musicsim_tui.track import Tags

any_text = st.text(alphabet=st.characters())  # surrogates included
any_metadata = st.dictionaries(
    st.sampled_from(["title", "TITLE", "Artist", "album_artist", "ALBUM", "date", "YEAR", "TYER"]) | any_text,
    any_text,
)


@given(container=any_metadata, stream=any_metadata)
def test_any_metadata_gives_clean_tags(container: dict[str, str], stream: dict[str, str]) -> None:
    tags = read_tags(container, stream)

    for text in (tags.title, tags.artist, tags.album):
        assert len(text) <= MAX_LENGTH
        assert text == text.strip()
        assert text.encode("utf-8").decode("utf-8") == text
        assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in text)
    assert tags.year is None or 1000 <= tags.year <= 2999


@given(any_text.filter(lambda text: bool(read_tags({"title": text}).title)))
def test_reading_what_was_read_changes_nothing(text: str) -> None:
    title = read_tags({"title": text}).title

    assert read_tags({"title": title}).title == title


@pytest.mark.parametrize("key", ["title", "TITLE", "Title"])
def test_keys_are_taken_in_any_case(key: str) -> None:
    assert read_tags({key: "Gymnopédie No. 1"}) == Tags(title="Gymnopédie No. 1")


def test_the_stream_speaks_where_the_container_is_silent() -> None:
    assert read_tags({"title": " ", "encoder": "Lavf"}, {"TITLE": "Song", "ARTIST": "Band"}) == Tags(
        "Song", "Band"
    )
    assert read_tags({"title": "Outer"}, {"title": "Inner"}).title == "Outer"


@pytest.mark.parametrize("key", ["album_artist", "ALBUMARTIST", "album artist", "performer"])
def test_the_artist_falls_back(key: str) -> None:
    assert read_tags({key: "Various Artists"}).artist == "Various Artists"
    assert read_tags({key: "Various Artists", "artist": "Nina Simone"}).artist == "Nina Simone"


@pytest.mark.parametrize(
    ("key", "value", "year"),
    [
        ("date", "2011-05-01", 2011),
        ("DATE", "2011", 2011),
        ("date", "20110501", 2011),
        ("date", "01/05/2011", 2011),
        ("date", "2011-05-01T10:00:00Z", 2011),
        ("year", "1969", 1969),
        ("TYER", "1720", 1720),
        ("TDRC", " 1999 ", 1999),
        ("date", "0000", None),
        ("date", "", None),
        ("date", "99", None),
        ("date", "123456789", None),
        ("date", "٢٠١١", None),
        ("date", "unknown", None),
    ],
)
def test_the_year_is_found_in_any_date(key: str, value: str, year: int | None) -> None:
    assert read_tags({key: value}).year == year


def test_a_useless_date_does_not_hide_a_useful_one() -> None:
    assert read_tags({"date": "unknown", "originaldate": "1975-03-01"}).year == 1975


@pytest.mark.parametrize(
    ("value", "title"),
    [
        ("  Song  ", "Song"),
        ("Two\r\nlines", "Two lines"),
        ("Bell\x07 and \x1b[31mcolour", "Bell and [31mcolour"),
        ("Tab\tand\x00nul", "Tab and nul"),
        ("C1\x9b31m", "C1 31m"),
        ("Separators\u2028here\u2029", "Separators here"),
        ("\u202ekcart\u202c", "kcart"),
        ("👩‍🚀 stays whole", "👩‍🚀 stays whole"),
        ("नमस्ते", "नमस्ते"),
        ("[b]markup[/b] is data", "[b]markup[/b] is data"),
    ],
)
def test_a_title_is_one_harmless_line(value: str, title: str) -> None:
    assert read_tags({"title": value}).title == title


def test_a_tag_as_long_as_a_book_is_cut() -> None:
    assert read_tags({"title": "x" * 10_000_000}).title == "x" * MAX_LENGTH


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_western_bytes_are_read_whatever_their_encoding(encoding: str) -> None:
    title = "Señorita \N{EN DASH} Café"

    assert read_tags({"title": title.encode(encoding).decode("utf-8", "surrogateescape")}).title == title
