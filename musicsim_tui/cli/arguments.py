"""Looks at what was typed before anything is done with it."""

from __future__ import annotations

from musicsim_tui.cli.current import CURRENT
from musicsim_tui.errors import UsageError


def refuse_empty(*written: str | None, hint: str = "Name what is meant.") -> None:
    """Raises UsageError for an empty path: as a path it would be the current folder, which nobody meant.
    None stands for an option that was not given."""
    if "" in written:
        raise UsageError("A path is empty.", f"An unset shell variable? {hint}")


def refuse_json_with_print0(print0: bool) -> None:
    """Raises UsageError where both are asked for: standard output can be only one of them."""
    if print0 and CURRENT.json:
        raise UsageError("--print0 and --json exclude each other.", "Choose one of them.")
