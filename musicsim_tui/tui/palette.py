"""The command palette: every action of the registry, and any track by name."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual.command import CommandList, CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from musicsim_tui.library.query import Query, parse_query, quote
from musicsim_tui.tui.keymap import COMMANDS, IN_BOXES, Command, Where, bindings, keys_of
from musicsim_tui.tui.screens.boxes import EndsOnce
from musicsim_tui.tui.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.binding import BindingType

    from musicsim_tui.library.records import TrackRow
    from musicsim_tui.tui.app import MusicApp

_MOST_TRACKS = 12
_TRACK_WITH_THE_WORDS = 0.5
_SCATTERED_LETTERS = 0.4
"""Of an action that has the letters of a query here and there: below any track that has its words."""


class Palette(CommandPalette, EndsOnce[None]):
    """The palette; its list turns pages once it is drawn."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(
        Where.BOXES, only=("list.up", "list.down", "list.page_up", "list.page_down")
    )

    def __init__(self) -> None:
        super().__init__(id="--command-palette", placeholder="Any action, or words of a track")

    def action_cursor_up(self) -> None:
        self._action_command_list("cursor_up")

    def action_cursor_page_down(self) -> None:
        self._turn_page("page_down")

    def action_cursor_page_up(self) -> None:
        self._turn_page("page_up")

    def _turn_page(self, action: str) -> None:
        if self.query_one(CommandList).scrollable_content_region:
            self._action_command_list(action)


class _HostProvider(Provider):
    @property
    def host(self) -> MusicApp:
        return cast("MusicApp", self.app)


class CommandProvider(_HostProvider):
    """Every action."""

    def _commands(self) -> Iterator[tuple[Command, str]]:
        for command in COMMANDS:
            if command.in_palette and command.where not in IN_BOXES:
                yield command, f"{command.help}  ({keys_of(command, self.host.keys)})"

    async def discover(self) -> Hits:
        for command, text in self._commands():
            yield DiscoveryHit(Content(text), partial(self.host.run_command, command.id), text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        words = query.casefold().split()
        for command, text in self._commands():
            score = matcher.match(text)
            if score > 0:
                whole = all(word in text.casefold() for word in words)
                score = score + 1 if whole else min(score, _SCATTERED_LETTERS)
                yield Hit(score, matcher.highlight(text), partial(self.host.run_command, command.id), text)


class TrackProvider(_HostProvider):
    """Any track whose title, artist or album has the words."""

    async def search(self, query: str) -> Hits:
        words = " ".join(quote(word) for word in query.split())
        rows = await asyncio.to_thread(self._rows, parse_query(words))
        for row in rows:
            track = row.track
            text = shown(f"{track.title} - {track.tags.artist}" if track.tags.artist else track.title)
            yield Hit(
                _TRACK_WITH_THE_WORDS,
                Content(text),
                partial(self.host.find_similar, track),
                text,
                "find what sounds like it",
            )

    def _rows(self, query: Query) -> tuple[TrackRow, ...]:
        return self.host.bridge.services.catalog.tracks(query, limit=_MOST_TRACKS).rows
