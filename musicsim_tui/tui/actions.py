"""What the keys do that work everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.message import Message
from textual.widget import Widget

from musicsim_tui.errors import UnmetRequest
from musicsim_tui.tui.collector import Collecting
from musicsim_tui.tui.keymap import BY_ID, Where, main_key
from musicsim_tui.tui.paths import nearest_folder
from musicsim_tui.tui.screens.main import MainScreen
from musicsim_tui.tui.text import shown, writable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.timer import Timer

    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.track import Track
    from musicsim_tui.tui.bridge import Bridge
    from musicsim_tui.tui.hearing import Hearing
    from musicsim_tui.tui.screens.open_box import Opened

LOOK_SECONDS = 20.0
"""How often it is seen whether the remembered folders can be reached."""
LOOK_AGAIN_SECONDS = 5.0
"""How long after one could not be reached it is tried again."""
OPEN_DEMO = "demo"
"""The app's answer when the demo library is to be opened next."""


class DemoWanted(Message):
    """Another library is to be opened: that of the demo."""


class Actions(Collecting):
    """The app's actions; its parts and its life are in `MusicApp`."""

    bridge: Bridge
    hearing: Hearing
    main: MainScreen
    model_name: str
    keys: Mapping[str, str]
    leaving = False
    """Whether the app is on its way out: what jobs still tell finds no screen."""

    def key(self, name: str) -> str:
        """The key of a command, as it is bound now."""
        return main_key(BY_ID[name], self.keys)

    # Views

    @property
    def view_name(self) -> str:
        return self.main.view_name

    def show_view(self, name: str) -> None:
        self.main.show_view(name)

    def action_view(self, name: str) -> None:
        self.main.show_view(name)

    def land(self) -> None:
        """Give the keys to the view, when no box is open."""
        if self.screen is self.main:
            self.main.land()

    def say(self, text: str, *, trouble: bool = False) -> None:
        self.main.say(text, trouble=trouble)

    def copy_to_clipboard(self, text: str) -> None:
        super().copy_to_clipboard(writable(text))

    def copy_place(self, place: str) -> None:
        """Copy a path or a link, and say what was copied."""
        self.copy_to_clipboard(place)
        inexact = "" if writable(place) == place else " - not the exact name, which is not UTF-8."
        self.say(f"Copied {shown(place)}{inexact}", trouble=bool(inexact))

    def action_escape(self) -> None:
        self.main.view.escape()

    async def run_command(self, name: str) -> None:
        """Do what a command's key does, where its key would do it."""
        command = BY_ID[name]
        if command.where is Where.EVERYWHERE:
            await self.run_action(f"app.{command.action}")
            return
        focused = self.main.focused
        nodes: list[Any] = list(focused.ancestors_with_self) if focused is not None else []
        for node in [*nodes, self.main.view]:
            if isinstance(node, Widget) and hasattr(node, f"action_{command.action.partition('(')[0]}"):
                await self.run_action(command.action, default_namespace=node)
                return
        self.say(f"{command.help}: not here")

    # Finding

    def find_similar(self, track: Track) -> None:
        """Search with a track of the library."""
        from musicsim_tui.tui.searching import query_of

        self.main.show_view("search")
        self.main.search.search(query_of(track))

    def search_file(self, path: Path) -> None:
        """Search with any audio file."""
        from musicsim_tui.tui.searching import SearchFor

        self.main.show_view("search")
        self.main.search.search(SearchFor(shown(path.stem), path=path))

    def action_browse(self) -> None:
        from musicsim_tui.tui.screens.pickers import FilePicker

        def take(path: Path | None) -> None:
            if path is not None:
                self.search_file(path)

        self.push_screen(FilePicker(nearest_folder(self._last_folder)), take)

    @property
    def _last_folder(self) -> Path:
        return self.bridge.services.settings.music_dir

    # Hearing

    def hear(self, paths: Sequence[Path] = (), *, retry_failed: bool = False) -> None:
        """Hear folders, or all that is remembered, and show it."""
        if not self.hearing.start(paths, retry_failed=retry_failed):
            self.say(
                "Something is being heard already; stop it first, or wait until it is done.", trouble=True
            )

    def browse_folder(self) -> None:
        from musicsim_tui.tui.screens.pickers import FolderPicker

        def take(path: Path | None) -> None:
            if path is not None:
                self.open_box(picked=path)

        self.push_screen(FolderPicker(nearest_folder(self._last_folder)), take)

    def action_browse_folder(self) -> None:
        self.browse_folder()

    def open_box(self, text: str = "", *, picked: Path | None = None) -> None:
        from musicsim_tui.tui.screens.open_box import OpenBox

        def take(opened: Opened | str | None) -> None:
            if opened is None:
                return
            if isinstance(opened, str):
                self.open_link(opened)
            elif opened.hear:
                self.show_view("ingest")
                self.hear([opened.path])
            else:
                self.search_file(opened.path)

        self.push_screen(OpenBox(text, picked), take)

    def open_link(self, link: str) -> None:
        """List what is behind a link."""
        raise LookupError("the app that fetches knows how")

    def action_open_box(self) -> None:
        self.open_box()

    def action_rescan(self) -> None:
        def take(any_roots: bool) -> None:
            if any_roots:
                self.hear()
                self.say("Looking for what is new in the remembered folders.")
            else:
                self.say(f"No folder is remembered yet; {self.key('open')} opens one.", trouble=True)

        catalog = self.bridge.services.catalog
        self.bridge.ask("rescan", lambda _token: bool(catalog.roots()), take)

    def open_demo(self) -> None:
        """Leave this library and open that of the demo."""
        self.post_message(DemoWanted())

    def check_offline(self) -> None:
        """Find out which remembered folders cannot be reached."""
        from musicsim_tui.ingest.plan import why_offline

        catalog = self.bridge.services.catalog

        def work(token: CancelToken) -> list[Path]:
            gone = []
            for root in catalog.roots():
                token.check()
                if why_offline(catalog, root.path) is not None:
                    gone.append(root.path)
            return gone

        if self._look_again is not None:
            self._look_again.stop()
            self._look_again = None
        self.bridge.ask("offline", work, self._take_offline)

    _look_again: Timer | None = None

    def _take_offline(self, roots: list[Path]) -> None:
        self.main.library.set_offline(roots)
        self.main.ingest.set_offline(roots)
        seconds = LOOK_AGAIN_SECONDS if roots else LOOK_SECONDS
        self._look_again = self.set_timer(seconds, self.check_offline)

    # The model

    def choose_model(self) -> None:
        from musicsim_tui.tui.screens.models import ModelScreen

        def take(name: str | None) -> None:
            if name is None or name == self.model_name:
                return
            self.model_name = name
            self.refresh_header()
            self.say(f"This library listens with {name} now.")
            self.check_model()
            if self.tracks:
                self.hear()

        self.push_screen(ModelScreen(self.model_name), take)

    def check_model(self) -> None:
        """Find out which model listens and which one answers: any process may choose another."""
        models = self.bridge.services.models

        def work(_token: CancelToken) -> tuple[str, str]:
            listening = models.listening().model.name
            try:
                return listening, models.answering().name
            except UnmetRequest:  # nothing has been heard
                return listening, ""

        self.bridge.ask("model in use", work, self._take_model)

    def _take_model(self, found: tuple[str, str]) -> None:
        listening, answering = found
        if listening != self.model_name:
            self.model_name = listening
            self.refresh_header()
        if answering:
            self.main.search.set_model(answering)

    tracks: int | None = None

    def refresh_header(self) -> None:
        from musicsim_tui.tui.screens.welcome import Welcome

        self.main.show_library(self.model_name, self.tracks)
        welcome = self.main.query_one(Welcome)
        if welcome.display:
            welcome.refresh_choices()

    def action_model(self) -> None:
        self.choose_model()

    # Help

    def action_help(self) -> None:
        from musicsim_tui.tui.screens.help import HelpScreen

        self.push_screen(HelpScreen())
