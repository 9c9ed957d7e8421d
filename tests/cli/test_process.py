"""What only a process of its own can show: what is loaded, signals, sudden death, two at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness.audio_files import write_music
from tests.harness.library import library
from tests.harness.processes import running_in, wait_for

HEAVY = ("torch", "librosa", "textual", "qdrant_client", "qdrant_edge", "yt_dlp", "av", "sounddevice")


HANGS_MIDWAY = """
import threading
from musicsim_tui.embedding.builtin import BuiltinEmbedder
embed, batches = BuiltinEmbedder.embed, []
def hang(self, windows):
    batches.append(windows)
    if len(batches) > 6:
        threading.Event().wait()
    return embed(self, windows)
BuiltinEmbedder.embed = hang
"""


@pytest.fixture
def start(tmp_path: Path, environment: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts command lines on one library, with a part of the application exchanged where a test wants that;
    ends at the latest with the test."""
    with running_in(tmp_path, environment) as start_line:

        def run(*arguments: str | Path, exchanged: str = "") -> subprocess.Popen[str]:
            line = ["musicsim-tui", "--data-dir", str(tmp_path / "data"), *map(str, arguments)]
            script = (
                f"import sys\n{exchanged}\nsys.argv = {line!r}\nimport musicsim_tui.__main__ as m\nm.main()\n"
            )
            return start_line([sys.executable, "-c", script])

        yield run


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Music that takes some seconds to hear; read only."""
    folder = tmp_path_factory.mktemp("many")
    for seed in range(24):
        write_music(folder / f"{seed:02}.wav", seed, 30.0)
    return folder


@pytest.mark.parametrize(
    "arguments",
    [[], ["--help"], ["ingest", "--help"], ["download", "--help"], ["config", "show"], ["--version"]],
)
def test_light_commands_load_nothing_heavy(
    arguments: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    script = (
        "import sys\n"
        "from musicsim_tui.cli.main import invoke\n"
        f"code = invoke({arguments!r})\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_the_main_job_writes_to_its_own_folder_only(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    write_music(tmp_path / "a.mp3", 1, 3.0)
    process = start("ingest", tmp_path / "a.mp3")
    out, err = process.communicate(timeout=100)
    assert (process.returncode, err) == (0, "")
    assert out.startswith("Added 1 track with builtin")
    assert list((tmp_path / "home").rglob("*")) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_ingest_keeps_what_is_finished(
    start: Callable[..., subprocess.Popen[str]], many: Path, number: signal.Signals
) -> None:
    process = start("--json", "ingest", many, exchanged=HANGS_MIDWAY)
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["done"] >= 2:
            break
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")
    summary = json.loads(out.splitlines()[-1])
    assert summary["cancelled"]
    assert 2 <= summary["added"] < 24
    rest = start("--json", "ingest")
    out, _ = rest.communicate(timeout=100)
    assert rest.returncode == 0
    again = json.loads(out.splitlines()[-1])
    assert again["added"] + summary["added"] == 24
    assert again["skipped"] == summary["added"]


def test_a_killed_ingest_loses_only_what_was_in_flight(
    start: Callable[..., subprocess.Popen[str]], many: Path, tmp_path: Path
) -> None:
    for _ in range(3):
        process = start("--json", "ingest", many)
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first
        for line in process.stdout:
            if json.loads(line).get("done", 99) >= json.loads(first)["done"] + 4:
                break
        process.kill()
        process.communicate()
    final = start("--json", "ingest")
    out, _ = final.communicate(timeout=100)
    assert final.returncode == 0
    with library(tmp_path / "data") as services:
        assert services.catalog.check() == []
        assert services.catalog.count() == 24
        assert [(row.heard, row.indexed) for row in services.engine.status()] == [(24, 24)]
    assert json.loads(out.splitlines()[-1])["failed"] == 0


def test_two_ingests_at_once_lose_nothing_and_a_search_runs_beside_them(
    start: Callable[..., subprocess.Popen[str]], many: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for seed in range(100, 112):
        write_music(other / f"{seed}.flac", seed, 12.0)
    first, second = start("--json", "ingest", many), start("--json", "ingest", other, many)
    with library(tmp_path / "data") as services:
        wait_for(lambda: services.catalog.count() >= 2, "two tracks are stored")
    search = start("--json", "search", other / "100.flac")
    found, errors = search.communicate(timeout=100)
    assert search.returncode == 0, errors
    assert json.loads(found)["results"]
    added = 0
    for process in (first, second):
        told, errors = process.communicate(timeout=100)
        assert process.returncode == 0, errors
        added += json.loads(told.splitlines()[-1])["added"]
    with library(tmp_path / "data") as services:
        assert services.catalog.count() == added == 36
    last = start("--json", "ingest")
    last.communicate(timeout=100)
    with library(tmp_path / "data") as services:
        assert [(row.heard, row.indexed) for row in services.engine.status()] == [(36, 36)]


WAITS_FOR_A_FILE = """
import os, threading
from musicsim_tui.embedding.builtin import BuiltinEmbedder
embed = BuiltinEmbedder.embed
def wait(self, windows):
    while not os.path.exists("go"):
        threading.Event().wait(0.02)
    return embed(self, windows)
BuiltinEmbedder.embed = wait
"""


@pytest.mark.parametrize("options", [["--json"], []])
def test_work_goes_on_when_nobody_reads_what_it_says(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path, options: list[str]
) -> None:
    music = tmp_path / "music"
    music.mkdir()
    for seed in range(4):
        write_music(music / f"{seed}.wav", seed, 3.0)
    (music / "bad.mp3").write_text("words")
    process = start(*options, "ingest", music, exchanged=WAITS_FOR_A_FILE)
    assert process.stdout is not None
    if options:
        assert json.loads(process.stdout.readline())["event"] == "progress"
    process.stdout.close()
    (tmp_path / "go").touch()
    assert process.wait(timeout=60) == 3  # as the work went
    with library(tmp_path / "data") as services:
        assert services.catalog.count() == 4


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", [["config", "show"], ["list", "--json"]])
def test_an_output_that_cannot_be_written_is_one_sentence(
    arguments: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "musicsim_tui", *arguments],
            env=environment,
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    error, hint = done.stderr.splitlines()[-2:]
    assert error.startswith("error: The output cannot be written: No space left")
    assert hint.startswith("hint: ")


def test_a_closed_pipe_is_no_error(environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m musicsim_tui config show | head -n 1",
        shell=True,
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
