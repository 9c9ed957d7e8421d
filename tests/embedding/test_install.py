from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from musicsim_tui.embedding.transfer import Patience
from musicsim_tui.embedding.weights import CNN14_WEIGHTS, WeightsFile, find_weights, install_weights
from musicsim_tui.errors import ModelError, MusicSimError, SettingsError, StorageError
from musicsim_tui.jobs import Cancelled, CancelToken, Progress
from tests.embedding.test_weights import described
from tests.embedding.weights_server import Behaviour, serving

CONTENT = bytes(range(256)) * 4096
QUICK = Patience(stall_seconds=0.3, first_pause=0.01, longest_pause=0.02, attempts=3)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "data" / "models"


FILE = described(CONTENT)


def part(models: Path, file: WeightsFile = FILE) -> Path:
    return models / (file.file_name + ".part")


def fails(models: Path, address: str | None, kind: type[MusicSimError] = ModelError) -> MusicSimError:
    """Install, expect the failure, and that nothing stands under the final name."""
    with pytest.raises(kind) as caught:
        install_weights(FILE, models, mirror=address, patience=QUICK)
    assert not (models / FILE.file_name).exists()
    assert caught.value.hint
    return caught.value


# --- downloading ------------------------------------------------------------------------------------------


def test_a_download_arrives_checked_under_the_final_name(models: Path) -> None:
    behaviour = Behaviour(CONTENT)
    seen: list[Progress] = []
    with serving(behaviour) as address:
        path = install_weights(FILE, models, mirror=address + "/mirror/", progress=seen.append)
    assert path == models / FILE.file_name
    assert path.read_bytes() == CONTENT
    assert os.listdir(models) == [FILE.file_name]
    assert behaviour.requests == [("/mirror/tiny%3D1.pth", None)]
    downloading = [snapshot for snapshot in seen if snapshot.detail == "downloading tiny"]
    assert downloading[-1] == Progress(len(CONTENT), len(CONTENT), "bytes", "downloading tiny")
    assert [snapshot.done for snapshot in downloading] == sorted({snapshot.done for snapshot in downloading})


def test_without_a_mirror_the_published_address_is_asked(models: Path) -> None:
    behaviour = Behaviour(CONTENT)
    with serving(behaviour) as address:
        published = WeightsFile(
            FILE.name, FILE.file_name, address + "/v1/a?download=1", FILE.bytes, FILE.sha256, "", ""
        )
        install_weights(published, models)
    assert behaviour.requests == [("/v1/a?download=1", None)]


def test_installed_weights_are_not_fetched_again(models: Path) -> None:
    behaviour = Behaviour(CONTENT)
    with serving(behaviour) as address:
        for _ in range(2):
            install_weights(FILE, models, mirror=address)
    assert len(behaviour.requests) == 1


def test_damaged_weights_of_the_right_size_are_replaced(models: Path) -> None:
    models.mkdir(parents=True)
    (models / FILE.file_name).write_bytes(bytes(len(CONTENT)))
    with serving(Behaviour(CONTENT)) as address:
        path = install_weights(FILE, models, mirror=address)
    assert path.read_bytes() == CONTENT


def test_a_cut_connection_is_resumed_where_it_broke(models: Path) -> None:
    behaviour = Behaviour(CONTENT, cuts=[300_000, 200_000])
    with serving(behaviour) as address:
        path = install_weights(FILE, models, mirror=address, patience=QUICK)
    assert path.read_bytes() == CONTENT
    assert [wanted for _, wanted in behaviour.requests] == [None, "bytes=300000-", "bytes=500000-"]


def test_a_server_without_ranges_starts_over(models: Path) -> None:
    behaviour = Behaviour(CONTENT, ranges=False, cuts=[300_000])
    with serving(behaviour) as address:
        path = install_weights(FILE, models, mirror=address, patience=QUICK)
    assert path.read_bytes() == CONTENT
    assert len(behaviour.requests) == 2


def test_a_server_that_never_gets_further_is_given_up(models: Path) -> None:
    behaviour = Behaviour(CONTENT, ranges=False, cuts=[300_000] * 50)
    with serving(behaviour) as address:
        error = fails(models, address)
    assert "the connection was cut" in error.title
    assert len(behaviour.requests) == 1 + QUICK.attempts


def test_an_interrupted_download_goes_on_in_the_next_run(models: Path) -> None:
    with serving(Behaviour(CONTENT, cuts=[400_000, 0, 0, 0, 0])) as address:
        fails(models, address)
    assert part(models).stat().st_size == 400_000
    behaviour = Behaviour(CONTENT)
    with serving(behaviour) as address:
        install_weights(FILE, models, mirror=address, patience=QUICK)
    assert behaviour.requests[0][1] == "bytes=400000-"
    assert os.listdir(models) == [FILE.file_name]


def test_a_complete_part_needs_no_network(models: Path) -> None:
    models.mkdir(parents=True)
    part(models).write_bytes(CONTENT)
    path = install_weights(FILE, models, mirror="http://127.0.0.1:9")
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("extra", [b"", b"more"])
def test_a_part_that_runs_on_is_of_use(models: Path, extra: bytes) -> None:
    models.mkdir(parents=True)
    part(models).write_bytes(CONTENT + extra)
    with serving(Behaviour(CONTENT)) as address:
        assert install_weights(FILE, models, mirror=address).read_bytes() == CONTENT


@pytest.mark.parametrize("left", [1000, len(CONTENT)])
def test_a_part_of_something_else_is_fetched_anew(models: Path, left: int) -> None:
    models.mkdir(parents=True)
    part(models).write_bytes(b"x" * left)
    with serving(Behaviour(CONTENT)) as address:
        assert install_weights(FILE, models, mirror=address).read_bytes() == CONTENT
    assert os.listdir(models) == [FILE.file_name]


def test_a_part_is_given_one_more_chance_only(models: Path) -> None:
    models.mkdir(parents=True)
    part(models).write_bytes(b"x" * 1000)
    behaviour = Behaviour(bytes(len(CONTENT)))
    with serving(behaviour) as address:
        error = fails(models, address)
    assert "SHA-256 differs" in error.title
    assert "deleted" in error.title
    assert [wanted for _, wanted in behaviour.requests] == ["bytes=1000-", None]
    assert not part(models).exists()


def test_every_pause_before_another_attempt_is_told(models: Path) -> None:
    said: list[str] = []
    with serving(Behaviour(CONTENT, status=503, refusals=2)) as address:
        install_weights(FILE, models, mirror=address, notice=said.append, patience=QUICK)
    assert len(said) == 2
    assert all("tiny from 127.0.0.1: the server answered 503. Trying again in" in line for line in said)


def test_a_range_that_cannot_be_had_starts_over(models: Path) -> None:
    models.mkdir(parents=True)
    part(models).write_bytes(CONTENT[:500_000])
    behaviour = Behaviour(CONTENT[:400_000])
    with serving(behaviour) as address:
        error = fails(models, address)
    assert behaviour.requests[0][1] == "bytes=500000-"
    assert behaviour.requests[1][1] is None
    assert "offers another file" in error.title


def test_a_range_from_another_place_starts_over(models: Path) -> None:
    models.mkdir(parents=True)
    part(models).write_bytes(CONTENT[:500_000])
    behaviour = Behaviour(CONTENT, wrong_offset=True)
    with serving(behaviour) as address:
        assert install_weights(FILE, models, mirror=address, patience=QUICK).read_bytes() == CONTENT
    assert [wanted for _, wanted in behaviour.requests] == ["bytes=500000-", None]


def test_a_busy_server_is_asked_again(models: Path) -> None:
    behaviour = Behaviour(CONTENT, status=503, refusals=2)
    with serving(behaviour) as address:
        install_weights(FILE, models, mirror=address, patience=QUICK)
    assert len(behaviour.requests) == 3


def test_an_answer_without_a_length_is_taken(models: Path) -> None:
    with serving(Behaviour(CONTENT, announce_length=False)) as address:
        assert install_weights(FILE, models, mirror=address).read_bytes() == CONTENT


@given(cuts=st.lists(st.integers(1, 400_000), max_size=6), ranges=st.booleans())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_the_line_breaks_the_file_is_right_or_absent(
    cuts: list[int], ranges: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    models = tmp_path_factory.mktemp("models")
    with serving(Behaviour(CONTENT, cuts=list(cuts), ranges=ranges)) as address:
        try:
            path = install_weights(FILE, models, mirror=address, patience=QUICK)
        except ModelError:
            assert not (models / FILE.file_name).exists()
        else:
            assert path.read_bytes() == CONTENT


# --- what goes wrong --------------------------------------------------------------------------------------


def test_a_missing_file_says_so_at_once(models: Path) -> None:
    behaviour = Behaviour(CONTENT, status=404)
    with serving(behaviour) as address:
        error = fails(models, address)
    assert "404" in error.title
    assert "--from FILE" in error.hint
    assert "MUSICSIM_WEIGHTS_URL" in error.hint
    assert len(behaviour.requests) == 1


def test_a_web_page_instead_of_the_file_is_recognised(models: Path) -> None:
    with serving(Behaviour(CONTENT, html=True)) as address:
        error = fails(models, address)
    assert "web page" in error.title
    assert "log in" in error.hint


def test_a_web_page_does_not_spoil_what_was_fetched(models: Path) -> None:
    models.mkdir(parents=True)
    part(models).write_bytes(CONTENT[:500_000])
    with serving(Behaviour(CONTENT, html=True)) as address:
        fails(models, address)
    assert part(models).read_bytes() == CONTENT[:500_000]


def test_another_length_is_refused_before_anything_is_fetched(models: Path) -> None:
    with serving(Behaviour(CONTENT + b"x")) as address:
        error = fails(models, address)
    assert f"{len(CONTENT) + 1} bytes instead of {len(CONTENT)}" in error.title
    assert not part(models).exists()


def test_other_content_of_the_right_length_is_deleted(models: Path) -> None:
    with serving(Behaviour(bytes(len(CONTENT)))) as address:
        error = fails(models, address)
    assert "127.0.0.1" in error.title
    assert "SHA-256 differs" in error.title
    assert os.listdir(models) == []


def test_a_silent_server_is_given_up(models: Path) -> None:
    behaviour = Behaviour(CONTENT, stall_after=1000, ranges=False)
    with serving(behaviour) as address:
        error = fails(models, address)
    assert "the server fell silent" in error.title
    assert part(models).stat().st_size == 1000


def test_cancelling_ends_a_stalled_download_and_keeps_the_part(models: Path) -> None:
    behaviour = Behaviour(CONTENT, stall_after=1000)
    cancel = CancelToken()
    written = threading.Event()
    outcome: list[BaseException] = []

    def note(snapshot: Progress) -> None:
        if snapshot.done == 1000:
            written.set()

    def install(address: str) -> None:
        try:
            install_weights(FILE, models, mirror=address, progress=note, cancel=cancel)
        except Cancelled as stopped:
            outcome.append(stopped)

    with serving(behaviour) as address:
        worker = threading.Thread(target=install, args=(address,))
        worker.start()
        assert written.wait(10)
        cancel.cancel()
        worker.join(10)
        assert not worker.is_alive()
    assert len(outcome) == 1
    assert part(models).stat().st_size == 1000
    assert not (models / FILE.file_name).exists()


def test_no_server_says_to_check_the_connection(models: Path) -> None:
    with serving(Behaviour(CONTENT)) as address:
        pass
    error = fails(models, address)
    assert "could not be fetched from 127.0.0.1" in error.title
    assert "Check the connection" in error.hint


def test_an_unknown_host_says_that_its_name_is_not_known(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = fails(models, None)
    assert "weights.invalid" in error.title
    assert "its name is not known, or there is no network" in error.title


@pytest.mark.parametrize(
    "mirror",
    ["http://192.0.2.1/weights", "ftp://weights.invalid", "weights.invalid/x", "https:///x", "data:,x"],
)
def test_unsafe_addresses_are_refused(models: Path, mirror: str) -> None:
    error = fails(models, mirror, SettingsError)
    assert "https://" in error.hint
    assert not models.exists()


@pytest.mark.parametrize("target", ["http://192.0.2.1/login", "file:///etc/passwd", "ftp://192.0.2.1/a"])
def test_redirects_to_unsafe_addresses_are_refused(models: Path, target: str) -> None:
    with serving(Behaviour(CONTENT, redirect=target)) as address:
        fails(models, address)
    assert not part(models).exists()


def test_redirects_are_followed(models: Path) -> None:
    with serving(Behaviour(CONTENT)) as target, serving(Behaviour(CONTENT, redirect=target + "/b")) as first:
        assert install_weights(FILE, models, mirror=first).read_bytes() == CONTENT


def test_a_secret_in_the_address_of_a_mirror_is_never_told(models: Path) -> None:
    with serving(Behaviour(CONTENT, status=403)) as address:
        error = fails(models, address.replace("http://", "http://user:s3cret@") + "/t0ken")
    assert "s3cret" not in error.title + error.hint
    assert "t0ken" not in error.title + error.hint


# --- from a file ------------------------------------------------------------------------------------------


def test_a_file_is_copied(models: Path, tmp_path: Path) -> None:
    source = tmp_path / "downloaded by hand.pth"
    source.write_bytes(CONTENT)
    path = install_weights(FILE, models, source=source)
    assert path == models / FILE.file_name
    assert path.read_bytes() == source.read_bytes() == CONTENT
    assert os.listdir(models) == [FILE.file_name]


def test_a_file_mirror_is_copied(models: Path, tmp_path: Path) -> None:
    mirror = tmp_path / "a mirror"
    mirror.mkdir()
    (mirror / FILE.file_name).write_bytes(CONTENT)
    assert install_weights(FILE, models, mirror=mirror.as_uri()).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"short", "5 bytes instead of"), (bytes(len(CONTENT)), "SHA-256 differs"), (None, "is not a file")],
)
def test_a_wrong_file_is_refused_and_leaves_nothing(
    models: Path, tmp_path: Path, content: bytes | None, said: str
) -> None:
    source = tmp_path / "source"
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(ModelError, match=said):
        install_weights(FILE, models, source=source)
    assert not models.exists()


def test_the_part_itself_can_be_given_as_the_file(models: Path) -> None:
    models.mkdir(parents=True)
    part(models).write_bytes(CONTENT)
    assert install_weights(FILE, models, source=part(models)).read_bytes() == CONTENT


def test_cancelled_copying_leaves_no_weights(models: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(CONTENT)
    cancel = CancelToken()

    def cancel_when_copying(snapshot: Progress) -> None:
        if snapshot.detail.startswith("copying"):
            cancel.cancel()

    with pytest.raises(Cancelled):
        install_weights(FILE, models, source=source, progress=cancel_when_copying, cancel=cancel)
    assert not (models / FILE.file_name).exists()


def test_weights_that_panns_inference_keeps_are_used(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    file = described(CONTENT, "cnn14")
    kept = tmp_path / "panns_data" / file.file_name
    kept.parent.mkdir()
    kept.write_bytes(CONTENT)
    assert install_weights(file, models, mirror="http://127.0.0.1:9") == kept
    assert find_weights(CNN14_WEIGHTS, models) is None


# --- the disk ---------------------------------------------------------------------------------------------


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_too_little_space_is_said_before_anything_is_fetched(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models.mkdir(parents=True)
    part(models).write_bytes(CONTENT[:1000])
    needed = len(CONTENT) - 1000 + (16 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100 << 20, 1, needed - 1))
    behaviour = Behaviour(CONTENT)
    with serving(behaviour) as address:
        error = fails(models, address, StorageError)
    assert "need 17 MB" in error.title
    assert "16 MB are free" in error.title
    assert behaviour.requests == []


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Writing beyond fails, as on a full disk; Python ignores the signal that comes with it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_up_ends_in_a_storage_error(models: Path) -> None:
    with serving(Behaviour(CONTENT)) as address, file_size_limit(500_000):
        error = fails(models, address, StorageError)
    assert os.strerror(errno.EFBIG) in error.title
    assert "Make room" in error.hint
    with serving(Behaviour(CONTENT)) as address:
        assert install_weights(FILE, models, mirror=address).read_bytes() == CONTENT


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with serving(Behaviour(CONTENT)) as address, pytest.raises(StorageError) as caught:
        install_weights(FILE, tmp_path / "file" / "models", mirror=address)
    assert "--data-dir" in caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_a_storage_error(models: Path) -> None:
    models.mkdir(parents=True)
    models.chmod(0o500)
    try:
        with serving(Behaviour(CONTENT)) as address:
            fails(models, address, StorageError)
    finally:
        models.chmod(0o700)


# --- two at once ------------------------------------------------------------------------------------------

_INSTALL = """
import sys
from pathlib import Path
from musicsim_tui.embedding.weights import WeightsFile, install_weights
name, size, sha, models, mirror = sys.argv[1:]
file = WeightsFile("tiny", name, "https://weights.invalid", int(size), sha, "", "")
install_weights(file, Path(models), mirror=mirror)
"""


def test_two_processes_fetch_it_once_and_both_succeed(models: Path) -> None:
    behaviour = Behaviour(CONTENT, stall_after=500_000)
    arguments = [FILE.file_name, str(FILE.bytes), FILE.sha256, str(models)]
    with serving(behaviour) as address:
        running = [
            subprocess.Popen([sys.executable, "-c", _INSTALL, *arguments, address], cwd=Path.cwd())
            for _ in range(2)
        ]
        try:
            assert behaviour.stalled.wait(30)
            behaviour.stall_after = None
            behaviour.release.set()
            assert [process.wait(30) for process in running] == [0, 0]
        finally:
            for process in running:
                process.kill()
                process.wait()
    assert (models / FILE.file_name).read_bytes() == CONTENT
    assert os.listdir(models) == [FILE.file_name]


def test_waiting_for_another_installation_can_be_cancelled(models: Path) -> None:
    behaviour = Behaviour(CONTENT, stall_after=1000)
    first, second = CancelToken(), CancelToken()
    waiting = threading.Event()

    def note(snapshot: Progress) -> None:
        if snapshot.detail == "waiting for another installation":
            waiting.set()
            second.cancel()

    def install(address: str) -> None:
        with pytest.raises(Cancelled):
            install_weights(FILE, models, mirror=address, cancel=first)

    with serving(behaviour) as address:
        worker = threading.Thread(target=install, args=(address,))
        worker.start()
        assert behaviour.stalled.wait(10)
        with pytest.raises(Cancelled):
            install_weights(FILE, models, mirror=address, progress=note, cancel=second)
        first.cancel()
        worker.join(10)
        assert not worker.is_alive()
    assert waiting.is_set()
    assert len(behaviour.requests) == 1


def test_a_file_that_is_given_is_looked_at_although_the_weights_are_there(
    models: Path, tmp_path: Path
) -> None:
    (tmp_path / "good").write_bytes(CONTENT)
    install_weights(FILE, models, source=tmp_path / "good")
    with pytest.raises(ModelError, match="is not a file"):
        install_weights(FILE, models, source=tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelError, match="is not a file"):
        install_weights(FILE, models, source=tmp_path / "pipe")
