"""Convolutions with fewer multiplications give what plain ones give."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from musicsim_tui.embedding.winograd import WinogradConvolution


def _both(
    dtype: torch.dtype, batch: int, channels: int, outputs: int, height: int, width: int, seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The maps that the convolution makes in float64, and those of `WinogradConvolution` in `dtype`."""
    torch.manual_seed(seed)
    plain = nn.Conv2d(channels, outputs, 3, padding=1)
    maps = torch.randn(batch, channels, height, width).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        ours = WinogradConvolution(plain, dtype)(maps.to(dtype)).double()
        return plain.double()(maps.double()).relu(), ours


@settings(max_examples=40, deadline=None)
@given(
    batch=st.integers(1, 3),
    channels=st.integers(1, 40),
    outputs=st.integers(1, 40),
    height=st.integers(1, 5),
    width=st.integers(1, 18),
    seed=st.integers(0, 2**31),
)
def test_it_gives_what_a_plain_convolution_gives(
    batch: int, channels: int, outputs: int, height: int, width: int, seed: int
) -> None:
    expected, found = _both(torch.float32, batch, channels, outputs, height, width, seed)
    assert found.shape == expected.shape
    assert (found - expected).abs().max() < 1e-4


@pytest.mark.parametrize("width", [31, 125])
def test_in_bfloat16_it_loses_little_more_than_rounding_does(width: int) -> None:
    expected, found = _both(torch.bfloat16, 2, 256, 256, 4, width, 3)
    assert (found - expected).norm() < 0.02 * expected.norm()


def test_maps_stay_as_they_are_and_come_with_channels_last() -> None:
    torch.manual_seed(0)
    convolution = WinogradConvolution(nn.Conv2d(8, 8, 3, padding=1), torch.float32)
    maps = torch.randn(1, 8, 2, 9).contiguous(memory_format=torch.channels_last)
    before = maps.clone()
    with torch.inference_mode():
        found = convolution(maps)
    assert torch.equal(maps, before)
    assert found.is_contiguous(memory_format=torch.channels_last)
