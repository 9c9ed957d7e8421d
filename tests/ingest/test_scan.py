from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from musicsim_tui.ingest.scan import scan_root
from musicsim_tui.jobs import Cancelled, CancelToken


def names_in(root: Path, *excludes: str) -> set[str]:
    scan = scan_root(root, excludes, CancelToken())
    assert scan.offline is None
    return {os.path.relpath(file.path, root) for file in scan.files}


def test_audio_suffixes_are_taken_and_the_rest_left(tmp_path: Path) -> None:
    (tmp_path / "album").mkdir()
    for name in ("a.mp3", "B.FLAC", "album/c.opus", "cover.jpg", "notes.txt", ".hidden.mp3", "._d.mp3"):
        (tmp_path / name).touch()
    assert names_in(tmp_path) == {"a.mp3", "B.FLAC", "album/c.opus"}


def test_excludes_match_names_and_paths(tmp_path: Path) -> None:
    (tmp_path / "Podcasts").mkdir()
    (tmp_path / "Music").mkdir()
    for name in ("Podcasts/a.mp3", "Music/b.mp3", "Music/b.live.mp3"):
        (tmp_path / name).touch()
    assert names_in(tmp_path, "Podcasts", "*.live.mp3") == {"Music/b.mp3"}
    assert names_in(tmp_path, "Music/*") == {"Podcasts/a.mp3"}


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    (tmp_path / "album").mkdir()
    (tmp_path / "album" / "a.mp3").touch()
    (tmp_path / "album" / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling.mp3").symlink_to(tmp_path / "gone.mp3")
    assert names_in(tmp_path) == {"album/a.mp3"}


def test_a_single_file_is_taken_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "recording"
    path.touch()
    assert [file.path for file in scan_root(path, (), CancelToken()).files] == [path]


def test_an_unreachable_root_is_offline_and_proves_no_absence(tmp_path: Path) -> None:
    scan = scan_root(tmp_path / "not mounted", (), CancelToken())
    assert scan.offline
    assert not scan.knows_absence_of(tmp_path / "not mounted" / "a.mp3")


def test_a_single_file_that_is_gone_is_absent_not_offline(tmp_path: Path) -> None:
    scan = scan_root(tmp_path / "a.mp3", (), CancelToken())
    assert scan.offline is None
    assert scan.knows_absence_of(tmp_path / "a.mp3")
    assert scan_root(tmp_path / "not mounted" / "a.mp3", (), CancelToken()).offline


def test_an_unreadable_folder_proves_no_absence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "locked").mkdir()
    (tmp_path / "a.mp3").touch()
    listed = os.scandir

    def failing(path: str | os.PathLike[str]) -> object:
        if Path(path).name == "locked":
            raise OSError(5, "Input/output error")
        return listed(path)

    monkeypatch.setattr(os, "scandir", failing)
    scan = scan_root(tmp_path, (), CancelToken())
    assert [file.path.name for file in scan.files] == ["a.mp3"]
    assert not scan.knows_absence_of(tmp_path / "locked" / "b.mp3")
    assert scan.knows_absence_of(tmp_path / "b.mp3")


def test_a_cancelled_walk_ends(tmp_path: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        scan_root(tmp_path, (), token)


names = st.binary(min_size=1, max_size=40).filter(lambda name: b"/" not in name and b"\0" not in name)


@given(names)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_any_file_name_is_found_as_it_is(tmp_path: Path, name: bytes) -> None:
    folder = os.fsencode(tmp_path) + b"/%d" % len(os.listdir(tmp_path))
    os.mkdir(folder)
    path = folder + b"/x" + name + b".mp3"
    with open(path, "wb"):
        pass
    found = scan_root(Path(os.fsdecode(folder)), (), CancelToken()).files
    assert [os.fsencode(file.path) for file in found] == [path]
