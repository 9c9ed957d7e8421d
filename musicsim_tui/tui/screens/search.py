"""What sounds like this: results in place, and the trail of queries that led here."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.content import Content
from textual.widgets import Static

from musicsim_tui.errors import MusicSimError, UnmetRequest
from musicsim_tui.tui.keymap import Where, bindings
from musicsim_tui.tui.screens.view import TrackView
from musicsim_tui.tui.searching import Result, brought_up_to_date, query_of, run_search
from musicsim_tui.tui.text import safe, shown
from musicsim_tui.tui.widgets.columns import Column
from musicsim_tui.tui.widgets.moments import MomentLine, Side
from musicsim_tui.tui.widgets.rows import ListedRows
from musicsim_tui.tui.widgets.track_table import TrackTable
from musicsim_tui.wording import clock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widget import Widget

    from musicsim_tui.track import Track, TrackId
    from musicsim_tui.tui.searching import Answer, SearchFor

_MOST_TRAIL = 50
_BAR_CELLS = 10
_MOMENT_CELLS = 11
"""Enough for moments within the first ten minutes of both."""


class SearchMessage(Static, can_focus=True):
    """What stands in place of results; it takes the keys while it does."""


class SearchView(TrackView):
    """Results of the latest query; `[` and `]` walk along the queries before and after."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.SEARCH), *bindings(only=("list.choose",))]

    def __init__(self, trail: Sequence[SearchFor], at: int, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.trail: list[SearchFor] = list(trail)
        self.at = max(0, min(at, len(trail) - 1))
        self._answers: dict[SearchFor, Answer] = {}
        self._answer: Answer | None = None
        self._model = ""

    def compose(self) -> ComposeResult:
        yield Static(id="search-head", markup=False)
        yield Static(id="search-shared", markup=False)
        yield TrackTable[Result](
            self._columns(), lambda result: result.match.track.id, glyphs=self.host.glyphs, id="results"
        )
        yield MomentLine(self.host.glyphs, self.key("versus"), id="moments")
        yield SearchMessage(id="search-message", markup=False)

    def on_mount(self) -> None:
        self._say(self._invitation())
        self.marks_changed()

    @property
    def table(self) -> TrackTable[Result]:
        return self.query_one("#results", TrackTable)

    def landing(self) -> Widget:
        return self.table if self.table.display else self.query_one(SearchMessage)

    def _invitation(self) -> Content:
        file_key = self.key("browse")
        return Content.assemble(
            "Nothing has been searched yet.\n\n",
            (self.key("list.choose"), "$accent"),
            " on a track of the library shows what sounds like it.\n",
            (file_key, "$accent"),
            " picks any audio file to search with, in the library or not.",
        )

    def _columns(self, results: Sequence[Result] = ()) -> list[Column[Result]]:
        moments = max((len(_moment(result)) for result in results), default=_MOMENT_CELLS)
        moments = max(moments, _MOMENT_CELLS)
        return [
            Column("rank", "#", lambda result: str(result.match.rank), 2, 2, 0, 0, right=True, tone="faint"),
            Column("likeness", "Likeness", self._likeness, 14, 14, 0, 0, tone="bar"),
            Column(
                "title", "Title", lambda result: shown(result.match.track.title), 16, 60, 4, 0, tone="strong"
            ),
            Column("artist", "Artist", lambda result: shown(result.match.track.tags.artist), 10, 40, 3, 1),
            Column("moment", "Moment", _moment, moments, moments, 0, 2, tone="plain"),
            Column("apart", "Apart", lambda result: shown(result.match.apart), 11, 30, 1, 3, tone="faint"),
            Column(
                "len",
                "Len",
                lambda result: clock(result.match.track.duration),
                7,
                7,
                0,
                4,
                right=True,
                tone="faint",
            ),
            Column(
                "album",
                "Album",
                lambda result: shown(result.match.track.tags.album),
                14,
                40,
                2,
                5,
                tone="faint",
            ),
        ]

    def _likeness(self, result: Result) -> str:
        if result.match.same_recording:
            return "same recording"
        return f"{result.match.likeness:>3} {self.host.glyphs.bar(result.match.likeness / 100, _BAR_CELLS)}"

    # Searching

    def search(self, query: SearchFor) -> None:
        """Search, and go on along the trail from where it stands."""
        if not self.trail or self.trail[self.at] != query:
            self.trail = [*self.trail[: self.at + 1], query][-_MOST_TRAIL:]
            self.at = len(self.trail) - 1
        self._ask(query)

    def _ask(self, query: SearchFor, *, fresh: bool = True) -> None:
        kept = self._answers.get(query)
        if kept is not None and not fresh:
            self.host.bridge.abandon("search")
            self._show(kept)
            self.catalog_changed()
            return
        services = self.host.bridge.services
        self._head(query)
        self._say(
            Content.assemble(
                "Listening to " if query.path is not None else "Looking for what sounds like ",
                safe(query.title or "this track", "bold"),
                "\n\n",
                (f"{self.key('escape')} gives up", "$foreground-muted"),
            )
        )
        self.host.bridge.ask(
            "search",
            lambda token: run_search(services, query, token),
            lambda answer: self._take(query, answer),
            lambda error: self._failed(query, error),
        )

    def _take(self, query: SearchFor, answer: Answer) -> None:
        self._answers = {key: kept for key, kept in self._answers.items() if key in self.trail}
        self._answers[query] = answer
        self._show(answer)
        if answer.model != self._model:
            self.host.check_model()

    @property
    def answered_by(self) -> str:
        """The model whose answer is shown; empty where none is."""
        return self._answer.model if self._answer is not None else ""

    def set_model(self, model: str) -> None:
        """The model that answers now; what another one answered is asked again when it is looked at."""
        self._model = model
        self._answers = {query: kept for query, kept in self._answers.items() if kept.model == model}
        if self._answer is not None and self._answer.model != model:
            self._answer = None
            if self.host.view_name == self.id:
                self.shown_again()

    def catalog_changed(self) -> None:
        """Bring the tracks of the results up to date; those that the library has forgotten go."""
        answer, catalog = self._answer, self.host.bridge.services.catalog
        if answer is None:
            return

        def take(current: Answer) -> None:
            if current == answer or self._answer is not answer:
                return
            self._answers = {
                query: current if kept is answer else kept for query, kept in self._answers.items()
            }
            self._answer = current
            if self.table.display and current.results:
                self.table.show(ListedRows(current.results), keep=True)
                self._show_moments()
            elif self.table.display:
                self._show(current)

        self.host.bridge.ask("results", lambda _token: brought_up_to_date(catalog, answer), take)

    def _show(self, answer: Answer) -> None:
        self._answer = answer
        self._head(answer.query)
        if not answer.results:
            self._say(Content("Nothing else is in the library yet."))
            return
        columns = self._columns(answer.results)
        if not any(result.match.apart for result in answer.results):
            columns = [column for column in columns if column.id != "apart"]
        self.table.set_columns(columns)
        self._say(None)
        self.table.show(ListedRows(answer.results))
        self._show_moments()
        self.host.land()

    def _failed(self, query: SearchFor, error: MusicSimError) -> None:
        self._head(query)
        hint = (
            f"Hear some music first: press {self.key('view.ingest')}."
            if isinstance(error, UnmetRequest) and "empty" in error.title
            else error.hint
        )
        self._say(
            Content.assemble(
                safe(error.title, "bold $error"),
                "\n",
                safe(hint),
                "\n\n",
                (f"{self.key('list.choose')} tries again", "$foreground-muted"),
            )
        )

    def _head(self, query: SearchFor) -> None:
        by = (
            Content.assemble(f" {self.host.glyphs.dash} ", safe(query.artist))
            if query.artist
            else Content("")
        )
        place = f"   query {self.at + 1} of {len(self.trail)}" if len(self.trail) > 1 else ""
        self.query_one("#search-head", Static).update(
            Content.assemble(
                ("like  ", "$foreground-muted"),
                safe(query.title, "bold $primary"),
                by,
                (place, "$foreground-muted"),
            )
        )
        shared = self.query_one("#search-shared", Static)
        answer = self._answer
        if answer is None or answer.query != query:
            shared.update("")
        elif answer.shared:
            shared.update(Content.assemble(("shared  ", "$foreground-muted"), safe(", ".join(answer.shared))))
        elif answer.model == "builtin":
            shared.update(Content.styled("builtin hears no names of sounds", "$foreground-muted"))
        else:
            shared.update(Content.styled("no sound is shared by most", "$foreground-muted"))

    def _say(self, text: Content | None) -> None:
        """Show a message in place of the results, or the results."""
        message, table = self.query_one(SearchMessage), self.table
        had_focus = table.has_focus or message.has_focus
        message.display = text is not None
        table.display = text is None
        if text is not None:
            message.update(text)
        if had_focus:
            # What is hidden loses the keys: they stay in the view only when they are handed on.
            self.screen.set_focus(self.landing())
        self._show_moments()

    def _show_moments(self) -> None:
        """Outline what sounds alike: of the query, and of the row that the cursor stands on."""
        line, answer = self.query_one(MomentLine), self._answer
        row = self.table.row_at_cursor if self.table.display else None
        moment = row.match.moment if row is not None else None
        line.display = answer is not None and moment is not None
        if answer is None or row is None or moment is None:
            return
        query = answer.query.track if answer.query.track is not None else answer.query.path
        preview = self.host.preview
        line.show(
            Side(
                moment.query_start,
                answer.peaks,
                answer.duration,
                plays=query is not None and preview.plays(query),
            ),
            Side(
                moment.match_start,
                row.peaks,
                row.match.track.duration,
                plays=preview.plays(row.match.track.id),
            ),
        )

    def shown_again(self) -> None:
        if self._answer is None and self.trail and not self.host.bridge.busy("search"):
            self._ask(self.trail[self.at])

    def action_trail(self, way: int) -> None:
        """Go along the trail; a search that still runs is given up for it."""
        to = self.at + way
        if 0 <= to < len(self.trail):
            self.at = to
            self._ask(self.trail[to], fresh=False)
        elif way < 0:
            self.escape()
            self.host.show_view("library")

    def escape(self) -> bool:
        if self.host.bridge.abandon("search"):
            self._give_up()
            return True
        return False

    def _give_up(self) -> None:
        """Show the answer before, where there is one."""
        if self._answer is None:
            self._say(Content(f"Given up. {self.key('list.choose')} on a track searches again."))
            return
        self.at = next(
            (at for at, query in enumerate(self.trail) if self._answers.get(query) is self._answer), self.at
        )
        self._show(self._answer)

    def action_choose(self) -> None:
        """Enter where no results are shown: try again."""
        if self.trail and not self.table.display and not self.host.bridge.busy("search"):
            self._ask(self.trail[self.at])

    # Tracks

    def track_at_cursor(self) -> Track | None:
        row = self.table.row_at_cursor if self.table.display else None
        return None if row is None else row.match.track

    def start_at_cursor(self) -> float:
        """The matching moment."""
        row = self.table.row_at_cursor
        return row.match.moment.match_start if row is not None and row.match.moment is not None else 0.0

    def action_versus(self) -> None:
        """Flip between query and match, at the same musical point of both."""
        row, answer, preview = self.table.row_at_cursor, self._answer, self.host.preview
        if row is None or answer is None or row.match.moment is None or not self.table.display:
            return
        moment, position, match = row.match.moment, preview.state.position, row.match.track
        query = answer.query.track if answer.query.track is not None else answer.query.path
        other: TrackId | Path = match.id
        start, alike, end = moment.match_start, moment.match_start, match.duration
        if preview.plays(match.id) and query is not None:
            other, alike, end = query, moment.query_start, answer.duration
            start = alike + position - moment.match_start
        elif query is not None and preview.plays(query):
            start = alike + position - moment.query_start
        if end and start >= end:
            self.host.say("The other has ended by then: this is where the two are most alike.")
            start = alike
        self.host.play(other, max(0.0, start))

    def shown_tracks(self) -> Sequence[TrackId]:
        return [result.match.track.id for result in self._answer.results] if self._answer else []

    def list_name(self) -> str:
        return f"like {self._answer.query.title}" if self._answer else super().list_name()

    def move_cursor(self, rows: int) -> None:
        self.table.move_to(self.table.cursor + rows)

    def playing_changed(self, playing: TrackId | None) -> None:
        self.table.set_playing(playing)
        self._show_moments()

    @on(TrackTable.Highlighted)
    def _highlighted(self) -> None:
        self._show_moments()
        self.host.audition_row()

    def marks_changed(self) -> None:
        self.table.set_marks(self.host.marks)

    @on(TrackTable.Chosen)
    def _chosen(self, event: TrackTable.Chosen[Result]) -> None:
        self.search(query_of(event.row.match.track))


def _moment(result: Result) -> str:
    moment = result.match.moment
    return f"{clock(moment.query_start)} = {clock(moment.match_start)}" if moment is not None else ""
