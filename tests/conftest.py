"""What several rooms share: patience, and sites on loopback for whoever downloads."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.harness.loop_server import LoopServer
    from tests.harness.youtube import YouTube


# No test judges speed: a processor that is busy elsewhere makes none fail.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def decoding_in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of small ingests would start two processes each. Those that are about processes have them."""
    from musicsim_tui.ingest import pipeline

    monkeypatch.setattr(pipeline, "_DECODES_IN_PROCESSES", False)


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of music in the formats that sites serve, and a cover."""
    from musicsim_tui.audio.encode import write_audio
    from tests.harness.audio_files import RATE, music, tone

    folder = tmp_path_factory.mktemp("media")
    for number, name in enumerate(("a.mp3", "b.m4a", "c.webm", "d.flac", "e.ogg")):
        left = music(number)
        write_audio(folder / name, np.stack([left, tone(330 + 50 * number)]), RATE)
    (folder / "cover.jpg").write_bytes(_jpeg())
    return folder


def _jpeg() -> bytes:
    """The markers of a JPEG around bytes that nobody decodes."""
    return b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + zlib.compress(b"cover") + b"\xff\xd9"


@pytest.fixture
def server(media: Path) -> Iterator[LoopServer]:
    """Loopback media; nothing else can be reached while it is there."""
    from tests.harness.loop_server import LoopServer
    from tests.harness.loopback import only_loopback

    with LoopServer(media) as server, only_loopback(server.url):
        server.items = [(f"Band — Söng {n} 🎧 <x>", f"/media/{n}") for n in ("a.mp3", "d.flac", "e.ogg")]
        yield server


@pytest.fixture
def youtube(server: LoopServer, monkeypatch: pytest.MonkeyPatch) -> YouTube:
    """YouTube on loopback; a list with a gap is read again at once."""
    from musicsim_tui.download import playlist
    from tests.harness.youtube import YouTube

    monkeypatch.setattr(playlist, "RETRY_PAUSE_SECONDS", 0.0)

    return YouTube(server)
