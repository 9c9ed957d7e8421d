"""The parts of one library, and the flows that run on them."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from musicsim_tui.errors import CatalogError
from musicsim_tui.jobs import Cancelled, Progress, usable_processors
from musicsim_tui.paths import is_there, tidy_path
from musicsim_tui.services.engine import Engine
from musicsim_tui.services.models import Models
from musicsim_tui.services.outlook import look_ahead, remember_pace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from musicsim_tui.errors import IndexFailure
    from musicsim_tui.ingest.ingest import IngestHooks, IngestRequest
    from musicsim_tui.ingest.report import IngestSummary
    from musicsim_tui.ingest.survey import Survey
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.library.records import TrackRow
    from musicsim_tui.search.quality import LabelledClip, Quality
    from musicsim_tui.search.seed import Seed
    from musicsim_tui.search.similar import Match, SearchRequest
    from musicsim_tui.services.downloads import Downloads
    from musicsim_tui.services.outlook import Outlook
    from musicsim_tui.settings import Settings
    from musicsim_tui.track import ModelVersion, TrackId
    from musicsim_tui.upkeep.doctor import Check
    from musicsim_tui.upkeep.missing import MissingTracks


class Services:
    """One library. Its parts open when first needed; close it when done."""

    def __init__(self, settings: Settings, notice: Callable[[str], None] = lambda _: None) -> None:
        self.settings = settings
        self.models = Models(settings, lambda: self.catalog, notice)
        self.engine = Engine(settings, lambda: self.catalog, notice)

    @cached_property
    def catalog(self) -> Catalog:
        """The library's catalog. Raises CatalogError."""
        from musicsim_tui.library.catalog import Catalog

        return Catalog.open(self.settings.library_path)

    @cached_property
    def downloads(self) -> Downloads:
        """Playlists, and the queue of what is to be fetched."""
        from musicsim_tui.services.downloads import Downloads

        return Downloads(self.settings, lambda: self.catalog, self._hear_files)

    def _hear_files(self, files: Sequence[Path], cancel: CancelToken) -> IngestSummary:
        """Hear files that have just come in, in folders that are remembered elsewhere."""
        from musicsim_tui.ingest.ingest import IngestHooks, IngestRequest

        model = self.models.listening().model
        request = IngestRequest(
            paths=tuple(files),
            coverage=self.settings.coverage,
            retry_failed=True,
            threads=self.threads,
            remember=False,
        )
        hooks = IngestHooks(index_new=lambda: self.engine.push_new(model, cancel))
        return self.ingest(request, hooks, cancel)

    def edit_tags(
        self, track: TrackId, cancel: CancelToken, *, title: str | None = None, artist: str | None = None
    ) -> TrackRow:
        """Write title and artist into the files of a track; None leaves one as it is, "" removes it.

        Raises UnmetRequest when no file is there or its format has no place for them, AudioError,
        StorageError, CatalogError, Cancelled.
        """
        from musicsim_tui.services.names import edit_track

        return edit_track(self.catalog, track, title=title, artist=artist, cancel=cancel)

    @property
    def threads(self) -> int:
        """Decoding threads: the setting, else one for each processor we may use."""
        return self.settings.threads or usable_processors()

    def ingest(
        self,
        request: IngestRequest,
        hooks: IngestHooks,
        cancel: CancelToken,
        indexing: Callable[[Progress], None] = lambda _: None,
    ) -> IngestSummary:
        """Hear what is new, then index what is not indexed yet.

        Raises UsageError, SettingsError, ModelError, CatalogError; an index that fails is a notice.
        """
        from musicsim_tui.embedding.registry import require_installed
        from musicsim_tui.ingest.ingest import ingest
        from musicsim_tui.ingest.report import IngestSummary

        info = self.models.listening()
        require_installed(info)
        model = info.model
        load = partial(self.models.embedder, model.name)
        summary = IngestSummary(model)
        try:
            self.engine.begin_ingest(model, cancel)
            summary = ingest(self.catalog, model, load, request, hooks, cancel)
            remember_pace(self.catalog, self.settings, summary)
            if not cancel.cancelled:
                self.engine.finish_ingest(indexing, cancel)
        except Cancelled:
            return replace(summary, cancelled=True)
        return summary

    def survey(self, paths: Sequence[Path], cancel: CancelToken) -> Survey:
        """How much there is to hear in folders and files; starts nothing. Raises CatalogError, Cancelled."""
        from musicsim_tui.ingest.survey import survey

        return survey(self.catalog, paths, self.models.listening().model, self.settings.coverage, cancel)

    def look_ahead(self, cancel: CancelToken) -> Outlook | None:
        """What hearing all the music there is would take with each model; None where there is none.

        Raises CatalogError, Cancelled.
        """
        return look_ahead(
            self.catalog, self.settings, self.models.all(), lambda folder: self.survey([folder], cancel)
        )

    def seed(self, text: str, model: ModelVersion, cancel: CancelToken) -> Seed:
        """What to search with: a file when one of that name exists, else a track by its id.

        Raises AudioError, StorageError, UnmetRequest, UsageError, Cancelled.
        """
        from musicsim_tui.search.seed import seed_from_file, seed_from_track

        if not is_there(text):
            return seed_from_track(self.catalog, self.catalog.resolve(text), model)
        return seed_from_file(
            self.catalog,
            tidy_path(text),
            model,
            lambda: self.models.embedder(model.name),
            self.settings.coverage,
            cancel,
        )

    def search(self, seed: Seed, request: SearchRequest, cancel: CancelToken) -> list[Match]:
        """Rank the library against a seed. Raises Cancelled; an index that fails is a notice."""
        from musicsim_tui.embedding.registry import same_recording_cosine
        from musicsim_tui.search.similar import Similarity

        model = seed.embedding.model
        index = self.engine.for_search(model, cancel)
        failures: list[IndexFailure] = []
        similarity = Similarity(self.catalog, index, same_recording_cosine(model.name), failures.append)
        matches = similarity.search(seed, request, cancel)
        if index is not None:
            self.engine.search_ended(failures[0] if failures else None)
        return matches

    def missing(self) -> MissingTracks:
        """The tracks without a present file, and which of them `prune` would leave alone."""
        from musicsim_tui.ingest.plan import why_offline
        from musicsim_tui.upkeep.missing import look_for_missing

        return look_for_missing(self.catalog, partial(why_offline, self.catalog))

    def prune(self, ids: Sequence[TrackId], cancel: CancelToken) -> int:
        """Forget those of the tracks whose files are still gone: row and tombstone together, then the index;
        returns how many there were.

        Raises Cancelled: what is not forgotten by then stays, and the index follows later.
        """
        gone = set(self.missing().gone)
        removed = self.catalog.delete_tracks(
            [track_id for track_id in ids if track_id in gone], cancel, only_missing=True
        )
        self.engine.prune(cancel)
        return removed

    def forget_model(self, name: str, cancel: CancelToken) -> int:
        """Forget all that a model heard, and give the space back; returns how many tracks that were.

        Of the model that listens only earlier versions are forgotten. A server keeps its points, which other
        libraries may share. Raises UsageError for an unknown model, UnmetRequest for the one that listens,
        IndexLocked while another process writes the index, IndexFailure, Cancelled; calling again finishes
        the work.
        """
        return self.models.forget(name, self.engine, cancel)

    def measure(self, clips: Sequence[LabelledClip]) -> Quality:
        """Quality of the searching model on labelled clips. Raises UsageError."""
        from musicsim_tui.search.quality import measure_quality

        return measure_quality(self.catalog, self.models.searching(), list(clips))

    def diagnose(self) -> list[Check]:
        """What works and what does not, each with its remedy; never raises."""
        from musicsim_tui.audio.sound_device import describe_output
        from musicsim_tui.upkeep import doctor

        return [
            *doctor.run_check("settings", lambda: doctor.check_settings(self.settings.problem)),
            *doctor.run_check("packages", doctor.check_packages),
            *doctor.run_check("disk", lambda: doctor.check_disk(self.settings.data_dir)),
            *doctor.run_check("processor", lambda: doctor.check_processor(self.settings.device)),
            *doctor.run_check("sound", lambda: doctor.check_sound(describe_output)),
            *doctor.run_check("models", self._check_models),
            *doctor.run_check("downloads", self._check_downloads),
            *doctor.run_check("library", lambda: doctor.check_catalog(self.catalog)),
            *doctor.run_check(
                "index", lambda: doctor.check_index(self.catalog, self.engine.open(), self.engine.name)
            ),
        ]

    def _check_models(self) -> Check:
        from musicsim_tui.upkeep.doctor import check_models

        listening = None
        with contextlib.suppress(CatalogError):  # which is told of the library
            listening = self.models.listening()
        return check_models(self.settings.models_dir, listening)

    def _check_downloads(self) -> list[Check]:
        from musicsim_tui.download.tools import find_tools
        from musicsim_tui.upkeep.doctor import check_downloads

        tools = find_tools()
        return check_downloads(tools.version, tools.runtime, tools.advice, self.settings.download.folder)

    def report(self, checks: Sequence[Check]) -> str:
        """What helps somebody else to help: the checks, settings, failures in kind, and the end of the log,
        without secrets, names of the person, and paths of the home folder; never raises."""
        from musicsim_tui.upkeep.report import write_report

        return write_report(self.settings, checks, lambda: self.catalog)

    def close(self) -> None:
        """Release index and catalog; idempotent."""
        try:
            self.engine.close()
        finally:
            if "catalog" in self.__dict__:
                self.catalog.close()
                del self.__dict__["catalog"]
