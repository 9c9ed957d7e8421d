"""What the keys of marks and crates do, and how it is taken back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from musicsim_tui.tui.actions import Actions
from musicsim_tui.tui.screens.view import TrackView
from musicsim_tui.tui.text import shown
from musicsim_tui.wording import count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from musicsim_tui.errors import MusicSimError
    from musicsim_tui.library.crates import CrateChange
    from musicsim_tui.track import TrackId
    from musicsim_tui.tui.crate import OpenCrate
    from musicsim_tui.tui.history import History, Step
    from musicsim_tui.tui.marks import Marks


class KeepingActions(Actions):
    """The actions that gather tracks."""

    marks: Marks
    crate: OpenCrate
    history: History
    keys: Mapping[str, str]

    def tell_trouble(self, error: MusicSimError) -> None:
        """What went wrong, in one line."""
        self.say(f"{error.title} {error.hint}", trouble=True)

    # Marks

    def marks_changed(self) -> None:
        """Draw the marks as they are now, wherever tracks are listed."""
        for view in self.main.track_views:
            view.marks_changed()

    def unmark_with(self, change: CrateChange, words: str, tracks: Sequence[TrackId]) -> None:
        """Let the history take a change of the crate back, and with it the marks that these tracks lose."""
        marks = self.marks.without(tracks)
        self.crate.did(change, words, partial(self.marks.take_back, marks), partial(self.marks.make, marks))
        if marks.gone:
            self.marks.make(marks)
            self.marks_changed()

    # Crates

    def crate_changed(self) -> None:
        """The crate that is open holds other tracks now, or another one is open."""
        self.main.crate.show_crate()
        self.main.show_lines()

    def action_add_to_crate(self) -> None:
        """Put the marked tracks, else the one at the cursor, into the crate."""
        view = self.main.view
        tracks = view.gathered() if isinstance(view, TrackView) else self.marks.tracks
        if tracks:
            marked = tracks if tracks == self.marks.tracks else ()
            self.crate.add(tracks, partial(self._added, tracks, marked))
        else:
            self.say("There is no track here to put into the crate.", trouble=True)

    def _added(self, tracks: Sequence[TrackId], marked: Sequence[TrackId], change: CrateChange) -> None:
        new = len(change.after) - len(change.before)
        known = len(set(tracks).intersection(change.before))
        name = shown(change.name)
        if not new:
            them = "It is" if len(tracks) == 1 else "They are"
            where = f"in the crate {name} already" if known else "not in the library any more"
            self.say(f"{them} {where}.")
            return
        words = f"{count(new, 'track')} put into the crate {name}"
        self.unmark_with(change, words, marked)
        rest = f"; {known:,} there already" if known else ""
        self.say(f"{words}{rest}; {self.key('view.crate')} shows it")

    def open_crate(self, name: str) -> None:
        """Go on with another crate."""
        self.crate.open(name)

    def action_pick_crate(self) -> None:
        from musicsim_tui.tui.screens.crates import CratePicker

        def take(name: str | None) -> None:
            if name is not None:
                self.open_crate(name)
                self.say(f"{self.key('crate.add')} puts tracks into the crate {shown(name)} now.")

        self.push_screen(CratePicker(), take)

    # Trouble

    @property
    def trouble_key(self) -> str:
        return self.key("trouble")

    def action_trouble(self) -> None:
        """Show the trouble screen; leave it, when it is shown."""
        trouble = self.main.trouble
        if self.view_name == trouble.id:
            trouble.escape()
        else:
            trouble.came_from = self.view_name
            self.show_view("trouble")

    config_problems: list[str]
    """Sentences about entries of `config.toml` that the app leaves out."""
    config_problems_seen = False

    def tell_problems(self, greeting: str) -> None:
        """What is wrong with the configuration; all of it stands with the troubles."""
        told = [greeting] if greeting else []
        if len(self.config_problems) > 1:
            many = len(self.config_problems)
            told.append(f"{many} entries of config.toml are left out; {self.trouble_key} tells why.")
        else:
            told += self.config_problems
        if told:
            self.say(" ".join(told), trouble=True)

    # The way back

    def action_undo(self) -> None:
        self.crate.afterwards(lambda: self._stepped(self.history.undo(), "Undone", "undo"))

    def action_redo(self) -> None:
        self.crate.afterwards(lambda: self._stepped(self.history.redo(), "Done again", "redo"))

    def _stepped(self, step: Step | None, words: str, name: str) -> None:
        if step is None:
            self.say(f"There is nothing to {name}.")
            return
        self.marks_changed()
        if step.words:
            self.say(f"{words}: {step.words}")
