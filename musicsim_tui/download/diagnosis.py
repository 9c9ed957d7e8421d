"""Recognises the failure behind an exception of yt-dlp: by its class, by a status, else by its words."""

from __future__ import annotations

import errno
import re
import time
from typing import TYPE_CHECKING

from musicsim_tui.download.failures import (
    NO_RUNTIME_WARNING,
    DownloadError,
    FailureKind,
    failure,
    normalised,
)
from musicsim_tui.download.titles import clean_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SESSION_LIMIT_SECONDS = 3600.0
"""How long YouTube says that it refuses a session which asked too often: "up to an hour"."""
RETRY_AFTER_SECONDS = 900.0
"""For a 429 without a Retry-After header."""
_MAX_DETAIL = 300
_PREFIX = re.compile(r"^(?:error:\s*)?\[[^\]]*\] \S+: ")
"""What stands before the words: extractor and id, which may spell anything."""

_RULES: tuple[tuple[FailureKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (FailureKind.BOT_CHECK, r"confirm you'?re not a (?:bot|robot)|captcha"),
        (FailureKind.RATE_LIMIT, r"rate-limited|try again later|too many requests"),
        (FailureKind.AGE, r"confirm your age|age-restricted|age restricted|inappropriate for some users"),
        (
            FailureKind.MEMBERS,
            r"members-only|join this channel|available to this channel's members|music premium members",
        ),
        (FailureKind.PAID, r"requires payment|purchase|\brent\b"),
        (FailureKind.PRIVATE, r"private video|video is private|granted access|playlist is private"),
        (
            FailureKind.REGION,
            r"available in your country|geo.?restriction|from your location|blocked it in your country",
        ),
        (FailureKind.COPYRIGHT, r"copyright"),
        (FailureKind.UPCOMING, r"premieres in|event will begin|premiere will begin|waiting for"),
        (FailureKind.LIVE, r"live event has ended|live stream recording|not currently live"),
        (FailureKind.DRM, r"\bdrm\b"),
        (
            FailureKind.DELETED,
            r"removed by the uploader|account associated .* terminated|no longer available|has been removed|"
            r"video unavailable|video is not available|does not exist|unable to find video",
        ),
        (FailureKind.NO_FORMATS, r"requested format is not available|no video formats found|no media found"),
        (FailureKind.LOGIN, r"sign in|cookies for the authentication|login required|log in to"),
        (FailureKind.COOKIES, r"cookies? database|unsupported browser|failed to (?:load|decrypt).*cookie"),
        (FailureKind.DISK_FULL, r"no space left|errno 28|disk quota"),
        (FailureKind.NOT_AUDIO, r"did not get any data blocks"),
        (
            FailureKind.OFFLINE,
            r"failed to resolve|name or service|temporary failure in name|network is unreachable",
        ),
        (
            FailureKind.NETWORK,
            r"timed out|connection (?:reset|refused|broken|aborted)|more expected|giving up after|\bssl\b|"
            r"redirect loop",
        ),
        (
            FailureKind.BAD_LINK,
            r"is not a valid url|invalid (?:ipv6 )?url|unsupported url|without video id|"
            r"file:// urls are disabled",
        ),
    )
)
_STATUSES: Mapping[int, FailureKind] = {
    401: FailureKind.LOGIN,
    403: FailureKind.FORBIDDEN,
    404: FailureKind.DELETED,
    410: FailureKind.DELETED,
    429: FailureKind.RATE_LIMIT,
    451: FailureKind.REGION,
}


def describe(
    error: BaseException, warnings: Sequence[str] = (), *, now: float | None = None
) -> DownloadError:
    """The failure behind an exception of yt-dlp. `warnings` are what the same job warned of before.

    Some reasons are only in the warnings: the player API's status, a missing JavaScript runtime.
    """
    detail = _detail(error)
    kind = _kind(error, [normalised(warning) for warning in warnings])
    until = None
    if kind is FailureKind.RATE_LIMIT:
        now = time.time() if now is None else now
        until = now + _seconds_to_wait(error, detail)
    return failure(kind, until=until, detail=detail)


def _kind(error: BaseException, warnings: Sequence[str]) -> FailureKind:
    from yt_dlp.cookies import CookieLoadError
    from yt_dlp.networking.exceptions import HTTPError, NoSupportingHandlers, TransportError
    from yt_dlp.utils import ExtractorError, GeoRestrictedError, UnsupportedError

    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, GeoRestrictedError):
            return FailureKind.REGION
        if isinstance(cause, CookieLoadError):
            return FailureKind.COOKIES
        if isinstance(cause, UnsupportedError | NoSupportingHandlers):
            return FailureKind.BAD_LINK
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            return FailureKind.DISK_FULL
        if isinstance(cause, HTTPError) and (kind := _of_status(cause.status)) is not None:
            return kind
    text = _PREFIX.sub("", normalised(str(error)))
    if "failed to extract any player response" in text:
        return _of_player_warnings(warnings)
    kind = next((kind for kind, pattern in _RULES if pattern.search(text)), None)
    if kind is FailureKind.NO_FORMATS and any(NO_RUNTIME_WARNING in warning for warning in warnings):
        return FailureKind.NO_RUNTIME
    if kind is not None:
        return kind
    if any(isinstance(cause, TransportError) for cause in causes):
        return FailureKind.NETWORK
    unexpected = any(isinstance(cause, ExtractorError) and not cause.expected for cause in causes)
    if unexpected or "please report this issue" in text or "an extractor error has occurred" in text:
        return FailureKind.OUTDATED
    return FailureKind.UNKNOWN


def _of_status(status: int) -> FailureKind | None:
    return FailureKind.SERVER if status >= 500 else _STATUSES.get(status)


def _of_player_warnings(warnings: Sequence[str]) -> FailureKind:
    """YouTube's player API did not answer; with what status is only in the warnings."""
    text = " ".join(warning for warning in warnings if "api page" in warning)
    for status in map(int, re.findall(r"http error (\d{3})", text)):
        if (kind := _of_status(status)) is not None:
            return kind
    return next(
        (
            kind
            for kind, pattern in _RULES
            if kind in (FailureKind.OFFLINE, FailureKind.NETWORK) and pattern.search(text)
        ),
        FailureKind.OUTDATED,
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception of yt-dlp and what it wraps: in `exc_info`, in `cause`, or in Python's own chain."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        wrapped = (getattr(error, "exc_info", None) or (None, None))[1]
        error = wrapped if wrapped is not None else getattr(error, "cause", None) or error.__cause__


def _seconds_to_wait(error: BaseException, detail: str) -> float:
    for cause in _causes(error):
        headers = getattr(getattr(cause, "response", None), "headers", None)
        if headers is not None:
            asked = str(headers.get("Retry-After") or "")
            return float(asked) if re.fullmatch(r"\d{1,6}", asked) else RETRY_AFTER_SECONDS
    return SESSION_LIMIT_SECONDS if "try again later" in normalised(detail) else RETRY_AFTER_SECONDS


def _detail(error: BaseException) -> str:
    """yt-dlp's own words, without links (which can hold keys), prefixes and its plea for bug reports."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    text = re.sub(r"^ERROR:\s*", "", text)
    text = re.sub(
        r";? *(?:please report this issue on|see {2}http|use --cookies).*", "", text, flags=re.I | re.S
    )
    return clean_text(re.sub(r"[a-z]+://\S+", "(link)", text))[:_MAX_DETAIL].strip()
