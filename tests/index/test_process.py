"""How the worker process is started, and what its end means."""

from __future__ import annotations

import errno
import os
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from musicsim_tui.errors import IndexFailure
from musicsim_tui.index.edge import EdgeIndex
from musicsim_tui.index.process import WorkerLost, explain_loss
from musicsim_tui.index.service import claim
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
    with pytest.raises(IndexFailure, match="A file stands where the index folder belongs") as caught:
        EdgeIndex.open(file)
    assert "Move it away" in caught.value.hint
    assert file.read_text() == "not a folder"
    with pytest.raises(IndexFailure, match="cannot be used"):
        EdgeIndex.open(file / "index")


@pytest.mark.parametrize(
    ("number", "advice"), [(errno.ENOSPC, "Free some space"), (errno.EACCES, "Give yourself access")]
)
def test_why_a_folder_cannot_be_used_decides_what_is_advised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "makedirs", refuse)
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(IndexFailure) as caught:
        claim(ours, str(tmp_path / "index"), 0.0)
    assert advice in caught.value.hint


@pytest.mark.parametrize(("killed", "starts"), [(1, True), (2, False)])
def test_a_worker_that_is_killed_while_it_starts_is_started_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: int, starts: bool
) -> None:
    python = tmp_path / "python"
    attempt = 'echo >> "$0.tries"; [ $(wc -l < "$0.tries") -gt ' + str(killed) + " ] || kill -9 $$"
    python.write_text(f'#!/bin/sh\n{attempt}\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    if starts:
        EdgeIndex.open(tmp_path / "index").close()
    else:
        with pytest.raises(IndexFailure, match=r"did not start \(code -9\)"):
            EdgeIndex.open(tmp_path / "index")
    assert (tmp_path / "python.tries").read_text().count("\n") == 2


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
