"""The downloads: what their keys do."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.events import DescendantFocus
from textual.widgets import Input

from musicsim_tui.download.report import QueueState
from musicsim_tui.library.playlist_records import EntryState, Playlist, PlaylistEntry
from musicsim_tui.tui.download_words import HERE, forgotten_words
from musicsim_tui.tui.history import Step
from musicsim_tui.tui.keymap import Where, bindings
from musicsim_tui.tui.screens.download_lists import DownloadLists
from musicsim_tui.tui.searching import SearchFor
from musicsim_tui.tui.text import shown
from musicsim_tui.tui.widgets.track_table import TrackTable
from musicsim_tui.wording import count

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from textual.binding import BindingType

    from musicsim_tui.errors import MusicSimError
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.services.downloads import Forgotten
    from musicsim_tui.track import Track, TrackId

_QUEUED = (EntryState.WAITING, EntryState.PAUSED)
_PLAYABLE = (EntryState.LISTED, EntryState.FAILED, EntryState.GONE, EntryState.CANCELLED)
_BROWSERS = ("firefox", "chrome", "chromium", "brave", "edge", "opera", "safari", "vivaldi")
_LONGEST_TITLE = 100


class DownloadsView(DownloadLists):
    """Playlists, their entries, and everything that can be done to them."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.DOWNLOADS)

    def __init__(self, wanted: int, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(wanted, id)
        self._when_listed = 0

    @property
    def empty(self) -> bool:
        """Whether nothing is remembered and nothing is being listed."""
        return self.content is None or (not self.content.playlists and not self.host.downloading.listed_name)

    @property
    def playlist(self) -> Playlist | None:
        """The playlist that is meant: at the cursor of the playlists, else the one that is shown."""
        if self.in_playlists:
            return self.playlists.row_at_cursor
        return self.content.chosen if self.content is not None else None

    # Moving

    @on(DescendantFocus)
    def _focus_moved(self) -> None:
        if self.playlists.has_focus or self.entries.has_focus:
            self.in_playlists = self.playlists.has_focus
            self.describe()

    def action_other_pane(self) -> None:
        self.in_playlists = not self.in_playlists
        self.host.land()

    def move_cursor(self, rows: int) -> None:
        self.entries.move_to(self.entries.cursor + rows)

    @on(TrackTable.Highlighted)
    def _highlighted(self) -> None:
        playlist = self.playlists.row_at_cursor
        if self.playlists.has_focus and playlist is not None and playlist.id != self.wanted:
            self.await_nothing()
            self.choose(playlist.id)
        self.describe()
        self.host.audition_row()

    @on(TrackTable.Chosen)
    def _chosen(self, event: TrackTable.Chosen[Playlist | PlaylistEntry]) -> None:
        row = event.row
        if isinstance(row, Playlist):
            self.screen.set_focus(self.entries)
        elif row.track is not None:
            self.host.show_view("search")
            self.host.main.search.search(SearchFor("", track=row.track))
        elif row.state is EntryState.INGESTING:
            self.host.say("It is being heard; in a moment it can be searched.")
        elif row.reason:
            self.host.say(f"{row.reason} {row.hint}", trouble=True)
        else:
            self.host.say(f"It is not here yet; {self.key('download')} fetches it.")

    def escape(self) -> bool:
        field = self.query_one("#entry-filter", Input)
        if field.has_focus:
            self.screen.set_focus(self.entries)
            self.query_one("#entry-filter-line").display = bool(field.value)
            return True
        if self.host.downloading.stop_listing():
            self.downloads_changed()
            return True
        if self.clear_error():
            return True
        if self.filter:
            self.filter_for("")
            self.look_up()
            return True
        return False

    # Fetching

    def action_download(self) -> None:
        playlist, marked = self.playlist, self.marked_here()
        downloads = self.host.bridge.services.downloads
        if playlist is None:
            key = self.key("open")
            self.host.say(f"There is nothing to fetch yet; {key} takes a link.")
        elif self.in_playlists or not (marked or self.filter):
            if self.host.downloading.listed_playlist == playlist.id:
                self._when_listed = playlist.id
            self.host.queue_up(lambda _token: downloads.enqueue_playlist(playlist.id, everything=True))
        else:
            wanted = marked or [
                entry.id for entry in self.listed if entry.state in _PLAYABLE and not entry.removed
            ]
            self.host.queue_up(lambda _token: downloads.enqueue(wanted), done=lambda _: self._unmark(marked))

    def cannot_list(self, error: MusicSimError) -> None:
        self.listing_ended()
        super().cannot_list(error)

    def listing_ended(self, playlist: int = 0) -> None:
        """A listing is over: what was wanted of this playlist before all of it was there is fetched. Without
        a playlist the listing came to nothing, and so does what was wanted."""
        wanted, self._when_listed = self._when_listed, 0
        if playlist and playlist == wanted:
            downloads = self.host.bridge.services.downloads
            self.host.queue_up(lambda _token: downloads.enqueue_playlist(playlist, everything=True))

    def _unmark(self, entries: Sequence[int]) -> None:
        self.host.entry_marks.take(entries)
        self.marks_changed()

    def action_check(self) -> None:
        playlist = self.playlist
        self.host.check_playlists([] if playlist is None else [playlist])

    def action_check_all(self) -> None:
        playlists = self.content.playlists if self.content is not None else ()
        others = [playlist for playlist in playlists if not playlist.record.endless]
        key, left_out = self.key("check"), ""
        if len(others) < len(playlists):
            left_out = f"endless mixes are left out, {key} on one asks"
        if left_out and not others:
            self.host.say(f"There are only endless mixes, which always have something new; {key} asks one.")
        else:
            self.host.check_playlists(others, left_out)

    def action_pause_download(self) -> None:
        if self.in_playlists or self.entries.row_at_cursor is None:
            self.action_pause_queue()
            return
        wanted = [entry.id for entry in self._meant(_QUEUED)]
        downloads = self.host.bridge.services.downloads

        def work(_token: CancelToken) -> tuple[int, str]:
            held = downloads.hold(wanted)
            return (held, "paused") if held else (downloads.release(wanted), "resumed")

        if wanted:
            self.host.change_queue(work, nothing="It is not in the queue any more.")
        else:
            key = self.key("queue.pause_all")
            self.host.say(f"It is not in the queue. {key} pauses all fetching, or lets it go on.")

    def _meant(self, states: Collection[EntryState]) -> list[PlaylistEntry]:
        """The marked entries in one of these states, else the one at the cursor."""
        entry, marked = self.entries.row_at_cursor, set(self.marked_here())
        chosen = [one for one in self.listed if one.id in marked and one.state in states]
        return chosen or ([entry] if entry is not None and entry.state in states else [])

    def action_pause_queue(self) -> None:
        downloading = self.host.downloading
        if downloading.running and not downloading.paused and downloading.snapshot.state is QueueState.IDLE:
            downloads, nothing = self.host.bridge.services.downloads, "Nothing waits to be fetched."
            self.host.queue_up(lambda _token: downloads.release(), "resumed", nothing=nothing)
        else:
            self.host.say("Fetching goes on." if downloading.toggle_pause() else "Fetching is paused.")
            self.host.remember()
            self.host.main.show_job()

    def action_retry(self) -> None:
        entry, downloads = self.entries.row_at_cursor, self.host.bridge.services.downloads
        marked = self.marked_here()
        wanted = marked or ([] if entry is None else [entry.id])
        self.host.queue_up(lambda _token: downloads.retry(wanted), done=lambda _: self._unmark(marked))

    def action_retry_all(self) -> None:
        downloads = self.host.bridge.services.downloads
        self.host.queue_up(lambda _token: downloads.retry())

    def action_cookies(self) -> None:
        from musicsim_tui.tui.screens.pick import Answer, Pick

        answers = [Answer(name, name, numbered=True) for name in _BROWSERS]
        text = (
            "The site then sees you as signed in, which helps when it takes you for a robot, wants proof of"
            " age, or a video is private. Until you quit; MUSICSIM_COOKIES_FROM_BROWSER keeps it."
        )

        def take(name: str | None) -> None:
            if name is not None:
                self._use_cookies(None if name == "none" else name)

        none = Answer("none", "no cookies")
        self.host.push_screen(Pick("Cookies of which browser?", text, [*answers, none]), take)

    def _use_cookies(self, browser: str | None) -> None:
        downloads = self.host.bridge.services.downloads

        def tell(_: None) -> None:
            self.host.say(
                f"Fetching with the cookies of {browser}." if browser else "Fetching without cookies."
            )
            self.host.downloading.go_on()
            self.host.remember()

        self.host.bridge.ask("cookies", lambda _token: downloads.use_cookies(browser), tell)

    # Cancelling and forgetting

    def action_cancel_download(self) -> None:
        if self.in_playlists:
            self._ask_about_playlist()
            return
        wanted = [entry.id for entry in self._meant(_QUEUED)]
        if wanted:
            self._cancel(wanted)
        else:
            key = self.key("pane")
            self.host.say(f"It is not in the queue. {key} leads to the playlists, which can be forgotten.")

    def _cancel(self, entries: Sequence[int]) -> None:
        downloads = self.host.bridge.services.downloads
        words = "taken out of the queue"

        def done(changed: int) -> None:
            if changed:
                undo = partial(self.host.queue_up, lambda _token: downloads.enqueue(entries))
                redo = partial(self.host.queue_up, lambda _token: downloads.cancel(entries), words)
                step = Step(f"{count(changed, 'download')} {words}", undo, redo, changed)
                self.host.history.did(step)

        self.host.queue_up(lambda _token: downloads.cancel(entries), words, done)

    def _ask_about_playlist(self) -> None:
        from musicsim_tui.tui.screens.pick import Answer, Pick

        playlist = self.playlists.row_at_cursor
        if playlist is None or self.content is None:
            return
        waiting, snapshot = playlist.count(*_QUEUED), self.host.downloading.snapshot
        everything = snapshot.waiting + snapshot.held
        here = playlist.count(*HERE)
        answers = []
        if waiting:
            answers.append(Answer("waiting", f"Take the {waiting:,} that wait out of the queue"))
        if everything > waiting:
            answers.append(Answer("queue", f"Take all {everything:,} of all playlists out of the queue"))
        answers.append(Answer("forget", "Forget it; files stay where they are"))
        if here:
            answers.append(Answer("delete", "Forget it and delete what was fetched for it alone"))
        text = f"{shown(playlist.title)[:_LONGEST_TITLE]}: {here:,} here, in {shown(playlist.folder)}"
        self.host.push_screen(
            Pick("This playlist", text, answers), lambda name: self._do_to_playlist(playlist, name)
        )

    def _do_to_playlist(self, playlist: Playlist, name: str | None) -> None:
        services = self.host.bridge.services
        if name == "waiting":
            self.host.bridge.ask(
                "queued of playlist",
                lambda _token: [
                    entry.id
                    for entry in services.catalog.playlists.entries(playlist.id)
                    if entry.state in _QUEUED
                ],
                self._cancel,
            )
        elif name == "queue":
            self.host.bridge.ask(
                "queued",
                lambda _token: [entry.id for entry in services.catalog.playlists.queue()],
                self._cancel,
            )
        elif name is not None:
            if self.host.downloading.listed_playlist == playlist.id:
                self.listing_ended()
            self.host.downloading.forget_listing(playlist.id)
            self.host.bridge.ask(
                f"forget {playlist.id}",
                lambda _token: services.downloads.forget(playlist.id, delete_files=name == "delete"),
                self._forgotten,
            )

    def _forgotten(self, forgotten: Forgotten) -> None:
        self.host.say(forgotten_words(forgotten))
        self.wanted = 0
        self.host.tracks_changed()
        self.look_up()

    # Entries as tracks

    def track_at_cursor(self) -> Track | None:
        return None

    def _entry_with_track(self) -> PlaylistEntry | None:
        entry = None if self.in_playlists else self.entries.row_at_cursor
        return entry if entry is not None and entry.track is not None else None

    def sound_at_cursor(self) -> TrackId | Path | None:
        entry = self.entries.row_at_cursor
        if self.in_playlists or entry is None or entry.state not in HERE:
            return None
        return entry.track or entry.path

    def gathered(self) -> Sequence[TrackId]:
        marked = set(self.marked_here())
        entry = self._entry_with_track()
        chosen = [one for one in self.listed if one.id in marked] or ([] if entry is None else [entry])
        return [one.track for one in chosen if one.track is not None]

    def shown_tracks(self) -> Sequence[TrackId]:
        return [entry.track for entry in self.listed if entry.track is not None]

    def list_name(self) -> str:
        chosen = self.content.chosen if self.content is not None else None
        return "Playlist" if chosen is None else shown(chosen.title)

    def action_export(self) -> None:
        from musicsim_tui.tui.screens.export import Export, ExportBox

        source, marked = self.listed_tracks(), set(self.marked_here())
        if source is None:
            self.host.say("There is nothing here to export yet.")
        else:
            tracks = frozenset(
                entry.track for entry in self.listed if entry.id in marked and entry.track is not None
            )
            self.host.push_screen(ExportBox(Export(self.list_name(), source, tracks)))

    def action_mark(self) -> None:
        entry = self.entries.row_at_cursor
        if entry is not None and not self.in_playlists:
            self.host.entry_marks.toggle(entry.id)
            self.host.marks_changed()

    def action_clear_marks(self) -> None:
        self.host.entry_marks.clear()
        self.host.marks_changed()

    def action_mark_all(self) -> None:
        self.host.entry_marks.add([entry.id for entry in self.listed])
        self.host.marks_changed()

    def marks_changed(self) -> None:
        super().marks_changed()
        self.draw_head()

    def action_details(self) -> None:
        from musicsim_tui.tui.screens.details import DetailsScreen
        from musicsim_tui.tui.screens.entry_details import EntryDetails, PlaylistDetails

        entry, playlist = self.entries.row_at_cursor, self.playlists.row_at_cursor
        if self.in_playlists and playlist is not None:
            self.host.push_screen(PlaylistDetails(playlist))
        elif entry is not None and entry.track is not None:
            self.host.push_screen(DetailsScreen(entry.track))
        elif entry is not None:
            self.host.push_screen(EntryDetails(entry))

    def action_copy_path(self) -> None:
        entry, playlist = self.entries.row_at_cursor, self.playlists.row_at_cursor
        if self.in_playlists:
            link = playlist.record.link if playlist is not None else ""
        else:
            link = entry.source.url if entry is not None else ""
        if link:
            self.host.copy_place(link)
