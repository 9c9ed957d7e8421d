from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.embedding.products import FilterBank, product


@given(
    rows=st.integers(0, 900), inner=st.integers(1, 600), columns=st.integers(2, 40), seed=st.integers(0, 99)
)
def test_product_is_the_matrix_product(rows: int, inner: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    left = rng.standard_normal((rows, inner)).astype(np.float32)
    right = rng.standard_normal((inner, columns)).astype(np.float32)
    np.testing.assert_allclose(product(left, right), left.astype(np.float64) @ right, atol=1e-3)


def test_product_keeps_leading_axes() -> None:
    left = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    right = np.arange(8, dtype=np.float32).reshape(4, 2)
    np.testing.assert_array_equal(product(left, right), left @ right)


@given(together=st.integers(1, 9), seed=st.integers(0, 99))
def test_a_filter_bank_applies_every_filter(together: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    filters = np.zeros((50, 7), np.float32)
    for column in range(7):
        filters[6 * column : 6 * column + 9, column] = rng.standard_normal(9)
    rows = rng.standard_normal((5, 50)).astype(np.float32)
    bank = FilterBank(filters, together)
    assert bank.bins == 45
    np.testing.assert_allclose(bank(rows), rows @ filters, atol=1e-4)
    np.testing.assert_allclose(bank(rows[:, : bank.bins]), rows @ filters, atol=1e-4)
