"""The app in a real terminal, from start to quit; and what must never reach the screen."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from musicsim_tui.library.catalog import Catalog
from musicsim_tui.track import Tags
from tests.harness.audio_files import write_music
from tests.harness.downloads import config_of, list_only
from tests.harness.processes import wait_for
from tests.tui.harness import Sample, fill

if TYPE_CHECKING:
    from tests.harness.youtube import YouTube

REPOSITORY = Path(__file__).parents[2]


def test_what_native_code_prints_goes_to_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = (
        "import os, subprocess, sys\n"
        "from pathlib import Path\n"
        "from musicsim_tui.tui.terminal import guarded_terminal\n"
        f"with guarded_terminal(Path({str(log)!r})):\n"
        "    os.write(1, b'native out\\n')\n"
        "    os.write(2, b'native error\\n')\n"
        "    subprocess.run(['echo', 'child'], check=True)\n"
        "    sys.__stderr__.write('drawn \\u25b6 \\udcff\\n')\n"
        "    sys.__stderr__.flush()\n"
        "os.write(2, b'after\\n')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == b""
    assert done.stderr.decode() == "drawn ▶ \\udcff\nafter\n"
    assert log.read_text() == "native out\nnative error\nchild\n"


class Terminal:
    """A terminal of 80 by 24 with the app in it; `program` is what Python runs."""

    def __init__(self, data_dir: Path, home: Path, *arguments: str, program: str = "-m musicsim_tui") -> None:
        self._socket = f"musicsim-{uuid4().hex}"
        environment = {"PYTHONPATH": str(REPOSITORY), "HOME": str(home), "TERM": "xterm-256color"}
        settings = " ".join(f"{name}='{value}'" for name, value in environment.items())
        app = f"{sys.executable} {program} --data-dir '{data_dir}' {' '.join(arguments)}"
        command = f"env -u MUSICSIM_MODEL LC_ALL=C.UTF-8 {settings} {app}; echo ended with $?; sleep 600"
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "-s", "app", command)

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._socket, *arguments], capture_output=True, text=True, check=True, timeout=30
        )
        return done.stdout

    @property
    def text(self) -> str:
        return self._tmux("capture-pane", "-p", "-t", "app")

    def resize(self, width: int, height: int) -> None:
        self._tmux("resize-window", "-t", "app", "-x", str(width), "-y", str(height))

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", "-t", "app", *keys)

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-t", "app", "-l", text)

    def paste(self, text: str) -> None:
        """What the terminal sends when a text is pasted."""
        self._tmux("set-buffer", text)
        self._tmux("paste-buffer", "-p", "-t", "app")

    def shows(self, text: str) -> None:
        wait_for(lambda: text in self.text, f"{text!r} stands in the terminal:\n{self.text}", 60)

    @property
    def app_pid(self) -> int:
        shell = self._tmux("display-message", "-p", "-t", "app", "#{pane_pid}").strip()
        children = Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
        return int(children[0])

    def close(self) -> None:
        self._tmux("kill-server")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A data folder, a home and a folder of music."""
    home, music = tmp_path / "home", tmp_path / "music"
    home.mkdir()
    music.mkdir()
    for seed, title in enumerate(("First", "Second [Official Video]", "[/] Third")):
        write_music(music / f"{seed}.mp3", seed, 12.0, tags=Tags(title, "Ensemble", "Album", 1990))
    return tmp_path / "data", home, music


@pytest.fixture
def terminal(folders: tuple[Path, Path, Path]) -> Iterator[Terminal]:
    if shutil.which("tmux") is None or not Path("/proc/self/task").exists():
        pytest.skip("tmux, or /proc, is missing")
    data_dir, home, _ = folders
    opened = Terminal(data_dir, home)
    yield opened
    opened.close()


def test_from_the_first_start_to_the_last_key(terminal: Terminal, folders: tuple[Path, Path, Path]) -> None:
    data_dir, home, music = folders
    terminal.shows("Find music that sounds alike.")
    terminal.press("o")
    terminal.shows("a folder to hear")
    terminal.type(str(music))
    terminal.press("Enter")
    terminal.shows("3 files to hear")
    terminal.press("Enter")
    terminal.shows("Done. 3 tracks added")
    terminal.press("1")
    terminal.shows("Second [Official")
    terminal.press("/")
    terminal.type("third")
    terminal.shows("1 of 3")
    terminal.shows("enter To the list")
    terminal.press("Enter")
    terminal.shows("enter Similar")
    terminal.press("Enter")
    terminal.shows("like  [/] Third")
    terminal.shows("Moment")
    terminal.press("q")
    terminal.shows("ended with 0")
    assert "Traceback" not in terminal.text
    with Catalog.open(data_dir / "library.db") as catalog:
        assert catalog.count() == 3
    assert list(home.rglob("*")) == []
    log = data_dir / "musicsim.log"
    assert not log.exists() or "Traceback" not in log.read_text()


@pytest.mark.parametrize(("number", "ending"), [(signal.SIGTERM, "143"), (signal.SIGINT, "130")])
def test_a_signal_ends_the_app_as_its_key_does(
    terminal: Terminal, folders: tuple[Path, Path, Path], number: signal.Signals, ending: str
) -> None:
    terminal.shows("Find music that sounds alike.")
    os.kill(terminal.app_pid, number)
    terminal.shows(f"ended with {ending}")
    assert (folders[0] / "app.json").exists()


_LEFT_AT = {
    "while a view is mounted": """
from musicsim_tui.tui.screens.crate import CrateView

async def on_mount(view):
    os.kill(os.getpid(), number)
    while not view.app.leaving:
        await asyncio.sleep(0.01)
    raise ZeroDivisionError("a view that has lost its parts")

CrateView.on_mount = on_mount
""",
    "before there is a screen": """
from musicsim_tui.tui.app import MusicApp

real = MusicApp.on_load

def on_load(app):
    real(app)
    os.kill(os.getpid(), number)

MusicApp.on_load = on_load
""",
    "with a state that cannot be kept": """
from musicsim_tui.tui.app import MusicApp

real = MusicApp.library_loaded

def loaded(app, tracks, *, first):
    app.state_file.writing = None
    os.kill(os.getpid(), number)

MusicApp.library_loaded = loaded
""",
}


@pytest.mark.parametrize("moment", _LEFT_AT)
@pytest.mark.parametrize(("number", "ending"), [(signal.SIGTERM, "143"), (signal.SIGINT, "130")])
def test_a_signal_ends_the_app_whatever_falls_over_while_it_leaves(
    tmp_path: Path, moment: str, number: signal.Signals, ending: str
) -> None:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is missing")
    script = tmp_path / "app.py"
    script.write_text(
        f"import asyncio, os\nfrom musicsim_tui.cli.main import run\nnumber = {number.value}\n"
        f"{_LEFT_AT[moment]}\nrun()\n"
    )
    terminal = Terminal(tmp_path / "data", tmp_path, program=str(script))
    try:
        terminal.shows("ended with")
        assert terminal.text.split() == ["ended", "with", ending]
    finally:
        terminal.close()


_BROKEN = """
from musicsim_tui.cli.main import run
from musicsim_tui.tui.app import MusicApp

def loaded(app, tracks, *, first):
    raise ZeroDivisionError("nobody foresaw this")

MusicApp.library_loaded = loaded
run()
"""

_BROKEN_AT_THE_END = """
from musicsim_tui.cli.main import run
from musicsim_tui.tui.app import MusicApp

leave = MusicApp.exit

def fail():
    raise ZeroDivisionError("a view mounted too late")

def exit(app, *arguments, **options):
    leave(app, *arguments, **options)
    app.call_next(fail)

MusicApp.exit = exit
run()
"""


def test_what_ends_the_app_is_told_once_the_terminal_is_given_back(tmp_path: Path) -> None:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is missing")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    with contextlib.closing(sqlite3.connect(foreign / "library.db")) as connection:
        connection.execute("PRAGMA user_version = 999")
    broken, broken_at_the_end = tmp_path / "broken.py", tmp_path / "broken_at_the_end.py"
    broken.write_text(_BROKEN)
    broken_at_the_end.write_text(_BROKEN_AT_THE_END)
    for data_dir, program, words in (
        (foreign, "-m musicsim_tui", "The library's file belongs to another program."),
        (foreign, str(broken_at_the_end), "The library's file belongs to another program."),
        (tmp_path / "data", str(broken), "Something unexpected went wrong in the app."),
    ):
        terminal = Terminal(data_dir, tmp_path, program=program)
        try:
            terminal.shows("ended with 1")
            text = " ".join(terminal.text.split())
            assert text.startswith("error: ")
            assert words in text
            assert "hint: " in text
        finally:
            terminal.close()


def test_a_terminal_that_changes_its_size_during_the_start_is_drawn(tmp_path: Path) -> None:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is missing")
    terminal = Terminal(tmp_path / "data", tmp_path)
    try:
        for _ in range(6):
            terminal.resize(120, 40)
            terminal.resize(100, 30)
        terminal.shows("Find music that sounds alike.")
        terminal.press("q")
        terminal.shows("ended with 0")
    finally:
        terminal.close()


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (10, 5), (300, 100)])
def test_a_terminal_of_any_size_will_do(tmp_path: Path, size: tuple[int, int]) -> None:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is missing")
    terminal = Terminal(tmp_path / "data", tmp_path)
    try:
        terminal.shows("Find music that sounds alike.")
        for width, height in (size, (80, 24)):
            terminal.resize(width, height)
            terminal.press("5", "4", "3", "2", "1")
        terminal.shows("Find music that sounds alike.")
        terminal.press("q")
        terminal.shows("ended with 0")
    finally:
        terminal.close()


def test_a_terminal_that_goes_away_ends_the_app_and_loses_nothing(
    terminal: Terminal, folders: tuple[Path, Path, Path]
) -> None:
    terminal.shows("Find music that sounds alike.")
    app = terminal.app_pid
    os.kill(app, signal.SIGHUP)
    wait_for(lambda: not Path(f"/proc/{app}").exists(), "the app has ended")
    assert (folders[0] / "app.json").exists()


def test_a_terminal_that_goes_away_without_a_signal_ends_the_app_too(
    folders: tuple[Path, Path, Path],
) -> None:
    data_dir, home, _ = folders
    ours, theirs = os.openpty()  # which controls no session
    app = subprocess.Popen(
        [sys.executable, "-m", "musicsim_tui", "--data-dir", str(data_dir)],
        env={**os.environ, "HOME": str(home), "TERM": "xterm-256color", "PYTHONPATH": str(REPOSITORY)},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    drawn = b""
    while b"alike" not in drawn:
        drawn += os.read(ours, 65536)
    os.close(ours)
    assert app.wait(60) == 128 + signal.SIGHUP
    assert (data_dir / "app.json").exists()


def test_what_is_in_the_crate_survives_being_killed(folders: tuple[Path, Path, Path]) -> None:
    if shutil.which("tmux") is None or not Path("/proc/self/task").exists():
        pytest.skip("tmux, or /proc, is missing")
    data_dir, home, _ = folders
    fill(data_dir, [Sample("Kept"), Sample("Left")])
    opened = Terminal(data_dir, home)
    try:
        opened.shows("2 tracks")
        opened.press("a")
        opened.shows("5 Crate 1")
        os.kill(opened.app_pid, signal.SIGKILL)
        opened.shows("ended with 137")
    finally:
        opened.close()
    with Catalog.open(data_dir / "library.db") as catalog:
        assert [row.track.title for row in catalog.crates.tracks("Crate")] == ["Kept"]


@pytest.fixture
def two_tracks(folders: tuple[Path, Path, Path]) -> Path:
    """The library's file, with two tracks in it."""
    fill(folders[0], [Sample("Kept"), Sample("Left")])
    return folders[0] / "library.db"


@contextlib.contextmanager
def kept_busy(library: Path) -> Iterator[None]:
    """Another program writes to the library, and nobody else can."""
    with contextlib.closing(sqlite3.connect(library, isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def test_a_change_that_waits_for_another_program_is_written_while_the_app_leaves(
    two_tracks: Path, terminal: Terminal
) -> None:
    terminal.shows("2 tracks")
    with kept_busy(two_tracks):
        terminal.press("a", "q")
    terminal.shows("ended with 0")
    with Catalog.open(two_tracks) as catalog:
        assert [row.track.title for row in catalog.crates.tracks("Crate")] == ["Kept"]


@pytest.mark.parametrize(("number", "code"), [(None, 1), (signal.SIGTERM, 143)])
def test_a_change_that_another_program_keeps_from_being_written_is_told(
    two_tracks: Path, terminal: Terminal, number: signal.Signals | None, code: int
) -> None:
    terminal.shows("2 tracks")
    with kept_busy(two_tracks):
        terminal.press("a", "a", "j")
        wait_for(
            lambda: any(line.startswith(" >") and "Left" in line for line in terminal.text.splitlines()),
            "what was pressed before is done",
        )
        if number is None:
            terminal.press("q")
        else:
            os.kill(terminal.app_pid, number)
        terminal.shows(f"ended with {code}")
    text = " ".join(terminal.text.split())
    assert "error: 2 changes could not be saved: 1 track put into the crate Crate; 1 track put" in text
    assert "hint: Another program may keep the library busy: the log tells. Make them again" in text
    with Catalog.open(two_tracks) as catalog:
        assert catalog.crates.all() == []


def test_from_a_pasted_link_to_tracks_that_sound_alike(youtube: YouTube, tmp_path: Path) -> None:
    if shutil.which("tmux") is None or not Path("/proc/self/task").exists():
        pytest.skip("tmux, or /proc, is missing")
    link = list_only(youtube, "ok_m4a", "region", "ok_opus", "private", "slow", title="Night drive")
    home = tmp_path / "home"
    folder = tmp_path / "config" / "musicsim-tui"
    home.mkdir()
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(config_of(tmp_path))
    script = tmp_path / "app.py"
    script.write_text(
        "from tests.harness.loopback import only_loopback\n"
        f"guard = only_loopback({youtube.server.url!r})\nguard.__enter__()\n"
        "from musicsim_tui.cli.main import run\nrun()\n"
    )
    data_dir = tmp_path / "data"
    terminal = Terminal(data_dir, home, "--model builtin", program=str(script))
    try:
        terminal.shows("Paste a link")
        terminal.press("o")
        terminal.shows("or a link")
        terminal.paste(link)
        terminal.shows("list=PL")
        terminal.press("Enter")
        terminal.shows("5 entries listed; d fetches")
        terminal.shows("The video is private.")
        terminal.press("d")
        terminal.shows("failed: It is not available")
        terminal.shows("3 of 5")
        terminal.shows("2 tracks")  # two of the three are one recording
        terminal.press("j", "j", "Enter")
        terminal.shows("like  Night Run")
        terminal.shows("Moment")
        terminal.press("q")
        terminal.shows("ended with 0")
        for noise in ("Traceback", "ERROR", "WARNING", "[youtube]", "[download]"):
            assert noise not in terminal.text
    finally:
        terminal.close()
    with Catalog.open(data_dir / "library.db") as catalog:
        assert catalog.count() == 2
    assert "Traceback" not in (data_dir / "musicsim.log").read_text()
    assert len(list((tmp_path / "Music" / "Night drive").iterdir())) == 3
