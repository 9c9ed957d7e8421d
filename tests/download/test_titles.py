# ruff: noqa: E501, RUF001  a table of titles as people write them
from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.download.titles import (
    MAX_LENGTH,
    Labels,
    channel_artist,
    clean_text,
    labels_of,
    parse_title,
    without_packaging,
)

VIDEOS = [
    ("Adele - Hello", "", "Adele", "Hello"),
    ("Adele - Hello (Official Video)", "", "Adele", "Hello"),
    ("Adele - Hello (Official Music Video) [4K]", "AdeleVEVO", "Adele", "Hello"),
    ("Adele - Hello [OFFICIAL LYRIC VIDEO]", "", "Adele", "Hello"),
    ("Adele - Hello (Lyrics)", "7clouds", "Adele", "Hello"),
    ("Adele - Hello (with lyrics) HD", "", "Adele", "Hello"),
    ("Adele - Hello Official Video HD", "", "Adele", "Hello"),
    ("Adele – Hello", "", "Adele", "Hello"),
    ("Adele — Hello", "", "Adele", "Hello"),
    ("Adele ― Hello", "", "Adele", "Hello"),
    ("Adele- Hello", "", "Adele", "Hello"),
    ("Adele // Hello", "", "Adele", "Hello"),
    ("Hello - Adele", "Adele", "Adele", "Hello"),
    ("Hello", "Adele - Topic", "Adele", "Hello"),
    ("A - B", "Adele - Topic", "Adele", "A - B"),
    ("Hello (Official Video)", "ArianaGrandeVEVO", "Ariana Grande", "Hello"),
    ("Dancing Queen", "ABBAVEVO", "ABBA", "Dancing Queen"),
    ("Hello", "Adele Official", "Adele", "Hello"),
    ("a-ha - Take On Me (Official Video) [Remastered in 4K]", "a-ha", "a-ha", "Take On Me"),
    ("Jay-Z - 99 Problems", "", "Jay-Z", "99 Problems"),
    ("Queen – Bohemian Rhapsody (Official Video Remastered)", "", "Queen", "Bohemian Rhapsody"),
    ("The Beatles - Help! (2009 Remaster)", "", "The Beatles", "Help!"),
    ("The Beatles - Help! - Remastered 2009", "", "The Beatles", "Help!"),
    ("Rick Astley - Never Gonna Give You Up (Official Video) (4K Remaster)", "", "Rick Astley", "Never Gonna Give You Up"),
    ("Eminem - Stan (feat. Dido)", "", "Eminem", "Stan (feat. Dido)"),
    ("Eminem ft. Dido - Stan (Official Video)", "", "Eminem ft. Dido", "Stan"),
    ("Nirvana - Lithium (Live at Reading 1992)", "", "Nirvana", "Lithium (Live at Reading 1992)"),
    ("Moby - Porcelain (Remix) [Official Audio]", "", "Moby", "Porcelain (Remix)"),
    ("Prince - 1999", "", "Prince", "1999"),
    ("Prince - Purple Rain (1999)", "", "Prince", "Purple Rain (1999)"),
    ("India.Arie - Video", "", "India.Arie", "Video"),
    ("Lana Del Rey - Video Games", "", "Lana Del Rey", "Video Games"),
    ('Madonna - "Frozen" (Official Video)', "", "Madonna", "Frozen"),
    ('Madonna "Frozen" (Official Video)', "", "Madonna", "Frozen"),
    ("Rammstein „Sonne“", "", "Rammstein", "Sonne"),
    ("Stromae «Papaoutai»", "", "Stromae", "Papaoutai"),
    ("YOASOBI「夜に駆ける」 Official Music Video", "Ayase / YOASOBI", "YOASOBI", "夜に駆ける"),
    ("米津玄師 - Lemon 【公式】", "", "米津玄師", "Lemon"),
    ("【MV】あいみょん『マリーゴールド』", "", "あいみょん", "マリーゴールド"),
    ("[MV] IU _ Palette", "1theK", "IU", "Palette"),
    ("Sia - Chandelier | Live on SNL", "", "Sia", "Chandelier"),
    ("Little Simz | Gorilla | A COLORS SHOW", "COLORS", "Little Simz", "Gorilla"),
    ("Gorilla | Little Simz", "Little Simz", "Little Simz", "Gorilla"),
    ("Stand by Me", "Ben E. King", "Ben E. King", "Stand by Me"),
    ("Stand by Me", "", "", "Stand by Me"),
    ("Stand by Me by Ben E. King", "Ben E. King", "Ben E. King", "Stand by Me"),
    ('"Creep" by Radiohead', "Some Fan", "Radiohead", "Creep"),
    ("AC/DC - Thunderstruck", "acdcVEVO", "AC/DC", "Thunderstruck"),
    ("(Official Video)", "", "", "(Official Video)"),
    ("Boards of Canada - Music Has the Right to Children [Full Album]", "", "Boards of Canada",
     "Music Has the Right to Children"),
    ("Sigur Rós - Hoppípolla (Live - Iceland)", "", "Sigur Rós", "Hoppípolla (Live - Iceland)"),
    ("Weird (a - b) title", "Chan", "Chan", "Weird (a - b) title"),
]  # fmt: skip


@pytest.mark.parametrize(("shown", "channel", "artist", "title"), VIDEOS)
def test_titles_of_videos(shown: str, channel: str, artist: str, title: str) -> None:
    assert parse_title(shown, channel) == (artist, title)


def test_what_the_site_knows_as_music_wins() -> None:
    info = {
        "title": "whatever (Official Video)",
        "channel": "Some Label",
        "track": "Song",
        "artists": ["One", "Two", "One"],
        "album": "Album",
        "release_date": "20200131",
        "upload_date": "20210101",
    }
    assert labels_of(info) == Labels("One, Two", "Song", "Album", "2020-01-31")
    assert labels_of(info).year == 2020


def test_an_artist_without_a_track_leaves_the_title_whole() -> None:
    info = {"title": "Self-Titled - Part 2 (Official Audio)", "artist": "Band", "channel": "Band"}
    assert labels_of(info) == Labels("Band", "Self-Titled - Part 2")


def test_a_track_without_an_artist_takes_the_parsed_one() -> None:
    assert labels_of({"title": "Band - Song (Live)", "track": "Song"}) == Labels("Band", "Song")


@pytest.mark.parametrize(
    ("dates", "date"),
    [
        ({"release_date": "20200131"}, "2020-01-31"),
        ({"release_year": 1999, "upload_date": "20200101"}, "1999"),
        ({"upload_date": "20200101"}, "2020-01-01"),
        ({"upload_date": "soon"}, ""),
        ({"upload_date": None}, ""),
    ],
)
def test_dates(dates: dict[str, object], date: str) -> None:
    assert labels_of({"title": "x", **dates}).date == date


def test_the_listed_title_stands_in_and_then_the_id() -> None:
    assert labels_of({}, fallback_title="A - B", channel="c") == Labels("A", "B")
    assert labels_of({"id": "abc"}) == Labels("", "abc")
    assert labels_of({}) == Labels("", "Untitled")


def test_channels() -> None:
    assert channel_artist("Adele - Topic") == "Adele"
    assert channel_artist("TaylorSwiftVEVO") == "Taylor Swift"
    assert channel_artist("The Rolling Stones VEVO") == "The Rolling Stones"
    assert channel_artist("VEVO") == "VEVO"
    assert channel_artist("Official") == "Official"


def test_direction_and_control_characters_are_dropped() -> None:
    assert clean_text("a\u202eb\x00c\nd\u2028e\ud800f\ufeff") == "ab c d ef"
    assert clean_text("e\u0301 👩\u200d🚀") == "é 👩\u200d🚀"


@pytest.mark.parametrize(
    "piece",
    ["official ", "(", "- ", '"', "(official)", "«", "a by ", "|", "2009 remaster ", "- remastered ", "(the in a ",
     " official video,", "music-video-", "official visualizer ", "official mv ", "hd ", "【", "/", "m/v "],
)  # fmt: skip
def test_titles_made_to_take_forever_do_not(piece: str) -> None:
    for shown in (piece * 500, piece * 40 + "x", f"({piece * 40}x)", f"a - {piece * 40}!"):
        assert parse_title(shown, shown)[1]


fragments = st.lists(
    st.one_of(
        st.text(max_size=8),
        st.sampled_from(
            [" - ", " – ", "|", "(Official Video)", "[4K]", "「", "」", '"', "(", ")", "by", "feat. X", " HD", "..", "/",
             "\u202e", "Remaster", "【MV】", " ", "-", "lyrics"]
        ),
    ),
    max_size=12,
).map("".join)  # fmt: skip


@given(fragments, fragments)
def test_any_title_gives_clean_names_and_loses_nothing_whole(shown: str, channel: str) -> None:
    artist, title = parse_title(shown, channel)
    for name in (artist, title):
        assert name == clean_text(name)
        assert len(name) <= MAX_LENGTH
        assert unicodedata.is_normalized("NFC", name)
        assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in name)
    assert bool(title) == bool(clean_text(shown))
    assert labels_of({"title": shown}, channel=channel).title


@given(fragments)
def test_dropping_packaging_is_stable(text: str) -> None:
    once = without_packaging(clean_text(text))
    assert without_packaging(once) == once


@given(st.text(max_size=3000))
def test_clean_text_is_stable(text: str) -> None:
    assert clean_text(clean_text(text)) == clean_text(text)


@given(
    st.from_regex(r"[A-Z][a-z]{2,8}( [A-Z][a-z]{2,8})?", fullmatch=True),
    st.from_regex(r"[A-Z][a-z]{2,8}( [A-Z][a-z]{2,8})?", fullmatch=True),
    st.sampled_from(["", " (Official Video)", " [Lyrics]", " (Official Audio) [HD]", " 【MV】", " (4K Remaster)"]),
    st.sampled_from([" - ", " – ", " — ", " // "]),
)  # fmt: skip
def test_packaging_never_changes_the_names(artist: str, title: str, packaging: str, dash: str) -> None:
    plain = parse_title(f"{artist} - {title}")
    assert parse_title(f"{artist}{dash}{title}{packaging}") == plain
