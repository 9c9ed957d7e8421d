"""A question with two answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.content import Content
from textual.widgets.option_list import Option

from musicsim_tui.tui.keymap import Where, bindings
from musicsim_tui.tui.screens.boxes import Box, frame, words
from musicsim_tui.tui.widgets.choices import Choices

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType


class Question(Box[bool]):
    """Yes or no; the first answer is yes."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.QUESTION)

    def __init__(self, title: str, text: str, yes: str, no: str) -> None:
        super().__init__()
        self._title = title
        self._text = text
        self._answers = (("yes", yes), ("no", no))

    def compose(self) -> ComposeResult:
        with frame(self._title):
            yield words(self._text, classes="body")
            options = Choices(id="answers")
            for name, label in self._answers:
                key = self.key(f"question.{name}")
                options.add_option(Option(Content.assemble((f"{key}  ", "$accent"), label), id=name))
            yield options

    @on(Choices.OptionSelected)
    def _choose(self, event: Choices.OptionSelected) -> None:
        self.dismiss(event.option.id == "yes")

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)
