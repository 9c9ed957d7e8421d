"""Picking a folder or a file from the disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual_fspicker import FileOpen, Filters, SelectDirectory
from textual_fspicker.parts import CurrentDirectory

from musicsim_tui.ingest.scan import AUDIO_SUFFIXES
from musicsim_tui.tui.glyphs import ASCII
from musicsim_tui.tui.screens.boxes import EndsOnce

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.visual import VisualType


class _PlainDirectory(CurrentDirectory):
    """The folder's path as it is: a folder's name is never markup."""

    def __init__(self) -> None:
        super().__init__(markup=False)

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        if self.app.has_class("-ascii"):
            content = str(content).replace("…", ASCII.ellipsis)
        super().update(content, layout=layout)


class FolderPicker(SelectDirectory, EndsOnce[Path | None]):
    """Pick a folder of music."""

    def __init__(self, start: Path) -> None:
        super().__init__(start, title="Hear a folder of music", select_button="Hear this folder")

    def _input_bar(self) -> ComposeResult:
        yield _PlainDirectory()


class FilePicker(FileOpen, EndsOnce[Path | None]):
    """Pick an audio file to search with."""

    def __init__(self, start: Path) -> None:
        super().__init__(
            start,
            title="Search with a file",
            open_button="Search",
            filters=Filters(
                ("Music", lambda path: path.suffix.lower() in AUDIO_SUFFIXES),
                ("All files", lambda _path: True),
            ),
        )

    def _header_area(self) -> ComposeResult:
        yield _PlainDirectory()
