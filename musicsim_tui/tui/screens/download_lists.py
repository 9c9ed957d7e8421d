"""Playlists above, the entries of one of them below, and what the queue does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input, Static

from musicsim_tui.library.folding import fold
from musicsim_tui.library.playlist_records import EntryState, Playlist, PlaylistEntry
from musicsim_tui.tui import download_words as words
from musicsim_tui.tui.download_content import DownloadContent, has_words, read_downloads
from musicsim_tui.tui.keymap import BY_ID, main_key
from musicsim_tui.tui.screens.download_columns import entry_columns, playlist_columns
from musicsim_tui.tui.screens.view import TrackView
from musicsim_tui.tui.text import safe, shown
from musicsim_tui.tui.widgets.field import Field
from musicsim_tui.tui.widgets.message import Message
from musicsim_tui.tui.widgets.rows import ListedRows
from musicsim_tui.tui.widgets.track_table import TrackTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.widget import Widget

    from musicsim_tui.errors import MusicSimError
    from musicsim_tui.track import TrackId

_HIGH_SCREEN = 30
_PLAYLIST_ROWS = (4, 8)
"""Playlists shown at once on a low screen and on a high one."""
_LONG_LIST = 500
_LONG_LIST_SECONDS = 1.0
"""How often a list of that many entries is read again at most."""


class DownloadLists(TrackView):
    """Both lists, as the catalog and the queue have them."""

    def __init__(self, wanted: int, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.wanted = wanted
        """The playlist whose entries are shown."""
        self.content: DownloadContent | None = None
        self.listed: Sequence[PlaylistEntry] = ()
        """The entries that the filter admits."""
        self.filter = ""
        self._list_error: MusicSimError | None = None
        self._error: MusicSimError | None = None
        self._awaited = self._tickets = 0
        self._looking = self._stale = False
        self._seen: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        yield TrackTable[Playlist](
            playlist_columns(), lambda playlist: playlist.id, glyphs=self.host.glyphs, id="playlists"
        )
        yield Static(id="listing-words", markup=False)
        yield Static(id="playlist-head", markup=False)
        with Horizontal(id="entry-filter-line"):
            yield Static("/", id="entry-filter-sign", markup=False)
            yield Field(placeholder="filter", id="entry-filter", compact=True, select_on_focus=False)
            yield Static(id="entry-filter-count", markup=False)
        yield TrackTable[PlaylistEntry](
            entry_columns(self._words_of),
            lambda entry: entry.id,
            faint=lambda entry: entry.removed or entry.state is EntryState.UNAVAILABLE,
            glyphs=self.host.glyphs,
            id="entries",
        )
        yield Static(id="entry-words", markup=False)
        yield Static(id="queue-words", markup=False)
        yield Message(id="downloads-message", markup=False)

    def on_mount(self) -> None:
        self.query_one("#entry-filter-line").display = False
        for table in (self.playlists, self.entries):
            table.cursor_while_away = False
        self._lay_out()
        self.draw()

    @property
    def playlists(self) -> TrackTable[Playlist]:
        return self.query_one("#playlists", TrackTable)

    @property
    def entries(self) -> TrackTable[PlaylistEntry]:
        return self.query_one("#entries", TrackTable)

    @property
    def _message(self) -> Message:
        return self.query_one("#downloads-message", Message)

    in_playlists = False

    def landing(self) -> Widget:
        if self._message.display:
            return self._message
        return self.playlists if self.in_playlists else self.entries

    def _words_of(self, entry: PlaylistEntry) -> str:
        return words.entry_words(entry, self.host.downloading.snapshot.live)

    # What it shows

    def look_up(self) -> None:
        """Read the catalog again; once more when that is asked for meanwhile."""
        if self._looking:
            self._stale = True
            return
        self._looking, self._stale = True, False
        services, wanted = self.host.bridge.services, self.wanted
        self.host.bridge.ask(
            "downloads", lambda _token: read_downloads(services, wanted), self._take, self._cannot_read
        )

    def _take(self, content: DownloadContent) -> None:
        self.content, self._error = content, None
        if not self.wanted and content.chosen is not None:
            self.wanted = content.chosen.id
        self._lay_out()
        self.draw()
        self._looked(_LONG_LIST_SECONDS if len(content.entries) > _LONG_LIST else 0.0)

    def _cannot_read(self, error: MusicSimError) -> None:
        self._error = error
        self.draw()
        self._looked(_LONG_LIST_SECONDS)

    def _looked(self, pause: float) -> None:
        def again() -> None:
            self._looking = False
            if self._stale:
                self.look_up()

        if pause:
            self.set_timer(pause, again)
        else:
            again()

    def choose(self, playlist: int) -> None:
        """Show the entries of this playlist."""
        self.wanted = playlist
        self.look_up()

    def await_list(self) -> int:
        """Show a playlist that is to be listed as soon as it is known, unless another is chosen before; the
        ticket that its order carries."""
        self._tickets += 1
        self._awaited, self._list_error, self.in_playlists = self._tickets, None, False
        return self._awaited

    def await_nothing(self) -> None:
        """Somebody has chosen what is shown."""
        self._awaited = 0

    def list_came(self, ticket: int, playlist: int) -> None:
        """A list has been read: show it when it is waited for still."""
        if self._awaited == ticket:
            self._awaited, self.wanted = 0, playlist
        self.look_up()

    def cannot_list(self, error: MusicSimError) -> None:
        """Nothing could be listed."""
        self._list_error = error
        self.draw()

    def clear_error(self) -> bool:
        """Take away why nothing could be listed; whether that stood there."""
        if self._list_error is None:
            return False
        self._list_error = None
        self._draw_words()
        return True

    def downloads_changed(self) -> None:
        """A listing or the queue went on."""
        downloading = self.host.downloading
        listing, snapshot = downloading.listing, downloading.snapshot
        if listing is not None and self._awaited and downloading.listed_ticket == self._awaited:
            self._awaited, self.wanted = 0, listing.playlist
            self.filter_for("")
        seen = (
            listing and (listing.playlist, listing.received),
            snapshot.live and snapshot.live.key,
            *(snapshot.state, snapshot.waiting, snapshot.held, snapshot.ready, snapshot.failed),
            *(snapshot.hearing, snapshot.heard),
        )
        if self.host.view_name != self.id:
            return
        if seen != self._seen:
            self._seen = seen
            self.look_up()
        self.entries.rows_changed()
        self._draw_words()

    def catalog_changed(self) -> None:
        self.look_up()

    def shown_again(self) -> None:
        self.look_up()
        self.draw()

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        most = _PLAYLIST_ROWS[self.host.size.height > _HIGH_SCREEN]
        number = len(self.content.playlists) if self.content is not None else 0
        self.playlists.styles.height = 1 + max(1, min(number, most))

    # Drawing

    def draw(self) -> None:
        """Show what there is now."""
        content = self.content
        listing = bool(self.host.downloading.listed_name)
        if self._error is not None:
            self._say(_error_words(self._error))
        elif content is None:
            self._say(Content("Looking up your playlists ..."))
        elif content.chosen is None:
            self._say(None if listing else self._invitation())
        else:
            self._say(None)
        if content is not None:
            self._show_lists(content)
        self._draw_words()
        self.host.main.show_lines()

    def _show_lists(self, content: DownloadContent) -> None:
        table = self.playlists
        table.show(ListedRows(content.playlists), keep=True)
        if content.chosen is not None and content.chosen.id == self.wanted:
            table.move_to(content.playlists.index(content.chosen))
        self._show_entries(content)

    def _show_entries(self, content: DownloadContent) -> None:
        live, entries = self.host.downloading.snapshot.live, content.entries
        wanted = fold(self.filter).split()
        if wanted:
            entries = [
                entry
                for entry in entries
                if has_words(f"{entry.title} {entry.source.channel} {words.entry_words(entry, live)}", wanted)
            ]
        chosen = content.chosen.id if content.chosen is not None else 0
        key = (chosen, self.filter)
        keep, self._shown = key == self._shown, key
        self.listed = entries
        digits = max(3, len(str(len(content.entries))))
        if digits != self._digits:
            self._digits = digits
            self.entries.set_columns(entry_columns(self._words_of, digits))
        note = "Nothing is listed here yet."
        if wanted:
            note = f"No entry matches. {self.key('escape')} clears the filter."
        self.entries.show(ListedRows(entries), keep=keep, note=note)
        self.query_one("#entry-filter-count", Static).update(
            f"{len(entries):,} of {len(content.entries):,}" if self.filter else ""
        )
        self.marks_changed()
        self.playing_changed(None)

    _shown: tuple[int, str] = (0, "")
    _digits = 3

    def _say(self, text: Content | None) -> None:
        """Show a message in place of the lists, or the lists."""
        changes = self._message.display is (text is None)
        self._message.display = text is not None
        for part in ("#playlists", "#playlist-head", "#entries", "#entry-words"):
            self.query_one(part).display = text is None
        if text is not None:
            self._message.update(text)
            self.query_one("#entry-filter-line").display = False
        if changes and self.host.view_name == self.id:
            self.host.call_after_refresh(self.host.land)

    def _draw_words(self) -> None:
        """The lines between and below the lists."""
        downloading, dot = self.host.downloading, self.host.glyphs.dot
        escape = self.key("escape")
        self._tell("#listing-words", self._listing_words(escape), self._list_error is not None)
        text = words.queue_words(downloading, words.queue_keys(self.host.keys), dot)
        self._tell("#queue-words", text, bool(downloading.error or downloading.snapshot.reason))
        self.draw_head()
        self.describe()

    def _tell(self, line: str, text: str, trouble: bool) -> None:
        found = self.query_one(line, Static)
        found.display = bool(text)
        found.set_class(trouble, "-trouble")
        found.update(safe(text))

    def _listing_words(self, escape: str) -> str:
        name, listing = self.host.downloading.listed_name, self.host.downloading.listing
        if name or listing is not None:
            if self.host.downloading.stops_listing:
                kept = "" if self.host.downloading.forgets_listing else "; what came is kept"
                return f"Listing {shown(name)[:60]} stops as soon as the site answers{kept}."
            how_far = "asking the site" if listing is None else words.received_words(listing)
            return f"Listing {shown(name)[:60]}: {how_far}. {escape} stops."
        if self._list_error is not None:
            return f"Not listed. {self._list_error.title} {self._list_error.hint}"
        return ""

    def draw_head(self) -> None:
        """Bring the lines about the chosen playlist up to date."""
        self.query_one("#playlist-head", Static).update(self._head())

    def _head(self) -> Content:
        """The chosen playlist: its name, what was received, what lies ahead."""
        content, dot = self.content, self.host.glyphs.dot
        if content is None or content.chosen is None:
            return Content("")
        chosen = content.chosen
        facts = [words.entries_words(chosen.entries), words.gap_words(chosen)]
        marked = len(self.marked_here())
        facts += [f"{marked:,} marked" if marked else ""]
        name = shown(chosen.title)
        ahead = "" if content.forecast is None else words.forecast_words(content.forecast, dot)
        return Content.assemble(
            (name if len(name) <= 60 else f"{name[:60]}{self.host.glyphs.ellipsis}", "bold $primary"),
            ("   " + f" {dot} ".join(filter(None, facts)), "$foreground-muted"),
            "\n",
            ahead,
        )

    def describe(self) -> None:
        """More about the row under the cursor than its columns hold."""
        entry, playlist = self.entries.row_at_cursor, self.playlists.row_at_cursor
        dot = self.host.glyphs.dot
        if self.in_playlists and playlist is not None:
            text = f" {dot} ".join(
                part for part in (playlist.record.channel, playlist.record.link, str(playlist.folder)) if part
            )
        else:
            text = words.about_entry(entry, dot) if entry is not None else ""
        self.query_one("#entry-words", Static).update(safe(text))

    def _invitation(self) -> Content:
        keys = {name: main_key(BY_ID[name], self.host.keys) for name in ("open", "download")}
        return Content.assemble(
            ("Nothing has been fetched from the web yet.\n\n", "bold"),
            (keys["open"], "$accent"),
            " takes a pasted link: a playlist, an album, a channel, a video;\n",
            (keys["download"], "$accent"),
            " then fetches it, and each track can be searched as soon as it is here.",
        )

    # Marks and filter

    def marked_here(self) -> list[int]:
        """The marked entries of the playlist that is shown, in its order."""
        entries = self.content.entries if self.content is not None else ()
        return [entry.id for entry in entries if entry.id in self.host.entry_marks]

    def marks_changed(self) -> None:
        self.entries.set_marks(self.host.entry_marks)

    def playing_changed(self, playing: TrackId | None) -> None:
        now = self.host.preview.playing
        path = None if now is None or not self.host.preview.sounding else now.playable.path
        entry = next((one for one in self.listed if path is not None and one.path == path), None)
        self.entries.set_playing(None if entry is None else entry.id)

    @on(Input.Changed, "#entry-filter")
    def _filter_typed(self, event: Input.Changed) -> None:
        if event.value != self.filter and self.content is not None:
            self.filter = event.value
            self._show_entries(self.content)

    @on(Input.Submitted, "#entry-filter")
    def _filter_done(self) -> None:
        self.screen.set_focus(self.entries)

    def filter_for(self, text: str) -> None:
        """Filter the entries; without a text, leave the field."""
        self.query_one("#entry-filter", Input).value = self.filter = text
        self.query_one("#entry-filter-line").display = bool(text)

    def action_filter(self) -> None:
        if not self._message.display:
            self.query_one("#entry-filter-line").display = True
            self.screen.set_focus(self.query_one("#entry-filter", Input))


def _error_words(error: MusicSimError) -> Content:
    return Content.assemble(safe(error.title, "bold $error"), "\n", safe(error.hint))
