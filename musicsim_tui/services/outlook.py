"""What hearing all of a person's music would take with each model, told before one is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from musicsim_tui.jobs import usable_processors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from musicsim_tui.embedding.registry import ModelInfo
    from musicsim_tui.ingest.report import IngestSummary
    from musicsim_tui.ingest.survey import Survey
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.settings import Settings
    from musicsim_tui.track import ModelVersion

_DECODING_REALTIME = 600.0
_HEARING_REALTIME = {"builtin": 2_400.0, "mn04": 600.0, "cnn14": 30.0}
"""Seconds of audio a second on one processor of a present-day desktop, rounded down: a first guess, until
this library has been heard for a while on this machine."""
_UNKNOWN_REALTIME = 30.0
_WORTH_REMEMBERING_SECONDS = 3600.0
"""Audio in a job that tells the pace of this machine; a shorter one is mostly loading and forecasting."""


@dataclass(frozen=True, slots=True)
class ModelOutlook:
    """Seconds of work and bytes of library for one model."""

    work_seconds: float
    disk_bytes: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """How much music there is, and what each model, by its name, needs for it. `folder` is where it was
    found; None when it is what the library knows."""

    tracks: int
    audio_seconds: float
    folder: Path | None
    models: dict[str, ModelOutlook]


def look_ahead(
    catalog: Catalog, settings: Settings, models: Sequence[ModelInfo], survey: Callable[[Path], Survey]
) -> Outlook | None:
    """The outlook for the tracks of the library, or, while it is empty, for the music folder.

    None when there is no music in either. Raises CatalogError, Cancelled.
    """
    tracks, audio_seconds = catalog.count(), catalog.total_seconds()
    folder = None
    if not tracks and settings.music_dir.is_dir():
        folder = settings.music_dir
        found = survey(folder)
        tracks, audio_seconds = found.files, found.audio_seconds
    if not tracks or not audio_seconds:
        return None
    return Outlook(
        tracks,
        audio_seconds,
        folder,
        {
            info.model.name: _for_model(catalog, settings, info.model, tracks, audio_seconds)
            for info in models
        },
    )


def _for_model(
    catalog: Catalog, settings: Settings, model: ModelVersion, tracks: int, audio_seconds: float
) -> ModelOutlook:
    from musicsim_tui.audio.windows import HOP_SECONDS, WINDOW_SECONDS
    from musicsim_tui.ingest.forecast import disk_bytes

    windows = max(1.0, audio_seconds / tracks / HOP_SECONDS)
    if settings.coverage:
        windows = min(windows, settings.coverage)
    measured = catalog.get_meta(_key(model, settings))
    if measured is not None:
        work = audio_seconds / float(measured)
    else:
        processors = settings.threads or usable_processors()
        hearing = _HEARING_REALTIME.get(model.name, _UNKNOWN_REALTIME)
        heard_seconds = tracks * windows * WINDOW_SECONDS
        work = (audio_seconds / _DECODING_REALTIME + heard_seconds / hearing) / processors
    return ModelOutlook(work, disk_bytes(model, tracks, windows))


def remember_pace(catalog: Catalog, settings: Settings, summary: IngestSummary) -> None:
    """Keep how fast a model was on this machine, where a job was long enough to tell."""
    if settings.coverage is None and summary.audio_seconds >= _WORTH_REMEMBERING_SECONDS:
        pace = summary.audio_seconds / max(summary.hearing_seconds, 0.001)
        catalog.set_meta(_key(summary.model, settings), f"{pace:.1f}")


def _key(model: ModelVersion, settings: Settings) -> str:
    return f"pace {model.name} {model.version} {settings.device}"
