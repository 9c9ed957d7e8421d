"""What a link alone leaves open: a video inside a playlist, a mix without an end."""

from __future__ import annotations

from enum import Enum
from urllib.parse import parse_qs, urlsplit

from musicsim_tui.errors import UsageError

_YOUTUBE = ("youtube.com", "youtu.be", "youtube-nocookie.com")
_FINITE_MIXES = ("RDCLAK", "RDTMAK")
"""Prefixes of playlists that YouTube Music curates: named like mixes, but with an end."""


class Question(Enum):
    """What has to be asked before a link can be listed."""

    VIDEO_OR_PLAYLIST = "the video or its playlist"
    VIDEO_OR_MIX = "the video or the endless mix around it"
    MIX_LENGTH = "how many of an endless mix"


class Choice(Enum):
    """An answer to "the video or the list?"."""

    VIDEO = "video"
    LIST = "list"


class UndecidedLink(UsageError):
    """A link that means two things; `question` says which."""

    def __init__(self, question: Question) -> None:
        super().__init__(f"The link leaves open: {question.value}.", "Say which is meant.")
        self.question = question


def question_about(link: str) -> Question | None:
    """What a link leaves open, told without asking the site; None for most links."""
    video, playlist = _video_and_list(link)
    if is_endless(link):
        return Question.VIDEO_OR_MIX if video else Question.MIX_LENGTH
    return Question.VIDEO_OR_PLAYLIST if video and playlist else None


def is_endless(link: str) -> bool:
    """Whether a link leads to a mix, which goes on for as long as it is asked."""
    playlist = _video_and_list(link)[1]
    return playlist.startswith("RD") and not playlist.startswith(_FINITE_MIXES)


def _video_and_list(link: str) -> tuple[str, str]:
    """The ids of the video and the list that a link of YouTube names; empty for what it does not name."""
    text = link.strip()
    try:
        url = urlsplit(text if "://" in text else f"https://{text}")
        host = (url.hostname or "").lower()
        query = parse_qs(url.query)
    except ValueError:
        return "", ""
    if not any(host == known or host.endswith(f".{known}") for known in _YOUTUBE):
        return "", ""
    video = query.get("v", [""])[0]
    if host == "youtu.be" or host.endswith(".youtu.be"):
        video = video or url.path.strip("/")
    elif url.path.startswith(("/shorts/", "/live/", "/embed/")):
        video = video or url.path.split("/")[2]
    return video, query.get("list", [""])[0]
