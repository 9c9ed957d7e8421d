"""How long an ingest will take and how much disk it will use, judged from a sample before it starts."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.audio.identity import examine, header_seconds
from musicsim_tui.audio.windows import HOP_SECONDS, WINDOW_SECONDS
from musicsim_tui.errors import MusicSimError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musicsim_tui.embedding.embedder import Embedder
    from musicsim_tui.ingest.scan import FoundFile
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.track import ModelVersion, Samples

_SAMPLE_FILES = 24
_FEWEST_FILES = 40
_FEWEST_BYTES = 100_000_000
"""A smaller job is done about as soon as it is forecast."""
_TYPICAL_SECONDS_PER_BYTE = 1 / 24_000  # 192 kbit/s
_FEWEST_BYTES_A_SECOND = 750
"""6 kbit/s, the least that Opus takes: a header that claims more audio than that allows is wrong."""
_DECODING_REALTIME = 600.0
"""Realtime factor of one decoding thread, rounded down."""
_SOON_SECONDS = 60.0
"""A job that is done within this, even at the pace of single windows, needs no better forecast."""
_LONG_ENOUGH_SECONDS = 0.2
"""A batch that takes longer is measured once: chance matters less, and waiting more."""
_HALF_BYTES = 2


@dataclass(frozen=True, slots=True)
class Forecast:
    """What lies ahead: files, seconds of audio in them and of those that are heard, seconds of work, bytes
    of new library."""

    files: int
    audio_seconds: float
    heard_seconds: float
    work_seconds: float
    disk_bytes: float


def make_forecast(
    candidates: Sequence[FoundFile],
    embedder: Embedder,
    coverage: int | None,
    *,
    threads: int,
    cancel: CancelToken,
) -> Forecast | None:
    """Forecast the hearing of `candidates`, which come shuffled; None when there are too few to bother.

    Lengths come from the headers of a sample, by file suffix; speed from a window or a batch through the
    embedder.
    """
    if len(candidates) < _FEWEST_FILES and sum(file.stamp.size for file in candidates) < _FEWEST_BYTES:
        return None
    audio_seconds = estimate_audio_seconds(candidates, cancel)
    mean_seconds = audio_seconds / len(candidates)
    all_windows = max(1.0, mean_seconds / HOP_SECONDS)
    windows = min(all_windows, coverage) if coverage else all_windows
    heard_seconds = len(candidates) * windows * WINDOW_SECONDS
    hearing = heard_seconds / _realtime_of(embedder, heard_seconds)
    return Forecast(
        files=len(candidates),
        audio_seconds=audio_seconds,
        heard_seconds=heard_seconds,
        work_seconds=hearing + audio_seconds / (_DECODING_REALTIME * threads),
        disk_bytes=disk_bytes(embedder.model, len(candidates), windows),
    )


def disk_bytes(model: ModelVersion, tracks: int, windows_each: float) -> float:
    """Bytes that catalog and embedded index need: float16 windows and mean, and the mean in the index."""
    return tracks * model.dimensions * _HALF_BYTES * (windows_each + 2)


def estimate_audio_seconds(candidates: Sequence[FoundFile], cancel: CancelToken) -> float:
    """Seconds of audio in files that come shuffled, judged from the headers of a few. Raises Cancelled."""
    seconds: dict[str, float] = defaultdict(float)
    bytes_: dict[str, int] = defaultdict(int)
    for file in candidates[:_SAMPLE_FILES]:
        cancel.check()
        try:
            length = _length(file, cancel)
        except MusicSimError:
            continue  # it will fail, with its reason, when it is heard
        if length:
            suffix = file.path.suffix.lower()
            seconds[suffix] += length
            bytes_[suffix] += file.stamp.size
    sampled = sum(bytes_.values())
    overall = sum(seconds.values()) / sampled if sampled else _TYPICAL_SECONDS_PER_BYTE
    pace = {suffix: seconds[suffix] / bytes_[suffix] for suffix in seconds if bytes_[suffix]}
    return sum(file.stamp.size * pace.get(file.path.suffix.lower(), overall) for file in candidates)


def _length(file: FoundFile, cancel: CancelToken) -> float | None:
    """Seconds of audio: what the header claims, unless that is absurd. Raises MusicSimError and Cancelled."""
    claimed = header_seconds(file.path, cancel=cancel)
    if claimed is not None and claimed * _FEWEST_BYTES_A_SECOND <= file.stamp.size:
        return claimed
    return examine(file.path, cancel=cancel).expected_seconds


def _realtime_of(embedder: Embedder, heard_seconds: float) -> float:
    """Realtime factor of a window by itself when all is heard soon at that pace, else of a batch; a first
    call loads the model and is not counted."""
    length = int(WINDOW_SECONDS * embedder.sample_rate)
    noise = np.random.default_rng(0).standard_normal((1, length), np.float32) * 0.1
    embedder.embed(noise)
    alone = WINDOW_SECONDS / _seconds_to_hear(noise, embedder)
    if heard_seconds < alone * _SOON_SECONDS:
        return alone
    batch = np.repeat(noise, embedder.batch_size, axis=0)
    seconds = _seconds_to_hear(batch, embedder)
    if seconds < _LONG_ENOUGH_SECONDS:
        seconds = min(seconds, _seconds_to_hear(batch, embedder))
    return len(batch) * WINDOW_SECONDS / seconds


def _seconds_to_hear(windows: Samples, embedder: Embedder) -> float:
    started = time.perf_counter()
    embedder.embed(windows)
    return max(time.perf_counter() - started, 1e-6)
