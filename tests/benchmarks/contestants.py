"""musicsim-tui as a contestant, and the stages that bound it."""

from __future__ import annotations

import hashlib
import tempfile
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.audio.decode import decode_mono
from musicsim_tui.audio.windows import cut_windows
from musicsim_tui.embedding.efficientat import Mn04Embedder
from musicsim_tui.embedding.panns import Cnn14Embedder
from musicsim_tui.embedding.registry import all_models, load_embedder
from musicsim_tui.embedding.weights import WEIGHTS, WeightsFile
from musicsim_tui.ingest.ingest import IngestHooks, IngestRequest
from musicsim_tui.jobs import CancelToken, usable_processors
from musicsim_tui.services import Services
from tests.benchmarks.report import MN04_WEIGHTS_FILE, find_material
from tests.harness.library import settings_for

if TYPE_CHECKING:
    from musicsim_tui.embedding.embedder import Embedder
    from tests.benchmarks.contest import Work


def load(model: str, checkpoint: Path) -> Embedder:
    """An embedder on the CPU, as the services load it; cnn14 with a seeded checkpoint."""
    if model == "builtin":
        return load_embedder(all_models(Path())[0], device="cpu", threads=None, on_notice=_refuse)
    if model == "mn04":
        weights = find_material(MN04_WEIGHTS_FILE)
        if weights is None:
            raise FileNotFoundError(MN04_WEIGHTS_FILE)
        return Mn04Embedder(weights, device="cpu")
    return Cnn14Embedder(checkpoint, device="cpu", expected=_as_published(checkpoint))


def provide(services: Services, embedder: Embedder) -> None:
    """Let the services use an embedder that is loaded already; its weights pass for installed."""
    weights = WEIGHTS.get(embedder.model.name)
    if weights is not None:
        stand_in = services.settings.models_dir / weights.file_name
        stand_in.parent.mkdir(parents=True, exist_ok=True)
        with stand_in.open("wb") as file:
            file.truncate(weights.bytes)
    services.models._embedders[embedder.model.name] = embedder


def ingest(model: str, folder: Path, work_dir: Path, checkpoint: Path, coverage: int | None = None) -> Work:
    """Hear a folder into a new library: catalog, index and all. The model is loaded before."""
    embedder = load(model, checkpoint)
    embedder.embed(np.zeros((1, 10 * embedder.sample_rate), np.float32))

    def work() -> int:
        with tempfile.TemporaryDirectory(dir=work_dir) as data_dir:
            services = Services(settings_for(Path(data_dir), MUSICSIM_MODEL=model), notice=_refuse)
            provide(services, embedder)
            try:
                hooks = IngestHooks(
                    index_new=lambda: services.engine.push_new(embedder.model), notice=_refuse
                )
                request = IngestRequest(paths=(folder,), coverage=coverage, threads=services.threads)
                summary = services.ingest(request, hooks, CancelToken())
                indexed = sum(status.indexed or 0 for status in services.engine.status())
                return min(summary.added, indexed)
            finally:
                services.close()

    return work


def decode(rate: int, paths: list[Path]) -> Work:
    """Nothing but decoding to mono at a rate, in a process for each processor."""
    pool = get_context("spawn").Pool(usable_processors())  # its processes end with this one
    one = partial(_decodes, rate)
    pool.map(one, paths[:4], chunksize=1)
    return lambda: sum(pool.imap_unordered(one, paths))


def _decodes(rate: int, path: Path) -> bool:
    return sum(len(block) for block in decode_mono(path, rate)) > 0


def hear(model: str, paths: list[Path], checkpoint: Path, audio_seconds: float) -> Work:
    """Nothing but the embedder, over as many full windows as fit `audio_seconds`."""
    embedder = load(model, checkpoint)
    batch: list[np.ndarray] = []
    length = 10 * embedder.sample_rate
    for path in paths:
        windows = cut_windows(decode_mono(path, embedder.sample_rate), embedder.sample_rate)
        batch.extend(window.samples for window in windows if len(window.samples) == length)
        if len(batch) >= embedder.batch_size:
            break
    ready = np.stack(batch[: embedder.batch_size])
    embedder.embed(ready)

    def work() -> int:
        for _ in range(round(audio_seconds / 10 / len(ready))):
            embedder.embed(ready)
        return len(paths)

    return work


def _as_published(checkpoint: Path) -> WeightsFile:
    """A seeded checkpoint described as if it were the published file."""
    with checkpoint.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return WeightsFile("cnn14", checkpoint.name, "", checkpoint.stat().st_size, digest, "", "")


def _refuse(notice: str) -> None:
    """A benchmark must not measure something that has gone wrong."""
    raise RuntimeError(notice)
