"""What downloading costs beside the network: `python -m tests.benchmarks.download`. Prints JSON.

The real yt-dlp asks its YouTube on loopback for four-minute tracks, in AAC and Opus. `raw` is the bare
transfer of the same bytes; `original` a track through the queue, kept as the site has it; `mp3` the same
with conversion. The overhead is what lies between, polite pauses left out. `first_entry` is the time from a
link to the first entry that is in the catalog: in a new process, with all it has to load, and in one that
has listed before. `conversion` is decoding and encoding alone, in seconds of audio for each second.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

from musicsim_tui.audio.decode import decode_stereo
from musicsim_tui.audio.encode import write_audio
from musicsim_tui.jobs import CancelToken
from musicsim_tui.services import Services
from musicsim_tui.settings import load_settings
from tests.benchmarks.material_4min import make_long_tracks
from tests.benchmarks.report import WORK_DIR, machine, spread
from tests.harness.loop_server import LoopServer
from tests.harness.loopback import only_loopback
from tests.harness.youtube import Playlist, YouTube
from tests.harness.youtube_videos import Video

if TYPE_CHECKING:
    from collections.abc import Iterator

    from musicsim_tui.download.report import ListingProgress

_SECONDS = 240
_RATE = 44_100
_LONG_LIST = 300
_LIST = "https://www.youtube.com/playlist?list="
_NEW_PROCESS = """
import sys, time
started = time.perf_counter()
from pathlib import Path
from tests.benchmarks.download import first_entry_ms, library
from tests.harness.loopback import only_loopback
with only_loopback(sys.argv[1]), library(Path(sys.argv[2])) as services:
    print(first_entry_ms(services, sys.argv[3], started))
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tracks", type=int, default=6, help="four-minute tracks to fetch")
    parser.add_argument("--rounds", type=int, default=5, help="times each other measurement is repeated")
    chosen = parser.parse_args()
    answer: dict[str, object] = {"benchmark": "download", "machine": machine()}
    media = _media(WORK_DIR / "download")
    with LoopServer(media) as server, only_loopback(server.url), tempfile.TemporaryDirectory() as folder:
        site = YouTube(server)
        _add_playlists(site, chosen.tracks)
        answer |= _tracks(server, Path(folder), chosen.tracks)
        answer["first_entry_ms"] = _listing(server, Path(folder), chosen.rounds)
    answer["conversion_times_realtime"] = spread(_conversion(media, chosen.rounds), 1)
    print(json.dumps(answer))


def _media(folder: Path) -> Path:
    """The same music in AAC and Opus."""
    folder.mkdir(parents=True, exist_ok=True)
    [track] = make_long_tracks(folder, 1, _SECONDS)
    for name in ("long.m4a", "long.webm"):
        if not (folder / name).exists():
            write_audio(folder / name, decode_stereo(track, _RATE), _RATE)
    return folder


def _add_playlists(site: YouTube, tracks: int) -> None:
    for number in range(tracks):
        file = "long.webm" if number % 2 else "long.m4a"
        site.add(f"track{number}", Video(f"Band - Song {number}", _SECONDS, file))
    ids = [site.ids[f"track{number}"] for number in range(tracks)]
    site.playlists["PLtracks"] = Playlist("Tracks", ids)
    site.playlists["PLlong"] = Playlist("Long", (ids * _LONG_LIST)[:_LONG_LIST])


@contextmanager
def library(folder: Path, *, keep_original: bool = False) -> Iterator[Services]:
    """A new library that waits for nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.toml"
    config.write_text(
        f'[download]\nfolder = "{folder / "Music"}"\npause = 0\nleast_free = 0\n'
        f"keep_original = {str(keep_original).lower()}\n"
    )
    settings = load_settings(
        {"data_dir": str(folder / "data"), "model": "builtin"},
        environment={},
        dotenv=folder / "nowhere",
        config=config,
    )
    services = Services(settings)
    try:
        yield services
    finally:
        services.close()


def _tracks(server: LoopServer, folder: Path, tracks: int) -> dict[str, object]:
    raw = [
        _raw_seconds(f"{server.url}/media/{'long.webm' if number % 2 else 'long.m4a'}")
        for number in range(tracks)
    ]
    original = _fetch_seconds(folder / "original", keep_original=True) / tracks
    mp3 = _fetch_seconds(folder / "mp3", keep_original=False) / tracks
    mean = sum(raw) / len(raw)
    return {
        "tracks": tracks,
        "track_seconds": _SECONDS,
        "seconds_a_track": {"raw": round(mean, 4), "original": round(original, 3), "mp3": round(mp3, 3)},
        "overhead_seconds": {"original": round(original - mean, 3), "mp3": round(mp3 - mean, 3)},
    }


def _raw_seconds(link: str) -> float:
    started = time.perf_counter()
    with urlopen(link) as answer:
        while answer.read(1 << 16):
            continue
    return time.perf_counter() - started


def _fetch_seconds(folder: Path, *, keep_original: bool) -> float:
    """Seconds that the queue takes for the whole playlist; nothing is heard."""
    with library(folder, keep_original=keep_original) as services:
        playlist = services.downloads.open(f"{_LIST}PLtracks", CancelToken()).playlist
        services.downloads.enqueue_playlist(playlist, everything=True)
        summary = services.downloads.run(CancelToken(), ingest=False)
    assert not summary.failed, summary.failures
    return summary.seconds


def _listing(server: LoopServer, folder: Path, rounds: int) -> dict[str, object]:
    link = f"{_LIST}PLlong"
    cold = []
    for number in range(rounds):
        arguments = [server.url, str(folder / f"cold{number}"), link]
        done = subprocess.run(
            [sys.executable, "-c", _NEW_PROCESS, *arguments], capture_output=True, text=True, check=True
        )
        cold.append(float(done.stdout))
    warm, whole = [], []
    for number in range(rounds):
        with library(folder / f"warm{number}") as services:
            started = time.perf_counter()
            warm.append(first_entry_ms(services, link, started))
            services.downloads.open(link, CancelToken())
            whole.append((time.perf_counter() - started) * 1000 - warm[-1])
    return {
        "new_process": spread(cold, 0),
        "warm": spread(warm, 0),
        f"all_{_LONG_LIST}_entries": spread(whole, 0),
    }


class _Enough(Exception):
    """The first entry is there."""


def first_entry_ms(services: Services, link: str, started: float) -> float:
    """Milliseconds from `started` until the first entry of a link is in the catalog; listing ends there."""

    def look(progress: ListingProgress) -> None:
        if progress.received:
            raise _Enough

    try:
        services.downloads.open(link, CancelToken(), publish=look)
    except _Enough:
        return (time.perf_counter() - started) * 1000
    raise AssertionError("the list is empty")


def _conversion(media: Path, rounds: int) -> list[float]:
    speeds = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for name in ("long.m4a", "long.webm"):
                blocks = decode_stereo(media / name, _RATE)
                started = time.perf_counter()
                write_audio(Path(folder) / "converted.mp3", blocks, _RATE)
                speeds.append(_SECONDS / (time.perf_counter() - started))
    return speeds


if __name__ == "__main__":
    main()
