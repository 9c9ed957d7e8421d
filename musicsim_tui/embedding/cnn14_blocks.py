"""The convolutions of Cnn14, arranged for the processor that computes them. Loads PyTorch: import it inside
the function that needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from musicsim_tui.embedding.onednn import with_activation
from musicsim_tui.embedding.tiled import TiledMaps, TilingConvolution, sums_of_four
from musicsim_tui.embedding.winograd import WinogradConvolution

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_BLOCKS = [f"conv_block{number}" for number in range(1, 7)]

_PART_BYTES = 2**22
"""Maps of this size for each thread, and what is computed from them, stay in a processor's cache."""


def arrange_for_inference(network: Any, dtype: torch.dtype, device: str) -> None:  # noqa: ANN401
    """Let the authors' network compute its convolutions in `dtype`, with the batch norms folded into them.

    They run along time instead of frequency: the last blocks are 4 and 2 mel bands high, and rows of time
    keep a processor's vectors full. All blocks are computed in the first one's place.
    """
    pairs = _take_convolutions(network)
    convolutions = BlocksOnCpu(pairs, dtype) if device == "cpu" else _blocks_on_gpu(pairs, dtype, device)
    network.conv_block1 = _AlongTime(convolutions)


def _take_convolutions(network: Any) -> Iterator[tuple[nn.Conv2d, nn.Conv2d]]:  # noqa: ANN401
    """The convolutions of one block after another, which the network lets go."""
    for name in _BLOCKS:
        block = getattr(network, name)
        setattr(network, name, _Unchanged())
        pair = fuse_conv_bn_eval(block.conv1, block.bn1), fuse_conv_bn_eval(block.conv2, block.bn2)
        for convolution in pair:
            along_time = convolution.weight.detach().transpose(2, 3)
            convolution.weight = nn.Parameter(along_time.contiguous(memory_format=torch.channels_last))
        yield pair


class _Unchanged(nn.Module):
    def forward(self, maps: Tensor, pool_size: tuple[int, int], pool_type: str) -> Tensor:
        return maps


class _AlongTime(nn.Module):
    """All blocks of Cnn14, called as the authors call the first."""

    def __init__(self, convolutions: nn.Module) -> None:
        super().__init__()
        self._convolutions = convolutions

    def forward(self, maps: Tensor, pool_size: tuple[int, int], pool_type: str) -> Tensor:
        if (pool_size, pool_type) != ((2, 2), "avg"):
            raise ValueError(f"Cnn14 pools by means of 2 x 2, not by {pool_type} of {pool_size}")
        convolved: Tensor = self._convolutions(maps.transpose(2, 3))
        return convolved.transpose(2, 3).float()


def _blocks_on_gpu(
    pairs: Iterable[tuple[nn.Conv2d, nn.Conv2d]], dtype: torch.dtype, device: str
) -> nn.Sequential:
    layers: list[nn.Module] = [_InDtype(dtype)]
    for pair in pairs:
        layers += [with_activation(convolution.to(dtype), "relu", device) for convolution in pair]
        layers.append(nn.AvgPool2d(2))
    return nn.Sequential(*layers[:-1])


class _InDtype(nn.Module):
    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self._dtype = dtype

    def forward(self, maps: Tensor) -> Tensor:
        return maps.to(self._dtype).contiguous(memory_format=torch.channels_last)


class BlocksOnCpu(nn.Module):
    """All convolutions of Cnn14 with the ReLUs behind them, and the means between its blocks.

    Takes maps of shape (batch, 1, height, width) and gives maps of shape (batch, channels, height / 32,
    width / 32).
    """

    def __init__(self, pairs: Iterable[tuple[nn.Conv2d, nn.Conv2d]], dtype: torch.dtype) -> None:
        """Computes in `dtype` what a pair of convolutions in each block does, whose weights are float32."""
        super().__init__()
        self._dtype = dtype
        self._channels: list[int] = []
        self._blocks = nn.ModuleList()
        for number, (first, second) in enumerate(pairs):
            if number == 0:
                entry: nn.Module = TilingConvolution(first, dtype)
            else:
                # The sums between two blocks become means, exactly: a quarter is a power of two.
                entry = WinogradConvolution(first, dtype, scale=1 / 4)
            self._channels.append(second.out_channels)
            self._blocks.append(nn.Sequential(entry, WinogradConvolution(second, dtype)))

    def forward(self, maps: Tensor) -> Tensor:
        *before, last = self._blocks
        parts: Sequence[Tensor | TiledMaps] = torch.split(maps, self._maps_at_once(0, *maps.shape[2:]))
        for number, block in enumerate(before):
            tiled = TiledMaps.cat([sums_of_four(block(part)) for part in parts])
            parts = tiled.split(self._maps_at_once(number + 1, tiled.height, tiled.width))
        return TiledMaps.cat([last(part) for part in parts]).joined()

    def _maps_at_once(self, block: int, height: int, width: int) -> int:
        bytes_each = self._channels[block] * height * width * self._dtype.itemsize
        return max(1, torch.get_num_threads() * _PART_BYTES // bytes_each)
