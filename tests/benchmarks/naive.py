"""The naive pipeline: what a first search for "PANNs" and "Qdrant" leads to.

`librosa.load` at 32 kHz, the whole track at once through panns_inference's Cnn14 in float32, and one point at
a time into a Qdrant on the local disk.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from musicsim_tui.embedding.versions import CNN14

if TYPE_CHECKING:
    from tests.benchmarks.contest import Work

RATE = 32_000
CHECKPOINT = "Cnn14_seeded.pth"
_LONGEST_SECONDS = 1800.0
"""Some excerpts claim a length of a day, for which librosa would want room: 32 GiB."""


def naive_pipeline(paths: list[Path], checkpoint: Path, work_dir: Path) -> Work:
    """Load the network; the work opens a new collection and fills it."""
    import librosa

    panns = _panns_inference(work_dir)
    with contextlib.redirect_stdout(sys.stderr):
        tagger = panns.AudioTagging(checkpoint_path=str(checkpoint), device="cpu")
    librosa.load(paths[0], sr=RATE, mono=True, duration=1)

    def work() -> int:
        from qdrant_client import QdrantClient, models

        folder = tempfile.mkdtemp(dir=work_dir)
        client = QdrantClient(path=folder)
        try:
            parameters = models.VectorParams(size=CNN14.dimensions, distance=models.Distance.COSINE)
            client.create_collection("naive", vectors_config=parameters)
            for path in paths:
                samples, _ = librosa.load(path, sr=RATE, mono=True, duration=_LONGEST_SECONDS)
                _, embedding = tagger.inference(samples[None])
                point = models.PointStruct(
                    id=str(uuid4()), vector=embedding[0].tolist(), payload={"path": str(path)}
                )
                client.upsert("naive", [point])
            return client.count("naive").count
        finally:
            client.close()
            shutil.rmtree(folder)

    return work


def make_checkpoint(work_dir: Path) -> Path:
    """Cnn14 with seeded weights in its authors' file format: as fast as the real one, and knows nothing.

    Its batch norms have seen noise, so that numbers stay in the range they have in the real network.
    """
    path = work_dir / CHECKPOINT
    if path.exists():
        return path
    import torch

    panns = _panns_inference(work_dir)
    torch.manual_seed(14)
    network = panns.models.Cnn14(RATE, 1024, 320, 64, 50, 14_000, 527)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        network.train()(0.1 * torch.randn(8, 2 * RATE))
    part = path.with_suffix(".part")
    torch.save({"model": network.state_dict()}, part)
    part.replace(path)
    return path


def _panns_inference(work_dir: Path) -> Any:  # noqa: ANN401 - has no types
    """The authors' package, in a home that has the list of labels it would fetch otherwise."""
    home = work_dir / "home"
    (home / "panns_data").mkdir(parents=True, exist_ok=True)
    labels = resources.files("musicsim_tui.embedding").joinpath("audioset_labels.csv").read_bytes()
    (home / "panns_data" / "class_labels_indices.csv").write_bytes(labels)
    os.environ["HOME"] = str(home)
    import panns_inference
    import panns_inference.models

    return panns_inference
