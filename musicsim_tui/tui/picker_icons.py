"""The signs before folders and files in the file picker; all pickers of the process have the same."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text
from textual_fspicker.icons import DEFAULT_FILE_ICON, DEFAULT_FOLDER_ICON, Icons
from textual_fspicker.parts.directory_navigation import DirectoryEntry
from textual_fspicker.safe_tests import is_dir

_LINK = DirectoryEntry.LINK_ICON


def choose_icons(*, plain: bool) -> None:
    """Draw them with ASCII only, or as the library does."""
    folder, file = (Text("/ "), Text("  ")) if plain else (DEFAULT_FOLDER_ICON, DEFAULT_FILE_ICON)

    def icon(location: str | Path) -> Text:
        return folder if is_dir(Path(location)) else file

    Icons.set_picker(icon)
    DirectoryEntry.LINK_ICON = Text("@") if plain else _LINK  # type: ignore[misc]
