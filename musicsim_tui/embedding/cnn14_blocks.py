"""The convolutions of Cnn14, arranged for the processor that computes them. Loads PyTorch: import it inside
the function that needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from musicsim_tui.embedding.onednn import with_activation
from musicsim_tui.embedding.tiled import TiledMaps, TilingConvolution, sums_of_four
from musicsim_tui.embedding.winograd import WinogradConvolution

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BLOCKS = [f"conv_block{number}" for number in range(1, 7)]

_PART_BYTES = 2**22
"""Maps of this size for each thread, and what is computed from them, stay in a processor's cache."""


def arrange_for_inference(network: Any, dtype: torch.dtype, device: str) -> None:  # noqa: ANN401
    """Let the authors' network compute its convolutions in `dtype`, with the batch norms folded into them.

    They run along time instead of frequency: the last blocks are 4 and 2 mel bands high, and rows of time
    keep a processor's vectors full. All blocks are computed in the first one's place.
    """
    blocks = [getattr(network, name) for name in _BLOCKS]
    for name in _BLOCKS:
        setattr(network, name, _Unchanged())
    convolutions = _BlocksOnCpu(blocks, dtype) if device == "cpu" else _blocks_on_gpu(blocks, dtype, device)
    network.conv_block1 = _AlongTime(convolutions, dtype)


def _take_convolution(block: Any, number: Literal[1, 2]) -> nn.Conv2d:  # noqa: ANN401
    """A convolution with its batch norm folded in, along time; the block lets its weights go."""
    name = f"conv{number}"
    convolution: nn.Conv2d = fuse_conv_bn_eval(getattr(block, name), getattr(block, f"bn{number}"))
    setattr(block, name, nn.Identity())
    convolution.weight = nn.Parameter(convolution.weight.detach().transpose(2, 3))
    return convolution


class _Unchanged(nn.Module):
    def forward(self, maps: Tensor, pool_size: tuple[int, int], pool_type: str) -> Tensor:
        return maps


class _AlongTime(nn.Module):
    """All blocks of Cnn14, called as the authors call the first; pools by means, whatever it is told."""

    def __init__(self, convolutions: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self._convolutions = convolutions
        self._dtype = dtype

    def forward(self, maps: Tensor, pool_size: tuple[int, int], pool_type: str) -> Tensor:
        along_time = maps.transpose(2, 3).to(self._dtype).contiguous(memory_format=torch.channels_last)
        convolved: Tensor = self._convolutions(along_time)
        return convolved.transpose(2, 3).float()


def _blocks_on_gpu(blocks: Iterable[Any], dtype: torch.dtype, device: str) -> nn.Sequential:
    layers: list[nn.Module] = []
    for block in blocks:
        for convolution in (_take_convolution(block, 1), _take_convolution(block, 2)):
            weight = convolution.to(dtype).weight.detach()
            convolution.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last))
            layers.append(with_activation(convolution, "relu", device))
        layers.append(nn.AvgPool2d(2))
    return nn.Sequential(*layers[:-1])


class _BlocksOnCpu(nn.Module):
    """All convolutions of Cnn14 with the ReLUs behind them, and the means between its blocks.

    Takes maps of shape (batch, 1, height, width) in its dtype and gives maps of shape (batch, channels,
    height / 32, width / 32).
    """

    def __init__(self, blocks: Iterable[Any], dtype: torch.dtype) -> None:
        """Computes in `dtype` what the authors' blocks do, whose weights are float32 and are let go."""
        super().__init__()
        self._channels: list[int] = []
        self._blocks = nn.ModuleList()
        for block in blocks:
            self._channels.append(block.conv2.out_channels)
            if len(self._blocks) == 0:
                entry: nn.Module = TilingConvolution(_take_convolution(block, 1), dtype)
            else:
                # The sums between two blocks become means, exactly: a quarter is a power of two.
                entry = WinogradConvolution(_take_convolution(block, 1), dtype, scale=1 / 4)
            self._blocks.append(nn.Sequential(entry, WinogradConvolution(_take_convolution(block, 2), dtype)))

    def forward(self, maps: Tensor) -> Tensor:
        *before, last = self._blocks
        most_numbers = torch.get_num_threads() * _PART_BYTES // maps.element_size()

        def maps_at_once(block: int, height: int, width: int) -> int:
            return max(1, most_numbers // (self._channels[block] * height * width))

        parts: Sequence[Tensor | TiledMaps] = torch.split(maps, maps_at_once(0, *maps.shape[2:]))
        for following, block in enumerate(before, 1):
            tiled = TiledMaps.cat([sums_of_four(block(part)) for part in parts])
            parts = tiled.split(maps_at_once(following, tiled.height, tiled.width))
        return TiledMaps.cat([last(part) for part in parts]).joined()
