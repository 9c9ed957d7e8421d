"""What a search starts from: a track of the library, or any audio file."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.audio.decode import decode_mono
from musicsim_tui.audio.identity import examine
from musicsim_tui.audio.waveform import WaveformBuilder
from musicsim_tui.audio.windows import cut_windows
from musicsim_tui.embedding.assembly import TrackAssembly
from musicsim_tui.errors import AudioError, UnmetRequest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from musicsim_tui.audio.windows import AudioWindow
    from musicsim_tui.embedding.embedder import Embedder
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.track import Embedding, ModelVersion, Sound, Tags, TrackId


@dataclass(frozen=True, slots=True, eq=False)
class Seed:
    """A sound to search with, `duration` seconds long. `path` is the file it was heard from, None for a
    track of the library. `seconds` is the time that hearing it took, `peaks` its outline as `Waveform` has
    it: a known track has neither.
    """

    track_id: TrackId
    embedding: Embedding
    sounds: tuple[Sound, ...]
    duration: float
    tags: Tags | None = None
    path: Path | None = None
    seconds: float = 0.0
    peaks: bytes = b""


def seed_from_track(catalog: Catalog, track_id: TrackId, model: ModelVersion) -> Seed:
    """A track of the library as the model heard it. Raises UnmetRequest when it has not."""
    embedding = catalog.embedding(track_id, model)
    if embedding is None:
        raise UnmetRequest(
            f"This track has not been heard with {model.name}.",
            f"Run musicsim-tui --model {model.name} ingest first, or search with its file.",
        )
    return _known_seed(catalog, track_id, embedding)


def _known_seed(catalog: Catalog, track_id: TrackId, embedding: Embedding) -> Seed:
    row = catalog.tracks_by_id([track_id]).get(track_id)
    sounds = catalog.sounds([track_id], embedding.model).get(track_id, ())
    return Seed(track_id, embedding, sounds, row.track.duration if row is not None else 0.0)


def seed_from_file(
    catalog: Catalog,
    path: Path,
    model: ModelVersion,
    embedder: Callable[[], Embedder],
    coverage: int | None,
    cancel: CancelToken,
) -> Seed:
    """Any audio file; one whose sound the library knows is not heard again, and none is added.

    `embedder` loads the model, and is called only when there is something to hear.
    Raises AudioError or StorageError when the file cannot be heard, UnmetRequest when the library was heard
    with another version of the model, Cancelled when abandoned.
    """
    started = time.monotonic()
    audio = examine(path, cancel=cancel)
    known = catalog.embedding(audio.track_id, model)
    if known is not None:
        seed = _known_seed(catalog, audio.track_id, known)
        return replace(seed, tags=audio.tags, path=path, seconds=time.monotonic() - started)
    listener = embedder()
    if listener.model != model:
        raise UnmetRequest(
            f"The library was heard with {model}, and files are now heard with {listener.model}.",
            "Search with a track of the library, or run musicsim-tui ingest to hear it again.",
        )
    assembly = TrackAssembly(listener, coverage)
    batch: list[AudioWindow] = []
    windows_cut = 0
    blocks = decode_mono(path, listener.sample_rate, cancel=cancel)
    outline = WaveformBuilder(listener.sample_rate)
    for window in cut_windows(
        outline.watch(blocks),
        listener.sample_rate,
        coverage=coverage,
        expected_seconds=audio.expected_seconds,
    ):
        cancel.check()
        windows_cut += 1
        if window.silent:
            continue
        batch.append(window)
        if len(batch) >= listener.batch_size:
            _hear(listener, assembly, batch)
    if batch:
        _hear(listener, assembly, batch)
    if not len(assembly):
        raise AudioError("The recording is silent from start to end.", "Search with another file.")
    embedding, sounds = assembly.finish(windows_cut)
    heard_in = time.monotonic() - started
    peaks = outline.finish().peaks
    return Seed(audio.track_id, embedding, sounds, blocks.seconds, audio.tags, path, heard_in, peaks)


def _hear(embedder: Embedder, assembly: TrackAssembly, batch: list[AudioWindow]) -> None:
    heard = embedder.embed(np.stack([window.samples for window in batch]))
    assembly.add([window.start for window in batch], heard)
    batch.clear()
