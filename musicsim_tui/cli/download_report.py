"""What was listed and what was fetched, as tables and sentences or as JSON."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from musicsim_tui.cli import output
from musicsim_tui.cli.current import CURRENT
from musicsim_tui.cli.output import Column
from musicsim_tui.library.playlist_records import EntryState

if TYPE_CHECKING:
    from musicsim_tui.download.forecast import DownloadForecast
    from musicsim_tui.download.preview import Preview
    from musicsim_tui.download.report import Opened, RunSummary
    from musicsim_tui.errors import MusicSimError
    from musicsim_tui.library.playlist_records import Playlist, PlaylistEntry
    from musicsim_tui.services import Services

_THERE = (EntryState.READY, EntryState.INGESTING)


@dataclass(frozen=True, slots=True)
class Listed:
    """A playlist as it was seen, and what fetching it would take."""

    opened: Opened
    playlist: Playlist
    entries: tuple[PlaylistEntry, ...]
    forecast: DownloadForecast

    @classmethod
    def of(cls, preview: Preview, services: Services) -> Listed:
        """With the forecast for where its files go."""
        playlist, entries = preview.playlist, preview.entries
        return cls(preview.opened, playlist, entries, services.downloads.forecast(entries, playlist.folder))


def counts(services: Services, opened: Iterable[Opened]) -> dict[int, dict[EntryState, int]]:
    """Entries by state of each playlist."""
    found = (services.catalog.playlists.get(each.playlist) for each in opened)
    return {playlist.id: playlist.counts for playlist in found if playlist is not None}


def note_mix(mix: Playlist) -> None:
    """Say that an endless mix is not looked at with all the others, and how to get more of it."""
    flag = "--playlist " if mix.record.choice else ""
    output.note(
        f"{mix.title}: left out, as an endless mix always has something new. More of it: "
        f"musicsim-tui download {shlex.quote(mix.record.link)} {flag}--limit "
        f"{2 * (mix.record.limit or mix.entries)}"
    )


def announce(services: Services, only: Iterable[int] | None) -> None:
    """Say what lies ahead, in all or for these playlists: how many tracks, how long, how much room, and
    where they go that do not go to the download folder."""
    playlists = services.catalog.playlists
    queued = [entry for entry in playlists.queue() if entry.state is EntryState.WAITING]
    if only is not None:
        keys = {entry.key for playlist in only for entry in playlists.entries(playlist)}
        queued = [entry for entry in queued if entry.key in keys]
    forecast = services.downloads.forecast(queued)
    if not forecast.entries:
        return
    output.note(f"{_ahead(forecast)} Ctrl-C stops; the next download goes on.")
    if not forecast.fits:
        output.note("That does not fit on the disk: downloading stops before it is full.")
    for playlist in playlists.all():
        elsewhere = playlist.folder.parent != services.downloads.folder
        if elsewhere and any(entry.playlist == playlist.id for entry in queued):
            output.note(
                f"{playlist.title}: new files go to {playlist.folder}, as before; download its link with "
                "--dest DIR to send them elsewhere."
            )


def _ahead(forecast: DownloadForecast) -> str:
    free = "" if forecast.free is None else f", {output.size_words(forecast.free)} free"
    return (
        f"{output.count(forecast.entries, 'track')} to fetch, "
        f"{output.duration_words(forecast.audio_seconds)} of audio: about "
        f"{output.duration_words(forecast.seconds)} at the polite pace, "
        f"{output.size_words(forecast.bytes)} on the disk{free}."
    )


def print_lists(listed: Sequence[Listed], failed: Sequence[tuple[str, MusicSimError]]) -> None:
    """Every list with its entries, and what fetching them would take."""
    if CURRENT.json:
        output.emit(
            {
                "playlists": [_list_as_json(each) for each in listed],
                "links": [_link_as_json(link, error) for link, error in failed],
            }
        )
        return
    for each in listed:
        output.say(output.plain(_heading(each)))
        output.print_table(
            [
                *(Column("#", "right"), Column("Title", shrinks=True), Column("Channel", shrinks=True)),
                *(Column("Len", "right"), Column("State", shrinks=True)),
            ],
            [
                [
                    str(entry.position),
                    entry.title,
                    entry.source.channel,
                    output.clock(entry.source.duration),
                    _state(entry),
                ]
                for entry in each.entries
            ],
        )
        if each.forecast.entries:
            output.say(_ahead(each.forecast))
        _note_gap(each.opened)


def _heading(listed: Listed) -> str:
    opened = listed.opened
    announced = opened.announced if opened.announced not in (None, opened.received) else None
    of = "" if announced is None else f" of {announced:,} announced"
    owner = f" by {listed.playlist.record.channel}" if listed.playlist.record.channel else ""
    return f"{opened.title}{owner}: {output.count(opened.received, 'track')}{of}"


def _state(entry: PlaylistEntry) -> str:
    words = entry.state.value
    if entry.state is EntryState.LISTED:
        words = "new" if entry.fresh else ""
    if entry.removed:
        words = f"{words}, not in the list any more".strip(", ")
    return f"{words}: {entry.reason}" if entry.reason else words


def _note_news(opened: Opened) -> None:
    """What changed since the playlist was looked at last."""
    fresh = 0 if opened.created else opened.fresh
    news = [
        *([f"{fresh:,} new"] if fresh else []),
        *([f"{opened.removed:,} not in the list any more"] if opened.removed else []),
        *([f"{opened.deleted:,} deleted from the disk"] if opened.deleted else []),
    ]
    if news:
        output.note(f"{opened.title}: {', '.join(news)}.")


def _note_held(summary: RunSummary) -> None:
    """What was passed over because somebody has paused it in the app."""
    if summary.held:
        them = "it" if summary.held == 1 else "them"
        output.note(f"{output.count(summary.held, 'track')} paused in the app, where p lets {them} go on.")


def _note_twins(services: Services, summary: RunSummary) -> None:
    """Which of the fetched files hold a sound that is in the library already; of two twins one."""
    fetched = set(summary.files)
    if not fetched or not summary.heard:
        return
    playlists = services.catalog.playlists
    for playlist in playlists.all():
        for entry in playlists.entries(playlist.id):
            if entry.path in fetched and entry.twin is not None:
                fetched -= {entry.path, entry.twin}
                output.note(f"  {entry.title}: the same sound as {entry.twin}.")


def _note_gap(opened: Opened) -> None:
    if opened.problem is not None:
        output.note(f"The list broke off: {opened.problem.title} {opened.problem.hint}")
    if opened.gap:
        output.note(
            f"The site announced {opened.announced:,} entries and handed out {opened.received:,}; the list "
            f"was read twice. {opened.gap:,} are missing: they may be hidden, or come another time."
        )
    for advice in opened.advice:
        output.note(advice)


def print_summary(
    services: Services,
    summary: RunSummary,
    opened: Sequence[Opened],
    failed: Sequence[tuple[str, MusicSimError]],
    before: dict[int, dict[EntryState, int]],
) -> None:
    """What came of it all."""
    known = summary.adopted + sum(states.get(state, 0) for states in before.values() for state in _THERE)
    unavailable = sum(states.get(EntryState.UNAVAILABLE, 0) for states in before.values())
    if CURRENT.json:
        output.emit(_summary_as_json(services, summary, opened, failed, known, unavailable))
        return
    if not (opened or failed or summary.ready or summary.failed or summary.heard or summary.waiting):
        output.say("Nothing waits. Give a link, or --all to look what is new in the playlists so far.")
        _note_held(summary)
        return
    there = f" {known:,} {'was' if known == 1 else 'were'} there already." if known else ""
    fetched = summary.ready - summary.adopted
    heard = f", {summary.heard:,} heard" if summary.heard else ""
    output.say(
        f"{'Stopped. ' if summary.cancelled else ''}Fetched {output.count(fetched, 'track')} "
        f"({output.size_words(summary.bytes)}) in {output.duration_words(summary.seconds)}{heard}; "
        f"{summary.failed:,} failed, {unavailable:,} unavailable, {summary.waiting:,} waiting.{there}"
    )
    _note_held(summary)
    for each in opened:
        _note_news(each)
        _note_gap(each)
    _note_twins(services, summary)
    for entry in summary.failures:
        output.note(f"  {entry.title}: {entry.reason} {entry.hint}")
    if summary.left_unheard and summary.hearing_error is None and not summary.cancelled:
        output.note(
            f"{output.count(summary.left_unheard, 'file')} not heard yet: musicsim-tui ingest hears them."
        )
    for advice in summary.advice:
        output.note(advice)


def _summary_as_json(
    services: Services,
    summary: RunSummary,
    opened: Sequence[Opened],
    failed: Sequence[tuple[str, MusicSimError]],
    known: int,
    unavailable: int,
) -> dict[str, Any]:
    found = ((each, services.catalog.playlists.get(each.playlist)) for each in opened)
    stopped = summary.stopped_by or summary.hearing_error
    error = (
        {"error": {"title": stopped.title, "hint": stopped.hint}}
        if stopped is not None and not summary.cancelled
        else {}
    )
    return {
        "event": "summary",
        "ready": summary.ready,
        "adopted": summary.adopted,
        "failed": summary.failed,
        "heard": summary.heard,
        "known": known,
        "unavailable": unavailable,
        "waiting": summary.waiting,
        "paused": summary.held,
        "unheard": summary.left_unheard,
        "audio_seconds": round(summary.audio_seconds, 3),
        "bytes": summary.bytes,
        "seconds": round(summary.seconds, 3),
        "files": [str(path) for path in summary.files],
        "playlists": [
            playlist_as_json(playlist) | _listing_as_json(each)
            for each, playlist in found
            if playlist is not None
        ],
        "failures": [failure_as_json(entry) for entry in summary.failures],
        "links": [_link_as_json(link, error) for link, error in failed],
        "advice": list(summary.advice),
        "cancelled": summary.cancelled,
        **error,
    }


def playlist_as_json(playlist: Playlist) -> dict[str, Any]:
    """A remembered playlist."""
    record = playlist.record
    return {
        "number": playlist.id,
        "title": record.title,
        "channel": output.known(record.channel),
        "link": record.link,
        "url": record.url,
        "folder": str(playlist.folder),
        "announced": record.announced,
        "count": playlist.entries,
        "states": {state.value: playlist.count(state) for state in EntryState},
        "removed": playlist.removed,
        "added": playlist.added,
        "checked": playlist.checked,
    }


def failure_as_json(entry: PlaylistEntry) -> dict[str, Any]:
    """An entry that could not be fetched or heard."""
    return {
        "path": None if entry.path is None else str(entry.path),
        "url": entry.source.url,
        "title": entry.title,
        "stage": "hearing" if entry.kind == "hearing" else "downloading",
        "kind": output.known(entry.kind),
        "reason": entry.reason,
        "hint": entry.hint,
        "at": entry.tried,
        "attempts": entry.attempts,
    }


def _listing_as_json(opened: Opened) -> dict[str, Any]:
    return {
        "received": opened.received,
        "gap": opened.gap,
        "retried": opened.retried,
        "limited": opened.limited,
        "fresh": opened.fresh,
        "lost": opened.removed,
        "deleted": opened.deleted,
        "problem": None
        if opened.problem is None
        else {"title": opened.problem.title, "hint": opened.problem.hint},
        "advice": list(opened.advice),
    }


def _list_as_json(listed: Listed) -> dict[str, Any]:
    forecast = listed.forecast
    return (
        playlist_as_json(listed.playlist)
        | ({"number": None, "added": None} if listed.opened.created else {})
        | _listing_as_json(listed.opened)
        | {
            "to_fetch": forecast.entries,
            "audio_seconds": round(forecast.audio_seconds, 1),
            "seconds": round(forecast.seconds, 1),
            "bytes": round(forecast.bytes),
            "free": forecast.free,
            "entries": [
                {
                    "position": entry.position,
                    "extractor": entry.source.extractor,
                    "id": entry.source.source_id,
                    "url": entry.source.url,
                    "title": entry.title,
                    "channel": output.known(entry.source.channel),
                    "duration": entry.source.duration,
                    "state": entry.state.value,
                    "fresh": entry.fresh,
                    "removed": entry.removed,
                    "kind": output.known(entry.kind),
                    "reason": output.known(entry.reason),
                    "hint": output.known(entry.hint),
                    "path": None if entry.path is None else str(entry.path),
                    "track": None if entry.track is None else str(entry.track),
                }
                for entry in listed.entries
            ],
        }
    )


def _link_as_json(link: str, error: MusicSimError) -> dict[str, str]:
    return {"link": link, "reason": error.title, "hint": error.hint}
