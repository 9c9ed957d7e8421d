"""Disks that are mounted below a remembered folder. A link to a folder on another disk stands for a mount."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from musicsim_tui.ingest.mounts import disks_away
from musicsim_tui.services import Services
from tests.harness.audio_files import write_music
from tests.harness.library import ingest_into, library

ELSEWHERE = Path("/dev/shm")


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with library(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with one piece, on another disk than the temporary folder."""
    if not ELSEWHERE.is_dir() or ELSEWHERE.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second disk")
    with tempfile.TemporaryDirectory(dir=ELSEWHERE) as folder:
        write_music(Path(folder) / "away.wav", 1)
        yield Path(folder)


@pytest.fixture
def mount(tmp_path: Path, disk: Path) -> Path:
    """Where the disk is mounted: below a folder with a piece of its own."""
    (tmp_path / "music" / "deep").mkdir(parents=True)
    write_music(tmp_path / "music" / "here.wav", 2)
    mount = tmp_path / "music" / "deep" / "disk"
    mount.symlink_to(disk)
    return mount


def unmount(mount: Path, *, folder_stays: bool) -> None:
    mount.unlink()
    if folder_stays:
        mount.mkdir()


@pytest.mark.parametrize("folder_stays", [True, False])
def test_a_disk_that_is_away_is_offline_and_nothing_on_it_missing(
    services: Services, mount: Path, disk: Path, folder_stays: bool
) -> None:
    root = mount.parent.parent
    assert ingest_into(services, root).added == 2
    unmount(mount, folder_stays=folder_stays)
    for _ in range(2):
        summary = ingest_into(services)
        assert [path for path, _ in summary.offline] == [mount]
        assert (summary.missing, summary.failed) == (0, 0)
    assert disks_away(services.catalog, services.catalog.roots()[0]) == [mount]
    (root / "here.wav").unlink()
    assert ingest_into(services).missing == 1

    if folder_stays:
        mount.rmdir()
    mount.symlink_to(disk)
    back = ingest_into(services)
    assert (back.offline, back.skipped) == ((), 1)
    assert disks_away(services.catalog, services.catalog.roots()[0]) == []


def test_a_disk_that_is_there_may_be_emptied(services: Services, mount: Path, disk: Path) -> None:
    ingest_into(services, mount.parent.parent)
    (disk / "away.wav").unlink()
    emptied = ingest_into(services)
    assert (emptied.offline, emptied.missing) == ((), 1)
    unmount(mount, folder_stays=True)
    assert ingest_into(services).offline == ()


def test_files_that_are_moved_off_a_disk_are_found(services: Services, mount: Path, disk: Path) -> None:
    ingest_into(services, mount.parent.parent)
    unmount(mount, folder_stays=True)
    shutil.copy2(disk / "away.wav", mount)
    copied = ingest_into(services)
    assert (copied.offline, copied.missing) == ((), 0)


def test_a_disk_that_is_left_out_is_given_up(services: Services, mount: Path) -> None:
    root = mount.parent.parent
    ingest_into(services, root)
    unmount(mount, folder_stays=False)
    services.catalog.add_root(root, ["deep/d*"])
    given_up = ingest_into(services)
    assert (given_up.offline, given_up.missing) == ((), 1)
