"""The demo library's music, synthesised on the spot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from musicsim_tui.audio.encode import write_audio
from musicsim_tui.jobs import Progress
from musicsim_tui.track import Tags
from musicsim_tui.upkeep.pieces import pieces

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from musicsim_tui.jobs import CancelToken

_RATE = 32_000


@dataclass(frozen=True, slots=True)
class DemoMusic:
    """The folder of pieces, and the one that the demo searches with."""

    folder: Path
    query: Path


def write_demo_music(folder: Path, publish: Callable[[Progress], None], cancel: CancelToken) -> DemoMusic:
    """Render the pieces that are not there yet as tagged mono FLAC files. Raises StorageError, Cancelled."""
    folder.mkdir(parents=True, exist_ok=True)
    every = pieces()
    paths: list[Path] = []
    for number, piece in enumerate(every, start=1):
        cancel.check()
        path = folder / f"{number:02} {piece.title}.flac"
        if not path.exists():
            tags = Tags(piece.title, piece.artist, piece.album, piece.year)
            write_audio(path, piece.render(_RATE).mean(axis=0), _RATE, tags)
        paths.append(path)
        publish(Progress(number, len(every), "pieces", piece.title))
    return DemoMusic(folder, paths[0])
