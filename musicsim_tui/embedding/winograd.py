"""Convolutions of 3 x 3 with half the multiplications. Loads PyTorch: import it inside the function that
needs it.

Winograd's minimal filtering F(4, 3) along one axis: four neighbouring outputs of a filter with three taps are
six products of sums, instead of twelve. The sums cost passes over memory, so it pays off where a map has many
channels. Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016; their matrices.
In bfloat16 the sums are rounded once more, which costs up to a few times what rounding the maps does. The
filters take twice the memory.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from musicsim_tui.embedding.onednn import with_activation

_OUTPUTS = 4
_TAPS = 3
_PRODUCTS = _OUTPUTS + _TAPS - 1
_OF_FILTER = (
    (1 / 4, 0.0, 0.0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0.0, 0.0, 1.0),
)
"""Sums of a filter's taps, one row for each product."""
_IN_EVERY_OUTPUT = 1
"""The product that each output holds once: it brings the bias along."""


class WinogradConvolution(nn.Module):
    """A convolution of 3 x 3 that keeps the size of its maps, and the ReLU behind it, for inference on a CPU.

    Takes and gives maps of shape (batch, channels, height, width) with the channels last in memory.
    """

    def __init__(self, convolution: nn.Conv2d, dtype: torch.dtype) -> None:
        """Computes in `dtype` what `convolution` does, whose weights are float32."""
        super().__init__()
        weight = convolution.weight.detach()
        products = []
        for number, sums in enumerate(_OF_FILTER):
            product = nn.Conv2d(
                convolution.in_channels,
                convolution.out_channels,
                (_TAPS, 1),
                padding=(1, 0),
                bias=number == _IN_EVERY_OUTPUT,
                device="meta",
            )
            taps = (scale * weight[..., tap] for tap, scale in enumerate(sums) if scale)
            summed = sum(taps, start=torch.zeros(()))[..., None].to(dtype)
            product.weight = nn.Parameter(summed.contiguous(memory_format=torch.channels_last))
            if product.bias is not None:
                assert convolution.bias is not None
                product.bias = nn.Parameter(convolution.bias.detach().to(dtype))
            products.append(with_activation(product, "none", "cpu"))
        self._products = nn.ModuleList(products)

    def forward(self, maps: Tensor) -> Tensor:
        width = maps.shape[3]
        products = [
            product(sums.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
            for product, sums in zip(self._products, _sums_of(maps.permute(0, 2, 3, 1)), strict=True)
        ]
        return _outputs_of(products, width).permute(0, 3, 1, 2)


def _sums_of(maps: Tensor) -> tuple[Tensor, ...]:
    """Six sums of shape (batch, height, tiles, channels), of maps (batch, height, width, channels)."""
    tiles = -(-maps.shape[2] // _OUTPUTS)
    after = _OUTPUTS * tiles + _TAPS - 2 - maps.shape[2]
    padded = nn.functional.pad(maps, (0, 0, 1, after))
    x0, x1, x2, x3, x4, x5 = (padded[:, :, place::_OUTPUTS][:, :, :tiles] for place in range(_PRODUCTS))
    outer, outer_odd = torch.sub(x4, x2, alpha=4), torch.sub(x3, x1, alpha=4)
    inner, inner_odd = x4 - x2, x3 - x1
    return (
        torch.sub(x4, x2, alpha=5).add_(x0, alpha=4),
        outer + outer_odd,
        outer.sub_(outer_odd),
        torch.add(inner, inner_odd, alpha=2),
        inner.sub_(inner_odd, alpha=2),
        torch.sub(x5, x3, alpha=5).add_(x1, alpha=4),
    )


def _outputs_of(products: list[Tensor], width: int) -> Tensor:
    """Maps of shape (batch, height, width, channels), after the ReLU. The products are used up."""
    m0, m1, m2, m3, m4, m5 = products
    batch, height, _, channels = m0.shape
    maps = m0.new_empty((batch, height, width, channels))
    outer, outer_odd = m1 + m2, m1.sub_(m2)
    inner, inner_odd = torch.add(m3, m4, out=m2), m3.sub_(m4)
    for place, (one, other, scale) in enumerate(
        (
            (m0.add_(outer), inner, 1),
            (outer_odd, inner_odd, 2),
            (outer, inner, 4),
            (outer_odd + m5, inner_odd, 8),
        )
    ):
        output = maps[:, :, place::_OUTPUTS]
        tiles = output.shape[2]
        torch.add(one[:, :, :tiles], other[:, :, :tiles], alpha=scale, out=output)
    return maps.relu_()
