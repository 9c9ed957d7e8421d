"""Whether the fused convolutions are there is found out by using them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from musicsim_tui.embedding.onednn import FusedConvolution, has_fused_convolutions


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    has_fused_convolutions.cache_clear()
    yield
    has_fused_convolutions.cache_clear()


def test_a_pytorch_with_onednn_has_them() -> None:
    """Speed would be lost without a word when a newer one had not."""
    assert has_fused_convolutions(torch.float32) == torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this PyTorch has no oneDNN")  # type: ignore[no-untyped-call]
@pytest.mark.parametrize("name", ["forward", "plus", "add_to"])
@pytest.mark.parametrize("error", [AttributeError, RuntimeError, TypeError])
def test_any_operator_that_fails_is_a_reason_to_do_without(
    monkeypatch: pytest.MonkeyPatch, name: str, error: type[Exception]
) -> None:
    def fail(*_: Any) -> Any:  # noqa: ANN401
        raise error("no such operator")

    monkeypatch.setattr(FusedConvolution, name, fail)
    assert not has_fused_convolutions(torch.float32)
