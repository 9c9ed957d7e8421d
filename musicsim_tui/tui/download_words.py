"""Playlists, their entries and the queue in words."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from musicsim_tui.download.report import QueueState
from musicsim_tui.library.playlist_records import EntryState
from musicsim_tui.tui.keymap import BY_ID, main_key
from musicsim_tui.tui.text import shown
from musicsim_tui.wording import clock, count, duration_words, size_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from musicsim_tui.download.forecast import DownloadForecast
    from musicsim_tui.download.report import ListingProgress, LiveEntry, QueueSnapshot
    from musicsim_tui.library.playlist_records import Playlist, PlaylistEntry
    from musicsim_tui.services.downloads import Forgotten
    from musicsim_tui.tui.downloading import Downloading

ROBOT = "robot"
"""What only the sentence about a bot check has in it."""
_STATES = {
    EntryState.LISTED: "",
    EntryState.WAITING: "waiting",
    EntryState.PAUSED: "paused",
    EntryState.INGESTING: "ingesting",
    EntryState.READY: "ready",
    EntryState.FAILED: "failed",
    EntryState.UNAVAILABLE: "",
    EntryState.CANCELLED: "cancelled",
    EntryState.GONE: "file deleted",
}
_STAGES = {"pausing": "waiting", "asking": "asking the site"}
_WITH_REASON = (EntryState.WAITING, EntryState.PAUSED, EntryState.FAILED, EntryState.UNAVAILABLE)
_UNWANTED = (EntryState.PAUSED, EntryState.CANCELLED)
"""States in which what is being fetched is left as soon as the site answers."""
HERE = (EntryState.READY, EntryState.INGESTING)
"""States in which the file is there."""
_LONGEST_TITLE = 100


def speed_words(speed: float) -> str:
    """Bytes a second."""
    return f"{speed / 1e6:.1f} MB/s" if speed >= 1e6 else f"{speed / 1e3:.0f} kB/s"


def live_words(live: LiveEntry) -> str:
    """What is being done for an entry at this moment: downloading 43% 1.2 MB/s 0:12 left."""
    stage = live.stage.value
    parts = [_STAGES.get(stage, stage)]
    if live.total and stage != "pausing":
        parts.append(f"{int(100 * min(1.0, live.done / live.total))}%")
    elif live.done and stage == "downloading":
        parts.append(size_words(live.done))
    if live.speed is not None:
        parts.append(speed_words(live.speed))
    if live.seconds_left is not None and stage != "asking":
        parts.append(f"{clock(live.seconds_left)} left" if stage != "pausing" else clock(live.seconds_left))
    return " ".join(parts)


def entry_words(entry: PlaylistEntry, live: LiveEntry | None) -> str:
    """Where an entry stands; `live` is what is being fetched, perhaps for a moment longer than is wanted."""
    if live is not None and live.key == entry.key and entry.state not in _UNWANTED:
        return live_words(live)
    words = _STATES[entry.state]
    if entry.state is EntryState.LISTED and entry.fresh:
        words = "new"
    elif entry.state is EntryState.READY and entry.twin is not None:
        words = "ready, same sound as another file"
    elif entry.state in _WITH_REASON and entry.reason:
        words = f"{words}: {shown(entry.reason)}" if words else shown(entry.reason)
    if entry.removed:
        words = f"{words}, not in the list any more" if words else "not in the list any more"
    return words


def about_entry(entry: PlaylistEntry, dot: str) -> str:
    """What the row of an entry has no room for."""
    parts = [shown(entry.source.channel)] if entry.source.channel else []
    if entry.state not in HERE and entry.reason:
        parts.append(f"{shown(entry.reason)} {shown(entry.hint)}")
    elif entry.twin is not None:
        parts.append(f"the same sound as {shown(entry.twin)}")
    elif entry.path is not None:
        parts.append(shown(entry.path))
    else:
        parts.append(shown(entry.source.url))
    return f" {dot} ".join(parts)


def entries_words(number: int) -> str:
    """1 entry, 21 entries."""
    return f"{number:,} entry" if number == 1 else f"{number:,} entries"


def totals(playlist: Playlist) -> str:
    """How much of a playlist is there."""
    return f"{playlist.count(*HERE):,} of {playlist.entries:,}"


def gap_words(playlist: Playlist) -> str:
    """What the site announced and did not hand out."""
    announced = playlist.record.announced
    if not playlist.gap or announced is None:
        return ""
    return f"{announced:,} announced, {playlist.gap:,} not handed out"


def received_words(listing: ListingProgress) -> str:
    """How far a listing is."""
    of = "" if listing.announced is None else f" of {listing.announced:,}"
    return f"{listing.received:,}{of} listed"


def forecast_words(forecast: DownloadForecast, dot: str) -> str:
    """What lies ahead: how many, how long, how much room."""
    if not forecast.entries:
        return "nothing is left to fetch"
    free = "" if forecast.free is None else f", {size_words(forecast.free)} free"
    fits = "" if forecast.fits else f" {dot} does not fit on the disk"
    return (
        f"{forecast.entries:,} to fetch {dot} {duration_words(forecast.seconds)} at the polite pace {dot} "
        f"{size_words(forecast.bytes)}{free}{fits}"
    )


def queue_keys(keymap: Mapping[str, str]) -> dict[str, str]:
    """The keys that `queue_words` names, after rebinding."""
    return {name: main_key(BY_ID[name], keymap) for name in ("queue.pause", "queue.pause_all", "cookies")}


def queue_words(downloading: Downloading, keys: Mapping[str, str], dot: str) -> str:
    """What the queue does and what to press, in one line; empty when there is nothing to say.

    `keys` is what `queue_keys` gives.
    """
    pause = keys["queue.pause_all"]
    snapshot, error = downloading.snapshot, downloading.error
    if error is not None:
        return f"{error.title} {error.hint} {pause} starts the queue again."
    if downloading.paused:
        waiting = f", {snapshot.waiting:,} waiting" if snapshot.waiting else ""
        return f"Paused{waiting}. {pause} goes on."
    reason = shown(snapshot.reason).replace(", and the queue has stopped", "")
    match snapshot.state:
        case QueueState.STOPPED:
            cookies = f", {keys['cookies']} takes a browser's cookies" if ROBOT in reason else ""
            hint = "" if cookies else f" {shown(snapshot.hint)}"
            return f"{reason}{hint} {pause} tries again{cookies}."
        case QueueState.RESTING:
            return f"{reason} It goes on by itself at {_hour(snapshot)}; {pause} tries now."
        case QueueState.NO_ROOM:
            return f"{reason} It goes on when there is room; {pause} tries now."
        case QueueState.ELSEWHERE:
            return f"Another musicsim-tui is fetching these; {snapshot.waiting:,} waiting."
        case QueueState.RUNNING | QueueState.PAUSING:
            return _running_words(snapshot, pause, dot)
        case _:
            parts = [f"hearing {count(snapshot.hearing, 'file')}"] if snapshot.hearing else []
            parts += [f"{snapshot.held:,} paused"] if snapshot.held else []
            parts += [f"{keys['queue.pause']} lets one go on, {pause} all"] if snapshot.held else []
            return f" {dot} ".join(parts)


def _running_words(snapshot: QueueSnapshot, pause: str, dot: str) -> str:
    parts = [f"{snapshot.waiting:,} to come"]
    if snapshot.held:
        parts.append(f"{snapshot.held:,} paused")
    if snapshot.seconds_left is not None:
        parts.append(f"{duration_words(snapshot.seconds_left)} left")
    if snapshot.hearing:
        parts.append(f"hearing {snapshot.hearing:,}")
    if snapshot.state is QueueState.PAUSING:
        parts.append("a polite pause")
    parts.append(f"{pause} pauses all")
    return f" {dot} ".join(parts)


def forgotten_words(forgotten: Forgotten) -> str:
    """What became of a forgotten playlist and its files."""
    own, left = forgotten.files_own, forgotten.files_kept - forgotten.files_own
    files = [
        f"{count(forgotten.files_deleted, 'file')} deleted" if forgotten.files_deleted else "",
        f"{count(own, 'file')} that {'was' if own == 1 else 'were'} there before, or moved or changed since,"
        f" {'stays' if own == 1 else 'stay'}"
        if own
        else "",
        f"{count(left, 'file')} kept" if left else "",
    ]
    told = "; ".join(filter(None, files))
    return f"{shown(forgotten.title)[:_LONGEST_TITLE]} is forgotten{': ' if told else ''}{told}"


def _hour(snapshot: QueueSnapshot) -> str:
    return "?" if snapshot.until is None else time.strftime("%H:%M", time.localtime(snapshot.until))


def job_words(downloading: Downloading, dot: str, *, short: bool) -> str:
    """The downloads in a quarter of a line, for the bottom of every screen."""
    if downloading.listed_name:
        listing = downloading.listing
        return "listing" if listing is None else received_words(listing)
    snapshot = downloading.snapshot
    if downloading.error is not None:
        return "downloads ended"
    if downloading.paused:
        return "downloads paused" if snapshot.waiting or snapshot.held else ""
    done = snapshot.ready + snapshot.failed
    match snapshot.state:
        case QueueState.RUNNING | QueueState.PAUSING:
            left = ""
            if snapshot.seconds_left is not None and not short:
                left = f" {dot} {duration_words(snapshot.seconds_left)} left"
            return f"fetching {done:,}/{done + snapshot.waiting:,}{left}"
        case QueueState.RESTING:
            return f"downloads rest until {_hour(snapshot)}"
        case QueueState.STOPPED:
            return "downloads stopped"
        case QueueState.NO_ROOM:
            return "downloads: no room"
        case _:
            if snapshot.hearing:
                return f"hearing {snapshot.hearing:,} new"
            return f"{count(snapshot.held, 'download')} paused" if snapshot.held else ""
