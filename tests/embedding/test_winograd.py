"""Convolutions with fewer multiplications, over maps cut into tiles, give what plain ones give."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from musicsim_tui.embedding import onednn
from musicsim_tui.embedding.tiled import TiledMaps, TilingConvolution, sums_of_four
from musicsim_tui.embedding.winograd import WinogradConvolution

sizes = st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 5), st.integers(1, 18))


def _tiled(maps: Tensor) -> TiledMaps:
    """Maps of shape (batch, channels, height, width), cut into tiles."""
    width = maps.shape[3]
    padded = nn.functional.pad(maps, (0, -width % 4)).permute(0, 2, 3, 1)
    return TiledMaps(tuple(padded[:, :, place::4].contiguous() for place in range(4)), width)


def _seeded_maps(size: tuple[int, int, int, int]) -> Tensor:
    torch.manual_seed(sum(size))
    return torch.randn(size)


def _difference(maps: Tensor, outputs: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """What the convolution makes of maps in float64, and how far `WinogradConvolution` in `dtype` is away."""
    plain = nn.Conv2d(maps.shape[1], outputs, 3, padding=1)
    with torch.inference_mode():
        ours = WinogradConvolution(plain, dtype)(_tiled(maps.to(dtype))).joined().double()
        expected = plain.double()(maps.double()).relu()
    assert ours.shape == expected.shape
    return expected, ours - expected


@settings(max_examples=40, deadline=None)
@given(size=sizes, outputs=st.integers(1, 40))
def test_it_gives_what_a_plain_convolution_gives(size: tuple[int, int, int, int], outputs: int) -> None:
    _, difference = _difference(_seeded_maps(size), outputs, torch.float32)
    assert difference.abs().max() < 1e-4


def test_it_does_so_without_the_fused_convolutions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onednn, "has_fused_convolutions", lambda _: False)
    _, difference = _difference(_seeded_maps((2, 8, 4, 11)), 6, torch.float32)
    assert difference.abs().max() < 1e-4


@pytest.mark.parametrize("width", [31, 125])
def test_in_bfloat16_it_loses_little_more_than_rounding_does(width: int) -> None:
    expected, difference = _difference(_seeded_maps((2, 256, 4, width)), 256, torch.bfloat16)
    assert difference.norm() < 0.02 * expected.norm()


def test_it_leaves_its_maps_as_they_are() -> None:
    maps = _seeded_maps((1, 8, 2, 9))
    tiled = _tiled(maps)
    with torch.inference_mode():
        WinogradConvolution(nn.Conv2d(8, 8, 3, padding=1), torch.float32)(tiled)
    assert torch.equal(tiled.joined(), maps)


def test_a_scale_scales_the_maps_and_not_the_bias() -> None:
    plain = nn.Conv2d(8, 8, 3, padding=1)
    maps = _seeded_maps((1, 8, 2, 9))
    with torch.inference_mode():
        expected = plain(maps / 4).relu()
        found = WinogradConvolution(plain, torch.float32, scale=1 / 4)(_tiled(maps)).joined()
    assert torch.allclose(found, expected, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(size=sizes, outputs=st.integers(1, 40))
def test_the_first_convolution_cuts_its_maps_into_tiles(
    size: tuple[int, int, int, int], outputs: int
) -> None:
    maps = _seeded_maps(size)
    plain = nn.Conv2d(maps.shape[1], outputs, 3, padding=1)
    with torch.inference_mode():
        expected = _tiled(plain(maps).relu())
        found = TilingConvolution(plain, torch.float32)(maps)
    assert found.width == expected.width
    for ours, plains in zip(found.places, expected.places, strict=True):
        assert torch.allclose(ours, plains, atol=1e-5)
        assert ours.is_contiguous()


@given(
    size=st.tuples(
        st.integers(1, 3), st.integers(1, 4), st.integers(1, 3).map(lambda half: 2 * half), st.integers(2, 40)
    )
)
def test_sums_of_four_are_four_times_the_means(size: tuple[int, int, int, int]) -> None:
    maps = _seeded_maps(size)
    sums = sums_of_four(_tiled(maps))
    expected = _tiled(4 * nn.functional.avg_pool2d(maps, 2))
    assert sums.width == expected.width
    for ours, plains in zip(sums.places, expected.places, strict=True):
        assert torch.allclose(ours, plains, atol=1e-5)
        assert ours.is_contiguous()


@given(batch=st.integers(1, 9), size=st.integers(1, 10))
def test_parts_of_a_batch_are_its_maps_in_order(batch: int, size: int) -> None:
    maps = _seeded_maps((batch, 2, 3, 6))
    parts = _tiled(maps).split(size)
    assert [len(part.joined()) for part in parts[:-1]] == [size] * (len(parts) - 1)
    assert torch.equal(TiledMaps.cat(parts).joined(), maps)
