from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.download.links import Question, is_endless, question_about

YT = "https://www.youtube.com"


@pytest.mark.parametrize(
    ("link", "question"),
    [
        (f"{YT}/watch?v=abc", None),
        (f"{YT}/playlist?list=PLx", None),
        (f"{YT}/@chan", None),
        (f"{YT}/watch?v=abc&list=PLx&index=3", Question.VIDEO_OR_PLAYLIST),
        ("https://youtu.be/abc?list=PLx", Question.VIDEO_OR_PLAYLIST),
        ("https://youtu.be/abc", None),
        ("youtube.com/watch?v=abc&list=PLx", Question.VIDEO_OR_PLAYLIST),
        ("https://music.youtube.com/watch?v=abc&list=OLAK5x", Question.VIDEO_OR_PLAYLIST),
        (f"{YT}/watch?v=abc&list=RDabc", Question.VIDEO_OR_MIX),
        (f"{YT}/watch?list=RDabc", Question.MIX_LENGTH),
        (f"{YT}/playlist?list=RDCLAK5uy_x", None),
        (f"{YT}/watch?v=abc&list=RDCLAK5uy_x", Question.VIDEO_OR_PLAYLIST),
        ("https://example.org/watch?v=abc&list=PLx", None),
        ("https://youtube.com.example.org/watch?v=abc&list=PLx", None),
        ("  https://youtu.be/abc?list=PLx\n", Question.VIDEO_OR_PLAYLIST),
        ("http://[", None),
        ("", None),
    ],
)
def test_what_a_link_leaves_open(link: str, question: Question | None) -> None:
    assert question_about(link) is question


@given(st.text(max_size=200))
def test_any_text_may_be_asked_about(text: str) -> None:
    for link in (
        text,
        f"https://youtu.be/{text}",
        f"{YT}/shorts/{text}",
        f"{YT}/watch?{text}",
        f"{YT}/{text}",
    ):
        assert (question_about(link) in (Question.MIX_LENGTH, Question.VIDEO_OR_MIX)) == is_endless(link)
