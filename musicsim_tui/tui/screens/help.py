"""Every key, from the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from musicsim_tui.tui.keymap import Where, by_place, keys_of
from musicsim_tui.tui.screens.boxes import Box, frame, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult
    from textual.binding import BindingType

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
    Where.DETAILS: "In the details of a track",
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

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,q", "close", "Close", show=False),
        Binding("j,down", "page(1)", show=False),
        Binding("k,up", "page(-1)", show=False),
    ]

    def compose(self) -> ComposeResult:
        with frame("Keys"):
            with VerticalScroll(id="help-text"):
                yield Static(help_text(self.host.keys))
            yield words("escape closes, arrows scroll; keys can be changed in config.toml", classes="hint")

    def action_page(self, way: int) -> None:
        self.query_one("#help-text").scroll_relative(y=way, animate=False)


def help_text(keymap: Mapping[str, str]) -> Content:
    """The registry as a page of text."""
    lines: list[Content] = []
    for place, commands in by_place().items():
        lines.append(Content.styled(_TITLES[place], "bold $primary"))
        for command in commands:
            keys = keys_of(command, keymap)
            lines.append(Content.assemble("  ", (f"{keys:<{_KEY_CELLS}}", "$accent"), command.help))
        lines.append(Content(""))
    lines.append(Content.styled("The filter understands", "bold $primary"))
    for example, meaning in _FILTER_HELP:
        lines.append(Content.assemble("  ", (f"{example:<{_KEY_CELLS}}", "$accent"), meaning))
    return Content("\n").join(lines)
