"""Every key, from the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content

from musicsim_tui.tui.keymap import IN_BOXES, Where, bindings, by_place, keys_of
from musicsim_tui.tui.screens.boxes import Box, frame, words
from musicsim_tui.tui.widgets.page import Page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from musicsim_tui.tui.keymap import Command

_TITLES = {
    Where.EVERYWHERE: "Everywhere",
    Where.LISTS: "In lists",
    Where.TRACKS: "On tracks",
    Where.LIBRARY: "In the library",
    Where.DOWNLOADS: "In downloads",
    Where.INGEST: "While music is heard",
    Where.SEARCH: "In search results",
    Where.CRATE: "In the crate",
    Where.TROUBLE: "In trouble",
    Where.ALWAYS: "Everywhere, in boxes and fields too",
    **dict.fromkeys(sorted(IN_BOXES), "In boxes"),
}
_FILTER_HELP = (
    ("night sky", "both words in title, artist or album"),
    ("artist:skiff", "also title: album: path:"),
    ("len>2:00", "also len<=90, len:2:00..3:30"),
    ("year:1990s", "also year>=1990, year:1990..1999"),
    ("sound:piano", "heard by the network; sound:piano>0.3"),
    ("added<7d", "came in within seven days"),
    ("missing:yes", "files are gone; missing:any for all"),
    ("-live", "not; a or b; (brackets)"),
)
_KEY_CELLS = 16


class HelpScreen(Box[None]):
    """All keys, grouped by where they work, and the language of the filter."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.HELP)

    def compose(self) -> ComposeResult:
        with frame("Keys"):
            yield Page(help_text(self.host.keys), id="help-text")
            yield words(
                f"{self.key('escape')} closes, {self.key('list.down')} and {self.key('list.up')} scroll;"
                " keys can be changed in config.toml",
                classes="hint",
            )


def help_text(keymap: Mapping[str, str]) -> Content:
    """The registry as a page of text."""
    groups: dict[str, list[Command]] = {}
    for place, commands in by_place().items():
        groups.setdefault(_TITLES[place], []).extend(commands)
    lines: list[Content] = []
    for title, commands in groups.items():
        lines.append(Content.styled(title, "bold $primary"))
        for command in commands:
            keys = keys_of(command, keymap)
            lines.append(Content.assemble("  ", (f"{keys:<{_KEY_CELLS}}", "$accent"), command.help))
        lines.append(Content(""))
    lines.append(Content.styled("The filter understands", "bold $primary"))
    for example, meaning in _FILTER_HELP:
        lines.append(Content.assemble("  ", (f"{example:<{_KEY_CELLS}}", "$accent"), meaning))
    return Content("\n").join(lines)
