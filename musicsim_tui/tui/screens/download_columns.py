"""The columns of playlists and of their entries."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from musicsim_tui.library.playlist_records import EntryState, Playlist, PlaylistEntry
from musicsim_tui.tui import download_words as words
from musicsim_tui.tui.text import shown
from musicsim_tui.tui.widgets.columns import Column
from musicsim_tui.wording import clock

if TYPE_CHECKING:
    from collections.abc import Callable


def playlist_columns() -> list[Column[Playlist]]:
    """Their names and totals."""
    return [
        Column("title", "Playlist", lambda one: shown(one.title), 20, 80, 4, 0, tone="strong"),
        Column("channel", "Channel", lambda one: shown(one.record.channel), 12, 40, 2, 5),
        Column("ready", "Ready", words.totals, 12, 15, 1, 0, right=True),
        _number("waiting", "Waiting", lambda one: one.count(EntryState.WAITING, EntryState.PAUSED), 3),
        _number("failed", "Failed", lambda one: one.count(EntryState.FAILED), 1),
        _number("new", "New", lambda one: one.fresh, 2),
        Column("len", "Length", lambda one: clock(one.seconds), 8, 9, 0, 4, right=True, tone="faint"),
        Column("checked", "Checked", _checked, 10, 10, 0, 6, tone="faint"),
    ]


def _number(name: str, heading: str, number: Callable[[Playlist], int], rank: int) -> Column[Playlist]:
    """A count that is left out where it is nought."""
    return Column(
        name, heading, lambda one: f"{number(one):,}" if number(one) else "", 7, 7, 0, rank, right=True
    )


def entry_columns(state: Callable[[PlaylistEntry], str], digits: int = 3) -> list[Column[PlaylistEntry]]:
    """Numbers of so many digits, what is played, and where it stands."""
    return [
        Column("place", "#", lambda one: str(one.position), digits, digits, 0, 0, right=True, tone="faint"),
        Column("title", "Title", lambda one: shown(one.title), 18, 80, 6, 0, tone="strong"),
        Column("channel", "Channel", lambda one: shown(one.source.channel), 14, 40, 2, 3),
        Column("len", "Len", lambda one: _length(one.source.duration), 7, 7, 0, 2, right=True, tone="faint"),
        Column("state", "State", state, 34, 80, 3, 1),
    ]


def _length(seconds: float | None) -> str:
    return "" if seconds is None else clock(seconds)


def _checked(playlist: Playlist) -> str:
    if playlist.checked is None:
        return "broke off"
    return time.strftime("%Y-%m-%d", time.localtime(playlist.checked))
