"""Lists what is behind a link, entry by entry while the site's pages come in."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from musicsim_tui.download.failures import DownloadError, FailureKind, advice
from musicsim_tui.download.links import Choice, Question, UndecidedLink, is_endless, question_about
from musicsim_tui.download.session import JobLog, open_session, resolve
from musicsim_tui.download.titles import clean_text

if TYPE_CHECKING:
    from musicsim_tui.download.session import SiteOptions
    from musicsim_tui.jobs import CancelToken

MIX_ENTRIES = 50
"""Taken of an endless mix when nobody says how many."""
RETRY_PAUSE_SECONDS = 2.0
_MAX_NESTING = 3
_ID_BYTES = 8
_NO_EXTRACTOR = frozenset({"generic", "html5mediaembed"})
_HIDDEN: Mapping[str, FailureKind] = {
    "[Private video]": FailureKind.PRIVATE,
    "[Deleted video]": FailureKind.DELETED,
}
_LIVE: Mapping[str, FailureKind] = {"is_live": FailureKind.LIVE, "is_upcoming": FailureKind.UPCOMING}
_AVAILABILITY: Mapping[str, FailureKind] = {
    "private": FailureKind.PRIVATE,
    "subscriber_only": FailureKind.MEMBERS,
    "premium_only": FailureKind.PAID,
    "needs_auth": FailureKind.LOGIN,
}


@dataclass(frozen=True, slots=True)
class SourceId:
    """What an entry or a list is called where it comes from: the same whichever list it is found in."""

    extractor: str
    id: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that plays. `duration` in seconds, None where the list does not tell; `position` from 1;
    `unavailable` is why fetching it would fail, as far as the list tells."""

    source: SourceId
    url: str
    title: str
    channel: str
    duration: float | None
    unavailable: FailureKind | None
    position: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A link and what is behind it.

    `announced` is the count the site tells, None where it tells none; `entries` is empty until the listing
    is over. `problem` is what ended it early; `retried` says that the list was read a second time, because
    the first time something was missing; `limited`, that more may be there than was asked for.
    """

    source: SourceId
    url: str
    title: str
    channel: str
    single: bool
    endless: bool
    announced: int | None
    entries: tuple[Entry, ...] = ()
    retried: bool = False
    limited: bool = False
    problem: DownloadError | None = None
    advice: tuple[str, ...] = ()

    @property
    def received(self) -> int:
        return len(self.entries)

    @property
    def gap(self) -> int:
        """Entries that the site announced and did not hand out."""
        return 0 if self.announced is None or self.limited else max(0, self.announced - self.received)

    @property
    def seconds(self) -> float:
        """Length of the entries that can be fetched, as far as it is known."""
        return sum(entry.duration or 0.0 for entry in self.entries if entry.unavailable is None)


def stream_listing(
    link: str,
    options: SiteOptions,
    cancel: CancelToken,
    *,
    choice: Choice | None = None,
    limit: int | None = None,
    retry_pause: float | None = None,
    before_wait: Callable[[], None] = lambda: None,
) -> Generator[Entry | Listing, None, None]:
    """First a Listing without entries, then each Entry as it comes, at last the Listing with all of them.

    Pages are fetched as they are needed: closing the iterator ends the listing. `before_wait` is called, from
    inside the iterator, before the site is asked for the next page: all of the last one has come by then.
    When the site announced more than came, or a page failed, the list is read once more and what had been
    missing follows; the entries of the last Listing are in the order of the list. An endless mix ends after
    `limit` or `MIX_ENTRIES` entries.

    Raises UndecidedLink when `choice` is needed and missing (see `question_about`), DownloadError when
    nothing can be listed, Cancelled.
    """
    question = question_about(link)
    if choice is None and question in (Question.VIDEO_OR_PLAYLIST, Question.VIDEO_OR_MIX):
        raise UndecidedLink(question)
    log = JobLog()
    reader = _Reader(link.strip(), options, cancel, choice, limit, log, before_wait)
    yield from reader.read()
    listing = reader.summary(reader.entries)
    if listing.gap or (reader.problem is not None and not reader.problem.stops_queue):
        before_wait()
        cancel.wait(RETRY_PAUSE_SECONDS if retry_pause is None else retry_pause)
        again = _Reader(link.strip(), options, cancel, choice, limit, log, before_wait)
        yield from again.read_missing(reader.entries)
        reader.problem = again.problem
        listing = replace(reader.summary(_merged(reader.entries, again.entries)), retried=True)
    yield replace(listing, advice=advice(list(log.warnings)))


def read_listing(
    link: str,
    options: SiteOptions,
    cancel: CancelToken,
    *,
    choice: Choice | None = None,
    limit: int | None = None,
) -> Listing:
    """The whole listing at once. Raises as `stream_listing` does."""
    *_, listing = stream_listing(link, options, cancel, choice=choice, limit=limit)
    assert isinstance(listing, Listing)
    return listing


class _Reader:
    """Reads a link once. `header` is None until the link was understood; `problem` is what ended it early."""

    def __init__(
        self,
        link: str,
        options: SiteOptions,
        cancel: CancelToken,
        choice: Choice | None,
        limit: int | None,
        log: JobLog,
        before_wait: Callable[[], None],
    ) -> None:
        self.header: Listing | None = None
        self.entries: list[Entry] = []
        self.problem: DownloadError | None = None
        self._link = link
        self._options = options
        self._cancel = cancel
        self._single = choice is Choice.VIDEO
        self._endless = is_endless(link) and not self._single
        self._limit = limit if limit is not None or not self._endless else MIX_ENTRIES
        self._limited = False
        self._log = log
        self._before_wait = before_wait

    def read(self) -> Iterator[Entry | Listing]:
        """The header, then the entries. Raises DownloadError when there is no header."""
        parameters = {"noplaylist": self._single, "lazy_playlist": True}
        try:
            with open_session(
                self._options, self._cancel, self._log, parameters, self._before_wait
            ) as session:
                info = resolve(session, self._link)
                self.header = _header(info, self._link, self._endless)
                yield self.header
                for raw in self._within_limit(_flat(session, info)):
                    self._cancel.check()
                    entry = _entry(raw, self.header, len(self.entries) + 1)
                    self.entries.append(entry)
                    yield entry
        except DownloadError as error:
            if self.header is None:
                raise
            self.problem = error

    def read_missing(self, known: Sequence[Entry]) -> Iterator[Entry]:
        """Reads again, and gives only what is not known; what goes wrong is in `problem`."""
        unseen = Counter(entry.source for entry in known)
        try:
            for item in self.read():
                if isinstance(item, Listing):
                    continue
                if unseen[item.source]:
                    unseen[item.source] -= 1
                else:
                    yield item
        except DownloadError as error:
            self.problem = error

    def summary(self, entries: Iterable[Entry]) -> Listing:
        assert self.header is not None
        return replace(self.header, entries=tuple(entries), limited=self._limited, problem=self.problem)

    def _within_limit(self, raws: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        if self._endless:
            raws = _without_repetitions(raws)
        if self._limit is None:
            yield from raws
            return
        yield from islice(raws, self._limit)
        self._limited = len(self.entries) >= self._limit


def _flat(session: Any, info: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401
    """The things that play in a playlist, those of the playlists inside it included; a video is its own."""
    if info.get("_type") not in ("playlist", "multi_video"):
        yield info
        return
    for raw in info.get("entries") or ():
        if not raw:
            continue
        if raw.get("_type") in ("playlist", "multi_video"):
            yield from _flat(session, raw, depth + 1)
        elif _is_list(session, raw):
            if depth < _MAX_NESTING:
                yield from _flat(session, resolve(session, raw["url"], raw.get("ie_key")), depth + 1)
        else:
            yield raw


def _is_list(session: Any, raw: Mapping[str, Any]) -> bool:  # noqa: ANN401
    """Whether a link inside a list leads to another list, as far as its extractor tells."""
    if raw.get("_type") not in ("url", "url_transparent") or not raw.get("ie_key"):
        return False
    return session.get_info_extractor(raw["ie_key"]).is_single_video(raw["url"]) is False


def _without_repetitions(raws: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """A mix comes round again; a whole round without anything new ends it."""
    seen: set[object] = set()
    stale = 0
    for raw in raws:
        if raw.get("id") not in seen:
            seen.add(raw.get("id"))
            stale = 0
            yield raw
        elif (stale := stale + 1) > len(seen):
            return


def _header(info: Mapping[str, Any], link: str, endless: bool) -> Listing:
    single = info.get("_type") not in ("playlist", "multi_video")
    announced = info.get("playlist_count")
    return Listing(
        source=_source(info, _plain_link(info.get("webpage_url") or link)),
        url=str(info.get("webpage_url") or link),
        title=_text(info, "title", "id") or link,
        channel=_text(info, "channel", "uploader"),
        single=single,
        endless=endless,
        announced=1 if single else announced if isinstance(announced, int) and not endless else None,
    )


def _entry(raw: Mapping[str, Any], header: Listing, position: int) -> Entry:
    url = _url(raw)
    title = _text(raw, "title", "id") or url
    duration = raw.get("duration")
    return Entry(
        source=_source(raw, _lasting_name(url, header.url)),
        url=url,
        title=title,
        channel=_text(raw, "channel", "uploader", "creator"),
        duration=float(duration) if isinstance(duration, int | float) and duration > 0 else None,
        unavailable=_HIDDEN.get(title)
        or _LIVE.get(str(raw.get("live_status")))
        or _AVAILABILITY.get(str(raw.get("availability"))),
        position=position,
    )


def _url(raw: Mapping[str, Any]) -> str:
    """The page of an entry; of one that is nothing but a file, the file."""
    formats = raw.get("formats") or [{}]
    page = raw.get("webpage_url") if _extractor(raw) not in _NO_EXTRACTOR else None
    return str(page or raw.get("url") or formats[0].get("url") or raw.get("webpage_url") or "")


def _source(raw: Mapping[str, Any], lasting_name: str) -> SourceId:
    """Ids of the generic extractor are made up of file names: there, the link itself is the identity."""
    extractor = _extractor(raw)
    if extractor in _NO_EXTRACTOR or not raw.get("id"):
        digest = hashlib.blake2b(lasting_name.encode("utf-8", "surrogatepass"), digest_size=_ID_BYTES)
        return SourceId("generic" if extractor in _NO_EXTRACTOR else extractor, digest.hexdigest())
    return SourceId(extractor, str(raw["id"]))


def _extractor(raw: Mapping[str, Any]) -> str:
    return str(raw.get("ie_key") or raw.get("extractor_key") or "generic").lower()


def _lasting_name(url: str, list_url: str) -> str:
    """The guid that a feed gives an episode, whose link may change; else the link."""
    from yt_dlp.utils import unsmuggle_url

    plain, hints = unsmuggle_url(url, default={})
    guid = hints.get("force_videoid") if isinstance(hints, dict) else None
    return f"{list_url}\n{guid}" if guid else str(plain)


def _plain_link(link: str) -> str:
    from yt_dlp.utils import unsmuggle_url

    return str(unsmuggle_url(link)[0])


def _text(raw: Mapping[str, Any], *keys: str) -> str:
    return next((text for key in keys if (text := clean_text(str(raw.get(key) or "")))), "")


def _merged(first: Sequence[Entry], second: Sequence[Entry]) -> Iterator[Entry]:
    """Both readings of a list: the second, and behind it what only the first had; numbered anew."""
    unseen = Counter(entry.source for entry in second)
    rest = []
    for entry in first:
        if unseen[entry.source]:
            unseen[entry.source] -= 1
        else:
            rest.append(entry)
    for position, entry in enumerate((*second, *rest), start=1):
        yield replace(entry, position=position)
