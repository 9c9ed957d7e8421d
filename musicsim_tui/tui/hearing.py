"""The job of hearing music, as the app runs it: one at a time, remembered until it is finished."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from musicsim_tui.ingest.pause import PauseSwitch
from musicsim_tui.jobs import Job, JobState
from musicsim_tui.tui.bridge import CatalogChanged, in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from musicsim_tui.errors import MusicSimError
    from musicsim_tui.ingest.report import IngestProgress, IngestSummary
    from musicsim_tui.jobs import CancelToken, Progress
    from musicsim_tui.tui.bridge import Bridge

    Preparation = Callable[[Callable[[Progress], None], CancelToken], Sequence[Path]]
    """Makes the music that is then heard, and says where it is."""

_PACE_SECONDS = 1.0
_PACES_KEPT = 240
_REFRESH_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class HearingState:
    """Where the job stands. `step` says in words what happens before and after hearing itself; `paces` are
    seconds of audio heard in each past second, the latest last."""

    step: str = ""
    heard: IngestProgress | None = None
    indexing: Progress | None = None
    paces: tuple[float, ...] = ()


class HearingChanged(Message):
    """The job began, went on or ended."""


class Hearing:
    """Starts, watches and stops the one job that hears music. Belongs to the UI thread."""

    def __init__(self, bridge: Bridge, post: Callable[[Message], object]) -> None:
        self._bridge = bridge
        self._post = post
        self._job: Job[IngestSummary, HearingState] | None = None
        self._pause = PauseSwitch()
        self._told = float("-inf")
        self.pace_seconds = 0.0
        """The least time between two messages that the job has gone on."""
        self.paths: tuple[Path, ...] = ()
        self._resumed = False
        self.started = 0.0

    @property
    def running(self) -> bool:
        return self._job is not None and not self._job.ended

    @property
    def stopping(self) -> bool:
        return self._job is not None and self._job.state is JobState.CANCELLING

    @property
    def paused(self) -> bool:
        """Whether the running job begins no new file."""
        return self.running and self._pause.paused

    @property
    def unfinished(self) -> tuple[Path, ...] | None:
        """The folders of a job that runs, or of one that waits for their disk; none of them stands for all
        that is remembered. None when nothing is left to do."""
        if self.running:
            return None if self.stopping else self.paths
        if self.summary is None or self.summary.cancelled or not self.summary.offline:
            return None
        if not self.paths:
            return () if self._resumed else None
        offline = {path for path, _ in self.summary.offline}
        return tuple(path for path in self.paths if not offline.isdisjoint((path, *path.parents))) or None

    def toggle_pause(self) -> None:
        """Let the running job rest after what it has begun, or go on."""
        if not self.running:
            return
        if self._pause.paused:
            self._pause.resume()
        else:
            self._pause.pause()
        self._post(HearingChanged())

    @property
    def state(self) -> HearingState | None:
        """The latest of the running job, or the last of the one before."""
        return None if self._job is None else self._job.snapshot

    @property
    def summary(self) -> IngestSummary | None:
        """What the last job did; None while one runs, and when it failed."""
        return None if self._job is None else self._job.result

    @property
    def error(self) -> MusicSimError | None:
        """What ended the last job too early."""
        if self._job is None or self._job.error is None:
            return None
        return in_words(self._job.error)

    def start(
        self,
        paths: Sequence[Path] = (),
        *,
        retry_failed: bool = False,
        prepare: Preparation | None = None,
        paused: bool = False,
        resumed: bool = False,
    ) -> bool:
        """Hear these folders and files, or refresh all that is remembered; False while a job runs. `resumed`
        when the job is what was left of one before."""
        if self.running:
            return False
        self.paths = tuple(paths)
        self._resumed = resumed
        self.started = time.time()
        self._pause = PauseSwitch()
        if paused:
            self._pause.pause()
        work = _Work(self._bridge, self._post, self.paths, prepare, self._pause, retry_failed=retry_failed)
        self._job = self._bridge.runner.submit(work, name="hear", changed=self._changed)
        self._post(HearingChanged())
        return True

    def _changed(self, job: Job[IngestSummary, HearingState]) -> None:
        now = time.monotonic()
        if job.ended or now - self._told >= self.pace_seconds:
            self._told = now
            self._post(HearingChanged())

    def cancel(self) -> None:
        """Ask the job to stop; what is finished stays."""
        if self._job is not None and not self._job.ended:
            self._job.cancel()
            self._post(HearingChanged())


class _Work:
    """One run of the job, on its own thread."""

    def __init__(
        self,
        bridge: Bridge,
        post: Callable[[Message], object],
        paths: tuple[Path, ...],
        prepare: Preparation | None,
        pause: PauseSwitch,
        *,
        retry_failed: bool,
    ) -> None:
        self._services = bridge.services
        self._notice = bridge.notice
        self._post = post
        self._paths = paths
        self._prepare = prepare
        self._pause = pause
        self._retry_failed = retry_failed
        self._paces: deque[float] = deque(maxlen=_PACES_KEPT)
        self._measured = (0.0, 0.0)
        self._refreshed = 0.0
        self._added = 0
        self._heard: IngestProgress | None = None

    def __call__(self, token: CancelToken, publish: Callable[[HearingState], None]) -> IngestSummary:
        from musicsim_tui.ingest.ingest import IngestHooks, IngestRequest

        paths = self._paths
        if self._prepare is not None:
            paths = tuple(
                self._prepare(
                    lambda progress: publish(
                        HearingState(f"making {progress.unit} {progress.done}/{progress.total}")
                    ),
                    token,
                )
            )
        token.check()
        publish(HearingState("loading the model and looking through the folders"))
        services = self._services
        model = services.models.listening().model
        request = IngestRequest(
            paths=paths,
            coverage=services.settings.coverage,
            retry_failed=self._retry_failed,
            threads=services.threads,
        )
        hooks = IngestHooks(
            publish=lambda progress: publish(self._take(progress)),
            index_new=lambda: services.engine.push_new(model),
            notice=self._notice,
            pause=self._pause,
        )
        try:
            return services.ingest(
                request,
                hooks,
                token,
                lambda progress: publish(
                    HearingState("bringing the search up to date", self._heard, progress, tuple(self._paces))
                ),
            )
        finally:
            self._post(CatalogChanged())

    def _take(self, progress: IngestProgress) -> HearingState:
        self._heard = progress
        then, heard = self._measured
        if progress.seconds - then >= _PACE_SECONDS:
            self._paces.append((progress.audio_seconds - heard) / (progress.seconds - then))
            self._measured = (progress.seconds, progress.audio_seconds)
        now = time.monotonic()
        if progress.added != self._added and now - self._refreshed >= _REFRESH_SECONDS:
            self._added, self._refreshed = progress.added, now
            self._post(CatalogChanged())
        return HearingState("", progress, None, tuple(self._paces))
