"""The embedders there are, what each costs and can do, and how to load one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from musicsim_tui.embedding.versions import (
    BUILTIN,
    BUILTIN_SAME_RECORDING_COSINE,
    CNN14,
    CNN14_SAME_RECORDING_COSINE,
    MN04,
    MN04_SAME_RECORDING_COSINE,
    MODELS,
)
from musicsim_tui.embedding.weights import WEIGHTS, find_weights
from musicsim_tui.errors import ModelError
from musicsim_tui.jobs import usable_processors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from musicsim_tui.embedding.embedder import Embedder
    from musicsim_tui.track import ModelVersion


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """An embedder as a person chooses it. `bytes` is the size of its weights, 0 for none; `path` is where
    they are, None while they are not installed."""

    model: ModelVersion
    summary: str
    bytes: int
    licence: str
    path: Path | None

    @property
    def installed(self) -> bool:
        return not self.bytes or self.path is not None

    @property
    def names_sounds(self) -> bool:
        """Whether it tells sounds by name: the networks do."""
        return self.bytes > 0


_SUMMARIES = {
    "builtin": "hand-made descriptors, needs nothing, knows no sound names",
    "mn04": "small network, fast, names 527 sounds",
    "cnn14": "PANNs Cnn14, large and slow, names 527 sounds",
}
_SAME_RECORDING = {
    BUILTIN.name: BUILTIN_SAME_RECORDING_COSINE,
    MN04.name: MN04_SAME_RECORDING_COSINE,
    CNN14.name: CNN14_SAME_RECORDING_COSINE,
}


_DECODING_PER_HEARING = 4
"""Decoding takes about four times as long as hearing with the built-in embedder."""


def all_models(models_dir: Path) -> list[ModelInfo]:
    """Every embedder, smallest first; loads none."""
    found = []
    for model in MODELS:
        name = model.name
        weights = WEIGHTS.get(name)
        if weights is None:
            found.append(ModelInfo(model, _SUMMARIES[name], 0, "MIT", None))
        else:
            path = find_weights(name, models_dir)
            found.append(ModelInfo(model, _SUMMARIES[name], weights.bytes, weights.licence, path))
    return found


def same_recording_cosine(name: str) -> float:
    """Cosine above which two track vectors of this model are the same recording."""
    return _SAME_RECORDING[name]


def require_installed(info: ModelInfo) -> None:
    """Raise ModelError, saying how to install it, when a model's weights are not there."""
    if not info.installed:
        name = info.model.name
        raise ModelError(
            f"The model {name} is not installed.",
            f"Run musicsim-tui models install {name}, or install it --from a file you have.",
        )


def load_embedder(
    info: ModelInfo, *, device: str, threads: int | None, on_notice: Callable[[str], None]
) -> Embedder:
    """Load a model; its weights are checked against their digest first. Raises ModelError."""
    require_installed(info)
    if info.path is None:
        from musicsim_tui.embedding.builtin import BuiltinEmbedder

        return BuiltinEmbedder(max(1, (threads or usable_processors()) // _DECODING_PER_HEARING))
    from musicsim_tui.embedding.efficientat import Mn04Embedder
    from musicsim_tui.embedding.panns import Cnn14Embedder

    network = Mn04Embedder if info.model == MN04 else Cnn14Embedder
    embedder = network(info.path, device=device, threads=threads)
    embedder.on_notice = on_notice
    return embedder


def describe_processor(wanted: str) -> str:
    """The device that networks run on when `wanted` is asked for, and whether it has bfloat16.

    Raises ModelError when this machine has no such device.
    """
    import torch

    from musicsim_tui.embedding.network import choose_device, usual_threads
    from musicsim_tui.embedding.panns import has_bfloat16

    device = choose_device(wanted)
    if device == "cpu":
        bfloat16 = "with" if has_bfloat16(device) else "without"
        return f"CPU, {usual_threads()} threads, {bfloat16} bfloat16"
    return f"{device}: {torch.cuda.get_device_name(device) if device.startswith('cuda') else 'Apple GPU'}"
