"""All crates: pick one, make one, rename or delete one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.content import Content
from textual.widgets import Input, Static
from textual.widgets.option_list import Option

from musicsim_tui.tui.history import Step
from musicsim_tui.tui.keymap import BY_ID, Where, bindings
from musicsim_tui.tui.screens.boxes import Box, frame
from musicsim_tui.tui.text import fit, safe, shown
from musicsim_tui.tui.widgets.choices import Choices
from musicsim_tui.tui.widgets.lines import Pieces
from musicsim_tui.wording import clock, count

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from musicsim_tui.errors import MusicSimError
    from musicsim_tui.library.crates import CrateChange

_NAME_CELLS = 34
_KEYS = ("new", "rename", "delete")


class CratePicker(Box[str]):
    """The answer is the name of a crate."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.CRATES)

    def __init__(self) -> None:
        super().__init__()
        self._renaming: str | None = None

    def compose(self) -> ComposeResult:
        with frame("Crates"):
            yield Static(
                "A crate is a list of tracks that you gather; the one picked takes what you add.",
                classes="body",
                markup=False,
            )
            yield Choices(id="crates", markup=False)
            yield Input(id="crate-name", placeholder="name of the crate")
            yield Static(id="crate-said", markup=False)
            yield Pieces(id="crate-keys")

    def on_mount(self) -> None:
        self.query_one("#crate-name").display = False
        self.query_one(Pieces).set_pieces(
            [
                ("choose", self.key("list.choose"), "Pick"),
                *((name, self.key(f"crates.{name}"), BY_ID[f"crates.{name}"].label) for name in _KEYS),
                ("close", self.key("escape"), "Close"),
            ]
        )
        self.refresh_crates()
        self.set_focus(self._list)

    @property
    def _list(self) -> Choices:
        return self.query_one("#crates", Choices)

    def refresh_crates(self, at: str | None = None) -> None:
        """List the crates as they are now, the cursor on the one of this name, else on the open one."""
        crate = self.host.crate
        known = crate.content.crates if crate.content is not None else ()
        wanted = crate.name if at is None else at
        options = self._list
        options.clear_options()
        for number, item in enumerate(known):
            sign = self.host.glyphs.marked if item.name == crate.name else " "
            name = fit(shown(item.name), _NAME_CELLS, ellipsis=self.host.glyphs.ellipsis)
            size = f"{count(item.tracks, 'track'):>14}  {clock(item.seconds):>8}"
            options.add_option(
                Option(
                    Content.assemble((f"{sign} ", "$accent"), name, (size, "$foreground-muted")),
                    id=str(number),
                )
            )
            if item.name == wanted:
                options.highlighted = number
        if not known:
            self._say(f"There is none yet: {self.key('crate.add')} on a track makes one.")
        elif options.highlighted is None:
            options.highlighted = 0

    @property
    def _chosen(self) -> str | None:
        """The name under the cursor."""
        content, place = self.host.crate.content, self._list.highlighted
        if content is None or place is None or place >= len(content.crates):
            return None
        return content.crates[place].name

    @on(Choices.OptionSelected)
    def _pick(self) -> None:
        self.dismiss(self._chosen)

    @on(Pieces.Pressed)
    def _pressed(self, event: Pieces.Pressed) -> None:
        if event.name == "choose":
            self._submit() if self._field.display else self._pick()
        else:
            getattr(self, f"action_{event.name}")()

    # Names

    @property
    def _field(self) -> Input:
        return self.query_one("#crate-name", Input)

    def action_new(self) -> None:
        self._ask_name(None)

    def action_rename(self) -> None:
        if self._chosen is not None:
            self._ask_name(self._chosen)

    def _ask_name(self, renaming: str | None) -> None:
        self._renaming = renaming
        self._field.value = renaming or ""
        self._field.display = True
        self.set_focus(self._field)
        self._say("enter keeps the name" if renaming else "enter makes the crate")

    @on(Input.Submitted)
    def _submit(self) -> None:
        crate, name, old = self.host.crate, self._field.value, self._renaming
        if old is None:
            crate.create(name, self._made, self._failed)
        else:
            crate.rename(old, name, partial(self._renamed, old), self._failed)

    def _made(self, name: str) -> None:
        if not self.has_ended:
            self.dismiss(name)

    def _renamed(self, old: str, name: str) -> None:
        host, crate = self.host, self.host.crate
        undo, redo = (
            partial(crate.rename, first, second, lambda _kept: None, host.tell_trouble)
            for first, second in ((name, old), (old, name))
        )
        host.history.did(Step(f"the crate {shown(old)} called {shown(name)}", undo, redo))
        host.remember()
        if not self.has_ended:
            self._close_field()
            self.refresh_crates(name)

    def _close_field(self) -> None:
        self._field.display = False
        self._say("")
        self.set_focus(self._list)

    # Deleting

    def action_delete(self) -> None:
        name = self._chosen
        if name is not None and not self._field.display:
            self.host.crate.delete(name, self._deleted)

    def _deleted(self, change: CrateChange) -> None:
        words = f"the crate {shown(change.name)} deleted"
        self.host.crate.did(change, words)
        if not self.has_ended:
            self.refresh_crates()
            self._say(f"{shown(change.name)} is deleted; {self.key('undo')} brings it back.")

    def action_undo(self) -> None:
        self.host.action_undo()
        self.host.crate.afterwards(self._undone)

    def _undone(self) -> None:
        if not self.has_ended:
            self.refresh_crates()
            self._say("")

    def _failed(self, error: MusicSimError) -> None:
        if not self.has_ended:
            self._say(f"{error.title} {error.hint}", trouble=True)
        else:
            self.host.tell_trouble(error)

    def _say(self, text: str, *, trouble: bool = False) -> None:
        line = self.query_one("#crate-said", Static)
        line.set_class(trouble, "-trouble")
        line.update(safe(text))

    def action_close(self) -> None:
        if self._field.display:
            self._close_field()
        else:
            super().action_close()
