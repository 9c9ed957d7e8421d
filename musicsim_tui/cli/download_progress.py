"""Listings and the queue as they are watched: lines that move on a terminal, events under --json."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from musicsim_tui.cli import output
from musicsim_tui.cli.current import CURRENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress as Bars

    from musicsim_tui.download.report import ListingProgress, LiveEntry, QueueSnapshot

_EVENT_SECONDS = 1.0
_LONGEST_TITLE = 40


@dataclass(frozen=True, slots=True)
class DownloadWatcher:
    """What is told of entries that are listed, and of the queue."""

    listing: Callable[[ListingProgress], None] = lambda _: None
    queue: Callable[[QueueSnapshot], None] = lambda _: None


@contextmanager
def watch_downloads() -> Iterator[DownloadWatcher]:
    """Show progress to whoever watches; without a terminal, only why the queue does not go on."""
    if CURRENT.json:
        yield DownloadWatcher() if CURRENT.quiet else _events()
    elif output.shows_progress():
        with _bars() as watcher:
            yield watcher
    else:
        yield DownloadWatcher(queue=_Reasons())


class _Reasons:
    """Says once what the queue waits for."""

    def __init__(self) -> None:
        self._said = ""

    def __call__(self, snapshot: QueueSnapshot) -> None:
        if snapshot.reason != self._said:
            self._said = snapshot.reason
            if snapshot.reason and snapshot.until is not None:
                output.note(f"{snapshot.reason} Goes on at {time_of_day(snapshot.until)}.")
            elif snapshot.state == "elsewhere":
                output.note(f"{snapshot.reason} {snapshot.hint}")


def _events() -> DownloadWatcher:
    last: tuple[object, ...] = ()
    told = 0.0

    def tell(what: tuple[object, ...], done: int, total: int | None, **more: object) -> None:
        nonlocal last, told
        now = time.monotonic()
        if what != last or now - told >= _EVENT_SECONDS:
            last, told = what, now
            output.emit_progress(done, total, None, **more)

    def listing(progress: ListingProgress) -> None:
        tell(
            ("listing", progress.received),
            progress.received,
            None if progress.announced is None else max(progress.announced, progress.received),
            stage="listing",
            title=progress.title,
        )

    def queue(snapshot: QueueSnapshot) -> None:
        done, live = snapshot.ready + snapshot.failed, snapshot.live
        stage = live.stage.value if live is not None else snapshot.state.value
        tell(
            (done, stage, live and live.key, snapshot.hearing),
            done,
            done + snapshot.waiting,
            stage=stage,
            title=None if live is None else live.title,
            bytes=live.done if live is not None and stage == "downloading" else None,
            total_bytes=live.total if live is not None and stage == "downloading" else None,
            speed=None if live is None else live.speed,
            seconds_left=snapshot.seconds_left,
            hearing=snapshot.hearing,
            heard=snapshot.heard,
            reason=snapshot.reason or None,
            until=snapshot.until,
        )

    return DownloadWatcher(listing, queue)


@contextmanager
def _bars() -> Iterator[DownloadWatcher]:
    from rich.progress import BarColumn, TextColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[words]}", markup=False),
    )
    with output.live_bars(*columns) as bars:
        whole = bars.add_task("asking the site", total=None, words="")
        one = bars.add_task("", total=None, words="", visible=False)

        def listing(progress: ListingProgress) -> None:
            of = "" if progress.announced is None else f" of {progress.announced:,}"
            bars.update(
                whole,
                description=f"listing {_short(progress.title)}",
                completed=progress.received,
                total=progress.announced,
                words=f"{progress.received:,}{of}",
                refresh=True,
            )

        def queue(snapshot: QueueSnapshot) -> None:
            _show_whole(bars, whole, snapshot)
            _show_one(bars, one, snapshot.live)

        yield DownloadWatcher(listing, queue)


def _show_whole(bars: Bars, task: object, snapshot: QueueSnapshot) -> None:
    done = snapshot.ready + snapshot.failed
    words = [f"{done:,} of {done + snapshot.waiting:,}"]
    if snapshot.failed:
        words.append(f"{snapshot.failed:,} failed")
    if snapshot.reason:
        words = [snapshot.reason]
        if snapshot.until is not None:
            words.append(f"Goes on at {time_of_day(snapshot.until)}.")
    elif snapshot.waiting and snapshot.seconds_left is not None:
        words.append(f"{output.duration_words(snapshot.seconds_left)} left")
    if snapshot.hearing:
        words.append(f"hearing {snapshot.hearing:,}")
    bars.update(
        task,  # type: ignore[arg-type]
        description="fetching" if snapshot.waiting else "hearing",
        completed=done,
        total=done + snapshot.waiting,
        words=output.plain((" " if snapshot.reason else ", ").join(words)),
        refresh=True,
    )


def _show_one(bars: Bars, task: object, live: LiveEntry | None) -> None:
    if live is None:
        bars.update(task, visible=False)  # type: ignore[arg-type]
        return
    words = [live.stage.value]
    if live.speed:
        words.append(f"{output.size_words(live.speed)}/s")
    if live.seconds_left is not None:
        words.append(f"{output.duration_words(live.seconds_left)} left")
    bars.update(
        task,  # type: ignore[arg-type]
        description=f"  {_short(live.title)}",
        completed=live.done,
        total=live.total,
        words=", ".join(words),
        visible=True,
        refresh=True,
    )


def _short(title: str) -> str:
    title = output.plain(title)
    return title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 1]}…"


def time_of_day(seconds: float) -> str:
    """Unix seconds as the clock shows them here."""
    return time.strftime("%H:%M", time.localtime(seconds))
