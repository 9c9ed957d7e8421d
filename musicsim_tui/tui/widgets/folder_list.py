"""What a folder holds, to walk through: names appear batch by batch, and none can harm the screen."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from rich.segment import Segment
from textual.message import Message
from textual.strip import Strip
from textual.style import Style
from textual.visual import Visual
from textual.widgets.option_list import Option
from textual_fspicker.parts import DirectoryNavigation

from musicsim_tui.errors import MusicSimError
from musicsim_tui.tui.glyphs import ASCII, UNICODE
from musicsim_tui.tui.keymap import Where, bindings
from musicsim_tui.tui.text import cells, fit, shown
from musicsim_tui.tui.widgets.choices import Choices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.binding import BindingType
    from textual.css.styles import RulesMap
    from textual.visual import RenderOptions
    from textual.widgets import OptionList
    from textual_fspicker.path_filters import Filter

    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.tui.app import MusicApp

BATCH = 500
"""Rows that are added in one go: between two batches keys are answered."""

_ICON_CELLS, _SIZE_CELLS, _TIME_CELLS = 3, 10, 20
_LEAST_NAME_CELLS = 20

_SIGNS = "\N{FILE FOLDER}", "\N{PAGE FACING UP}", "\N{LINK SYMBOL}"
_PLAIN_SIGNS = "/", "", "@"


def unopened(what: str, error: Exception) -> str:
    """One sentence why a folder or a file cannot be opened."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return f"{what} cannot be opened: {shown(reason).rstrip('.')}."


@dataclass(frozen=True, slots=True)
class Row:
    """A folder or a file in a folder; without size and time where nobody knows them."""

    path: Path
    name: str
    folder: bool
    link: bool = False
    size: str = ""
    time: str = ""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which entries of a folder are listed."""

    files: bool
    hidden: bool
    keep: Filter | None

    def find(self, folder: Path, token: CancelToken) -> list[tuple[bool, os.DirEntry[str]]]:
        """All that is listed, folders first and told from files, in the order of their names.

        Raises MusicSimError for a folder that cannot be read, or may not be searched.
        """
        found = []
        try:
            os.stat(os.path.join(folder, "."))
            with os.scandir(folder) as entries:
                for entry in entries:
                    token.check()
                    is_folder = _is_folder(entry)
                    if self._lists(entry, is_folder):
                        found.append((is_folder, entry))
        except OSError as error:
            raise MusicSimError(
                unopened("This folder", error), "Pick another one, or look at its permissions."
            ) from error
        return sorted(found, key=lambda one: (not one[0], one[1].name))

    def _lists(self, entry: os.DirEntry[str], is_folder: bool) -> bool:
        if entry.name.startswith(".") and not self.hidden:
            return False
        if is_folder:
            return True
        return self.files and _is_file(entry) and (self.keep is None or self.keep(Path(entry.path)))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Whether it is a file, or cannot be known to be none."""
    try:
        return entry.is_file()
    except OSError:
        return True


def look(found: Sequence[tuple[bool, os.DirEntry[str]]], token: CancelToken) -> list[Row]:
    """The rows of some entries, with their sizes and times."""
    rows = []
    for is_folder, entry in found:
        token.check()
        size = time = ""
        try:
            status = entry.stat()
            size = str(status.st_size)
            time = datetime.fromtimestamp(int(status.st_mtime)).isoformat(" ")
        except (OSError, ValueError, OverflowError):
            pass  # gone meanwhile, a link that ends nowhere, or a time outside of the calendar
        rows.append(Row(Path(entry.path), entry.name, is_folder, entry.is_symlink(), size, time))
    return rows


class _Line(Visual):
    """A row as one line. It is laid out when it is drawn, so that thousands of rows cost nothing."""

    def __init__(self, row: Row, *, plain: bool) -> None:
        self._row = row
        self._plain = plain

    def get_height(self, rules: RulesMap, width: int) -> int:
        return 1

    def get_optimal_width(self, rules: RulesMap, container_width: int) -> int:
        return container_width

    def render_strips(
        self, width: int, height: int | None, style: Style, options: RenderOptions
    ) -> list[Strip]:
        if self._row.name.startswith(".") and self._row.name != "..":
            style += Style(italic=True, dim=True)
        text = self._text(width)
        return [Strip([Segment(text, style.rich_style)], cells(text))]

    def _text(self, width: int) -> str:
        row = self._row
        glyphs = ASCII if self._plain else UNICODE
        folder, file, link = _PLAIN_SIGNS if self._plain else _SIGNS
        icon = folder if row.folder else file
        link = f" {link}" if row.link else ""
        rest = ""
        for text, column in ((row.size, _SIZE_CELLS), (row.time, _TIME_CELLS)):
            if width - 2 - _ICON_CELLS - len(rest) - column >= _LEAST_NAME_CELLS:
                rest += fit(text, column, right=True, ellipsis=glyphs.ellipsis)
        room = width - 2 - _ICON_CELLS - len(rest)
        name = shown(row.name)
        if cells(name) + cells(link) > room:
            name = fit(name, room - cells(link), ellipsis=glyphs.ellipsis)
        return fit(f" {fit(icon, _ICON_CELLS)}{fit(name + link, room)}{rest}", width)


class Entry(Option):
    """A row to choose."""

    def __init__(self, row: Row, *, plain: bool) -> None:
        super().__init__(_Line(row, plain=plain))
        self.row = row


class FolderList(DirectoryNavigation, Choices, inherit_bindings=False):
    """The picker's list, read by the bridge's threads and filled batch by batch until the folder is left."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.LISTS), *bindings(only=("disk.up",))]

    class Refused(Message):
        """The folder cannot be opened; `text` says why in one sentence."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, location: Path | str) -> None:
        super().__init__(location)
        self._topic = ""
        self._found: list[tuple[bool, os.DirEntry[str]]] = []
        self._listed = 0

    def on_unmount(self) -> None:
        self._host.bridge.abandon(self._topic)

    def action_choose(self) -> None:
        self._open_directory = True  # a single click leaves a folder closed, a key does not
        super().action_choose()

    @property
    def _host(self) -> MusicApp:
        return cast("MusicApp", self.app)

    def _watch__location(self) -> None:
        self.post_message(self.Changed(self))
        self._read()

    def _watch_show_files(self) -> None:
        self._read()

    def _repopulate_display(self) -> None:
        self._read()

    def _read(self) -> None:
        """List the folder from the start. The way up is there at once, whatever comes of the rest."""
        folder = self._location
        wanted = _Wanted(self.show_files, self.show_hidden, self.file_filter)
        self._host.bridge.abandon(self._topic)
        # A topic for each folder: one that never answers keeps none of the others waiting.
        self._topic = f"list {folder}"
        self._found, self._listed = [], 0
        self.clear_options()
        if not self.is_root:
            self._add([Row(folder.parent, "..", True)])
        self._host.bridge.ask(
            self._topic, lambda token: wanted.find(folder, token), self._begin, self._refuse
        )

    def _begin(self, found: list[tuple[bool, os.DirEntry[str]]]) -> None:
        self._found = found
        self._go_on()

    def _go_on(self) -> None:
        """Ask for the next batch, if there is one."""
        batch = self._found[self._listed : self._listed + BATCH]
        self._listed += len(batch)
        if batch:
            self._host.bridge.ask(self._topic, lambda token: look(batch, token), self._take)
        else:
            self._found = []

    def _take(self, rows: list[Row]) -> None:
        self._add(rows)
        self._go_on()

    def _add(self, rows: list[Row]) -> None:
        plain = self.app.has_class("-ascii")
        self.add_options([Entry(row, plain=plain) for row in rows])
        self._settle_highlight()

    def _refuse(self, error: MusicSimError) -> None:
        self.post_message(self.Refused(error.title))

    def _on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        event.prevent_default()

    def _on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        event.prevent_default()
        row = cast(Entry, event.option).row
        if not row.folder:
            self.post_message(self.Selected(self, row.path))
        elif self._open_directory:
            self._location = row.path
