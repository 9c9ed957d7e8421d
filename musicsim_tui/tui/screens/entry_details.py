"""Everything known about an entry that is no track yet, and about a playlist."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual.content import Content

from musicsim_tui.tui.download_words import HERE, entry_words, gap_words, totals
from musicsim_tui.tui.screens.boxes import Box, frame, words
from musicsim_tui.tui.text import safe, shown
from musicsim_tui.tui.widgets.page import Page
from musicsim_tui.wording import clock, count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from musicsim_tui.library.playlist_records import Playlist, PlaylistEntry

_LABEL_CELLS = 12
_LONGEST = 300


class _Facts(Box[None]):
    """A name, and pairs of label and text below it; empty texts are left out."""

    def __init__(self, name: str, pairs: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._name_shown = name
        self._pairs = pairs

    def compose(self) -> ComposeResult:
        lines = [safe(self._name_shown[:_LONGEST], "bold $primary"), Content("")]
        lines += [
            Content.assemble((f"{label:<{_LABEL_CELLS}}", "$foreground-muted"), shown(text[:_LONGEST]))
            for label, text in self._pairs
            if text
        ]
        with frame("Details"):
            yield Page(Content("\n").join(lines))
            yield words(f"{self.key('escape')} closes", classes="hint")


class EntryDetails(_Facts):
    """An entry of a playlist."""

    def __init__(self, entry: PlaylistEntry) -> None:
        source = entry.source
        failed = entry.state not in HERE
        super().__init__(
            source.title or source.url,
            [
                ("Channel", source.channel),
                ("Length", "" if source.duration is None else clock(source.duration)),
                ("State", entry_words(entry, None) or "not chosen"),
                ("What helps", entry.hint if failed else ""),
                ("Tried", f"{_when(entry.tried)}, {count(entry.attempts, 'time')}" if entry.tried else ""),
                ("Try again", f"after {_when(entry.retry_at)}" if entry.retry_at else ""),
                ("File", "" if entry.path is None else str(entry.path)),
                ("Same sound", "" if entry.twin is None else str(entry.twin)),
                ("Link", source.url),
                ("Site", f"{source.extractor} {source.source_id}"),
            ],
        )


class PlaylistDetails(_Facts):
    """A remembered playlist."""

    def __init__(self, playlist: Playlist) -> None:
        record = playlist.record
        super().__init__(
            record.title or record.link,
            [
                ("Channel", record.channel),
                ("Here", totals(playlist)),
                ("Announced", gap_words(playlist)),
                ("Removed", f"{playlist.removed:,} are not in the list any more" if playlist.removed else ""),
                ("Length", clock(playlist.seconds)),
                ("Folder", str(playlist.folder)),
                ("Link", record.link),
                ("Opened", _when(playlist.added)),
                ("Checked", "the list broke off" if playlist.checked is None else _when(playlist.checked)),
                ("Followed", "yes: checking it fetches what is new" if playlist.followed else "not yet"),
            ],
        )


def _when(at: float | None) -> str:
    return "" if at is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
