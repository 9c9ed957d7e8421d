"""Downloads in a process of their own: sudden death, Ctrl-C, and nothing but our own words on the screen."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from musicsim_tui.download.lock import QueueLock
from musicsim_tui.library.playlist_records import EntryState
from tests.harness.downloads import config_of, downloading, list_only, states
from tests.harness.processes import running_in, wait_for
from tests.harness.terminal import terminal
from tests.harness.youtube_videos import Video

if TYPE_CHECKING:
    from tests.harness.youtube import YouTube

Command = Callable[..., list[str]]


@pytest.fixture
def command(tmp_path: Path, youtube: YouTube) -> Command:
    """A command line whose YouTube is on loopback."""

    def make(*arguments: str) -> list[str]:
        line = ["musicsim-tui", "--data-dir", str(tmp_path / "data"), "--model", "builtin", *arguments]
        script = (
            "import sys\nfrom tests.harness.loopback import only_loopback\n"
            f"guard = only_loopback({youtube.server.url!r})\nguard.__enter__()\n"
            f"sys.argv = {line!r}\nfrom musicsim_tui.cli.main import run\nrun()\n"
        )
        return [sys.executable, "-c", script]

    return make


@pytest.fixture
def environment(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "home" / ".config" / "musicsim-tui"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(config_of(tmp_path))
    return environment


@pytest.fixture
def start(
    command: Command, environment: dict[str, str], tmp_path: Path
) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    with running_in(tmp_path, environment) as run:
        yield lambda *arguments: run(command(*arguments))


def final_objects(out: str) -> list[Any]:
    return [value for line in out.splitlines() if (value := json.loads(line)).get("event") != "progress"]


def parts(folder: Path, video: str) -> list[Path]:
    """Unfinished files of a video with something in them."""
    return [path for path in folder.rglob(f"*{video}/*.part") if path.stat().st_size]


def test_killed_in_the_middle_the_next_run_goes_on(
    start: Callable[..., subprocess.Popen[str]], youtube: YouTube, tmp_path: Path
) -> None:
    youtube.add("stuck", Video("Stuck - Song", 3, "b.m4a", fault="stall", parameters="at=30000&n=1"))
    link = list_only(youtube, "ok_opus", "stuck", "ok_m4a")
    process = start("download", link, "--json")
    wait_for(lambda: bool(parts(tmp_path / "Music", youtube.ids["stuck"])), "data on the disk", 60)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    [part] = parts(tmp_path / "Music", youtube.ids["stuck"])
    kept = part.stat().st_size
    with downloading(tmp_path) as services:
        [playlist] = services.catalog.playlists.all()
        assert playlist.count(EntryState.WAITING) == 2
        assert len(services.catalog.playlists.queue()) == 2

    out, err = start("download", "--json").communicate(timeout=60)
    [summary] = final_objects(out)
    assert (summary["ready"], summary["failed"], summary["waiting"]) == (2, 0, 0), err
    stuck = [request for request in youtube.server.sent(f"id={youtube.ids['stuck']}")]
    assert (stuck[-1].byte_range or "").startswith(f"bytes={kept}-")
    with downloading(tmp_path) as services:
        assert set(states(services, playlist.id)) == {EntryState.READY}
        assert services.catalog.count() == 2  # two of the three are one recording
    assert not list((tmp_path / "Music").rglob("*.part"))


def test_a_second_one_says_that_it_waits_for_the_first(
    start: Callable[..., subprocess.Popen[str]], youtube: YouTube, tmp_path: Path
) -> None:
    first = QueueLock(tmp_path / "data" / "download.lock")
    assert first.take()
    try:
        process = start("download", list_only(youtube, "ok_opus"), "--no-ingest")
        assert process.stderr is not None
        told = [process.stderr.readline(), process.stderr.readline()]
        assert "Another musicsim-tui is fetching" in told[-1]
    finally:
        first.let_go()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Fetched 1 track" in out


@pytest.mark.parametrize("fault", ["slow", "stall"])
def test_ctrl_c_ends_it_with_one_final_object(
    start: Callable[..., subprocess.Popen[str]], youtube: YouTube, tmp_path: Path, fault: str
) -> None:
    parameters = "rate=8000" if fault == "slow" else "at=30000&n=9"
    youtube.add("cut", Video("Cut - Song", 3, "b.m4a", fault=fault, parameters=parameters))
    process = start("download", list_only(youtube, "ok_opus", "cut"), "--json")
    wait_for(lambda: bool(parts(tmp_path / "Music", youtube.ids["cut"])), "data on the disk", 60)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    [last] = final_objects(out)
    assert last.get("cancelled") or last["error"]["title"] == "Stopped."
    with downloading(tmp_path) as services:
        [playlist] = services.catalog.playlists.all()
        assert states(services, playlist.id)[1] is EntryState.WAITING


def test_nothing_of_yt_dlp_reaches_the_screen(
    command: Command, environment: dict[str, str], youtube: YouTube, tmp_path: Path
) -> None:
    link = list_only(youtube, "ok_opus", "region", "media_403")
    with terminal(command("download", link), environment=environment, folder=tmp_path) as screen:
        pass
    assert screen.process.returncode == 3
    assert "Fetched 1 track" in screen.text
    assert "not available in your country" in screen.text
    for noise in ("ERROR", "WARNING", "[youtube]", "[download]", "yt_dlp", "Traceback"):
        assert noise not in screen.raw
