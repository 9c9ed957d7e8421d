"""A question with two answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding
from textual.content import Content
from textual.widgets.option_list import Option

from musicsim_tui.tui.screens.boxes import Box, frame, words
from musicsim_tui.tui.widgets.choices import Choices

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType


class Question(Box[bool]):
    """Yes or no; the first answer is yes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", show=False),
        Binding("n", "answer(False)", "No", show=False),
    ]

    def __init__(self, title: str, text: str, yes: str, no: str) -> None:
        super().__init__()
        self._title = title
        self._text = text
        self._answers = (("yes", "y", yes), ("no", "n", no))

    def compose(self) -> ComposeResult:
        with frame(self._title):
            yield words(self._text, classes="body")
            options = Choices(id="answers")
            for name, key, label in self._answers:
                options.add_option(Option(Content.assemble((f"{key}  ", "$accent"), label), id=name))
            yield options

    @on(Choices.OptionSelected)
    def _choose(self, event: Choices.OptionSelected) -> None:
        self.dismiss(event.option.id == "yes")

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)
