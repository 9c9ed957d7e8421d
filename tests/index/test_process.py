"""How the worker process is started, and what its end means."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from musicsim_tui.errors import IndexFailure
from musicsim_tui.index.edge import EdgeIndex
from musicsim_tui.index.process import WorkerLost, explain_loss
from tests.index.embedded import COLLECTION, REPOSITORY, assert_holds, fill


@pytest.mark.parametrize(
    ("reserve", "said"), [(0, "damaged"), (2**62, "full")], ids=["space left", "no space left"]
)
def test_bus_error_means_a_full_disk_or_shortened_files(tmp_path: Path, reserve: int, said: str) -> None:
    failure = explain_loss(WorkerLost(-signal.SIGBUS), tmp_path, COLLECTION, reserve)
    assert said in failure.title


def test_folder_that_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    with pytest.raises(IndexFailure, match="cannot be used") as refused:
        EdgeIndex.open(file)
    assert "index rebuild" in refused.value.hint


@pytest.mark.parametrize("name", ["with space", "Übung 音", "line\nbreak", "bad\udcff"])
def test_folder_of_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("the file system refuses such names")
    fill(folder)
    with EdgeIndex.open(folder) as index:
        assert_holds(index, 300)


WITHOUT_STREAMS = """
import os, sys
for descriptor in (0, 1, 2):
    os.close(descriptor)
from pathlib import Path
from uuid import UUID
import numpy as np
from musicsim_tui.index.edge import EdgeIndex
from musicsim_tui.index.index import IndexPoint
from musicsim_tui.track import ModelVersion

model = ModelVersion("mn04", 1, 4)
with EdgeIndex.open(Path(sys.argv[1])) as index:
    index.ensure(model)
    index.upsert(model, [IndexPoint(id=UUID(int=1), vector=np.ones(4, dtype=np.float32), payload={})])
    counted = index.count(model)
Path(sys.argv[2]).write_text(str(counted))
"""


def test_works_without_standard_streams(folder: Path, tmp_path: Path) -> None:
    result = tmp_path / "result"
    subprocess.run(
        [sys.executable, "-c", WITHOUT_STREAMS, str(folder), str(result)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        timeout=60,
        check=True,
    )
    assert result.read_text() == "1"


def test_worker_imports_no_more_than_it_needs() -> None:
    code = (
        "import sys; import musicsim_tui.index.worker;"
        "print([name for name in ('numpy', 'qdrant_client', 'torch', 'textual') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
