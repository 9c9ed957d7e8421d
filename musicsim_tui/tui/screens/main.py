"""The one screen that everything stands on: tabs, the view, one line of news, one line of keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.containers import Horizontal
from textual.events import DescendantFocus, Paste
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Input, Static

from musicsim_tui.tui.keymap import BY_ID, FOOTERS, Where, bindings, main_key
from musicsim_tui.tui.listings import Listing
from musicsim_tui.tui.screens.library import LibraryView
from musicsim_tui.tui.screens.view import TrackView, View
from musicsim_tui.tui.text import cells, safe, shown
from musicsim_tui.tui.widgets.field import keep_typing
from musicsim_tui.tui.widgets.lines import Pieces
from musicsim_tui.tui.widgets.playing import PlayingLine
from musicsim_tui.wording import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingsMap, BindingType
    from textual.dom import DOMNode

    from musicsim_tui.tui.app import MusicApp
    from musicsim_tui.tui.screens.crate import CrateView
    from musicsim_tui.tui.screens.downloads import DownloadsView
    from musicsim_tui.tui.screens.ingest import IngestView
    from musicsim_tui.tui.screens.search import SearchView
    from musicsim_tui.tui.screens.trouble import TroubleView
    from musicsim_tui.tui.state import AppState

VIEWS = ("library", "downloads", "ingest", "search", "crate")
_SHORT = {"library": ("Library", "Lib"), "downloads": ("Downloads", "Down")}
_SAID_SECONDS = 6.0
_BESIDE = 4
"""Cells of the line of news and the job that neither takes."""


class MainScreen(Screen[None]):
    """Tabs on top, the view below them, then news and the job, then keys."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.EVERYWHERE, prefix="app.")
    AUTO_FOCUS = ""

    def __init__(self, state: AppState) -> None:
        super().__init__()
        self._state = state
        self._said: object = None
        self._said_is_long = False

    @property
    def host(self) -> MusicApp:
        return cast("MusicApp", self.app)

    def compose(self) -> ComposeResult:
        front = self._state.view if self._state.view in VIEWS else "library"
        yield Pieces(id="tabs")
        with ContentSwitcher(initial=front, id="views"):
            for name in dict.fromkeys(("library", front)):
                yield self._make(name)
        with Horizontal(id="status"):
            yield PlayingLine(self.host.glyphs, id="playing")
            yield Static(id="said", markup=False)
            yield Static(id="job", markup=False)
        yield Pieces(gap=2, id="keys")

    def _make(self, name: str) -> View:
        """A view; its module is loaded with it."""
        state = self._state
        if name == "downloads":
            from musicsim_tui.tui.screens.downloads import DownloadsView

            return DownloadsView(state.playlist, id=name)
        if name == "ingest":
            from musicsim_tui.tui.screens.ingest import IngestView

            return IngestView(id=name)
        if name == "search":
            from musicsim_tui.tui.screens.search import SearchView
            from musicsim_tui.tui.searching import read_query

            trail = [query for text in state.trail if (query := read_query(text)) is not None]
            return SearchView(trail, state.trail_at, id=name)
        if name == "crate":
            from musicsim_tui.tui.screens.crate import CrateView

            return CrateView(id=name)
        if name == "trouble":
            from musicsim_tui.tui.screens.trouble import TroubleView

            return TroubleView(id=name)
        return LibraryView(Listing(state.filter, state.sort, state.descending), id=name)

    async def complete(self) -> None:
        """Make the views that the first frame does without; what asks for them comes after this."""
        if self.is_complete:
            return
        views = self.query_one("#views", ContentSwitcher)
        for name in (*VIEWS, "trouble"):
            if not views.query_children(f"#{name}"):
                await views.add_content(self._make(name))
        self.is_complete = True

    is_complete = False
    """Whether all views are there."""

    @property
    def _binding_chain(self) -> list[tuple[DOMNode, BindingsMap]]:
        return keep_typing(self.focused, super()._binding_chain)

    def on_mount(self) -> None:
        self.show_lines()
        self.host.drawn()

    @property
    def view_name(self) -> str:
        return self.query_one("#views", ContentSwitcher).current or "library"

    @property
    def view(self) -> View:
        return self.query_one(f"#{self.view_name}", View)

    @property
    def library(self) -> LibraryView:
        return self.query_one(LibraryView)

    @property
    def downloads(self) -> DownloadsView:
        return cast("DownloadsView", self.query_one("#downloads"))

    @property
    def ingest(self) -> IngestView:
        return cast("IngestView", self.query_one("#ingest"))

    @property
    def search(self) -> SearchView:
        return cast("SearchView", self.query_one("#search"))

    @property
    def crate(self) -> CrateView:
        return cast("CrateView", self.query_one("#crate"))

    @property
    def trouble(self) -> TroubleView:
        return cast("TroubleView", self.query_one("#trouble"))

    @property
    def track_views(self) -> Iterable[TrackView]:
        """The views that list tracks."""
        return self.query(TrackView)

    def show_view(self, name: str) -> None:
        """Bring a view to the front."""
        self.query_one("#views", ContentSwitcher).current = name
        self.show_lines()
        self.view.shown_again()
        self.land()

    def land(self) -> None:
        """Give the keys to the view in front, unless a field in it has them."""
        view, focused = self.view, self.focused
        target = view.landing()
        inside = focused is not None and view in focused.ancestors_with_self and focused.display
        if target is not None and not (inside and isinstance(focused, Input)):
            self.set_focus(target)  # now, not by a message: the next key of a burst is meant for it

    def show_lines(self) -> None:
        """Bring tabs and keys up to date."""
        keys = self.host.keys
        size = self.host.crate.size
        tabs = [
            (
                name,
                main_key(BY_ID[f"view.{name}"], keys),
                BY_ID[f"view.{name}"].label + (f" {size:,}" if size is not None and name == "crate" else ""),
            )
            for name in VIEWS
        ]
        if self.view_name == "trouble":
            tabs.append(("trouble", main_key(BY_ID["trouble"], keys), BY_ID["trouble"].label))
        short = [(name, key, word.replace(*_SHORT.get(name, ("", "")))) for name, key, word in tabs]
        self.query_one("#tabs", Pieces).set_pieces(tabs, short, self._bare(tabs), active=self.view_name)
        place = self.view_name
        if place == "library" and self.library.empty:
            place = "welcome"
        elif isinstance(self.focused, Input):
            place = "filter"
        elif place == "crate" and not self.host.crate.size:
            place = "empty crate"
        elif place == "downloads" and self.downloads.empty:
            place = "no downloads"
        footer = [(name, main_key(BY_ID[name], keys), BY_ID[name].label) for name in FOOTERS[place]]
        if place == "welcome":
            footer[0] = ("list.choose", footer[0][1], "Choose")
        elif place == "filter":
            footer = [("escape", "enter", "To the list"), *footer]
        self.query_one("#keys", Pieces).set_pieces(footer)

    def _bare(self, tabs: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
        """Tabs without words, but for the one in front and the size of the crate."""
        bare = []
        for name, key, word in tabs:
            kept = name in (self.view_name, "trouble")
            bare.append((name, key, word if kept else word.removeprefix(BY_ID[f"view.{name}"].label).strip()))
        return bare

    def show_library(self, model: str, tracks: int | None) -> None:
        """Say in the header which model listens, and how much it has heard."""
        dot = f" {self.host.glyphs.dot} "
        heard = "" if tracks is None else count(tracks, "track")
        self.query_one("#tabs", Pieces).set_note(dot.join(part for part in (model, heard) if part), model)

    def show_job(self) -> None:
        """Say what is heard and what is fetched."""
        from musicsim_tui.tui.download_words import job_words as fetching_words
        from musicsim_tui.tui.screens.ingest import job_words

        dot = self.host.glyphs.dot
        heard = job_words(self.host.hearing, dot)
        fetched = fetching_words(self.host.downloading, dot, short=bool(heard))
        self.query_one("#job", Static).update(safe("  ".join(filter(None, (fetched, heard)))))

    def show_playing(self) -> None:
        """Say what plays; news goes before it, for some seconds."""
        preview = self.host.preview
        line = self.query_one(PlayingLine)
        line.display = preview.sounding and self._said is None
        self.query_one("#said").display = not line.display
        self.query_one("#job").display = not self._said_is_long
        line.set_playing(preview.playing, preview.state)

    @on(PlayingLine.Sought)
    def _sought(self, event: PlayingLine.Sought) -> None:
        self.host.preview.seek_share(event.share)

    def say(self, text: str, *, trouble: bool = False) -> None:
        """News, for some seconds: one line beside the job, or as many as it takes in place of it."""
        line = self.query_one("#said", Static)
        line.set_class(trouble, "-trouble")
        line.update(safe(text))
        self._said = said = object()
        job = cells(str(self.query_one("#job", Static).render()))
        self._said_is_long = cells(shown(text)) > self.size.width - _BESIDE - job
        self.show_playing()

        def fade() -> None:
            if self._said is said and self.is_mounted:
                line.update("")
                self._said = None
                self._said_is_long = False
                self.show_playing()

        self.set_timer(_SAID_SECONDS * (2 if trouble else 1), fade)

    @on(DescendantFocus)
    def _focus_moved(self) -> None:
        self.show_lines()

    def on_paste(self, event: Paste) -> None:
        """What is pasted outside any field is meant for the open box."""
        lines = event.text.strip().splitlines()
        if lines:
            self.host.open_box(lines[0])

    @on(Pieces.Pressed, "#tabs")
    def _tab_pressed(self, event: Pieces.Pressed) -> None:
        self.show_view(event.name)

    @on(Pieces.Pressed, "#keys")
    async def _key_pressed(self, event: Pieces.Pressed) -> None:
        await self.host.run_command(event.name)
