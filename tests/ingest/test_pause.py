"""A paused ingest begins nothing, counts no time, keeps what it has, and goes on or ends when told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from musicsim_tui.ingest.ingest import IngestHooks, IngestRequest
from musicsim_tui.ingest.pause import PauseSwitch
from musicsim_tui.ingest.report import IngestProgress, IngestSummary
from musicsim_tui.jobs import CancelToken
from musicsim_tui.services import Services
from tests.harness.audio_files import write_music
from tests.harness.library import library


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with library(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    for seed in range(3):
        write_music(folder / f"{seed}.wav", seed, 3.0)
    return folder


class Run:
    """An ingest on a thread, paused from its beginning."""

    def __init__(self, services: Services, music: Path) -> None:
        self.pause = PauseSwitch()
        self.pause.pause()
        self.token = CancelToken()
        self.seen: list[IngestProgress] = []
        self.rests = threading.Event()
        self.summary: IngestSummary | None = None
        self._thread = threading.Thread(target=self._ingest, args=(services, music))
        self._thread.start()

    def _ingest(self, services: Services, music: Path) -> None:
        hooks = IngestHooks(publish=self._take, pause=self.pause)
        self.summary = services.ingest(IngestRequest(paths=(music,), threads=2), hooks, self.token)

    def _take(self, progress: IngestProgress) -> None:
        self.seen.append(progress)
        if len(self.seen) >= 4:
            self.rests.set()

    def end(self) -> IngestSummary:
        self._thread.join(60)
        assert self.summary is not None
        return self.summary


def test_nothing_is_begun_and_no_time_counted_until_it_goes_on(services: Services, music: Path) -> None:
    run = Run(services, music)
    assert run.rests.wait(60)
    resting = run.seen[:4]
    assert all(progress.paused for progress in resting)
    assert [(progress.done, progress.seconds, progress.decoding) for progress in resting] == [
        (0, 0.0, ())
    ] * 4
    run.pause.resume()
    summary = run.end()
    assert (summary.added, summary.cancelled) == (3, False)
    assert 0 < summary.hearing_seconds < summary.seconds
    assert not run.seen[-1].paused


def test_a_paused_ingest_can_be_stopped(services: Services, music: Path) -> None:
    run = Run(services, music)
    assert run.rests.wait(60)
    run.token.cancel()
    summary = run.end()
    assert (summary.added, summary.cancelled) == (0, True)


def test_whoever_waits_in_a_pause_hears_of_the_end() -> None:
    pause, token = PauseSwitch(), CancelToken()
    assert pause.wait(token)
    pause.pause()
    token.cancel()
    assert not pause.wait(token)
    pause.resume()
    assert not pause.wait(token)
    assert not pause.paused
