"""The flow from folders to heard tracks: remember, scan, plan, hear, note what is gone."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from musicsim_tui.audio.reader import describe_os_error
from musicsim_tui.errors import UnmetRequest
from musicsim_tui.ingest.forecast import make_forecast
from musicsim_tui.ingest.pause import PauseSwitch
from musicsim_tui.ingest.pipeline import Pipeline
from musicsim_tui.ingest.plan import make_plan
from musicsim_tui.ingest.report import IngestSummary, ItemFailure
from musicsim_tui.ingest.writing import Outcome
from musicsim_tui.jobs import Cancelled
from musicsim_tui.library.records import Failure, Root
from musicsim_tui.paths import has_no_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from musicsim_tui.embedding.embedder import Embedder
    from musicsim_tui.ingest.forecast import Forecast
    from musicsim_tui.ingest.plan import Plan
    from musicsim_tui.ingest.report import IngestProgress
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.track import ModelVersion


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """What to ingest and how. No paths: everything that is remembered. Excludes of None: as remembered.
    `remember` is False for files that somebody else looks after."""

    paths: tuple[Path, ...] = ()
    excludes: tuple[str, ...] | None = None
    coverage: int | None = None
    retry_failed: bool = False
    threads: int = 1
    remember: bool = True


@dataclass(frozen=True, slots=True)
class IngestHooks:
    """How a running ingest reaches the outside, and is paused from there. `index_new` brings fresh tracks to
    the search index."""

    publish: Callable[[IngestProgress], None] = lambda _: None
    forecast: Callable[[Forecast], None] = lambda _: None
    index_new: Callable[[], None] = lambda: None
    notice: Callable[[str], None] = lambda _: None
    pause: PauseSwitch = field(default_factory=PauseSwitch)


def ingest(
    catalog: Catalog,
    model: ModelVersion,
    load: Callable[[], Embedder],
    request: IngestRequest,
    hooks: IngestHooks,
    cancel: CancelToken,
) -> IngestSummary:
    """Hear what is new or changed; `load` brings the model, and is called only when there is something.

    When cancelled, returns what was done with `cancelled` set.
    Raises UnmetRequest when none of the paths exists, ModelError or CatalogError when going on is impossible.
    """
    started = time.monotonic()
    roots, absent = _roots_of(catalog, request)
    try:
        plan = make_plan(
            catalog,
            roots,
            model,
            request.coverage,
            retry_failed=request.retry_failed,
            cancel=cancel,
        )
        outcome = _hear(catalog, load(), plan, request, hooks, cancel) if plan.candidates else Outcome()
    except Cancelled:
        return IngestSummary(model, cancelled=True)
    missing = 0 if cancel.cancelled else _note_what_is_gone(catalog, plan, outcome)
    failures = (*absent, *_unseen(catalog, plan), *outcome.failures, *outcome.flawed)
    return IngestSummary(
        model=model,
        added=outcome.added,
        skipped=plan.unchanged + plan.remembered_failures + outcome.relinked + outcome.passed_over,
        failed=len(failures),
        relinked=outcome.relinked,
        remembered_failures=plan.remembered_failures,
        missing=missing,
        audio_seconds=outcome.audio_seconds,
        seconds=time.monotonic() - started - outcome.waited_seconds,
        hearing_seconds=outcome.seconds,
        failures=failures,
        offline=(*plan.offline, *outcome.offline),
        cancelled=cancel.cancelled,
    )


def _note_what_is_gone(catalog: Catalog, plan: Plan, outcome: Outcome) -> int:
    """Mark files as missing and forget their failures; returns how many leave a track without files.

    The plan may be hours old: what has come back since is left alone.
    """
    fell_silent = {root for root, _ in outcome.offline}
    gone = {
        path: track
        for path, track in plan.missing.items()
        if fell_silent.isdisjoint(path.parents) and has_no_file(path)
    }
    catalog.mark_missing(list(gone))
    catalog.clear_failures([path for path in plan.settled_failures if has_no_file(path)])
    for root in plan.scanned:
        if root not in fell_silent:
            catalog.mark_scanned(root, time.time())
    without_files = set(catalog.missing_ids()) if gone else set()
    return sum(track in without_files for track in gone.values())


def _unseen(catalog: Catalog, plan: Plan) -> list[ItemFailure]:
    """List the folders that could not be looked into and the links without a file; every ingest tries them
    again."""
    hint = "Give yourself permission to read it; the next ingest looks again."
    words = [
        (path, f"The folder cannot be looked into: {reason}.", hint) for path, reason in plan.unreadable
    ] + [(path, *_why_broken(error, path)) for path, error in plan.broken_links]
    now = time.time()
    found = [Failure(path, None, "scan", reason, hint, now, 1) for path, reason, hint in words]
    if found:
        catalog.record_failures(found)
    return [
        ItemFailure(
            failure.path,
            failure.reason,
            failure.hint,
            new=os.fsencode(failure.path) not in plan.failed_before,
            remembered=False,
        )
        for failure in found
    ]


def _why_broken(error: OSError, link: Path) -> tuple[str, str]:
    if isinstance(error, FileNotFoundError):
        return (
            "The file is a link that leads to nothing.",
            "Connect the disk that it leads to, or remove the link; the next ingest looks again.",
        )
    words = describe_os_error(error, link)
    return words.title, words.hint


def _hear(
    catalog: Catalog,
    embedder: Embedder,
    plan: Plan,
    request: IngestRequest,
    hooks: IngestHooks,
    cancel: CancelToken,
) -> Outcome:
    def forecast() -> float | None:
        found = make_forecast(
            plan.candidates, embedder, request.coverage, threads=request.threads, cancel=cancel
        )
        if found is None:
            return None
        hooks.forecast(found)
        return found.heard_seconds

    pipeline = Pipeline(
        catalog,
        embedder,
        plan,
        request.coverage,
        threads=request.threads,
        publish=hooks.publish,
        index_new=hooks.index_new,
        notice=hooks.notice,
        pause=hooks.pause,
    )
    return pipeline.run(cancel, forecast)


def _roots_of(catalog: Catalog, request: IngestRequest) -> tuple[list[Root], list[ItemFailure]]:
    """The roots to walk, remembered; and the paths that do not exist and never did."""
    if not request.paths:
        return catalog.roots(), []
    remembered = {root.path for root in catalog.roots()}
    absent: list[ItemFailure] = []
    chosen: list[Path] = []
    for given in request.paths:
        path = Path(os.path.abspath(given))
        words = None if path in remembered else _why_out_of_reach(path)
        if words is None:
            if request.remember:
                catalog.add_root(path, request.excludes)
            chosen.append(path)
        else:
            absent.append(ItemFailure(path, *words, new=True, remembered=False))
    if not chosen:
        names = ", ".join(str(failure.path) for failure in absent)
        raise UnmetRequest(f"{absent[0].reason.removesuffix('.')}: {names}.", absent[0].hint)
    excludes = {root.path: root.excludes for root in catalog.roots()}
    return [Root(path, _excludes_for(path, excludes), time.time(), None) for path in chosen], absent


def _why_out_of_reach(path: Path) -> tuple[str, str] | None:
    """Why there is nothing to walk at a path, and what helps."""
    try:
        os.lstat(path)
    except PermissionError as error:
        words = describe_os_error(error, path)
        return words.title, words.hint
    except (OSError, ValueError):
        return "There is no such file or folder.", "Check the spelling, or mount the disk it is on."
    return None


def _excludes_for(path: Path, excludes: dict[Path, tuple[str, ...]]) -> tuple[str, ...]:
    """The globs remembered for the path, or for the remembered folder that holds it."""
    return next((excludes[folder] for folder in (path, *path.parents) if folder in excludes), ())
