from __future__ import annotations

import numpy as np
import pytest

from musicsim_tui.search.vectors import cosines, unit


@pytest.mark.parametrize("count", [0, 1, 50])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 100.0])
def test_cosines_are_those_of_the_scaled_rows(count: int, scale: float) -> None:
    random = np.random.default_rng(count)
    vectors = (scale * random.standard_normal((count, 96))).astype(np.float16)
    vectors[::7] = 0.0
    query = unit(random.standard_normal(96))
    found = cosines(vectors, query)
    assert found.dtype == np.float32
    assert found == pytest.approx(unit(vectors) @ query, abs=1e-6)
    assert not found[::7].any()
