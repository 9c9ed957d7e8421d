"""What a site, the network or the disk refuses, in words for the person at the keyboard."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from musicsim_tui.errors import MusicSimError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class FailureKind(Enum):
    """Why an entry cannot be fetched or a link cannot be listed."""

    PRIVATE = "private"
    DELETED = "deleted"
    REGION = "region"
    AGE = "age"
    MEMBERS = "members"
    PAID = "paid"
    LOGIN = "login"
    COPYRIGHT = "copyright"
    DRM = "drm"
    LIVE = "live"
    UPCOMING = "upcoming"
    BOT_CHECK = "bot check"
    RATE_LIMIT = "rate limit"
    FORBIDDEN = "forbidden"
    OUTDATED = "outdated"
    NO_RUNTIME = "no JavaScript runtime"
    NO_FORMATS = "no formats"
    NOT_AUDIO = "not audio"
    TRUNCATED = "truncated"
    NETWORK = "network"
    OFFLINE = "offline"
    SERVER = "server"
    DISK_FULL = "disk full"
    COOKIES = "cookies"
    BAD_LINK = "bad link"
    BUSY = "busy"
    UNKNOWN = "unknown"

    @property
    def title(self) -> str:
        """What happened, in one sentence."""
        return _WORDS[self].title

    @property
    def hint(self) -> str:
        """What to do, in one sentence."""
        return _WORDS[self].hint

    @property
    def stops_queue(self) -> bool:
        """Whether every other entry would fail as well, or make matters worse: nothing more is asked."""
        return _WORDS[self].stops_queue

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later without anybody doing anything about the entry."""
        return _WORDS[self].retryable


@dataclass(frozen=True, slots=True)
class _Words:
    title: str
    hint: str
    stops_queue: bool = False
    retryable: bool = False


_UPDATE = "Update yt-dlp (pip install -U yt-dlp), then try again."
_COOKIES = "Let it use the cookies of a browser in which you are signed in (MUSICSIM_COOKIES_FROM_BROWSER)."

_WORDS: Mapping[FailureKind, _Words] = {
    FailureKind.PRIVATE: _Words("The video is private.", f"Ask its owner for access. {_COOKIES}"),
    FailureKind.DELETED: _Words("It is not there any more.", "Look for another upload of the same music."),
    FailureKind.REGION: _Words(
        "It is not available in your country.",
        "Look for another upload, or set a proxy in a country where it is.",
    ),
    FailureKind.AGE: _Words("The site asks for proof of age.", _COOKIES),
    FailureKind.MEMBERS: _Words("It is for members of the channel only.", f"Join the channel. {_COOKIES}"),
    FailureKind.PAID: _Words("It has to be bought or rented.", "Buy it, and ingest the file you get."),
    FailureKind.LOGIN: _Words("The site wants you to sign in.", _COOKIES),
    FailureKind.COPYRIGHT: _Words(
        "It is blocked on copyright grounds.", "Look for another upload of the same music."
    ),
    FailureKind.DRM: _Words(
        "It is locked by copy protection (DRM).", "Get the track in a format without protection."
    ),
    FailureKind.LIVE: _Words("It is a live stream.", "Try again when it is over.", retryable=True),
    FailureKind.UPCOMING: _Words("It is not published yet.", "Try again after its premiere.", retryable=True),
    FailureKind.BOT_CHECK: _Words(
        "The site takes you for a robot, and the queue has stopped.",
        f"Wait some hours. {_COOKIES}",
        True,
        True,
    ),
    FailureKind.RATE_LIMIT: _Words(
        "The site was asked too often, and the queue has stopped.", "Wait, then go on.", True, True
    ),
    FailureKind.FORBIDDEN: _Words("The site refused to hand out the file.", _UPDATE, retryable=True),
    FailureKind.OUTDATED: _Words("This yt-dlp cannot read the site's answer.", _UPDATE, retryable=True),
    FailureKind.NO_RUNTIME: _Words(
        "The site needs a JavaScript runtime, and there is none.",
        "Install one: pip install deno.",
        True,
        True,
    ),
    FailureKind.NO_FORMATS: _Words("There is no sound to fetch there.", _UPDATE, retryable=True),
    FailureKind.NOT_AUDIO: _Words(
        "What came is not audio.",
        "Try again later; if it comes again, look for another upload.",
        retryable=True,
    ),
    FailureKind.TRUNCATED: _Words(
        "The audio is shorter than announced.",
        "Try again; if it stays so, the file on the site is cut off.",
        retryable=True,
    ),
    FailureKind.NETWORK: _Words(
        "The connection broke or answered too slowly.",
        "Try again: it goes on where it stopped.",
        retryable=True,
    ),
    FailureKind.OFFLINE: _Words(
        "The network cannot be reached.", "Check the connection, then go on.", True, True
    ),
    FailureKind.SERVER: _Words("The site is in trouble itself.", "Try again later.", retryable=True),
    FailureKind.DISK_FULL: _Words("The disk is full.", "Free some space, then go on.", True, True),
    FailureKind.COOKIES: _Words(
        "The cookies of the browser cannot be read.",
        "Name a browser that is installed here and that you have used, or leave the setting empty.",
        True,
        True,
    ),
    FailureKind.BAD_LINK: _Words(
        "No music can be found behind this link.",
        "Check the link in a browser: it has to open a page that plays.",
    ),
    FailureKind.BUSY: _Words(
        "Another musicsim-tui is fetching it right now.", "Wait until it is done.", retryable=True
    ),
    FailureKind.UNKNOWN: _Words("The site refused.", _UPDATE, retryable=True),
}


class DownloadError(MusicSimError):
    """An entry or a list that cannot be fetched.

    `until` is when it is worth going on (Unix seconds), where the site says so; `detail` is what yt-dlp said,
    links removed.
    """

    def __init__(
        self, title: str, hint: str, kind: FailureKind, *, until: float | None = None, detail: str = ""
    ) -> None:
        super().__init__(title, hint)
        self.kind = kind
        self.until = until
        self.detail = detail

    @property
    def stops_queue(self) -> bool:
        return self.kind.stops_queue


def failure(kind: FailureKind, *, until: float | None = None, detail: str = "") -> DownloadError:
    """A failure of this kind, in its words; `until` is told in local time."""
    hint = kind.hint
    if until is not None:
        hint = f"Wait until {time.strftime('%H:%M', time.localtime(until))}, then go on."
    return DownloadError(kind.title, hint, kind, until=until, detail=detail)


def advice(warnings: Sequence[str]) -> tuple[str, ...]:
    """What would make the next downloads better, though this one worked: one sentence each."""
    text = " ".join(map(normalised, warnings))
    found = [sentence for pattern, sentence in _ADVICE if pattern in text]
    return tuple(found)


NO_RUNTIME_WARNING = "no supported javascript runtime"
_ADVICE = (
    (NO_RUNTIME_WARNING, "YouTube works better with a JavaScript runtime: pip install deno."),
    ("is older than 90 days", "yt-dlp is older than 90 days: pip install -U yt-dlp."),
)


def normalised(text: str) -> str:
    """Lower case, without colours, with straight apostrophes."""
    text = re.sub(r"\x1b\[[0-9;]*m|\r", "", text)
    return re.sub("[\N{RIGHT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}`]", "'", text).lower()
