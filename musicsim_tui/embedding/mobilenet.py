"""The network of EfficientAT's mn04_as. Loads PyTorch: import it inside the function that needs it.

MobileNetV3-large (Howard et al., "Searching for MobileNetV3", ICCV 2019, table 1) at width 0.4, as trained
on AudioSet by Schmid et al., "Efficient large-scale audio tagging via transformer-to-CNN knowledge
distillation", ICASSP 2023. Names of modules are those of its published state dict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from musicsim_tui.embedding.onednn import FusedConvolution, PlainConvolution, with_activation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from musicsim_tui.embedding.onednn import Activation

_WIDTH = 0.4
_CLASSES = 527


class _Row(NamedTuple):
    """A line of the paper's table: channels are those of width 1."""

    kernel: int
    expanded: int
    out: int
    squeeze: bool
    activation: type[nn.ReLU] | type[nn.Hardswish]
    stride: int


_ROWS = (
    _Row(3, 16, 16, False, nn.ReLU, 1),
    _Row(3, 64, 24, False, nn.ReLU, 2),
    _Row(3, 72, 24, False, nn.ReLU, 1),
    _Row(5, 72, 40, True, nn.ReLU, 2),
    _Row(5, 120, 40, True, nn.ReLU, 1),
    _Row(5, 120, 40, True, nn.ReLU, 1),
    _Row(3, 240, 80, False, nn.Hardswish, 2),
    _Row(3, 200, 80, False, nn.Hardswish, 1),
    _Row(3, 184, 80, False, nn.Hardswish, 1),
    _Row(3, 184, 80, False, nn.Hardswish, 1),
    _Row(3, 480, 112, True, nn.Hardswish, 1),
    _Row(3, 672, 112, True, nn.Hardswish, 1),
    _Row(5, 672, 160, True, nn.Hardswish, 2),
    _Row(5, 960, 160, True, nn.Hardswish, 1),
    _Row(5, 960, 160, True, nn.Hardswish, 1),
)


def _round8(channels: float) -> int:
    """The nearest multiple of 8, at least 8 and never more than a tenth below `channels`."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def _convolution(
    inputs: int,
    outputs: int,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
    activation: nn.Module | None = None,
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3),
        *([] if activation is None else [activation]),
    )


class _SqueezeExcitation(nn.Module):
    """Scales each channel by what its mean over frequency and time says (Hu et al., CVPR 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = _round8(channels / 4)
        layers = nn.ModuleDict({"fc1": nn.Linear(channels, squeezed), "fc2": nn.Linear(squeezed, channels)})
        self.conc_se_layers = nn.ModuleList([layers])

    def forward(self, maps: Tensor) -> Tensor:
        for layers in self.conc_se_layers:
            squeezed = layers["fc1"](maps.mean((2, 3))).relu_()  # type: ignore[index]
            maps = maps * layers["fc2"](squeezed).sigmoid_()[:, :, None, None]  # type: ignore[index]
        return maps


class _InvertedResidual(nn.Module):
    def __init__(self, inputs: int, row: _Row) -> None:
        super().__init__()
        expanded, outputs = _round8(row.expanded * _WIDTH), _round8(row.out * _WIDTH)
        layers: list[nn.Module] = []
        if expanded != inputs:
            layers.append(_convolution(inputs, expanded, 1, activation=row.activation(inplace=True)))
        layers.append(
            _convolution(
                expanded, expanded, row.kernel, row.stride, expanded, activation=row.activation(inplace=True)
            )
        )
        if row.squeeze:
            layers.append(_SqueezeExcitation(expanded))
        layers.append(_convolution(expanded, outputs, 1))
        self.block = nn.Sequential(*layers)
        self.outputs = outputs
        self._adds_input = row.stride == 1 and inputs == outputs

    def forward(self, maps: Tensor) -> Tensor:
        *before, last = self.block
        inner = maps
        for layer in before:
            inner = layer(inner)
        assert isinstance(last, (FusedConvolution, PlainConvolution))
        result: Tensor = last.add_to(maps, inner) if self._adds_input else last(inner)
        return result


class Mn04(nn.Module):
    """Log-mel, shape (windows, 1, bands, frames), to embeddings (windows, 384) and logits (windows, 527).

    To be run as `mn04_for_inference` arranges it.
    """

    def __init__(self) -> None:
        super().__init__()
        channels = _round8(16 * _WIDTH)
        layers: list[nn.Module] = [_convolution(1, channels, 3, 2, activation=nn.Hardswish(inplace=True))]
        for row in _ROWS:
            block = _InvertedResidual(channels, row)
            layers.append(block)
            channels = block.outputs
        layers.append(_convolution(channels, 6 * channels, 1, activation=nn.Hardswish(inplace=True)))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(6 * channels, _round8(1280 * _WIDTH)),
            nn.Hardswish(inplace=True),
            nn.Dropout(0.2),
            nn.Linear(_round8(1280 * _WIDTH), _CLASSES),
        )

    def forward(self, logmel: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.features(logmel.contiguous(memory_format=torch.channels_last))
        embedding: Tensor = self.classifier[:2](maps)
        return embedding, self.classifier[2:](embedding)


def mn04_for_inference(weights: Mapping[str, Tensor], device: str) -> Mn04:
    """The network with its weights: batch norms folded into convolutions, these fused with what follows them.

    This and the order of channels in memory make it three times as fast on a CPU. bfloat16 is no option:
    it moves embeddings by a cosine of up to 0.001. Raises RuntimeError when the weights do not fit.
    """
    with torch.device("meta"):
        network = Mn04()
    network.load_state_dict(weights, strict=True, assign=True)
    network.eval()
    for parent in list(network.modules()):
        if isinstance(parent, nn.Sequential):
            for place, layers in enumerate(parent):
                if isinstance(layers, nn.Sequential) and isinstance(layers[0], nn.Conv2d):
                    parent[place] = _folded(layers, device)
    return network.to(device)


def _folded(layers: nn.Sequential, device: str) -> nn.Module:
    """What `_convolution` made, as one layer where possible."""
    convolution, norm = layers[0], layers[1]
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    convolution = fuse_conv_bn_eval(convolution, norm)
    convolution.weight = nn.Parameter(convolution.weight.contiguous(memory_format=torch.channels_last))
    return with_activation(convolution, _activation(layers), device)


def _activation(layers: nn.Sequential) -> Activation:
    if isinstance(layers[-1], nn.ReLU):
        return "relu"
    return "hardswish" if isinstance(layers[-1], nn.Hardswish) else "none"
