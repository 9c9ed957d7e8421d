"""A running ingest as it is watched: a bar on a terminal, events under --json."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from musicsim_tui.cli import output
from musicsim_tui.cli.current import CURRENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from musicsim_tui.ingest.report import IngestProgress
    from musicsim_tui.jobs import Progress


@dataclass(frozen=True, slots=True)
class IngestWatcher:
    """What is told of the files that are heard, and then of the tracks that are indexed."""

    hearing: Callable[[IngestProgress], None] = lambda _: None
    indexing: Callable[[Progress], None] = lambda _: None


@contextmanager
def watch_ingest() -> Iterator[IngestWatcher]:
    """Show progress to whoever watches; to nobody under --quiet or without a terminal."""
    if CURRENT.json and not CURRENT.quiet:
        yield _events()
    elif output.shows_progress():
        with _bar() as watcher:
            yield watcher
    else:
        yield IngestWatcher()


def _events() -> IngestWatcher:
    last = -1

    def hearing(snapshot: IngestProgress) -> None:
        nonlocal last
        if snapshot.done != last:
            last = snapshot.done
            path = snapshot.decoding[0] if snapshot.decoding else None
            output.emit_progress(snapshot.done, snapshot.total, path, stage="hearing")

    def indexing(snapshot: Progress) -> None:
        output.emit_progress(snapshot.done, snapshot.total, None, stage="indexing")

    return IngestWatcher(hearing, indexing)


@contextmanager
def _bar() -> Iterator[IngestWatcher]:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}", markup=False),
    )
    with output.live_bars(*columns) as bars:
        task = bars.add_task("looking", total=None, pace="")

        def hearing(snapshot: IngestProgress) -> None:
            words = [f"{snapshot.realtime_factor:,.0f}x realtime"]
            if snapshot.seconds_left is not None:
                words.append(f"{output.duration_words(snapshot.seconds_left)} left")
            if snapshot.failed:
                words.append(f"{snapshot.failed} failed")
            bars.update(
                task,
                description="hearing",
                completed=snapshot.done,
                total=snapshot.total,
                pace=", ".join(words),
                refresh=True,
            )

        def indexing(snapshot: Progress) -> None:
            bars.update(
                task,
                description="indexing",
                completed=snapshot.done,
                total=snapshot.total,
                pace="",
                refresh=True,
            )

        yield IngestWatcher(hearing, indexing)
