"""What the keys of the player do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from musicsim_tui.tui.keeping import KeepingActions
from musicsim_tui.tui.screens.view import TrackView

if TYPE_CHECKING:
    from pathlib import Path

    from textual.timer import Timer

    from musicsim_tui.errors import MusicSimError
    from musicsim_tui.track import TrackId
    from musicsim_tui.tui.preview import Preview, PreviewEnded

_LOOKS_PER_SECOND = 10
_CALM_LOOKS_PER_SECOND = 1


class PlayingActions(KeepingActions):
    """The actions that play; the line below the view follows the player while there is something to see."""

    preview: Preview
    calm: bool
    _looking: Timer | None = None
    _auditioned: TrackId | Path | None = None

    def play(self, what: TrackId | Path, start: float) -> None:
        """Put a track or a file on, from a place in seconds."""
        self.preview.play(what, start, self._cannot_play)
        self._follow()

    def action_play(self) -> None:
        view = self.main.view
        what = view.sound_at_cursor() if isinstance(view, TrackView) else None
        if what is not None and isinstance(view, TrackView):
            self.preview.toggle(what, view.start_at_cursor(), self._cannot_play)
            self._follow()
        elif self.preview.playing is not None:
            self.preview.toggle(self.preview.playing.what, 0.0, self._cannot_play)
            self._follow()

    def action_play_row(self, rows: int) -> None:
        view = self.main.view
        if isinstance(view, TrackView):
            view.move_cursor(rows)
            what = view.sound_at_cursor()
            if what is not None:
                self.play(what, view.start_at_cursor())

    def action_stop(self) -> None:
        self.preview.auditioning = False
        self.preview.stop()
        self.show_playing()

    def action_seek(self, seconds: int) -> None:
        self.preview.seek(seconds)

    def action_restart(self) -> None:
        self.preview.restart()

    def action_volume(self, percent: int) -> None:
        volume = self.preview.change_volume(percent)
        if not self.preview.sounding:
            self.say(f"Volume {volume}")

    def action_mute(self) -> None:
        muted = self.preview.mute()
        if not self.preview.sounding:
            self.say("Sound off" if muted else "Sound on")

    def action_audition(self) -> None:
        self.preview.auditioning = not self.preview.auditioning
        if self.preview.auditioning:
            self.say("Auditioning: whatever the cursor rests on plays. A ends it.")
            self._auditioned = None
            self.audition_row()
        else:
            self.preview.stop()
            self.show_playing()

    def audition_row(self) -> None:
        """Play the row that the cursor has come to, while auditioning."""
        view = self.main.view
        if not self.preview.auditioning or not isinstance(view, TrackView):
            return
        what = view.sound_at_cursor()
        if what is not None and what != self._auditioned:
            self._auditioned = what
            self.play(what, view.start_at_cursor())

    def show_playing(self) -> None:
        """Bring the line and the sign in the lists up to date."""
        preview = self.preview
        playing = preview.playing.playable.track_id if preview.sounding and preview.playing else None
        self.main.show_playing()
        for view in self.main.track_views:
            view.playing_changed(playing)

    def on_preview_ended(self, message: PreviewEnded) -> None:
        if message.state.problem is not None:
            self._cannot_play(message.state.problem)
        self.show_playing()

    def _cannot_play(self, error: MusicSimError) -> None:
        self.preview.auditioning = False
        self.say(f"{error.title} {error.hint}", trouble=True)
        self.show_playing()

    def _follow(self) -> None:
        if self._looking is None:
            looks = _CALM_LOOKS_PER_SECOND if self.calm else _LOOKS_PER_SECOND
            self._looking = self.set_interval(1 / looks, self._look)

    def _look(self) -> None:
        self.show_playing()
        if not self.preview.sounding and not self.bridge.busy("play") and self._looking is not None:
            self._looking.stop()
            self._looking = None
