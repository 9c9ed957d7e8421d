"""Maps with every fourth place in memory of its own. Loads PyTorch: import it inside the function that needs
it.

Winograd's F(4, 3) adds and subtracts neighbouring places. With channels last in memory these lie one by one
between others; cut apart once, they stay apart through all convolutions, and each sum is one of long rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from musicsim_tui.embedding.onednn import Activation, with_activation

if TYPE_CHECKING:
    from collections.abc import Sequence

TILE = 4
"""Places of a tile."""
TAPS = 3
"""Taps of a filter along the width; one place at either side of a tile takes part in its outputs."""


@dataclass(frozen=True, slots=True)
class TiledMaps:
    """Maps whose width is cut into tiles of four places.

    `places[i]`, one of four, has shape (batch, height, tiles, channels): place 4 t + i of each row is at
    [..., t, :].
    Beyond the width the places of the last tile are zero.
    """

    places: tuple[Tensor, ...]
    width: int

    @classmethod
    def zeroed_beyond(cls, width: int, places: Sequence[Tensor]) -> TiledMaps:
        """Maps of places that hold anything beyond the width: it is overwritten."""
        for place in places[TILE - -width % TILE :]:
            place[:, :, -1] = 0
        return cls(tuple(places), width)

    @classmethod
    def cat(cls, parts: Sequence[TiledMaps]) -> TiledMaps:
        """The parts of a batch, one after another."""
        if len(parts) == 1:
            return parts[0]
        of_place = zip(*(part.places for part in parts), strict=True)
        return cls(tuple(torch.cat(places) for places in of_place), parts[0].width)

    def split(self, size: int) -> list[TiledMaps]:
        """Parts of so many maps, the last of as many as are left."""
        return [
            TiledMaps(places, self.width)
            for places in zip(*(torch.split(place, size) for place in self.places), strict=True)
        ]

    @property
    def height(self) -> int:
        return self.places[0].shape[1]

    def joined(self) -> Tensor:
        """Maps of shape (batch, channels, height, width) with the channels last in memory."""
        return torch.stack(self.places, dim=3).flatten(2, 3)[:, :, : self.width].permute(0, 3, 1, 2)


class HeightConvolution:
    """A convolution of three taps along the height of maps (batch, height, tiles, channels), on a CPU."""

    def __init__(
        self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype, activation: Activation
    ) -> None:
        """`weight` has shape (output channels, input channels, taps)."""
        outputs, channels, taps = weight.shape
        convolution = nn.Conv2d(
            channels, outputs, (taps, 1), padding=(taps // 2, 0), bias=bias is not None, device="meta"
        )
        kernels = weight[..., None].to(dtype).contiguous(memory_format=torch.channels_last)
        convolution.weight = nn.Parameter(kernels)
        if bias is not None:
            convolution.bias = nn.Parameter(bias.detach().to(dtype))
        self._convolution = with_activation(convolution, activation, "cpu")

    def __call__(self, maps: Tensor) -> Tensor:
        convolved: Tensor = self._convolution(maps.permute(0, 3, 1, 2))
        return convolved.permute(0, 2, 3, 1)

    def plus(self, others: Tensor, maps: Tensor) -> Tensor:
        """The activation of the sum of `others` and the convolution of `maps`."""
        others, maps = others.permute(0, 3, 1, 2), maps.permute(0, 3, 1, 2)
        return self._convolution.plus(others, maps).permute(0, 2, 3, 1)


class TilingConvolution(nn.Module):
    """A convolution of 3 x 3 that keeps the size of its maps, and the ReLU behind it, for inference on a CPU.

    For maps of few channels, shape (batch, channels, height, width), in the same dtype as the convolution:
    what a tile is made of is copied.
    """

    def __init__(self, convolution: nn.Conv2d, dtype: torch.dtype) -> None:
        """Computes in `dtype` what `convolution` does, whose weights are float32."""
        super().__init__()
        weight, bias = convolution.weight.detach(), convolution.bias
        outputs, channels, height, _ = weight.shape
        self._reach = TILE + TAPS - 1
        self._convolutions = []
        for place in range(TILE):
            wide = weight.new_zeros(outputs, channels, self._reach, height)
            wide[:, :, place : place + TAPS] = weight.transpose(2, 3)
            self._convolutions.append(HeightConvolution(wide.flatten(1, 2), bias, dtype, "relu"))

    def forward(self, maps: Tensor) -> TiledMaps:
        width = maps.shape[3]
        beyond = -width % TILE + 1
        padded = nn.functional.pad(maps, (1, beyond))
        reached = padded.unfold(3, self._reach, TILE).permute(0, 2, 3, 1, 4).flatten(3)
        return TiledMaps.zeroed_beyond(width, [convolve(reached) for convolve in self._convolutions])


def sums_of_four(maps: TiledMaps) -> TiledMaps:
    """Sums over squares of 2 x 2 places: four times their mean. The maps, of even height, are used up."""
    first, second, third, fourth = maps.places
    pairs = first.add_(second), third.add_(fourth)
    width = maps.width // 2
    tiles = -(-width // TILE)
    places = []
    for place in range(TILE):
        every_second = pairs[place % 2][:, :, place // 2 :: 2][:, :, :tiles]
        batch, height, filled, channels = every_second.shape
        sums = every_second.new_empty((batch, height // 2, tiles, channels))
        torch.add(every_second[:, 0::2], every_second[:, 1::2], out=sums[:, :, :filled])
        places.append(sums)
    return TiledMaps.zeroed_beyond(width, places)
