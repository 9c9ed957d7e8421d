"""mn04: EfficientAT's mn04_as, the tagging accuracy of Cnn14 at about 1/190 of the arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from musicsim_tui.embedding.logmel import EfficientAtLogMel
from musicsim_tui.embedding.network import NetworkEmbedder, choose_device, usual_threads
from musicsim_tui.embedding.versions import MN04, MN04_SAME_RECORDING_COSINE
from musicsim_tui.embedding.weights import MN04_WEIGHTS, WeightsFile, load_checkpoint
from musicsim_tui.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

_BATCH_ON_CPU = 4
"""Windows whose layers stay in a processor's cache."""
_BATCH_ON_GPU = 64


class Mn04Embedder(NetworkEmbedder):
    """Hears windows of 32 kHz audio with EfficientAT mn04_as: 384 numbers and 527 sounds for each.

    Schmid, Koutini and Widmer, "Efficient large-scale audio tagging via transformer-to-CNN knowledge
    distillation", ICASSP 2023; weights by the authors, MIT licence.
    """

    def __init__(
        self,
        weights: Path,
        *,
        device: str = "auto",
        threads: int | None = None,
        expected: WeightsFile = MN04_WEIGHTS,
    ) -> None:
        """Load `weights`, which must be the file that `expected` describes. Raises ModelError."""
        chosen = choose_device(device)
        on_cpu = chosen == "cpu"
        # Hearing a track takes this network about half of the time that decoding it takes.
        side_by_side = max(1, (threads or usual_threads()) * 3 // 8) if on_cpu else 1
        checkpoint = load_checkpoint(expected, weights)

        from musicsim_tui.embedding.mobilenet import mn04_for_inference

        try:
            network = mn04_for_inference(checkpoint, chosen)
        except RuntimeError as error:
            raise ModelError(
                f"{weights} does not hold the weights of mn04.", "Run musicsim-tui models install mn04."
            ) from error
        logmel = EfficientAtLogMel(chosen)

        def forward(samples: Tensor) -> tuple[Tensor, Tensor]:
            embedding, logits = network(logmel(samples).transpose(1, 2)[:, None])
            return embedding, logits.sigmoid()

        super().__init__(
            MN04,
            forward,
            device=chosen,
            batch_size=_BATCH_ON_CPU * side_by_side if on_cpu else _BATCH_ON_GPU,
            same_recording_cosine=MN04_SAME_RECORDING_COSINE,
            threads=1 if on_cpu else threads,
            side_by_side=side_by_side,
        )
