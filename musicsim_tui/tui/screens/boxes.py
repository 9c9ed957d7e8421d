"""What boxes that open over a view have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

if TYPE_CHECKING:
    from textual.binding import BindingType

    from musicsim_tui.tui.app import MusicApp

Answer = TypeVar("Answer")


class Box(ModalScreen[Answer], Generic[Answer]):
    """A box over the view. `escape` closes it without an answer, as does a click beside it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Close", show=False)]

    @property
    def host(self) -> MusicApp:
        """The app, by its own type."""
        return cast("MusicApp", self.app)

    def action_close(self) -> None:
        self.dismiss(None)

    def on_click(self, event: object) -> None:
        if getattr(event, "widget", None) is self:
            self.dismiss(None)


def frame(title: str, id: str = "box") -> Vertical:  # noqa: A002 - Textual's own name
    """The frame of a box; the title is our own text, never one from outside."""
    box = Vertical(id=id, classes="box")
    box.border_title = title
    return box


def words(text: str, *, classes: str = "") -> Static:
    """A paragraph of our own text, drawn as it is."""
    return Static(text, markup=False, classes=classes)
