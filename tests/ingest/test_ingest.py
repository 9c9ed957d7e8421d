from __future__ import annotations

import errno
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from musicsim_tui.embedding.assembly import TrackAssembly
from musicsim_tui.errors import AudioError, ModelError, StorageError, UnmetRequest
from musicsim_tui.ingest import ingest as ingest_module
from musicsim_tui.ingest import listening
from musicsim_tui.ingest import pipeline as pipeline_module
from musicsim_tui.ingest import plan as plan_module
from musicsim_tui.ingest.hearing import HearingStage
from musicsim_tui.ingest.ingest import IngestHooks, IngestRequest, ingest
from musicsim_tui.ingest.listening import CutWindow, Listening
from musicsim_tui.ingest.report import IngestProgress
from musicsim_tui.ingest.scan import FoundFile
from musicsim_tui.jobs import Cancelled, CancelToken
from musicsim_tui.library.records import FileStamp
from musicsim_tui.services import Services
from musicsim_tui.track import Tags
from musicsim_tui.upkeep.missing import MissingTracks
from tests.harness import audio_files
from tests.harness.audio_files import music as music_samples
from tests.harness.audio_files import remux, write_long_wav, write_music, write_tone
from tests.harness.decoding import before_decoding, pipeline_over
from tests.harness.library import ingest_into, library
from tests.harness.processes import wait_for


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with library(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Three pieces in three formats."""
    folder = tmp_path / "music"
    folder.mkdir()
    for seed, suffix in enumerate(("mp3", "flac", "ogg")):
        write_music(folder / f"{seed}.{suffix}", seed, 3.0, tags=Tags(f"Piece {seed}", "Ensemble"))
    return folder


def titles(services: Services) -> list[str]:
    return [row.track.title for row in services.catalog.tracks(sort="title").rows]


def test_a_folder_is_heard_remembered_and_indexed(services: Services, music: Path) -> None:
    summary = ingest_into(services, music)
    assert (summary.added, summary.skipped, summary.failed) == (3, 0, 0)
    assert summary.audio_seconds == pytest.approx(9, abs=0.5)
    assert titles(services) == ["Piece 0", "Piece 1", "Piece 2"]
    assert [root.path for root in services.catalog.roots()] == [music]
    assert [(row.heard, row.indexed) for row in services.engine.status()] == [(3, 3)]


def test_a_refresh_hears_only_what_is_new(services: Services, music: Path) -> None:
    ingest_into(services, music)
    write_music(music / "new.wav", 7)
    summary = ingest_into(services)
    assert (summary.added, summary.skipped) == (1, 3)


def test_moved_and_retagged_files_are_recognised(services: Services, music: Path) -> None:
    ingest_into(services, music)
    (music / "0.mp3").rename(music / "renamed.mp3")
    remux(music / "1.flac", music / "tagged.flac", {"title": "New Title"})
    os.replace(music / "tagged.flac", music / "1.flac")
    summary = ingest_into(services)
    assert (summary.added, summary.relinked, summary.missing) == (0, 2, 0)
    assert titles(services) == ["New Title", "Piece 0", "Piece 2"]
    assert services.catalog.missing_ids() == []


def test_a_retagged_file_is_not_heard_again(services: Services, tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    write_music(folder / "piece.m4a", 1, 3.0, tags=Tags("Old", "Ensemble"))
    ingest_into(services, folder)
    remux(folder / "piece.m4a", folder / "new.m4a", {"title": "A title that is longer " * 9})
    os.replace(folder / "new.m4a", folder / "piece.m4a")
    summary = ingest_into(services)
    assert (summary.relinked, summary.audio_seconds) == (1, 0.0)


@pytest.mark.parametrize("suffix", ["mp3", "flac", "wav", "ogg", "webm"])
def test_a_file_that_was_cut_off_is_heard_and_told(services: Services, tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    whole, path = tmp_path / f"whole.{suffix}", folder / f"piece.{suffix}"
    write_music(whole, 1, 12.0)
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    summary = ingest_into(services, folder)
    assert (summary.added, summary.failed) == (1, 1)
    (failure,) = summary.failures
    assert (failure.path, failure.new) == (path, True)
    assert "cut off" in failure.reason
    assert "again" in failure.hint
    assert not failure.heard_whole
    again = ingest_into(services)
    assert (again.added, again.skipped, again.failed) == (0, 1, 0)
    assert [failure.path for failure in services.catalog.failures()] == [path]
    shutil.copy(whole, path)
    assert ingest_into(services).failed == 0
    assert services.catalog.failures() == []


def changing(path: Path, half_seconds: float = 6.0) -> Path:
    """An MP3 whose second half has another sample rate."""
    halves = path.with_name("first half.mp3"), path.with_name("second half.mp3")
    for half, rate in zip(halves, (44100, 48000), strict=True):
        write_tone(half, seconds=half_seconds, rate=rate)
    path.write_bytes(b"".join(half.read_bytes() for half in halves))
    for half in halves:
        half.unlink()
    return path


def listed(services: Services) -> list[tuple[str, str]]:
    return [(failure.path.name, failure.stage) for failure in services.catalog.failures()]


@pytest.mark.parametrize("in_processes", [False, True])
def test_a_file_whose_format_changes_is_heard_whole_and_told(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_processes: bool
) -> None:
    if in_processes:
        monkeypatch.setattr(pipeline_module, "_DECODES_IN_PROCESSES", True)
    path = changing(tmp_path / "changing.mp3")
    summary = ingest_into(services, path)
    assert (summary.added, summary.failed) == (1, 1)
    (row,) = services.catalog.tracks().rows
    assert row.track.duration == pytest.approx(12.0, abs=0.2)
    (failure,) = summary.failures
    assert (failure.path, failure.new, failure.heard_whole) == (path, True, True)
    assert failure.reason == (
        "The sample rate changes in the middle, from 44.1 to 48 kHz at 0:06; the file is heard whole."
    )
    assert "convert it again" in failure.hint
    again = ingest_into(services, retry_failed=True)
    assert (again.added, again.skipped, again.failed) == (0, 1, 0)
    assert listed(services) == [("changing.mp3", "changing")]


def test_what_is_wrong_with_a_sound_goes_with_it(services: Services, tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    first = changing(folder / "first.mp3")
    shutil.copy(first, folder / "second.mp3")
    assert ingest_into(services, folder).failed == 1
    assert listed(services) == [("first.mp3", "changing"), ("second.mp3", "changing")]
    first.rename(folder / "third.mp3")
    bare = (folder / "second.mp3").read_bytes()
    (folder / "second.mp3").write_bytes(audio_files.id3v2("Retagged") + bare)
    summary = ingest_into(services)
    assert (summary.added, summary.relinked, summary.failed) == (0, 2, 0)
    assert listed(services) == [("second.mp3", "changing"), ("third.mp3", "changing")]
    write_music(folder / "second.mp3", 1)
    (folder / "third.mp3").unlink()
    assert ingest_into(services).added == 1
    assert listed(services) == []


def test_a_flaw_that_is_found_again_is_nothing_new(tmp_path: Path) -> None:
    path = changing(tmp_path / "changing.mp3", 12.0)
    with library(tmp_path / "data", MUSICSIM_COVERAGE="1") as fewer:
        assert [failure.new for failure in ingest_into(fewer, path).failures] == [True]
    with library(tmp_path / "data") as full:
        summary = ingest_into(full)
        assert summary.added == 1
        assert [failure.new for failure in summary.failures] == [False]
        assert listed(full) == [("changing.mp3", "changing")]


def test_two_copies_of_a_recording_are_one_track(services: Services, music: Path) -> None:
    shutil.copy(music / "0.mp3", music / "copy.mp3")
    summary = ingest_into(services, music)
    assert (summary.added, summary.relinked) == (3, 1)
    track = services.catalog.track_at(music / "copy.mp3")
    assert track == services.catalog.track_at(music / "0.mp3")


def test_copies_with_other_tags_are_one_track_wherever_they_turn_up(
    services: Services, tmp_path: Path
) -> None:
    folder, elsewhere = tmp_path / "folder", tmp_path / "elsewhere"
    copies = folder / "one.mp3", folder / "two.mp3", elsewhere / "three.mp3"
    for number, path in enumerate(copies):
        path.parent.mkdir(exist_ok=True)
        write_music(path, 1, 3.0, tags=Tags("A title " * (1 + 50 * number), "Ensemble"))
    assert len({path.stat().st_size for path in copies}) == 3
    summary = ingest_into(services, folder)
    assert (summary.added, summary.relinked, summary.failed) == (1, 1, 0)
    summary = ingest_into(services, elsewhere)
    assert (summary.added, summary.relinked, summary.failed) == (0, 1, 0)
    assert len({services.catalog.track_at(path) for path in copies}) == 1


def test_a_deleted_file_is_missing_until_pruned(services: Services, music: Path) -> None:
    ingest_into(services, music)
    (music / "0.mp3").unlink()
    assert ingest_into(services).missing == 1
    assert titles(services) == ["Piece 1", "Piece 2"]
    gone = services.catalog.missing_ids()
    assert len(gone) == 1
    assert services.prune(gone, CancelToken()) == 1
    assert [(row.heard, row.indexed) for row in services.engine.status()] == [(2, 2)]


def test_a_folder_in_the_place_of_a_file_leaves_it_missing(services: Services, music: Path) -> None:
    ingest_into(services, music)
    (music / "0.mp3").unlink()
    (music / "0.mp3").mkdir()
    assert ingest_into(services).missing == 1
    assert services.missing() == MissingTracks(gone=tuple(services.catalog.missing_ids()), spared=())


def test_what_is_left_out_behind_a_link_to_a_disk_that_goes_away_is_not_gone(
    services: Services, music: Path, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    (music / "0.mp3").rename(disk / "0.mp3")
    (music / "linked").symlink_to(disk)
    ingest_into(services, music)
    disk.rename(tmp_path / "away")
    services.catalog.add_root(music, ("linked",))
    assert ingest_into(services).missing == 0
    services.catalog.mark_missing([music / "linked" / "0.mp3"])
    assert services.missing().gone == ()


def test_a_track_whose_file_comes_back_before_it_is_forgotten_stays(services: Services, music: Path) -> None:
    ingest_into(services, music)
    (music / "0.mp3").rename(music / "away")
    ingest_into(services)
    gone = services.missing().gone
    assert len(gone) == 1
    (music / "away").rename(music / "0.mp3")
    assert services.prune(gone, CancelToken()) == 0
    assert services.missing() == MissingTracks(gone=(), spared=gone)
    ingest_into(services)
    assert services.catalog.delete_tracks(gone, only_missing=True) == 0
    assert len(titles(services)) == 3


def test_what_lies_in_the_place_of_a_file_decides_whether_its_track_is_gone(
    services: Services, music: Path, tmp_path: Path
) -> None:
    path, good = music / "0.mp3", tmp_path / "good.mp3"
    shutil.copy2(path, good)
    ingest_into(services, music)
    path.write_text("words")
    assert ingest_into(services).failed == 1
    (track,) = services.missing().gone  # it is known to be no music
    path.write_text("other words, perhaps")
    assert services.missing().spared == (track,)
    path.unlink()
    assert services.missing().gone == (track,)
    path.mkdir()
    assert services.missing().gone == (track,)
    path.rmdir()
    path.symlink_to(tmp_path / "disk that is away" / "0.mp3")
    assert services.missing().spared == (track,)
    path.unlink()
    shutil.copy2(good, path)
    assert services.missing().spared == (track,)
    assert services.prune([track], CancelToken()) == 0
    path.unlink()
    music.rename(tmp_path / "unmounted")
    assert services.missing().spared == (track,)
    (tmp_path / "unmounted").rename(music)
    assert services.prune([track], CancelToken()) == 1


def test_a_heard_file_that_may_not_be_read_any_more_keeps_its_track(
    services: Services, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest_into(services, music)
    path = music / "0.mp3"
    os.utime(path, (1, 1))
    allowed = os.access
    monkeypatch.setattr(pipeline_module, "_DECODES_IN_PROCESSES", False)
    monkeypatch.setattr(os, "access", lambda what, mode: what != path and allowed(what, mode))

    def refuse(opened: Path, _: CancelToken) -> None:
        if opened == path:
            raise AudioError("The file may not be read.", "Give yourself permission.")

    before_decoding(monkeypatch, refuse)
    assert ingest_into(services).failed == 1
    assert services.catalog.missing_ids() == []


def test_what_comes_back_while_the_others_are_heard_is_not_missing(
    services: Services, music: Path, tmp_path: Path
) -> None:
    ingest_into(services, music)
    write_music(music / "new.flac", 8)
    away = tmp_path / "away.mp3"
    (music / "0.mp3").rename(away)
    restored = threading.Event()

    def restore(_: object) -> None:
        if not restored.is_set():
            restored.set()
            away.rename(music / "0.mp3")

    summary = ingest_into(services, hooks=IngestHooks(publish=restore))
    assert restored.is_set()
    assert (summary.added, summary.missing) == (1, 0)
    assert services.catalog.missing_ids() == []


def test_a_copy_of_a_track_that_is_forgotten_meanwhile_is_left_to_the_next_ingest(
    services: Services, music: Path
) -> None:
    ingest_into(services, music)
    (music / "0.mp3").rename(music / "moved.mp3")
    pipeline = pipeline_over(services, music)
    services.catalog.delete_tracks(list(services.catalog.tracks_at([music / "0.mp3"]).values()))
    outcome = pipeline.run(CancelToken())
    assert (outcome.relinked, outcome.elsewhere, outcome.done) == (0, 1, 1)
    assert ingest_into(services).added == 1


def test_an_unreachable_folder_is_offline_and_nothing_under_it_missing(
    services: Services, music: Path
) -> None:
    ingest_into(services, music)
    music.rename(music.parent / "unmounted")
    summary = ingest_into(services)
    assert [path for path, _ in summary.offline] == [music]
    assert summary.missing == 0
    assert len(titles(services)) == 3


def bad_files(folder: Path) -> set[str]:
    (folder / "empty.mp3").touch()
    (folder / "text.mp3").write_text("these are words, not music\n" * 100)
    (folder / "image.flac").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(2000))
    (folder / "cut.ogg").write_bytes((folder / "2.ogg").read_bytes()[:300])
    os.mkfifo(folder / "pipe.wav")
    return {"empty.mp3", "text.mp3", "image.flac", "cut.ogg", "pipe.wav"}


def test_bad_files_fail_with_a_reason_and_the_rest_goes_on(services: Services, music: Path) -> None:
    bad = bad_files(music)
    summary = ingest_into(services, music)
    assert summary.added == 3
    assert {failure.path.name for failure in summary.failures} == bad
    assert all(failure.reason and failure.hint and failure.new for failure in summary.failures)
    remembered = services.catalog.failures()
    assert {failure.path.name for failure in remembered} == bad


def test_an_unchanged_failure_is_not_retried_until_asked(services: Services, music: Path) -> None:
    bad = bad_files(music)
    ingest_into(services, music)
    again = ingest_into(services)
    assert (again.failed, again.remembered_failures) == (0, len(bad))
    asked = ingest_into(services, retry_failed=True)
    assert asked.failed == len(bad)
    assert not any(failure.new for failure in asked.failures)
    write_music(music / "text.mp3", 9)
    mended = ingest_into(services)
    assert (mended.added, mended.failed) == (1, 0)
    assert {failure.path.name for failure in services.catalog.failures()} == bad - {"text.mp3"}


def test_a_silent_file_is_a_failure_not_a_track(services: Services, tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    write_long_wav(path, 12, frequency=0.0)
    summary = ingest_into(services, path)
    assert summary.added == 0
    assert "silent" in summary.failures[0].reason


def test_a_failing_disk_is_not_remembered_against_the_file(
    services: Services, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise StorageError("The disk does not answer.", "Check the cable.")

    with monkeypatch.context() as patch:
        before_decoding(patch, failing)
        summary = ingest_into(services, music)
    assert summary.failed == 3
    assert services.catalog.failures() == []
    assert ingest_into(services).added == 3


def test_paths_that_do_not_exist_fail_and_the_others_go_on(
    services: Services, music: Path, tmp_path: Path
) -> None:
    summary = ingest_into(services, music, tmp_path / "nowhere")
    assert summary.added == 3
    assert [failure.path for failure in summary.failures] == [tmp_path / "nowhere"]
    with pytest.raises(UnmetRequest, match="nowhere"):
        ingest_into(services, tmp_path / "nowhere")


def test_a_hanging_decoder_is_given_up_and_the_rest_goes_on(
    services: Services, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def sometimes_hanging(path: Path, _: CancelToken) -> None:
        if path.name == "1.flac":
            released.wait(60)

    before_decoding(monkeypatch, sometimes_hanging)
    monkeypatch.setattr(listening, "_SLOWEST_BYTES_PER_SECOND", 1e12)
    pipeline = pipeline_over(services, music, hang_seconds=0.5)
    outcome = pipeline.run(CancelToken())
    released.set()
    assert outcome.added == 2
    assert [failure.path.name for failure in outcome.failures] == ["1.flac"]
    assert "hangs" in outcome.failures[0].reason


def test_giving_up_a_decoder_does_not_end_the_ingest_while_the_next_is_slow(
    services: Services, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released, first = threading.Event(), threading.Event()

    def slow(*_: object) -> None:
        if not first.is_set():
            first.set()
            released.wait(60)
        else:
            released.wait(0.3)

    before_decoding(monkeypatch, slow)
    monkeypatch.setattr(listening, "_SLOWEST_BYTES_PER_SECOND", 1e12)
    outcome = pipeline_over(services, music, hang_seconds=0.5).run(CancelToken())
    released.set()
    assert (outcome.added, len(outcome.failures)) == (2, 1)


def test_a_model_that_fails_ends_the_ingest_although_the_queue_is_full(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for seed in range(3):
        write_music(folder / f"{seed}.wav", seed, 70.0)  # more windows than the queue holds
    pipeline = pipeline_over(services, folder)

    def failing(*_: object) -> object:
        raise ModelError("The processor cannot run the model.", "Choose another.")

    monkeypatch.setattr(type(services.models.embedder("builtin")), "embed", failing)
    with pytest.raises(ModelError):
        pipeline.run(CancelToken())


def test_windows_of_many_lengths_do_not_pile_up(services: Services) -> None:
    embedder = services.models.embedder("builtin")
    windows: queue.Queue[CutWindow] = queue.Queue()
    most = 0
    stage = HearingStage(embedder, windows, lambda _: None)

    class Watched(dict[int, list[CutWindow]]):
        def setdefault(self, key: int, default: list[CutWindow] | None = None) -> list[CutWindow]:
            nonlocal most
            most = max(most, sum(map(len, self.values())))
            return super().setdefault(key, default if default is not None else [])

    stage._batches = Watched()
    file = FoundFile(Path("x"), FileStamp(1, 1))
    for length in range(100):
        track = Listening(file, TrackAssembly(embedder, None))
        windows.put(CutWindow(track, 0.0, music_samples(1, 2.0, rate=22050)[: 22050 + length]))
    stage.run(lambda: False, lambda: False)
    assert windows.empty()
    assert most <= 2 * embedder.batch_size


def test_an_index_that_blocks_holds_up_no_commit(services: Services, music: Path) -> None:
    released, waiting = threading.Event(), threading.Event()

    def blocked() -> None:
        waiting.set()
        released.wait(60)

    pipeline = pipeline_over(services, music)
    pipeline._index_new = blocked
    added: list[int] = []
    running = threading.Thread(target=lambda: added.append(pipeline.run(CancelToken()).added))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline_module, "_INDEX_SECONDS", 0.0)
        running.start()
        try:
            wait_for(lambda: services.catalog.count() == 3, "everything is stored")
            assert waiting.is_set()
        finally:
            released.set()
            running.join()
    assert added == [3]


@pytest.mark.parametrize(("number", "missing"), [(errno.ENOTCONN, 0), (errno.ENOENT, 3)])
def test_an_excluded_disk_that_does_not_answer_is_not_taken_for_empty(
    services: Services, music: Path, monkeypatch: pytest.MonkeyPatch, number: int, missing: int
) -> None:
    ingest_into(services, music.parent)
    look = os.lstat

    def fails(path: str | Path) -> os.stat_result:
        if music in Path(path).parents:
            raise OSError(number, os.strerror(number), str(path))
        return look(path)

    request = IngestRequest(paths=(music.parent,), excludes=(music.name,))
    with monkeypatch.context() as patch:
        patch.setattr(os, "lstat", fails)
        assert services.ingest(request, IngestHooks(), CancelToken()).missing == missing


def test_what_is_met_while_an_ingest_is_forecast_is_told_when_it_is_cancelled(
    services: Services, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (music / "bad.mp3").write_text("no music")
    cancel, before = CancelToken(), set(threading.enumerate())

    def interrupted(*_: object, **__: object) -> None:
        wait_for(lambda: services.catalog.failures() != [], "the bad file has failed")
        cancel.cancel()
        raise Cancelled

    with monkeypatch.context() as patch:
        patch.setattr(ingest_module, "make_forecast", interrupted)
        summary = services.ingest(IngestRequest(paths=(music,)), IngestHooks(), cancel)
    wait_for(lambda: set(threading.enumerate()) <= before, "no thread is left")
    assert summary.cancelled
    assert [(failure.path.name, failure.new) for failure in summary.failures] == [("bad.mp3", True)]
    assert (summary.added, services.catalog.count()) == (0, 0)
    assert ingest_into(services, music).added == 3


@pytest.mark.parametrize("holds", ["nothing", "a folder", "other music"])
def test_a_bare_mount_point_is_offline_but_an_emptied_folder_is_not(
    services: Services, music: Path, monkeypatch: pytest.MonkeyPatch, holds: str
) -> None:
    ingest_into(services, music)
    shutil.rmtree(music)
    music.mkdir()
    if holds == "a folder":
        (music / "lost+found").mkdir()
    elif holds == "other music":
        write_music(music / "other.wav", 77)
    with monkeypatch.context() as patch:
        patch.setattr(plan_module, "_is_another_disk", lambda *_: True)
        unmounted = ingest_into(services)
    assert ([path for path, _ in unmounted.offline], unmounted.missing) == ([music], 0)
    emptied = ingest_into(services)
    assert (emptied.offline, emptied.missing) == ((), 3)


def test_a_link_to_a_disk_that_is_away_loses_nothing(services: Services, music: Path, tmp_path: Path) -> None:
    folder = tmp_path / "linked"
    folder.mkdir()
    (folder / "disk").symlink_to(music)
    ingest_into(services, folder)
    music.rename(tmp_path / "away")
    assert ingest_into(services).missing == 0


def test_a_link_without_a_file_is_told_until_it_leads_to_one(
    services: Services, music: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "links"
    folder.mkdir()
    dangling, circular = folder / "dangling.mp3", folder / "circular.mp3"
    dangling.symlink_to(tmp_path / "nowhere")
    circular.symlink_to(circular)
    (folder / "notes.txt").symlink_to(tmp_path / "nowhere")
    first = ingest_into(services, folder)
    told = {failure.path: failure for failure in first.failures}
    assert {path: failure.reason for path, failure in told.items()} == {
        dangling: "The file is a link that leads to nothing.",
        circular: "The file is a link that leads in a circle.",
    }
    assert all(failure.new and failure.hint for failure in first.failures)
    assert not any(failure.new for failure in ingest_into(services).failures)

    circular.unlink()
    (tmp_path / "nowhere").write_bytes(next(music.iterdir()).read_bytes())
    assert ingest_into(services).added == 1
    assert ingest_into(services).failures == ()
    assert services.catalog.failures() == []
    (tmp_path / "nowhere").unlink()
    again = ingest_into(services)  # its disk may be away
    assert (again.failures, again.missing) == ((), 0)


def test_a_disk_that_goes_away_while_hearing_is_offline_and_nothing_is_remembered(
    services: Services, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unplugged(*_: object) -> None:
        if music.exists():
            music.rename(tmp_path / "away")

    with monkeypatch.context() as patch:
        before_decoding(patch, unplugged)
        summary = ingest_into(services, music)
    assert [path for path, _ in summary.offline] == [music]
    assert (summary.added, summary.failed) == (0, 0)
    (tmp_path / "away").rename(music)
    back = ingest_into(services)
    assert (back.added, back.remembered_failures) == (3, 0)


def test_stopping_keeps_what_is_finished_and_the_next_run_goes_on(services: Services, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for seed in range(12):
        write_music(folder / f"{seed}.wav", seed, 12.0)
    token = CancelToken()

    def stop_after_some(snapshot: IngestProgress) -> None:
        if snapshot.done >= 3:
            token.cancel()

    embedder = services.models.embedder("builtin")
    request = IngestRequest(paths=(folder,), threads=1)
    hooks = IngestHooks(publish=stop_after_some)
    first = ingest(services.catalog, embedder.model, lambda: embedder, request, hooks, token)
    assert first.cancelled
    assert services.catalog.count() == first.added
    second = ingest_into(services)
    assert first.added + second.added == 12
    assert second.skipped == first.added


def test_what_another_process_has_heard_meanwhile_is_not_heard_again(
    services: Services, music: Path, tmp_path: Path
) -> None:
    pipeline = pipeline_over(services, music)
    with library(tmp_path / "data") as others:
        ingest_into(others, music / "0.mp3")
        ingest_into(others, music / "1.flac")
    outcome = pipeline.run(CancelToken())
    assert (outcome.added, outcome.elsewhere, outcome.done) == (1, 2, 3)
    assert outcome.audio_seconds == pytest.approx(3, abs=0.2)
    assert services.catalog.count() == 3


def test_what_another_process_hears_in_the_same_moment_counts_once(
    services: Services, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_module, "_DECODES_IN_PROCESSES", False)

    def hear_elsewhere(path: Path, _: CancelToken) -> None:
        monkeypatch.undo()
        with library(tmp_path / "data") as others:
            ingest_into(others, music)

    before_decoding(monkeypatch, hear_elsewhere)
    outcome = pipeline_over(services, music).run(CancelToken())
    assert (outcome.added, outcome.elsewhere, outcome.doubled) == (0, 2, 1)
    assert titles(services) == ["Piece 0", "Piece 1", "Piece 2"]


def test_another_model_hears_the_same_files_again(services: Services, music: Path, tmp_path: Path) -> None:
    ingest_into(services, music)
    with library(tmp_path / "data", MUSICSIM_COVERAGE="1") as fewer:
        assert ingest_into(fewer).added == 0  # all windows cover one
    with library(tmp_path / "other", MUSICSIM_COVERAGE="1") as fewer:
        assert ingest_into(fewer, music).added == 3
    with library(tmp_path / "third", MUSICSIM_COVERAGE="2") as fewer:
        assert ingest_into(fewer, music).added == 3
    with library(tmp_path / "third") as full:
        assert ingest_into(full).added == 0  # one window is all there is
    with library(tmp_path / "other") as full:
        assert ingest_into(full).added == 3  # raising the coverage hears again


def test_a_recording_that_gives_no_numbers_fails_alone(
    services: Services, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = services.models.embedder("builtin")
    embed = type(embedder).embed

    def spoiled(self: object, windows: np.ndarray) -> object:
        heard = embed(embedder, windows)
        heard.vectors[0] = np.nan
        return heard

    shutil.copy(music / "0.mp3", music / "copy.mp3")
    with monkeypatch.context() as patch:
        patch.setattr(type(embedder), "embed", spoiled)
        summary = ingest_into(services, music / "0.mp3", music / "copy.mp3")
    assert (summary.added, summary.failed) == (0, 2)
    assert ingest_into(services, music, retry_failed=True).added == 3


def test_progress_ends_with_everything_done(services: Services, music: Path) -> None:
    seen: list[IngestProgress] = []
    ingest_into(services, music, hooks=IngestHooks(publish=seen.append))
    assert (seen[-1].done, seen[-1].total, seen[-1].added) == (3, 3, 3)
    assert seen[-1].seconds_left == 0
    assert all(0 <= snapshot.done <= snapshot.total for snapshot in seen)


def test_a_folder_that_cannot_be_looked_into_is_a_failure_until_it_can(
    services: Services, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (music / "locked").mkdir()
    listed = os.scandir

    def refusing(path: str | os.PathLike[str]) -> object:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refusing)
        summaries = [ingest_into(services, music), ingest_into(services)]
    assert [[(f.path, f.new) for f in summary.failures] for summary in summaries] == [
        [(music / "locked", True)],
        [(music / "locked", False)],
    ]
    assert [failure.path for failure in services.catalog.failures()] == [music / "locked"]
    assert ingest_into(services).failed == 0
    assert services.catalog.failures() == []


def test_a_folder_that_may_be_listed_but_not_entered_is_a_failure(music: Path) -> None:
    """Listed and told by a process that is not root, for whom nothing is locked."""
    locked = music / "locked"
    locked.mkdir()
    for name in ("a.mp3", "b.mp3"):
        (locked / name).touch()
    music.chmod(0o755)
    locked.chmod(0o444)
    script = (
        "import os, sys; sys.path[:] = eval(sys.argv[1]); from pathlib import Path\n"
        "from musicsim_tui.ingest.scan import scan_root; from musicsim_tui.jobs import CancelToken\n"
        "os.getuid() or os.setuid(65534)\n"
        "scan = scan_root(Path('.'), (), CancelToken())\n"
        "print(sorted(f.path.name for f in scan.files), [(p.name, r) for p, r in scan.unreadable])"
    )
    try:
        told = subprocess.run(
            [sys.executable, "-c", script, repr(sys.path)],
            cwd=music,
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        locked.chmod(0o755)
    assert told.stdout.strip() == "['0.mp3', '1.flac', '2.ogg'] [('locked', 'Permission denied')]"


def test_failures_of_deleted_files_are_forgotten(services: Services, music: Path) -> None:
    bad = bad_files(music)
    ingest_into(services, music)
    for name in bad:
        (music / name).unlink()
    ingest_into(services)
    assert services.catalog.failures() == []


def test_a_file_replaced_by_garbage_is_no_track_any_more(services: Services, music: Path) -> None:
    ingest_into(services, music)
    (music / "0.mp3").write_text("words, not music")
    assert ingest_into(services).failed == 1
    assert titles(services) == ["Piece 1", "Piece 2"]


def test_a_refresh_without_news_loads_no_model(
    services: Services, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest_into(services, music)
    monkeypatch.setattr(services.models, "embedder", lambda _: pytest.fail("a model was loaded"))
    assert ingest_into(services).skipped == 3
