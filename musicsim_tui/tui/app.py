"""The app: its parts, how it starts, what reaches it, how it ends."""

from __future__ import annotations

import logging
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding

from musicsim_tui.services import Services
from musicsim_tui.tui.bridge import Answered, Bridge, CatalogChanged, Noticed
from musicsim_tui.tui.crate import OpenCrate
from musicsim_tui.tui.downloading import Downloading
from musicsim_tui.tui.ending import Ending
from musicsim_tui.tui.glyphs import ASCII, UNICODE
from musicsim_tui.tui.hearing import Hearing, HearingChanged
from musicsim_tui.tui.history import History
from musicsim_tui.tui.keymap import check_keymap
from musicsim_tui.tui.marks import Marked, Marks, entry_ids, track_ids
from musicsim_tui.tui.palette import CommandProvider, TrackProvider
from musicsim_tui.tui.preferences import Preferences
from musicsim_tui.tui.preview import Preview
from musicsim_tui.tui.screens.ingest import gone_words
from musicsim_tui.tui.screens.main import MainScreen
from musicsim_tui.tui.state import FILE_NAME, StateFile, load_state
from musicsim_tui.tui.themes import DARK, THEMES
from musicsim_tui.wording import count

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from textual.binding import BindingType

    from musicsim_tui.errors import MusicSimError
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.settings import Settings
    from musicsim_tui.tui.hearing import Preparation

log = logging.getLogger(__name__)

_CALM_PACE_SECONDS = 2.0
"""How often a job may move on the screen where there are to be few refreshes."""


class MusicApp(Ending):
    """One library, open on the screen."""

    TITLE = "musicsim-tui"
    CSS_PATH: ClassVar[list[str | PurePath]] = ["styles/app.tcss"]
    COMMANDS: ClassVar[set[Callable[[], type]]] = {lambda: CommandProvider, lambda: TrackProvider}  # type: ignore[assignment]
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "leave", "Quit", show=False, priority=True)]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (30, "-high")]  # noqa: RUF012 - as Textual declares it
    PAUSE_GC_ON_SCROLL = True

    def __init__(
        self,
        settings: Settings,
        preferences: Preferences,
        *,
        prepare: Preparation | None = None,
        greeting: str = "",
    ) -> None:
        super().__init__()
        self._preferences = preferences
        state_path = settings.data_dir / FILE_NAME
        self.state_file = StateFile(state_path)
        self._state = load_state(state_path)
        self._prepare = prepare
        self._greeting = greeting
        self._opened_library = False
        self.glyphs = ASCII if preferences.ascii else UNICODE
        self.keys: Mapping[str, str]
        self.keys, key_problems = check_keymap(preferences.keys)
        self.config_problems = [*preferences.problems, *key_problems]
        self.bridge = Bridge(Services(settings, lambda text: self.bridge.notice(text)), self.post_message)
        self.hearing = Hearing(self.bridge, self.post_message)
        self.downloading = Downloading(self.bridge, self.post_message)
        self.hearing.pace_seconds = _CALM_PACE_SECONDS if preferences.calm else 0.0
        self.downloading.pace_seconds = self.hearing.pace_seconds
        self.history = History()
        self.marks = Marks(self.history, track_ids(self._state.marks))
        self.entry_marks = Marked(self.history, entry_ids(self._state.entry_marks))
        self.crate = OpenCrate(
            self.bridge, self.history, self.crate_changed, self.tell_trouble, self._state.crate
        )
        self.preview = Preview(self.bridge, self.post_message, volume=min(100, max(0, self._state.volume)))
        self.calm = preferences.calm
        self.model_name = ""
        self.main = MainScreen(self._state)

    # Starting

    def on_load(self) -> None:
        for theme in THEMES:
            self.register_theme(theme)
        wanted = self._preferences.theme or self._state.theme
        if self._preferences.theme not in (None, *self.available_themes):
            self.config_problems.append(
                f"There is no theme {self._preferences.theme!r}; the palette (ctrl+p) has a list under Theme."
            )
        self.theme = wanted if wanted in self.available_themes else DARK.name
        self.set_keymap(dict(self.keys))
        if self._preferences.calm or self._preferences.ascii:
            self.animation_level = "none"

    async def on_mount(self) -> None:
        self.set_class(self._preferences.ascii, "-ascii")
        self.catch_signals()
        await self.push_screen(self.main)
        services = self.bridge.services

        def work(_token: CancelToken) -> str:
            assert services.catalog is not None
            return services.models.listening().model.name

        self.bridge.ask("open", work, self._opened, self._cannot_open)

    def _opened(self, model: str) -> None:
        self.model_name = model
        self._opened_library = True
        self.main.library.reload()
        self.crate.load()
        self.main.view.shown_again()
        self.bridge.watch_catalog()
        self.check_offline()
        self.tell_problems(self._greeting)

    def _cannot_open(self, error: MusicSimError) -> None:
        self.exit(return_code=1, message=Text(f"error: {error.title}\nhint: {error.hint}"))

    def library_loaded(self, tracks: int, *, first: bool) -> None:
        """The library view has its first rows, or new ones."""
        self.tracks = tracks
        self.refresh_header()
        if not first:
            return
        self.settle()
        self.land()
        self.began = True
        self.downloading.start(paused=self._state.downloads_paused)
        if self._prepare is not None:
            self.hearing.start((), prepare=self._prepare)
        elif self._state.unfinished is not None:
            self.hearing.start(
                [Path(path) for path in self._state.unfinished], paused=self._state.paused, resumed=True
            )
            self.say(
                "What was not finished is still paused: press 3."
                if self._state.paused
                else "Going on with what was not finished."
            )

    # What reaches it

    def on_answered(self, message: Answered) -> None:
        if not self.leaving:
            self.bridge.deliver(message)

    def on_catalog_changed(self, _message: CatalogChanged) -> None:
        if self._opened_library:
            self.crate.load()
            self.check_model()
            self.main.library.catalog_changed()
            if self.main.view is not self.main.library:
                self.main.view.catalog_changed()

    def on_noticed(self, message: Noticed) -> None:
        self.say(message.text, trouble=message.trouble)

    def on_hearing_changed(self, _message: HearingChanged) -> None:
        if self.leaving:
            return
        hearing = self.hearing
        if (now := (hearing.running, hearing.paused)) != self._was_hearing:
            ended = self._was_hearing[0] and not hearing.running
            self._was_hearing = now
            self.remember()
            if ended:
                self._hearing_ended()
        self.main.show_job()
        self.main.library.hearing_changed()
        if self.main.view is not self.main.library:
            self.main.view.hearing_changed()

    _was_hearing = (False, False)

    def _hearing_ended(self) -> None:
        self.check_offline()
        summary, error = self.hearing.summary, self.hearing.error
        if error is not None:
            self.say(f"{error.title} {error.hint}", trouble=True)
        elif summary is not None:
            failed = f", {summary.failed:,} failed: {self.trouble_key} tells why" if summary.failed else ""
            gone = f"; {gone_words(summary.missing)}" if summary.missing else ""
            stopped = "Stopped: " if summary.cancelled else ""
            self.say(f"{stopped}{count(summary.added, 'track')} added{failed}{gone}")
