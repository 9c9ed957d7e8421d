"""The job of hearing tells of itself as often as the screen may be drawn."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.message import Message

from musicsim_tui.jobs import Job, JobRunner
from musicsim_tui.services import Services
from musicsim_tui.tui.bridge import Bridge
from musicsim_tui.tui.hearing import Hearing
from tests.harness.library import settings_for


@pytest.fixture
def runner() -> Iterator[JobRunner]:
    opened = JobRunner()
    yield opened
    assert opened.close(10)


@pytest.mark.parametrize(("pace", "messages"), [(0.0, 5), (3600.0, 1)])
def test_where_few_refreshes_are_wanted_a_job_is_told_of_less_often(
    tmp_path: Path, runner: JobRunner, pace: float, messages: int
) -> None:
    told: list[Message] = []
    hearing = Hearing(Bridge(Services(settings_for(tmp_path)), told.append), told.append)
    hearing.pace_seconds = pace
    release = threading.Event()
    job: Job[Any, Any] = runner.submit(lambda _token, _publish: release.wait(60), name="hear")
    for _ in range(5):
        hearing._changed(job)
    assert len(told) == messages
    release.set()
    assert job.wait(10)
    hearing._changed(job)
    assert len(told) == messages + 1
