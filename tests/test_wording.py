"""Text from outside, made fit for a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.wording import plain


@given(st.text())
def test_nothing_that_steers_a_terminal_comes_through(text: str) -> None:
    for place, char in enumerate(found := plain(text)):
        if char in "\u200c\u200d":
            assert 0 < place < len(found) - 1
        else:
            assert unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        ),  # Persian
        ("\u0915\u094d\u200d\u0937", "\u0915\u094d\u200d\u0937"),  # Hindi
        ("👩\u200d👩\u200d👧", "👩👩👧"),
        ("a\u200d", "a"),
        ("\u202eevil\x1b[31m\n", "\ufffdevil\ufffd[31m\ufffd"),
    ],
)
def test_joiners_stay_where_scripts_need_them(text: str, expected: str) -> None:
    assert plain(text) == expected
