"""The export box: where a list, or the marked rows of it, are written as a playlist."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.widgets import Input, Static

from musicsim_tui.errors import UsageError
from musicsim_tui.tui.screens.boxes import Box, frame, words
from musicsim_tui.tui.screens.open_box import read_path
from musicsim_tui.tui.text import safe, shown
from musicsim_tui.wording import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from textual.app import ComposeResult

    from musicsim_tui.errors import MusicSimError
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.track import Track, TrackId

    Source = Callable[[CancelToken], Iterable[Track]]
    """Gives the tracks of a list in their order, on another thread."""

_SUFFIXES = (".m3u8", ".m3u")
_NOT_IN_A_NAME = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\ufffd]+')
_LONGEST_NAME = 60
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Export:
    """What is to be written: the tracks of a list, or only those of them that are `marked`."""

    name: str
    source: Source
    marked: frozenset[TrackId] = frozenset()


@dataclass(frozen=True, slots=True)
class _Written:
    target: Path
    tracks: int
    left_out: int


def tracks_by_id(catalog: Catalog, ids: Sequence[TrackId]) -> Source:
    """The tracks with these ids, some at a time."""

    def tracks(token: CancelToken) -> Iterator[Track]:
        for start in range(0, len(ids), _AT_ONCE):
            token.check()
            for row in catalog.tracks_by_id(ids[start : start + _AT_ONCE]).values():
                yield row.track

    return tracks


def listed_tracks(catalog: Catalog, text: str, sort: str, *, descending: bool) -> Source:
    """The tracks of a filter in an order, some at a time."""
    from musicsim_tui.library.query import parse_query

    def tracks(token: CancelToken) -> Iterator[Track]:
        found = catalog.listing(parse_query(text, lenient=True), sort=sort, descending=descending)
        for start in range(0, found.total(token), _AT_ONCE):
            for row in found.rows(start, _AT_ONCE, token):
                yield row.track

    return tracks


def proposed_path(folder: Path, name: str) -> Path:
    """A playlist of that name in a folder, that is not there yet."""
    stem = " ".join(_NOT_IN_A_NAME.sub(" ", shown(name)).split())[:_LONGEST_NAME].strip(". ") or "playlist"
    path = folder / f"{stem}{_SUFFIXES[0]}"
    number = 2
    while os.path.lexists(path):
        path = folder / f"{stem} {number}{_SUFFIXES[0]}"
        number += 1
    return path


def playlist_path(text: str, proposed: Path) -> Path:
    """The file that was typed; in a folder, under the proposed name. Raises UsageError."""
    if "://" in text and not text.strip().lower().startswith("file:"):
        raise UsageError("A playlist is written into a file, not to a link.", "Type the path of a file.")
    path = read_path(text)
    if os.path.isdir(path):
        return path / proposed.name
    if path.suffix.lower() not in _SUFFIXES:
        return path.with_name(path.name + _SUFFIXES[0])
    return path


def _write(export: Export, target: Path, token: CancelToken) -> _Written:
    from musicsim_tui.library.m3u import m3u8, write_whole

    left_out = 0
    present: list[Track] = []
    for track in export.source(token):
        if export.marked and track.id not in export.marked:
            continue
        if track.missing or not track.paths:
            left_out += 1
        else:
            present.append(track)
    if not present and not left_out:
        raise UsageError(
            "None of the marked tracks is in this list." if export.marked else "This list is empty.",
            "X takes the marks away; then the whole list is written."
            if export.marked
            else "Nothing was written.",
        )
    token.check()
    write_whole(target, m3u8(present))
    return _Written(target, len(present), left_out)


class ExportBox(Box[None]):
    """Asks where to, writes, says what was written."""

    def __init__(self, export: Export) -> None:
        super().__init__()
        self._export = export
        self._replaces: Path | None = None
        self._proposed: Path | None = None

    def compose(self) -> ComposeResult:
        marked = self._export.marked
        what = "Writes the marked tracks of this list" if marked else "Writes this list, in its order,"
        with frame("Export"):
            yield words(f"{what} as a playlist (M3U8) for other players.", classes="body")
            yield Input(placeholder="where to", id="export-path", select_on_focus=False)
            yield Static(id="export-said", markup=False)
            yield words(f"enter writes; {self.key('escape')} closes", classes="hint")

    def on_mount(self) -> None:
        self.ask("export", lambda _token: self._propose(), self._take_proposed)

    def _propose(self) -> Path:
        """Where the list might go; asks the disk, on another thread."""
        folders = (self.host.bridge.services.settings.music_dir, Path.home(), Path(os.curdir))
        folder = next((folder for folder in folders if os.access(folder, os.W_OK)), folders[0])
        return proposed_path(folder, self._export.name)

    def _take_proposed(self, proposed: Path) -> None:
        self._proposed = proposed
        field = self.query_one(Input)
        if not field.value:
            field.value = _short(proposed)
            field.action_end()

    @on(Input.Changed)
    def _typed(self) -> None:
        self._replaces = None
        self._say("")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        export, known, agreed = self._export, self._proposed, self._replaces
        typed = event.value if event.value or known is not None else None

        def work(token: CancelToken) -> _Written | Path:
            proposed = known or self._propose()
            target = proposed if typed is None else playlist_path(typed, proposed)
            if os.path.lexists(target) and target != agreed:
                return target
            return _write(export, target, token)

        self._say("Writing ...")
        self.ask("export", work, self._written, self._failed)

    def _written(self, written: _Written | Path) -> None:
        if isinstance(written, Path):
            self._replaces = written
            self._say(f"{_short(written)} is there already. enter again replaces it.", trouble=True)
            return
        rest = f"; {written.left_out:,} left out: the files are gone" if written.left_out else ""
        self.host.say(f"Wrote {count(written.tracks, 'track')} to {_short(written.target)}{rest}")
        self.dismiss(None)

    def _failed(self, error: MusicSimError) -> None:
        self._say(f"{error.title} {error.hint}", trouble=True)

    def _say(self, text: str, *, trouble: bool = False) -> None:
        line = self.query_one("#export-said", Static)
        line.set_class(trouble, "-trouble")
        line.update(safe(text))


def _short(path: Path) -> str:
    """A path as a person writes it, from the home folder on."""
    home = Path.home()
    if path.is_relative_to(home) and path != home:
        return f"~{os.sep}{path.relative_to(home)}"
    return str(path)
