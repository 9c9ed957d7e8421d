"""The app: its parts, and what reaches it."""

from __future__ import annotations

import logging
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from musicsim_tui.services import Services
from musicsim_tui.tui.bridge import Answered, Bridge, CatalogChanged, Noticed
from musicsim_tui.tui.crate import OpenCrate
from musicsim_tui.tui.downloading import Downloading
from musicsim_tui.tui.glyphs import ASCII, UNICODE
from musicsim_tui.tui.hearing import Hearing, HearingChanged
from musicsim_tui.tui.history import History
from musicsim_tui.tui.keymap import Where, bindings, check_keymap
from musicsim_tui.tui.marks import Marked, Marks, entry_ids, track_ids
from musicsim_tui.tui.palette import CommandProvider, TrackProvider
from musicsim_tui.tui.preferences import Preferences
from musicsim_tui.tui.preview import Preview
from musicsim_tui.tui.screens.main import MainScreen
from musicsim_tui.tui.starting import Starting
from musicsim_tui.tui.state import FILE_NAME, StateFile, load_state
from musicsim_tui.wording import count

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from textual.binding import BindingType

    from musicsim_tui.settings import Settings
    from musicsim_tui.tui.hearing import Preparation

log = logging.getLogger(__name__)

_CALM_PACE_SECONDS = 2.0
"""How often a job may move on the screen where there are to be few refreshes."""


class MusicApp(Starting, inherit_bindings=False):
    """One library, open on the screen."""

    TITLE = "musicsim-tui"
    CSS_PATH: ClassVar[list[str | PurePath]] = ["styles/app.tcss"]
    COMMANDS: ClassVar[set[Callable[[], type]]] = {lambda: CommandProvider, lambda: TrackProvider}  # type: ignore[assignment]
    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.ALWAYS)
    ENABLE_COMMAND_PALETTE = False  # with a key of its own; ours is one of the view's commands
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

    # What reaches it

    def on_answered(self, message: Answered) -> None:
        if not self.leaving:
            self.bridge.deliver(message)

    async def on_catalog_changed(self, _message: CatalogChanged) -> None:
        if self._drawn and self._opened_library:
            await self.main.complete()
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
        from musicsim_tui.tui.screens.ingest import gone_words

        self.check_offline()
        summary, error = self.hearing.summary, self.hearing.error
        if error is not None:
            self.say(f"{error.title} {error.hint}", trouble=True)
        elif summary is not None:
            failed = f", {summary.failed:,} failed: {self.trouble_key} tells why" if summary.failed else ""
            gone = f"; {gone_words(summary.missing)}" if summary.missing else ""
            if summary.offline:
                gone += f"; {count(len(summary.offline), 'folder')} offline, nothing there was touched"
            stopped = "Stopped: " if summary.cancelled else ""
            self.say(f"{stopped}{count(summary.added, 'track')} added{failed}{gone}")
