"""Brings the audio of one entry into a folder as the site has it; goes on where an attempt before stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

from musicsim_tui.download.failures import FailureKind, advice, failure
from musicsim_tui.download.session import JobLog, open_session, resolve
from musicsim_tui.download.tagging import cover_of
from musicsim_tui.download.titles import labels_of

if TYPE_CHECKING:
    from musicsim_tui.download.playlist import Entry
    from musicsim_tui.download.session import SiteOptions
    from musicsim_tui.download.tagging import Cover
    from musicsim_tui.download.titles import Labels
    from musicsim_tui.jobs import CancelToken

_FILE_NAME = "audio.%(format_id).40B.%(ext)s"
"""The format is part of the name: the rest of one format is never appended to the beginning of another."""
_MAX_COVER_BYTES = 5_000_000
_COVER_ATTEMPTS = 2
_ASCII_OF_LINKS = "!#$%&'()*+,/:;=?@[]~"
_NOT_RECORDED = {"is_live": FailureKind.LIVE, "is_upcoming": FailureKind.UPCOMING}


@dataclass(frozen=True, slots=True)
class Transfer:
    """How far a download is. Bytes, bytes a second, seconds; None where it is not known."""

    done: int
    total: int | None
    speed: float | None
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class Media:
    """What came. `announced` is the length in seconds that the site tells, None where it tells none; `link`
    is the page it came from."""

    path: Path
    labels: Labels
    link: str
    announced: float | None
    cover: Cover | None
    advice: tuple[str, ...]


def bring(
    entry: Entry,
    folder: Path,
    options: SiteOptions,
    cancel: CancelToken,
    on_transfer: Callable[[Transfer], None],
) -> Media:
    """The best audio of an entry, into `folder`, whose name and files mean nothing to anybody else.

    Whatever stops it, what came so far stays in the folder and is not fetched again.
    Raises DownloadError, Cancelled.
    """
    from yt_dlp.utils import DownloadCancelled

    def on_progress(report: Mapping[str, Any]) -> None:
        if cancel.cancelled:
            raise DownloadCancelled("cancelled")
        on_transfer(_transfer(report))

    log = JobLog()
    parameters = {
        "format": "bestaudio/best",
        "outtmpl": {"default": _FILE_NAME},
        "paths": {"home": str(folder)},
        "noplaylist": True,
        "overwrites": False,
        "continuedl": True,
        "updatetime": False,
        "progress_hooks": [on_progress],
    }
    with open_session(options, cancel, log, parameters) as session:
        raw = _one(session, resolve(session, entry.url))
        if (kind := _NOT_RECORDED.get(str(raw.get("live_status")))) is not None:
            raise failure(kind)
        info = session.process_ie_result(raw, download=True)
        cover = _cover(session, info)
    path = _path(info)
    of_a_file = info.get("extractor_key") == "Generic" and entry.title != entry.url
    known = {**info, "title": entry.title} if of_a_file else info
    return Media(
        path=path,
        labels=labels_of(known, fallback_title=entry.title, channel=entry.channel),
        link=_public_link(str(info.get("webpage_url") or entry.url)),
        announced=_number(info.get("duration")) or entry.duration,
        cover=cover,
        advice=advice(list(log.warnings)),
    )


def _one(session: Any, info: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """A page with one player counts as what it plays; one with several is no entry."""
    if info.get("_type") not in ("playlist", "multi_video"):
        return info
    entries = [raw for raw in info.get("entries") or () if raw][:2]
    if len(entries) != 1:
        raise failure(FailureKind.BAD_LINK, detail="The link leads to a list.")
    only: dict[str, Any] = entries[0]
    if only.get("_type") in ("url", "url_transparent"):
        only = resolve(session, only["url"], only.get("ie_key"))
    if only.get("_type") in ("playlist", "multi_video"):
        raise failure(FailureKind.BAD_LINK, detail="The link leads to a list.")
    return only


def _public_link(link: str) -> str:
    """The link in ASCII, without what yt-dlp hides in it and without a password."""
    from yt_dlp.utils import unsmuggle_url

    url = urlsplit(str(unsmuggle_url(link)[0]))
    return quote(urlunsplit(url._replace(netloc=url.netloc.rpartition("@")[2])), safe=_ASCII_OF_LINKS)


def _path(info: Mapping[str, Any]) -> Path:
    downloads = info.get("requested_downloads") or [{}]
    path = downloads[0].get("filepath")
    if not path or not Path(path).is_file():
        raise failure(FailureKind.NO_FORMATS)
    return Path(path)


def _transfer(report: Mapping[str, Any]) -> Transfer:
    total = report.get("total_bytes") or report.get("total_bytes_estimate")
    return Transfer(
        done=int(report.get("downloaded_bytes") or 0),
        total=int(total) if total else None,
        speed=_number(report.get("speed")),
        seconds_left=_number(report.get("eta")),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and value >= 0 else None


def _cover(session: Any, info: Mapping[str, Any]) -> Cover | None:  # noqa: ANN401
    """The site's picture where it is a JPEG or PNG. A track without one is as good: failures do not count."""
    from yt_dlp.networking.exceptions import RequestError

    for link in list(_cover_links(info))[:_COVER_ATTEMPTS]:
        try:
            with session.urlopen(link) as response:
                data = response.read(_MAX_COVER_BYTES + 1)
        except (RequestError, OSError):
            continue
        if len(data) <= _MAX_COVER_BYTES and (cover := cover_of(data)) is not None:
            return cover
    return None


def _cover_links(info: Mapping[str, Any]) -> Iterator[str]:
    """Best first: pictures whose size the site tells are there, the others are guesses of the extractor."""
    pictures = [picture for picture in info.get("thumbnails") or () if picture.get("url")]
    pictures.sort(key=lambda picture: picture.get("width") or 0, reverse=True)
    links = [str(picture["url"]) for picture in pictures if picture.get("width")]
    if isinstance(info.get("thumbnail"), str):
        links.append(str(info["thumbnail"]))
    yield from dict.fromkeys(link for link in links if ".webp" not in link)
