"""How long an ingest will take: judged from headers, which may lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from musicsim_tui.ingest.forecast import estimate_audio_seconds
from musicsim_tui.ingest.scan import FoundFile, scan_root
from musicsim_tui.jobs import CancelToken
from tests.harness.audio_files import write_music
from tests.harness.material import material


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
