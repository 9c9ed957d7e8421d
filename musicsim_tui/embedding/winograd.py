"""Convolutions of 3 x 3 with half the multiplications. Loads PyTorch: import it inside the function that
needs it.

Winograd's minimal filtering F(4, 3) along one axis: four neighbouring outputs of a filter with three taps are
six products of sums, instead of twelve. Lavin and Gray, "Fast algorithms for convolutional neural networks",
CVPR 2016; their matrices, with the last filter times 4. In bfloat16 the sums are rounded once more, which
costs up to a few times what rounding the maps does. The filters take twice the memory.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from musicsim_tui.embedding.onednn import Activation
from musicsim_tui.embedding.tiled import HeightConvolution, TiledMaps

_OF_FILTER = (
    (1 / 4, 0.0, 0.0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0.0, 0.0, 4.0),
)
"""Sums of a filter's taps, one row for each product."""
_IN_EVERY_OUTPUT = 1
"""The product that each output holds once: it brings the bias along."""
_IN_ONE_OUTPUT = (0, 5)
"""The products that one output alone holds: they are added last, together with the ReLU."""


class WinogradConvolution(nn.Module):
    """A convolution of 3 x 3 that keeps the size of its maps, and the ReLU behind it; inference on a CPU."""

    def __init__(self, convolution: nn.Conv2d, dtype: torch.dtype, scale: float = 1) -> None:
        """Computes in `dtype` what `convolution`, in float32, does to its maps times `scale`."""
        super().__init__()
        weight = convolution.weight.detach()
        self._products: list[HeightConvolution] = []
        for number, sums in enumerate(_OF_FILTER):
            summed = torch.zeros(weight.shape[:-1])
            for tap, share in enumerate(sums):
                if share:
                    summed.add_(weight[..., tap], alpha=share * scale)
            bias = convolution.bias if number == _IN_EVERY_OUTPUT else None
            activation: Activation = "relu" if number in _IN_ONE_OUTPUT else "none"
            self._products.append(HeightConvolution(summed, bias, dtype, activation))

    def forward(self, maps: TiledMaps) -> TiledMaps:
        """In each tile x1 to x4 are its places, x0 and x5 its neighbours', m0 to m5 the products."""
        product = self._products
        x1, x2, x3, x4 = maps.places
        even, odd = torch.sub(x4, x2, alpha=4), torch.sub(x3, x1, alpha=4)
        sums = even + odd
        m1 = product[1](sums)
        m1_plus_m2 = product[2].plus(m1, torch.sub(even, odd, out=sums))
        m1_minus_m2 = torch.sub(m1.mul_(2), m1_plus_m2, out=m1)
        torch.sub(x4, x2, out=even)
        torch.sub(x3, x1, out=odd)
        m3 = product[3](torch.add(even, odd, alpha=2, out=sums))
        m3_plus_m4 = product[4].plus(m3, torch.sub(even, odd, alpha=2, out=sums))
        m3_minus_m4 = torch.sub(m3.mul_(2), m3_plus_m4, out=m3)
        first = product[0].plus(m1_plus_m2 + m3_plus_m4, _sums_from_before(x2, x4, out=sums))
        last = product[5].plus(torch.add(m1_minus_m2, m3_minus_m4, alpha=8), _sums_to_after(x1, x3, out=sums))
        second = m1_minus_m2.add_(m3_minus_m4, alpha=2).relu_()
        third = m1_plus_m2.add_(m3_plus_m4, alpha=4).relu_()
        return TiledMaps.zeroed_beyond(maps.width, (first, second, third, last))


def _sums_from_before(x2: Tensor, x4: Tensor, *, out: Tensor) -> Tensor:
    """4 x0 - 5 x2 + x4, where x0 is the x4 of the tile before."""
    torch.sub(x4, x2, alpha=5, out=out)[:, :, 1:].add_(x4[:, :, :-1], alpha=4)
    return out


def _sums_to_after(x1: Tensor, x3: Tensor, *, out: Tensor) -> Tensor:
    """x1 - 5/4 x3 + 1/4 x5, where x5 is the x1 of the tile behind."""
    torch.sub(x1, x3, alpha=1.25, out=out)[:, :, :-1].add_(x1[:, :, 1:], alpha=0.25)
    return out
