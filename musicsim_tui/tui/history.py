"""What was changed, newest last, with the way back and the way forward again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_STEPS = 100
MOST_KEPT = 1_000_000
"""Tracks that all steps together may hold, so that large lists do not fill the memory."""


@dataclass(frozen=True, slots=True)
class Step:
    """A change that can be taken back. `words` say what was done, empty where that can be seen; `size` is how
    many tracks the step holds."""

    words: str
    undo: Callable[[], None]
    redo: Callable[[], None]
    size: int = 1


class History:
    """One history for everything that can be undone, in the order in which it was done."""

    def __init__(self) -> None:
        self._past: list[Step] = []
        self._future: list[Step] = []

    def did(self, step: Step) -> None:
        """Remember a change that has been made; what was undone before it is forgotten."""
        self._future = []
        self._past.append(step)
        kept = sum(past.size for past in self._past)
        while len(self._past) > 1 and (len(self._past) > MOST_STEPS or kept > MOST_KEPT):
            kept -= self._past.pop(0).size

    def undo(self) -> Step | None:
        """Take the last change back; None when there is none."""
        if not self._past:
            return None
        step = self._past.pop()
        self._future.append(step)
        step.undo()
        return step

    def redo(self) -> Step | None:
        """Make the change again that was taken back last; None when there is none."""
        if not self._future:
            return None
        step = self._future.pop()
        self._past.append(step)
        step.redo()
        return step
