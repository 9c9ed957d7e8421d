"""The queue at work: the real yt-dlp, sites on loopback, the real catalog, real hearing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from musicsim_tui.audio.encode import write_audio
from musicsim_tui.download import diagnosis
from musicsim_tui.download import fetch as fetching
from musicsim_tui.download import queue as queueing
from musicsim_tui.download.failures import FailureKind, failure
from musicsim_tui.download.fetch import Stage
from musicsim_tui.download.lock import QueueLock
from musicsim_tui.download.queue import WORK_FOLDER
from musicsim_tui.download.report import ListingProgress, QueueSnapshot, QueueState, RunSummary
from musicsim_tui.errors import UnmetRequest, UsageError
from musicsim_tui.jobs import CancelToken
from musicsim_tui.library.playlist_records import EntryState
from musicsim_tui.search.similar import SearchRequest
from tests.harness.audio_files import RATE
from tests.harness.downloads import downloading, entry_of, list_only, opened, states
from tests.harness.processes import wait_for
from tests.harness.youtube import PLAYLIST, PLAYLIST_ID
from tests.harness.youtube_videos import Video

if TYPE_CHECKING:
    from collections.abc import Iterator

    from musicsim_tui.services import Services
    from tests.harness.youtube import YouTube

Reaction = Callable[[QueueSnapshot], None]
STOPPING = ("bot", "rate_limit", "api_429")


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with downloading(tmp_path) as services:
        yield services


def queued(services: Services, link: str) -> int:
    """Open a link and put all of it in the queue; the playlist."""
    playlist = opened(services, link).playlist
    services.downloads.enqueue_playlist(playlist, everything=True)
    return playlist


def run(services: Services, react: Reaction = lambda _: None, *, ingest: bool = False) -> RunSummary:
    """Work on the queue until nothing waits."""
    return services.downloads.run(CancelToken(), react, ingest=ingest)


def once(happens: Callable[[QueueSnapshot], bool], then: Callable[[], object]) -> Reaction:
    """Do something the first time a snapshot shows something."""
    done = threading.Event()

    def react(snapshot: QueueSnapshot) -> None:
        if not done.is_set() and happens(snapshot):
            done.set()
            then()

    return react


class Staying:
    """A run that stays, in a thread of its own, as in the app; ended at the latest with the test."""

    def __init__(self, services: Services, react: Reaction = lambda _: None, *, ingest: bool = False) -> None:
        self._ingest = ingest
        self.seen: list[QueueState] = []
        self.summary: RunSummary | None = None
        self._services = services
        self._react = react
        self._token = CancelToken()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Staying:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._token.cancel()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        def publish(snapshot: QueueSnapshot) -> None:
            self.seen.append(snapshot.state)
            self._react(snapshot)

        self.summary = self._services.downloads.run(self._token, publish, stay=True, ingest=self._ingest)

    def until(self, state: QueueState) -> QueueSnapshot:
        wait_for(lambda: self._services.downloads.snapshot.state is state, state.value)
        return self._services.downloads.snapshot


def test_a_whole_playlist_with_every_failure(services: Services, youtube: YouTube) -> None:
    playlist = opened(services, PLAYLIST).playlist
    left_out = {youtube.ids[name] for name in STOPPING}
    entries = services.catalog.playlists.entries(playlist)
    chosen = [entry.id for entry in entries if entry.source.source_id not in left_out]
    assert services.downloads.enqueue(chosen) == 18  # unavailable ones are tried when they are named
    summary = run(services, ingest=True)

    assert (summary.ready, summary.heard, summary.failed, summary.stopped_by) == (3, 3, 15, None)
    assert {entry.kind for entry in summary.failures} == {
        *("private", "deleted", "copyright", "region", "age", "members", "upcoming", "live", "paid"),
        *("forbidden", "server"),
    }
    assert all(entry.reason and entry.hint for entry in summary.failures)
    assert services.catalog.count() == 2  # two of the three are one recording
    twin = entry_of(services, youtube.ids["slow"]).twin
    assert twin == entry_of(services, youtube.ids["ok_m4a"]).path
    assert [root.path for root in services.catalog.roots()] == [twin.parent if twin else None]
    assert not (services.downloads.folder / WORK_FOLDER).exists()
    assert summary.bytes > 0
    assert summary.audio_seconds == pytest.approx(9.0, abs=0.5)


def test_what_is_there_is_found_while_the_rest_still_comes(
    services: Services, youtube: YouTube, media: Path
) -> None:
    youtube.add("stuck", Video("Stuck - Song", 3, "b.m4a", fault="stall", parameters="at=30000&n=9"))
    queued(services, list_only(youtube, "ok_opus", "stuck"))
    with Staying(services, ingest=True):
        assert youtube.server.stalled.wait(30)
        wait_for(lambda: services.catalog.count() == 1, "the first track")
        seed = services.seed(str(media / "c.webm"), services.models.searching(), CancelToken())
        [match] = services.search(seed, SearchRequest(), CancelToken())
        assert match.track.title == "Night Run"
        assert services.downloads.snapshot.waiting == 1
        services.downloads.cancel()


@pytest.mark.parametrize("stage", [Stage.ASKING, Stage.DOWNLOADING, Stage.CONVERTING])
def test_cancelled_at_each_stage_the_next_one_goes_on(
    services: Services, youtube: YouTube, stage: Stage
) -> None:
    playlist = queued(services, list_only(youtube, "slow", "ok_opus"))
    first, second = services.catalog.playlists.entries(playlist)
    summary = run(
        services,
        once(
            lambda shown: shown.live is not None and shown.live.stage is stage,
            lambda: services.downloads.cancel([first.id]),
        ),
    )
    assert (summary.ready, summary.failed) == (1, 0)
    assert states(services, playlist) == [EntryState.CANCELLED, EntryState.READY]
    [file] = (services.downloads.folder / "Mix").iterdir()
    assert f"[{second.source.source_id}]" in file.name

    assert services.downloads.retry([first.id]) == 1
    assert run(services).ready == 1
    assert states(services, playlist) == [EntryState.READY, EntryState.READY]


def test_cancelled_while_finishing_it_is_there_or_it_is_not(services: Services, youtube: YouTube) -> None:
    playlist = queued(services, list_only(youtube, "ok_m4a"))
    run(
        services,
        once(
            lambda shown: shown.live is not None and shown.live.stage is Stage.FINISHING,
            lambda: services.downloads.cancel(),
        ),
    )
    [entry] = services.catalog.playlists.entries(playlist)
    there = entry.path is not None and entry.path.exists()
    assert there == (entry.state is EntryState.READY)
    assert services.catalog.playlists.queue() == []


def test_paused_while_data_flows_it_goes_on_where_it_stopped(services: Services, youtube: YouTube) -> None:
    queued(services, list_only(youtube, "slow"))

    def flowing(shown: QueueSnapshot) -> bool:
        return shown.live is not None and shown.live.stage is Stage.DOWNLOADING and shown.live.done > 5000

    with Staying(services, once(flowing, services.downloads.pause)) as running:
        running.until(QueueState.PAUSED)
        [part] = (services.downloads.folder / WORK_FOLDER).rglob("*.part")
        kept = part.stat().st_size
        assert kept > 0
        assert services.downloads.snapshot.waiting == 1
        services.downloads.resume()
        wait_for(lambda: services.downloads.snapshot.ready == 1, "the rest")
    ranges = [request.byte_range or "" for request in youtube.server.sent("videoplayback")]
    assert ranges[-1].startswith(f"bytes={kept}-")
    assert entry_of(services, youtube.ids["slow"]).state is EntryState.READY


def test_pauses_lie_between_entries_and_end_at_once(tmp_path: Path, youtube: YouTube) -> None:
    with downloading(tmp_path, pause="3600") as services:
        playlist = queued(services, list_only(youtube, "ok_m4a", "ok_opus"))
        with Staying(services) as running:
            shown = running.until(QueueState.PAUSING)
            assert shown.live is not None
            assert shown.live.seconds_left is not None
            assert shown.live.seconds_left > 3000
            assert shown.seconds_left is not None
            assert shown.seconds_left >= 3600
        assert running.summary is not None
        assert running.summary.cancelled
        assert states(services, playlist) == [EntryState.READY, EntryState.WAITING]


def test_one_entry_is_passed_over_and_has_its_turn_again(services: Services, youtube: YouTube) -> None:
    playlist = queued(services, list_only(youtube, "ok_m4a", "ok_opus"))
    first, _ = services.catalog.playlists.entries(playlist)
    services.downloads.hold([first.id])
    assert run(services).ready == 1
    assert states(services, playlist) == [EntryState.PAUSED, EntryState.READY]
    services.downloads.release([first.id])
    assert run(services).ready == 1
    assert states(services, playlist) == [EntryState.READY, EntryState.READY]


def test_the_one_being_fetched_is_passed_over_and_goes_on_where_it_stopped(
    tmp_path: Path, youtube: YouTube
) -> None:
    with downloading(tmp_path) as services:
        playlist = queued(services, list_only(youtube, "slow", "ok_opus"))
        first, _ = services.catalog.playlists.entries(playlist)
        flowing = once(
            lambda shown: shown.live is not None and shown.live.done > 5000,
            lambda: services.downloads.hold([first.id]),
        )
        summary = run(services, flowing)
        assert (summary.ready, summary.waiting, summary.held) == (1, 0, 1)
        assert states(services, playlist) == [EntryState.PAUSED, EntryState.READY]
        [part] = (services.downloads.folder / WORK_FOLDER).rglob("*.part")
        kept = part.stat().st_size
    asked = len(youtube.server.requests)
    with downloading(tmp_path) as services:
        assert run(services).ready == 0
        assert len(youtube.server.requests) == asked
        assert services.downloads.release() == 1
        assert run(services).ready == 1
        ranges = [request.byte_range or "" for request in youtube.server.sent("videoplayback")]
        assert ranges[-1].startswith(f"bytes={kept}-")
        assert states(services, playlist) == [EntryState.READY, EntryState.READY]


@pytest.mark.parametrize("order", ["hold", "cancel", "forget"])
def test_what_another_process_orders_is_heeded_while_data_flows(
    tmp_path: Path, youtube: YouTube, order: str
) -> None:
    youtube.add("slower", Video("Slower - Song", 3, "b.m4a", fault="slow", parameters="rate=4000"))
    with downloading(tmp_path) as first, downloading(tmp_path) as second:
        playlist = queued(first, list_only(youtube, "slower"))
        other = queued(first, list_only(youtube, "ok_opus", playlist="PLother"))
        [entry] = first.catalog.playlists.entries(playlist)
        orders: dict[str, Callable[[], object]] = {
            "hold": lambda: second.downloads.hold([entry.id]),
            "cancel": lambda: second.downloads.cancel([entry.id]),
            "forget": lambda: second.downloads.forget(playlist),
        }
        flowing = once(lambda shown: shown.live is not None and shown.live.done > 2000, orders[order])
        summary = run(first, flowing)
        assert (summary.ready, summary.failed, summary.stopped_by) == (1, 0, None)
        assert states(first, other) == [EntryState.READY]
        work = first.downloads.folder / WORK_FOLDER
        left = {"hold": [EntryState.PAUSED], "cancel": [EntryState.CANCELLED], "forget": []}
        assert states(first, playlist) == left[order]
        assert bool(list(work.rglob("*.part"))) is (order == "hold")
        assert work.exists() is (order == "hold")


def test_what_is_paused_is_counted_at_once_while_another_comes(services: Services, youtube: YouTube) -> None:
    playlist = queued(services, list_only(youtube, "slow", "ok_m4a", "ok_opus"))
    others = [entry.id for entry in services.catalog.playlists.entries(playlist)[1:]]
    told: list[tuple[Stage, int, int]] = []

    def react(shown: QueueSnapshot) -> None:
        if shown.live is not None and shown.live.stage is Stage.DOWNLOADING:
            told.append((shown.live.stage, shown.waiting, shown.held))
            if len(told) == 2:
                assert services.downloads.hold(others) == 2

    assert run(services, react).ready == 1
    assert told[1] == (Stage.DOWNLOADING, 3, 0)
    assert told[2] == (Stage.DOWNLOADING, 1, 2)


def test_whoever_asks_for_a_paused_one_lets_it_go_on(services: Services, youtube: YouTube) -> None:
    playlist = queued(services, list_only(youtube, "ok_m4a", "ok_opus"))
    first, second = (entry.id for entry in services.catalog.playlists.entries(playlist))
    assert services.downloads.hold([first, second]) == 2
    assert services.downloads.hold([first, second]) == 0
    assert services.downloads.enqueue_playlist(playlist, everything=True) == 0
    assert run(services).ready == 0
    assert services.downloads.enqueue([first]) == 1
    assert services.downloads.retry([first, second]) == 1
    assert run(services).ready == 2


def test_all_is_cancelled_at_once(services: Services, youtube: YouTube) -> None:
    playlist = queued(services, list_only(youtube, "slow", "ok_m4a", "ok_opus"))
    flowing = once(
        lambda shown: shown.live is not None and shown.live.stage is Stage.DOWNLOADING,
        lambda: services.downloads.cancel(),
    )
    assert run(services, flowing).ready == 0
    assert set(states(services, playlist)) == {EntryState.CANCELLED}
    assert services.downloads.enqueue_playlist(playlist, everything=False) == 0
    assert services.downloads.enqueue_playlist(playlist, everything=True) == 3


def test_a_robot_check_stops_until_somebody_says_go(services: Services, youtube: YouTube) -> None:
    playlist = queued(services, list_only(youtube, "bot", "ok_m4a"))
    with Staying(services) as running:
        shown = running.until(QueueState.STOPPED)
        assert "robot" in shown.reason
        assert "cookies" in shown.hint
        assert states(services, playlist) == [EntryState.WAITING, EntryState.WAITING]
        assert entry_of(services, youtube.ids["bot"]).kind == "bot check"
        assert not youtube.server.sent("videoplayback")
        youtube.videos[youtube.ids["bot"]] = Video("Not - a Robot", 3, "c.webm")
        services.downloads.resume()
        running.until(QueueState.IDLE)
        wait_for(lambda: services.downloads.snapshot.ready == 2, "both")


def test_a_rate_limit_rests_and_goes_on_by_itself(
    services: Services, youtube: YouTube, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "RETRY_AFTER_SECONDS", 0.3)
    playlist = queued(services, list_only(youtube, "api_429", "ok_m4a"))
    resting: list[QueueSnapshot] = []

    def react(shown: QueueSnapshot) -> None:
        if shown.state is QueueState.RESTING:
            resting.append(shown)
            youtube.videos[youtube.ids["api_429"]] = Video("Calm - Again", 3, "c.webm")

    summary = run(services, react)
    assert (summary.ready, summary.failed, summary.stopped_by) == (2, 0, None)
    assert resting[0].until is not None
    assert "too often" in resting[0].reason
    assert set(states(services, playlist)) == {EntryState.READY}


def test_a_rest_holds_after_a_restart(tmp_path: Path, youtube: YouTube) -> None:
    with downloading(tmp_path) as services:
        queued(services, list_only(youtube, "rate_limit", "ok_m4a"))
        with Staying(services) as running:
            until = running.until(QueueState.RESTING).until
            assert until is not None
            assert until > time.time() + 3000
    asked = len(youtube.server.requests)
    with downloading(tmp_path) as services, Staying(services) as running:
        assert running.until(QueueState.RESTING).until == pytest.approx(until, abs=1.0)
        assert len(youtube.server.requests) == asked
        youtube.videos[youtube.ids["rate_limit"]] = Video("Calm - Again", 3, "c.webm")
        services.downloads.resume()
        wait_for(lambda: services.downloads.snapshot.ready == 2, "both")


def test_five_failures_in_a_row_stop_the_queue(services: Services, youtube: YouTube) -> None:
    names = [f"bad{number}" for number in range(6)]
    for name in names:
        youtube.add(name, Video("Bad", 3, "b.m4a", fault="403"))
    playlist = queued(services, list_only(youtube, *names[:3], "region", *names[3:], "ok_m4a"))
    summary = run(services)
    assert (summary.failed, summary.waiting) == (6, 2)
    assert summary.stopped_by is not None
    assert "5 tracks in a row" in summary.stopped_by.title
    assert services.downloads.retry([services.catalog.playlists.entries(playlist)[0].id]) == 1
    assert run(services).ready == 1  # whoever says retry, says go on


def test_too_little_room_pauses_and_fails_nothing(
    services: Services, youtube: YouTube, monkeypatch: pytest.MonkeyPatch
) -> None:
    playlist = queued(services, list_only(youtube, "ok_m4a"))
    room = {"free": -1}
    monkeypatch.setattr(queueing, "free_bytes", lambda _folder: room["free"])
    with Staying(services) as running:
        assert "downloads leave" in running.until(QueueState.NO_ROOM).reason
        assert states(services, playlist) == [EntryState.WAITING]
        room["free"] = 10**12
        services.downloads.resume()
        wait_for(lambda: services.downloads.snapshot.ready == 1, "the track")
    assert services.catalog.playlists.failures() == []


def test_a_disk_that_is_away_is_waited_for(services: Services, youtube: YouTube, tmp_path: Path) -> None:
    playlist = queued(services, list_only(youtube, "ok_m4a"))
    base = tmp_path / "Music"
    services.catalog.set_meta(f"downloads:disk:{str(base).encode().hex()}", "another disk")
    with Staying(services) as running:
        assert "is away" in running.until(QueueState.NO_ROOM).reason
        assert states(services, playlist) == [EntryState.WAITING]
        assert not base.exists()
        base.mkdir()
        (base / "what was on it").touch()
        services.downloads.resume()
        wait_for(lambda: services.downloads.snapshot.ready == 1, "the track")


def test_a_file_deleted_before_it_was_heard(services: Services, youtube: YouTube) -> None:
    playlist = queued(services, list_only(youtube, "ok_m4a"))
    [file] = run(services).files
    services.catalog.playlists.fetched(1, file, to_hear=True)
    file.unlink()
    summary = run(services, ingest=True)
    assert (summary.heard, summary.left_unheard, summary.hearing_error) == (0, 0, None)
    assert states(services, playlist) == [EntryState.GONE]


def test_a_disk_that_fills_up_meanwhile_fails_nothing(
    services: Services, youtube: YouTube, monkeypatch: pytest.MonkeyPatch
) -> None:
    playlist = queued(services, list_only(youtube, "ok_m4a"))
    real = fetching.fetch
    full = [failure(FailureKind.DISK_FULL)]

    def fetch(*args: object) -> object:
        if full:
            raise full.pop()
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(queueing, "fetch", fetch)
    summary = run(services)
    assert summary.stopped_by is not None
    assert "disk is full" in summary.stopped_by.title
    assert states(services, playlist) == [EntryState.WAITING]
    assert run(services).ready == 1


def test_the_network_away_the_app_waits_and_a_command_ends(
    services: Services, youtube: YouTube, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued(services, list_only(youtube, "ok_m4a"))
    with monkeypatch.context() as patched:

        def fetch(*_: object) -> object:
            raise failure(FailureKind.OFFLINE)

        patched.setattr(queueing, "fetch", fetch)
        summary = run(services)
        assert summary.stopped_by is not None
        assert summary.waiting == 1
        services.downloads.resume()
        with Staying(services) as running:
            assert running.until(QueueState.RESTING).until is not None
    services.downloads.resume()
    assert run(services).ready == 1


def test_a_video_in_two_playlists_is_fetched_once(services: Services, youtube: YouTube) -> None:
    first = queued(services, list_only(youtube, "ok_m4a", "ok_opus", playlist="PLone", title="Same"))
    second = queued(services, list_only(youtube, "ok_opus", "slow", playlist="PLtwo", title="Same"))
    assert run(services, ingest=True).ready == 3
    assert len(youtube.server.sent("videoplayback")) == 3
    assert set(states(services, first) + states(services, second)) == {EntryState.READY}
    one, two = (services.catalog.playlists.get(playlist) for playlist in (first, second))
    assert one is not None
    assert two is not None
    assert one.folder != two.folder
    shared = entry_of(services, youtube.ids["ok_opus"]).path
    assert shared is not None

    kept = services.downloads.forget(second, delete_files=True)
    assert (kept.files_deleted, kept.files_kept) == (1, 0)
    assert shared.exists()
    assert not two.folder.exists()
    forgotten = services.downloads.forget(first)
    assert (forgotten.files_deleted, forgotten.files_kept) == (0, 2)
    assert shared.exists()
    assert services.catalog.playlists.all() == []
    with pytest.raises(UnmetRequest):
        services.downloads.forget(first)
    again = opened(services, list_only(youtube, "ok_opus", playlist="PLone"))
    assert states(services, again.playlist) == [EntryState.READY]


def test_forgetting_hands_the_turn_to_the_other_playlist(services: Services, youtube: YouTube) -> None:
    first = queued(services, list_only(youtube, "ok_m4a", "slow", playlist="PLone"))
    second = queued(services, list_only(youtube, "ok_m4a", playlist="PLtwo"))
    services.downloads.forget(first)
    assert len(services.catalog.playlists.queue()) == 1
    assert run(services).ready == 1
    assert states(services, second) == [EntryState.READY]


def test_the_queue_survives_a_restart_in_its_order(tmp_path: Path, youtube: YouTube) -> None:
    with downloading(tmp_path) as services:
        playlist = opened(services, list_only(youtube, "ok_m4a", "ok_opus", "slow")).playlist
        a, b, c = (entry.id for entry in services.catalog.playlists.entries(playlist))
        assert services.downloads.enqueue([c, a]) == 2
        assert services.downloads.enqueue([a, b]) == 1
    with downloading(tmp_path) as services:
        assert [entry.id for entry in services.catalog.playlists.queue()] == [c, a, b]
        assert run(services).ready == 3


def test_what_was_fetched_and_not_heard_is_heard_next_time(tmp_path: Path, youtube: YouTube) -> None:
    with downloading(tmp_path) as services:
        playlist = queued(services, list_only(youtube, "ok_m4a"))
        [file] = run(services).files
        [entry] = services.catalog.playlists.entries(playlist)
        services.catalog.playlists.fetched(1, file, to_hear=True)
        assert states(services, playlist) == [EntryState.INGESTING]
    with downloading(tmp_path) as services:
        assert services.downloads.run(CancelToken()).heard == 1
        [entry] = services.catalog.playlists.entries(playlist)
        assert (entry.state, entry.track) == (EntryState.READY, services.catalog.track_at(file))


def test_a_file_that_is_there_already_is_not_fetched_again(services: Services, youtube: YouTube) -> None:
    playlist = queued(services, list_only(youtube, "ok_m4a"))
    [file] = run(services).files
    services.downloads.forget(playlist)
    services.catalog.playlists.forget(opened(services, PLAYLIST).playlist, files_too=True)
    again = queued(services, list_only(youtube, "ok_m4a"))
    assert states(services, again) == [EntryState.WAITING]
    assert run(services).files == (file,)
    assert len(youtube.server.sent("videoplayback")) == 1


def test_what_cannot_be_heard_fails_with_its_reason(
    services: Services, youtube: YouTube, media: Path
) -> None:
    write_audio(media / "silent.m4a", np.zeros((2, 3 * RATE), np.float32), RATE)
    youtube.add("silent", Video("John - 4'33", 3, "silent.m4a"))
    queued(services, list_only(youtube, "silent", "ok_m4a"))
    summary = run(services, ingest=True)
    assert (summary.ready, summary.heard, summary.new_failures) == (2, 1, 1)
    [failed] = summary.failures
    assert (failed.kind, failed.state) == ("hearing", EntryState.FAILED)
    assert "silent" in failed.reason
    assert services.downloads.retry() == 1
    assert run(services, ingest=True).new_failures == 0


def test_only_one_works_on_the_queue(services: Services, youtube: YouTube, tmp_path: Path) -> None:
    queued(services, list_only(youtube, "ok_m4a"))
    other = QueueLock(tmp_path / "data" / "download.lock")
    assert other.take()
    with Staying(services) as running:
        assert "Another musicsim-tui" in running.until(QueueState.ELSEWHERE).reason
        assert not youtube.server.sent("/player")
        other.let_go()
        wait_for(lambda: services.downloads.snapshot.ready == 1, "its turn")
        running.until(QueueState.IDLE)
        wait_for(other.take, "the lock, which nobody needs")
    other.let_go()


def test_a_run_for_some_playlists_leaves_the_others(services: Services, youtube: YouTube) -> None:
    first = queued(services, list_only(youtube, "ok_m4a", playlist="PLone"))
    second = queued(services, list_only(youtube, "ok_opus", playlist="PLtwo"))
    assert services.downloads.run(CancelToken(), only=[second], ingest=False).ready == 1
    assert states(services, first) == [EntryState.WAITING]
    assert run(services).ready == 1


def test_what_lasts_is_left_to_a_person_after_three_tries(services: Services, youtube: YouTube) -> None:
    playlist = queued(services, list_only(youtube, "region", "media_403"))
    due = []
    for _ in range(4):
        run(services)
        due.append(services.downloads.enqueue_playlist(playlist, everything=False))
    assert due == [2, 2, 1, 1]
    assert services.downloads.retry() == 1


def test_the_forecast_tells_hours_and_room(services: Services, youtube: YouTube) -> None:
    playlist = opened(services, PLAYLIST).playlist
    entries = services.catalog.playlists.entries(playlist)
    forecast = services.downloads.forecast(entries)
    assert forecast.entries == 16
    assert forecast.seconds > 16
    assert forecast.bytes > 100_000
    assert forecast.fits
    shared = services.downloads.forecast([*entries, *entries])
    assert shared.entries == 16


def test_cookies_can_be_chosen_meanwhile(services: Services, youtube: YouTube) -> None:
    with pytest.raises(UsageError):
        services.downloads.use_cookies(":")
    services.downloads.use_cookies("no-such-browser")
    services.downloads.use_cookies(None)
    queued(services, list_only(youtube, "ok_m4a"))
    services.downloads.use_cookies("no-such-browser")
    summary = run(services)
    assert summary.stopped_by is not None
    assert "cookies" in summary.stopped_by.title.lower()
    services.downloads.use_cookies(None)
    services.downloads.resume()
    assert run(services).ready == 1


def test_a_playlist_can_be_forgotten_while_another_process_lists_it(tmp_path: Path, youtube: YouTube) -> None:
    link = list_only(youtube, "ok_m4a", "ok_opus", "slow", "region")
    with downloading(tmp_path) as first, downloading(tmp_path) as second:

        def forget(progress: ListingProgress) -> None:
            if progress.received and second.catalog.playlists.get(progress.playlist) is not None:
                second.downloads.forget(progress.playlist)

        with pytest.raises(UnmetRequest, match="forgotten while it was listed"):
            first.downloads.open(link, CancelToken(), publish=forget)
        assert first.catalog.playlists.all() == []
        assert len(states(first, opened(first, link).playlist)) == 4


def test_a_forgotten_playlist_cannot_be_checked(services: Services, youtube: YouTube) -> None:
    playlist = opened(services, list_only(youtube, "ok_m4a")).playlist
    services.downloads.forget(playlist)
    with pytest.raises(UnmetRequest):
        services.downloads.check(playlist, CancelToken())
    assert PLAYLIST_ID in youtube.playlists
