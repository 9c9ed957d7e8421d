"""cnn14: PANNs Cnn14 by its authors (panns_inference), without their package's side effects."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from musicsim_tui.embedding.logmel import HOP, N_FFT, SAMPLE_RATE, PannsLogMel
from musicsim_tui.embedding.network import NetworkEmbedder, choose_device, usual_threads
from musicsim_tui.embedding.sounds import AUDIOSET_CLASSES
from musicsim_tui.embedding.versions import CNN14, CNN14_SAME_RECORDING_COSINE
from musicsim_tui.embedding.weights import CNN14_WEIGHTS, WeightsFile, load_checkpoint
from musicsim_tui.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch
    from torch import Tensor

Precision: TypeAlias = Literal["auto", "float32", "bfloat16"]

_BATCH_ON_CPU = 8
_BATCH_ON_GPU = 32

_FRONT_END = ("spectrogram_extractor.", "logmel_extractor.")
_MEL_FILTERS = "logmel_extractor.melW"

_importing = threading.Lock()


class Cnn14Embedder(NetworkEmbedder):
    """Hears windows of 32 kHz audio with PANNs Cnn14: 2048 numbers and 527 sounds for each.

    Kong et al., "PANNs: large-scale pretrained audio neural networks for audio pattern recognition",
    IEEE/ACM TASLP 28, 2020; weights by the authors, CC BY 4.0.
    """

    def __init__(
        self,
        weights: Path,
        *,
        device: str = "auto",
        threads: int | None = None,
        precision: Precision = "auto",
        expected: WeightsFile = CNN14_WEIGHTS,
    ) -> None:
        """Load `weights`, which must be the file that `expected` describes. Raises ModelError.

        The convolutions are computed in `precision`; "auto" takes bfloat16 where the processor has
        instructions for it, else float32. Spectrogram and classifier are always computed in float32.
        """
        chosen = choose_device(device)

        from musicsim_tui.embedding.cnn14_blocks import arrange_for_inference

        checkpoint = load_checkpoint(expected, weights)
        try:
            network = _cnn14(checkpoint)
            mel = checkpoint[_MEL_FILTERS]
        except (RuntimeError, KeyError) as error:
            raise ModelError(
                f"{weights} does not hold the weights of Cnn14.", "Run musicsim-tui models install cnn14."
            ) from error
        del checkpoint  # whose weights are let go one by one while the network is arranged
        arrange_for_inference(network, _dtype(precision, chosen), chosen)
        network.to(chosen)
        logmel = PannsLogMel(mel.to(chosen))

        def forward(samples: Tensor) -> tuple[Tensor, Tensor]:
            heard = network(logmel(samples)[:, None])
            return heard["embedding"], heard["clipwise_output"]

        side_by_side = 1
        if chosen == "cpu":
            threads = threads or usual_threads()
            # Where other threads decode, two halves of a batch wait less for each other than all threads do
            # at the end of each layer. An odd number would leave one idle.
            side_by_side = 2 if threads % 2 == 0 else 1
        super().__init__(
            CNN14,
            forward,
            device=chosen,
            batch_size=_BATCH_ON_CPU if chosen == "cpu" else _BATCH_ON_GPU,
            same_recording_cosine=CNN14_SAME_RECORDING_COSINE,
            threads=threads // side_by_side if threads else None,
            side_by_side=side_by_side,
            threads_undivided=threads,
        )


@cache
def _models_module() -> Any:  # noqa: ANN401
    """`panns_inference.models` without its package, which on import starts a download, prints and loads
    matplotlib. The module goes unregistered: a regular import of panns_inference finds the real one.

    Its spectrogram classes are replaced by nothing: `PannsLogMel` stands in for them.
    """
    import torch

    spec = importlib.util.find_spec("panns_inference")
    if spec is None:
        raise ModelError("The package panns-inference is missing.", "Reinstall musicsim-tui.")
    stand_ins = {
        "panns_inference": importlib.util.module_from_spec(spec),
        "matplotlib": ModuleType("matplotlib"),
        "matplotlib.pyplot": ModuleType("matplotlib.pyplot"),
    }
    ours = ("panns_inference", "panns_inference.models", "panns_inference.pytorch_utils", *stand_ins)
    with _importing:
        before = {name: sys.modules.pop(name) for name in ours if name in sys.modules}
        sys.modules.update(stand_ins)
        try:
            models: Any = importlib.import_module("panns_inference.models")
        finally:
            for name in ours:
                sys.modules.pop(name, None)
            sys.modules.update(before)
    models.Spectrogram = models.LogmelFilterBank = lambda **_: torch.nn.Identity()
    return models


def _cnn14(checkpoint: Mapping[str, Tensor]) -> Any:  # noqa: ANN401
    """The authors' network with its weights, which must fit exactly; takes a log-mel where it took samples.

    It is built without memory of its own, so that nothing is spent on random weights.
    """
    import torch

    with torch.device("meta"):
        network = _models_module().Cnn14(
            sample_rate=SAMPLE_RATE,
            window_size=N_FFT,
            hop_size=HOP,
            mel_bins=64,
            fmin=50,
            fmax=14_000,
            classes_num=AUDIOSET_CLASSES,
        )
    weights = {name: tensor for name, tensor in checkpoint.items() if not name.startswith(_FRONT_END)}
    network.load_state_dict(weights, strict=True, assign=True)
    return network.eval()


def _dtype(precision: Precision, device: str) -> torch.dtype:
    import torch

    native = has_bfloat16(device) if precision == "auto" else precision == "bfloat16"
    return torch.bfloat16 if native else torch.float32


def has_bfloat16(device: str) -> bool:
    """Whether the processor multiplies bfloat16 by itself; emulated, it is slower than float32."""
    import torch

    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device != "cpu":
        return False
    has = torch.cpu.get_capabilities()
    return bool(has.get("avx512_bf16") or has.get("amx_bf16"))
