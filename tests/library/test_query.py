from __future__ import annotations

import string
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from musicsim_tui.errors import UsageError
from musicsim_tui.library.catalog import Catalog
from musicsim_tui.library.conditions import (
    All,
    AnyOf,
    Between,
    Bounds,
    FieldEmpty,
    FieldHas,
    Missing,
    Not,
    PathHas,
    SoundHeard,
    Words,
)
from musicsim_tui.library.folding import clean, fold
from musicsim_tui.library.query import FIELDS, Query, parse_query, quote
from musicsim_tui.track import Sound, Tags
from tests.library.samples import heard, track_id

NOW = datetime(2026, 11, 15, 12, 30, tzinfo=UTC)
A, B, C = Words("a"), Words("b"), Words("c")

# Text in which every sign of the language is likely to come up.
queryish = st.lists(
    st.one_of(
        st.sampled_from([*(f"{field}:" for field in FIELDS), *FIELDS, "or", "(", ")", "-", "!", '"', "\\"]),
        st.sampled_from(["<", ">", "<=", ">=", "=", "..", "2:00", "1990", "7d", "0.3", "%", "_", "yes", " "]),
        st.text(max_size=4),
    ),
    max_size=12,
).map("".join)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with Catalog.open(tmp_path_factory.mktemp("query") / "library.db") as catalog:
        catalog.store([heard(1, sounds=(Sound("Piano", 0.5, 0.0),)), heard(2, tags=Tags())])
        yield catalog


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("", None),
        ("  ", None),
        ("a", A),
        ("A  b\tc", All((A, B, C))),
        ('"a b"', Words("a b")),
        ('"a""b"', All((A, B))),
        ('12"', Words('12"')),
        ("a or b", AnyOf((A, B))),
        ("a OR b c", AnyOf((A, All((B, C))))),
        ("(a or b) c", All((AnyOf((A, B)), C))),
        ("a(b)c", All((A, B, C))),
        ("()", None),
        ('"or"', Words("or")),
        ("oracle", Words("oracle")),
        ("-a", Not(A)),
        ("!a", Not(A)),
        ("--a", A),
        ("-(a b)", Not(All((A, B)))),
        ("a - b", All((A, B))),
        ("a \N{EN DASH} b --", All((A, B))),
        ("post-rock", Words("post-rock")),
        ("-()", None),
        ("Café", Words("cafe")),
        ('"\u0301"', None),
        ("artist:skiff", FieldHas("artist", "skiff")),
        ("ARTIST:Skiff", FieldHas("artist", "skiff")),
        ('artist:"eric skiff"', FieldHas("artist", "eric skiff")),
        ("artist: skiff", FieldHas("artist", "skiff")),
        ("artist=skiff", FieldHas("artist", "skiff")),
        ('title:"say \\"hi\\" \\\\ \\n"', FieldHas("title", 'say "hi" \\ \\n')),
        ('album:""', FieldEmpty("album")),
        ("-artist:skiff", Not(FieldHas("artist", "skiff"))),
        ("sound:synth", SoundHeard("synth", Bounds())),
        ("sound:piano>0.3", SoundHeard("piano", Bounds(0.3, low_out=True))),
        ('sound:"Electric piano">=30%', SoundHeard("electric piano", Bounds(0.3))),
        ("sound:piano > 0.3 a", All((SoundHeard("piano", Bounds(0.3, low_out=True)), A))),
        ("len>2:00", Between("duration", Bounds(120, low_out=True))),
        ("len > 2:00", Between("duration", Bounds(120, low_out=True))),
        ("len<=90", Between("duration", Bounds(high=90))),
        ("year=1990", Between("year_order", Bounds(1990, 1990))),
        ("missing:yes", Missing(True)),
        ("missing:NO", Missing(False)),
        ("missing:any", Missing(None)),
        ("path:Folder", PathHas("folder")),
        ("10:30", Words("10:30")),
        ("wow!=x colour : x", All((Words("wow!=x"), Words("colour"), Words(":"), Words("x")))),
        ("I <3 you", All((Words("i"), Words("<3"), Words("you")))),
    ],
)
def test_what_a_text_means(text: str, condition: object) -> None:
    assert parse_query(text, now=NOW) == Query(condition)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "part", "where", "hint"),
    [
        ("artst:x", "“artst:x”", "at its beginning", "artist:"),
        ("night len>abc", "“len>abc”", "after “night”", "len>2:00"),
        ("Mission: Impossible", "“Mission:”", "at its beginning", '"Mission:"'),
        ("year:19x0", "“year:19x0”", "at its beginning", "year>=1990"),
        ("added:soon", "“added:soon”", "at its beginning", "added<7d"),
        ("missing:maybe", "“missing:maybe”", "at its beginning", "missing:yes"),
        ("sound:piano>loud", "“sound:piano>loud”", "at its beginning", "sound:piano>0.3"),
        ("artist>x", "“artist>x”", "at its beginning", 'artist:"eric skiff"'),
        ("a artist:", "“artist:”", "after “a”", 'artist:"eric skiff"'),
        ('a "b c', '“"b c”', "after “a”", "Close it"),
        ("a )", "“)”", "after “a”", "Quote it"),
        ("a (b", "“(”", "after “a”", "Close it"),
        ("or a", "“or”", "at its beginning", '"or"'),
        ("a or", "“or”", "after “a”", "piano or organ"),
        ("a or or b", "“or”", "after “a”", "piano or organ"),
        ("len!=0:24", "“len!=0:24”", "at its beginning", "Did you mean -len:0:24?"),
        ("night YEAR != 1994", "“YEAR != 1994”", "after “night”", "Did you mean -year:1994?"),
        ("artist!=", "“artist!=”", "at its beginning", '-artist:"eric skiff"'),
        ("artist : fmt", "“artist : fmt”", "at its beginning", "Did you mean artist:fmt?"),
        ('title = "a b"', '“title = "a b"”', "at its beginning", 'Did you mean title:"a b"?'),
        ("a (or b)", "“or”", "after “a”", '"or"'),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(text: str, part: str, where: str, hint: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_query(text)
    assert part in refused.value.title
    assert where in refused.value.title
    assert hint in refused.value.hint


def test_nesting_and_length_are_bounded() -> None:
    with pytest.raises(UsageError, match="nested"):
        parse_query("(" * 5000 + "a" + ")" * 5000)
    with pytest.raises(UsageError, match="too many"):
        parse_query("a " * 5000)
    assert parse_query("(" * 30 + "a" + ")" * 30) == Query(A)


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("a artist:", A),
        ("a artist: ", A),
        ('a artist:"eric', A),
        ('a "eric sk', A),
        ("a len>", A),
        ("a len>2:", A),
        ("a year:19x", A),
        ("a missing:y", A),
        ("a nofield:x", A),
        ("a sound:piano>", A),
        ("a len!", All((A, Words("len!")))),
        ("a len!=", A),
        ("a len!=2", A),
        ("a artist :", All((A, Words("artist"), Words(":")))),
        ("artist : a", All((Words("artist"), Words(":"), A))),
        ("a or", A),
        ("a or artist:", A),
        ("a -", A),
        ("a -artist:", A),
        ("a (b", All((A, B))),
        ("a (", A),
        ("(a or", A),
        ("(a or (b", AnyOf((A, B))),
        ("or", None),
        ("a or b", AnyOf((A, B))),
    ],
)
def test_a_last_term_that_is_still_being_typed_is_left_out(text: str, condition: object) -> None:
    assert parse_query(text, lenient=True) == Query(condition)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["len>x a", "nofield:x a", "nofield:x ", "a ) b", "or a"])
def test_a_finished_term_is_read_strictly_while_typing(text: str) -> None:
    with pytest.raises(UsageError):
        parse_query(text, lenient=True)


def test_every_beginning_of_a_correct_query_can_be_typed() -> None:
    text = 'night artist:"eric skiff" (sound:piano>0.3 or len:2:00..3:30) -year>=1990 added<7d missing:any'
    assert parse_query(text, now=NOW) == parse_query(text, now=NOW, lenient=True)
    for end in range(len(text) + 1):
        parse_query(text[:end], lenient=True)


@settings(max_examples=300)
@given(st.one_of(st.text(), queryish))
@example('"')
@example("-" * 1000)
@example("title:\\")
@example("caf\udce9 title:\udcff")
def test_any_text_is_read_and_answered_or_refused(library: Catalog, text: str) -> None:
    for lenient in (False, True):
        try:
            query = parse_query(text, now=NOW, lenient=lenient)
        except UsageError:
            continue
        assert hash(query) == hash(parse_query(text, now=NOW, lenient=lenient))
        page = library.tracks(query)
        assert page.total == library.count(query) == len(library.matching_ids(query)) == len(page.rows)


@settings(max_examples=150)
@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from(string.punctuation)), max_size=20))
@example("%")
@example("_")
@example("'; DROP TABLE tracks; --")
@example('a"b\\')
@example("or")
def test_a_quoted_title_finds_its_track_and_its_negation_does_not(library: Catalog, title: str) -> None:
    library.store([heard(3, "/music/three.mp3", Tags(title, "x", "y"))])
    shown = clean(title) or "three"
    for text in (quote(shown), f"title:{quote(shown)}", f"({quote(shown)})"):
        query = parse_query(text)
        assert track_id(3) in library.matching_ids(query)
        if fold(shown):
            assert track_id(3) not in library.matching_ids(parse_query(f"-{text}"))


@given(st.text())
def test_quoting_makes_one_value_of_any_text(text: str) -> None:
    expected = FieldHas("artist", fold(text)) if fold(text) else None
    if text.strip():
        assert parse_query(f"artist:{quote(text)}") == Query(expected)
    else:
        assert parse_query(f"artist:{quote(text)}") == Query(FieldEmpty("artist"))


@pytest.mark.parametrize("wildcard", ["%", "_", "*", "?", "[a-z]"])
def test_wildcards_are_ordinary_letters(library: Catalog, wildcard: str) -> None:
    library.store([heard(3, "/music/three.mp3", Tags(f"so{wildcard}so", "x", "y"))])
    assert library.matching_ids(parse_query(wildcard)) == [track_id(3)]
    assert library.matching_ids(parse_query(f"path:{wildcard}")) == []


def test_a_query_says_whether_it_speaks_of_missing() -> None:
    assert parse_query("a (b or -missing:yes)").speaks_of_missing
    assert not parse_query("a path:missing").speaks_of_missing
    assert not parse_query("").speaks_of_missing


def test_the_path_itself_is_never_part_of_a_word_search(library: Catalog) -> None:
    assert Path("/music/0001.mp3") in {path for row in library.tracks().rows for path in row.track.paths}
    assert library.count(parse_query("music")) == 0
