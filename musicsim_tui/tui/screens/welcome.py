"""What an empty library shows: what this is, and what to press."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import on
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static
from textual.widgets.option_list import Option

from musicsim_tui.tui.keymap import BY_ID, main_key
from musicsim_tui.tui.paths import nearest_folder
from musicsim_tui.tui.text import shown
from musicsim_tui.tui.widgets.choices import Choices
from musicsim_tui.wording import count, duration_words

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget

    from musicsim_tui.services.outlook import Outlook
    from musicsim_tui.tui.app import MusicApp

_WHAT = "Find music that sounds alike."
_HOW = (
    "musicsim-tui hears your music once, here on this machine. After that, enter "
    "on any track shows what sounds like it, at which moment, and why. Nothing is uploaded."
)


class Welcome(Vertical):
    """The first screen of a new library."""

    _outlook: Outlook | None = None

    @property
    def host(self) -> MusicApp:
        return cast("MusicApp", self.app)

    def compose(self) -> ComposeResult:
        yield Static(_WHAT, id="welcome-what", markup=False)
        yield Static(_HOW, id="welcome-how", markup=False)
        yield Choices(id="welcome-choices")

    def on_mount(self) -> None:
        self.refresh_choices()

    def look_ahead(self) -> None:
        """Find out what hearing the music folder would take."""

        def take(outlook: Outlook | None) -> None:
            self._outlook = outlook
            self.refresh_choices()

        self.host.bridge.ask("outlook", self.host.bridge.services.look_ahead, take, lambda _error: None)

    def _model_words(self) -> str:
        name = self.host.model_name or "builtin"
        needs = self._outlook.models.get(name) if self._outlook is not None else None
        if self._outlook is None or needs is None:
            return f"now {name}"
        music = count(self._outlook.tracks, "file")
        return f"now {name}: about {duration_words(needs.work_seconds)} for {music}"

    def landing(self) -> Widget:
        return self.query_one(Choices)

    def refresh_choices(self) -> None:
        """Say what there is now: the folder proposed, the model in use."""
        choices = self.query_one(Choices)
        at = choices.highlighted
        choices.clear_options()
        folder = nearest_folder(self.host.bridge.services.settings.music_dir)
        choices.add_options(
            [
                self._option("folder", "folder", "Hear a folder of music", f"picked from {shown(folder)}"),
                self._option("open", "open", "Type or paste a path", "a folder or a single file"),
                self._option("link", "open", "Paste a link", "a playlist, album, channel or video"),
                self._option("demo", "", "Try the demo library", "short pieces, made on this machine"),
                self._option("model", "model", "Choose how to listen", self._model_words()),
            ]
        )
        choices.highlighted = at or 0

    def _option(self, name: str, command: str, label: str, about: str) -> Option:
        key = main_key(BY_ID[command], self.host.keys) if command else "enter"
        return Option(
            Content.assemble(f"{label:<26}", (f"{key:<8}", "$accent"), (about, "$foreground-muted")), id=name
        )

    @on(Choices.OptionSelected)
    def _choose(self, event: Choices.OptionSelected) -> None:
        event.stop()
        actions = {
            "folder": self.host.browse_folder,
            "open": self.host.open_box,
            "link": self.host.open_box,
            "demo": self.host.open_demo,
            "model": self.host.choose_model,
        }
        actions[str(event.option.id)]()
