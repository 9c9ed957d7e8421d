"""Ctrl-C at every moment: one final object, finished work kept, the terminal as it was."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.harness.audio_files import write_music
from tests.harness.library import library
from tests.harness.terminal import terminal

HANG = """
from musicsim_tui.services.models import Models
def hang(*_):
    STOP
    threading.Event().wait()
Models.embedder = hang
"""
"""A load that hangs stands in for whatever heeds nothing, such as the import of a library."""
HANG_OUTSIDE_PYTHON = """
import ctypes
from musicsim_tui.services.models import Models
def hang(*_):
    libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(128)
    libc.pthread_mutex_lock(mutex)
    print("hanging", file=sys.stderr, flush=True)
    libc.pthread_mutex_lock(mutex)
Models.embedder = hang
"""
SLOW_COMMIT = """
from musicsim_tui.library.catalog import Catalog
store = Catalog.store
def slowly(self, heard):
    STOP
    threading.Event().wait(1.5)
    return store(self, heard)
Catalog.store = slowly
"""
SLOW_CLOSE = """
from musicsim_tui.services import Services
close = Services.close
def slowly(self):
    STOP
    threading.Event().wait(1.5)
    close(self)
Services.close = slowly
"""
NO_CLOSE = """
from musicsim_tui.cli import interrupt
from musicsim_tui.services import Services
interrupt._FINISHING_SECONDS = 1.2
def never(self):
    STOP
    threading.Event().wait()
Services.close = never
"""
FAILING_CLOSE = """
from musicsim_tui.errors import CatalogError
from musicsim_tui.services import Services
def fail(self):
    raise CatalogError("The disk is gone.", "Find it.")
Services.close = fail
"""
PATIENT = """
from musicsim_tui.cli import interrupt
interrupt._PATIENCE_SECONDS = 60
"""
STOP = "os.kill(os.getpid(), signal.SIGINT)"


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., list[str]]:
    """The command line of an ingest of one file, with a part of the application exchanged."""
    write_music(tmp_path / "a.wav", 1, 3.0)

    def make(exchanged: str, *options: str, stop: str = STOP) -> list[str]:
        arguments = ["musicsim-tui", *options, "--data-dir", str(tmp_path / "data"), "ingest", str(tmp_path)]
        script = (
            f"import os, signal, sys, threading\n{exchanged.replace('STOP', stop)}\n"
            f"sys.argv = {arguments!r}\nfrom musicsim_tui.cli.main import run\nrun()\n"
        )
        return [sys.executable, "-c", script]

    return make


@pytest.fixture
def run(
    command: Callable[..., list[str]], environment: dict[str, str], tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run_it(exchanged: str, *options: str, stop: str = STOP) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(exchanged, *options, stop=stop),
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run_it


def final_objects(out: str) -> list[Any]:
    return [value for line in out.splitlines() if (value := json.loads(line)).get("event") != "progress"]


@pytest.mark.parametrize("options", [["--json"], []])
@pytest.mark.parametrize("module", ["musicsim_tui.cli.main", "musicsim_tui.library.query"])
def test_ctrl_c_while_the_modules_load(module: str, options: list[str], environment: dict[str, str]) -> None:
    script = f"""
import os, signal, sys
class Stop:
    def find_spec(self, name, *_):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Stop())
sys.argv = ["musicsim-tui", "list", *{options!r}]
from musicsim_tui.__main__ import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 130
    if options:
        assert [value["error"]["title"] for value in final_objects(done.stdout)] == ["Stopped."]
        assert done.stderr == ""
    else:
        assert (done.stdout, done.stderr) == ("", "Stopped.\n")


@pytest.mark.parametrize("arguments", [[], ["demo"]])
def test_ctrl_c_while_the_modules_of_the_app_load(
    arguments: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    script = f"""
import os, signal, sys
class Stop:
    def find_spec(self, name, *_):
        if name == "textual.widgets._button":
            from textual.reactive import Reactive
            named = Reactive.__set_name__
            def stop(self, *owner_and_name):
                os.kill(os.getpid(), signal.SIGINT)
                named(self, *owner_and_name)
            Reactive.__set_name__ = stop
sys.meta_path.insert(0, Stop())
sys.argv = ["musicsim-tui", *{arguments!r}, "--data-dir", {str(tmp_path)!r}]
from musicsim_tui.__main__ import main
main()
"""
    with terminal([sys.executable, "-c", script], environment=environment, folder=tmp_path) as screen:
        pass
    assert screen.process.returncode == 130
    assert screen.text == "Stopped.\n"


def test_what_does_not_heed_is_ended(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run(HANG, "--json")
    assert (done.returncode, done.stderr) == (130, "")
    assert [value["error"]["title"] for value in final_objects(done.stdout)] == ["Stopped."]
    plain = run(HANG)
    assert (plain.returncode, plain.stdout, plain.stderr) == (130, "", "Stopped.\n")


def test_a_second_ctrl_c_ends_at_once(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run(PATIENT + HANG, "--json", stop=f"{STOP}; {STOP}")
    assert done.returncode == 130
    assert [value["error"]["title"] for value in final_objects(done.stdout)] == ["Stopped."]


def test_a_call_that_never_returns_to_python_is_ended(
    command: Callable[..., list[str]], environment: dict[str, str], tmp_path: Path
) -> None:
    with subprocess.Popen(
        command(HANG_OUTSIDE_PYTHON, "--json"),
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "hanging\n"
        process.send_signal(signal.SIGINT)
        try:
            out, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert [value["error"]["title"] for value in final_objects(out)] == ["Stopped."]


def test_the_final_commit_is_waited_for(
    run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    done = run(SLOW_COMMIT, "--json")
    assert done.returncode == 130
    (summary,) = final_objects(done.stdout)
    assert (summary["event"], summary["added"], summary["cancelled"]) == ("summary", 1, True)
    with library(tmp_path / "data") as services:
        assert services.catalog.count() == 1


@pytest.mark.parametrize(("exchanged", "code"), [(SLOW_CLOSE, 0), (NO_CLOSE, 130), (FAILING_CLOSE, 1)])
def test_nothing_follows_the_final_object(
    run: Callable[..., subprocess.CompletedProcess[str]], exchanged: str, code: int
) -> None:
    done = run(exchanged, "--json")
    assert done.returncode == code
    (summary,) = final_objects(done.stdout)
    assert (summary["event"], summary["added"]) == ("summary", 1)
    assert done.stderr == ("error: The disk is gone.\nhint: Find it.\n" if code == 1 else "")


def test_a_forced_end_gives_the_cursor_back(
    command: Callable[..., list[str]], environment: dict[str, str], tmp_path: Path
) -> None:
    with terminal(command(HANG), environment=environment, folder=tmp_path) as screen:
        pass
    assert screen.process.returncode == 130
    assert "\x1b[?25l" in screen.raw
    assert screen.raw.rindex("\x1b[?25h") > screen.raw.rindex("\x1b[?25l")
    assert screen.text.rstrip().endswith("Stopped.")


@pytest.mark.parametrize("options", [["--json"], []])
def test_a_search_that_heeds_says_so(environment: dict[str, str], tmp_path: Path, options: list[str]) -> None:
    script = (
        "import os, signal, sys\n"
        "from musicsim_tui.services import Services\n"
        "def search(self, seed, request, cancel):\n"
        f"    {STOP}\n"
        "    while True: cancel.check()\n"
        "Services.search = search\n"
        "Services.seed = lambda *_: None\n"
        "from musicsim_tui.services.models import Models\n"
        "Models.searching = lambda _: None\n"
        f"sys.argv = {['musicsim-tui', *options, '--data-dir', str(tmp_path / 'data'), 'search', 'ab']!r}\n"
        "from musicsim_tui.cli.main import run\n"
        "run()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 130
    if options:
        (value,) = final_objects(done.stdout)
        assert value["error"]["title"] == "Stopped."
        assert value["error"]["hint"]
        assert done.stderr == ""
    else:
        assert (done.stdout, done.stderr) == ("", "Stopped.\n")
