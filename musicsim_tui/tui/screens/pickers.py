"""Picking a folder or a file from the disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.content import Content
from textual.widgets import Button, Input
from textual_fspicker import FileOpen, Filters, SelectDirectory
from textual_fspicker.base_dialog import Dialog
from textual_fspicker.parts import CurrentDirectory, DirectoryNavigation
from textual_fspicker.suggest_path import SuggestPath

from musicsim_tui.ingest.scan import AUDIO_SUFFIXES
from musicsim_tui.tui.glyphs import ASCII
from musicsim_tui.tui.keymap import Where, bindings
from musicsim_tui.tui.screens.boxes import EndsOnce
from musicsim_tui.tui.text import safe, shown
from musicsim_tui.tui.widgets.field import keep_typing
from musicsim_tui.tui.widgets.folder_list import FolderList, unopened

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult
    from textual.binding import BindingsMap, BindingType
    from textual.dom import DOMNode
    from textual.visual import VisualType
    from textual.widget import Widget


class _PlainDirectory(CurrentDirectory):
    """The folder's path: a folder's name is never markup, nor a word to the terminal."""

    def __init__(self) -> None:
        super().__init__(markup=False)

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        text = shown(content)
        if self.app.has_class("-ascii"):
            text = text.replace("…", ASCII.ellipsis)
        super().update(Content(text), layout=layout)


class _Suggestions(SuggestPath):
    """Names that begin like what is typed, where they can be looked up and be drawn as they are."""

    async def get_suggestion(self, value: str) -> str | None:
        try:
            suggestion = await super().get_suggestion(value)
        except (OSError, RuntimeError, ValueError, IndexError):
            return None  # a folder that may not be searched, or a pattern that is none
        return suggestion if suggestion is not None and shown(suggestion) == suggestion else None


class _Picker(EndsOnce[Path | None]):
    """What both pickers have in common: their keys, and what they say of a folder that cannot be opened."""

    @property
    def _binding_chain(self) -> list[tuple[DOMNode, BindingsMap]]:
        return keep_typing(self.focused, super()._binding_chain)

    def action_escape(self) -> None:
        self.dismiss(None)

    def say(self, text: str) -> None:
        self.query_one(Dialog).border_subtitle = safe(text)

    @on(FolderList.Refused)
    def _refused(self, event: FolderList.Refused) -> None:
        event.stop()
        self.say(event.text)


_BINDINGS = bindings(Where.BOXES, only=("disk.hidden",))


def _with_own_list(widgets: Iterable[Widget], start: str | Path) -> ComposeResult:
    """The picker as the library composes it, but for the list."""
    for widget in widgets:
        yield FolderList(start) if isinstance(widget, DirectoryNavigation) else widget


class FolderPicker(SelectDirectory, _Picker):
    """Pick a folder of music."""

    BINDINGS: ClassVar[list[BindingType]] = _BINDINGS

    def __init__(self, start: Path) -> None:
        super().__init__(start, title="Hear a folder of music", select_button="Hear this folder")

    def compose(self) -> ComposeResult:
        yield from _with_own_list(super().compose(), self._location)

    def _input_bar(self) -> ComposeResult:
        yield _PlainDirectory()


class FilePicker(FileOpen, _Picker):
    """Pick an audio file to search with."""

    BINDINGS: ClassVar[list[BindingType]] = _BINDINGS

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
        self._suggest_path = _Suggestions()
        self._chosen: Path | None = None

    def compose(self) -> ComposeResult:
        yield from _with_own_list(super().compose(), self._location)

    def _header_area(self) -> ComposeResult:
        yield _PlainDirectory()

    @on(FolderList.Selected)
    def _choose(self, event: FolderList.Selected) -> None:
        """Show the name of a file; it itself is remembered, since its name may be none that can be drawn."""
        event.stop()
        event.prevent_default()
        self._chosen = event.path
        field = self.query_one(Input)
        field.value = shown(event.path.name)
        self.set_focus(field)

    @on(Input.Submitted)
    @on(Button.Pressed, "#select")
    def _confirm(self, event: Input.Submitted | Button.Pressed) -> None:
        """Open the folder or take the file that is named."""
        event.stop()
        event.prevent_default()
        field = self.query_one(Input)
        if not field.value:
            self.say("Choose a file, or type the name of one.")
            return
        try:
            path = self._named(field.value)
            if path.is_dir():
                self._open(path)
            elif path.exists():
                self.dismiss(path)
            else:
                self.say("There is no such file here.")
        except (OSError, RuntimeError, ValueError) as error:
            self.say(unopened("This", error))

    def _named(self, text: str) -> Path:
        here = self.query_one(FolderList).location
        chosen = self._chosen
        if chosen is not None and chosen.parent == here and shown(chosen.name) == text:
            return chosen
        return (here / Path(text).expanduser()).resolve()

    def _open(self, folder: Path) -> None:
        navigation, field = self.query_one(FolderList), self.query_one(Input)
        with field.prevent(Input.Changed):
            field.value = ""
        navigation.location = folder
        self.set_focus(navigation)
