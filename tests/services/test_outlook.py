"""What each model would need for all the music there is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from musicsim_tui.embedding.versions import BUILTIN
from musicsim_tui.ingest.report import IngestSummary
from musicsim_tui.jobs import CancelToken
from musicsim_tui.services.outlook import remember_pace
from tests.harness.audio_files import write_long_wav
from tests.harness.library import library
from tests.library.samples import heard


def test_without_music_there_is_nothing_to_tell(tmp_path: Path) -> None:
    with library(tmp_path / "data", MUSICSIM_MUSIC_DIR=str(tmp_path / "nowhere")) as services:
        assert services.look_ahead(CancelToken()) is None


def test_an_empty_library_looks_into_the_music_folder(tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    for name in ("a", "b"):
        write_long_wav(music / f"{name}.wav", 60)
    with library(tmp_path / "data", MUSICSIM_MUSIC_DIR=str(music)) as services:
        outlook = services.look_ahead(CancelToken())
        assert outlook is not None
        assert (outlook.tracks, outlook.folder) == (2, music)
        assert outlook.audio_seconds == pytest.approx(120, rel=0.1)
        assert services.catalog.roots() == []
        times = [outlook.models[name].work_seconds for name in ("builtin", "mn04", "cnn14")]
        sizes = [outlook.models[name].disk_bytes for name in ("builtin", "mn04", "cnn14")]
        assert times == sorted(times)
        assert sizes == sorted(sizes)


def test_a_library_is_told_by_its_own_tracks_and_pace(tmp_path: Path) -> None:
    with library(tmp_path / "data") as services:
        services.catalog.store([heard(number, duration=300.0) for number in range(1, 5)])
        before = services.look_ahead(CancelToken())
        assert before is not None
        assert (before.tracks, before.audio_seconds, before.folder) == (4, 1200.0, None)
        done = IngestSummary(BUILTIN, audio_seconds=12_000.0, seconds=1000.0, hearing_seconds=600.0)
        remember_pace(services.catalog, services.settings, replace(done, audio_seconds=600.0))
        assert services.look_ahead(CancelToken()) == before
        remember_pace(services.catalog, services.settings, done)
        after = services.look_ahead(CancelToken())
        assert after is not None
        assert after.models["builtin"].work_seconds == pytest.approx(60.0)
        assert after.models["mn04"] == before.models["mn04"]


def test_fewer_windows_take_less(tmp_path: Path) -> None:
    found = []
    for coverage in ("full", "8"):
        with library(tmp_path / coverage, MUSICSIM_COVERAGE=coverage) as services:
            services.catalog.store([heard(1, duration=3600.0)])
            outlook = services.look_ahead(CancelToken())
            assert outlook is not None
            found.append(outlook.models["cnn14"])
    assert found[1].work_seconds < found[0].work_seconds / 5
    assert found[1].disk_bytes < found[0].disk_bytes / 5
