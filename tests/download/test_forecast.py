from __future__ import annotations

from pathlib import Path

import pytest

from musicsim_tui.download.forecast import (
    TYPICAL_SECONDS,
    WORK_SECONDS,
    DownloadForecast,
    bytes_per_second,
    free_bytes,
    make_forecast,
)
from musicsim_tui.library.playlist_records import EntryState, PlaylistEntry, SourceRecord


def entry(name: str, duration: float | None = 100.0, state: EntryState = EntryState.LISTED) -> PlaylistEntry:
    source = SourceRecord("site", name, "link", name, "", duration)
    return PlaylistEntry(
        1,
        1,
        1,
        source,
        state,
        fresh=False,
        removed=False,
        attempts=0,
        retry_at=None,
        tried=None,
        path=None,
        track=None,
    )


def forecast(folder: Path, *entries: PlaylistEntry, keep_original: bool = False) -> DownloadForecast:
    return make_forecast(
        entries, [folder], pause=(10.0, 20.0), mp3_quality=2, keep_original=keep_original, least_free=0
    )


def test_hours_and_bytes(tmp_path: Path) -> None:
    ahead = forecast(tmp_path, entry("a"), entry("b", 300.0), entry("c", state=EntryState.READY))
    assert (ahead.entries, ahead.audio_seconds) == (2, 400.0)
    assert ahead.seconds == pytest.approx(2 * WORK_SECONDS + 15.0 + 200.0 / 40)
    assert ahead.bytes == 400.0 * 190_000 / 8
    assert ahead.fits
    assert forecast(tmp_path, entry("a"), keep_original=True).seconds == WORK_SECONDS
    long = forecast(tmp_path, entry("a", 4000.0), entry("b", 4000.0))
    assert long.seconds == pytest.approx(2 * WORK_SECONDS + 2 * 4000.0 / 40)  # longer than the pause


def test_unknown_lengths_are_like_the_known_ones(tmp_path: Path) -> None:
    assert forecast(tmp_path, entry("a", 100.0), entry("b", None)).audio_seconds == 200.0
    assert forecast(tmp_path, entry("a", None)).audio_seconds == TYPICAL_SECONDS
    assert forecast(tmp_path).entries == 0
    assert forecast(tmp_path).seconds == 0.0


def test_what_is_listed_twice_counts_once(tmp_path: Path) -> None:
    assert forecast(tmp_path, entry("a"), entry("a")).entries == 1


@pytest.mark.parametrize("state", [EntryState.READY, EntryState.INGESTING, EntryState.UNAVAILABLE])
def test_what_is_there_or_cannot_be_fetched_does_not_count(tmp_path: Path, state: EntryState) -> None:
    assert forecast(tmp_path, entry("a", state=state)).entries == 0


def test_room_beside_the_limit() -> None:
    assert DownloadForecast(1, 1.0, 1.0, 100.0, free=150, least_free=50).fits
    assert not DownloadForecast(1, 1.0, 1.0, 101.0, free=150, least_free=50).fits
    assert DownloadForecast(1, 1.0, 1.0, 101.0, free=None, least_free=50).fits


def test_better_quality_is_larger() -> None:
    sizes = [bytes_per_second(quality, keep_original=False) for quality in range(10)]
    assert sizes == sorted(sizes, reverse=True)
    assert bytes_per_second(-3, keep_original=False) == sizes[0]
    assert bytes_per_second(99.0, keep_original=False) == sizes[-1]


def test_the_disk_of_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    free = free_bytes(tmp_path / "not" / "yet")
    assert free is not None
    assert free > 0
    (tmp_path / "file").write_text("x")
    assert free_bytes(tmp_path / "file" / "below") is None
