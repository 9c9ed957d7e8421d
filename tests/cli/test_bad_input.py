"""Everything that can be wrong with a file, in one folder."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from musicsim_tui.ingest import listening
from musicsim_tui.ingest.pipeline import Pipeline
from musicsim_tui.jobs import CancelToken
from tests.cli.conftest import Shell
from tests.harness.audio_files import png_picture, write_music, write_silent_film, write_tone
from tests.harness.decoding import before_decoding

HANG_SECONDS = 3.0
NOT_UTF_8 = os.fsdecode(b"caf\xe9")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Seven files that can be heard, and more that cannot or not well."""
    folder = tmp_path / "music"
    (folder / "directory.mp3").mkdir(parents=True)
    for seed, name in enumerate(("good.mp3", "directory.mp3/inside.flac", f"{NOT_UTF_8}.mp3", "hanging.ogg")):
        write_music(folder / name, seed, 3.0)
    write_music(tmp_path / "song.m4a", 4).rename(folder / "renamed.mp3")
    for name in ("cut.wav", "cut.ogg"):
        data = write_music(folder / name, 5 + len(name), 12.0).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])
    halves = [
        write_tone(tmp_path / f"{rate}.mp3", seconds=5.0, rate=rate).read_bytes() for rate in (44100, 48000)
    ]
    (folder / "changing.mp3").write_bytes(b"".join(halves))

    (folder / "empty.mp3").touch()
    (folder / "stub.flac").write_bytes((folder / "directory.mp3" / "inside.flac").read_bytes()[:60])
    (folder / "text.mp3").write_text("these are words, not music\n" * 100)
    (folder / f"{NOT_UTF_8} text.mp3").write_text("so are these\n" * 100)
    (folder / "image.flac").write_bytes(png_picture())
    os.mkfifo(folder / "fifo.wav")
    write_silent_film(folder / "film.mp4")
    shutil.copy(folder / "good.mp3", folder / "locked.mp3")
    (folder / "locked.mp3").chmod(0)
    if os.access(folder / "locked.mp3", os.R_OK):
        (folder / "locked.mp3").unlink()  # somebody who may read everything
    else:
        (folder / "locked folder").mkdir(0)
    return folder


REASONS = {
    "hanging.ogg": "hangs",
    "cut.wav": "of 0:12 are there, and heard",
    "cut.ogg": "cut off: it breaks off at 0:0",
    "changing.mp3": "from 44.1 to 48 kHz at 0:05; the file is heard whole",
    "empty.mp3": "is empty",
    "stub.flac": "damaged or cut off",
    "text.mp3": "not audio",
    f"{NOT_UTF_8} text.mp3": "not audio",
    "image.flac": "not audio",
    "fifo.wav": "a pipe or a device",
    "film.mp4": "no sound",
}
LOCKED = {"locked.mp3": "may not be read", "locked folder": "cannot be looked into"}
HEARD = {"good.mp3", "inside.flac", f"{NOT_UTF_8}.mp3", "renamed.mp3", "cut.wav", "cut.ogg", "changing.mp3"}


@pytest.fixture
def _a_decoder_that_hangs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    released = threading.Event()

    def hang(path: Path, _: CancelToken) -> None:
        if path.name == "hanging.ogg":
            released.wait(60)

    before_decoding(monkeypatch, hang)
    defaults = Pipeline.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "hang_seconds", HANG_SECONDS)
    monkeypatch.setattr(listening, "_SLOWEST_BYTES_PER_SECOND", 1e12)
    yield
    released.set()


@pytest.mark.usefixtures("_a_decoder_that_hangs")
def test_all_that_is_wrong_is_told_once_and_the_rest_of_the_folder_goes_on(
    shell: Shell, folder: Path
) -> None:
    reasons = {**REASONS, **(LOCKED if (folder / "locked.mp3").exists() else {})}
    first = shell("ingest", folder, "--json")
    assert first.code == 3
    told = {Path(failure["path"]).name: failure for failure in first.json["failures"]}
    assert set(told) == set(reasons)
    for name, words in reasons.items():
        assert words in told[name]["reason"]
        assert told[name]["hint"].endswith(".")
    assert (first.json["added"], first.json["failed"]) == (len(HEARD), len(reasons))
    tracks = shell("list", "--json").json["tracks"]
    assert {Path(path).name for track in tracks for path in track["paths"]} == HEARD

    again = shell("ingest", "--json")
    assert (again.code, again.json["added"]) == (0, 0)
    listed = shell("failures", "--json").json["failures"]
    stages = {Path(failure["path"]).name: failure["stage"] for failure in listed}
    assert set(stages) == set(reasons)
    heard = {name: stage for name, stage in stages.items() if name in HEARD}
    assert heard == {"cut.wav": "cut off", "cut.ogg": "cut off", "changing.mp3": "changing"}
    words = shell("failures").out
    assert all(reason in words for reason in reasons.values())

    retried = shell("ingest", "--retry-failed", "--json")
    assert (retried.code, retried.json["added"]) == (0, 0)
    assert {Path(failure["path"]).name for failure in retried.json["failures"]} == set(reasons) - HEARD
    assert shell("search", folder / "good.mp3", "--json").json["results"]
