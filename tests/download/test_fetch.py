from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from mutagen.id3 import ID3

from musicsim_tui.audio.decode import decode_stereo
from musicsim_tui.audio.identity import examine
from musicsim_tui.download.failures import DownloadError, FailureKind
from musicsim_tui.download.fetch import (
    FetchProgress,
    FetchRequest,
    Stage,
    fetch,
    forget_partial,
)
from musicsim_tui.download.playlist import Entry, SourceId
from musicsim_tui.download.session import SiteOptions
from musicsim_tui.errors import StorageError
from musicsim_tui.jobs import Cancelled, CancelToken
from tests.harness.audio_files import write_tone
from tests.harness.youtube_videos import Video

if TYPE_CHECKING:
    from tests.harness.loop_server import LoopServer
    from tests.harness.youtube import YouTube

IMPATIENT = SiteOptions(extra={"retries": 1, "socket_timeout": 0.5})


@pytest.fixture
def request_(tmp_path: Path) -> FetchRequest:
    return FetchRequest(tmp_path / "music" / "Mix", tmp_path / "work")


def of_youtube(youtube: YouTube, name: str, **known: object) -> Entry:
    """An entry as a playlist lists it."""
    source = SourceId("youtube", youtube.ids[name])
    return Entry(source, youtube.watch(name), "listed", "Chän 1", 3.0, None, 1)


def of_web(server: LoopServer, path: str, title: str = "Band - Söng") -> Entry:
    return Entry(SourceId("generic", "0123456789abcdef"), server.url + path, title, "", None, None, 1)


def left(folder: Path) -> list[str]:
    """Every file below a folder."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != "lock")


def cancel_when(
    cancel: CancelToken, happens: Callable[[FetchProgress], bool]
) -> Callable[[FetchProgress], None]:
    return lambda progress: cancel.cancel() if happens(progress) else None


def begun(entry: Entry, request: FetchRequest) -> Path:
    """The folder of what came so far of an entry: nothing yet."""
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        fetch(entry, request, cancel, lambda _: cancel.cancel())
    [folder] = request.work.iterdir()
    return folder


def refused(entry: Entry, request: FetchRequest) -> DownloadError:
    with pytest.raises(DownloadError) as caught:
        fetch(entry, request, CancelToken())
    assert left(request.folder) == []
    return caught.value


def test_a_video_becomes_an_mp3_with_tags_and_cover(youtube: YouTube, request_: FetchRequest) -> None:
    fetched = fetch(of_youtube(youtube, "ok_opus"), request_, CancelToken())

    assert fetched.path == request_.folder / f"Tanaka - Night Run [{youtube.ids['ok_opus']}].mp3"
    assert left(request_.folder) == [fetched.path.name]
    assert not list(request_.work.iterdir())
    assert fetched.seconds == pytest.approx(3.0, abs=0.1)
    assert (fetched.codec, fetched.damaged_packets) == ("opus", 0)
    assert fetched.bytes == fetched.path.stat().st_size
    audio = examine(fetched.path)
    assert (audio.codec, audio.channels, audio.sample_rate) == ("mp3", 2, 48000)
    assert (audio.tags.title, audio.tags.artist, audio.tags.album) == ("Night Run", "Tanaka", "City Lights")
    assert audio.tags.year == 2019
    tags = ID3(fetched.path)
    assert str(tags["TDRC"]) == "2019-03-08"
    assert tags["WOAS"].url == youtube.watch("ok_opus")
    assert tags["APIC:"].data == (youtube.server.media / "cover.jpg").read_bytes()
    assert tags["APIC:"].mime == "image/jpeg"
    assert fetched.has_cover


def test_both_channels_come_through(youtube: YouTube, request_: FetchRequest) -> None:
    fetched = fetch(of_youtube(youtube, "ok_m4a"), request_, CancelToken())
    heard = np.concatenate(list(decode_stereo(fetched.path, 44100)), axis=1)
    original = np.concatenate(list(decode_stereo(youtube.server.media / "b.m4a", 44100)), axis=1)
    samples = min(heard.shape[1], original.shape[1])
    for channel in range(2):
        likeness = np.corrcoef(heard[channel, :samples], original[channel, :samples])[0, 1]
        assert likeness > 0.99


def test_what_the_title_says_where_the_site_knows_no_music(youtube: YouTube, request_: FetchRequest) -> None:
    fetched = fetch(of_youtube(youtube, "ok_m4a"), request_, CancelToken())
    assert (fetched.labels.artist, fetched.labels.title) == ("AC/DC", 'Thunder ⚡ "live" <1>')
    assert fetched.path.name == f"AC-DC - Thunder ⚡ 'live' 1 [{youtube.ids['ok_m4a']}].mp3"
    assert examine(fetched.path).tags.title == 'Thunder ⚡ "live" <1>'


@pytest.mark.parametrize("name", ["a.mp3", "b.m4a", "c.webm", "d.flac", "e.ogg"])
def test_the_original_can_be_kept(server: LoopServer, request_: FetchRequest, name: str) -> None:
    request = FetchRequest(request_.folder, request_.work, keep_original=True)
    fetched = fetch(of_web(server, f"/media/{name}"), request, CancelToken())

    assert fetched.path.suffix == (".opus" if name == "c.webm" else Path(name).suffix)
    kept = examine(fetched.path)
    assert kept.track_id == examine(server.media / name).track_id
    assert (kept.tags.artist, kept.tags.title) == ("Band", "Söng")
    assert left(request.work) == []


def test_kept_opus_sounds_as_it_did_and_carries_its_names(youtube: YouTube, request_: FetchRequest) -> None:
    request = FetchRequest(request_.folder, request_.work, keep_original=True)
    fetched = fetch(of_youtube(youtube, "ok_opus"), request, CancelToken())
    assert fetched.path.suffix == ".opus"
    tags = examine(fetched.path).tags
    assert (tags.artist, tags.title, tags.album, tags.year) == ("Tanaka", "Night Run", "City Lights", 2019)
    before, after = (
        np.concatenate(list(decode_stereo(path, 48000)), axis=1)
        for path in (youtube.server.media / "c.webm", fetched.path)
    )
    most = min(before.shape[1], after.shape[1])
    assert abs(before.shape[1] - after.shape[1]) < 48  # WebM tells lengths in milliseconds
    assert np.array_equal(before[:, :most], after[:, :most])


@pytest.mark.parametrize("name", ["a.mp3", "b.m4a", "c.webm", "d.flac", "e.ogg"])
def test_every_format_is_converted(server: LoopServer, request_: FetchRequest, name: str) -> None:
    fetched = fetch(of_web(server, f"/media/{name}"), request_, CancelToken())
    assert examine(fetched.path).codec == "mp3"
    assert (fetched.labels.artist, fetched.labels.title) == ("Band", "Söng")
    assert not fetched.has_cover


@pytest.mark.parametrize(
    "path",
    [
        "/fault/slow/a.mp3?rate=200000",
        "/fault/cut/a.mp3?at=20000&n=3",
        "/fault/cut/a.mp3?at=20000&n=3&ranges=0",
        "/fault/redirect/a.mp3",
        "/fault/stall/a.mp3?at=20000&n=2",
    ],
)
def test_a_connection_that_misbehaves_is_survived(
    server: LoopServer, request_: FetchRequest, path: str
) -> None:
    request = FetchRequest(
        request_.folder, request_.work, options=SiteOptions(extra={"retries": 4, "socket_timeout": 0.5})
    )
    fetched = fetch(of_web(server, path), request, CancelToken())
    assert fetched.seconds == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize(
    ("fault", "parameters", "kind"),
    [
        ("truncated", "keep=0.3", FailureKind.TRUNCATED),
        ("html-as-audio", "", FailureKind.NOT_AUDIO),
        ("garbage", "", FailureKind.NOT_AUDIO),
        ("empty", "", FailureKind.NOT_AUDIO),
        ("html", "", FailureKind.NOT_AUDIO),
        ("403", "", FailureKind.FORBIDDEN),
        ("404", "", FailureKind.DELETED),
        ("hang", "", FailureKind.NETWORK),
        ("cut", "at=9000", FailureKind.NETWORK),
        ("stall", "at=9000", FailureKind.NETWORK),
        ("short", "", FailureKind.NETWORK),
    ],
)
def test_what_is_not_the_announced_audio_is_no_track(
    youtube: YouTube, request_: FetchRequest, fault: str, parameters: str, kind: FailureKind
) -> None:
    youtube.add("bad", Video("Bad - Luck", 3, "a.webm", fault=fault, parameters=parameters))
    (youtube.server.media / "a.webm").write_bytes((youtube.server.media / "c.webm").read_bytes())
    request = FetchRequest(request_.folder, request_.work, options=IMPATIENT)
    assert refused(of_youtube(youtube, "bad"), request).kind is kind
    if kind in (FailureKind.TRUNCATED, FailureKind.NOT_AUDIO):
        assert left(request.work) == []  # else it would be taken for the download, next time


@pytest.mark.parametrize("name", ["a.mp3", "c.webm", "d.flac", "e.ogg", "f.wav"])
def test_a_file_that_promises_more_than_there_is(
    server: LoopServer, request_: FetchRequest, name: str
) -> None:
    write_tone(server.media / "f.wav")
    error = refused(of_web(server, f"/fault/truncated/{name}"), request_)
    assert error.kind is FailureKind.TRUNCATED
    assert left(request_.work) == []


def test_an_mp4_file_that_is_cut_off_is_told_as_such(youtube: YouTube, request_: FetchRequest) -> None:
    youtube.add("bad", Video("Bad - Luck", 3, "b.m4a", fault="truncated"))
    request = FetchRequest(request_.folder, request_.work, options=IMPATIENT)
    assert refused(of_youtube(youtube, "bad"), request).kind is FailureKind.TRUNCATED
    assert left(request.work) == []


@pytest.mark.parametrize(
    "name", ["private", "age", "members", "bot", "rate_limit", "region", "upcoming", "live"]
)
def test_what_the_site_refuses_is_told(youtube: YouTube, request_: FetchRequest, name: str) -> None:
    kind = refused(of_youtube(youtube, name), request_).kind
    assert kind.name.lower().startswith(name) or (name, kind) == ("bot", FailureKind.BOT_CHECK)


@pytest.mark.parametrize(
    "title",
    [
        "../../../etc/passwd",
        "/etc/passwd",
        "..",
        "CON - NUL",
        "[@click=app.boom]Free[/] - [/",
        "x" * 300 + " - " + "語" * 300,
        "👩\u200d🚀 - 🎧\u202egnp.exe",
        "a\x00b\nc - d",
        "%(id)s - %s {title} $HOME `id`",
    ],
)
def test_hostile_titles_stay_inside_the_folder(youtube: YouTube, request_: FetchRequest, title: str) -> None:
    youtube.add("hostile", Video(title, 3, "b.m4a"))
    fetched = fetch(of_youtube(youtube, "hostile"), request_, CancelToken())
    assert fetched.path.parent == request_.folder
    assert os.listdir(request_.folder) == [fetched.path.name]
    assert sorted(os.listdir(request_.folder.parent.parent)) == ["music", "work"]


def test_snapshots_tell_stages_bytes_and_seconds(youtube: YouTube, request_: FetchRequest) -> None:
    snapshots: list[FetchProgress] = []
    entry = of_youtube(youtube, "slow")
    fetch(entry, request_, CancelToken(), snapshots.append)

    stages = list(dict.fromkeys(snapshot.stage for snapshot in snapshots))
    assert stages == [Stage.ASKING, Stage.DOWNLOADING, Stage.CONVERTING, Stage.FINISHING]
    assert {snapshot.source for snapshot in snapshots} == {entry.source}
    loading = [snapshot for snapshot in snapshots if snapshot.stage is Stage.DOWNLOADING]
    assert len(loading) > 2
    assert {snapshot.total for snapshot in loading} == {(youtube.server.media / "b.m4a").stat().st_size}
    assert [snapshot.done for snapshot in loading] == sorted(snapshot.done for snapshot in loading)
    assert any(snapshot.speed for snapshot in loading)
    assert any(snapshot.seconds_left is not None for snapshot in loading)
    assert next(s.total for s in snapshots if s.stage is Stage.CONVERTING) == 3.0


def test_cancelling_while_data_flows_keeps_what_came_and_goes_on_there(
    youtube: YouTube, request_: FetchRequest
) -> None:
    entry = of_youtube(youtube, "slow")
    size = (youtube.server.media / "b.m4a").stat().st_size
    cancel = CancelToken()
    stop = cancel_when(cancel, lambda progress: progress.stage is Stage.DOWNLOADING and progress.done > 0)
    with pytest.raises(Cancelled):
        fetch(entry, request_, cancel, stop)
    [part] = [path for path in request_.work.rglob("*.part")]
    kept = part.stat().st_size
    assert 0 < kept < size
    assert left(request_.folder) == []

    fetched = fetch(entry, request_, CancelToken())
    asked = youtube.server.sent("videoplayback")[-1].byte_range
    assert asked is not None
    assert asked.startswith(f"bytes={kept}-")
    assert fetched.seconds == pytest.approx(3.0, abs=0.1)
    assert not list(request_.work.iterdir())


def test_cancelling_while_nothing_comes_ends_with_the_time_out(
    server: LoopServer, request_: FetchRequest
) -> None:
    request = FetchRequest(request_.folder, request_.work, options=IMPATIENT)
    cancel = CancelToken()
    stop = cancel_when(cancel, lambda progress: progress.stage is Stage.DOWNLOADING)
    with pytest.raises(Cancelled):
        fetch(of_web(server, "/fault/stall/a.mp3?at=30000"), request, cancel, stop)


@pytest.mark.parametrize("stage", [Stage.ASKING, Stage.CONVERTING, Stage.FINISHING])
def test_cancelling_at_any_stage_leaves_no_half_track(
    youtube: YouTube, request_: FetchRequest, stage: Stage
) -> None:
    entry = of_youtube(youtube, "ok_m4a")
    cancel = CancelToken()
    stop = cancel_when(cancel, lambda progress: progress.stage is stage)
    if stage is Stage.FINISHING:  # too late: nothing is left that takes time
        assert fetch(entry, request_, cancel, stop).path.exists()
        return
    with pytest.raises(Cancelled):
        fetch(entry, request_, cancel, stop)
    assert left(request_.folder) == []
    assert not [name for name in left(request_.work) if name.endswith(".mp3")]

    before = len(youtube.server.sent("videoplayback"))
    assert fetch(entry, request_, CancelToken()).path.exists()
    again = len(youtube.server.sent("videoplayback")) - before
    assert again == (1 if stage is Stage.ASKING else 0)


def test_original_audio_is_checked_as_well(youtube: YouTube, request_: FetchRequest) -> None:
    request = FetchRequest(request_.folder, request_.work, keep_original=True)
    youtube.add("bad", Video("Bad - Luck", 3, "c.webm", fault="truncated", parameters="keep=0.3"))
    assert refused(of_youtube(youtube, "bad"), request).kind is FailureKind.TRUNCATED


def test_a_full_disk_stops_and_keeps_nothing_broken(youtube: YouTube, request_: FetchRequest) -> None:
    folder = begun(of_youtube(youtube, "ok_m4a"), request_)
    (folder / "audio.140.m4a.part").symlink_to("/dev/full")
    error = refused(of_youtube(youtube, "ok_m4a"), request_)
    assert error.kind is FailureKind.DISK_FULL
    assert error.stops_queue


def test_a_disk_that_fills_up_while_converting(youtube: YouTube, request_: FetchRequest) -> None:
    folder = begun(of_youtube(youtube, "ok_m4a"), request_)
    (folder / "converted.mp3.part").symlink_to("/dev/full")
    assert refused(of_youtube(youtube, "ok_m4a"), request_).kind is FailureKind.DISK_FULL

    fetched = fetch(of_youtube(youtube, "ok_m4a"), request_, CancelToken())
    assert fetched.path.exists()
    assert len(youtube.server.sent("videoplayback")) == 1


def test_a_folder_that_is_a_file_is_a_fault_of_the_disk(youtube: YouTube, request_: FetchRequest) -> None:
    request_.folder.parent.mkdir(parents=True)
    request_.folder.write_bytes(b"")
    with pytest.raises(StorageError):
        fetch(of_youtube(youtube, "ok_m4a"), request_, CancelToken())


def test_another_disk_is_no_obstacle(
    youtube: YouTube, request_: FetchRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = os.replace

    def across(source: Path, target: Path) -> None:
        if Path(source).parent != Path(target).parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        rename(source, target)

    monkeypatch.setattr(os, "replace", across)
    fetched = fetch(of_youtube(youtube, "ok_m4a"), request_, CancelToken())
    assert os.listdir(request_.folder) == [fetched.path.name]
    assert examine(fetched.path).codec == "mp3"


def test_an_entry_that_another_run_is_fetching_is_left_to_it(
    youtube: YouTube, request_: FetchRequest
) -> None:
    entry = of_youtube(youtube, "ok_m4a")
    kinds: list[FailureKind] = []

    def meddle(progress: FetchProgress) -> None:
        if progress.stage is Stage.ASKING:
            with pytest.raises(DownloadError) as caught:
                fetch(entry, request_, CancelToken())
            kinds.append(caught.value.kind)

    fetched = fetch(entry, request_, CancelToken(), meddle)
    assert kinds == [FailureKind.BUSY]
    assert fetched.path.exists()


def test_fetching_again_replaces_only_what_is_no_good(youtube: YouTube, request_: FetchRequest) -> None:
    first = fetch(of_youtube(youtube, "ok_m4a"), request_, CancelToken())
    second = fetch(of_youtube(youtube, "ok_m4a"), request_, CancelToken())
    assert left(request_.folder) == sorted([first.path.name, second.path.name])
    assert replace(second, path=first.path) == first
    request = replace(request_, is_void=lambda path: path == first.path)
    assert fetch(of_youtube(youtube, "ok_m4a"), request, CancelToken()) == first
    assert len(left(request_.folder)) == 2


def test_unfinished_files_of_ids_that_differ_in_capitals_alone_stay_apart(
    youtube: YouTube, request_: FetchRequest
) -> None:
    entry = of_youtube(youtube, "slow")
    folders = [
        begun(replace(entry, source=SourceId("youtube", key)), replace(request_, work=request_.work / key))
        for key in ("vAxxxxxxxxx", "vaxxxxxxxxx")
    ]
    assert len({folder.name.casefold() for folder in folders}) == 2


def test_a_partial_can_be_forgotten(youtube: YouTube, request_: FetchRequest) -> None:
    entry = of_youtube(youtube, "slow")
    cancel = CancelToken()
    stop = cancel_when(cancel, lambda progress: progress.stage is Stage.DOWNLOADING)
    with pytest.raises(Cancelled):
        fetch(entry, request_, cancel, stop)
    forget_partial(entry.source, request_.work)
    assert not list(request_.work.iterdir())
    forget_partial(entry.source, request_.work)


def test_nothing_is_printed(
    youtube: YouTube, request_: FetchRequest, capfd: pytest.CaptureFixture[str]
) -> None:
    request = FetchRequest(request_.folder, request_.work, options=IMPATIENT)
    youtube.add("bad", Video("Bad - Luck", 3, "c.webm", fault="garbage"))
    youtube.add("cut", Video("Cut - Off", 3, "c.webm", fault="cut", parameters="at=9000"))
    fetch(of_youtube(youtube, "ok_opus"), request, CancelToken())
    for name in ("bad", "cut", "age", "api_500"):
        with pytest.raises(DownloadError):
            fetch(of_youtube(youtube, name), request, CancelToken())
    assert capfd.readouterr() == ("", "")
