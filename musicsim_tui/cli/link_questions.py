"""What a link leaves open, asked of the person at the terminal or answered by options."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from musicsim_tui.cli.current import CURRENT
from musicsim_tui.errors import UsageError

if TYPE_CHECKING:
    from musicsim_tui.download.links import Choice


@dataclass(frozen=True, slots=True)
class SettledLink:
    """A link, and what was answered about it."""

    link: str
    choice: Choice | None
    limit: int | None


def settled(link: str, *, video: bool, playlist: bool, limit: int | None) -> SettledLink:
    """The link with every question about it answered. Raises UsageError where nobody can be asked."""
    from musicsim_tui.download.links import Choice, Question, question_about

    if not link.strip():
        raise UsageError("A link is empty.", "An unset shell variable? Give a link, or leave it out.")
    question = question_about(link)
    choice = None
    if question in (Question.VIDEO_OR_PLAYLIST, Question.VIDEO_OR_MIX):
        if video or playlist:
            choice = Choice.VIDEO if video else Choice.LIST
        else:
            choice = _ask_which(link, endless=question is Question.VIDEO_OR_MIX)
    mix = question is Question.MIX_LENGTH or (question is Question.VIDEO_OR_MIX and choice is Choice.LIST)
    if mix and limit is None:
        limit = _ask_how_many(link)
    return SettledLink(link, choice, limit)


def _ask_which(link: str, *, endless: bool) -> Choice:
    from musicsim_tui.download.links import Choice

    what = "an endless mix" if endless else "a playlist"
    if not _somebody_is_there():
        raise UsageError(f"The link {link} is a video inside {what}.", "Say --video or --playlist.")
    wanted = typer.confirm(f"The link is a video inside {what}. Fetch the whole list?", default=not endless)
    return Choice.LIST if wanted else Choice.VIDEO


def _ask_how_many(link: str) -> int:
    from musicsim_tui.download.playlist import MIX_ENTRIES

    if not _somebody_is_there():
        raise UsageError(f"The link {link} is an endless mix.", f"Say how many: --limit {MIX_ENTRIES}.")
    number = typer.prompt("The mix has no end. How many of it?", default=MIX_ENTRIES, type=int)
    if number < 1:
        raise UsageError(f"{number} is no number of tracks.", "Give a number such as 50.")
    return int(number)


def _somebody_is_there() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and not CURRENT.json
