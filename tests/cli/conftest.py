from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from musicsim_tui.cli.main import invoke
from musicsim_tui.track import Tags
from tests.harness.audio_files import write_music


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command line did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON is any of its types
        """The final object."""
        return json.loads(self.out.splitlines()[-1])


@dataclass(frozen=True, slots=True)
class Shell:
    """Runs command lines in this process, on one library unless they name another."""

    data_dir: Path
    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str | Path) -> Outcome:
        self.capture.readouterr()
        own = [] if "--data-dir" in arguments else ["--data-dir", str(self.data_dir)]
        code = invoke([*map(str, arguments), *own])
        captured = self.capture.readouterr()
        return Outcome(code, captured.out, captured.err)


@pytest.fixture(autouse=True)
def logging_of_the_test_run() -> Iterator[None]:
    """A command line turns the log of its process to a file; the tests after it need theirs back."""
    loggers = [logging.getLogger(name) for name in ("musicsim_tui", "py.warnings")]
    before = [(logger.level, logger.propagate) for logger in loggers]
    yield
    logging.captureWarnings(capture=False)
    for logger, (level, propagate) in zip(loggers, before, strict=True):
        for handler in logger.handlers[:]:
            logger.removeHandler(handler)
            handler.close()
        logger.level, logger.propagate = level, propagate


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    from musicsim_tui.settings import ENVIRONMENT_NAMES

    for name in ENVIRONMENT_NAMES.values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path / "data", capsys)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Three pieces, one of them with a hostile title."""
    folder = tmp_path / "music"
    folder.mkdir()
    for seed, title in enumerate(("First", "[red]Second[/] \x1b[31m\u202e", "Third 🎵")):
        write_music(folder / f"{seed}.flac", seed, 3.0, tags=Tags(title, "Ensemble", "Album", 1990 + seed))
    return folder


@pytest.fixture
def heard(shell: Shell, music: Path) -> Shell:
    """A shell whose library has heard the music."""
    assert shell("ingest", music).code == 0
    return shell


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a new user whose home is empty."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("MUSICSIM", "QDB", "XDG"))
    }
    return {**kept, "HOME": str(home), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
