"""What failed in this library, of hearing and of fetching alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from musicsim_tui.library.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that failed. `path` for a file that cannot be heard, or was `heard` with a flaw; `link` and
    `entry`, its number, for what cannot be fetched; `at` is when it was last tried, in Unix seconds, None
    where that is not known."""

    name: str
    reason: str
    hint: str
    at: float | None
    attempts: int
    path: Path | None = None
    link: str = ""
    entry: int | None = None
    heard: bool = False

    @property
    def place(self) -> str:
        """Where it is: its path, else its link."""
        return str(self.path) if self.path is not None else self.link

    @property
    def key(self) -> str:
        """What tells it from others."""
        return self.place or f"entry {self.entry}"


def gather_troubles(catalog: Catalog) -> Sequence[Trouble]:
    """Everything that failed, the latest first. Raises CatalogError."""
    heard = [
        Trouble(
            failure.path.name or str(failure.path),
            failure.reason,
            failure.hint,
            failure.at,
            failure.attempts,
            path=failure.path,
            heard=failure.heard,
        )
        for failure in catalog.failures()
    ]
    paths = {trouble.path for trouble in heard}
    fetched = [
        Trouble(
            entry.title,
            entry.source.reason,
            entry.source.hint,
            entry.tried,
            entry.attempts,
            link=entry.source.url,
            entry=entry.id,
        )
        for entry in catalog.playlists.failures()
        if entry.path is None or entry.path not in paths
    ]
    return sorted([*heard, *fetched], key=lambda trouble: -(trouble.at or 0.0))
