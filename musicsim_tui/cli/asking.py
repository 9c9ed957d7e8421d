"""Questions before what cannot be undone."""

from __future__ import annotations

import sys

import typer

from musicsim_tui.cli.current import CURRENT
from musicsim_tui.errors import UsageError


def confirmed(question: str, *, yes: bool, command: str) -> bool:
    """The answer of the person at the terminal; `yes` is what was given as an option.

    Raises UsageError, naming the `command` that does not ask, where nobody can answer.
    """
    if yes:
        return True
    if CURRENT.json or not sys.stdin.isatty():
        raise UsageError(f"{question} Nobody is there to ask.", f"Run {command} --yes to do it.")
    return typer.confirm(question)
