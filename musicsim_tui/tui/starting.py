"""How the app starts: the first frame as early as can be, and right after it what that frame does without."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from textual.events import InputEvent, Key, Paste, Resize
from textual.reactive import Reactive

from musicsim_tui.tui.ending import Ending
from musicsim_tui.tui.themes import DARK, THEMES

if TYPE_CHECKING:
    from textual.events import Event
    from textual.theme import Theme
    from textual.timer import Timer

    from musicsim_tui.errors import MusicSimError
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.tui.hearing import Preparation
    from musicsim_tui.tui.preferences import Preferences
    from musicsim_tui.tui.screens.main import MainScreen

_PATIENCE_SECONDS = 0.5
"""After which a library that is slow to open leaves its place empty for a while."""
_MOUNTING_SECONDS = 5.0
"""In which a box stands, however busy the machine is."""
_BETWEEN_FRAMES_SECONDS = 0.03
"""Two frames at the usual pace."""


class Starting(Ending):
    """From the empty terminal to the library, with everything going on that was not finished."""

    theme: Reactive[str] = Reactive(DARK.name)
    """The theme that styles are made with before a person's own choice is known."""
    _preferences: Preferences
    _prepare: Preparation | None
    """Makes the music that is heard first."""
    _greeting: str
    _opened_library = False
    _admits = False
    _typed_ahead: deque[Event]
    _unseen: ExitStack
    """Holds what is drawn back until there are rows: frames without a library delay the first one with it."""

    @property
    def available_themes(self) -> dict[str, Theme]:
        return {**super().available_themes, **{theme.name: theme for theme in THEMES}}

    def get_default_screen(self) -> MainScreen:
        return self.main

    def on_load(self) -> None:
        self._typed_ahead, self._unseen = deque(), ExitStack()
        self.catch_signals()
        wanted = self._preferences.theme or self._state.theme
        if self._preferences.theme not in (None, *self.available_themes):
            self.config_problems.append(
                f"There is no theme {self._preferences.theme!r}; the palette (ctrl+p) has a list under Theme."
            )
        if wanted in self.available_themes:
            self.theme = wanted
        self.set_keymap(dict(self.keys))
        if self._preferences.calm or self._preferences.ascii:
            self.animation_level = "none"
        self.set_class(self._preferences.ascii, "-ascii")

    def on_mount(self) -> None:
        self._unseen.callback(lambda: self.screen.refresh())
        self._unseen.enter_context(self.batch_update())
        self.set_timer(_PATIENCE_SECONDS, self._unseen.close)
        services = self.bridge.services

        def work(_token: CancelToken) -> str:
            assert services.catalog is not None
            return services.models.listening().model.name

        self.bridge.ask("open", work, self._opened, self._cannot_open)

    async def on_event(self, event: Event) -> None:
        """Keys and clicks wait, in their order, for the rows that they are meant for."""
        if isinstance(event, InputEvent | Paste) and not self._admits:
            if isinstance(event, Key) and event.key == "ctrl+j":
                event = Key("enter", "\r")  # as the terminal has it until the app takes it over
            self._typed_ahead.append(event)
            return
        if isinstance(event, Resize) and event.size != self.size:
            # While frames are held back, Textual lays out for one size and the other by turns, for ever.
            self._unseen.close()
        if isinstance(event, Key | Paste):
            await self._screen_stands()
        await super().on_event(event)

    async def _screen_stands(self) -> None:
        """Wait for a box that the key before this one has opened."""
        deadline = time.monotonic() + _MOUNTING_SECONDS
        while not self.screen.is_mounted and self.is_running and time.monotonic() < deadline:
            await asyncio.sleep(0)

    async def _let_in(self) -> None:
        """Act on what has been typed so far, and on all that comes."""
        await self.main.complete()
        self._admits = True
        while self._typed_ahead:
            await self.on_event(self._typed_ahead.popleft())

    def drawn(self) -> None:
        """The screen stands, still without a library."""
        self._drawn = True
        self._show_library()
        self.set_timer(_PATIENCE_SECONDS, self._let_in)

    def _opened(self, model: str) -> None:
        self.model_name = model
        self._opened_library = True
        self._show_library()

    def _show_library(self) -> None:
        """Once there is a library, and a screen to show it on."""
        if not (self._drawn and self._opened_library):
            return
        self.main.library.reload()
        if self.view_name == "crate":
            self.crate.load()
        self.main.view.shown_again()
        self.bridge.watch_catalog()

    def _cannot_open(self, error: MusicSimError) -> None:
        self.failure, self.leaving = error, True
        self.exit(return_code=1)

    def library_loaded(self, tracks: int, *, first: bool) -> None:
        """The library view has its first rows, or new ones."""
        self.tracks = tracks
        self.refresh_header()
        if first:
            self._unseen.close()
            self.land()
            if self._typed_ahead:
                self.call_later(self._let_in)
            self._quiet = self.set_timer(_PATIENCE_SECONDS, self._go_on)

    _quiet: Timer | None = None

    def post_display_hook(self) -> None:
        """The first rows have been drawn when no frame follows another."""
        if self._quiet is not None and not self.began:
            self._quiet.stop()
            self._quiet = self.set_timer(_BETWEEN_FRAMES_SECONDS, self._go_on)

    async def _go_on(self) -> None:
        """The first rows stand on the screen: now what nobody sees yet, and what was not finished."""
        if self.began or self.leaving or not self.is_running:
            return
        await self._let_in()
        self.settle()
        self.began = True
        self.crate.load()
        self.check_offline()
        self.tell_problems(self._greeting)
        self.downloading.start(paused=self._state.downloads_paused)
        if self._prepare is not None:
            self.hearing.start((), prepare=self._prepare)
        elif self._state.unfinished is not None:
            self.hearing.start(
                [Path(path) for path in self._state.unfinished], paused=self._state.paused, resumed=True
            )
            self.say(
                f"What was not finished is still paused: press {self.key('view.ingest')}."
                if self._state.paused
                else "Going on with what was not finished."
            )
