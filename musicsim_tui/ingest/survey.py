"""How much music there is to hear somewhere, told before anything starts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from musicsim_tui.ingest.forecast import estimate_audio_seconds
from musicsim_tui.ingest.plan import make_plan
from musicsim_tui.library.records import Root

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.track import ModelVersion


@dataclass(frozen=True, slots=True)
class Survey:
    """What a look at folders found. `files` are those to hear, with their size in bytes and the seconds of
    audio that a sample of their headers suggests; `known` were heard already, `failed` have failed before."""

    files: int
    bytes: int
    audio_seconds: float
    known: int
    failed: int


def survey(
    catalog: Catalog,
    paths: Sequence[Path],
    model: ModelVersion,
    coverage: int | None,
    cancel: CancelToken,
) -> Survey:
    """Look through folders without hearing or remembering anything. Raises CatalogError, Cancelled."""
    excludes = {root.path: root.excludes for root in catalog.roots()}
    now = time.time()
    roots = [Root(path, excludes.get(path, ()), now, None) for path in paths]
    plan = make_plan(catalog, roots, model, coverage, retry_failed=False, cancel=cancel)
    return Survey(
        files=len(plan.candidates),
        bytes=sum(file.stamp.size for file in plan.candidates),
        audio_seconds=estimate_audio_seconds(plan.candidates, cancel),
        known=plan.unchanged,
        failed=plan.remembered_failures,
    )
