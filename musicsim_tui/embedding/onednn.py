"""Convolutions as oneDNN runs them best on a CPU. Loads PyTorch: import it inside the function that needs it.

PyTorch has operators, meant for its own compiler, that add a bias, an activation and another tensor in the
same pass over memory that writes the convolution, with weights in the order in which the processor takes
them. Called directly they need no compiler. Layers of a small network are over so soon that each pass more
costs as much as the arithmetic.
"""

from __future__ import annotations

import logging
import threading
from functools import cache
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

log = logging.getLogger(__name__)

Activation: TypeAlias = Literal["none", "relu", "hardswish"]


def with_activation(
    convolution: nn.Conv2d, activation: Activation, device: str
) -> FusedConvolution | PlainConvolution:
    """A convolution and what follows it, for inference on a device: as one layer where that is possible."""
    if device == "cpu" and has_fused_convolutions(convolution.weight.dtype):
        return FusedConvolution(convolution, activation)
    return PlainConvolution(convolution, activation)


class PlainConvolution(nn.Module):
    """What a `FusedConvolution` computes, on any device and by any build of PyTorch."""

    def __init__(self, convolution: nn.Conv2d, activation: Activation) -> None:
        super().__init__()
        self._convolution = convolution
        if activation == "none":
            self._activation: nn.Module = nn.Identity()
        else:
            self._activation = nn.ReLU(inplace=True) if activation == "relu" else nn.Hardswish(inplace=True)

    def forward(self, maps: Tensor) -> Tensor:
        result: Tensor = self._activation(self._convolution(maps))
        return result

    def plus(self, others: Tensor, maps: Tensor) -> Tensor:
        """The activation, none or ReLU, of the sum of `others` and the convolution of `maps`."""
        result: Tensor = self._activation(self._convolution(maps).add_(others))
        return result

    def add_to(self, others: Tensor, maps: Tensor) -> Tensor:
        """As `plus`, written over `others`."""
        result: Tensor = self._activation(others.add_(self._convolution(maps)))
        return result


class FusedConvolution(nn.Module):
    """Takes and gives maps with the channels last in memory. The first maps, by their size, choose the order
    that the weight is kept in; others are convolved as well."""

    def __init__(self, convolution: nn.Conv2d, activation: Activation) -> None:
        super().__init__()
        self._activation = activation
        self._bias = convolution.bias
        self._plain: Tensor | None = convolution.weight.detach()
        self._packed: Tensor | None = None
        self._packing = threading.Lock()
        self._geometry = (
            list(convolution.padding),
            list(convolution.stride),
            list(convolution.dilation),
            convolution.groups,
        )

    def forward(self, maps: Tensor) -> Tensor:
        result: Tensor = torch.ops.mkldnn._convolution_pointwise(
            maps, self._weight(maps), self._bias, *self._geometry, self._activation, [], ""
        )
        return result

    def plus(self, others: Tensor, maps: Tensor) -> Tensor:
        """The activation, none or ReLU, of the sum of `others` and the convolution of `maps`."""
        result: Tensor = torch.ops.mkldnn._convolution_pointwise.binary(
            maps, others, self._weight(maps), self._bias, *self._geometry, *self._after_sum()
        )
        return result

    def add_to(self, others: Tensor, maps: Tensor) -> Tensor:
        """As `plus`, written over `others`."""
        result: Tensor = torch.ops.mkldnn._convolution_pointwise_.binary(
            others, maps, self._weight(maps), self._bias, *self._geometry, *self._after_sum()
        )
        return result

    def _after_sum(self) -> tuple[str, float, str | None, list[float], None]:
        return "add", 1.0, None if self._activation == "none" else self._activation, [], None

    def _weight(self, maps: Tensor) -> Tensor:
        with self._packing:
            if self._packed is None:
                assert self._plain is not None
                self._packed = torch.ops.aten.mkldnn_reorder_conv2d_weight(
                    self._plain.to_mkldnn(), *self._geometry, list(maps.shape)
                )
                self._plain = None
            return self._packed


@cache
def has_fused_convolutions(dtype: torch.dtype) -> bool:
    """Whether this build of PyTorch has the operators, and they work on this processor."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    maps = torch.ones(1, 8, 4, 4, dtype=dtype).contiguous(memory_format=torch.channels_last)
    try:
        with torch.inference_mode():
            convolution = FusedConvolution(nn.Conv2d(8, 8, 3, padding=1, dtype=dtype), "relu")
            convolution.add_to(convolution(maps), convolution.plus(maps, maps))
    except (AttributeError, RuntimeError, TypeError) as error:
        log.warning("no fused convolutions: %s", error)
        return False
    return True
