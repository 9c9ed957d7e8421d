"""What all views have in common: their way to the app, and what can be done to the track under the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.containers import Vertical

from musicsim_tui.tui.keymap import Where, bindings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from textual.binding import BindingType
    from textual.widget import Widget

    from musicsim_tui.track import Track, TrackId
    from musicsim_tui.tui.app import MusicApp
    from musicsim_tui.tui.screens.export import Source


class View(Vertical):
    """One of the five things that the tabs lead to."""

    @property
    def host(self) -> MusicApp:
        """The app, by its own type."""
        return cast("MusicApp", self.app)

    def key(self, name: str) -> str:
        """The key of a command, as it is bound now."""
        return self.host.key(name)

    def landing(self) -> Widget | None:
        """The widget that takes the keys when the view is shown."""
        return None

    def shown_again(self) -> None:
        """The view has come to the front."""

    def catalog_changed(self) -> None:
        """Tracks came, went or changed."""

    def hearing_changed(self) -> None:
        """The job that hears music began, went on or ended."""

    def escape(self) -> bool:
        """Leave what can be left, one step; False when there is nothing to leave."""
        return False


class TrackView(View):
    """A view with a list of tracks: marks, details, path."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.TRACKS)

    def track_at_cursor(self) -> Track | None:
        """The track that the cursor stands on."""
        raise LookupError("a list of tracks knows its cursor")

    def sound_at_cursor(self) -> TrackId | Path | None:
        """What plays when the row under the cursor is played: a track, or a file that is none yet."""
        track = self.track_at_cursor()
        return None if track is None else track.id

    def gathered(self) -> Sequence[TrackId]:
        """What is put into a crate: the marked tracks, else the one at the cursor."""
        track = self.track_at_cursor()
        return self.host.marks.tracks or (() if track is None else (track.id,))

    def start_at_cursor(self) -> float:
        """Where to begin playing that track, in seconds."""
        return 0.0

    def move_cursor(self, rows: int) -> None:
        """Move the cursor that many rows."""

    def playing_changed(self, playing: TrackId | None) -> None:
        """Draw the playing sign where it belongs now."""

    def marks_changed(self) -> None:
        """Draw the marks as they are now."""

    def shown_tracks(self) -> Sequence[TrackId] | None:
        """Every track of the list; None when that has to be asked of the catalog."""
        return None

    def list_name(self) -> str:
        """What a playlist made of the list is called."""
        return "Playlist"

    def listed_tracks(self) -> Source | None:
        """Every track of the list in its order, to be read on another thread; None when there is none."""
        from musicsim_tui.tui.screens.export import tracks_by_id

        shown = self.shown_tracks()
        return tracks_by_id(self.host.bridge.services.catalog, shown) if shown else None

    def action_export(self) -> None:
        from musicsim_tui.tui.screens.export import Export, ExportBox

        source = self.listed_tracks()
        if source is None:
            self.host.say("There is nothing here to export.")
        else:
            marked = frozenset(self.host.marks.tracks)
            self.host.push_screen(ExportBox(Export(self.list_name(), source, marked)))

    def action_mark(self) -> None:
        track = self.track_at_cursor()
        if track is not None:
            self.host.marks.toggle(track.id)
            self.host.marks_changed()

    def action_clear_marks(self) -> None:
        self.host.marks.clear()
        self.host.marks_changed()

    def action_mark_all(self) -> None:
        tracks = self.shown_tracks()
        if tracks is not None:
            self.host.marks.add(tracks)
            self.host.marks_changed()

    def action_filter(self) -> None:
        self.host.say("Only the Library and the Crate are filtered.")

    def action_details(self) -> None:
        track = self.track_at_cursor()
        if track is not None:
            from musicsim_tui.tui.screens.details import DetailsScreen

            self.host.push_screen(DetailsScreen(track.id))

    def action_copy_path(self) -> None:
        track = self.track_at_cursor()
        if track is None:
            return
        catalog = self.host.bridge.services.catalog
        path = str(track.paths[0]) if track.paths else ""

        def take(link: str | None) -> None:
            if link or path:
                self.host.copy_place(link or path)
            else:
                self.host.say("Nothing is known of where this track is.", trouble=True)

        self.host.bridge.ask("link", lambda _token: catalog.playlists.link_of(track.id), take)
