"""What boxes that open over a view have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual.await_complete import AwaitComplete
from textual.containers import Vertical
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from musicsim_tui.tui.keymap import Where, bindings
from musicsim_tui.tui.widgets.field import keep_typing

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.binding import BindingsMap, BindingType
    from textual.dom import DOMNode
    from textual.events import Click

    from musicsim_tui.errors import MusicSimError
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.tui.app import MusicApp

Answer = TypeVar("Answer")
Found = TypeVar("Found")


class EndsOnce(Screen[Answer], Generic[Answer]):
    """A screen that ends once, and takes only itself away: it waits for what lies over it to go.

    Textual takes styles from the first base only: this one comes last.
    """

    _ended = False
    _result: Answer | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it has been answered or closed."""
        return self._ended

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        if self._ended:
            return AwaitComplete()
        self._ended, self._result = True, result
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()

    def on_screen_resume(self) -> None:
        if self._ended and self.app.screen is self:
            super().dismiss(self._result)


class Box(ModalScreen[Answer], EndsOnce[Answer]):
    """A box over the view. `escape` closes it without an answer, as does a click beside it."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.BOXES)

    def __init__(self) -> None:
        super().__init__()
        self._topics: set[str] = set()

    @property
    def host(self) -> MusicApp:
        """The app, by its own type."""
        return cast("MusicApp", self.app)

    def ask(
        self,
        topic: str,
        work: Callable[[CancelToken], Found],
        answer: Callable[[Found], None],
        failed: Callable[[MusicSimError], None] | None = None,
    ) -> None:
        """Ask the bridge for as long as the box is open: as it ends, the question is forgotten."""
        self._topics.add(topic)
        self.host.bridge.ask(topic, work, answer, failed)

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        if not self.has_ended:
            for topic in self._topics:
                self.host.bridge.abandon(topic)
        return super().dismiss(result)

    def key(self, name: str) -> str:
        """The key of a command, as it is bound now."""
        return self.host.key(name)

    @property
    def _binding_chain(self) -> list[tuple[DOMNode, BindingsMap]]:
        return keep_typing(self.focused, super()._binding_chain)

    def action_escape(self) -> None:
        self.action_close()

    def action_close(self) -> None:
        self.dismiss(None)

    def on_click(self, event: Click) -> None:
        if event.widget is self:
            self.action_close()


def frame(title: str, id: str = "box") -> Vertical:  # noqa: A002 - Textual's own name
    """The frame of a box; the title is our own text, never one from outside."""
    box = Vertical(id=id, classes="box")
    box.border_title = title
    return box


def words(text: str, *, classes: str = "") -> Static:
    """A paragraph of our own text, drawn as it is."""
    return Static(text, markup=False, classes=classes)
