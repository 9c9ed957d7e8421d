"""Several entries one after the other, and a process that dies in the middle."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from musicsim_tui.audio.identity import examine
from musicsim_tui.download.failures import DownloadError, FailureKind
from musicsim_tui.download.fetch import (
    Fetched,
    FetchProgress,
    FetchRequest,
    FetchSummary,
    Pause,
    Stage,
    fetch,
    fetch_each,
)
from musicsim_tui.download.playlist import Entry, SourceId, read_listing
from musicsim_tui.download.session import SiteOptions
from musicsim_tui.jobs import Cancelled, CancelToken
from tests.harness.processes import wait_for
from tests.harness.youtube import PLAYLIST
from tests.harness.youtube_videos import Video

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.harness.youtube import YouTube

_CHILD = """
import sys
from pathlib import Path
from musicsim_tui.download.fetch import FetchRequest, fetch
from musicsim_tui.download.playlist import Entry, SourceId
from musicsim_tui.jobs import CancelToken
from tests.harness.loopback import only_loopback

base, video_id, folder, work = sys.argv[1:]
link = f"https://www.youtube.com/watch?v={video_id}"
entry = Entry(SourceId("youtube", video_id), link, "x", "", 3.0, None, 1)
with only_loopback(base):
    fetch(entry, FetchRequest(Path(folder), Path(work)), CancelToken())
"""


class Queue:
    """Runs entries and keeps what was handed out."""

    def __init__(self, request: FetchRequest) -> None:
        self.request = request
        self.ready: list[tuple[Entry, Fetched]] = []
        self.failed: list[tuple[Entry, DownloadError]] = []
        self.progress: list[FetchProgress] = []

    def run(self, entries: Sequence[Entry], cancel: CancelToken, pause: Pause | None = None) -> FetchSummary:
        return fetch_each(
            entries,
            self.request,
            cancel,
            on_ready=lambda entry, fetched: self.ready.append((entry, fetched)),
            on_failed=lambda entry, error: self.failed.append((entry, error)),
            on_progress=self.progress.append,
            pause=pause or Pause(0.0, 0.0),
        )


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    options = SiteOptions(extra={"retries": 1, "socket_timeout": 2})
    return Queue(FetchRequest(tmp_path / "music", tmp_path / "work", options=options))


def entries_of(youtube: YouTube, *names: str) -> list[Entry]:
    return [
        Entry(SourceId("youtube", youtube.ids[name]), youtube.watch(name), name, "", None, None, position)
        for position, name in enumerate(names, start=1)
    ]


def test_one_failure_does_not_stop_the_others(youtube: YouTube, queue: Queue) -> None:
    entries = entries_of(youtube, "private", "ok_m4a", "api_500", "ok_opus")
    summary = queue.run(entries, CancelToken())

    assert summary == FetchSummary(ready=2, failed=2, untried=0)
    assert [entry.title for entry, _ in queue.ready] == ["ok_m4a", "ok_opus"]
    assert [error.kind for _, error in queue.failed] == [FailureKind.PRIVATE, FailureKind.SERVER]
    assert all(fetched.path.exists() for _, fetched in queue.ready)


@pytest.mark.parametrize("name", ["bot", "rate_limit", "api_429"])
def test_a_site_that_wants_to_be_left_alone_is_left_alone(youtube: YouTube, queue: Queue, name: str) -> None:
    summary = queue.run(entries_of(youtube, name, "ok_m4a", "ok_opus"), CancelToken())

    assert (summary.ready, summary.failed, summary.untried) == (0, 1, 2)
    assert summary.stopped_by is queue.failed[0][1]
    assert (summary.stopped_by.until is None) == (name == "bot")
    assert not youtube.server.sent("videoplayback")


def test_a_whole_playlist_with_every_failure(youtube: YouTube, queue: Queue) -> None:
    stopping = {youtube.ids[name] for name in ("bot", "rate_limit", "api_429")}
    listing = read_listing(PLAYLIST, SiteOptions(), CancelToken())
    entries = [entry for entry in listing.entries if entry.source.id not in stopping]
    summary = queue.run(entries, CancelToken())

    assert (summary.ready, summary.failed, summary.stopped_by) == (3, 15, None)
    assert {error.kind for _, error in queue.failed} == {
        FailureKind.PRIVATE,
        FailureKind.DELETED,
        FailureKind.COPYRIGHT,
        FailureKind.REGION,
        FailureKind.AGE,
        FailureKind.MEMBERS,
        FailureKind.UPCOMING,
        FailureKind.LIVE,
        FailureKind.PAID,
        FailureKind.FORBIDDEN,
        FailureKind.SERVER,
    }


def test_pauses_lie_between_entries_and_can_be_interrupted(youtube: YouTube, queue: Queue) -> None:
    cancel = CancelToken()
    ended = threading.Event()

    def run() -> None:
        with pytest.raises(Cancelled):
            queue.run(entries_of(youtube, "ok_m4a", "ok_opus"), cancel, Pause(3600.0, 3600.0))
        ended.set()

    def pausing() -> bool:
        return any(progress.stage is Stage.PAUSING for progress in queue.progress)

    thread = threading.Thread(target=run)
    thread.start()
    wait_for(pausing, "a pause")
    cancel.cancel()
    thread.join(10)
    assert ended.is_set()
    assert [entry.title for entry, _ in queue.ready] == ["ok_m4a"]
    paused = [progress for progress in queue.progress if progress.stage is Stage.PAUSING]
    assert [(progress.total, progress.source.id) for progress in paused] == [(3600.0, youtube.ids["ok_opus"])]


def test_pauses_are_drawn_between_their_bounds() -> None:
    drawn = [Pause().draw() for _ in range(100)]
    assert all(10.0 <= seconds <= 20.0 for seconds in drawn)
    assert len(set(drawn)) > 1


def test_killed_while_downloading_the_next_run_goes_on(youtube: YouTube, queue: Queue) -> None:
    youtube.add("stuck", Video("Stuck - Song", 3, "b.m4a", fault="stall", parameters="at=30000&n=1"))
    video_id = youtube.ids["stuck"]
    request = queue.request
    arguments = [youtube.server.url, video_id, str(request.folder), str(request.work)]
    root = Path(__file__).resolve().parents[2]

    def parts() -> list[Path]:
        return list(request.work.rglob("*.part"))

    with subprocess.Popen([sys.executable, "-c", _CHILD, *arguments], cwd=root) as child:
        try:
            wait_for(lambda: any(part.stat().st_size for part in parts()), "data on the disk", 60)
        finally:
            child.send_signal(signal.SIGKILL)
    [part] = parts()
    kept = part.stat().st_size
    assert kept > 0
    assert not request.folder.exists()

    [entry] = entries_of(youtube, "stuck")
    fetched = fetch(entry, request, CancelToken())
    ranges = [request.byte_range for request in youtube.server.sent("videoplayback")]
    assert (ranges[-1] or "").startswith(f"bytes={kept}-")
    assert fetched.seconds == pytest.approx(3.0, abs=0.1)
    assert examine(fetched.path).codec == "mp3"
    assert not list(request.work.iterdir())
