"""How long an ingest will take: judged from headers, which may lie."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from musicsim_tui.embedding.builtin import BuiltinEmbedder
from musicsim_tui.ingest import forecast
from musicsim_tui.ingest.forecast import estimate_audio_seconds
from musicsim_tui.ingest.scan import FoundFile, scan_root
from musicsim_tui.jobs import CancelToken
from tests.harness.audio_files import write_music
from tests.harness.material import material

if TYPE_CHECKING:
    from musicsim_tui.embedding.embedder import HeardWindows
    from musicsim_tui.track import Samples


def found(folder: Path) -> list[FoundFile]:
    return scan_root(folder, (), CancelToken()).files


def test_lengths_are_judged_by_suffix_and_bad_files_left_out(tmp_path: Path) -> None:
    for seed in range(10):
        write_music(tmp_path / f"{seed}.mp3", seed, 3.0)
    write_music(tmp_path / "long.wav", 40, 12.0)
    (tmp_path / "words.flac").write_text("no music")
    assert estimate_audio_seconds(found(tmp_path), CancelToken()) == pytest.approx(42, rel=0.1)


def test_headers_that_claim_more_than_can_be_are_not_believed() -> None:
    """Excerpts cut out of Ogg files keep the clock of the whole."""
    clips = found(material("music"))
    assert estimate_audio_seconds(clips, CancelToken()) == pytest.approx(20 * len(clips), rel=0.1)


@pytest.mark.parametrize(("seconds_a_window", "measured"), [(0.01, {1}), (5.0, {1, 8})])
def test_speed_is_measured_in_batches_only_where_hearing_takes_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds_a_window: float, measured: set[int]
) -> None:
    write_music(tmp_path / "piece.wav", 1, 10.0)
    embedder, batches, now = BuiltinEmbedder(), set[int](), [0.0]
    hear = embedder.embed

    def embed(windows: Samples) -> HeardWindows:
        batches.add(len(windows))
        now[0] += len(windows) * seconds_a_window
        return hear(windows)

    monkeypatch.setattr(embedder, "embed", embed)
    monkeypatch.setattr(forecast, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    made = forecast.make_forecast(found(tmp_path) * 60, embedder, None, threads=2, cancel=CancelToken())
    assert made is not None
    assert made.work_seconds == pytest.approx(60 * seconds_a_window, abs=1)
    assert batches == measured
