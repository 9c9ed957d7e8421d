"""What a person at a terminal sees, and that nobody else sees it."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from musicsim_tui.embedding.embedder import HeardWindows
from musicsim_tui.embedding.registry import all_models
from musicsim_tui.ingest import forecast
from musicsim_tui.services.models import Models
from musicsim_tui.track import Tags
from tests.cli.conftest import Shell
from tests.harness.audio_files import write_long_wav, write_music
from tests.harness.terminal import Terminal, terminal

At = Callable[..., AbstractContextManager[Terminal]]
MOMENT = r"\d+:\d\d = \d+:\d\d"


@pytest.fixture
def at_terminal(environment: dict[str, str], tmp_path: Path) -> At:
    """Runs a command line on one library in a terminal."""

    def run(*arguments: str | Path, columns: int = 80) -> AbstractContextManager[Terminal]:
        command = [sys.executable, "-m", "musicsim_tui", "--data-dir", tmp_path / "data", *arguments]
        return terminal(command, environment=environment, folder=tmp_path, columns=columns)

    return run


@pytest.fixture
def pieces(tmp_path: Path) -> Path:
    """Pieces whose titles and artists are longer than any terminal is wide."""
    folder = tmp_path / "pieces"
    folder.mkdir()
    for seed in range(4):
        tags = Tags("A title without end " * 8, "An artist of many words " * 8, "Album", 2000)
        write_music(folder / f"{seed}.wav", seed, 20.0, tags=tags)
    return folder


def test_the_bar_shows_files_pace_and_time_left(at_terminal: At, pieces: Path) -> None:
    with at_terminal("ingest", pieces, columns=120) as screen:
        pass
    assert screen.process.returncode == 0
    assert re.search(r"hearing .*\b[0-4]/4 [\d,]+x realtime", screen.text)
    assert re.search(r"\b4/4 [\d,]+x realtime, 0 s left", screen.text)
    assert re.search(r"indexing .*\b4/4", screen.text)
    assert screen.text.rstrip().splitlines()[-1].endswith("0 skipped, 0 failed.")
    assert screen.raw.rindex("\x1b[?25h") > screen.raw.rindex("\x1b[?25l")


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_nothing_is_drawn_for_who_does_not_watch(at_terminal: At, pieces: Path, option: str) -> None:
    with at_terminal(option, "ingest", pieces) as screen:
        pass
    assert screen.process.returncode == 0
    assert "\x1b" not in screen.raw
    assert len(screen.text.splitlines()) == 1 or option == "--json"


@pytest.mark.parametrize("columns", [80, 40])
def test_a_table_cuts_neither_rank_nor_likeness_nor_moment(
    at_terminal: At, pieces: Path, columns: int
) -> None:
    with at_terminal("--quiet", "ingest", pieces):
        pass
    with at_terminal("search", pieces / "0.wav", "--explain", columns=columns) as screen:
        pass
    assert screen.process.returncode == 0
    rows = [line for line in screen.text.splitlines() if "=" in line]
    assert len(rows) == 3
    for rank, row in enumerate(rows, start=1):
        assert re.match(rf"{rank} +(\d+|same recording)\b", row)
        assert re.search(MOMENT, row)
        assert "A t" in row
        assert columns == 40 or len(row) <= 80


def test_the_app_says_what_to_do_when_it_cannot_be_drawn(tmp_path: Path, environment: dict[str, str]) -> None:
    errors = tmp_path / "errors"
    app = f"{shlex.quote(sys.executable)} -m musicsim_tui --data-dir data 2>{shlex.quote(str(errors))}"
    with terminal(["sh", "-c", app], environment=environment, folder=tmp_path) as screen:
        pass
    assert screen.process.returncode == 2
    assert screen.raw == ""
    title, hint = errors.read_text().splitlines()
    assert title.startswith("error: The app draws on standard error")
    assert hint.startswith("hint: Start it without 2>")


class SlowEmbedder:
    """Every batch takes ten minutes by a clock of its own, and no time at all."""

    model = all_models(Path("/nonexistent"))[0].model
    sample_rate = 8000
    batch_size = 4
    labels: tuple[str, ...] = ()
    same_recording_cosine = 0.99

    def __init__(self) -> None:
        self.now = 0.0

    def embed(self, windows: np.ndarray) -> HeardWindows:
        self.now += 600.0
        vectors = (
            np.random.default_rng(0).standard_normal((len(windows), self.model.dimensions)).astype(np.float32)
        )
        return HeardWindows(vectors, np.zeros((len(windows), 0), np.float32))


@pytest.mark.parametrize("options", [[], ["--quiet"], ["--json"]])
def test_a_long_job_is_forecast(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(48):
        write_long_wav(folder / f"{number}.wav", 10, frequency=200 + number)
    embedder = SlowEmbedder()
    monkeypatch.setattr(Models, "embedder", lambda *_: embedder)
    monkeypatch.setattr(forecast, "time", SimpleNamespace(perf_counter=lambda: embedder.now))
    outcome = shell("ingest", folder, *options)
    assert outcome.code == 0, outcome.err
    told = re.search(r"^48 files, about 8 min of audio: about ([\d.]+) hours to hear, \d+ kB", outcome.err)
    assert (told is None) == ("--quiet" in options)
    assert "--json" not in options or outcome.json["added"] == 48
    if told:
        assert float(told[1]) == pytest.approx(48 / embedder.batch_size * 600 / 3600, rel=0.05)
