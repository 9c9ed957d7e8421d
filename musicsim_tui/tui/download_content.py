"""What the downloads screen reads from the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from musicsim_tui.library.folding import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musicsim_tui.download.forecast import DownloadForecast
    from musicsim_tui.library.playlist_records import Playlist, PlaylistEntry
    from musicsim_tui.services import Services


@dataclass(frozen=True, slots=True)
class DownloadContent:
    """What the catalog has: all playlists, the newest first, and one of them with its entries."""

    playlists: Sequence[Playlist]
    chosen: Playlist | None
    entries: Sequence[PlaylistEntry]
    forecast: DownloadForecast | None


def read_downloads(services: Services, wanted: int) -> DownloadContent:
    """The wanted playlist, else the newest. Raises CatalogError."""
    playlists = services.catalog.playlists.all()[::-1]
    chosen = next((playlist for playlist in playlists if playlist.id == wanted), next(iter(playlists), None))
    if chosen is None:
        return DownloadContent(playlists, None, (), None)
    entries = services.catalog.playlists.entries(chosen.id)
    return DownloadContent(playlists, chosen, entries, services.downloads.forecast(entries))


def has_words(text: str, wanted: Sequence[str]) -> bool:
    """Whether all these words, folded already, are in a text."""
    folded = fold(text)
    return all(word in folded for word in wanted)
