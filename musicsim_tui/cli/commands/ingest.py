"""`musicsim-tui ingest`: remember and hear folders and files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from musicsim_tui.cli import output
from musicsim_tui.cli.arguments import refuse_empty
from musicsim_tui.cli.current import CURRENT
from musicsim_tui.cli.ingest_progress import watch_ingest
from musicsim_tui.cli.options import global_options
from musicsim_tui.cli.session import STOPPED_BY_CTRL_C, ExitWith, open_services
from musicsim_tui.errors import UsageError
from musicsim_tui.paths import tidy_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musicsim_tui.cli.interrupt import WatchedToken
    from musicsim_tui.ingest.forecast import Forecast
    from musicsim_tui.ingest.report import IngestProgress, IngestSummary
    from musicsim_tui.services import Services

NEW_FAILURES = 3
_WORTH_A_FORECAST_SECONDS = 180


@global_options
def ingest(
    paths: Annotated[
        list[str] | None, typer.Argument(help="Folders and files. None: refresh what is remembered.")
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try files again that failed before.")
    ] = False,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude", metavar="GLOB", help="Leave out what matches, now and later; '' ends that."
        ),
    ] = None,
) -> None:
    """Remember folders and files, and hear what is new in them."""
    refuse_empty(*(paths or ()), hint="Name a folder, or leave it out.")
    if exclude and not paths:
        raise UsageError(
            "--exclude needs the folder that it is for.", "Run musicsim-tui ingest FOLDER --exclude GLOB."
        )
    excludes = tuple(filter(None, exclude)) if exclude else None
    with open_services() as (services, cancel):
        chosen = [tidy_path(path) for path in paths or ()]
        summary = run_ingest(services, cancel, chosen, excludes, retry_failed=retry_failed)
    if summary.cancelled:
        raise ExitWith(STOPPED_BY_CTRL_C)
    if any(failure.new for failure in summary.failures):
        raise ExitWith(NEW_FAILURES)


def run_ingest(
    services: Services,
    cancel: WatchedToken,
    paths: Sequence[Path],
    excludes: tuple[str, ...] | None = None,
    *,
    retry_failed: bool = False,
    silent: bool = False,
) -> IngestSummary:
    """Ingest with progress for whoever watches, then print the summary unless `silent`.

    `excludes` of None leaves those that are remembered as they are.
    """
    from musicsim_tui.ingest.ingest import IngestHooks, IngestRequest

    request = IngestRequest(
        paths=tuple(paths),
        excludes=excludes,
        coverage=services.settings.coverage,
        retry_failed=retry_failed,
        threads=services.threads,
    )
    model = services.models.listening().model
    with watch_ingest() as watcher:

        def publish(snapshot: IngestProgress) -> None:
            cancel.will_be_heeded()  # tracks are being heard: what is finished is committed before the end
            watcher.hearing(snapshot)

        hooks = IngestHooks(
            publish=publish,
            forecast=_announce,
            index_new=lambda: services.engine.push_new(model),
            notice=output.note,
        )
        summary = services.ingest(request, hooks, cancel, watcher.indexing)
    if not silent:
        _print_summary(summary)
    return summary


def _announce(forecast: Forecast) -> None:
    if forecast.work_seconds < _WORTH_A_FORECAST_SECONDS:
        return
    output.note(
        f"{output.count(forecast.files, 'file')}, about {output.duration_words(forecast.audio_seconds)} "
        f"of audio: about {output.duration_words(forecast.work_seconds)} to hear, "
        f"{output.size_words(forecast.disk_bytes)} on the disk. Ctrl-C stops; the next ingest goes on."
    )


def _print_summary(summary: IngestSummary) -> None:
    if CURRENT.json:
        output.emit(
            {
                "event": "summary",
                "model": summary.model.name,
                "added": summary.added,
                "skipped": summary.skipped,
                "failed": summary.failed,
                "audio_seconds": round(summary.audio_seconds, 3),
                "seconds": round(summary.seconds, 3),
                "failures": [
                    {"path": str(failure.path), "reason": failure.reason, "hint": failure.hint}
                    for failure in summary.failures
                ],
                "relinked": summary.relinked,
                "missing": summary.missing,
                "remembered_failures": summary.remembered_failures,
                "offline": [{"path": str(path), "reason": reason} for path, reason in summary.offline],
                "cancelled": summary.cancelled,
            }
        )
        return
    pace = f", {summary.audio_seconds / summary.seconds:,.0f}x realtime" if summary.added else ""
    output.say(
        f"{'Stopped. ' if summary.cancelled else ''}Added {output.count(summary.added, 'track')} "
        f"with {summary.model.name} in {output.duration_words(summary.seconds)}{pace}; "
        f"{summary.skipped:,} skipped, {summary.failed:,} failed."
    )
    if summary.relinked:
        output.note(
            f"{output.count(summary.relinked, 'file')} moved, copied or retagged: the sound was known."
        )
    for failure in summary.failures:
        output.note(f"  {failure.path}: {failure.reason} {failure.hint}")
    for path, reason in summary.offline:
        output.note(f"{path} is offline ({reason}): nothing under it was touched.")
    if summary.missing:
        output.note(
            f"{output.count(summary.missing, 'file')} gone from the disk: left out of results, "
            "forgotten only by musicsim-tui prune."
        )
    if summary.remembered_failures:
        output.note(
            f"{output.count(summary.remembered_failures, 'file')} failed before and did not change: "
            "musicsim-tui failures tells why, --retry-failed tries again."
        )
