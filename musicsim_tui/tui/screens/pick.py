"""Questions with several answers, and the one how many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content
from textual.widgets import Input, Static
from textual.widgets.option_list import Option

from musicsim_tui.tui.keymap import BY_ID, key_list, sign_of
from musicsim_tui.tui.screens.boxes import Box, frame, words
from musicsim_tui.tui.widgets.choices import Choices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import ComposeResult


@dataclass(frozen=True, slots=True)
class Answer:
    """One of several answers: the command `pick.NAME` gives it, or, of those that are `numbered`, the command
    `pick.number` with the key of its place."""

    name: str
    label: str
    numbered: bool = False


class Pick(Box[str]):
    """The answer is a name; `text` may hold titles, already fit to be shown."""

    def __init__(self, title: str, text: str, answers: Sequence[Answer]) -> None:
        super().__init__()
        self._title = title
        self._text = text
        self._answers = answers

    def compose(self) -> ComposeResult:
        with frame(self._title):
            yield words(self._text, classes="body")
            yield Choices(
                *(
                    Option(
                        Content.assemble((f"{self._shown_key(answer)}  ", "$accent"), answer.label),
                        id=answer.name,
                    )
                    for answer in self._answers
                ),
                id="answers",
            )

    @on(Choices.OptionSelected)
    def _choose(self, event: Choices.OptionSelected) -> None:
        self.dismiss(event.option.id)

    def on_key(self, event: events.Key) -> None:
        pressed = {event.key, event.character}
        answer = next((answer for answer in self._answers if pressed.intersection(self._keys(answer))), None)
        if answer is not None:
            event.stop()
            self.dismiss(answer.name)

    def _keys(self, answer: Answer) -> Sequence[str]:
        if not answer.numbered:
            return key_list(BY_ID[f"pick.{answer.name}"], self.host.keys)
        place = [other for other in self._answers if other.numbered].index(answer)
        return key_list(BY_ID["pick.number"], self.host.keys)[place : place + 1]

    def _shown_key(self, answer: Answer) -> str:
        return next((sign_of(key) for key in self._keys(answer)), " ")


class HowMany(Box[int]):
    """The answer is a number from 1."""

    def __init__(self, title: str, text: str, proposed: int) -> None:
        super().__init__()
        self._title = title
        self._text = text
        self._proposed = proposed

    def compose(self) -> ComposeResult:
        with frame(self._title):
            yield words(self._text, classes="body")
            yield Input(str(self._proposed), id="how-many")
            yield Static(id="how-many-said", markup=False)
            yield words(f"enter takes the number; {self.key('escape')} closes", classes="hint")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0
        if number < 1:
            self.query_one("#how-many-said", Static).update("Type a number such as 50.")
        else:
            self.dismiss(number)
