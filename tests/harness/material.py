"""Finds the real recordings, weights and reference numbers that some tests want."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE_THE_CHECKOUT = Path(__file__).resolve().parents[3] / "shared" / "data"


def material(relative: str) -> Path:
    """A file or folder of the test material; skips the test, with the reason, where it is not to be had.

    Looks in `MUSICSIM_TEST_DATA`, else in `../shared/data` beside the checkout.
    """
    root = Path(os.environ.get("MUSICSIM_TEST_DATA") or _BESIDE_THE_CHECKOUT)
    path = root / relative
    if not path.exists():
        pytest.skip(f"no {relative} in {root}: set MUSICSIM_TEST_DATA to a folder that has it")
    return path
