from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from musicsim_tui.child import CAN_FORK
from musicsim_tui.errors import AudioError, MusicSimError, StorageError
from musicsim_tui.ingest import decoder, pipeline
from musicsim_tui.ingest.decoder import (
    Decoder,
    LocalDecoder,
    ProcessDecoder,
    error_from_json,
    error_to_json,
    start_decoders,
)
from musicsim_tui.ingest.window_memory import PLACES
from musicsim_tui.jobs import Cancelled, CancelToken
from musicsim_tui.services import Services
from musicsim_tui.track import Tags
from tests.harness.audio_files import write_long_wav, write_music
from tests.harness.decoding import pipeline_over
from tests.harness.library import ingest_into, library
from tests.harness.processes import wait_for

if TYPE_CHECKING:
    from musicsim_tui.track import Samples

RATE = 22_050


@pytest.fixture
def token() -> CancelToken:
    return CancelToken()


@pytest.fixture(params=["started", "forked"])
def process(request: pytest.FixtureRequest, token: CancelToken) -> Iterator[ProcessDecoder]:
    """A decoder with a process that was started for it, and one whose process that one has forked."""
    opened = [
        ProcessDecoder(RATE, None, token, lambda: None, started) for started in start_decoders(2, RATE, None)
    ]
    yield opened[0] if request.param == "started" else opened[-1]
    for each in reversed(opened):
        each.close()


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """A library that decodes in processes however little there is."""
    monkeypatch.setattr(pipeline, "_DECODES_IN_PROCESSES", True)
    with library(tmp_path / "data") as opened:
        yield opened


def pid_of(process: ProcessDecoder) -> int:
    assert process._child is not None
    return process._child[0].pid


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def everything(used: Decoder, path: Path) -> tuple[object, list[tuple[float, bool, bytes]], object]:
    """Identity, windows and outline of a file."""
    audio = used.examine(path)
    windows = [
        (window.start, window.silent, b"" if window.silent else window.samples.tobytes())
        for window in used.windows(path, audio.expected_seconds)
    ]
    return audio, windows, used.waveform()


@pytest.mark.parametrize("coverage", [None, 2])
def test_a_process_finds_what_is_found_here(tmp_path: Path, token: CancelToken, coverage: int | None) -> None:
    tagged = tmp_path / os.fsdecode(b"caf\xe9 \xff.mp3")  # no UTF-8
    write_music(tagged, 1, 34.0, tags=Tags("Ünïcode\n", "Ensemble", "Album", 1999))
    silent = tmp_path / "silent.wav"
    write_long_wav(silent, 12, frequency=0.0)
    here = LocalDecoder(RATE, coverage, token, lambda: None)
    there = ProcessDecoder(RATE, coverage, token, lambda: None)
    try:
        for path in (tagged, silent, tagged):
            assert everything(there, path) == everything(here, path)
    finally:
        there.close()


def test_a_file_is_identified_while_it_is_decoded(tmp_path: Path, process: ProcessDecoder) -> None:
    path = tmp_path / "piece.mp3"
    write_music(path, 4, 12.0, tags=Tags("Piece", "Ensemble", "Album", 1999))
    here = LocalDecoder(RATE, None, CancelToken(), lambda: None)
    for used in (here, process):
        assert len(list(used.windows(path, None, identify=True))) == 1
        assert used.identified() == here.examine(path)


def test_windows_are_writable_numbers_of_their_own(tmp_path: Path, process: ProcessDecoder) -> None:
    path = tmp_path / "piece.wav"
    write_music(path, 2, 21.0)
    windows = list(process.windows(path, 21.0))
    assert [window.samples.dtype for window in windows] == [np.float32, np.float32]
    assert not np.array_equal(windows[0].samples, windows[1].samples)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux shows them")
def test_a_decoder_keeps_memory_that_it_needs_again(tmp_path: Path, process: ProcessDecoder) -> None:
    write_music(tmp_path / "piece.wav", 2, 1.0)
    process.examine(tmp_path / "piece.wav")
    found = Path(f"/proc/{pid_of(process)}/environ").read_bytes()
    assert b"MALLOC_TRIM_THRESHOLD_=" in found
    assert b"MALLOC_MMAP_THRESHOLD_=" in found


def test_a_decoder_that_nobody_takes_over_ends() -> None:
    first, *others = start_decoders(2, RATE, None)
    assert first.process is not None
    pid = first.process.pid
    for started in (first, *others):
        started.discard()
    assert not is_there(pid), "not even as a zombie"


def test_windows_are_filled_where_they_are_wanted(tmp_path: Path, token: CancelToken) -> None:
    path = tmp_path / "piece.mp3"
    write_music(path, 2, 36.0)
    given: list[Samples] = []

    def allocate(length: int) -> Samples:
        given.append(np.full(length, np.nan, dtype=np.float32))
        return given[-1]

    found = list(LocalDecoder(RATE, None, token, lambda: None, allocate).windows(path, 36.0))
    plain = list(LocalDecoder(RATE, None, token, lambda: None).windows(path, 36.0))
    assert len(found) == 3
    for window, expected in zip(found, plain, strict=True):
        assert any(np.shares_memory(window.samples, place) for place in given)
        assert np.array_equal(window.samples, expected.samples)


def test_windows_that_are_kept_for_long_stay_as_they_are(tmp_path: Path, process: ProcessDecoder) -> None:
    path = tmp_path / "long.wav"
    write_music(path, 5, 10.0 * (PLACES + 3))
    here = LocalDecoder(RATE, None, CancelToken(), lambda: None)
    kept = list(process.windows(path, None))
    again = list(process.windows(path, None))
    expected = list(here.windows(path, None))
    assert len(expected) == PLACES + 3
    for windows in (kept, again):
        assert all(
            np.array_equal(found.samples, wanted.samples)
            for found, wanted in zip(windows, expected, strict=True)
        )


def test_without_shared_memory_windows_come_through_the_socket(
    tmp_path: Path, token: CancelToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(connection: socket.socket, length: int) -> None:
        raise OSError(errno.ENOMEM, "no memory")

    path = tmp_path / "piece.mp3"
    write_music(path, 6, 21.0)
    monkeypatch.setattr(decoder, "offer_memory", no_memory)
    there = ProcessDecoder(RATE, None, token, lambda: None)
    try:
        assert everything(there, path) == everything(LocalDecoder(RATE, None, token, lambda: None), path)
    finally:
        there.close()


def test_failures_come_back_as_they_are_raised(tmp_path: Path, process: ProcessDecoder) -> None:
    here = LocalDecoder(RATE, None, CancelToken(), lambda: None)
    (tmp_path / "words.mp3").write_text("no music\n" * 200)
    for path in (tmp_path / "words.mp3", tmp_path / "nowhere.mp3", tmp_path / "gone" / "away.mp3"):
        errors: list[MusicSimError] = []
        for used in (here, process):
            with pytest.raises(MusicSimError) as caught:
                used.examine(path)
            errors.append(caught.value)
        ours, theirs = errors
        assert (type(theirs), theirs.title, theirs.hint) == (type(ours), ours.title, ours.hint)


def test_a_failing_disk_stays_a_failing_disk_on_its_way() -> None:
    for error in (StorageError("The disk failed.", "Look."), AudioError("No music.", "Look.")):
        back = error_from_json(error_to_json(error))
        assert (type(back), back.title, back.hint) == (type(error), error.title, error.hint)


def test_a_crash_is_a_failure_of_that_file_and_the_next_one_is_heard(
    tmp_path: Path, process: ProcessDecoder
) -> None:
    path = tmp_path / "piece.wav"
    write_music(path, 3, 2.0)
    expected = process.examine(path)
    os.kill(pid_of(process), signal.SIGSEGV)
    with pytest.raises(AudioError, match="crashed"):
        list(process.windows(path, 2.0))
    assert process.examine(path) == expected


def test_a_stopped_process_is_let_go_when_the_work_is_cancelled(
    tmp_path: Path, token: CancelToken, process: ProcessDecoder
) -> None:
    path = tmp_path / "piece.wav"
    write_music(path, 4, 2.0)
    process.examine(path)
    os.kill(pid_of(process), signal.SIGSTOP)
    caught: list[BaseException] = []

    def wait_for_it() -> None:
        try:
            process.examine(path)
        except Cancelled as error:
            caught.append(error)

    waiting = threading.Thread(target=wait_for_it)
    waiting.start()
    token.cancel()
    process.abort()
    waiting.join(30)
    assert not waiting.is_alive()
    assert len(caught) == 1


def test_closing_leaves_no_process(process: ProcessDecoder) -> None:
    pid = pid_of(process)
    process.close()
    process.close()
    wait_for(lambda: not is_there(pid), "the process is gone")


_ORPHANED = """
import ctypes, os
from musicsim_tui.ingest.decoder import ProcessDecoder, start_decoders
from musicsim_tui.jobs import CancelToken

PR_SET_CHILD_SUBREAPER = 36
assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1) == 0
started = [ProcessDecoder(22_050, None, CancelToken(), lambda: None, one)
           for one in start_decoders(2, 22_050, None)]
for decoder in started:
    decoder.close()
try:
    print(os.waitpid(-1, os.WNOHANG))
except ChildProcessError:
    print("no children")
"""


@pytest.mark.skipif(not (CAN_FORK and sys.platform == "linux"), reason="only Linux knows subreapers")
def test_a_forked_process_that_has_become_ours_leaves_no_zombie() -> None:
    """So it is in a container whose first process the app is."""
    ended = subprocess.run(
        [sys.executable, "-c", _ORPHANED], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.stdout, ended.stderr) == ("no children\n", "")


@pytest.mark.skipif(not CAN_FORK, reason="this system cannot hold on to what a child forks")
@pytest.mark.parametrize("place", [0, 1])
def test_of_two_processes_each_goes_on_without_the_other(
    tmp_path: Path, token: CancelToken, place: int
) -> None:
    path = tmp_path / "piece.wav"
    write_music(path, 3, 2.0)
    opened = [
        ProcessDecoder(RATE, None, token, lambda: None, started) for started in start_decoders(2, RATE, None)
    ]
    pids = [pid_of(each) for each in opened]
    opened[place].close()
    left = opened[1 - place]
    assert left.examine(path).codec == "pcm_s16le"
    assert pid_of(left) == pids[1 - place]
    left.close()


@pytest.mark.skipif(not CAN_FORK, reason="this system cannot hold on to what a child forks")
def test_a_process_that_is_never_forked_is_started(tmp_path: Path, token: CancelToken) -> None:
    path = tmp_path / "piece.wav"
    write_music(path, 3, 2.0)
    first, second = start_decoders(2, RATE, None)
    assert first.process is not None
    first.process.kill()
    first.process.wait()
    first.connection.close()
    opened = ProcessDecoder(RATE, None, token, lambda: None, second)
    assert opened.examine(path).codec == "pcm_s16le"
    opened.close()


def test_a_folder_is_heard_in_processes(services: Services, tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    for seed in range(4):
        write_music(folder / f"{seed}.ogg", seed, 12.0)
    (folder / "words.mp3").write_text("no music\n" * 200)
    summary = ingest_into(services, folder)
    assert (summary.added, summary.failed) == (4, 1)
    first = services.catalog.track_at(folder / "0.ogg")
    assert first is not None
    with library(tmp_path / "threads") as other:
        pipeline._DECODES_IN_PROCESSES = False  # put back by the fixture
        ingest_into(other, folder)
        model = services.models.embedder("builtin").model
        ours, theirs = (each.catalog.embedding(first, model) for each in (services, other))
        assert ours is not None
        assert theirs is not None
        assert np.array_equal(ours.windows, theirs.windows)
        assert services.catalog.waveform(first) == other.catalog.waveform(first)


def test_without_processes_to_be_had_decoding_happens_here(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more(*_: object, **_named: object) -> object:
        raise OSError(11, "Resource temporarily unavailable")

    for start in ("start_child", "start_children"):
        monkeypatch.setattr(decoder, start, no_more)
    write_music(tmp_path / "piece.wav", 5, 2.0)
    assert ingest_into(services, tmp_path / "piece.wav").added == 1


@pytest.mark.parametrize(("crashes", "heard"), [(1, 3), (2, 2)])
def test_a_file_on_which_the_decoder_crashes_gets_a_second_chance(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crashes: int, heard: int
) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    for seed in range(3):
        write_music(folder / f"{seed}.wav", seed, 2.0)
    left = [crashes]
    windows: Callable[..., Iterator[object]] = ProcessDecoder.windows

    def crashing(self: ProcessDecoder, path: Path, *asked: object, **options: object) -> Iterator[object]:
        if path.name == "1.wav" and left[0]:
            left[0] -= 1
            self.examine(path)  # starts the process anew after a crash
            os.kill(pid_of(self), signal.SIGKILL)
        return windows(self, path, *asked, **options)

    monkeypatch.setattr(ProcessDecoder, "windows", crashing)
    summary = ingest_into(services, folder)
    assert summary.added == heard
    assert [failure.path.name for failure in summary.failures] == ["1.wav"] * (3 - heard)
    assert all("crashed" in failure.reason for failure in summary.failures)


def test_a_process_that_hangs_is_killed_and_the_rest_goes_on(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is stopped as soon as it is asked for windows of one file: it never answers."""
    folder = tmp_path / "music"
    folder.mkdir()
    for seed in range(3):
        write_music(folder / f"{seed}.wav", seed, 2.0)
    stopped: list[int] = []
    windows: Callable[..., Iterator[object]] = ProcessDecoder.windows

    def hanging(self: ProcessDecoder, path: Path, *asked: object, **options: object) -> Iterator[object]:
        if path.name == "1.wav":
            stopped.append(pid_of(self))
            os.kill(stopped[-1], signal.SIGSTOP)
        return windows(self, path, *asked, **options)

    monkeypatch.setattr(ProcessDecoder, "windows", hanging)
    outcome = pipeline_over(services, folder, hang_seconds=3.0).run(CancelToken())
    assert outcome.added == 2
    assert [failure.path.name for failure in outcome.failures] == ["1.wav"]
    assert "hangs" in outcome.failures[0].reason
    with pytest.raises(ProcessLookupError):
        os.kill(stopped[0], 0)
