"""The crate: the tracks that a person has gathered, in an order of their own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input, Static

from musicsim_tui.library.query import parse_query
from musicsim_tui.tui.keymap import BY_ID, Where, bindings, main_key
from musicsim_tui.tui.screens.library import sounds_of
from musicsim_tui.tui.screens.view import TrackView
from musicsim_tui.tui.text import safe, shown
from musicsim_tui.tui.widgets.columns import Column
from musicsim_tui.tui.widgets.field import Field
from musicsim_tui.tui.widgets.keyed_rows import KeyedRows, Placed
from musicsim_tui.tui.widgets.message import Message
from musicsim_tui.tui.widgets.track_table import TrackTable
from musicsim_tui.wording import clock, count

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widget import Widget

    from musicsim_tui.errors import MusicSimError
    from musicsim_tui.library.crates import CrateChange
    from musicsim_tui.library.records import TrackRow
    from musicsim_tui.track import Track, TrackId
    from musicsim_tui.tui.crate import CrateContent

_LEAST_DIGITS = 3


class CrateView(TrackView):
    """The tracks of the crate that is open, as the catalog has them."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.CRATE)

    def __init__(self, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._rows: KeyedRows[TrackId, TrackRow] = KeyedRows(self._fetch, self._arrived)
        self._shown: tuple[str, str] | None = None
        self._listed: Sequence[TrackId] = ()
        self._filter = ""
        self._digits = _LEAST_DIGITS

    def compose(self) -> ComposeResult:
        yield Static(id="crate-head", markup=False)
        with Horizontal(id="crate-filter-line"):
            yield Static("/", id="crate-filter-sign", markup=False)
            yield Field(placeholder="filter", id="crate-filter", compact=True, select_on_focus=False)
            yield Static(id="crate-filter-count", markup=False)
        yield TrackTable[Placed["TrackRow"]](
            self._columns(),
            lambda placed: placed.row.track.id,
            faint=lambda placed: self._trouble_of(placed.row) != "",
            glyphs=self.host.glyphs,
            id="crate-tracks",
        )
        yield Message(id="crate-message", markup=False)

    def on_mount(self) -> None:
        self.query_one("#crate-filter-line").display = False
        self.marks_changed()
        self.show_crate()

    @property
    def table(self) -> TrackTable[Placed[TrackRow]]:
        return self.query_one("#crate-tracks", TrackTable)

    @property
    def _message(self) -> Message:
        return self.query_one("#crate-message", Message)

    def landing(self) -> Widget:
        return self.table if self.table.display else self._message

    def _columns(self, digits: int = _LEAST_DIGITS) -> list[Column[Placed[TrackRow]]]:
        return [
            Column(
                "place", "#", lambda placed: str(placed.place), digits, digits, 0, 0, right=True, tone="faint"
            ),
            Column(
                "title", "Title", lambda placed: shown(placed.row.track.title), 18, 70, 8, 0, tone="strong"
            ),
            Column("artist", "Artist", lambda placed: shown(placed.row.track.tags.artist), 14, 44, 6, 1),
            Column("album", "Album", lambda placed: shown(placed.row.track.tags.album), 16, 44, 6, 4),
            Column(
                "len",
                "Len",
                lambda placed: clock(placed.row.track.duration),
                7,
                7,
                0,
                2,
                right=True,
                tone="faint",
            ),
            Column("sounds", "Sounds", self._sounds_or_trouble, 14, 60, 6, 3, tone="faint"),
        ]

    def _trouble_of(self, row: TrackRow) -> str:
        return self.host.main.library.trouble_of(row)

    def _sounds_or_trouble(self, placed: Placed[TrackRow]) -> str:
        return self._trouble_of(placed.row) or sounds_of(placed.row)

    # What it shows

    def show_crate(self) -> None:
        """Draw the crate as it is now."""
        crate = self.host.crate
        content = crate.content
        self._head(content)
        if crate.error is not None:
            self._say(self._error_words(crate.error))
        elif content is None:
            self._say(Content("Opening the crate ..."))
        elif not content.tracks:
            self._listed = ()
            self._say(self._invitation())
        elif self._filter:
            self._ask_filter(content)
        else:
            self._list(content, content.tracks)

    def _list(
        self, content: CrateContent, tracks: Sequence[TrackId], places: Sequence[int] | None = None
    ) -> None:
        same = self._shown == (content.name, self._filter)
        self._shown, self._listed = (content.name, self._filter), tracks
        self._rows.set_keys(tracks, places)
        digits = max(_LEAST_DIGITS, len(str(len(content.tracks))))
        if digits != self._digits:
            self._digits = digits
            self.table.set_columns(self._columns(digits))
        self._say(None)
        table, top = self.table, self.table.scroll_offset.y
        table.show(self._rows, keep=same, note=f"No track matches. {self.key('escape')} clears the filter.")
        if same:  # the list stays where it is, and the cursor goes with its track
            table.scroll_to(y=top, animate=False)
            table.move_to(table.cursor)
        self._tell_count()

    def _ask_filter(self, content: CrateContent) -> None:
        catalog, text = self.host.bridge.services.catalog, self._filter

        def take(found: set[TrackId]) -> None:
            numbered = [
                (place, track) for place, track in enumerate(content.tracks, start=1) if track in found
            ]
            self._list(content, [track for _, track in numbered], [place for place, _ in numbered])

        self.host.bridge.ask(
            "crate filter",
            lambda _token: catalog.which_match(content.tracks, parse_query(text, lenient=True)),
            take,
            self._cannot_filter,
        )

    def _cannot_filter(self, error: MusicSimError) -> None:
        line = self.query_one("#crate-filter-count", Static)
        line.update(safe(error.hint.split(". ")[0].rstrip(".")))
        line.add_class("-trouble")

    def _tell_count(self) -> None:
        content = self.host.crate.content
        line = self.query_one("#crate-filter-count", Static)
        line.remove_class("-trouble")
        if content is not None:
            line.update(f"{len(self._listed):,} of {len(content.tracks):,}")

    def _head(self, content: CrateContent | None) -> None:
        name = self.host.crate.name if content is None else content.name
        parts = [Content.styled("crate  ", "$foreground-muted"), safe(name, "bold $primary")]
        if content is not None and content.tracks:
            dot = self.host.glyphs.dot
            length = f"   {count(len(content.tracks), 'track')} {dot} {clock(content.seconds)}"
            parts.append(Content.styled(length, "$foreground-muted"))
        if content is not None and len(content.crates) > 1:
            key = self.key("crate.pick")
            others = f"   one of {count(len(content.crates), 'crate')}: {key} picks"
            parts.append(Content.styled(others, "$foreground-muted"))
        self.query_one("#crate-head", Static).update(Content.assemble(*parts))

    def _invitation(self) -> Content:
        keys = {name: main_key(BY_ID[name], self.host.keys) for name in ("crate.add", "crate.pick")}
        return Content.assemble(
            ("Nothing is in this crate yet.\n\n", "bold"),
            "A crate is a list of tracks that you gather while you listen,\nto play again or to export as a"
            " playlist.\n\n",
            (keys["crate.add"], "$accent"),
            " on a track in Library or Search puts it here, or all the marked ones;\n",
            (keys["crate.pick"], "$accent"),
            " picks another crate or makes one.",
        )

    def _error_words(self, error: MusicSimError) -> Content:
        again = f"{self.key('view.crate')} tries again"
        return Content.assemble(
            safe(error.title, "bold $error"), "\n", safe(error.hint), "\n\n", (again, "$foreground-muted")
        )

    def _say(self, text: Content | None) -> None:
        """Show a message in place of the list, or the list."""
        changes = self.table.display is not (text is None)
        self.table.display = text is None
        self._message.display = text is not None
        if text is not None:
            self._message.update(text)
            self.query_one("#crate-filter-line").display = False
        if changes and self.host.view_name == self.id:
            self.host.call_after_refresh(self.host.land)

    def _fetch(
        self, tracks: Sequence[TrackId], arrived: Callable[[Mapping[TrackId, TrackRow] | None], None]
    ) -> None:
        catalog = self.host.bridge.services.catalog
        self.host.bridge.ask(
            "crate rows", lambda _token: catalog.tracks_by_id(tracks), arrived, lambda _error: arrived(None)
        )

    def _arrived(self) -> None:
        self.table.rows_changed()

    def catalog_changed(self) -> None:
        self._rows.refetch()

    def shown_again(self) -> None:
        self._rows.refetch()
        if self.host.crate.error is not None:
            self.host.crate.load()
        elif self.host.crate.content is not None:
            self.show_crate()

    # Filter

    @on(Input.Changed, "#crate-filter")
    def _filter_typed(self, event: Input.Changed) -> None:
        if event.value != self._filter:
            self._filter = event.value
            self.host.bridge.abandon("crate filter")
            self.show_crate()

    @on(Input.Submitted, "#crate-filter")
    def _filter_done(self) -> None:
        self.screen.set_focus(self.table)

    def action_filter(self) -> None:
        if self.table.display:
            self.query_one("#crate-filter-line").display = True
            self.screen.set_focus(self.query_one("#crate-filter", Input))

    def escape(self) -> bool:
        field = self.query_one("#crate-filter", Input)
        line = self.query_one("#crate-filter-line")
        if field.has_focus:
            self.screen.set_focus(self.table)
            line.display = bool(field.value)
            return True
        if field.value:
            field.value = ""
            line.display = False
            return True
        return False

    # Order and contents

    def action_move(self, by: int) -> None:
        """Move the row at the cursor that many places."""
        track = self.track_at_cursor()
        if track is None:
            return
        if self._filter:
            self.host.say(f"{self.key('escape')} clears the filter; then rows can be moved.", trouble=True)
        else:
            self.host.crate.shift(track.id, by, partial(self._moved, track.id))

    def _moved(self, track: TrackId, change: CrateChange) -> None:
        if change.before == change.after:
            return
        self.host.crate.did(change, f"one track moved in the crate {shown(change.name)}")
        if not self._filter and track in change.after:
            self.table.move_to(change.after.index(track))

    def action_remove(self) -> None:
        """Take the marked tracks of the list, else the one at the cursor, out of the crate."""
        marked = [track for track in self._listed if track in self.host.marks]
        track = self.track_at_cursor()
        tracks = marked or ([] if track is None else [track.id])
        if tracks:
            self.host.crate.remove(tracks, partial(self._removed, tracks))

    def _removed(self, tracks: Sequence[TrackId], change: CrateChange) -> None:
        gone = len(change.before) - len(change.after)
        if not gone:
            return
        words = f"{count(gone, 'track')} taken out of the crate {shown(change.name)}"
        self.host.unmark_with(change, words, tracks)
        self.host.say(f"{words}; {self.key('undo')} puts back. No file is touched.")

    # Tracks

    def track_at_cursor(self) -> Track | None:
        placed = self.table.row_at_cursor if self.table.display else None
        return None if placed is None else placed.row.track

    def shown_tracks(self) -> Sequence[TrackId]:
        return self._listed

    def list_name(self) -> str:
        return self.host.crate.name

    def move_cursor(self, rows: int) -> None:
        self.table.move_to(self.table.cursor + rows)

    def playing_changed(self, playing: TrackId | None) -> None:
        self.table.set_playing(playing)

    def marks_changed(self) -> None:
        self.table.set_marks(self.host.marks)

    @on(TrackTable.Highlighted)
    def _highlighted(self) -> None:
        self.host.audition_row()

    @on(TrackTable.Chosen)
    def _chosen(self, event: TrackTable.Chosen[Placed[TrackRow]]) -> None:
        self.host.find_similar(event.row.row.track)
