"""What stands in place of a list that has nothing to show."""

from __future__ import annotations

from textual.widgets import Static


class Message(Static, can_focus=True):
    """A text in place of the list, which takes the keys meanwhile."""
