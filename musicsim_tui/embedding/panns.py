"""cnn14: PANNs Cnn14 by its authors (panns_inference), without their package's side effects."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from functools import cache, partial
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

_FIRST_WINOGRAD_BLOCK = 3
"""The maps before have too few channels for the sums to pay off."""

_PART_BYTES = 2**24
"""Maps of this size stay in a processor's cache, and get memory that need not be cleared for them first."""

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
        checkpoint = load_checkpoint(expected, weights)
        try:
            network = _cnn14(checkpoint)
            mel = checkpoint[_MEL_FILTERS]
        except (RuntimeError, KeyError) as error:
            raise ModelError(
                f"{weights} does not hold the weights of Cnn14.", "Run musicsim-tui models install cnn14."
            ) from error
        del checkpoint  # whose weights are let go one by one while the network is arranged
        _arrange_for_inference(network, _dtype(precision, chosen), chosen)
        network.to(chosen)
        logmel = PannsLogMel(mel.to(chosen))

        def forward(samples: Tensor) -> tuple[Tensor, Tensor]:
            heard = network(logmel(samples)[:, None])
            return heard["embedding"], heard["clipwise_output"]

        super().__init__(
            CNN14,
            forward,
            device=chosen,
            batch_size=_BATCH_ON_CPU if chosen == "cpu" else _BATCH_ON_GPU,
            same_recording_cosine=CNN14_SAME_RECORDING_COSINE,
            threads=(threads or usual_threads()) if chosen == "cpu" else threads,
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


def _arrange_for_inference(network: Any, dtype: torch.dtype, device: str) -> None:  # noqa: ANN401
    """Fold batch norms into convolutions, and run these in `dtype` along time instead of frequency.

    The last blocks are 4 and 2 mel bands high: rows of time keep a processor's vectors full, which makes the
    whole 1.5 times as fast on a CPU, with the same result. There the blocks with many channels are computed
    with half the multiplications, for another 1.3 times.
    """
    import torch
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    from musicsim_tui.embedding.onednn import with_activation
    from musicsim_tui.embedding.winograd import WinogradConvolution

    blocks: list[Any] = [getattr(network, f"conv_block{number}") for number in range(1, 7)]
    for number, block in enumerate(blocks, 1):
        bytes_each = block.conv2.out_channels * dtype.itemsize
        for convolution, norm in (("conv1", "bn1"), ("conv2", "bn2")):
            folded = fuse_conv_bn_eval(getattr(block, convolution), getattr(block, norm))
            along_time = folded.weight.transpose(2, 3).contiguous(memory_format=torch.channels_last)
            folded.weight = torch.nn.Parameter(along_time)
            arranged: torch.nn.Module
            if device == "cpu" and number >= _FIRST_WINOGRAD_BLOCK:
                arranged = WinogradConvolution(folded, dtype)
            else:
                arranged = with_activation(folded.to(dtype), "relu", device)
            setattr(block, convolution, arranged)
            setattr(block, norm, torch.nn.Identity())
        most = _PART_BYTES // bytes_each if device == "cpu" else None
        block.forward = partial(_block_forward, block, most)
    blocks[0].register_forward_pre_hook(
        lambda _, inputs: (inputs[0].transpose(2, 3).to(dtype).contiguous(memory_format=torch.channels_last),)
    )
    blocks[-1].register_forward_hook(lambda _, inputs, output: output.transpose(2, 3).float())


def _block_forward(
    block: Any,  # noqa: ANN401
    most_places: int | None,
    maps: Tensor,
    pool_size: tuple[int, int],
    pool_type: str,
) -> Tensor:
    """A block of Cnn14 whose convolutions hold its activations: the authors' own would apply them again.

    With `most_places` the batch goes through in parts of so many places of a map, or of one window.
    """
    import torch

    if pool_type != "avg":
        raise ValueError(f"Cnn14 pools by means, not by {pool_type}")
    places, pools = maps.shape[2] * maps.shape[3], pool_size != (1, 1)
    parts = []
    for part in torch.split(maps, len(maps) if most_places is None else max(1, most_places // places)):
        convolved = block.conv2(block.conv1(part))
        parts.append(torch.nn.functional.avg_pool2d(convolved, pool_size) if pools else convolved)
    return parts[0] if len(parts) == 1 else torch.cat(parts)


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
