"""Artist and title of what a site calls a video.

What the site knows as music wins: yt-dlp's `track`, `artists`, `album` and `release_date`. Without it the
title of the video is read by these rules, in this order:

1. Brackets of every script that hold nothing but packaging are dropped, and so is packaging that stands bare
   at the end: official, video, audio, lyrics, visualizer, MV, HD, 4K, 60fps, remaster, full album, new ...
   `feat.`, live, acoustic, remix, cover and everything else that says which recording it is stays.
2. A channel "Name - Topic" holds bare titles: the artist is the channel's name.
3. A dash with blanks around it (hyphen, en dash, em dash, ...; else one with a blank on one side, " // " or
   " _ ") divides artist and title. When the second half is the channel's name they are the other way round.
   What follows a pipe is packaging.
4. Without a dash, "Artist "Title"" and CJK corner brackets divide where the quotation stands.
5. Without a quotation, pipes divide: the part that is the channel's name is the artist, else the first.
6. "Title by Artist" divides only when Artist is the channel's name or Title is quoted: "Stand by Me" stays.
7. Else the title is the title and the channel is the artist, without "VEVO" and "Official".
"""

# ruff: noqa: RUF001  brackets, dashes and pipes of other scripts are what this is about
from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_LENGTH = 500
"""Characters kept of a name."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What is written into a file's tags. `date` is YYYY, YYYY-MM or YYYY-MM-DD; empty means not known."""

    artist: str
    title: str
    album: str = ""
    date: str = ""

    @property
    def year(self) -> int | None:
        return int(self.date[:4]) if self.date else None


_ZERO_WIDTH_JOINERS = "\u200c\u200d"
"""Format characters that carry meaning: they hold emoji and the letters of some scripts together."""
_OPENING = "([{【〔［（｛〈《"
_CLOSING = ")]}】〕］）｝〉》"
_QUOTATIONS = re.compile(r"“([^”]+)”|„([^“”]+)[“”]|«([^»]+)»|「([^」]+)」|『([^』]+)』|\"([^\"]+)\"")
_DASH = "[-\u2010-\u2015\u2212\uff0d]"
_DIVIDERS = (
    re.compile(rf"\s{_DASH}+\s"),
    re.compile(rf"\s{_DASH}(?=\S)|(?<=\S){_DASH}\s|\s//\s|\s_\s"),
)
_PIPE = re.compile(r"\s*[|｜¦│]+\s*")
_BY = re.compile(r"\s+by\s+", re.IGNORECASE)

_PACKAGING = re.compile(
    r"the|an?|in|with|and|new|original|official|officiel(?:le)?|oficial|offizielles|music|musik|lyrics?|letra|"
    r"paroles|vid[eé]os?|clip|videoclip|audio|visuali[sz]er|mv|pv|hd|hq|uhd|4k|8k|1080p|720p|\d\dfps|"
    r"full|album|stream|premiere|remaster(?:ed)?|upgrade|(?:19|20)\d\d|high|quality|colou?r|coded|"
    r"explicit|free|download|static|only|on|screen|ミュージックビデオ|公式|歌詞(?:付き)?|뮤직비디오",
    re.IGNORECASE,
)
"""One word of packaging."""
_BETWEEN_WORDS = re.compile(r"[\s/,&+:-]+")
_NOT_ALONE = re.compile(
    r"(?:19|20)\d\d|the|an?|in|with|and|new|on|screen|high|album|original|free|only|static|coded|colou?r|"
    r"music",
    re.IGNORECASE,
)
"""Words that mean packaging only beside others: "(1999)" and "(Free)" may be the name itself."""
_BARE_PACKAGING = re.compile(
    r"(?>[\s,~-]+(?:"
    r"(?:new\s+)?(?:the\s+)?official\s+(?:(?:music|lyrics?|hd|4k|live)\s+)?(?:videos?|audio|visuali[sz]er|clip|mv|m/v)|"
    r"(?:music|lyrics?)\s+video|(?:with|\+)\s+lyrics|official|visuali[sz]er|"
    r"(?-i:HD|HQ|UHD|4K|8K|1080p|720p|M/V|MV)|\d\dfps|ミュージックビデオ|公式"
    r"))++$",
    re.IGNORECASE,
)
_REMASTER = re.compile(
    rf"\s+(?:{_DASH}\s+)?(?:(?:19|20)\d\d\s+)?(?:digital(?:ly)?\s+)?remaster(?:ed)?(?:\s+(?:19|20)\d\d)?"
    r"(?:\s+version)?$",
    re.IGNORECASE,
)
_TOPIC = re.compile(r"\s+-\s+Topic$")
_VEVO = re.compile(r"\s*VEVO$", re.IGNORECASE)
_OFFICIAL_CHANNEL = re.compile(r"^official\s+|\s+(?:official|oficial)(?:\s+channel)?$", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def labels_of(info: Mapping[str, object], *, fallback_title: str = "", channel: str = "") -> Labels:
    """Labels out of what yt-dlp knows of a video.

    `fallback_title` and `channel` stand in where `info` is silent. The title is never empty: at last it is
    the id.
    """
    channel = _text(info, "channel", "uploader", "creator") or clean_text(channel)
    shown = _text(info, "title") or clean_text(fallback_title)
    parsed_artist, parsed_title = parse_title(shown, channel)
    track = _text(info, "track")
    artist = _names(info, "artists", "artist") or _names(info, "album_artists", "album_artist")
    if track:
        title = track
        artist = artist or parsed_artist
    elif artist and _same(artist, _without_topic(channel)) and not _same(parsed_artist, artist):
        title = without_packaging(shown)
    else:
        title = parsed_title
        artist = artist or parsed_artist
    return Labels(
        artist=artist,
        title=title or shown or _text(info, "id") or "Untitled",
        album=_text(info, "album"),
        date=_date(info),
    )


def parse_title(shown: str, channel: str = "") -> tuple[str, str]:
    """Artist and title of a video by the rules of this module; the artist is empty when nothing names one."""
    shown = clean_text(shown)
    channel = clean_text(channel)
    text = without_packaging(shown)
    if _TOPIC.search(channel):
        return _without_topic(channel), _unquoted(text)
    artist_of_channel = channel_artist(channel)
    found = (
        _by_dash(text, artist_of_channel)
        or _by_quotation(text)
        or _by_pipe(text, artist_of_channel)
        or _by_word(text, artist_of_channel)
    )
    if found is not None:
        artist, title = (_unquoted(without_packaging(part)) for part in found)
        if artist and title:
            return artist, title
    return artist_of_channel, _unquoted(_PIPE.split(text)[0].strip() or text)


def channel_artist(channel: str) -> str:
    """The artist that a channel is named for: "AdeleVEVO", "Adele - Topic" and "Adele Official" are Adele."""
    name = _without_topic(clean_text(channel))
    if _VEVO.search(name):
        bare = _VEVO.sub("", name)
        return (bare if " " in bare else _CAMEL.sub(" ", bare)) or name
    return _OFFICIAL_CHANNEL.sub("", name) or name


def without_packaging(text: str) -> str:
    """The text without brackets and endings that only say how the video is made; never made empty."""
    before = None
    while before != text:
        before = text
        for start, end in _bracketed(text):
            if _is_packaging(text[start + 1 : end - 1]):
                text = _kept(f"{text[:start]} {text[end:]}", text)
                break
        for pattern in (_BARE_PACKAGING, _REMASTER):
            text = _kept(pattern.sub("", text), text)
    return text


def clean_text(text: str) -> str:
    """One line of composed Unicode, at most `MAX_LENGTH` characters.

    Control, surrogate and format characters (those that turn the reading direction included) are gone; the
    joiners stay.
    """
    text = unicodedata.normalize("NFC", "".join(map(_harmless, text[: 4 * MAX_LENGTH])))
    return " ".join(text.split())[:MAX_LENGTH].strip()


def _harmless(char: str) -> str:
    category = unicodedata.category(char)
    if category in ("Cf", "Cs"):
        return char if char in _ZERO_WIDTH_JOINERS else ""
    if category in ("Cc", "Zl", "Zp"):
        return " "
    return char


def _text(info: Mapping[str, object], *keys: str) -> str:
    return next((text for key in keys if (text := clean_text(str(info.get(key) or "")))), "")


def _names(info: Mapping[str, object], many: str, one: str) -> str:
    """A list of names as one, without those that stand in it twice."""
    names = info.get(many)
    if isinstance(names, list | tuple):
        cleaned = dict.fromkeys(clean_text(str(name)) for name in names if name)
        return clean_text(", ".join(name for name in cleaned if name))
    return _text(info, one)


def _date(info: Mapping[str, object]) -> str:
    """Of the release where the site knows it, else of the upload."""
    for key in ("release_date", "release_year", "upload_date"):
        match = re.fullmatch(r"([12]\d{3})(?:(\d\d)(\d\d))?", str(info.get(key) or ""), re.ASCII)
        if match:
            return "-".join(part for part in match.groups() if part)
    return ""


def _by_dash(text: str, channel: str) -> tuple[str, str] | None:
    for divider in _DIVIDERS:
        match = divider.search(text)
        if match is None or _inside_brackets(text, match.start()):
            continue
        artist, title = text[: match.start()].strip(), text[match.end() :].strip()
        title = _PIPE.split(title)[0].strip() or title
        artist = _PIPE.split(artist)[-1].strip() or artist
        if artist and title:
            return (
                (title, artist) if _same(title, channel) and not _same(artist, channel) else (artist, title)
            )
    return None


def _by_quotation(text: str) -> tuple[str, str] | None:
    match = _QUOTATIONS.search(text)
    if match is None:
        return None
    title = next(group for group in match.groups() if group)
    before, after = text[: match.start()].strip(), text[match.end() :].strip()
    if not before and (by := re.match(r"by\s+(.+)", after, re.IGNORECASE)):
        return _PIPE.split(by[1])[0], title
    if not before or before.endswith(tuple(_OPENING)):
        return None
    kept = " ".join(after[start:end] for start, end in _bracketed(after))
    return before, f"{title} {kept}".strip()


def _by_pipe(text: str, channel: str) -> tuple[str, str] | None:
    parts = [part for part in _PIPE.split(text) if part.strip()]
    if len(parts) < 2:
        return None
    for number, part in enumerate(parts):
        if _same(part, channel):
            return part, parts[0 if number else 1]
    return parts[0], parts[1]


def _by_word(text: str, channel: str) -> tuple[str, str] | None:
    matches = list(_BY.finditer(text))
    if not matches or not channel:
        return None
    artist, title = text[matches[-1].end() :], text[: matches[-1].start()]
    return (artist, title) if _same(artist, channel) else None


def _same(one: str, other: str) -> bool:
    """Whether two names are one, whatever their case, blanks and punctuation."""
    folded = [re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name).casefold()) for name in (one, other)]
    return bool(folded[0]) and folded[0] == folded[1]


def _without_topic(channel: str) -> str:
    return _TOPIC.sub("", channel)


def _unquoted(text: str) -> str:
    match = _QUOTATIONS.match(text)
    if match is None:
        return text
    rest = text[match.end() :].strip()
    inner = next(group for group in match.groups() if group).strip()
    return f"{inner} {rest}".strip() if inner and (not rest or rest[0] in _OPENING) else text


def _is_packaging(text: str) -> bool:
    text = re.sub(r"\bm/v\b", "mv", text.strip(" .!*~-|:/"), flags=re.IGNORECASE)
    words = _BETWEEN_WORDS.split(text)
    if words == [""]:
        return True
    known = all(_PACKAGING.fullmatch(word) for word in words)
    return known and not all(_NOT_ALONE.fullmatch(word) for word in words)


def _kept(shorter: str, text: str) -> str:
    """The shorter text, tidied, unless nothing that can be read is left of it."""
    tidied = " ".join(shorter.split()).strip(" ~,|｜")
    tidied = re.sub(rf"(?:^{_DASH}+\s|\s{_DASH}+$)", "", tidied).strip()
    return tidied if any(char.isalnum() for char in tidied) else text


def _bracketed(text: str) -> list[tuple[int, int]]:
    """Start and end of every outermost pair of brackets."""
    found = []
    depth = start = 0
    for position, char in enumerate(text):
        if char in _OPENING:
            if not depth:
                start = position
            depth += 1
        elif char in _CLOSING and depth:
            depth -= 1
            if not depth:
                found.append((start, position + 1))
    return found


def _inside_brackets(text: str, position: int) -> bool:
    return any(start < position < end for start, end in _bracketed(text))
