"""The library: every track, paged from the catalog, filtered as you type."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.widgets import Input

from musicsim_tui.errors import MusicSimError, UsageError
from musicsim_tui.library.query import parse_query
from musicsim_tui.tui.keymap import Where, bindings
from musicsim_tui.tui.listings import Listing, Listings
from musicsim_tui.tui.screens.view import TrackView
from musicsim_tui.tui.screens.welcome import Welcome
from musicsim_tui.tui.text import shown
from musicsim_tui.tui.widgets.columns import Column
from musicsim_tui.tui.widgets.filter_line import FilterLine
from musicsim_tui.tui.widgets.rows import PAGE_ROWS, PagedRows
from musicsim_tui.tui.widgets.track_table import TrackTable
from musicsim_tui.wording import clock, count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.timer import Timer
    from textual.widget import Widget

    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.listing import TrackListing
    from musicsim_tui.library.records import TrackRow
    from musicsim_tui.track import Track, TrackId
    from musicsim_tui.tui.screens.export import Source

_SOUNDS_SHOWN = 3
_PREPARED_AFTER_SECONDS = 0.3
_SAY_NOTHING = frozenset({"Music", "Musical instrument"})


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A listing's first look: the pages that are on the screen."""

    found: TrackListing
    pages: dict[int, list[TrackRow]]


def sounds_of(row: TrackRow) -> str:
    """The strongest sounds that tell something."""
    labels = [sound.label for sound in row.sounds if sound.label not in _SAY_NOTHING]
    return shown(", ".join(labels[:_SOUNDS_SHOWN]))


class LibraryView(TrackView):
    """All tracks, or those of a filter."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.LIBRARY)

    def __init__(self, listing: Listing, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.listing = listing
        self._everything: int | None = None
        self._counted = False
        self._speaks_of_missing = False
        self._listings = Listings()
        self._idle: Timer | None = None
        self._problem = ""
        self._shown: Listing | None = None
        self._offline: tuple[Path, ...] = ()
        self._sounds_shown = True

    def compose(self) -> ComposeResult:
        glyphs = self.host.glyphs
        yield FilterLine(self.listing.filter, id="filter-line")
        table: TrackTable[TrackRow] = TrackTable(
            self._columns(),
            lambda row: row.track.id,
            faint=lambda row: self.trouble_of(row) != "",
            glyphs=glyphs,
            id="tracks",
        )
        yield table
        welcome = Welcome(id="welcome")
        welcome.display = False
        yield welcome

    def on_mount(self) -> None:
        self.table.set_sorted(self.listing.sort, descending=self.listing.descending)
        self.marks_changed()

    @property
    def table(self) -> TrackTable[TrackRow]:
        return self.query_one("#tracks", TrackTable)

    def landing(self) -> Widget:
        welcome = self.query_one(Welcome)
        return welcome.landing() if welcome.display else self.table

    def _columns(self) -> list[Column[TrackRow]]:
        return [
            Column("title", "Title", lambda row: shown(row.track.title), 18, 70, 4, 0, tone="strong"),
            Column("artist", "Artist", lambda row: shown(row.track.tags.artist), 14, 44, 3, 1),
            Column("album", "Album", lambda row: shown(row.track.tags.album), 16, 44, 3, 4),
            Column(
                "year",
                "Year",
                lambda row: str(row.track.tags.year or ""),
                4,
                4,
                0,
                5,
                right=True,
                tone="faint",
            ),
            Column("len", "Len", lambda row: clock(row.track.duration), 7, 7, 0, 2, right=True, tone="faint"),
            Column("sounds", "Sounds", self._sounds_or_trouble, 18, 60, 3, 3, tone="faint"),
            Column("added", "Added", _date, 10, 10, 0, 6, tone="faint"),
        ]

    def _sounds_or_trouble(self, row: TrackRow) -> str:
        return self.trouble_of(row) or sounds_of(row)

    def trouble_of(self, row: TrackRow) -> str:
        """Why the track's files cannot be played now, in words; empty when they can."""
        if row.track.missing:
            return "file missing"
        paths = row.track.paths
        if paths and self._offline and all(self._is_offline(path) for path in paths):
            return "disk offline"
        return ""

    def _is_offline(self, path: Path) -> bool:
        return any(path.is_relative_to(root) for root in self._offline)

    def set_offline(self, roots: Sequence[Path]) -> None:
        """Tracks below these folders are shown as out of reach."""
        if tuple(roots) != self._offline:
            self._offline = tuple(roots)
            self.reload()

    # Which tracks

    def reload(self, *, keep: bool = True, recount: bool = True) -> None:
        """Ask the catalog for the listing as it is now; what stands there stays until the answer comes.

        `recount` where the library itself may have changed, and not only what is asked of it.
        """
        table = self.table
        listing = self.listing
        if recount:
            self._counted = False
            self._listings.forget()
        try:
            query = parse_query(listing.filter, lenient=True)
            found = self._listings.get(self.host.bridge.services.catalog, listing, query)
        except MusicSimError as error:
            self.host.bridge.abandon("listing")
            self._cannot_read(error)
            return
        self._problem = ""
        self._speaks_of_missing = query.speaks_of_missing
        keep = keep and self._shown == listing
        first = int(table.scroll_offset.y) if keep else 0
        wanted = sorted({first // PAGE_ROWS, (first + table.page_rows) // PAGE_ROWS})

        def work(token: CancelToken) -> _Loaded:
            return _Loaded(found, {page: found.rows(page * PAGE_ROWS, PAGE_ROWS, token) for page in wanted})

        for stale in ("total", "prepare"):
            self.host.bridge.abandon(stale)
        if self._idle is not None:
            self._idle.stop()
        self.host.bridge.ask(
            "listing", work, lambda loaded: self._take(listing, loaded, keep=keep), self._cannot_read
        )

    def _take(self, listing: Listing, loaded: _Loaded, *, keep: bool) -> None:
        found = loaded.found
        total = found.known_total
        if total is None:
            # Until it is known, the number before stands: the scroll bar does not jump to and fro.
            ends = (page * PAGE_ROWS + len(rows) for page, rows in loaded.pages.items())
            total = max(self.table.rows.total, *ends)
        rows: PagedRows[TrackRow] = PagedRows(
            total, lambda page, arrived: self._fetch(found, page, arrived), self.table.rows_changed
        )
        for page, content in loaded.pages.items():
            rows.put(page, content)
        note = f"No track matches. {self.key('escape')} clears the filter." if listing.filter else ""
        self._shown = listing
        self._choose_columns([row for content in loaded.pages.values() for row in content])
        self.table.show(rows, keep=keep, note=note)
        if self._everything is None:
            self.host.land()
        if found.known_total is not None and self._counted:
            self._tell_count(total)
            self._prepare_when_idle(found, rows)
        else:
            self._ask_total(found, rows)

    def _ask_total(self, found: TrackListing, rows: PagedRows[TrackRow]) -> None:
        """The number of rows follows the first of them; the next key press makes it stale."""
        catalog = self.host.bridge.services.catalog
        everything = self._everything if self._counted else None

        def work(token: CancelToken) -> tuple[int, int]:
            total = found.total(token)
            if everything is not None:
                return total, everything
            return total, catalog.listing().total(token)

        def take(counted: tuple[int, int]) -> None:
            total, known = counted
            if total != rows.total:
                rows.set_total(total)
                self.table.total_changed()
            first = self._everything is None
            self._everything, self._counted = known, True
            self._show_empty()
            self._tell_count(total)
            self.host.library_loaded(known, first=first)
            self._prepare_when_idle(found, rows)

        self.host.bridge.ask("total", work, take, self._cannot_read)

    def _prepare_when_idle(self, found: TrackListing, rows: PagedRows[TrackRow]) -> None:
        """Make ready for scrolling and jumping, once nothing has been typed for a moment."""

        def prepare() -> None:
            rows.fetch_ahead()
            self.table.look()
            self.host.bridge.ask("prepare", found.prepare, lambda _: None, lambda _error: None)

        self._idle = self.set_timer(_PREPARED_AFTER_SECONDS, prepare)

    def _choose_columns(self, rows: Sequence[TrackRow]) -> None:
        """Without anything to say of sounds, their column leaves its room to others."""
        speaks = any(self._sounds_or_trouble(row) for row in rows)
        if speaks is not self._sounds_shown:
            self._sounds_shown = speaks
            self.table.set_columns([column for column in self._columns() if speaks or column.id != "sounds"])

    def _fetch(
        self, found: TrackListing, page: int, arrived: Callable[[Sequence[TrackRow] | None], None]
    ) -> None:
        self.host.bridge.ask(
            "page",
            lambda token: found.rows(page * PAGE_ROWS, PAGE_ROWS, token),
            arrived,
            lambda _error: arrived(None),
        )

    def _cannot_read(self, error: MusicSimError) -> None:
        """A filter that makes no sense yet, or a catalog that cannot be read: say why, keep what is shown."""
        self._problem = error.hint.split(". ")[0].rstrip(".")
        if not isinstance(error, UsageError):
            self._problem = error.title.rstrip(".")
            self.host.tell_trouble(error)
        self.query_one(FilterLine).note(self._problem, trouble=True)

    def _tell_count(self, total: int) -> None:
        if self._problem:
            return
        everything = self._everything or 0
        marked = f"{len(self.host.marks):,} marked   " if len(self.host.marks) else ""
        if self._speaks_of_missing:  # the library's number leaves out the missing
            text = count(total, "track")
        else:
            text = f"{total:,} of {everything:,}" if self.listing.filter else count(everything, "track")
        self.query_one(FilterLine).note(marked + text, trouble=False)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to list, and nothing on its way."""
        return self._everything == 0 and not self.host.hearing.running

    def _show_empty(self) -> None:
        """An empty library shows what to do instead of an empty table."""
        empty = self.empty
        welcome = self.query_one(Welcome)
        if welcome.display == empty:
            return
        welcome.display = empty
        if empty:
            welcome.refresh_choices()
            welcome.look_ahead()
        self.table.display = not empty
        self.query_one("#filter-line").display = not empty
        self.host.main.show_lines()
        if self.host.view_name == self.id:
            self.host.call_after_refresh(self.host.land)

    def catalog_changed(self) -> None:
        self.reload()

    def hearing_changed(self) -> None:
        if self._everything == 0:
            self._show_empty()
            if self.host.hearing.running:
                self.table.show(self.table.rows, note="The first tracks are being heard. They appear here.")

    @on(Input.Changed, "#filter")
    def _filter_typed(self, event: Input.Changed) -> None:
        if event.value != self.listing.filter:
            self.listing = replace(self.listing, filter=event.value)
            self.reload(keep=False, recount=False)

    @on(Input.Submitted, "#filter")
    def _filter_done(self) -> None:
        self.screen.set_focus(self.table)

    def action_filter(self) -> None:
        self.screen.set_focus(self.query_one("#filter", Input))

    def escape(self) -> bool:
        field = self.query_one("#filter", Input)
        if field.has_focus:
            self.screen.set_focus(self.table)
            return True
        if field.value:
            field.value = ""
            return True
        return False

    def action_sort(self) -> None:
        from musicsim_tui.tui.screens.sort import SortScreen

        def sort(chosen: tuple[str, bool] | None) -> None:
            if chosen is not None:
                self.listing = replace(self.listing, sort=chosen[0], descending=chosen[1])
                self.table.set_sorted(chosen[0], descending=chosen[1])
                self.reload(keep=False, recount=False)

        self.host.push_screen(SortScreen(self.listing.sort, descending=self.listing.descending), sort)

    # Tracks

    def track_at_cursor(self) -> Track | None:
        row = self.table.row_at_cursor
        return None if row is None else row.track

    def list_name(self) -> str:
        return self.listing.filter or "Library"

    def listed_tracks(self) -> Source | None:
        from musicsim_tui.tui.screens.export import listed_tracks

        catalog, listing = self.host.bridge.services.catalog, self.listing
        return listed_tracks(catalog, listing.filter, listing.sort, descending=listing.descending)

    def move_cursor(self, rows: int) -> None:
        self.table.move_to(self.table.cursor + rows)

    def playing_changed(self, playing: TrackId | None) -> None:
        self.table.set_playing(playing)

    @on(TrackTable.Highlighted)
    def _highlighted(self) -> None:
        self.host.audition_row()

    def marks_changed(self) -> None:
        self.table.set_marks(self.host.marks)
        if self._everything is not None:
            self._tell_count(self.table.rows.total)

    def action_mark_all(self) -> None:
        catalog, listing = self.host.bridge.services.catalog, self.listing

        def work(_token: CancelToken) -> list[TrackId]:
            query = parse_query(listing.filter, lenient=True)
            return catalog.sorted_ids(query, listing.sort, descending=listing.descending)

        def take(tracks: list[TrackId]) -> None:
            self.host.marks.add(tracks)
            self.host.marks_changed()

        self.host.bridge.ask("mark all", work, take)

    @on(TrackTable.Chosen)
    def _chosen(self, event: TrackTable.Chosen[TrackRow]) -> None:
        self.host.find_similar(event.row.track)


def _date(row: TrackRow) -> str:
    return datetime.fromtimestamp(row.track.added).strftime("%Y-%m-%d")
