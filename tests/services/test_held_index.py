"""What a library does while another process holds its index."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from musicsim_tui.ingest.ingest import IngestHooks, IngestRequest
from musicsim_tui.jobs import CancelToken
from musicsim_tui.services import Services, engine
from tests.harness.audio_files import write_music
from tests.harness.library import ingest_into, library
from tests.harness.processes import wait_for
from tests.services.test_engine import found

TRACKS = 4


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    for seed in range(TRACKS):
        write_music(folder / f"{seed}.flac", seed, 3.0)
    return folder


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who wants the index waits for longer than any test."""
    monkeypatch.setattr(engine, "_LOCK_WAIT_SECONDS", 300.0)


def start_ingest(services: Services, music: Path, cancel: CancelToken) -> threading.Thread:
    model = services.models.listening().model
    request = IngestRequest(paths=(music,), coverage=None, threads=2)
    hooks = IngestHooks(index_new=lambda: services.engine.push_new(model))
    running = threading.Thread(target=services.ingest, args=(request, hooks, cancel))
    running.start()
    return running


def test_while_another_process_holds_the_index_the_catalog_answers(tmp_path: Path, music: Path) -> None:
    with library(tmp_path / "data") as holder:
        ingest_into(holder, music)
        expected = found(holder, music / "0.flac")
        with library(tmp_path / "data") as second:
            assert second.engine.open() is None
            assert found(second, music / "0.flac") == expected


@pytest.mark.usefixtures("patient")
def test_an_ingest_hears_while_another_process_holds_the_index(tmp_path: Path, music: Path) -> None:
    with library(tmp_path / "data") as second:
        with library(tmp_path / "data") as holder:
            assert holder.engine.open() is not None
            running = start_ingest(second, music, CancelToken())
            wait_for(lambda: second.catalog.count() == TRACKS, "everything is heard")
            assert running.is_alive()
        running.join(60)
        assert [(row.heard, row.indexed) for row in second.engine.status()] == [(TRACKS, TRACKS)]


@pytest.mark.usefixtures("patient")
def test_who_stops_an_ingest_waits_for_no_index(tmp_path: Path, music: Path) -> None:
    cancel = CancelToken()
    with library(tmp_path / "data") as holder, library(tmp_path / "data") as second:
        assert holder.engine.open() is not None
        running = start_ingest(second, music, cancel)
        wait_for(lambda: second.catalog.count() == TRACKS, "everything is heard")
        cancel.cancel()
        running.join(60)
        assert not running.is_alive()
        closing = threading.Thread(target=second.close)
        closing.start()
        closing.join(60)
        assert not closing.is_alive()
