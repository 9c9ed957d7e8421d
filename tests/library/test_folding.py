from __future__ import annotations

from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.library.folding import SEPARATOR, UNKNOWN_LAST, clean, fold, order_key, shown_title


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Björk", "bjork"),
        ("Sigur Rós", "sigur ros"),
        ("STRASSE Straße", "strasse strasse"),
        ("Mø & Łona", "mo & lona"),
        ("Æther", "aether"),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER F}ull\N{IDEOGRAPHIC SPACE}Width", "full width"),
        ("  two\t\n spaces ", "two spaces"),
        ("The Beatles", "the beatles"),
        ("ДДТ", "ддт"),
        ("a\x1fb\x00c", "a b c"),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_folded_text_holds_nothing_that_sort_keys_use(text: str) -> None:
    assert SEPARATOR not in fold(text)
    assert UNKNOWN_LAST not in fold(text)


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_clean_text_can_be_stored_and_shown(text: str) -> None:
    clean(text).encode("utf-8")
    assert not any(ord(char) < 32 or ord(char) == 127 for char in clean(text))
    assert clean(clean(text)) == clean(text)


def test_clean_keeps_what_is_text() -> None:
    assert clean("  [bold]Ünïcode[/bold] 日本 ") == "[bold]Ünïcode[/bold] 日本"
    assert clean("a\ud800b") == "a\N{REPLACEMENT CHARACTER}b"
    assert len(clean("x" * 1_000_000)) == 2_000


def test_order_keys_sort_by_their_parts_and_leave_the_unnamed_last() -> None:
    keys = [
        order_key("", "Album", "Title"),
        order_key("Zebra", "A", "A"),
        order_key("zebra", "a", "B"),
        order_key("Ábc", "Z", "Z"),
        order_key("abc d", "A", "A"),
    ]
    assert sorted(keys) == [keys[3], keys[4], keys[1], keys[2], keys[0]]


@given(st.binary(min_size=1).filter(lambda name: not set(name) & set(b"/\0")))
def test_an_untitled_file_shows_the_stem_of_its_name(name: bytes) -> None:
    path = b"/music/" + name
    assert shown_title("", path) == clean(PurePath(path.decode("utf-8", "replace")).stem)
    assert shown_title("Tagged", path) == "Tagged"
