"""Matrix products that stay in the calling thread.

A BLAS that shares a product among threads waits for the slowest of them. While other threads decode, that
wait costs far more than sharing saves, and sums may differ in their last bits. OpenBLAS computes a product of
up to 2**18 multiplications in the calling thread (interface/gemm.c, GEMM_MULTITHREAD_THRESHOLD).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]

_SMALL = 1 << 18


def product(rows: Floats, matrix: Floats) -> Floats:
    """`rows @ matrix` for rows of shape (..., n) and a matrix of shape (n, m), m at least 2."""
    flat = rows.reshape(-1, rows.shape[-1])
    result = np.empty((len(flat), matrix.shape[1]), np.float32)
    step = max(2, _SMALL // matrix.size)
    for start in range(0, len(flat), step):
        np.matmul(flat[start : start + step], matrix, out=result[start : start + step])
    return result.reshape(*rows.shape[:-1], matrix.shape[1])


class FilterBank:
    """Filters over neighbouring bins, the columns of a matrix of shape (bins, filters).

    A few filters at a time are applied to the bins that they reach.
    """

    def __init__(self, filters: Floats, together: int) -> None:
        self._filters = filters.shape[1]
        self._parts: list[tuple[slice, slice, Floats]] = []
        for start in range(0, self._filters, together):
            columns = slice(start, start + together)
            reached = np.flatnonzero(filters[:, columns].any(axis=1))
            bins = slice(int(reached[0]), int(reached[-1]) + 1)
            self._parts.append((bins, columns, np.ascontiguousarray(filters[bins, columns])))
        self.bins = max(bins.stop for bins, _, _ in self._parts)
        """How many of the lowest bins any filter reaches."""

    def __call__(self, rows: Floats) -> Floats:
        """Rows of shape (n, bins), bins being at least `self.bins`, filtered: shape (n, filters)."""
        result = np.empty((len(rows), self._filters), np.float32)
        for bins, columns, filters in self._parts:
            result[:, columns] = product(rows[:, bins], filters)
        return result
