from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from musicsim_tui.library.catalog import Catalog
from tests.library.samples import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def catalog(tmp_path: Path, clock: Clock) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "library.db", clock=clock) as opened:
        yield opened
