"""Cosine arithmetic shared by ranking, moments and likeness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from musicsim_tui.track import Vectors


def unit(vectors: NDArray[Any]) -> Vectors:
    """Rows scaled to length one, float32; a row of zeros stays zero."""
    rows = vectors.astype(np.float32)
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1.0), dtype=np.float32)


def cosines(vectors: NDArray[Any], query: Vectors) -> Vectors:
    """The cosine of each row, shape (n, dimensions), with a query of length one; zero for a row of zeros.

    Rows are not scaled first: that would write all of them once more.
    """
    rows = vectors.astype(np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    found: Vectors = np.divide(rows @ query, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return found
